"""A trained company with hostile names behind a real service, and Chromium to look at it."""

from __future__ import annotations

import contextlib
import csv
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parents[2]
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
SWITCHES = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run",
)  # fmt: skip
ACCOUNTS = 1200
HOSTILE = (
    "<script>window.struck = 1</script>",
    "\"><img src=x onerror='window.struck = 1'>",
    '=HYPERLINK("http://evil.example","x")',
    "\u202egnp.exe\u202c Ltd",
    "👩‍👩‍👧‍👦🏳️‍🌈 Ünïcödé GmbH",
    "N" * 10_000,
    "javascript:window.struck=1//{{7*7}}${7*7}",
    "</title></style><svg onload=window.struck=1>",
)
"""Names that try to run, to reach out, to turn the line around or to push everything else off the page."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, and count, where there is no browser."""
    if CHROMIUM is None:
        for item in items:
            if "browser" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="no Chromium; on Debian: apt-get install chromium"))


def leap(*arguments: str) -> None:
    """One command of the product, in a process of its own."""
    told = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "training", *arguments],
        cwd=CHECKOUT,
        env=told,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


@dataclass(frozen=True)
class Company:
    """A workspace and its store; `hostile` are the ids of the accounts with such names."""

    workspace: Path
    store: Path
    hostile: tuple[str, ...]


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The made-up company, trained and promoted; afterwards the names of some customers are what attackers choose."""
    folder = tmp_path_factory.mktemp("company")
    workspace, store = folder / "demo", folder / "store"
    leap("demo", str(workspace), "--accounts", str(ACCOUNTS))
    leap("train", str(workspace), "--store", str(store), "--promote", "--quiet")
    return Company(workspace, store, renamed(workspace))


def renamed(workspace: Path) -> tuple[str, ...]:
    """Give customers that pay today hostile names."""
    with (workspace / "subscriptions.csv").open(newline="", encoding="utf-8") as file:
        paying = {row["account_id"] for row in csv.DictReader(file) if not row["ended_on"]}
    path = workspace / "accounts.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    chosen = [row for row in rows if row["account_id"] in paying][: len(HOSTILE)]
    for row, name in zip(chosen, HOSTILE, strict=True):
        row["name"] = name
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return tuple(row["account_id"] for row in chosen)


@pytest.fixture(scope="session")
def address(company: Company) -> Iterator[str]:
    """Where the service answers, as `leap serve` starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "training", "serve", str(company.workspace), "--store", str(company.store)]
    told = {**os.environ, "PYTHONPATH": os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)]), "OMP_NUM_THREADS": "1"}
    log = company.workspace.parent / "serve.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=CHECKOUT, env=told, stdout=said, stderr=said, start_new_session=True
        )
    base = f"http://localhost:{port}"
    try:
        deadline = time.monotonic() + 120
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{base}/readyz", timeout=5).close()  # noqa: S310 (our own loopback address)
                break
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
        yield base
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield browser
        browser.close()


@dataclass
class Reader:
    """A person before a browser: a window of a size, and everything that went wrong in it."""

    page: Any
    base: str
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str, status: int = 200) -> Any:
        """Go to an address of the service."""
        answer = self.page.goto(self.base + path, wait_until="load", timeout=60_000)
        assert answer is not None and answer.status == status, f"{path}: {answer and answer.status}"
        return self.page

    def calm(self) -> None:
        """Nothing ran that should not, nothing asked for another machine, nothing failed in a script."""
        assert self.page.evaluate("window.struck") is None
        assert not self.wrong


def is_trouble(said: Any) -> bool:
    """Whether a line of the console is a failure; that a page asked for was refused is none, if that was meant."""
    return said.type == "error" and not said.text.startswith("Failed to load resource: the server responded with")


def is_missing(answer: Any) -> bool:
    """Whether a part of a page was not answered."""
    return answer.status >= 400 and answer.request.resource_type != "document"


@pytest.fixture
def reading(chromium: Any, address: str) -> Iterator[Callable[..., Reader]]:
    """Makes readers; what went wrong in front of any of them fails the test."""
    made: list[tuple[Any, Reader]] = []

    def reader(width: int = 1280, **options: Any) -> Reader:
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        one = Reader(context.new_page(), address)
        page = one.page
        page.on("console", lambda said: one.wrong.append(said.text) if is_trouble(said) else None)
        page.on("response", lambda answer: one.wrong.append(answer.url) if is_missing(answer) else None)
        page.on("pageerror", lambda error: one.wrong.append(str(error)))
        page.on("dialog", lambda dialog: (one.wrong.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: None if asked.url.startswith(address) else one.wrong.append(asked.url))
        made.append((context, one))
        return one

    yield reader
    wrong = [line for _, one in made for line in one.wrong]
    for context, _ in made:
        context.close()
    assert not wrong

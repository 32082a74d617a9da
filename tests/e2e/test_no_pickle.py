"""Nothing is unpickled: a hook that was there before everything else watches commands, their children and the service."""

from __future__ import annotations

import csv
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leap.registry import RunRecord, Store
from tests.e2e.test_service import free_port

CHECKOUT = Path(__file__).parents[2]
HOOK = CHECKOUT / "tests" / "watched" / "sitecustomize.py"
JSON = {"Content-Type": "application/json"}


@dataclass
class Watch:
    """A folder that makes Python processes watch themselves, and what they have seen."""

    folder: Path

    @classmethod
    def into(cls, folder: Path) -> Watch:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOOK, folder)
        return cls(folder)

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join(map(str, (self.folder, CHECKOUT / "src", CHECKOUT)))
        return {**os.environ, "PYTHONPATH": path, "BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true"}

    def run(self, *arguments: str | Path) -> str:
        """What a watched Python says; its exit code must be 0."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=CHECKOUT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    def leap(self, *arguments: str | Path) -> dict[str, Any]:
        """The answer of a command of the product."""
        return dict(json.loads(self.run("-m", "training", *arguments, "--json", "--quiet")))

    @property
    def lines(self) -> list[list[str]]:
        file = self.folder / "seen"
        return [line.split("\t") for line in file.read_text().splitlines()] if file.exists() else []

    @property
    def watched(self) -> list[str]:
        """The commands of the processes that were watched."""
        return [line[2] for line in self.lines if line[1] == "watching"]

    @property
    def pickles(self) -> list[str]:
        """Everything that was unpickled, and where."""
        return ["\t".join(line[1:]) for line in self.lines if line[1] != "watching"]


UNPICKLE = """
import copy, pickle, io, sys, _pickle
from decimal import Decimal
text = pickle.dumps(Decimal(3))
assert pickle.loads(text) == 3
assert pickle.load(io.BytesIO(pickle.dumps([1]))) == [1]
assert pickle.Unpickler(io.BytesIO(pickle.dumps({}))).load() == {}
assert _pickle.loads(text) == 3  # which was not replaced: only its name is heard of
"""
ELSEWHERE = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {UNPICKLE!r}], check=True)"


@pytest.mark.parametrize("script", [UNPICKLE, ELSEWHERE], ids=["itself", "a child"])
def test_the_hook_sees_what_is_unpickled(script: str, tmp_path: Path) -> None:
    watch = Watch.into(tmp_path)
    watch.run("-c", script)
    seen = Counter(line.split("\t")[0] for line in watch.pickles)
    assert seen == {"find_class decimal.Decimal": 2, "loads": 1, "load": 1, "Unpickler.load": 1}
    assert len(watch.watched) == (1 if script == UNPICKLE else 2)


def test_the_hook_sees_a_cache_of_pickles(tmp_path: Path) -> None:
    """What Leap had: numba's own cache of compiled code."""
    watch = Watch.into(tmp_path / "watch")
    (tmp_path / "doubling.py").write_text(
        "import numba, numba.core.caching\n@numba.njit(cache=True)\ndef double(x):\n    return 2 * x\n"
        "assert double(2) == 4\nprint(sum(double.stats.cache_hits.values()))\n"
    )
    assert watch.run(tmp_path / "doubling.py") == "0\n"
    assert watch.run(tmp_path / "doubling.py") == "1\n"
    assert any("numba/core/caching.py" in line for line in watch.pickles)


LOAD_AND_EXPLAIN = """
import sys
from pathlib import Path
import numpy as np
from leap.bundle.loading import load_bundle
from leap.models.engines import KERNEL
bundle = load_bundle(Path(sys.argv[1]))
bundle.check_golden()
from leap.models.warm import small_model
model = small_model()
rows = np.random.default_rng(0).normal(size=(100, 8))
model.contributions(rows), model.contributions(rows[:1])
assert model.engine().name == KERNEL
import serving.service
from leap.features.windows import Grid, Rows, Span, WindowSums
grid = Grid.of_all(2, np.array([10**15]), (Span(90),))
sums = WindowSums(grid)
sums.add(Rows.of(np.array([0, 1]), np.array([1, 2]), np.array([1, 2])))
sums.read()
print("numba" in sys.modules)
"""


def test_loading_a_bundle_explaining_and_the_service_s_modules_unpickle_nothing(
    demo_bundle_folder: Path, tmp_path: Path
) -> None:
    watch = Watch.into(tmp_path)
    watch.run("-c", LOAD_AND_EXPLAIN, demo_bundle_folder)  # whatever is not compiled yet, is now
    assert watch.run("-c", LOAD_AND_EXPLAIN, demo_bundle_folder).split()[-1:] == ["False"]
    assert len(watch.watched) == 2 and watch.pickles == []


@dataclass
class Company:
    """A trained demo, made under watch."""

    watch: Watch
    workspace: Path
    store: Path

    def leap(self, command: str, *arguments: str | Path) -> dict[str, Any]:
        return self.watch.leap(command, *arguments, "--store", self.store)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Two versions; the second is a copy, for training takes minutes."""
    folder = tmp_path_factory.mktemp("no_pickle")
    found = Company(Watch.into(folder / "watch"), folder / "demo", folder / "store")
    found.leap("demo", found.workspace, "--accounts", "300")
    assert found.leap("train", found.workspace, "--promote", "--trials", "1")["version"] == "1"
    store = Store(found.store)
    shutil.copytree(store.fetch("1"), folder / "copy")
    store.log_training(RunRecord({}, {}, {"company": "Demo company"}, folder / "copy"))
    return found


@pytest.mark.slow
def test_no_command_unpickles_anything(company: Company, tmp_path: Path) -> None:
    workspace = company.workspace
    company.leap("promote", "2")
    assert company.leap("rollback")["champion"] == "1"
    company.leap("score", workspace, "--out", tmp_path / "scores.csv")
    account = ids(tmp_path / "scores.csv")[0]
    company.leap("explain", account, workspace)
    company.leap("explain", account, workspace, "--what-if")
    company.leap("targets", workspace)
    company.leap("icp", workspace)
    company.leap("doctor")
    watched = Counter(command.partition(" -m ")[2].split()[0] for command in company.watch.watched if " -m " in command)
    assert watched["training"] == 10 and watched["leap.bundle.preflight"] >= 2 and watched["leap.models.warm"] == 1
    assert company.watch.pickles == []


def ids(scores: Path) -> Sequence[str]:
    with scores.open(newline="") as file:
        return [row["account_id"] for row in csv.DictReader(file)]


@dataclass
class Service:
    """`leap serve` of a company, watched by a hook of its own."""

    watch: Watch
    port: int

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            text = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, path, text, JSON if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def version(self) -> str | None:
        """The version that answers, None before there is one."""
        try:
            status, body = self.ask("GET", "/v1/model")
        except OSError:
            return None
        return str(json.loads(body)["version"]) if status == 200 else None

    def wait_for(self, version: str, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 120
        while self.version() != version:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.2)


@pytest.fixture
def served(company: Company, tmp_path: Path) -> Iterator[tuple[Service, subprocess.Popen[bytes]]]:
    service = Service(Watch.into(tmp_path / "watch"), free_port())
    command = [sys.executable, "-m", "training", "serve", company.workspace, "--store", company.store]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command), "--port", str(service.port)],
            cwd=CHECKOUT, env=service.watch.environment, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield service, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.slow
def test_a_service_unpickles_nothing_whatever_it_is_asked(
    company: Company, served: tuple[Service, subprocess.Popen[bytes]]
) -> None:
    service, process = served
    service.wait_for("1", process)
    assert [
        (asked, status) for *asked, expected in requests(company) if (status := ask(service, asked)) != expected
    ] == []
    company.leap("promote", "2")
    service.wait_for("2", process)
    assert ask(service, ["GET", "/v1/icp"]) == 200
    watched = " | ".join(service.watch.watched)
    assert "-m bentoml serve" in watched and "_bentoml_impl.worker.service" in watched
    assert service.watch.pickles == []


def ask(service: Service, asked: Sequence[Any]) -> int:
    return service.ask(*asked)[0]


def requests(company: Company) -> list[tuple[Any, ...]]:
    """Every kind of request, and the status that it gets."""
    scores = company.store.parent / "scores.csv"
    company.leap("score", company.workspace, "--out", scores)
    some = ids(scores)[:200]
    rows = {name: rows_of(company.workspace / f"{name}.csv", some[0]) for name in ("accounts", "subscriptions")}
    return [
        ("GET", "/", 200),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs.json", 200),
        ("GET", "/v1/model", 200),
        ("GET", "/v1/icp", 200),
        ("GET", f"/v1/accounts/{some[0]}", 200),
        ("GET", "/v1/accounts/nobody", 404),
        ("POST", "/v1/score", {"account_ids": some[:1]}, 200),
        ("POST", "/v1/score", {"account_ids": some}, 200),
        ("POST", "/v1/score", {"accounts": [{"account_id": "x", "features": {}}]}, 200),
        ("POST", "/v1/score", {"accounts": [{"account_id": some[0], "tables": rows}]}, 200),
        ("POST", "/v1/prospects", {"prospects": [{"id": "p", "attributes": {}}]}, 200),
        ("POST", "/v1/score", {"account_ids": []}, 422),
        ("POST", "/v1/score", "cos\nsystem\n(S'true'\ntR.", 400),
        ("GET", "/nothing", 404),
    ]


def rows_of(table: Path, account: str) -> list[dict[str, Any]]:
    """The rows of an account as a request brings them."""
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["account_id"] == account]
    numbers = ("mrr", "founded_year")
    return [{k: float(v) if k in numbers else v for k, v in row.items() if v != ""} for row in rows]

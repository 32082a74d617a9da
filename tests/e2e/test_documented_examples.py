"""Every command and program that docs/api.md shows is run against a service, and works."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.reference.page import ADDRESS, PAGE
from tests.e2e.test_service import Process, start, stop


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = start(tmp_path_factory.mktemp("service"))
    yield process
    stop(process)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_every_command_is_answered_with_json_of_its_live_model(service: Process) -> None:
    commands = [block for block in blocks("sh") if block.startswith("curl ")]
    assert len(commands) >= 11
    for command in commands:
        run = subprocess.run(
            ["bash", "-c", command.replace(ADDRESS, service.url).replace("curl -s", "curl -s -w '\\n%{http_code}'", 1)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        body, _, status = run.stdout.rpartition("\n")
        assert status == "200", (command, body)
        assert json.loads(body)["model"]["version"] == "7", command


def test_the_program_for_python_runs(service: Process, tmp_path: Path) -> None:
    """With the client copied elsewhere, alone."""
    (program,) = [block for block in blocks("python") if "Client(" in block]
    client = (Path(__file__).parents[2] / "src" / "leap" / "client.py").read_text(encoding="utf-8")
    (tmp_path / "copied.py").write_text(client, encoding="utf-8")
    (tmp_path / "program.py").write_text(
        program.replace("leap.client", "copied").replace(ADDRESS, service.url), encoding="utf-8"
    )
    run = subprocess.run(
        [sys.executable, "-S", "program.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith("7 adyen ") and lines[-1] == "unknown_account"

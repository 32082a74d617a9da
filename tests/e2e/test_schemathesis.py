"""The published document and the service are held against each other by Schemathesis, with all its checks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_service import Process, start, stop


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = start(tmp_path_factory.mktemp("schemathesis"))
    yield process
    stop(process)


@pytest.mark.slow
@pytest.mark.e2e
def test_what_the_document_promises_holds_for_whatever_is_sent(service: Process, tmp_path: Path) -> None:
    """Examples, the edges of every type, and what fits or breaks the schema at random: no check fails, none is 5xx."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/docs.json",
        "--checks", "all", "--max-examples", "60", "--seed", "7", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "Tested: 11" in done.stdout
    assert '"status": 500' not in service.log

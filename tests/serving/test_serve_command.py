"""`leap serve`: what it tells the service's process, and how it ends."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from leap.errors import UsageError
from leap.registry import Store
from training.serve import bentoml_home, environment, require_free, run_and_pass_signals, workers

CHECKOUT = Path(__file__).parents[2]
# Waits for the signal, says that it came, and ends as told.
SERVICE = """
import pathlib, signal, sys, time
said = pathlib.Path(sys.argv[1])
def end(*_):
    said.write_text("told to end")
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
said.write_text("running")
time.sleep(60)
"""
COMMAND = """
import os, sys
from training.serve import run_and_pass_signals
sys.exit(run_and_pass_signals([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_being_told_to_end_is_passed_on_and_is_no_failure(tmp_path: Path, number: signal.Signals) -> None:
    said = tmp_path / "said"
    path = os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)])
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND, SERVICE, str(said)], env={**os.environ, "PYTHONPATH": path}
    )
    deadline = time.monotonic() + 20
    while not (said.exists() and said.read_text() == "running"):
        assert time.monotonic() < deadline and command.poll() is None
        time.sleep(0.02)
    command.send_signal(number)
    assert command.wait(20) == 0
    assert said.read_text() == "told to end"


def test_a_service_that_fails_by_itself_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    with capfd.disabled():
        assert run_and_pass_signals([sys.executable, "-c", "raise SystemExit(3)"], os.environ) == 3


# Does not end when it is told to, nor does what it started; both note that they ran, and what they write is private.
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1] + ("" if os.fork() else "-child")).write_text(str(os.getpid()))
time.sleep(60)
"""
IMPATIENT = COMMAND.replace("os.environ)", "os.environ, 0.5)")


def test_what_does_not_end_is_killed_with_all_it_started_and_is_a_failure(tmp_path: Path) -> None:
    said = tmp_path / "said"
    child = tmp_path / "said-child"
    path = os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)])
    command = subprocess.Popen(
        [sys.executable, "-c", IMPATIENT, STUBBORN, str(said)], env={**os.environ, "PYTHONPATH": path}
    )
    deadline = time.monotonic() + 20
    while not (said.exists() and said.read_text() and child.exists() and child.read_text()):
        assert time.monotonic() < deadline and command.poll() is None
        time.sleep(0.02)
    command.send_signal(signal.SIGTERM)
    assert command.wait(20) == 256 - signal.SIGKILL
    for started in (said, child):
        assert started.stat().st_mode & 0o077 == 0
        while Path(f"/proc/{started.read_text()}/cmdline").exists() and not is_gone(int(started.read_text())):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, even if nobody has asked for its code yet."""
    return Path(f"/proc/{pid}/cmdline").read_bytes() == b""


@pytest.mark.parametrize("text", ["0", "-1", "two", "65", "1.5", ""])
def test_a_number_of_processes_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a number from 1 to 64"):
        workers(text)
    assert workers("8") == 8


def test_the_process_is_told_absolute_places_and_no_telemetry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEAP_TOKEN_FILE", "token")
    store = Store("store", Path("company"))
    told = environment(Path("company"), store, tmp_path / "home")
    assert told["LEAP_WORKSPACE"] == str(tmp_path / "company")
    assert told["LEAP_TOKEN_FILE"] == str(tmp_path / "token")
    assert Store(told["LEAP_STORE"], None).folder == store.folder == tmp_path / "store"
    assert told["BENTOML_DO_NOT_TRACK"] == "True" and told["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_bentoml_writes_below_the_store_or_where_that_is_not_allowed_into_a_temporary_folder(tmp_path: Path) -> None:
    with bentoml_home(Store(tmp_path / "store"), 3000) as home:
        assert home == tmp_path / "store" / "bentoml" / "3000" and home.is_dir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "bentoml").write_text("no folder")
    with bentoml_home(Store(tmp_path / "other"), 3000) as home:
        assert home.is_dir() and tmp_path not in home.parents
    assert not home.exists()


def test_a_port_that_is_taken_is_refused() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot be listened on"):
            require_free("127.0.0.1", taken.getsockname()[1])

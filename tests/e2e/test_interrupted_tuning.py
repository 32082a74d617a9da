"""Control-C during a long tuning ends cleanly, and what was tried by then is not tried again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{CHECKOUT / 'src'}{os.pathsep}{CHECKOUT}"}


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "training", *map(str, arguments), "--json"]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=CHECKOUT, env=ENVIRONMENT, stdout=pipe, stderr=pipe, text=True, preexec_fn=listen_to_interrupts
    )


def listen_to_interrupts() -> None:
    """Tests that run in the background of a shell ignore Control-C, and what they start would too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def trials_kept(store: Path) -> int:
    try:
        with sqlite3.connect(f"file:{store / 'tuning.db'}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])
    except sqlite3.Error:
        return 0


@pytest.mark.slow
def test_control_c_while_tuning_leaves_no_version_and_keeps_whole_trials(tmp_path: Path) -> None:
    workspace, store = tmp_path / "workspace", tmp_path / "store"
    assert start("demo", workspace, "--accounts", "150", "--seed", "5").wait(120) == 0
    process = start("train", workspace, "--store", store, "--minutes", "60")
    until = time.monotonic() + 240
    while trials_kept(store) < 2 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    answer, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert json.loads(answer)["error"]["code"] == "interrupted"
    assert "Traceback" not in said
    kept = trials_kept(store)
    assert kept >= 2
    with sqlite3.connect(store / "tuning.db") as connection:
        states = {state for (state,) in connection.execute("SELECT DISTINCT state FROM trials")}
    assert states <= {"COMPLETE", "PRUNED"}
    models = start("models", "--store", store)
    document = json.loads(models.communicate(timeout=60)[0])
    assert not document.get("versions")

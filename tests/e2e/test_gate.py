"""Trainings as processes on one store: two at once, and one that is killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from leap.registry import Store
from tests.flat.worlds import customers, workspace_of
from tests.registry.stores import runs_of

CHECKOUT = Path(__file__).parents[2]
COMPANY = "Flat & Co"


def begin(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *map(str, arguments), "--json", "--quiet"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT / 'src'}{os.pathsep}{CHECKOUT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, err = process.communicate(timeout=300)
    assert out, err
    return process.returncode, json.loads(out)


def leap(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    return answer(begin(*arguments))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace_of(customers(300), tmp_path_factory.mktemp("gate") / "flat")


@pytest.mark.slow
def test_of_two_trainers_at_once_one_promotes_and_the_other_is_told_why_not(workspace: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    both = [begin("train", workspace, "--promote", "--store", store) for _ in range(2)]
    answers = sorted((answer(process) for process in both), key=lambda found: found[0])
    assert [code for code, _ in answers] == [0, 1], answers
    (_, won), (_, lost) = answers
    assert (won["promoted"], lost["promoted"]) == (True, False)
    assert won["reason"] is None and f"Version {won['version']} was promoted meanwhile" in lost["reason"]
    assert lost["trained"] and lost["gate"] and not lost["gate_passed"]
    code, listed = leap("models", "--store", store)
    assert code == 0 and (listed["champion"], listed["challenger"]) == (won["version"], lost["version"])
    assert {found["version"]: found["gate_passed"] for found in listed["versions"]} == {
        won["version"]: True, lost["version"]: False,
    }  # fmt: skip
    assert listed["versions"][0]["figures"]["churned.auc"]["value"] > 0.7
    # By hand any version may be promoted, and that its gate had not passed is kept.
    code, by_hand = leap("promote", lost["version"], "--store", store)
    assert code == 0 and by_hand["champion"] == lost["version"] and by_hand["gate"] == "failed: champion"
    code, back = leap("rollback", "--store", store)
    assert code == 0 and (back["champion"], back["previous"]) == (won["version"], lost["version"])


@pytest.mark.slow
def test_a_training_killed_in_the_middle_is_marked_killed_by_leap_models(workspace: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    process = begin("train", workspace, "--promote", "--store", store.folder)
    until = time.monotonic() + 120
    while not (store.folder / "mlflow.db").exists() or not runs_of(store, COMPANY):
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert [run.info.status for run in runs_of(store, COMPANY)] == ["RUNNING"]
    code, listed = leap("models", "--store", store.folder)
    assert code == 0 and listed["versions"] == [] and listed["champion"] is None
    assert [run.info.status for run in runs_of(store, COMPANY)] == ["KILLED"]
    left = [path for path in store.folder.rglob("*") if path.is_file() and path.name not in ("mlflow.db", "store.json")]
    assert [path.name for path in left] == [".lock"]
    code, trained = leap("train", workspace, "--promote", "--store", store.folder)
    assert code == 0 and trained["promoted"] and trained["gate_passed"]

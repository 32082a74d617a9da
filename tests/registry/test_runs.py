"""A training is a run from its beginning: finished, failed, declined or killed, and then nothing is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from leap.errors import ChampionMoved
from leap.registry import GateRecord, Store, gate_checks
from leap.registry.runs import Runs
from tests.registry.stores import client, name_of, opened, runs_of, training

SOURCE = Path(__file__).parents[2] / "src"
GATE = GateRecord(
    "failed: champion.auc",
    [
        {"check": "claim", "passed": True, "ours": 0.71, "theirs": 0.5, "low": 0.6, "high": 0.8, "words": "AUC 0.71."},
        {"check": "champion.auc", "passed": False, "ours": 0.6123456, "theirs": 0.7, "low": -0.1, "high": -0.05, "words": "worse."},
    ],
    "7",
    {"gate.passed": 0.0, "gate.champion.auc.ours": 0.6123456},
)  # fmt: skip


def test_a_run_is_running_while_a_training_is_and_finished_after_it(store: Store, tmp_path: Path) -> None:
    with store.training("Acme") as run_id:
        (run,) = runs_of(store)
        assert (run.info.run_id, run.info.status) == (run_id, "RUNNING")
        version = store.log_training(training(tmp_path, description="A small one."), run_id)
        assert runs_of(store)[0].info.status == "RUNNING"
    (run,) = runs_of(store)
    assert (run.info.status, run.data.metrics["health.churn.auc"]) == ("FINISHED", 0.75)
    assert run.data.tags["mlflow.note.content"] == "A small one."
    assert (version, store.versions()[0].gate) == ("1", "not judged")


@pytest.mark.parametrize(("error", "status"), [(ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED")])
def test_what_goes_wrong_in_a_training_ends_its_run_and_is_raised(
    store: Store, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)), store.training("Acme"):
        raise error
    assert [run.info.status for run in runs_of(store)] == [status]
    assert list(store.folder.glob("artifacts/*")) == []


def test_a_version_that_was_registered_stays_if_its_training_fails_later(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError), store.training("Acme") as run_id:
        store.log_training(training(tmp_path), run_id)
        raise ValueError
    assert [run.info.status for run in runs_of(store)] == ["FAILED"]
    assert name_of(opened(store.folder).fetch("1")) == "first"
    assert store.problems() == []


def test_a_declined_training_is_a_finished_run_that_says_why(store: Store) -> None:
    with store.training("Acme") as run_id:
        store.declined("Acme", "14 events; 20 are needed.", run_id)
    (run,) = runs_of(store)
    assert (run.info.status, run.data.tags["leap.declined"]) == ("FINISHED", "14 events; 20 are needed.")
    assert store.declined_reason("Acme") == "14 events; 20 are needed." and store.versions() == []


def test_a_training_killed_in_the_middle_is_marked_by_the_next_one_and_nothing_of_it_is_left(
    store: Store, tmp_path: Path
) -> None:
    code = f"""
        import os, signal
        from pathlib import Path
        from leap.registry import Store
        store = Store({str(store.folder)!r}, verify=lambda folder: None)
        with store.training("Acme") as run_id, store.scratch() as folder:
            (folder / "half.txt").write_text("half")
            (store.folder / f".champion.json.{{os.getpid()}}.tmp").write_text("half")
            (store.folder / "bundles").mkdir(exist_ok=True)
            (store.folder / "bundles" / f"..incoming-{{os.getpid()}}-1.abcd").mkdir()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    assert done.returncode == -signal.SIGKILL
    assert [run.info.status for run in runs_of(store)] == ["RUNNING"]
    assert len(list(store.folder.glob(".scratch-*"))) == 1
    with store.training("Acme") as run_id:
        store.log_training(training(tmp_path), run_id)
    assert sorted(run.info.status for run in runs_of(store)) == ["FINISHED", "KILLED"]
    left = [path.name for path in store.folder.rglob("*") if path.name.startswith(".") and path.name != ".lock"]
    assert left == [] and store.problems() == []


def test_unfinished_files_of_a_living_process_are_left_alone(store: Store) -> None:
    with store.scratch() as folder:
        Runs(store.uri, store.folder, None, store._copies).sweep()
        assert folder.is_dir() and folder.stat().st_mode & 0o077 == 0
    assert not folder.exists()


# The gate


def test_the_gate_is_kept_with_the_version_and_in_its_run(store: Store, tmp_path: Path) -> None:
    with store.training("Acme") as run_id:
        version = store.log_training(training(tmp_path), run_id)
        store.keep_gate(version, GATE)
    (found,) = store.versions()
    assert found.gate == "failed: champion.auc" and found.tags["leap.gate_compared_with"] == "7"
    assert gate_checks(found.tags)[1] == {
        "check": "champion.auc", "passed": False, "ours": 0.61235, "theirs": 0.7, "low": -0.1, "high": -0.05,
    }  # fmt: skip
    assert found.metrics["gate.champion.auc.ours"] == pytest.approx(0.6123456)
    (run,) = runs_of(store)
    files = store.folder / "artifacts" / run.info.run_id / "artifacts"
    assert json.loads((files / "gate.json").read_text())["checks"][1]["words"] == "worse."
    table = json.loads((files / "gate_table.json").read_text())
    assert table["columns"][:2] == ["check", "passed"] and len(table["data"]) == 2
    assert table["data"][1][1] is False


def test_a_second_gate_takes_the_place_of_the_first(store: Store, tmp_path: Path) -> None:
    version = store.log_training(training(tmp_path))
    store.keep_gate(version, GATE)
    store.keep_gate(version, GateRecord("passed", GATE.checks[:1], None, {"gate.passed": 1.0}))
    (found,) = store.versions()
    assert (found.gate, found.tags["leap.gate_compared_with"], found.metrics["gate.passed"]) == ("passed", "", 1.0)
    assert len(gate_checks(found.tags)) == 1


def test_a_table_too_long_for_a_tag_keeps_the_checks_that_failed() -> None:
    many = [{**GATE.checks[0], "check": f"slice.industry = {'x' * 50} {i}"} for i in range(200)]
    kept = gate_checks(GateRecord("failed", [*many, GATE.checks[1]], None, {}).tags())
    assert [row["check"] for row in kept] == ["champion.auc"]
    assert gate_checks({}) == [] and gate_checks({"leap.gate_checks": "["}) == []


# Promotion without MLflow


@pytest.fixture
def two(store: Store, tmp_path: Path) -> Store:
    """Version 1 is previous, version 2 champion."""
    for name in ("first", "second"):
        store.promote(store.log_training(training(tmp_path, name)), by_hand=False, gate="passed")
    return store


def test_rollback_imports_nothing_that_takes_long(two: Store) -> None:
    code = f"""
        import sys
        from leap.registry import Store
        store = Store({str(two.folder)!r}, verify=lambda folder: None)
        assert store.rollback() == "1"
        assert [version.aliases for version in store.glance()] == [("previous",), ("champion",)]
        heavy = {{"mlflow", "sqlalchemy", "pandas", "numpy", "lightgbm", "scipy"}} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True
    )
    assert two.aliases() == {"champion": "1", "challenger": None, "previous": "2"}
    assert client(two).get_model_version_by_alias("leap", "champion").version in (1, "1")
    assert client(two).get_model_version("leap", "1").tags["leap.gate_at_promotion"] == "rollback"


def test_the_database_says_of_versions_what_mlflow_says(two: Store) -> None:
    two.keep_gate("2", GATE)
    assert two.glance() == two.versions()
    client(two).delete_model_version("leap", "1")
    assert [version.version for version in two.glance()] == [version.version for version in two.versions()] == ["2"]


def test_a_champion_promoted_meanwhile_is_an_error_of_its_own(two: Store) -> None:
    with pytest.raises(ChampionMoved, match="found version 2"):
        two.promote("1", by_hand=False, gate="passed", expected_champion="1")

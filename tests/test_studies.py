"""Trials outlive the process in the store; a file that cannot be used costs a warning and nothing else."""

import sqlite3
from pathlib import Path

import optuna
import pytest

from leap.registry import Studies, studies


@pytest.fixture
def trial() -> optuna.trial.FrozenTrial:
    study = optuna.create_study()
    asked = study.ask()
    asked.suggest_float("learning_rate", 0.02, 0.2, log=True)
    asked.suggest_int("num_leaves", 3, 31, log=True)
    asked.set_user_attr("groups", [0.1, 1 / 3, 7.25])
    asked.report(0.1 + 0.2, 4)
    study.tell(asked, 0.1 + 0.2)
    return study.trials[0]


@pytest.fixture
def said() -> list[str]:
    return []


def test_a_trial_comes_back_to_the_bit(tmp_path: Path, trial: optuna.trial.FrozenTrial, said: list[str]):
    Studies(tmp_path / "store", said.append).keep("Acme, final", trial)
    (found,) = Studies(tmp_path / "store", said.append).finished("Acme, final")
    for part in ("params", "distributions", "value", "user_attrs", "intermediate_values", "state"):
        assert getattr(found, part) == getattr(trial, part), part
    assert not said and Studies(tmp_path / "store", said.append).finished("Another") == []


def test_the_file_is_for_its_owner_only(tmp_path: Path, trial: optuna.trial.FrozenTrial, said: list[str]):
    kept = Studies(tmp_path / "store", said.append)
    kept.keep("Acme", trial)
    assert kept.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\x07" * 5000])
def test_a_damaged_file_costs_one_warning(content: bytes, tmp_path: Path, trial, said: list[str]):
    (tmp_path / "tuning.db").write_bytes(content)
    kept = Studies(tmp_path, said.append)
    assert kept.finished("Acme") == []
    kept.keep("Acme", trial)
    assert len(said) == 1 and "tuning.db" in said[0] and "Remove" in said[0]
    assert (tmp_path / "tuning.db").read_bytes() == content


def test_a_file_of_another_program_is_left_alone(tmp_path: Path, trial, said: list[str]):
    with sqlite3.connect(tmp_path / "tuning.db") as connection:
        connection.execute("CREATE TABLE studies (whatever TEXT)")
        connection.execute("CREATE TABLE version_info (whatever TEXT)")
    kept = Studies(tmp_path, said.append)
    assert kept.finished("Acme") == []
    kept.keep("Acme", trial)
    assert len(said) == 1


def test_a_locked_file_costs_one_warning_and_a_short_wait(tmp_path: Path, trial, said: list[str], monkeypatch):
    monkeypatch.setattr(studies, "WAIT_SECONDS", 0.05)
    Studies(tmp_path, said.append).keep("Acme", trial)
    with sqlite3.connect(tmp_path / "tuning.db") as connection:
        connection.execute("BEGIN EXCLUSIVE")
        kept = Studies(tmp_path, said.append)
        assert kept.finished("Acme") == []
        kept.keep("Acme", trial)
    assert len(said) == 1 and "locked" in said[0]
    assert len(Studies(tmp_path, said.append).finished("Acme")) == 1


def test_a_folder_that_cannot_be_made_costs_one_warning(tmp_path: Path, trial, said: list[str]):
    (tmp_path / "store").write_text("a file")
    Studies(tmp_path / "store", said.append).keep("Acme", trial)
    assert len(said) == 1

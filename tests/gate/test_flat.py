"""The gate of a flat table's model, beside a champion of the same outcome and features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.gate import Check, FlatChallenger, Gate, Incumbent, gate_of_flat
from tests.flat.conftest import TrainedFlat, trained_flat
from tests.flat.worlds import customers, panel

Judge = Callable[..., Gate]


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    def judged(new: TrainedFlat, old: TrainedFlat | None = None, **changed: Any) -> Gate:
        new.bundle.save(folder := tmp_path / f"bundle-{len(list(tmp_path.iterdir()))}")
        incumbent = None
        if old is not None:
            incumbent = replace(Incumbent("7", old.bundle.company, old.bundle), **changed)
        return gate_of_flat(FlatChallenger(new.found, new.quality, new.bundle), incumbent, folder)

    return judged


def row(gate: Gate, name: str) -> Check:
    (found,) = [check for check in gate.checks if check.check == name]
    return found


def test_a_first_model_is_judged_beside_the_baselines(judged: Judge, linear: TrainedFlat) -> None:
    gate = judged(linear)
    assert gate.passed, gate.reason
    assert {check.check.split(".")[0] for check in gate.checks} == {
        "claim", "champion", "plain_logistic", "calibration", "golden_rows", "latency",
    }  # fmt: skip


def test_another_learner_is_refitted_in_the_same_folds_and_the_same_one_is_a_refresh(
    judged: Judge, linear: TrainedFlat, boosted: TrainedFlat
) -> None:
    again = trained_flat(customers(), only="linear")
    assert "refitted in the same folds" in row(judged(boosted, again), "champion").words
    gate = judged(again, again)
    assert gate.passed and "a refresh" in row(gate, "champion").words
    assert row(gate, "champion.skill_at_training").theirs is not None


def test_a_number_is_compared_by_its_squared_error(judged: Judge, number: TrainedFlat) -> None:
    plain = trained_flat(customers(), only="linear", outcome="spend", outcome_kind="number")
    gate = judged(number, plain)
    assert row(gate, "champion.squared_error").ours is not None
    assert {"calibration.spend.level", "calibration.spend.slope"} <= {check.check for check in gate.checks}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"company": "Bolt"}, "another company (Bolt)"),
        ({"bundle": None, "trouble": "gone."}, "cannot be loaded (gone.)"),
    ],
)
def test_what_may_not_be_compared_with_is_named(
    judged: Judge, linear: TrainedFlat, changed: dict[str, Any], words: str
) -> None:
    gate = judged(linear, linear, **changed)
    assert gate.passed and gate.compared_with is None and words in row(gate, "champion").words


def test_a_model_of_another_outcome_or_of_other_columns_is_not_compared_with(
    judged: Judge, linear: TrainedFlat, number: TrainedFlat
) -> None:
    assert "another outcome" in row(judged(linear, number), "champion").words
    fewer = trained_flat(customers().drop(columns="plan"))
    assert "other features" in row(judged(linear, fewer), "champion").words


def test_a_panel_is_compared_on_rows_dated_after_the_champions_data(judged: Judge) -> None:
    table = panel(150)
    old = trained_flat(table[table["at"] < "2023-06-01"])
    new = trained_flat(table)
    gate = judged(new, old)
    assert gate.passed, gate.reason
    assert "rows dated after its data" in row(gate, "champion").words
    spoiled = table.assign(usage=np.random.default_rng(0).normal(size=len(table)).round(3).astype(str))
    worse = judged(trained_flat(spoiled.assign(seats=table["usage"])), old)
    assert worse.compared_with == "7"


def test_a_model_that_lost_its_signal_does_not_replace_the_champion(judged: Judge) -> None:
    """The same columns, but what told churn is shuffled in the new table: the champion's own figures say so."""
    good = customers(500)
    spoiled = good.assign(usage=pd.Series(good["usage"]).sample(frac=1, random_state=1).to_numpy())
    gate = judged(trained_flat(spoiled), trained_flat(good))
    assert not gate.passed
    assert any(check.check.startswith("champion.") for check in gate.failed)

"""Scores of flat tables in every unit, recomputed from the files of the bundle by hand, for every kind of learner."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.bundle.flat_bundle import FlatBundle
from leap.flat.rows import flat_rows
from leap.models.calibration import Calibration
from leap.scoring.flat_scores import FlatScores, score_rows
from tests.flat.conftest import TrainedFlat
from tests.flat.worlds import customers, tables_of
from tests.scoring.by_hand import Files
from tests.scoring.tiny import KINDS, tiny

EXACT = 1e-9
OUTCOMES = ("binary", "number")


def table() -> pd.DataFrame:
    """Rows with what is missing and what was never seen."""
    rows = customers(12, seed=4)
    rows.loc[0, "usage"] = ""
    rows.loc[1, ["plan", "seats"]] = ["never seen", ""]
    rows.loc[2, ["plan", "usage"]] = ["", "99999"]
    rows.loc[3, ["usage", "seats", "plan", "autopay"]] = ""
    return rows


@pytest.fixture(params=[(outcome, kind) for outcome in OUTCOMES for kind in KINDS], ids="-".join)
def scored(
    request: pytest.FixtureRequest, linear: TrainedFlat, number: TrainedFlat, tmp_path: Path
) -> tuple[FlatScores, Files]:
    """Scores of a saved and loaded bundle with a tiny learner, and its files."""
    outcome, kind = request.param
    trained = linear if outcome == "binary" else number
    rows, model = trained.frame.rows, trained.model
    learner = tiny(kind, rows.matrix, rows.outcome, rows.task)
    component = replace(model.component, learner=learner, calibration=Calibration(1.2, -0.1))
    replace(trained.bundle, model=replace(model, component=component)).save(tmp_path / "bundle")
    bundle = FlatBundle.load(tmp_path / "bundle")
    more: dict[str, Any] = {} if outcome == "binary" else {"outcome": "spend", "outcome_kind": "number"}
    scores = score_rows(bundle, "7", flat_rows(tables_of(table(), **more), until_given=False))
    return scores, Files(tmp_path / "bundle")


def units_of(scores: FlatScores) -> tuple[str, ...]:
    return ("probability_points", "margin") if scores.bundle.outcome.is_binary else ("points",)


def total(score: Mapping[str, Any], key: str, unit: str) -> float:
    """Base, listed reasons and residual of a score in one unit."""
    base = score["base"]["margin" if unit == "margin" else key]
    left = score["residuals"]["margin"] if unit == "margin" else score["residual"]
    return float(base + math.fsum(reason[unit] for reason in score["reasons"]) + left)


def test_every_reason_in_every_unit_is_what_the_text_model_says(scored: tuple[FlatScores, Files]) -> None:
    scores, files = scored
    key, units = scores.bundle.outcome.key, units_of(scores)
    for i in range(len(scores)):
        score = scores.to_json(i, 0)
        if score["abstained"]:
            continue
        values = {name: None if pd.isna(column[i]) else column[i] for name, column in scores.columns.items()}
        hand = files.explained_flat(values)
        named = {reason["feature"]: reason for reason in score["reasons"]}
        for unit in units:
            own = score["margin"] if unit == "margin" else score[key]
            assert own == pytest.approx(hand.score[unit], abs=EXACT)
            assert score["base"]["margin" if unit == "margin" else key] == pytest.approx(hand.base[unit], abs=EXACT)
            for feature, adds in hand.adds[unit].items():
                assert (named[feature][unit] if feature in named else 0.0) == pytest.approx(adds, abs=EXACT), feature


@pytest.mark.parametrize("top", [0, 1, 2, 50])
def test_base_listed_reasons_and_residual_are_the_score_in_every_unit(
    scored: tuple[FlatScores, Files], top: int
) -> None:
    scores, _ = scored
    key = scores.bundle.outcome.key
    for i in np.flatnonzero([scores.abstained(i) is None for i in range(len(scores))]).tolist():
        score = scores.to_json(i, top)
        for unit in units_of(scores):
            own = score["margin"] if unit == "margin" else score[key]
            assert total(score, key, unit) == pytest.approx(own, abs=1e-11)
        assert top == 0 or len(score["reasons"]) <= top


def test_a_row_of_which_nothing_is_known_has_no_figure_in_any_unit(scored: tuple[FlatScores, Files]) -> None:
    score = scored[0].to_json(3)
    assert score["abstained"] and score["reasons"] == [] and score["residual"] is None
    assert set(score["base"].values()) == {None}
    assert set(score.get("residuals", {"margin": None}).values()) == {None} and score.get("margin") is None

"""The portfolio's figures are ratios of sums, worked by hand; known leavers are in them as lost."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.evaluation.nrr import portfolio
from leap.evaluation.out_of_time import OutOfTime
from leap.models.composition import Labels, Prediction
from tests.worlds import TrainedWorld

# The worked numbers of the definitions: A grows, B shrinks, C leaves, D and E stay.
STARTING = np.array([100.0, 200.0, 50.0, 80.0, 60.0])
ENDING = np.array([150.0, 120.0, 0.0, 80.0, 60.0])


def found_of(prediction: Prediction, leaving: np.ndarray | None = None, fold: np.ndarray | None = None) -> OutOfTime:
    """Five rows predicted out of time, the baseline 0.9 for all."""
    ratio = ENDING / STARTING
    labels = Labels((ratio == 0).astype(float), ratio, STARTING)
    fold = np.zeros(5, dtype=int) if fold is None else fold
    as_of = np.full(5, np.datetime64("2023-01-01", "us"))
    return OutOfTime(
        rows=np.arange(5), fold=fold, prediction=prediction, baseline=prediction, baseline_nrr=np.full(5, 0.9),
        linear={}, labels=labels, as_of=as_of, known_at=as_of + np.timedelta64(365, "D"), accounts=np.arange(5),
        leaving=np.zeros(5, dtype=bool) if leaving is None else leaving,
        cutoffs=tuple(pd.Timestamp("2023-01-01") + pd.DateOffset(years=k) for k in range(fold.max() + 1)), models=(),
    )  # fmt: skip


def told(p: float = 0.1, d: float = 0.2, u: float = 0.3, direct: float = 1.0) -> Prediction:
    return Prediction(*(np.full(5, value) for value in (p, d, u, 0.5, 0.5, direct)))


def test_observed_rates_are_those_of_the_definitions():
    figures = portfolio(found_of(told()))
    assert figures["nrr_observed"] == pytest.approx(0.8367, abs=5e-5)
    assert figures["grr_observed"] == pytest.approx(0.7347, abs=5e-5)
    assert figures["expansion_rate_observed"] == pytest.approx(0.1020, abs=5e-5)
    assert figures["churn_rate_observed"] == pytest.approx(0.1020, abs=5e-5)
    assert figures["contraction_rate_observed"] == pytest.approx(0.1633, abs=5e-5)


def test_predicted_rates_are_composed():
    figures = portfolio(found_of(told()))
    assert figures["nrr_predicted"] == pytest.approx(0.9 * 1.1)
    assert figures["grr_predicted"] == pytest.approx(0.9 * 0.8)
    assert figures["churn_rate_predicted"] == pytest.approx(0.1)
    assert figures["contraction_rate_predicted"] == pytest.approx(0.9 * 0.2)
    assert figures["expansion_rate_predicted"] == pytest.approx(0.9 * 0.3)
    assert (figures["nrr_direct"], figures["nrr_baseline"]) == (pytest.approx(1.0), pytest.approx(0.9))


def test_a_known_leaver_counts_as_lost_in_every_prediction():
    leaving = np.array([False, False, True, False, False])
    figures = portfolio(found_of(told(), leaving))
    kept = 1 - 50 / 490
    assert figures["account_rmse_baseline"] == pytest.approx(
        np.sqrt(np.mean((np.where(leaving, 0, 0.9) - ENDING / STARTING) ** 2))
    )
    assert figures["nrr_predicted"] == pytest.approx(0.9 * 1.1 * kept)
    assert figures["nrr_direct"] == pytest.approx(kept)
    assert figures["churn_rate_predicted"] == pytest.approx(0.1 * kept + 50 / 490)
    assert figures["known_leavers_share"] == pytest.approx(50 / 490)
    assert figures["account_error_direct"] == pytest.approx(
        np.abs(np.where(leaving, 0, 1.0) - ENDING / STARTING).mean()
    )


def test_who_was_nearer_is_said_of_the_portfolio_and_of_accounts():
    """The composition is nearer in sum and further from single accounts."""
    ratio = ENDING / STARTING
    off = told(p=0.0, d=0.0, u=0.0, direct=0.0)
    level = float(ENDING.sum() / STARTING.sum())
    composed = Prediction(np.full(5, 1 - level), *(np.zeros(5) for _ in range(4)), ratio + 0.05)
    figures = portfolio(found_of(composed))
    assert (figures["headline"], figures["headline_account"]) == ("composition", "direct")
    figures = portfolio(found_of(off))
    assert (figures["headline"], figures["headline_account"]) == ("composition", "composition")


RATES = ("churn_rate", "contraction_rate", "expansion_rate")


def adds_up(figures: dict[str, Any]) -> None:
    for side in ("predicted", "observed"):
        churn, contraction, expansion = (figures[f"{name}_{side}"] for name in RATES)
        assert figures[f"nrr_{side}"] == pytest.approx(1 - churn - contraction + expansion, abs=1e-9)
        assert figures[f"grr_{side}"] == pytest.approx(1 - churn - contraction, abs=1e-9)


def test_rates_add_up_in_every_fold_and_in_all(planted: TrainedWorld):
    figures = planted.quality.portfolio
    adds_up(dict(figures))
    assert len(figures["folds"]) == len(planted.health.folds)
    for fold in figures["folds"]:
        adds_up(fold)
    assert sum(fold["n_rows"] for fold in figures["folds"]) == len(planted.found.rows)
    json.dumps(figures, allow_nan=False)


def test_folds_are_judged_apart():
    fold = np.array([0, 0, 1, 1, 1])
    figures = portfolio(found_of(told(), fold=fold))
    assert [f["cutoff"] for f in figures["folds"]] == ["2023-01-01", "2024-01-01"]
    assert figures["folds"][0]["nrr_observed"] == pytest.approx(270 / 300)
    assert figures["folds"][1]["nrr_observed"] == pytest.approx(140 / 190)

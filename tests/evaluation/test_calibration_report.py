"""Calibration in words: what chance explains is no alarm, and what it does not is named with its size."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from leap import metrics
from leap.evaluation import Quality
from leap.evaluation.calibration_report import calibration_report, drifted, verdict
from tests.worlds import TrainedWorld


def report(outcome: Any, p: Any, accounts: Any = None, fold: Any = None, training_events: int = 500) -> dict[str, Any]:
    y, q = np.asarray(outcome, dtype=float), np.asarray(p, dtype=float)
    who = np.arange(len(y)) if accounts is None else np.asarray(accounts)
    resamples = metrics.account_bootstrap(who, 200) if len(y) else np.zeros((0, 0))
    return calibration_report(y, q, who, np.zeros(len(y)) if fold is None else fold, resamples, training_events)


def a_world(n: int = 4000, shift: float = 0.0, slope: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes, and predictions that are off by a shift of the log-odds, or too extreme where the true slope is below 1."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(-1.5, 1, n)
    return (rng.random(n) < expit(truth)).astype(float), expit(truth / slope + shift)


def test_right_probabilities_are_within_the_aims():
    found = report(*a_world())
    assert found["verdict"] == "within the aims"
    assert found["ratio"] == pytest.approx(found["mean_predicted"] / found["mean_observed"])
    assert found["ece"] <= found["ece_perfect"]["high"] and len(found["deciles"]) == 10
    assert (
        found["ratio_low"] < found["ratio"] < found["ratio_high"]
        and found["slope_low"] < found["slope"] < found["slope_high"]
    )


@pytest.mark.parametrize(
    ("world", "words"),
    [({"shift": -0.5}, "too low by "), ({"shift": 0.5}, "too high by "), ({"slope": 0.6}, "too extreme"), ({"slope": 1.8}, "not extreme enough")],
)  # fmt: skip
def test_what_is_wrong_is_named(world: dict[str, float], words: str):
    assert words in str(report(*a_world(**world))["verdict"])


def test_the_size_of_a_wrong_level_is_its_share_of_what_was_observed():
    """40 of 100 happened where 0.296 was predicted of each: 26 % too low."""
    found = report(np.tile([1, 1, 0, 0, 0], 200), np.full(1000, 0.296))
    assert found["verdict"] == "too low by 26 %"
    assert (found["slope"], found["slope_reason"]) == (None, "constant_prediction")


def test_the_same_level_on_few_accounts_is_within_chance():
    found = report(np.tile([1, 1, 0, 0, 0], 6), np.full(30, 0.296))
    assert found["verdict"] == "within chance"
    repeated = report(np.tile([1, 1, 0, 0, 0], 200), np.full(1000, 0.296), accounts=np.arange(1000) % 30)
    assert repeated["verdict"] == "within chance", "rows of the same 30 accounts are no more than 30 accounts"


def test_chance_is_seldom_taken_for_an_error():
    wrong = [report(*a_world(n=150, seed=seed))["verdict"] for seed in range(80)]
    assert np.mean([words in ("within the aims", "within chance") for words in wrong]) > 0.87


def test_a_bend_that_level_and_slope_do_not_see_is_told():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.45, 20_000)
    bent = p + 0.12 * np.cos((p - 0.05) / 0.4 * 4 * np.pi)
    assert str(report((rng.random(20_000) < bent).astype(float), p)["verdict"]).startswith("uneven")


def test_what_is_not_defined_is_none_with_a_reason():
    nobody, everybody = report(np.zeros(20), np.full(20, 0.2)), report(np.ones(20), np.linspace(0.7, 0.9, 20))
    assert (nobody["ratio"], nobody["verdict"], nobody["reason"], nobody["slope"], nobody["slope_reason"]) == (
        None, None, "no_events", None, "no_events",
    )  # fmt: skip
    assert nobody["ece"] == pytest.approx(0.2) and nobody["mean_observed"] == 0.0
    assert everybody["slope_reason"] == "all_events" and everybody["ratio"] == pytest.approx(0.8)
    nothing = report([], [])
    assert nothing["reason"] == "no_rows" and nothing["ece"] is None and nothing["deciles"] == []


def test_an_open_end_of_an_interval_is_no_evidence():
    found = {"ratio": 0.5, "ratio_low": 0.2, "ratio_high": None, "slope": 0.5, "slope_low": None, "slope_high": None}
    assert verdict(found) == "within chance"


def test_a_level_learned_from_few_events_is_no_drift():
    found = report(*a_world(n=1500, shift=-0.3), training_events=500)
    assert drifted(found) and not drifted({**found, "training_events": 25})


def with_calibration(quality: Quality, **changed: Any) -> list[str]:
    churn = quality.outcomes["churn"]
    other = replace(churn, calibration={**churn.calibration, **changed})
    return [w for w in replace(quality, outcomes={**quality.outcomes, "churn": other}).warnings if "churn" in w.lower()]


def test_only_what_chance_does_not_explain_warns(planted: TrainedWorld):
    level = {"ratio": 0.7, "mean_predicted": 0.14, "mean_observed": 0.2, "training_events": 400, "slope": 1.0}
    assert not with_calibration(planted.quality, **level, ratio_low=0.4, ratio_high=1.2)
    (said,) = with_calibration(planted.quality, **level, ratio_low=0.6, ratio_high=0.8)
    assert "happened more often" in said and "14.0% against" not in said and "20.0% against 14.0%" in said
    spread = {"ratio": 1.0, "slope": 0.5, "slope_low": 0.3, "slope_high": 0.7}
    (said,) = with_calibration(planted.quality, **spread)
    assert "too far apart" in said and "0.30 to 0.70" in said
    assert not with_calibration(planted.quality, **{**spread, "slope_high": 1.1})


def test_offers_that_would_have_lost_money_beyond_chance_warn(planted: TrainedWorld):
    churn = planted.quality.outcomes["churn"]

    def said(low: float, high: float) -> bool:
        money = {**(churn.money or {}), "against": {"nobody": {"value": -1.0, "low": low, "high": high}}}
        outcomes = {**planted.quality.outcomes, "churn": replace(churn, money=money)}
        return any("lost money" in warning for warning in replace(planted.quality, outcomes=outcomes).warnings)

    assert said(-2.0, -0.5) and not said(-2.0, 0.5)
    assert not any("lost money" in warning for warning in planted.quality.warnings)

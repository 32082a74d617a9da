"""Whether the probabilities of an outcome came in as predicted, in figures, in words, and beside what chance allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from leap import metrics

RATIO_AIM = (0.85, 1.15)
SLOPE_AIM = (0.8, 1.2)
_UNEVEN = 0.15
"""A calibration error beyond chance is told from this share of the observed rate on, as a wrong level is."""
_LOOKS = 2.24 / 1.96
"""How much further than its 95 % interval a figure may miss: level and slope are two looks that share one in 20."""
_THIRD_LOOK = 1.5
"""How much further than the 95 % quantile above the mean the calibration error of a perfect model may lie."""


def calibration_report(
    outcome: np.ndarray,
    predicted: np.ndarray,
    accounts: np.ndarray,
    fold: np.ndarray,
    resamples: np.ndarray,
    training_events: int = 0,
) -> dict[str, Any]:
    """As in the JSON of `train`, `outcomes.X.calibration`; what is undefined is None with a reason.

    - `mean_predicted`, `mean_observed`: over the rows that test the model.
    - `ratio` of the two, with the 95 % interval that accounts as many as these allow (`ratio_low`, `ratio_high`).
    - `slope` of the log-odds within folds with its interval; below 1 the probabilities are too extreme.
    - `ece`, the mean gap over tenths of the rows, beside `ece_perfect`: `mean` and 95 % quantile (`high`) of what a
      perfectly calibrated model would show on these accounts.
    - `deciles`: `predicted`, `observed` with its interval (`low`, `high`), `n` rows and `accounts` of every tenth.
    - `verdict` in words: within the aims (a ratio of 0.85 to 1.15, a slope of 0.8 to 1.2), within chance, or what is
      wrong beyond both; since it looks at several figures, each may miss a little further than its own interval.
    - `training_events`: accounts with the event in the rows that the level was learned from.
    - `reason` (of ratio and verdict) and `slope_reason`: why there is none.
    """
    if not len(outcome):
        return _undefined("no_rows")
    found: dict[str, Any] = {
        "mean_predicted": float(predicted.mean()),
        "mean_observed": float(outcome.mean()),
        **_slope(outcome, predicted, accounts, fold),
        **_ratio(outcome, predicted, resamples),
        "training_events": training_events,
    }
    perfect = metrics.error_of_a_perfect_model(predicted, accounts)
    found["ece"] = metrics.expected_calibration_error(outcome, predicted)
    found["ece_perfect"] = {"mean": perfect.mean, "high": perfect.high}
    found["verdict"] = None if found["ratio"] is None else verdict(found)
    found["deciles"] = [decile.to_json() for decile in metrics.deciles(outcome, predicted, accounts)]
    return found


def _undefined(reason: str) -> dict[str, Any]:
    figures = ("slope", "slope_low", "slope_high", "ratio", "ratio_low", "ratio_high", "ece", "ece_perfect", "verdict")
    return {
        **dict.fromkeys(("mean_predicted", "mean_observed"), float("nan")),
        **dict.fromkeys(figures),
        "training_events": 0,
        "deciles": [],
        "reason": reason,
        "slope_reason": reason,
    }


def _slope(outcome: np.ndarray, predicted: np.ndarray, accounts: np.ndarray, fold: np.ndarray) -> dict[str, Any]:
    slope = metrics.calibration_slope(outcome, predicted, np.ones(len(outcome)), fold)
    error = metrics.slope_error(outcome, predicted, accounts, fold)
    if np.isnan(slope):
        reason = one_sided(outcome) or "constant_prediction"
        return {"slope": None, "slope_low": None, "slope_high": None, "slope_reason": reason}
    low, high = (None, None) if np.isnan(error) else (slope - 1.96 * error, slope + 1.96 * error)
    return {"slope": slope, "slope_low": low, "slope_high": high, "slope_reason": None}


def _ratio(outcome: np.ndarray, predicted: np.ndarray, resamples: np.ndarray) -> dict[str, Any]:
    if not outcome.sum() > 0:
        return {"ratio": None, "ratio_low": None, "ratio_high": None, "reason": "no_events"}
    low, high = (
        float(end) if np.isfinite(end) else None for end in metrics.ratio_interval(outcome, predicted, resamples)
    )
    return {"ratio": float(predicted.sum() / outcome.sum()), "ratio_low": low, "ratio_high": high, "reason": None}


def one_sided(outcome: np.ndarray) -> str | None:
    """Why nothing can be ranked: nobody, or everybody, has the event; else None."""
    if not (outcome > 0).any():
        return "no_events"
    return "all_events" if (outcome > 0).all() else None


def level_beyond_chance(found: Mapping[str, Any]) -> bool:
    """Whether the level misses its aim, and chance does not explain that."""
    value, low, high = found.get("ratio"), found.get("ratio_low"), found.get("ratio_high")
    if value is None or not value > 0 or RATIO_AIM[0] <= value <= RATIO_AIM[1]:
        return False
    return _beyond(*(None if end is None else float(np.log(end)) for end in (value, low, high)))


def drifted(found: Mapping[str, Any]) -> bool:
    """Whether the level misses its aim by more than chance in the rows that test *and* those that train explains.

    The level learned from n accounts with the event is itself known to about one part in the root of n.
    """
    low, high = found.get("ratio_low"), found.get("ratio_high")
    if not level_beyond_chance(found) or low is None or high is None:
        return False
    tested = (np.log(high) - np.log(low)) / (2 * 1.96)
    learned = 1 / np.sqrt(max(found["training_events"], 1))
    return bool(abs(np.log(found["ratio"])) > 1.96 * np.hypot(tested, learned))


def spread_beyond_chance(found: Mapping[str, Any]) -> bool:
    """Whether the slope misses its aim, and chance does not explain that."""
    value, low, high = found.get("slope"), found.get("slope_low"), found.get("slope_high")
    if value is None or SLOPE_AIM[0] <= value <= SLOPE_AIM[1]:
        return False
    return _beyond(value - 1, None if low is None else low - 1, None if high is None else high - 1)


def _beyond(value: float | None, low: float | None, high: float | None) -> bool:
    """Whether a figure that should be 0 lies further off than its interval, widened, reaches; no end means open."""
    if value is None:
        return False
    end = high if value < 0 else low
    return end is not None and abs(value) > _LOOKS * abs(end - value)


def verdict(found: Mapping[str, Any]) -> str:
    """The figures in words.

    >>> verdict({"ratio": 0.74, "ratio_low": 0.6, "ratio_high": 0.9, "slope": 1.1, "slope_low": 0.8, "slope_high": 1.4})
    'too low by 26 %'
    >>> verdict({"ratio": 0.80, "ratio_low": 0.6, "ratio_high": 1.1, "slope": 1.1, "slope_low": 0.8, "slope_high": 1.4})
    'within chance'
    """
    wrong = []
    if level_beyond_chance(found):
        wrong.append(
            f"too {'low' if found['ratio'] < 1 else 'high'} by {abs(1 - found['ratio']):.0%}".replace("%", " %")
        )
    if spread_beyond_chance(found):
        wrong.append("too extreme" if found["slope"] < 1 else "not extreme enough")
    if not wrong and _uneven(found):
        wrong.append("uneven: right on average, wrong for some tenths")
    if wrong:
        return ", ".join(wrong)
    slope = found.get("slope")
    on_aim = RATIO_AIM[0] <= found["ratio"] <= RATIO_AIM[1] and (slope is None or SLOPE_AIM[0] <= slope <= SLOPE_AIM[1])
    return "within the aims" if on_aim else "within chance"


def _uneven(found: Mapping[str, Any]) -> bool:
    perfect = found.get("ece_perfect")
    if perfect is None or found.get("slope") is None or not RATIO_AIM[0] <= found["ratio"] <= RATIO_AIM[1]:
        return False
    by_chance = _THIRD_LOOK * (perfect["high"] - perfect["mean"])
    return bool(found["ece"] - perfect["mean"] > max(by_chance, _UNEVEN * found["mean_observed"]))

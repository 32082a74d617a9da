"""What a model must be able to by itself: claim skill, not lose to a plain regression, be calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from leap import metrics
from leap.gate.check import Check
from leap.gate.held_out import Judged
from leap.gate.paired import Difference, Resamples, critical, difference
from leap.metrics import Figure

CLEARLY_AUC, CLEARLY_LOSS = 0.02, 0.02
"""Less than this AUC, or this share of a loss, is not clearly worse than a plain regression."""

LEVEL = (0.85, 1.15)
"""Limits of mean predicted over mean observed."""

SLOPE = (0.8, 1.2)
"""Limits of the calibration slope."""


def claim_check(claimed: bool, reason: str | None, figure: Figure | None, none: float, what: str) -> Check:
    """Skill beyond chance, as the evaluation found it; `none` is the figure of no skill."""
    if figure is None:
        return Check("claim", claimed, reason or f"{what} is not defined; another outcome carries the claim.")
    said = f"{what} {figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}], without skill {none:.2f}."
    if claimed and not figure.low > none:
        said += " The claim is carried by contraction or expansion."
    return Check("claim", claimed, reason or said, figure.value, none, figure.low, figure.high)


def plain_regression_checks(judged: Sequence[Judged]) -> list[Check]:
    """Not clearly worse than the plain regression beside it: ranking, and squared error, on the same rows.

    A model that ranks at 0.59 where a plain logistic ranks at 0.74 has skill, and is a fault all the same.
    """
    looks, checks = 2 * len(judged), []
    for one in judged:
        resamples = Resamples.of(one.accounts)
        if one.binary:
            within = metrics.AucWithin(one.fold)
            found = difference(within, one.outcome, one.predicted, one.linear, resamples, larger_is_better=True)
            checks.append(_beside(f"plain_logistic.{one.name}.auc", f"{one.name}: AUC", found, looks))
        found = difference(metrics.brier, one.outcome, one.predicted, one.linear, resamples)
        name, words = ("brier", "Brier score") if one.binary else ("squared_error", "squared error")
        checks.append(_beside(f"plain_logistic.{one.name}.{name}", f"{one.name}: {words}", found, looks))
    return checks


def _beside(name: str, words: str, found: Difference, looks: int) -> Check:
    worse = found.worse(looks, CLEARLY_AUC if found.larger_is_better else CLEARLY_LOSS * found.theirs)
    verdict = "clearly worse beyond chance" if worse else "not clearly worse"
    said = (
        f"{words} {found.ours:.3f}, the plain regression's {found.theirs:.3f}; difference {found.value:+z.3f} "
        f"[{found.low:+z.3f}, {found.high:+z.3f}]: {verdict}."
    )
    return Check(name, not worse, said, found.ours, found.theirs, found.low, found.high)


def calibration_checks(judged: Sequence[Judged]) -> list[Check]:
    """Mean predicted over observed, and slope, inside their limits or outside only by chance at this many accounts."""
    looks = 2 * len(judged)
    return [check for one in judged for check in (_level(one, looks), _slope(one, looks))]


def _level(one: Judged, looks: int) -> Check:
    name = f"calibration.{one.name}.level"
    observed, predicted = float(one.outcome.mean()), float(one.predicted.mean())
    if not (observed > 0 and predicted > 0):
        return Check(name, True, f"{one.name}: a ratio of means is not defined ({predicted:.3g} over {observed:.3g}).")

    def ratio(outcome: np.ndarray, guess: np.ndarray, weight: np.ndarray) -> float:
        total = float((outcome * weight).sum())
        return float((guess * weight).sum()) / total if total > 0 else float("nan")

    value, low, high, error = _with_error(ratio, one)
    # In logs, since the error of a ratio grows with it.
    passed = _near(np.log(value), np.log(LEVEL[0]), np.log(LEVEL[1]), error / value, looks)
    shown = f"{predicted:.1%}, observed {observed:.1%}" if one.binary else f"{predicted:.4g}, observed {observed:.4g}"
    words = (
        f"{one.name}: predicted {shown} on average, ratio {value:.2f} [{low:.2f}, {high:.2f}] "
        f"(wanted {LEVEL[0]:.2f} to {LEVEL[1]:.2f}{_by_chance(passed, value, LEVEL)})."
    )
    return Check(name, passed, words, value, 1.0, low, high)


def _slope(one: Judged, looks: int) -> Check:
    name = f"calibration.{one.name}.slope"

    def slope(outcome: np.ndarray, guess: np.ndarray, weight: np.ndarray) -> float:
        if one.binary:
            return metrics.calibration_slope(outcome, guess, weight, one.fold)
        centred = guess - np.average(guess, weights=weight)
        spread = float((weight * centred**2).sum())
        return float((weight * centred * outcome).sum()) / spread if spread > 0 else float("nan")

    value, low, high, error = _with_error(slope, one)
    if not np.isfinite(value):
        return Check(name, True, f"{one.name}: everyone is predicted the same, so there is no slope.")
    passed = _near(value, *SLOPE, error, looks)
    words = (
        f"{one.name}: calibration slope {value:.2f} [{low:.2f}, {high:.2f}] "
        f"(wanted {SLOPE[0]:.1f} to {SLOPE[1]:.1f}{_by_chance(passed, value, SLOPE)})."
    )
    return Check(name, passed, words, value, 1.0, low, high)


def _with_error(metric: metrics.Metric, one: Judged) -> tuple[float, float, float, float]:
    """The figure, its 95 % interval and its standard error over resampled accounts."""
    value = metric(one.outcome, one.predicted, np.ones(len(one.outcome)))
    if not np.isfinite(value):
        return value, np.nan, np.nan, np.nan
    draws = np.array([metric(one.outcome, one.predicted, times) for times in Resamples.of(one.accounts)])
    draws = draws[np.isfinite(draws)]
    low, high = np.quantile(draws, [0.025, 0.975]) if len(draws) else (np.nan, np.nan)
    return value, float(low), float(high), float(draws.std()) if len(draws) else 0.0


def _near(value: float, low: float, high: float, error: float, looks: int) -> bool:
    outside = max(low - value, value - high)
    return bool(outside <= critical(looks) * error)


def _by_chance(passed: bool, value: float, limits: tuple[float, float]) -> str:
    return "; not clearly outside" if passed and not limits[0] <= value <= limits[1] else ""

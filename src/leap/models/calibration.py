"""Platt calibration: a smooth, strictly increasing map from a margin to a probability, stored as two numbers.

Platt (1999), "Probabilistic outputs for support vector machines". The slope comes from out-of-fold margins, drawn
towards 1 as if ten more events of each kind had a slope of 1, and shrunk as far as it cannot be told from none; the
intercept sets the level: the rate of the rows with an outcome and of those whose outcome has begun to show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

_PRIOR_EVENTS = 10.0
_CHOSEN = 2.0


def logistic(margin: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-margin)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(margin, dtype=float))))


def log_odds(probability: np.ndarray | float) -> np.ndarray:
    """The inverse of `logistic`, clipped at 1e-9."""
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True)
class Calibration:
    """probability = logistic(slope * margin + intercept), slope > 0.

    >>> Calibration(1.0, 0.0).probability(np.array([0.0]))
    array([0.5])
    """

    slope: float = 1.0
    intercept: float = 0.0

    def probability(self, margin: np.ndarray) -> np.ndarray:
        """Calibrated probabilities, shape (n,)."""
        return logistic(self.slope * margin + self.intercept)

    def attribute(self, contributions: np.ndarray, base: float) -> tuple[np.ndarray, float]:
        """Contributions to a margin as points of probability, and the base probability: they add up on every row."""
        per_margin, start = self.per_margin(contributions, base)
        return contributions * per_margin[:, None], start

    def per_margin(self, contributions: np.ndarray, base: float) -> tuple[np.ndarray, float]:
        """Points of probability that a unit of margin is worth in each row, shape (n,), and the base probability.

        (g(f) - g(f0)) / (f - f0), and g'(f0) where |f - f0| < 1e-6.
        """
        difference = contributions.sum(axis=1)
        start = _at_base(self, base)
        end = self.probability(base + difference)
        near = np.abs(difference) < 1e-6
        slope_at_base = self.slope * start * (1 - start)
        return np.where(near, slope_at_base, (end - start) / np.where(near, 1.0, difference)), start


@lru_cache(maxsize=1024)
def _at_base(calibration: Calibration, base: float) -> float:
    return float(calibration.probability(np.array([base]))[0])


def fit_slope(margin: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> float:
    """The slope that out-of-fold margins need, in (0.05, 3)."""
    spread = margin.std()
    if spread < 1e-9:
        return 1.0
    slope, intercept = 1.0, 0.0
    prior = _PRIOR_EVENTS * spread**2 * 0.25
    for _ in range(100):
        p = logistic(slope * margin + intercept)
        residual, curvature = weight * (outcome - p), weight * p * (1 - p)
        gradient = np.array([(residual * margin).sum() - prior * (slope - 1), residual.sum()])
        hessian = np.array(
            [
                [(curvature * margin**2).sum() + prior, (curvature * margin).sum()],
                [(curvature * margin).sum(), curvature.sum() + 1e-9],
            ]
        )
        step = np.clip(np.linalg.solve(hessian, gradient), -1, 1)
        slope, intercept = slope + step[0], intercept + step[1]
        if np.abs(step).max() < 1e-9:
            break
    return float(np.clip(slope, 0.05, 3.0))


def shrunk_slope(margin: np.ndarray, outcome: np.ndarray, weight: np.ndarray, accounts: np.ndarray) -> float:
    """The slope that out-of-fold margins need, times 1 - 2/z², z its ratio to its standard error; 0 where that is none.

    The error takes the rows of an account as one. What cannot be told from no signal so fades into the base rate
    instead of being taken or left (James & Stein 1961, "Estimation with quadratic loss": 1 for the coefficient, and 1
    more since these margins were chosen among several).
    """
    slope = fit_slope(margin, outcome, weight)
    if margin.std() < 1e-9:
        return 0.0
    intercept = fit_intercept(margin, slope, outcome, weight)
    p = logistic(slope * margin + intercept)
    curvature = weight * p * (1 - p)
    centred = margin - np.average(margin, weights=curvature)
    _, code = np.unique(accounts, return_inverse=True)
    information = float((curvature * centred**2).sum())
    # One Newton step from the drawn slope to the plain one, whose ratio to its error says how much there is.
    score = np.bincount(code, weights=weight * (outcome - p) * centred)
    z = (slope * information + score.sum()) / max(float(np.sqrt((score**2).sum())), 1e-12)
    return slope * max(0.0, 1 - _CHOSEN / z**2) if z > 0 else 0.0


@dataclass(frozen=True)
class Showing:
    """Rows as of less than a horizon ago, whose outcome has only begun to show: none is counted as retained.

    Shape (n,) each: `gone` is 1.0 where the account no longer pays, `share` what part of those that leave within the
    horizon usually has left by then.
    """

    margin: np.ndarray
    gone: np.ndarray
    share: np.ndarray
    weight: np.ndarray


def fit_level(margin: np.ndarray, slope: float, outcome: np.ndarray, weight: np.ndarray, showing: Showing) -> float:
    """The intercept with which as many leave as did, of rows with an outcome and of those where it has begun to show.

    Solves `sum w (y - p) + sum w (gone - share * p) = 0` by Newton's steps.
    """
    happened = float((weight * outcome).sum() + (showing.weight * showing.gone).sum())
    exposed = float(weight.sum() + (showing.weight * showing.share).sum())
    least = 0.5 * float(weight.mean())
    happened = min(max(happened, least), exposed - least)
    joined = np.concatenate([slope * margin, slope * showing.margin])
    return _meeting(joined, np.concatenate([weight, showing.weight * showing.share]), happened)


def fit_intercept(margin: np.ndarray, slope: float, outcome: np.ndarray, weight: np.ndarray) -> float:
    """The intercept with which the mean prediction equals the observed rate, by Newton's steps."""
    rate = float(np.average(outcome, weights=weight))
    rate = min(max(rate, 0.5 / len(outcome)), 1 - 0.5 / len(outcome))
    return _meeting(slope * margin, weight, rate * float(weight.sum()))


def _meeting(margin: np.ndarray, weight: np.ndarray, total: float) -> float:
    """The intercept with which `sum(weight * logistic(margin + intercept))` is the total: safeguarded Newton steps."""
    low, high = -60.0, 60.0
    whole = float(weight.sum())
    at = float(np.clip(log_odds(total / whole) - float(weight @ margin) / whole, low, high))
    for _ in range(100):
        p = logistic(margin + at)
        off = float(weight @ p) - total
        low, high = (at, high) if off < 0 else (low, at)
        steep = float(weight @ (p * (1 - p)))
        after = at - off / steep if steep > 0 else low
        after = after if low < after < high else (low + high) / 2
        if abs(after - at) < 1e-13 * max(1.0, abs(at)):
            return after
        at = after
    return at

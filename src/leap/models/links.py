"""Links keep an amount where it belongs: a share inside (0, 1), a factor above 0, whatever the margin.

Contributions to a margin become contributions to the amount by the secant `(g(f) - g(f0)) / (f - f0)`, so that they
add up on every row.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from leap.models.calibration import log_odds, logistic

Link = Literal["share", "factor"]
_NEAR = 1e-6
_WIDEST = 60.0


def value(link: Link, margin: np.ndarray) -> np.ndarray:
    """The amount at a margin: the logistic function of a share's, the exponential of a factor's.

    >>> [float(value(link, np.array([0.0]))[0]) for link in ("share", "factor")]
    [0.5, 1.0]
    """
    return logistic(margin) if link == "share" else np.exp(np.minimum(margin, _WIDEST))


def margin_of(link: Link, amount: np.ndarray | float) -> np.ndarray:
    """The inverse of `value`."""
    return log_odds(amount) if link == "share" else np.log(np.maximum(amount, 1e-12))


def through(link: Link, contributions: np.ndarray, start: float) -> np.ndarray:
    """Contributions to a margin that starts at `start` as contributions to the amount, shape (n, width)."""
    difference = contributions.sum(axis=1)
    base = float(value(link, np.array([start]))[0])
    near = np.abs(difference) < _NEAR
    slope_at_base = base * (1 - base) if link == "share" else base
    secant = (value(link, start + difference) - base) / np.where(near, 1.0, difference)
    return np.asarray(contributions * np.where(near, slope_at_base, secant)[:, None])


def level_margin(link: Link, deviation: np.ndarray, weight: np.ndarray, total: float) -> float:
    """The margin m with which `sum(weight * value(m + deviation))` is the total, by bisection."""
    low, high = -_WIDEST, _WIDEST
    for _ in range(100):
        middle = (low + high) / 2
        if float((weight * value(link, middle + deviation)).sum()) < total:
            low = middle
        else:
            high = middle
    return (low + high) / 2

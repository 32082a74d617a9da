"""Nominal shares with which intervals hold what followed, recent months weighing more.

The interval of an account is the smallest with a *nominal* share of the model's weight; the nominal share is the
smallest, and at least the level (an account that leaves with a chance of 14 % has 0 inside its 90 % interval), with
which the intervals covered the rows that were predicted out of time (a conformal step: Gupta, Kuchibhotla & Ramdas
2022, "Nested conformal prediction"). Rates and sizes drift, so a row weighs half as much as one of a year later
(Barber, Candes, Ramdas & Tibshirani 2023, "Conformal prediction beyond exchangeability"). The correction for few
calibrating points counts accounts, since the months of one account say nearly the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from leap.models.composition import Prediction
from leap.models.selection import LEVEL_HALF_LIFE_MONTHS, recency
from leap.uncertainty.book import level_errors
from leap.uncertainty.intervals import LEVEL, Intervals
from leap.uncertainty.shapes import Bins, fate_of, fit_ratio_shape, fit_value_shape
from leap.uncertainty.smallest import smallest

NO_VALUE = "too_few_accounts_with_twelve_months"
_NOMINAL = tuple(np.round(np.concatenate([np.arange(LEVEL, 0.99, 0.01), [0.99, 0.995, 0.999, 1.0]]), 3))
_MIN_VALUE_ACCOUNTS = 10
_SAME = 1e-9


@dataclass(frozen=True)
class Followed:
    """Rows predicted out of time and what followed them, shape (n,) each.

    `values` are realised discounted months of starting MRR, missing where not known; `horizon_months` is the time until
    an outcome.
    """

    prediction: Prediction
    ratio: np.ndarray
    accounts: np.ndarray
    as_of: np.ndarray
    starting: np.ndarray
    values: np.ndarray
    min_uplift: float = 0.0
    horizon_months: float = 12.0

    def where(self, keep: np.ndarray) -> Followed:
        """The rows that a mask keeps."""
        prediction = Prediction(
            **{name: getattr(self.prediction, name)[keep] for name in Prediction.__dataclass_fields__}
        )
        rows = {name: getattr(self, name)[keep] for name in ("ratio", "accounts", "as_of", "starting", "values")}
        return replace(self, prediction=prediction, **rows)


def fit_intervals(rows: Followed, wanted: float = LEVEL, value_wanted: float = LEVEL) -> Intervals:
    """From rows predicted out of time (at least one): shapes, and the smallest nominal shares that covered as wanted.

    The coverage stated is of the same rows.
    """
    weights = recency(rows.as_of, LEVEL_HALF_LIFE_MONTHS)
    shape = fit_ratio_shape(rows.prediction, rows.ratio, weights, rows.accounts, rows.min_uplift)
    nominal, coverage = _covering(shape.bins(rows.prediction), rows, rows.ratio, weights, wanted, rows.prediction.nrr)
    found = Intervals(
        shape,
        nominal,
        coverage,
        wanted=wanted,
        value_reason=NO_VALUE,
        level_errors=level_errors(rows.prediction.nrr, rows.ratio, rows.starting, rows.as_of, rows.horizon_months),
    )
    known = ~np.isnan(rows.values)
    if len(np.unique(rows.accounts[known])) < _MIN_VALUE_ACCOUNTS:
        return found
    part, weights = rows.where(known), weights[known]
    values = fit_value_shape(part.values, fate_of(part.ratio, part.min_uplift), weights)
    nominal, coverage = _covering(values.bins(part.prediction), part, part.values, weights, value_wanted)
    return replace(found, value_shape=values, value_nominal=nominal, value_coverage=coverage, value_reason=None)


def effective_accounts(accounts: np.ndarray, weights: np.ndarray) -> float:
    """Accounts that would say as much with equal weights (Kish 1965).

    >>> effective_accounts(np.array([1, 1, 2, 2]), np.ones(4))
    2.0
    """
    by_account = np.bincount(np.unique(accounts, return_inverse=True)[1], weights=weights)
    return float(by_account.sum() ** 2 / (by_account**2).sum())


def held(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether an interval holds what happened, shape (n,), with room for rounding."""
    return np.asarray((low <= truth + _SAME) & (truth - _SAME <= high))


def _covering(
    bins: Bins, rows: Followed, truth: np.ndarray, weights: np.ndarray, wanted: float, point: np.ndarray | None = None
) -> tuple[float, float]:
    """The smallest nominal share that covers as wanted, by bisection, and the coverage with it."""
    needed = min(wanted * (1 + 1 / effective_accounts(rows.accounts, weights)), 0.9999)

    def coverage(nominal: float) -> float:
        low, high = smallest(*bins, nominal)
        if point is not None:
            low, high = np.minimum(low, point), np.maximum(high, point)
        return float(np.average(held(low, high, truth), weights=weights))

    nominal = _first(coverage, needed)
    return nominal, coverage(nominal)


def _first(coverage: Callable[[float], float], needed: float) -> float:
    """The first nominal share of the ladder that reaches the coverage needed; the last if none does."""
    if coverage(float(_NOMINAL[0])) >= needed:
        return float(_NOMINAL[0])
    low, high = 1, len(_NOMINAL) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if coverage(float(_NOMINAL[middle])) >= needed else (middle + 1, high)
    return float(_NOMINAL[low])

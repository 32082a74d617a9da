"""Differences of two predictions of the same rows, with intervals over accounts: both are judged in each resample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist

import numpy as np

from leap import metrics
from leap.metrics import Metric

DRAWS = 200
_TAIL = 0.025


@dataclass(frozen=True)
class Resamples:
    """How often each row counts when whole accounts are drawn: one array, shape (n_rows,), a draw."""

    counts: np.ndarray
    code: np.ndarray

    @classmethod
    def of(cls, accounts: np.ndarray, draws: int = DRAWS) -> Resamples:
        """Resamples of the accounts of these rows, the same whatever the rows' order is."""
        distinct, code = np.unique(accounts, return_inverse=True)
        return cls(metrics.account_bootstrap(np.arange(len(distinct)), draws), code)

    def __iter__(self) -> Iterator[np.ndarray]:
        for drawn in self.counts:
            yield drawn[self.code]


@dataclass(frozen=True)
class Difference:
    """A figure of two predictions, and the 95 % interval and standard error of `ours - theirs`."""

    ours: float
    theirs: float
    low: float
    high: float
    error: float
    larger_is_better: bool = False

    @property
    def value(self) -> float:
        """Ours less theirs."""
        return self.ours - self.theirs

    def worse(self, looks: int = 1, matters: float = 0.0) -> bool:
        """Whether ours is worse beyond chance: 2.5 % a side, shared by so many looks (Bonferroni).

        And by enough to matter, since of very many rows every difference is beyond chance. The interval must say the
        same as the error: the error of an absolute value is not symmetric.
        """
        loss, low = (-self.value, -self.high) if self.larger_is_better else (self.value, self.low)
        return bool(loss > matters and low > 0 and loss - critical(looks) * self.error > 1e-12)

    def better(self, looks: int = 1) -> bool:
        """Whether ours is better beyond chance, at the same level."""
        gain, low = (self.value, self.low) if self.larger_is_better else (-self.value, -self.high)
        return bool(low > 0 and gain - critical(looks) * self.error > 1e-12)


def difference(
    metric: Metric,
    outcome: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    resamples: Resamples,
    *,
    weight: np.ndarray | None = None,
    larger_is_better: bool = False,
) -> Difference:
    """A figure of both, judged in the same resamples of accounts; NaN where it is not defined."""
    base = np.ones(len(outcome)) if weight is None else weight
    mine, other = _prepared(metric, outcome, ours), _prepared(metric, outcome, theirs)
    draws = np.array([mine(base * times) - other(base * times) for times in resamples])
    draws = draws[np.isfinite(draws)]
    low, high = np.quantile(draws, [_TAIL, 1 - _TAIL]) if len(draws) else (np.nan, np.nan)
    error = float(draws.std()) if len(draws) else float("nan")
    return Difference(mine(base), other(base), float(low), float(high), error, larger_is_better)


def critical(looks: int) -> float:
    """How many standard errors are beyond chance.

    >>> round(critical(1), 2), round(critical(10), 2)
    (1.96, 2.81)
    """
    return NormalDist().inv_cdf(1 - _TAIL / max(looks, 1))


def _prepared(metric: Metric, outcome: np.ndarray, predicted: np.ndarray) -> partial[float]:
    prepare = getattr(metric, "prepare", None)
    return partial(prepare(outcome, predicted)) if prepare else partial(metric, outcome, predicted)

"""Intervals for an account's realised ratio and value: the smallest with the wanted weight, made honest by later
outcomes.

The model says how much weight the ratio has at 0 (churn), below 1, at 1 and above 1. The interval is the narrowest
that holds
a *nominal* share of it; the nominal share is the smallest, and at least the wanted one (an account that leaves with a
chance of 14 % has 0 inside its 90 % interval), with which the intervals covered the wanted share of the
rows that
were predicted out of time (a conformal step: Gupta, Kuchibhotla & Ramdas 2022, "Nested conformal prediction").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.models.composition import Prediction
from leap.value import ValueTerms, value_of_ratio

_QUANTILES = (0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95)
LEVEL = 0.9
_NOMINAL = tuple(np.round(np.concatenate([np.arange(LEVEL, 0.99, 0.01), [0.99, 0.995, 0.999]]), 3))


@dataclass(frozen=True)
class Intervals:
    """Quantiles of the size of contractions and expansions relative to 1, and the nominal share that covers `level`."""

    contraction_sizes: tuple[float, ...]
    expansion_sizes: tuple[float, ...]
    nominal: float
    coverage: float
    value_coverage: float | None = None
    level: float = LEVEL

    def ratio(self, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest plausible realised ratio, shape (n,) each; they always hold the expected one."""
        low, high = _smallest(*self._support(prediction), self.nominal)
        return np.minimum(low, prediction.nrr), np.maximum(high, prediction.nrr)

    def value(
        self, prediction: Prediction, point: np.ndarray, monthly_margin: np.ndarray, terms: ValueTerms
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same for the value of twelve months in money, shape (n,) each; a lost account is lost in the middle."""
        low, high = self.ratio(prediction)
        bottom, top = monthly_margin * value_of_ratio(low, terms), monthly_margin * value_of_ratio(high, terms)
        return np.fmin(np.minimum(bottom, top), point), np.fmax(np.maximum(bottom, top), point)

    def _support(self, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
        kept = 1 - prediction.p
        n = len(kept)
        down, up = np.array(self.contraction_sizes), np.array(self.expansion_sizes)
        unchanged = kept * np.maximum(1 - prediction.q_contraction - prediction.q, 0.0)
        points = np.concatenate([[0.0], np.sort(1 - down), [1.0], np.sort(1 + up)])
        weights = np.column_stack(
            [
                prediction.p,
                np.repeat((kept * prediction.q_contraction)[:, None] / max(len(down), 1), len(down), axis=1),
                unchanged,
                np.repeat((kept * prediction.q)[:, None] / max(len(up), 1), len(up), axis=1),
            ]
        )
        return np.broadcast_to(points, (n, len(points))), weights / weights.sum(axis=1, keepdims=True)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            **self.__dict__,
            "contraction_sizes": list(self.contraction_sizes),
            "expansion_sizes": list(self.expansion_sizes),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Intervals:
        """The inverse of `to_json`."""
        fields = dict(document)
        fields["contraction_sizes"] = tuple(fields["contraction_sizes"])
        fields["expansion_sizes"] = tuple(fields["expansion_sizes"])
        return cls(**fields)


def fit_intervals(prediction: Prediction, ratio: np.ndarray) -> Intervals:
    """From rows predicted out of time and what followed: the smallest nominal share that covered the level.

    The coverage stated is of the same rows; rows of one account are not independent, so it is a figure, not a
    guarantee.
    """
    contraction = 1 - ratio[(ratio > 0) & (ratio < 1 - 1e-9)]
    expansion = ratio[ratio > 1 + 1e-9] - 1
    sizes = (_quantiles(contraction), _quantiles(expansion))
    found = Intervals(*sizes, nominal=_NOMINAL[-1], coverage=0.0)
    support = found._support(prediction)
    for nominal in _NOMINAL:
        low, high = _smallest(*support, nominal)
        covered = (np.minimum(low, prediction.nrr) <= ratio + 1e-9) & (ratio - 1e-9 <= np.maximum(high, prediction.nrr))
        found = Intervals(*sizes, nominal=float(nominal), coverage=float(covered.mean()))
        if found.coverage >= LEVEL:
            break
    return found


def _quantiles(sizes: np.ndarray) -> tuple[float, ...]:
    return tuple(float(q) for q in np.quantile(sizes, _QUANTILES)) if len(sizes) else ()


def _smallest(points: np.ndarray, weights: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The narrowest [low, high] between support points (sorted, shape (n, k)) whose weight is at least the share."""
    n, k = weights.shape
    cumulated = np.concatenate([np.zeros((n, 1)), np.cumsum(weights, axis=1)], axis=1)
    low, high = np.array(points[:, 0]), np.array(points[:, -1])
    for i in range(k):
        reached = cumulated[:, 1:] - cumulated[:, [i]] >= share - 1e-12
        reached[:, :i] = False
        possible = reached.any(axis=1)
        j = np.argmax(reached, axis=1)
        top = points[np.arange(n), j]
        better = possible & (top - points[:, i] < high - low - 1e-15)
        low = np.where(better, points[:, i], low)
        high = np.where(better, top, high)
    return low, high

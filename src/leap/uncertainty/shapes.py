"""What a ratio or a value can turn out to be, in bins, and how much weight each bin has for an account.

An account is lost, pays less, the same or more; the model gives the weight of each of the four (`Prediction.fates`).
How a fate spreads over sizes is taken from rows that were predicted out of time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leap.models.composition import Prediction

Bins = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Low and high ends of bins in order, shape (n, k) or (1, k), and their weights, shape (n, k)."""

_LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)
_VALUE_LEVELS = (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 1.0)
_MOST_SCALED = 4.0
"""An expected size counts as at most so many times the usual one, and at least its inverse."""

_MIN_SIZED = 10
"""Accounts that changed, to see whether expected sizes tell anything."""

_STEP = 1e-4

UNCHANGED = 1e-9
LOST, LESS, SAME, MORE = range(4)
"""The columns of `Prediction.fates`."""


def fate_of(ratio: np.ndarray, min_uplift: float = 0.0) -> np.ndarray:
    """Which of the four a realised ratio is, shape (n,); an uplift too small to count as expansion is the same."""
    changed = np.where(ratio < 1 - UNCHANGED, LESS, np.where(ratio > 1 + max(min_uplift, UNCHANGED), MORE, SAME))
    return np.where(ratio <= 0, LOST, changed)


def quantiles(values: np.ndarray, weights: np.ndarray, levels: tuple[float, ...]) -> tuple[float, ...]:
    """Weighted quantiles that are values themselves, so that each level's share really lies at or below it."""
    if not len(values):
        return ()
    return tuple(float(q) for q in np.quantile(values, levels, weights=weights, method="inverted_cdf"))


@dataclass(frozen=True)
class RatioShape:
    """Upper ends of bins of the size of contractions and expansions.

    Where `usual` has a number (contraction, expansion), sizes are over the size *expected* of the row, which may be up
    to four times as large or small as that: they follow a model whose sizes differ between accounts or grow over the
    years. Elsewhere they are shares of starting MRR, so that a size that many accounts have is met exactly.
    `small` is the share, among rows that count as unchanged, of uplifts too small to be an expansion, and the largest
    of them.
    """

    contraction: tuple[float, ...]
    expansion: tuple[float, ...]
    usual: tuple[float | None, float | None] = (None, None)
    small: tuple[float, float] = (0.0, 0.0)

    def bins(self, prediction: Prediction) -> Bins:
        """The realised ratio's bins for rows."""
        weights = prediction.fates @ self._shares
        total = weights.sum(axis=1, keepdims=True)
        if self.usual == (None, None):
            lows, highs = self._same_for_all
        else:
            less = _expected(prediction.d, prediction.q_contraction, self.usual[0])
            lows, highs = self._between(less, _expected(prediction.u, prediction.q, self.usual[1]))
        return lows, highs, np.where(total > 0, weights / np.maximum(total, 1e-300), 0)

    @cached_property
    def _same_for_all(self) -> tuple[np.ndarray, np.ndarray]:
        return self._between(np.ones(1), np.ones(1))

    def _between(self, contraction: np.ndarray, expansion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends of the bins, shape (n, k) each, where sizes are over these."""
        down, up = self._ends[0] * contraction[:, None], self._ends[1] * expansion[:, None]
        down = np.minimum(down, 1.0)[:, ::-1]
        less = down.shape[1] - 1
        # In this order: lost, the contractions from large to small, the same, a small uplift, the expansions.
        lows, highs = np.zeros((2, len(down), less + up.shape[1] + 2))
        lows[:, 1 : less + 1], highs[:, 1 : less + 1] = 1 - down[:, :-1], 1 - down[:, 1:]
        lows[:, less + 1 : less + 3], highs[:, less + 1], highs[:, less + 2] = 1.0, 1.0, 1 + self.small[1]
        lows[:, less + 3 :], highs[:, less + 3 :] = 1 + up[:, :-1], 1 + up[:, 1:]
        return lows, np.maximum.accumulate(highs, axis=1)

    @cached_property
    def _ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the bins of each kind of change, from nothing on; one end where it never happened."""
        return np.array([[0.0, *self.contraction]]), np.array([[0.0, *self.expansion]])

    @cached_property
    def _shares(self) -> np.ndarray:
        """How each fate spreads over the bins, shape (4, k)."""
        less, more = _shares(self.contraction), _shares(self.expansion)
        shares = np.zeros((4, len(less) + len(more) + 3))
        shares[LOST, 0], shares[LESS, 1 : len(less) + 1] = 1.0, less[::-1]
        shares[SAME, len(less) + 1 : len(less) + 3] = 1 - self.small[0], self.small[0]
        shares[MORE, len(less) + 3 :] = more
        return shares

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> RatioShape:
        """The inverse of `to_json`."""
        return cls(**{name: tuple(part) for name, part in document.items()})


def fit_ratio_shape(
    prediction: Prediction, ratio: np.ndarray, weights: np.ndarray, accounts: np.ndarray, min_uplift: float = 0.0
) -> RatioShape:
    """Sizes of the changes that followed rows, over those expected of them where these tell sizes apart."""
    fate = fate_of(ratio, min_uplift)
    less, more = fate == LESS, fate == MORE
    down, usual_down = _sizes(prediction.d, prediction.q_contraction, 1 - ratio, weights, accounts, less)
    up, usual_up = _sizes(prediction.u, prediction.q, ratio - 1, weights, accounts, more)
    small = (fate == SAME) & (ratio > 1 + UNCHANGED)
    same = weights[fate == SAME].sum()
    return RatioShape(
        down,
        up,
        (usual_down, usual_up),
        (float(weights[small].sum() / same), float((ratio[small] - 1).max())) if small.any() else (0.0, 0.0),
    )


def _sizes(
    amount: np.ndarray,
    propensity: np.ndarray,
    size: np.ndarray,
    weights: np.ndarray,
    accounts: np.ndarray,
    happened: np.ndarray,
) -> tuple[tuple[float, ...], float | None]:
    """Ends of the bins of a change's size, and the usual expected size if they are over the expected one."""
    told = happened & (propensity > 1e-9) & (amount > 1e-9)
    expected = amount[told] / propensity[told]
    if not _tells(np.log(expected), np.log(size[told]), weights[told], accounts[told]):
        return _above(quantiles(size[happened], weights[happened], _LEVELS)), None
    usual = float(np.median(expected))
    return _above(quantiles((size / _expected(amount, propensity, usual))[happened], weights[happened], _LEVELS)), usual


def _above(sizes: tuple[float, ...]) -> tuple[float, ...]:
    """The next ten-thousandth above each: the same uplift of many accounts differs by what was rounded to cents."""
    return tuple((math.floor(size / _STEP + 1e-6) + 1) * _STEP for size in sizes)


def _tells(expected: np.ndarray, seen: np.ndarray, weights: np.ndarray, accounts: np.ndarray) -> bool:
    """Whether sizes rise with the expected ones, by at least half as much and beyond chance between accounts."""
    if len(np.unique(accounts)) < _MIN_SIZED:
        return False
    x = expected - np.average(expected, weights=weights)
    y = seen - np.average(seen, weights=weights)
    spread = float((weights * x * x).sum())
    if spread <= 1e-9 * weights.sum():
        return False
    slope = float((weights * x * y).sum()) / spread
    by_account = np.bincount(np.unique(accounts, return_inverse=True)[1], weights=weights * x * (y - slope * x))
    return bool(slope > 0.5 and slope * spread > 2 * np.sqrt((by_account**2).sum()))


def _expected(amount: np.ndarray, propensity: np.ndarray, usual: float | None) -> np.ndarray:
    """What sizes are over, shape (n,): 1, or the size expected of each row, within reach of the usual one."""
    if usual is None:
        return np.ones(len(amount))
    told = (propensity > 1e-9) & (amount > 0)
    size = np.where(told, amount / np.where(told, propensity, 1.0), usual)
    return np.asarray(np.minimum(np.maximum(size, usual / _MOST_SCALED), usual * _MOST_SCALED))


def _shares(upper: tuple[float, ...]) -> np.ndarray:
    return np.diff(np.array((0.0, *_LEVELS))) if upper else np.zeros(0)


@dataclass(frozen=True)
class ValueShape:
    """Cells of realised value in discounted months of starting MRR, and how each fate spreads over them.

    `shares` has a row for each fate (lost, less, same, more) that sums to 1, or to 0 if it never happened.
    """

    lows: tuple[float, ...]
    highs: tuple[float, ...]
    shares: tuple[tuple[float, ...], ...]

    def bins(self, prediction: Prediction) -> Bins:
        """The realised value's bins for rows, in discounted months of starting MRR."""
        lows, highs, shares = self._arrays
        weights = prediction.fates @ shares
        total = weights.sum(axis=1, keepdims=True)
        return lows, highs, np.where(total > 1e-12, weights / np.maximum(total, 1e-12), 1 / weights.shape[1])

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.array([self.lows]), np.array([self.highs]), np.array(self.shares)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"lows": list(self.lows), "highs": list(self.highs), "shares": [list(row) for row in self.shares]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> ValueShape:
        """The inverse of `to_json`."""
        return cls(tuple(document["lows"]), tuple(document["highs"]), tuple(tuple(row) for row in document["shares"]))


def fit_value_shape(values: np.ndarray, fate: np.ndarray, weights: np.ndarray) -> ValueShape:
    """Cells between the quantiles of each fate's values, as tight as the values in them (at least one row)."""
    values = np.round(values, 9)
    ends = np.unique(
        np.concatenate([quantiles(values[fate == f], weights[fate == f], _VALUE_LEVELS) for f in range(4)])
    )
    _, cell = np.unique(np.searchsorted(ends, values, side="left"), return_inverse=True)
    k = int(cell.max()) + 1
    lows, highs = np.full(k, np.inf), np.full(k, -np.inf)
    np.minimum.at(lows, cell, values)
    np.maximum.at(highs, cell, values)
    shares = np.stack([np.bincount(cell[fate == f], weights=weights[fate == f], minlength=k) for f in range(4)])
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    return ValueShape(
        tuple(math.floor(v / _STEP) * _STEP for v in lows),
        tuple(math.ceil(v / _STEP) * _STEP for v in highs),
        tuple(tuple(round(float(s), 6) for s in row) for row in shares),
    )

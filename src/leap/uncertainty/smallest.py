"""The narrowest interval that holds a share of a distribution given in bins."""

from __future__ import annotations

import numpy as np

_AS_NARROW = 1e-15
"""Of intervals that differ by less than this the first is taken: nothing but rounding tells them apart."""
_PAIRS_AT_ONCE = 1_000_000


def smallest(lows: np.ndarray, highs: np.ndarray, weights: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The narrowest [low, high] of neighbouring bins whose weight is at least the share, shape (n,) each.

    Bins are in order of their ends, shape (n, k) or (1, k); the weights, shape (n, k), sum to 1 in each row. A share of
    1 or more is everything, bins without weight as well.

    >>> low, high = smallest(np.array([[0, 0.5, 1]]), np.array([[0, 0.9, 1]]), np.array([[0.05, 0.05, 0.9]]), 0.9)
    >>> float(low[0]), float(high[0])
    (1.0, 1.0)
    """
    n, k = weights.shape
    if len(lows) != n or len(highs) != n:
        lows, highs = np.broadcast_to(lows, (n, k)), np.broadcast_to(highs, (n, k))
    if share >= 1:
        return np.array(lows[:, 0]), np.array(highs[:, -1])
    at_once = max(1, _PAIRS_AT_ONCE // (k * k))
    if n <= at_once:
        return _narrowest(lows, highs, weights, share)
    parts = [slice(start, start + at_once) for start in range(0, n, at_once)]
    found = [_narrowest(lows[part], highs[part], weights[part], share) for part in parts]
    return np.concatenate([low for low, _ in found]), np.concatenate([high for _, high in found])


def _narrowest(lows: np.ndarray, highs: np.ndarray, weights: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The same of rows few enough to compare every bin with every other at once."""
    n, k = weights.shape
    cumulated = np.zeros((n, k + 1))
    np.cumsum(weights, axis=1, out=cumulated[:, 1:])
    enough = cumulated[:, :-1] + share - 1e-12
    last = (cumulated[:, None, 1:] < enough[:, :, None]).sum(axis=2)
    rows = np.arange(n)
    top = highs[rows[:, None], np.minimum(last, k - 1)]
    # First everything, which stands where rounding leaves no interval enough weight, then what begins with each bin.
    widths = np.empty((n, k + 1))
    np.subtract(highs[:, -1], lows[:, 0], out=widths[:, 0])
    widths[:, 1:] = np.where(last < k, top - lows, np.inf)
    first = (widths <= widths.min(axis=1, keepdims=True) + _AS_NARROW).argmax(axis=1)
    begin = np.maximum(first - 1, 0)
    return lows[rows, begin], np.where(first > 0, top[rows, begin], highs[:, -1])

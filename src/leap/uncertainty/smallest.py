"""The narrowest interval that holds a share of a distribution given in bins."""

from __future__ import annotations

import numpy as np


def smallest(lows: np.ndarray, highs: np.ndarray, weights: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """The narrowest [low, high] of neighbouring bins whose weight is at least the share, shape (n,) each.

    Bins are in order of their ends, shape (n, k) or (1, k); the weights, shape (n, k), sum to 1 in each row. A share of
    1 or more is everything, bins without weight as well.

    >>> low, high = smallest(np.array([[0, 0.5, 1]]), np.array([[0, 0.9, 1]]), np.array([[0.05, 0.05, 0.9]]), 0.9)
    >>> float(low[0]), float(high[0])
    (1.0, 1.0)
    """
    n, k = weights.shape
    lows, highs = np.broadcast_to(lows, (n, k)), np.broadcast_to(highs, (n, k))
    low, high = np.array(lows[:, 0]), np.array(highs[:, -1])
    if share >= 1:
        return low, high
    cumulated = np.concatenate([np.zeros((n, 1)), np.cumsum(weights, axis=1)], axis=1)
    rows = np.arange(n)
    for i in range(k):
        last = (cumulated[:, 1:] < cumulated[:, [i]] + share - 1e-12).sum(axis=1)
        top = highs[rows, np.minimum(last, k - 1)]
        better = (last < k) & (top - lows[:, i] < high - low - 1e-15)
        low = np.where(better, lows[:, i], low)
        high = np.where(better, top, high)
    return low, high

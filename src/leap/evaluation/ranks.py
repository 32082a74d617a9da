"""Where accounts stand among all that paid at a date, and shares of accounts with their intervals."""

from __future__ import annotations

import numpy as np


def rank_percentile(score: np.ndarray) -> np.ndarray:
    """Where each score stands among all: 1.0 the highest, 0.0 the lowest, equals in the middle of their places.

    >>> rank_percentile(np.array([0.2, 0.9, 0.2])).tolist()
    [0.25, 1.0, 0.25]
    """
    if len(score) == 1:
        return np.array([0.5])
    lower, equal = _places(score)
    return np.asarray((lower + (equal - 1) / 2) / (len(score) - 1))


def in_top(score: np.ndarray, share: float) -> np.ndarray:
    """Chance of each to be among so many of the highest (rounded up), where equals are drawn by lot.

    >>> in_top(np.array([0.1, 0.9, 0.9, 0.5]), 0.25).tolist()
    [0.0, 0.5, 0.5, 0.0]
    """
    places = np.ceil(share * len(score) - 1e-9)
    lower, equal = _places(score)
    higher = len(score) - lower - equal
    return np.asarray(np.clip((places - higher) / equal, 0.0, 1.0))


def _places(score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many scores are lower than each, and how many are equal to it, itself among them."""
    ordered = np.sort(score)
    lower = np.searchsorted(ordered, score, side="left")
    return lower, np.searchsorted(ordered, score, side="right") - lower


def share_of(values: np.ndarray, n: int) -> dict[str, float]:
    """A mean of zeros and ones with Wilson's 95 % interval for `n` accounts, however many rows they have.

    The interval is no point where nobody or everybody has it.
    Wilson (1927), "Probable inference, the law of succession, and statistical inference".
    """
    z = 1.96
    if not n:
        return dict.fromkeys(("value", "low", "high"), float("nan"))
    share = float(values.mean())
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return {"value": share, "low": max(0.0, float(centre - half)), "high": min(1.0, float(centre + half))}


def mean_of(values: np.ndarray, n: int | None = None) -> dict[str, float]:
    """A mean with its 95 % interval by the normal law, as of `n` accounts; missing values are left out."""
    values = values[np.isfinite(values)]
    if not len(values):
        return dict.fromkeys(("value", "low", "high"), float("nan"))
    n = len(values) if n is None else n
    half = 1.96 * float(values.std(ddof=1)) / n**0.5 if n > 1 and len(values) > 1 else float("nan")
    mean = float(values.mean())
    return {"value": mean, "low": mean - half, "high": mean + half}

"""Intervals of shares of accounts, that also hold where few accounts or none have a thing."""

from __future__ import annotations

import numpy as np

_Z = 1.96


def wilson(part: float, whole: float, z: float = _Z) -> tuple[float, float]:
    """The interval of a share, `z` standard errors to each side.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference".


    >>> [round(end, 4) for end in wilson(15, 148)]
    [0.0624, 0.1605]
    """
    share = part / whole
    middle = share + z**2 / (2 * whole)
    spread = z * np.sqrt(share * (1 - share) / whole + z**2 / (4 * whole**2))
    scale = 1 + z**2 / whole
    return float((middle - spread) / scale), float((middle + spread) / scale)


def difference_of_shares(part_a: int, whole_a: int, part_b: int, whole_b: int) -> tuple[float, float]:
    """The 95 % interval of the first share less the second: Newcombe (1998), "Interval estimation for the difference
    between independent proportions", method 10.

    >>> [round(end, 4) for end in difference_of_shares(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    a, b = part_a / whole_a, part_b / whole_b
    (low_a, high_a), (low_b, high_b) = wilson(part_a, whole_a), wilson(part_b, whole_b)
    low = a - b - float(np.hypot(a - low_a, high_b - b))
    high = a - b + float(np.hypot(high_a - a, b - low_b))
    return low, high

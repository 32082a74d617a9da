"""Rounded figures that add up to their rounded total, so that a reader can check a column by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence


def adding_up(values: Sequence[float], total: float | None = None) -> list[int]:
    """Whole numbers that come to the total, each less than one from its value: the largest remainders are rounded up.

    `total` is the sum of the values, rounded up or down; by default to the nearest. The method is Hamilton's, as seats
    are apportioned.

    >>> adding_up([1.4, 1.4, 1.4]), adding_up([-0.6, -0.6, 0.2]), adding_up([2.0, 0.0])
    ([2, 1, 1], [0, -1, 0], [2, 0])
    >>> adding_up([0.5, 0.7], total=1)
    [0, 1]
    """
    # What is whole but for the last digits of a float is whole.
    near = [float(round(value)) if abs(value - round(value)) < 1e-9 else value for value in values]
    found = [math.floor(value) for value in near]
    by_remainder = sorted(range(len(near)), key=lambda i: found[i] - near[i])
    missing = (round(sum(values)) if total is None else round(total)) - sum(found)
    for i in by_remainder[: max(missing, 0)]:
        found[i] += 1
    for i in by_remainder[missing:] if missing < 0 else ():
        found[i] -= 1
    return found

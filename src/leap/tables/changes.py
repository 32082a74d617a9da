"""Columns that are not the same before and after a date: another unit, or words where numbers were."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

_FEWEST_ROWS = 36
_MOST_BINS = 36
_FEWEST_BINS = 8
_ROWS_A_BIN = 10
_MOST_ROWS = 200_000
_SMALLEST = np.log10(8)
_NEAR_POWER = 0.12
_BESIDE = 3
_MOSTLY = 0.6


@dataclass(frozen=True)
class Change:
    """From `since` on the values are `size` times as large; `count` rows lie there."""

    since: np.datetime64
    size: float
    count: int


def unit_change(at: np.ndarray, values: np.ndarray) -> Change | None:
    """A jump by a factor of eight or more that stays; nothing where values only grow or fluctuate.

    Rows in order of time are cut into bins of equal size, so that sparse years have wide ones. The medians of log10 of
    up to three bins on either side must lie twice as far apart as they do among themselves, and nearly all
    later bins and rows must stay on the new side, and most of the step must remain beside a trend. Signs and zeros play
    no part.
    """
    size = np.abs(values)
    usable = np.isfinite(size) & (size > 0) & ~np.isnat(at)
    if usable.sum() < _FEWEST_ROWS:
        return None
    when, size = at[usable], size[usable]
    order = np.argsort(when, kind="stable")
    if len(order) > _MOST_ROWS:
        order = order[np.linspace(0, len(order) - 1, _MOST_ROWS).astype(np.int64)]
    ordered, logs = when[order], np.log10(size[order])
    edges = np.linspace(0, len(logs), min(_MOST_BINS, max(_FEWEST_BINS, len(logs) // _ROWS_A_BIN)) + 1).astype(np.int64)
    medians = np.array([np.median(logs[a:b]) for a, b in pairwise(edges)])
    found = _largest_jump(medians)
    if found is None:
        return None
    first, last, jump, middle = found
    place = _split(ordered, np.sign(jump) * (logs - middle) > 0, int(edges[max(first - 1, 0)]), int(edges[last]))
    if place is None:
        return None
    step = _beside_a_trend(logs, place)
    if step * np.sign(jump) < _MOSTLY * abs(jump):
        return None
    since = ordered[place]
    # The jump is the clearest of many and so too large where values scatter; the step has all rows behind it.
    return Change(since, _rounded(step), int((when >= since).sum()))


def _largest_jump(medians: np.ndarray) -> tuple[int, int, float, float] | None:
    """Where a jump lies (before which bin, and by which bin it is over), its log10 and the middle between the levels.

    A change inside a bin leaves that bin in between: it is left out in a second look.
    """
    best, clearest = None, 0.0
    for first in range(2, len(medians) - 1):
        for after_first in (first, first + 1):
            before, after = medians[max(0, first - _BESIDE) : first], medians[after_first : after_first + _BESIDE]
            if len(after) < 2:
                continue
            low, high = float(np.median(before)), float(np.median(after))
            jump, spread = high - low, max(float(np.ptp(before)), float(np.ptp(after)))
            middle = (low + high) / 2
            if abs(jump) < _SMALLEST or spread > abs(jump) / 2 or abs(jump) - spread <= clearest:
                continue
            side = np.sign(jump) * (medians - middle) > 0
            if side[after_first:].mean() >= 0.9 and side[:first].mean() <= 0.1:
                best, clearest = (first, after_first + 1, jump, middle), abs(jump) - spread
    return best


def _split(when: np.ndarray, beyond: np.ndarray, low: int, high: int) -> int | None:
    """The first row of the moment between two places from which on most rows are beyond; None if it parts badly."""
    before = np.concatenate([[0], np.cumsum(beyond)])
    begins = np.flatnonzero(np.concatenate([[True], when[1:] != when[:-1]]))
    begins = begins[(begins >= low) & (begins <= high) & (begins > 0)]
    if not len(begins):
        return None
    wrong = before[begins] + (len(when) - begins) - (before[-1] - before[begins])
    place = int(begins[np.argmin(wrong)])
    if beyond[:place].mean() > 0.25 or beyond[place:].mean() < 0.75:
        return None
    return place


def _beside_a_trend(logs: np.ndarray, place: int) -> float:
    """The step at a place when a straight line over all rows may explain what it can (least squares)."""
    n = len(logs)
    columns = np.column_stack([np.ones(n), np.linspace(0, 1, n), np.arange(n) >= place])
    return float(np.linalg.lstsq(columns, logs, rcond=None)[0][2])


def _rounded(jump: float) -> float:
    """A factor near a power of ten is that power; others have two digits."""
    if abs(jump - round(jump)) <= _NEAR_POWER:
        return float(10.0 ** round(jump))
    return float(f"{10.0**jump:.2g}")


def turning_date(at: np.ndarray, words: np.ndarray) -> tuple[np.datetime64, bool, int] | None:
    """From when on a column holds words where it held numbers (or, if False, the reverse), and how many rows lie there.

    `words` says of each present value whether it is no number. At least five rows on either side, 95 % of one sort.
    """
    usable = ~np.isnat(at)
    order = np.argsort(at[usable], kind="stable")
    when, sort = at[usable][order], words[usable][order]
    if min(sort.sum(), (~sort).sum()) < 5:
        return None
    for became_words in (True, False):
        beyond = sort if became_words else ~sort
        counted = np.concatenate([[0], np.cumsum(beyond)])
        begins = np.flatnonzero(when[1:] != when[:-1]) + 1
        if not len(begins):
            return None
        wrong = counted[begins] + (len(when) - begins) - (counted[-1] - counted[begins])
        place = int(begins[np.argmin(wrong)])
        if min(place, len(when) - place) >= 5 and beyond[:place].mean() <= 0.05 and beyond[place:].mean() >= 0.95:
            return when[place], became_words, len(when) - place
    return None

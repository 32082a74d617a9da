"""Temporal folds, purged by the horizon: no training label is still open at the cutoff.

A worked example: horizon 12 months, data from 2020-01-01, end of data 2024-01-02. The last complete row is of
2023-01-01.
A fold with cutoff 2022-01-01 trains on rows whose outcome was known by then (as_of up to 2021-01-01) and tests on
the rows of 2022-01-01 and later; the year between them is the gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

_MAX_FOLDS = 4
_MAX_BLOCK_MONTHS = 12
_MIN_TRAIN_MONTHS = 6
"""Of training rows before the first cutoff; where the horizon is shorter, as many months as it has."""


@dataclass(frozen=True)
class Fold:
    """Masks over rows; every training outcome was known at the cutoff, every test row is of the cutoff or later."""

    cutoff: pd.Timestamp
    train: np.ndarray
    test: np.ndarray


def temporal_folds(
    as_of: np.ndarray,
    known_at: np.ndarray,
    complete: np.ndarray,
    trainable: np.ndarray,
    not_before: pd.Timestamp | None = None,
) -> list[Fold]:
    """Up to four outer folds over the latest rows, each tested on at most twelve months; none if the history is too
    short.

    `as_of` and `known_at` are datetime64 arrays, shape (n,); outer folds hold all accounts, as in use. No cutoff lies
    before `not_before` if any fold can lie after it.
    """
    if not complete.any():
        return []
    first, last = pd.Timestamp(as_of.min()).normalize(), pd.Timestamp(as_of[complete].max())
    gap = pd.Timestamp(known_at[0]) - pd.Timestamp(as_of[0])
    earliest = _month(first + gap) + pd.DateOffset(months=train_months(gap))
    end = _month(last + pd.Timedelta(microseconds=1))
    if not_before is not None and earliest < _month(not_before) < end:
        earliest = _month(not_before)
    span = _months_between(earliest, end)
    if span < 1:
        return []
    count = max(1, min(_MAX_FOLDS, span // 3))
    block = min(_MAX_BLOCK_MONTHS, span // count)
    folds = []
    for k in range(count):
        cutoff = end - pd.DateOffset(months=block * (count - k))
        until = cutoff + pd.DateOffset(months=block)
        at, to = cutoff.to_datetime64(), until.to_datetime64()
        train = trainable & (known_at <= at)
        test = complete & (as_of >= at) & (as_of < to)
        if train.any() and test.any():
            folds.append(Fold(cutoff, train, test))
    return folds


def train_months(gap: pd.Timedelta) -> int:
    """Months of training rows that the first fold has, by the time until an outcome is known.

    >>> train_months(pd.Timedelta(days=365)), train_months(pd.Timedelta(days=92))
    (6, 3)
    """
    return min(_MIN_TRAIN_MONTHS, max(1, round(gap.days / 30.4375)))


def inner_folds(
    accounts: np.ndarray, as_of: np.ndarray, known_at: np.ndarray, count: int = 4
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of masks (train, validation) over training rows, disjoint in accounts and purged in time where the rows
    allow.

    Accounts are dealt to groups by a fixed hash of their position, so that row order changes nothing. The rows of a
    group
    after the middle cutoff validate what the other groups' rows, known by then, have trained; a history shorter than
    the horizon leaves only the parting by accounts.
    """
    group = dealt(accounts, count)
    cutoff = _inner_cutoff(as_of, known_at)
    before = known_at <= cutoff if cutoff is not None else np.ones(len(as_of), dtype=bool)
    after = as_of >= cutoff if cutoff is not None else np.ones(len(as_of), dtype=bool)
    pairs = [((group != k) & before, (group == k) & after) for k in range(count)]
    return [(train, validation) for train, validation in pairs if train.any() and validation.any()]


def dealt(accounts: np.ndarray, count: int) -> np.ndarray:
    """The part of each row's account, 0 to count - 1, shape (n,): by a fixed hash of its position."""
    return (accounts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)).astype(np.int64) % count


def _inner_cutoff(as_of: np.ndarray, known_at: np.ndarray) -> np.datetime64 | None:
    """The earliest cutoff that leaves at least 40 % of the rows to train on and 20 % to validate; None if there is
    none.
    """
    for date in np.unique(as_of):
        trained, validated = (known_at <= date).mean(), (as_of >= date).mean()
        if validated < 0.2:
            return None
        if trained >= 0.4:
            return np.datetime64(date)
    return None


def _month(moment: pd.Timestamp) -> pd.Timestamp:
    start = moment.normalize().replace(day=1)
    return start if start == moment else start + pd.DateOffset(months=1)


def _months_between(start: pd.Timestamp, end: pd.Timestamp) -> int:
    return (end.year - start.year) * 12 + end.month - start.month

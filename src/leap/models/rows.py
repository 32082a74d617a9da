"""Training rows of one outcome, and the younger ones whose outcome has only begun to show."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leap.models.boosting import Bins
from leap.models.learners import Task

HALF_LIFE_MONTHS = 24.0
"""For what tells accounts apart, a row counts half as much as one of two years later."""

_MANY_ROWS = 8_000


@dataclass(frozen=True)
class OpenRows:
    """Rows less than a horizon old at a cutoff, shape (n, width) and (n,): never counted as retained.

    `gone` is 1.0 where the account does not pay at the cutoff; `share` is what part of the rows that churn within the
    horizon had gone as long after their date, among the rows whose outcome is known.
    """

    matrix: np.ndarray
    gone: np.ndarray
    share: np.ndarray
    as_of: np.ndarray
    accounts: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Training rows of one outcome, sorted by (account, as_of): encoded matrix, outcome, weight and their folds'
    keys.
    """

    matrix: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    accounts: np.ndarray
    as_of: np.ndarray
    known_at: np.ndarray
    task: Task
    open: OpenRows | None = None
    """Younger rows, for the level alone."""
    bins: Bins | None = None
    """The matrix binned, if its rows share bins with others."""

    def binned(self) -> Rows:
        """The same rows with bins that all their parts share."""
        return self if self.bins else replace(self, bins=Bins.of(self.matrix))

    def where(self, keep: np.ndarray) -> Rows:
        """The rows that a mask keeps; the open ones stay as they are."""
        arrays = {name: getattr(self, name)[keep] for name in _ARRAYS}
        bins = self.bins.where(keep) if self.bins else None
        return Rows(**arrays, task=self.task, open=self.open, bins=bins)

    @property
    def n_accounts(self) -> int:
        """Distinct accounts."""
        return len(np.unique(self.accounts))

    @property
    def n_events(self) -> int:
        """Accounts with the event at least once (binary), a ratio that moved (ratio), or a number other than the most
        frequent one (number).
        """
        if self.task == "binary":
            happened = self.outcome > 0
        else:
            usual = 1.0 if self.task == "ratio" else most_frequent(self.outcome)
            happened = np.abs(self.outcome - usual) > 1e-9
        return len(np.unique(self.accounts[happened]))

    @property
    def n_without(self) -> int:
        """Accounts with a row in which the event did not happen; one that had it at another date counts too."""
        return len(np.unique(self.accounts[self.outcome == 0]))

    @property
    def rows_per_account(self) -> float:
        """Mean number of rows an account has."""
        return len(self.outcome) / max(self.n_accounts, 1)


_ARRAYS = ("matrix", "outcome", "weight", "accounts", "as_of", "known_at")


def most_frequent(values: np.ndarray) -> float:
    """The value that stands most often, the smallest of several.

    >>> most_frequent(np.array([3.0, 0.0, 0.0]))
    0.0
    """
    distinct, count = np.unique(values, return_counts=True)
    return float(distinct[np.argmax(count)]) if len(distinct) else float("nan")


def recency(
    as_of: np.ndarray, half_life_months: float = HALF_LIFE_MONTHS, newest: np.datetime64 | None = None
) -> np.ndarray:
    """Weights of rows by age, 1 for the newest (or at a moment given), shape (n,)."""
    age: np.ndarray = (as_of.max() if newest is None else newest) - as_of
    months = age / np.timedelta64(1, "D") / 30.4375
    return np.asarray(0.5 ** (months / half_life_months))


def thinned(rows: Rows) -> Rows:
    """Every third (or sixth) date of many rows: monthly snapshots of an account say nearly the same.

    Of very many rows of one date so many accounts that 40,000 are left.
    """
    if len(rows.outcome) <= _MANY_ROWS:
        return rows
    if rows.as_of.min() == rows.as_of.max():
        return rows.where(rows.accounts % -(-len(rows.outcome) // (5 * _MANY_ROWS)) == 0)
    return rows.where(thinned_dates(rows.as_of))


def thinned_dates(as_of: np.ndarray) -> np.ndarray:
    """Marks all of few rows, else those of every third (or sixth) of their dates, shape (n,)."""
    if len(as_of) <= _MANY_ROWS:
        return np.ones(len(as_of), dtype=bool)
    step = 3 if len(as_of) <= 5 * _MANY_ROWS else 6
    return np.isin(as_of, np.unique(as_of)[::-1][::step])

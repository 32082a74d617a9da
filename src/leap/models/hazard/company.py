"""The customers of a company, followed month by month from their snapshots.

An account is gone in the first month at whose end it has no MRR, unless it is back within the horizon (or sooner, by
`grace_days` and `max_gap_days`), as for the outcome. What is asked at a moment uses only what was known then: a gap
that was closed later was not closed yet, and an account without MRR for fewer than the days of grace is not gone, but
no longer followed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import build_features
from leap.models.frames import ScopeFrame
from leap.models.hazard.followed import Followed
from leap.models.hazard.model import Hazard, fit_hazard
from leap.models.hazard.timing import Timing
from leap.revenue import Revenue
from leap.snapshots import Snapshots, as_of_dates, customer_snapshots, known_as, with_full_months
from leap.tables import AccountTables

_DAYS = 30.4375


@dataclass(frozen=True)
class MonthlyBook:
    """Who pays at the first of every month: `there` has a row for every account, shape (n_accounts, n_dates), in which
    it is followed under the names that it has later.
    """

    dates: pd.DatetimeIndex
    there: np.ndarray
    grace_days: int
    longest_gap: int

    @classmethod
    def of(cls, tables: AccountTables) -> MonthlyBook:
        """From the first date with full months to the end of the data."""
        revenue, rule = Revenue(tables), tables.settings.outcome
        first = as_of_dates(tables)
        dates = pd.date_range(first[0], tables.data_until, freq="MS") if first else pd.DatetimeIndex([])
        dates = dates[dates < tables.data_until]
        everyone = np.arange(len(tables.accounts))
        there = np.zeros((len(everyone), len(dates)), dtype=bool)
        for column, date in enumerate(dates):
            there[:, column] = (revenue.mrr_at(date) > 0)[known_as(tables, everyone, date)]
        gap = rule.horizon_months - 1
        if rule.max_gap_days is not None:
            gap = min(gap, int(rule.max_gap_days // _DAYS))
        return cls(dates, there, rule.grace_days, gap)

    def followed(self, snapshots: Snapshots, until: pd.Timestamp) -> tuple[np.ndarray, np.ndarray]:
        """For how many months each snapshot was seen by a moment, and whether it was gone then; shape (n,) each."""
        rows = snapshots.rows
        codes, start = rows["code"].to_numpy(), self.dates.get_indexer(pd.DatetimeIndex(rows["as_of"]))
        known = int((self.dates < until).sum())
        inside = (start >= 0) & (start < known)
        months, gone = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
        exits = _next_absence(_closed(self.there[:, :known], self.longest_gap))[codes[inside], start[inside]]
        left = exits < known
        sure = np.append(self.dates[:known] + pd.Timedelta(days=self.grace_days) < until, False)[exits]
        # Whose absence is younger than the days of grace is no longer seen, and not gone.
        months[inside] = exits - start[inside] - np.where(sure, 0, 1)
        gone[inside] = left & sure
        return np.maximum(months, 0), gone


def _next_absence(there: np.ndarray) -> np.ndarray:
    """The first date from each on at which an account is not there, the number of dates where there is none."""
    n_dates = there.shape[1]
    absent = np.where(there, n_dates, np.arange(n_dates)[None, :])
    return np.asarray(np.minimum.accumulate(absent[:, ::-1], axis=1)[:, ::-1])


def _closed(there: np.ndarray, longest: int) -> np.ndarray:
    """Gaps of at most so many months are closed where the account came back; shape (n, months)."""
    closed = there.copy()
    for length in range(1, longest + 1):
        for first in range(1, there.shape[1] - length):
            back = there[:, first - 1] & there[:, first + length] & ~there[:, first : first + length].any(axis=1)
            closed[back, first : first + length] = True
    return closed


@dataclass(frozen=True)
class Customers:
    """Snapshots of all customers, those too young for an outcome among them, encoded; sorted by (account, as_of)."""

    book: MonthlyBook
    snapshots: Snapshots
    matrix: np.ndarray
    timing: Timing

    def followed(self, until: pd.Timestamp) -> Followed:
        """As known at a moment: rows of earlier dates whose end was not already known, the months seen by then."""
        rows = self.snapshots.rows
        months, gone = self.book.followed(self.snapshots, until)
        keep = (rows["as_of"] < until).to_numpy() & ~rows["leaving"].to_numpy(dtype=bool)
        as_of = rows["as_of"].to_numpy().astype("datetime64[us]")
        return Followed(self.matrix, months, gone, rows["code"].to_numpy(), as_of).where(keep)


def customers(tables: AccountTables, frame: ScopeFrame) -> Customers:
    """The rows of a health frame, and beside them those that are too young for an outcome."""
    young = _young(tables, frame)
    features = build_features(tables, young, frame.features.catalog)
    joined = pd.concat([frame.snapshots.rows, young.rows], ignore_index=True)
    matrix = np.vstack([frame.rows.matrix, frame.encoder.encode(features)])
    order = np.lexsort((joined["as_of"].to_numpy(), joined["code"].to_numpy()))
    rows = joined.iloc[order].reset_index(drop=True)
    return Customers(MonthlyBook.of(tables), Snapshots(rows), matrix[order], Timing.of(frame.encoder))


def _young(tables: AccountTables, frame: ScopeFrame) -> Snapshots:
    last = frame.snapshots.rows["as_of"].max()
    found = customer_snapshots(tables, [date for date in as_of_dates(tables) if date > last])
    return found.where(with_full_months(tables, found))


def fit_customers(tables: AccountTables, frame: ScopeFrame, *, seed: int = 0) -> Hazard | None:
    """The hazard of a company's customers, from all that is known at the end of the data."""
    found = customers(tables, frame)
    return fit_hazard(found.followed(tables.data_until), found.timing, seed=seed)

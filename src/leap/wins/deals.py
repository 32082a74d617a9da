"""One entry a deal, and from when its result counts as known.

Deals still open never count as lost. Among those created lately only the quick ones are closed, and these may be won
more or less often than the slow ones: a result therefore counts from the day it is known *and* the deal is older than
the 90th percentile of the sales cycles known by then. Deals older than that and still open are counted, not guessed.

A worked example: nine of ten deals close within 120 days. On 2024-07-01 a deal of 2024-05-01 that was lost after a week
is not learned from yet; one of 2024-01-10 that was won in June is; one of 2023-11-01 that is still open is overdue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.revenue import Revenue, us
from leap.snapshots import known_as
from leap.tables import AccountTables
from leap.tables.canonical import CLOSED, CREATED, KEY, KNOWN, WON

CYCLE_QUANTILE = 0.9
_NEVER = np.datetime64("NaT", "us")
_INSTANT = np.timedelta64(1, "us")


@dataclass(frozen=True)
class LeftOut:
    """Deals that say nothing of how prospects are won: numbers of rows, each counted once, in this order."""

    of_customers: int = 0
    """Created when the account paid already: extensions and renewals, which are won far more often."""
    closed_before_created: int = 0
    without_result: int = 0
    """Closed without won or lost: no result can be read."""


@dataclass(frozen=True)
class Deals:
    """Deals of accounts that were prospects at their creation, sorted by (account, creation), shape (n,) each.

    `codes` are the accounts as known at the creation, `accounts` as known at the end of the data (merged ones are one).
    `closed` is NaT and `won` NaN while a deal is open; `entered` is when its row was known.
    """

    codes: np.ndarray
    accounts: np.ndarray
    created: np.ndarray
    entered: np.ndarray
    closed: np.ndarray
    won: np.ndarray
    left_out: LeftOut

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def of(cls, tables: AccountTables) -> Deals:
        """Every deal of the tables with role `deals`, as known before the end of the data."""
        rows = pd.concat([table.rows[_COLUMNS] for table in tables.with_role("deals")], ignore_index=True)
        written = tables.codes_of(rows[KEY])
        at = {name: rows[column].to_numpy().astype("datetime64[us]") for name, column in _MOMENTS.items()}
        everyone = cls(
            codes=_known_as_at(tables, written, at["created"]),
            accounts=known_as(tables, written, tables.data_until),
            won=rows[WON].to_numpy(dtype=float),
            left_out=LeftOut(),
            **at,
        )
        return everyone._usable(tables)

    def where(self, keep: np.ndarray) -> Deals:
        """The deals that a mask or positions keep."""
        return Deals(**{name: getattr(self, name)[keep] for name in _ARRAYS}, left_out=self.left_out)

    def _usable(self, tables: AccountTables) -> Deals:
        paid = _first_paid(tables)[self.codes]
        customer = ~np.isnat(paid) & (paid < self.created)
        early = ~customer & (self.closed < self.created.astype("datetime64[D]"))
        # A result without a date of closing was known at no time that could be told: such deals are open.
        unclear = ~customer & ~early & ~np.isnat(self.closed) & np.isnan(self.won)
        kept = np.flatnonzero(~(customer | early | unclear))
        left_out = LeftOut(int(customer.sum()), int(early.sum()), int(unclear.sum()))
        order = kept[np.lexsort((self.won[kept], self.closed[kept], self.created[kept], self.codes[kept]))]
        found = self.where(order)
        return Deals(**{name: getattr(found, name) for name in _ARRAYS}, left_out=left_out)

    def closed_before(self, moment: np.datetime64) -> np.ndarray:
        """Deals whose result was known before a moment, shape (n,)."""
        return np.asarray((self.closed < moment) & (self.entered < moment))

    def cycle(self, moment: np.datetime64) -> np.timedelta64:
        """The 90th percentile of the sales cycles known before a moment, in days; zero where there are none."""
        known = self.closed_before(moment)
        if not known.any():
            return np.timedelta64(0, "D")
        days = np.maximum((self.closed[known] - self.created[known]) / np.timedelta64(1, "D"), 0.0)
        return np.timedelta64(int(np.ceil(np.quantile(days, CYCLE_QUANTILE))), "D")

    def counted_from(self, cycle: np.timedelta64) -> np.ndarray:
        """The moment from which the result of each deal counts as known, shape (n,); NaT for those that are open."""
        closed = np.where(np.isnan(self.won), _NEVER, self.closed)
        last = np.maximum(np.maximum(closed, self.entered), self.created + cycle.astype("timedelta64[us]"))
        return np.asarray(last + _INSTANT)

    def known_at(self, moment: np.datetime64) -> np.ndarray:
        """Deals whose result counts as known at a moment, by the sales cycles of then, shape (n,).

        Nothing that happened at or after the moment takes part.
        """
        return np.asarray(self.counted_from(self.cycle(moment)) <= moment)

    def open_at(self, moment: np.datetime64) -> tuple[int, int]:
        """Deals created before a moment and open at it; how many of them are older than the sales cycle of then."""
        is_open = (self.created < moment) & (self.entered < moment) & ~self.closed_before(moment)
        overdue = is_open & (self.created + self.cycle(moment).astype("timedelta64[us]") < moment)
        return int(is_open.sum()), int(overdue.sum())


_ARRAYS = ("codes", "accounts", "created", "entered", "closed", "won")
_MOMENTS = {"created": CREATED, "entered": KNOWN, "closed": CLOSED}
_COLUMNS = [KEY, CREATED, KNOWN, CLOSED, WON]


def _known_as_at(tables: AccountTables, codes: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """The account that each code was known as at its own moment, shape (n,)."""
    if tables.lineage is None:
        return codes
    result = codes.copy()
    for moment in np.unique(moments):
        at = moments == moment
        result[at] = tables.lineage.now(pd.Timestamp(moment))[codes[at]]
    return result


def _first_paid(tables: AccountTables) -> np.ndarray:
    """When each account first paid, NaT for those that never did, shape (n_accounts,)."""
    if not tables.with_role("revenue"):
        return np.full(len(tables.accounts), _NEVER)
    return Revenue(tables).first_paid_at(None).astype("datetime64[us]")


def end_of(tables: AccountTables) -> np.datetime64:
    """The end of the data as numpy has it."""
    return us(tables.data_until)

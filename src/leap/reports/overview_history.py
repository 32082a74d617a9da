"""How the book did so far: retention of one trailing window after the other, as `leap retention` has each of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

from leap.revenue import RetentionFigures, Revenue, add_months, window
from leap.revenue.ends import ends_of, known_at
from leap.tables import AccountTables

MOST_MONTHLY: Final = 36
"""So many complete windows are told month by month; where there are more, quarter by quarter."""
MOST: Final = 40
"""No more windows are looked at: ten years of quarters."""
FEWEST_ACCOUNTS: Final = 25
"""Windows with fewer accounts at their start, which one account moves by points, are left out; but only those with less
than a quarter of what the last one has, so that a small book has a history too."""
YEAR: Final = 12


@dataclass(frozen=True)
class Window:
    """Retention of those that paid on `start`, on `end`; fractions, None where nobody paid."""

    start: date
    end: date
    accounts: int
    nrr: float | None
    grr: float | None
    churn: float | None
    """The share of the starting MRR whose accounts pay nothing at the end."""


@dataclass(frozen=True)
class History:
    """Complete windows, oldest first, `every_months` apart; the last one is that of the key figures.

    `thin` windows were left out for their few accounts, `older` ones for their number. Without any window `first` says
    when revenue begins, None where there is none.
    """

    windows: tuple[Window, ...]
    every_months: int
    first: date | None
    thin: int = 0
    older: int = 0

    def ago(self, months: int) -> Window | None:
        """The window that ended so many months before the last one; None where there is none."""
        if not self.windows:
            return None
        wanted = add_months(pd.Timestamp(self.windows[-1].end), -months).date()
        return next((one for one in self.windows if one.end == wanted), None)


def history(tables: AccountTables) -> History:
    """The windows of a company: as long as its horizon, back as far as they are complete.

    The last ends as late as outcomes are known, the others whole months before it. Only the two ends of each window
    are measured, so that a hundred thousand accounts take seconds.
    """
    revenue, settings = Revenue(tables), tables.settings
    if not len(revenue.rows.start):
        return History((), 1, None)
    _, last = window(tables, None, None)
    months = settings.outcome.horizon_months
    complete = _complete(revenue.first_whole, last, months)
    every = 1 if complete <= MOST_MONTHLY else 3
    count = -(-complete // every)
    found = [_window(tables, revenue, add_months(last, -every * k), months) for k in range(min(count, MOST))]
    fewest = min(FEWEST_ACCOUNTS, found[0].accounts // 4) if found else 0
    kept = tuple(one for one in reversed(found) if one.accounts >= fewest)
    return History(kept, every, revenue.first_moment.date(), len(found) - len(kept), max(0, count - MOST))


def _complete(first: pd.Timestamp, last: pd.Timestamp, months: int) -> int:
    """How many windows, a month apart, begin no earlier than `first`."""
    count = max(0, (last.year - first.year) * YEAR + last.month - first.month - months + 2)
    while count and add_months(add_months(last, -(count - 1)), -months) < first:
        count -= 1
    return count


def _window(tables: AccountTables, revenue: Revenue, end: pd.Timestamp, months: int) -> Window:
    start, known = add_months(end, -months), known_at(tables.settings, end)
    starting = revenue.mrr_at(start, lineage_at=known)
    own = RetentionFigures.of(starting, ends_of(revenue, tables.settings, start, end))
    return Window(start.date(), end.date(), own.accounts, own.nrr, own.grr, own.churn_rate)

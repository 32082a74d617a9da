"""What a model says of one account at earlier dates: of each, from what was known then, in one pass over its own rows.

It is the present model throughout, so that a difference is one of the account and not of models; what was said at the
time is not kept anywhere, and may have been another figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.errors import UnknownAccount
from leap.revenue import PARTS, Revenue, add_months
from leap.revenue.changes import changes
from leap.revenue.definitions import OPEN
from leap.scoring.changes import AccountChange, changes_between
from leap.scoring.scored import score, score_prospects
from leap.scoring.scorer import Scorer
from leap.scoring.standing import Standing, Unpaid, code_of, standing
from leap.scoring.table import ScoreTable
from leap.snapshots import customer_snapshots, known_as
from leap.tables import AccountTables

MONTHS = 24
"""How far back is looked, from the last day as a customer."""
QUARTER = 3
APART_DAYS = 5
"""A month that began fewer days before the last moment says nothing beside it."""
MOST_MOVEMENTS = 40
"""Of one account the latest; one that is billed by the day has a change for each."""


@dataclass(frozen=True)
class Past:
    """An account at a moment; with a score, `row` is its place in the table of scores, and NRR has an interval."""

    standing: Standing
    row: int | None = None
    low: float | None = None
    high: float | None = None

    @property
    def as_of(self) -> str:
        """The day."""
        return self.standing.as_of

    @property
    def is_scored(self) -> bool:
        """Whether the model says anything of it."""
        return self.row is not None


@dataclass(frozen=True)
class Movement:
    """A dated change of MRR: new, expansion, contraction, churn or reactivation, as `leap.revenue.Movements` has it."""

    at: str
    kind: str
    before: float
    after: float


@dataclass(frozen=True)
class History:
    """One account from its first month as a customer, or `MONTHS` back, to the day of the scorer or its last as one.

    `now` is what it is on the scorer's day; `since` when it first paid, `renews` its next renewal and `ends` its known
    end, where there are any. `movements` are those of subscriptions; orders have none.
    """

    account_id: str
    name: str
    now: Standing
    pasts: tuple[Past, ...]
    movements: tuple[Movement, ...]
    table: ScoreTable
    since: str | None = None
    renews: str | None = None
    ends: str | None = None

    @cached_property
    def scored(self) -> tuple[Past, ...]:
        """The moments with a score, oldest first."""
        return tuple(one for one in self.pasts if one.is_scored)

    @property
    def last_score(self) -> dict[str, Any] | None:
        """The latest score with all its reasons, as JSON; None where there never was one."""
        row = self.scored[-1].row if self.scored else None
        return None if row is None else self.table.to_json(row, len(self.table.columns))

    def usual_since(self) -> str | None:
        """The scored moment that is nearest to a quarter before the last; None where there is none before it."""
        if len(self.scored) < 2:
            return None
        last = pd.Timestamp(self.scored[-1].as_of)
        wanted = last - pd.DateOffset(months=QUARTER)
        earlier = self.scored[:-1]
        return min(earlier, key=lambda one: (abs(pd.Timestamp(one.as_of) - wanted), one.as_of)).as_of

    def change_since(self, since: str) -> AccountChange:
        """Why the last score differs from that of an earlier moment, exactly as `account_change`; ValueError for a day
        of which there is no score.
        """
        first = next((one for one in self.scored[:-1] if one.as_of == since), None)
        if first is None or first.row is None or self.scored[-1].row is None:
            raise ValueError(f"{since}: there is no earlier score of {self.account_id} on this day.")
        last, currency = self.scored[-1], self.table.bundle.settings.company.currency
        found = changes_between(self.table, first.row, self.table, self.scored[-1].row)
        return AccountChange(
            self.account_id, self.name, self.table.version, currency, first.standing, last.standing, found
        )


def history_of(scorer: Scorer, account_id: str, months: int = MONTHS) -> History:
    """The account at the beginning of every month; only its own rows are looked at.

    UnknownAccount where no table has the id, or it is known as another account by now.
    """
    own, code = _own(scorer, account_id)
    at, revenue = scorer.moment, Revenue(own)
    codes = np.arange(len(own.accounts))
    # Whoever it was known as, all rows here are its own.
    first = _first_paid(revenue)
    paying = bool(revenue.mrr_at(at).sum() > 0)
    moments = _moments(first, at if paying else _last_paid(revenue, at), months)
    snapshots = customer_snapshots(own, moments)
    table = score(scorer.bundle, own, snapshots, scorer.version, apart=True)
    low, high = table.nrr_interval if len(table) else (np.zeros(0), np.zeros(0))
    rows_at = _rows_at(table)
    pasts = []
    for moment in moments:
        rows = rows_at.get(f"{moment:%Y-%m-%d}", [])
        found = standing(own, np.unique(known_as(own, codes, moment)), moment, table, rows)
        if found.is_scored:
            pasts.append(Past(found, rows[0], float(low[rows[0]]), float(high[rows[0]])))
        else:
            pasts.append(Past(found))
    pasts = _while_paying(pasts)
    last = pasts[-1].standing if paying else standing(own, np.array([code]), at, table, [])
    known = Revenue(own.known_before(at))
    return History(
        account_id,
        own.names.get(account_id, account_id),
        last,
        tuple(pasts),
        _movements(revenue, moments, at),
        table,
        None if first is None else f"{first:%Y-%m-%d}",
        _next(known.rows.renews[_active(known, at)], at),
        _known_end(known, at),
    )


def prospect_score(scorer: Scorer, account_id: str) -> dict[str, Any] | None:
    """The score of an account without any revenue with all its reasons, as JSON; None where it has some.

    UnknownAccount as `history_of`.
    """
    own, _ = _own(scorer, account_id)
    table = score_prospects(scorer.bundle, own, scorer.moment, scorer.version)
    found = [i for i, one in enumerate(table.account_ids) if one == account_id]
    return table.to_json(found[0], len(table.columns)) if found else None


def known_now(scorer: Scorer, account_id: str) -> str | None:
    """What an account of the tables is known as on the scorer's day: often itself; None where no table has it."""
    tables = scorer.tables
    if tables is None or account_id not in tables.accounts:
        return None
    code = tables.accounts.get_indexer(pd.Index([account_id], dtype=object))
    return str(tables.accounts[int(known_as(tables, code, scorer.moment)[0])])


def _own(scorer: Scorer, account_id: str) -> tuple[AccountTables, int]:
    """The rows of an account and of all that is known as it now, and its code in them."""
    tables = scorer.tables
    if tables is None:
        raise UnknownAccount(f"{account_id!r}: there are no tables.")
    code = code_of(tables, account_id, scorer.moment)
    same = np.array([code])
    if tables.lineage is not None:
        same = np.flatnonzero(known_as(tables, np.arange(len(tables.accounts)), scorer.moment) == code)
    own = tables.of_accounts(same)
    return own, code_of(own, account_id, scorer.moment)


def _rows_at(table: ScoreTable) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i, day in enumerate(table.as_of):
        found.setdefault(day, []).append(i)
    return found


def _moments(first: pd.Timestamp | None, last: pd.Timestamp | None, months: int) -> list[pd.Timestamp]:
    """First days of months, and the last moment itself in place of one that is only days before it."""
    if first is None or last is None or last < first:
        return []
    starts = pd.date_range(end=last.normalize(), periods=months + 1, freq="MS")
    return [*(day for day in starts if first <= day and (last - day).days >= APART_DAYS), last]


def _while_paying(pasts: list[Past]) -> list[Past]:
    """From the first to the last moment with MRR; those without between them stay."""
    paying = [i for i, one in enumerate(pasts) if one.standing.pays]
    return pasts[paying[0] : paying[-1] + 1] if paying else []


def _first_paid(revenue: Revenue) -> pd.Timestamp | None:
    if not len(revenue.accounts):
        return None
    paid = revenue.first_paid_at(None)
    return None if np.isnat(paid).all() else pd.Timestamp(np.nanmin(paid))


def _last_paid(revenue: Revenue, at: pd.Timestamp) -> pd.Timestamp | None:
    """The last day with MRR of an account that has none any more; of orders that on which they trail for the last
    time, where no credit note ended it before.
    """
    last = Unpaid.of(revenue, at).last
    known = last[~np.isnat(last)]
    if not len(known):
        return None
    day = pd.Timestamp(known.max()).normalize()
    return day - pd.Timedelta(days=1) if revenue.by_periods else min(add_months(day, revenue.trailing_months), at)


def _movements(revenue: Revenue, moments: Sequence[pd.Timestamp], at: pd.Timestamp) -> tuple[Movement, ...]:
    """The changes of MRR from the first moment on, as dated and named as the movements of the company."""
    if not moments or not revenue.by_periods:
        return ()
    dated = changes(revenue, at, lineage_at=at)
    first = ~dated["code"].duplicated()
    dated = dated.assign(new=first & (dated["before"] == 0))
    dated = dated[(dated["at"] >= moments[0]) & (dated["at"] <= at)].tail(MOST_MOVEMENTS)
    return tuple(_movement(row) for row in dated.itertuples(index=False))


def _movement(row: Any) -> Movement:
    if row.before == 0:
        kind = "new" if row.new else "reactivation"
    elif row.after == 0:
        kind = "churn"
    else:
        kind = "expansion" if row.after > row.before else "contraction"
    return Movement(f"{row.at:%Y-%m-%d}", kind, row.before / PARTS, row.after / PARTS)


def _active(known: Revenue, at: pd.Timestamp) -> np.ndarray:
    rows, moment = known.rows, np.datetime64(at, "us")
    return np.asarray((rows.start <= moment) & (rows.end > moment) & (rows.parts > 0))


def _known_end(known: Revenue, at: pd.Timestamp) -> str | None:
    """When the last of the terms ends that an account pays now, where all of their ends are known."""
    ends = known.rows.end[_active(known, at)]
    if not known.by_periods or not len(ends) or (ends == OPEN).any():
        return None
    return f"{pd.Timestamp(ends.max()):%Y-%m-%d}"


def _next(moments: Iterable[np.datetime64], at: pd.Timestamp) -> str | None:
    """The earliest of some moments that is not past."""
    ahead = [moment for moment in moments if moment != OPEN and pd.Timestamp(moment) >= at]
    return f"{pd.Timestamp(min(ahead)):%Y-%m-%d}" if ahead else None

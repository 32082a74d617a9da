"""Exact historic figures of a window: retention, the movements beside it, and what rates and renewals have to do with
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from leap.errors import RevenueError
from leap.revenue.changes import gaps
from leap.revenue.definitions import add_months, definition_hash, us
from leap.revenue.ends import ends_of, known_at
from leap.revenue.figures import RetentionFigures
from leap.revenue.money import PARTS
from leap.revenue.movements import Movements
from leap.revenue.mrr import Revenue
from leap.revenue.segments import Segments, segments
from leap.revenue.starting_years import StartingYear, starting_years
from leap.tables import AccountTables


@dataclass(frozen=True)
class RatesEffect:
    """What the change of rates did to the ending MRR: at the rates of the end less at those of the start.

    Of the accounts of the start, and of everyone (`book`). Null with a reason where nothing is in another currency.
    """

    ending_mrr_at_end_rates: float | None
    effect: float | None
    book_ending_mrr_at_end_rates: float | None
    book_effect: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Gaps:
    """Accounts that left and were back by the end of the window, which is no churn, and their longest gap in days."""

    accounts: int
    longest: int | None


@dataclass(frozen=True)
class BelowZero:
    """Accounts whose credit notes outweigh their orders: they count as zero; `amount` is what that leaves out."""

    accounts: int
    amount: float


@dataclass(frozen=True)
class Retention:
    """Exact historic figures of a window `(start, end]`, for everyone and by segment."""

    start: pd.Timestamp
    end: pd.Timestamp
    figures: RetentionFigures
    book_starting_mrr: float
    book_ending_mrr: float
    movements: Mapping[str, float] | None
    segments: Mapping[str, RetentionFigures]
    definition_hash: str
    rates_effect: RatesEffect
    renewal_eligible: RetentionFigures
    by_starting_year: tuple[StartingYear, ...] = ()
    gaps: Gaps | None = None
    below_zero: Mapping[str, BelowZero] = field(default_factory=dict)
    by: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON of the `retention` command."""
        document: dict[str, Any] = {
            "from": f"{self.start:%Y-%m-%d}",
            "to": f"{self.end:%Y-%m-%d}",
            **self.figures.to_json(),
            "book_starting_mrr": self.book_starting_mrr,
            "book_ending_mrr": self.book_ending_mrr,
            "movements": dict(self.movements) if self.movements is not None else None,
            "rates_effect": _without_none(self.rates_effect.__dict__, "reason"),
            "renewal_eligible": self._renewals(),
            "gap_days": dict(self.gaps.__dict__) if self.gaps else None,
            "by_starting_year": [year.to_json() for year in self.by_starting_year],
            "definition_hash": self.definition_hash,
            "notes": list(self.notes),
        }
        if self.movements is None:
            document["movements_reason"] = "usage_based_revenue"
        if self.gaps is None:
            document["gap_days_reason"] = "usage_based_revenue"
        if self.below_zero:
            document["below_zero"] = {when: dict(found.__dict__) for when, found in self.below_zero.items()}
        if self.by is not None:
            document["by"] = self.by
            document["segments"] = {name: figures.to_json() for name, figures in self.segments.items()}
        return document

    def _renewals(self) -> dict[str, Any]:
        found = self.renewal_eligible
        names = ("accounts", "starting_mrr", "ending_mrr", "nrr", "grr", "logo_churn", "reason")
        return _without_none({name: getattr(found, name) for name in names}, "reason")


def _without_none(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key or value is not None}


def window(tables: AccountTables, start: str | None, end: str | None) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The window asked for; by default as long as the horizon, up to the last day whose days of grace are over."""
    grace = pd.Timedelta(days=tables.settings.outcome.grace_days)
    last = (tables.data_until - pd.Timedelta(microseconds=1)).normalize() - grace
    to = pd.Timestamp(end) if end else last
    return (pd.Timestamp(start) if start else add_months(to, -tables.settings.outcome.horizon_months)), to


def retention(tables: AccountTables, start: pd.Timestamp, end: pd.Timestamp, *, by: str | None = None) -> Retention:
    """Retention of the accounts that paid at `start`, measured at `end`; RevenueError if the window is not in the
    data.

    Accounts that have become one by the end are one at both ends and in all movements between.
    """
    revenue, settings = Revenue(tables), tables.settings
    _require_complete(tables, start, end)
    known = known_at(settings, end)
    starting = revenue.mrr_at(start, lineage_at=known)
    ending = ends_of(revenue, settings, start, end)
    book_ending = revenue.mrr_at(end, rates_at=start, lineage_at=known)
    parted = None if by is None else segments(tables, by, start, starting, ending, known)
    below_zero = _below_zero(revenue, start, end, known)
    return Retention(
        start=start,
        end=end,
        figures=RetentionFigures.of(starting, ending),
        book_starting_mrr=int(starting.sum()) / PARTS,
        book_ending_mrr=int(book_ending.sum()) / PARTS,
        movements=Movements.of(revenue, start, end, known).to_json() if revenue.by_periods else None,
        segments=parted.figures if parted else {},
        definition_hash=definition_hash(settings),
        rates_effect=_rates_effect(revenue, start, end, starting > 0, ending, book_ending),
        renewal_eligible=_renewal_eligible(revenue, start, end, starting, ending, known),
        by_starting_year=starting_years(revenue, start, end, known),
        gaps=_gaps(revenue, start, end, (starting > 0) & (ending > 0), known),
        below_zero=below_zero,
        by=f"{parted.table}.{parted.column}" if parted else None,
        notes=tuple(_notes(tables, revenue, start, below_zero, parted)),
    )


def _require_complete(tables: AccountTables, start: pd.Timestamp, end: pd.Timestamp) -> None:
    if not start < end:
        raise RevenueError(f"The window must end after it starts; found from {start:%Y-%m-%d} to {end:%Y-%m-%d}.")
    grace_days = tables.settings.outcome.grace_days
    if known_at(tables.settings, end) >= tables.data_until:
        grace = f" (with {grace_days} days of grace)" if grace_days else ""
        raise RevenueError(
            f"The window ends on {end:%Y-%m-%d}{grace}, but the data end before {tables.data_until:%Y-%m-%d} "
            "(exclusive).",
            remedy="Choose an earlier --to; what is still open would be counted as if it were over.",
        )


def _rates_effect(
    revenue: Revenue,
    start: pd.Timestamp,
    end: pd.Timestamp,
    member: np.ndarray,
    ending: np.ndarray,
    book_ending: np.ndarray,
) -> RatesEffect:
    if not revenue.has_foreign:
        return RatesEffect(None, None, None, None, "no_foreign_amounts")
    settings = revenue.tables.settings
    later = int(ends_of(revenue, settings, start, end, rates_at=end)[member].sum())
    book_later = int(revenue.mrr_at(end, lineage_at=known_at(settings, end)).sum())
    return RatesEffect(
        later / PARTS,
        (later - int(ending[member].sum())) / PARTS,
        book_later / PARTS,
        (book_later - int(book_ending.sum())) / PARTS,
    )


def _renewal_eligible(
    revenue: Revenue,
    start: pd.Timestamp,
    end: pd.Timestamp,
    starting: np.ndarray,
    ending: np.ndarray,
    known: pd.Timestamp,
) -> RetentionFigures:
    """Retention of the accounts of the start that have a paid term active there which is up for renewal in `(start,
    end]`.
    """
    rows = revenue.rows
    if not revenue.by_periods or rows.table.spec.renews is None:
        return RetentionFigures.undefined("no_renewal_dates")
    active = (rows.start <= us(start)) & (rows.end > us(start)) & (rows.parts > 0)
    due = active & (rows.renews > us(start)) & (rows.renews <= us(end))
    eligible = np.zeros(len(starting), dtype=bool)
    eligible[revenue.codes(known)[due]] = True
    if not eligible.any() and (starting > 0).any():
        return RetentionFigures.undefined("no_renewal_in_the_window")
    return RetentionFigures.of(starting[eligible], ending[eligible])


def _gaps(
    revenue: Revenue, start: pd.Timestamp, end: pd.Timestamp, stayed: np.ndarray, known: pd.Timestamp
) -> Gaps | None:
    if not revenue.by_periods:
        return None
    codes, begins, ends = gaps(revenue, known)
    inside = (begins > us(start)) & (begins <= us(end)) & stayed[codes]
    days = ((ends - begins)[inside] / np.timedelta64(1, "D")).astype(int)
    return Gaps(len(np.unique(codes[inside])), int(days.max()) if len(days) else None)


def _below_zero(revenue: Revenue, start: pd.Timestamp, end: pd.Timestamp, known: pd.Timestamp) -> dict[str, BelowZero]:
    """At both ends of a window of orders with credit notes, at the rates of the start."""
    if revenue.by_periods or not revenue.rows.table.spec.credit_notes:
        return {}
    found = {}
    for when, moment in (("starting", start), ("ending", end)):
        below = revenue.below_zero_at(moment, rates_at=start, lineage_at=known)
        found[when] = BelowZero(int((below < 0).sum()), int(below.sum()) / PARTS)
    return found


def _notes(
    tables: AccountTables,
    revenue: Revenue,
    start: pd.Timestamp,
    below_zero: Mapping[str, BelowZero],
    parted: Segments | None,
) -> list[str]:
    notes = [
        f"Accounts whose credit notes outweigh their orders at the {when[:-3]}: {found.accounts:,}; their MRR of "
        f"{found.amount:,.2f} counts as zero."
        for when, found in below_zero.items()
        if found.accounts
    ]
    notes += _set_aside(tables)
    if not revenue.by_periods and len(revenue.rows.start):
        first = revenue.first_moment
        full = add_months(first.normalize(), revenue.trailing_months)
        if first < start < full:
            notes.append(
                f"The first order is of {first:%Y-%m-%d}, and MRR is of the last {revenue.trailing_months} months: at "
                f"the start it is too low, and NRR too high. From {full:%Y-%m-%d} on it is right."
            )
    if not revenue.by_periods and tables.settings.outcome.max_gap_days is not None:
        notes.append("max_gap_days is not applied: revenue from orders has no dated gaps.")
    if parted and parted.elsewhere:
        notes.append(
            f"Segments are by {parted.table}.{parted.column}; there is {', '.join(parted.elsewhere)} too (--by "
            "table.column chooses)."
        )
    return notes


def _set_aside(tables: AccountTables) -> list[str]:
    """Rows of revenue, rates and lineage that broke a rule: figures are without them, and say so."""
    notes = []
    for name, table in tables.everything_read.items():
        counts = table.spec.role in ("revenue", "rates") or table is tables.lineage_table
        if counts and table.rows_quarantined:
            rules = {p.rule for p in tables.problems if p.table == name and p.level == "quarantine"}
            notes.append(
                f"{name}: {table.rows_quarantined:,} of {table.rows_read:,} rows are set aside and count nowhere here "
                f"({', '.join(sorted(rules))}); leap check shows them."
            )
    return notes

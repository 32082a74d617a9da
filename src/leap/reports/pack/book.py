"""The customers of now and of a quarter ago as the model scores them: what is expected, what changed, who may go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.errors import LeapError
from leap.revenue import add_months
from leap.scoring import Batch, portfolio, score_all
from leap.scoring.batch import score_customers
from leap.scoring.table import ScoreTable
from leap.scoring.waterfall import View, of_dates
from leap.scoring.waterfall_asked import Version
from leap.snapshots import day_of
from leap.tables import AccountTables

__all__ = ["BookNow", "Version", "book_now"]

QUARTER = 3
"""Months."""
MOST_AT_RISK = 10
MOST_DRIVERS = 4


@dataclass(frozen=True)
class BookNow:
    """All customers as of `as_of`; `waterfall` is the JSON of what their expected NRR differs by from `since`, None
    with the reason in `no_waterfall`. `at_risk` are scores of those from whom most MRR is expected to be lost.
    """

    as_of: str
    customers: int
    leaving: int
    leaving_mrr: float
    level: float
    portfolio: Mapping[str, Any]
    since: str
    waterfall: Mapping[str, Any] | None
    no_waterfall: str
    at_risk: tuple[Mapping[str, Any], ...]


def book_now(model: Version, tables: AccountTables, since: str | None = None, then: Version | None = None) -> BookNow:
    """Scores of now, and what changed since a date (default: a quarter ago) by what `then` said of it.

    A date that was asked for and has nobody to score is refused; a quarter ago is only said not to be there.
    """
    batch = score_all(model.bundle, tables, model.name)
    table, moment = batch.customers, tables.data_until
    day = day_of(since) if since else add_months(moment, -QUARTER)
    found: Mapping[str, Any] = {}
    why = ""
    try:
        found = _changed(table, moment, day, then, tables)
        why = str(found["words"]) if "reason" in found else ""
    except LeapError as error:
        if since:
            raise
        why = f"Of {day:%Y-%m-%d}, a quarter ago, nothing is told: {error.message}"
    return BookNow(
        as_of=f"{moment:%Y-%m-%d}",
        customers=len(table),
        leaving=int(table.leaving.sum()),
        leaving_mrr=float(table.mrr[table.leaving].sum()),
        level=model.bundle.intervals.level,
        portfolio=portfolio(table),
        since=f"{day:%Y-%m-%d}",
        waterfall=None if why else found,
        no_waterfall=why,
        at_risk=_at_risk(batch),
    )


def _at_risk(batch: Batch) -> tuple[Mapping[str, Any], ...]:
    """Those of whom a loss is expected at all."""
    found = batch.most_at_risk(MOST_AT_RISK)
    return tuple(one for one in found if one["nrr"]["point"] < 1)


def _changed(
    table: ScoreTable, moment: pd.Timestamp, day: pd.Timestamp, then: Version | None, tables: AccountTables
) -> Mapping[str, Any]:
    """What the expected NRR differs by between two dates, as `leap waterfall --since` says it."""
    before = score_customers(table.bundle, tables, table.version, f"{day:%Y-%m-%d}", option="--since")
    later, earlier = _whole(table, moment), _whole(before, day)
    as_said = None
    if then is not None and then.name != table.version:
        as_said = _whole(score_customers(then.bundle, tables, then.name, f"{day:%Y-%m-%d}", option="--since"), day)
    return of_dates(later, earlier, as_said, tables, top=MOST_DRIVERS)


def _whole(table: ScoreTable, moment: pd.Timestamp) -> View:
    return View(table, f"{moment:%Y-%m-%d}", np.ones(len(table), dtype=bool))

"""What changed in the expected NRR of the book since some months ago: model, behaviour and mix, in short."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.reports import waterfall
from leap.revenue import Revenue, add_months
from leap.scoring.batch import score_customers
from leap.scoring.scorer import Scorer
from leap.scoring.table import ScoreTable
from leap.scoring.waterfall import View, of_dates

MOST_DRIVERS: Final = 4


@dataclass(frozen=True)
class Changes:
    """The difference of two dates by one version; `summary` has no rows where either date has no customers.

    Without a summary `since` lies before the first revenue.
    """

    since: date
    until: date
    summary: waterfall.Summary | None

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The rows of the difference with every figure written."""
        return [] if self.summary is None else waterfall.cells(self.summary)


def changes(scorer: Scorer, months: int) -> Changes | None:
    """Since so many months before the scorer's day; None without tables.

    The accounts of then are scored by the version of now, with what was known then.
    """
    table, tables, until = scorer.customers, scorer.tables, scorer.as_of
    if table is None or tables is None:
        return None
    moment = add_months(pd.Timestamp(until), -months)
    since = moment.date()
    if not len(Revenue(tables).rows.start) or moment < Revenue(tables).first_whole:
        return Changes(since, until, None)
    before = score_customers(scorer.bundle, tables, scorer.version, since.isoformat())
    document = of_dates(_everyone(table, until), _everyone(before, since), None, tables, MOST_DRIVERS)
    return Changes(since, until, waterfall.summarise(document))


def _everyone(table: ScoreTable, day: date) -> View:
    return View(table, day.isoformat(), np.ones(len(table), dtype=bool))

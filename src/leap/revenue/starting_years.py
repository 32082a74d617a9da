"""Retention by the calendar year in which accounts first paid, after 12, 24, 36, ... months of each account's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.revenue.definitions import us
from leap.revenue.figures import RetentionFigures
from leap.revenue.money import PARTS
from leap.revenue.mrr import Revenue


@dataclass(frozen=True)
class AfterMonths:
    """What of a starting year was left so many months after each account's start; null with a reason if not over."""

    months: int
    nrr: float | None
    logo_retention: float | None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As in `by_starting_year`."""
        document = dict(self.__dict__)
        if self.reason is None:
            del document["reason"]
        return document


@dataclass(frozen=True)
class StartingYear:
    """The accounts that first paid in a year: how many, and what they paid when they started."""

    year: int
    accounts: int
    starting_mrr: float
    after: tuple[AfterMonths, ...]

    def to_json(self) -> dict[str, Any]:
        """As in `by_starting_year`."""
        return {**self.__dict__, "after": [cell.to_json() for cell in self.after]}


def starting_years(
    revenue: Revenue, rates_at: pd.Timestamp, until: pd.Timestamp, lineage_at: pd.Timestamp
) -> tuple[StartingYear, ...]:
    """One entry a year with a first payment by `until`, the last moment looked at; all at the rates of one moment.

    An account starts with its first payment; one with orders when as many months as its MRR looks back on have passed.
    A figure is given once its months are over for every account of the year: those of the early ones alone would be of
    others.
    """
    start = revenue.starts_at(lineage_at)
    starting = revenue.mrr_at_own(start, rates_at=rates_at, lineage_at=lineage_at)
    codes = np.flatnonzero((start <= us(until)) & (starting > 0))
    if not len(codes):
        return ()
    starting, begins = starting[codes], pd.Series(start[codes])
    years = begins.dt.year.to_numpy()
    later, ending = {}, {}
    for months in range(12, 12 * (until.year - int(years.min())) + 1, 12):
        own = np.full(len(start), np.datetime64("NaT", "us"))
        own[codes] = later[months] = (begins + pd.DateOffset(months=months)).to_numpy().astype("datetime64[us]")
        ending[months] = revenue.mrr_at_own(own, rates_at=rates_at, lineage_at=lineage_at)[codes]
    return tuple(
        StartingYear(
            int(year),
            int((own := years == year).sum()),
            int(starting[own].sum()) / PARTS,
            tuple(
                _after(months, starting[own], ending[months][own], bool((at[own] <= us(until)).all()))
                for months, at in later.items()
                if months <= 12 * (until.year - int(year))
            ),
        )
        for year in np.unique(years)
    )


def _after(months: int, starting: np.ndarray, ending: np.ndarray, is_over: bool) -> AfterMonths:
    if not is_over:
        return AfterMonths(months, None, None, "window_not_complete")
    figures = RetentionFigures.of(starting, ending)
    kept = None if figures.logo_churn is None else int((ending > 0).sum()) / len(ending)
    return AfterMonths(months, figures.nrr, kept, figures.reason)

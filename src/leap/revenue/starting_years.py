"""Retention by the calendar year in which accounts first paid, after 12, 24, 36, ... months of each account's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.revenue.definitions import OPEN, us
from leap.revenue.figures import RetentionFigures
from leap.revenue.money import PARTS, converted
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
    start = _starts(revenue, lineage_at)
    codes = np.flatnonzero(start <= us(until))
    begins = pd.Series(start[codes])
    levels = _Levels(revenue, rates_at, lineage_at)
    starting = levels.at(codes, start[codes])
    codes, begins, starting = codes[starting > 0], begins[starting > 0].reset_index(drop=True), starting[starting > 0]
    if not len(codes):
        return ()
    years = begins.dt.year.to_numpy()
    longest = (until.year - int(years.min())) + 1
    later = {12 * n: (begins + pd.DateOffset(months=12 * n)).to_numpy() for n in range(1, longest + 1)}
    ending = {months: levels.at(codes, at) for months, at in later.items()}
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


def _starts(revenue: Revenue, lineage_at: pd.Timestamp) -> np.ndarray:
    first = revenue.first_paid_at(lineage_at)
    if revenue.by_periods:
        return first
    paid = np.flatnonzero(~np.isnat(first))
    first[paid] = (pd.Series(first[paid]) + pd.DateOffset(months=revenue.trailing_months)).to_numpy()
    return first


class _Levels:
    """MRR of pairs of an account and a moment of its own, without looking at every row for every moment."""

    def __init__(self, revenue: Revenue, rates_at: pd.Timestamp, lineage_at: pd.Timestamp):
        self.revenue, self.rates_at = revenue, rates_at
        self.codes = revenue.codes(lineage_at)

    def at(self, codes: np.ndarray, moments: np.ndarray) -> np.ndarray:
        """MRR of each account at the moment beside it, in parts, shape (n,)."""
        total = np.zeros(len(codes), dtype=np.int64)
        for position, currency in enumerate(self.revenue.rows.currencies):
            level = self._of_currency(position, codes, moments)
            rate = self.revenue.rates.at(self.rates_at, currency) if level.any() else 1.0
            total += converted(level, rate) if rate != 1.0 else level
        return np.asarray(np.maximum(total if self.revenue.by_periods else self.revenue.mean_of_trailing(total), 0))

    def _of_currency(self, position: int, codes: np.ndarray, moments: np.ndarray) -> np.ndarray:
        rows = self.revenue.rows
        own = rows.currency == position
        accounts, parts = self.codes[own], rows.parts[own]
        if self.revenue.by_periods:
            begun = _sums_until(accounts, rows.start[own], parts, codes, moments, "right")
            ended = rows.end[own] < OPEN
            over = _sums_until(accounts[ended], rows.end[own][ended], parts[ended], codes, moments, "right")
            return np.asarray(begun - over)
        since = (pd.Series(moments) - pd.DateOffset(months=self.revenue.trailing_months)).to_numpy()
        before = _sums_until(accounts, rows.start[own], parts, codes, moments, "left")
        return np.asarray(before - _sums_until(accounts, rows.start[own], parts, codes, since, "left"))


def _sums_until(
    accounts: np.ndarray, at: np.ndarray, parts: np.ndarray, codes: np.ndarray, moments: np.ndarray, side: Any
) -> np.ndarray:
    """Sums of an account's rows up to (`left`: before) a moment of its own, shape (n,)."""
    moments = moments.astype("datetime64[us]")
    times = np.unique(np.concatenate([at, moments]))
    width = len(times) + 1
    keys = accounts.astype(np.int64) * width + np.searchsorted(times, at)
    order = np.argsort(keys, kind="stable")
    cumulated = np.concatenate([[0], np.cumsum(parts[order])])
    wanted = codes.astype(np.int64) * width
    upper = np.searchsorted(keys[order], wanted + np.searchsorted(times, moments), side=side)
    lower = np.searchsorted(keys[order], wanted, side="left")
    return np.asarray(cumulated[upper] - cumulated[lower])

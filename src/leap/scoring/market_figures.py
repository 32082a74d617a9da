"""What is published of the market: the latest figures, forecasts, and how far figures went over a horizon before.

Only rows known before the date exist. A figure whose period lies after its publication, or on or after the date, is a
forecast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureCatalog, Recipe, Scope, Signal, families, market
from leap.revenue import add_months
from leap.tables import AccountTables, Table
from leap.tables.canonical import INDICATOR, PERIOD, PUBLISHED, SEGMENT, VALUE

LOW_SHARE, HIGH_SHARE = 0.1, 0.9
MIN_CHANGES: Final = 12
"""Changes over the horizon from which their distribution is told."""
EVERYWHERE: Final = ""
"""The segment of a table without segments."""
_ENDS: Final = {"low": ("_low", "_lower", " low"), "high": ("_high", "_upper", " high")}


@dataclass(frozen=True)
class Forecast:
    """A value said of a coming period, with the day it was published, and the ends that were published with it."""

    period: str
    published: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Changes:
    """Changes over the horizon between published figures: 10 % and 90 % quantiles, as shares of the value or (where
    values are not all above zero) as differences; `n` overlapping ones of `independent` horizons that do not overlap.
    """

    low: float
    high: float
    n: int
    independent: float
    relative: bool
    of: str

    def applied(self, value: float, end: str) -> float:
        """The value at an end of the distribution."""
        step = self.low if end == "low" else self.high
        return value * (1 + step) if self.relative else value + step


@dataclass(frozen=True)
class Series:
    """One indicator of one segment, as known at a date; `changes` is None where the history is too short to tell."""

    table: str
    indicator: str
    segment: str
    latest: float
    period: str
    published: str
    change_year: float | None
    forecasts: tuple[Forecast, ...]
    changes: Changes | None

    def forecast_for(self, day: pd.Timestamp) -> Forecast | None:
        """Of the forecasts the last one published of the period nearest to a day, if there is any."""
        if not self.forecasts:
            return None
        return min(self.forecasts, key=lambda f: abs((pd.Timestamp(f.period) - day).days))

    def to_json(self) -> dict[str, Any]:
        """One entry of `market`."""
        own = self.changes
        return {
            "table": self.table,
            "indicator": self.indicator,
            "segment": self.segment or None,
            "latest": self.latest,
            "period": self.period,
            "published": self.published,
            "change_year": self.change_year,
            "forecasts": [dict(forecast.__dict__) for forecast in self.forecasts],
            "history": None if own is None else dict(own.__dict__),
        }


@dataclass(frozen=True)
class MarketFigures:
    """One market table as known at a date: `series` by indicator and segment."""

    table: Table
    tables: AccountTables
    at: pd.Timestamp
    horizon_months: int

    @cached_property
    def segments(self) -> list[str]:
        """The segments with a figure, in order; one empty one of a table without."""
        if self.table.spec.segment is None:
            return [EVERYWHERE]
        return sorted(set(self._rows[SEGMENT].astype(str)))

    @cached_property
    def indicators(self) -> list[str]:
        """Names of what is measured, in order; the low and high ends of forecasts are none of their own."""
        names = sorted(set(self._rows[INDICATOR]))
        return [name for name in names if len(self._figures(name)) and not self._end_of(name, names)]

    @cached_property
    def series(self) -> dict[tuple[str, str], Series]:
        """What is known of each indicator and segment that has a figure."""
        found = {}
        for indicator in self.indicators:
            for segment in self.segments:
                one = self._one(indicator, segment)
                if one is not None:
                    found[indicator, segment] = one
        return self._with_pooled(found)

    def levels(self, indicator: str, moment: pd.Timestamp, days: int = 0) -> np.ndarray:
        """The feature's own value by segment at a moment (its level, or its change over days); shape (n segments,)."""
        view = self.tables.view(self.table.name, moment)
        segments = None if self.table.spec.segment is None else np.array(self.segments, dtype=object)
        feature = _of_market(self.table.name, indicator, days)
        return np.asarray(market.compute(view, [feature], segments, len(self.segments))[feature.name])

    def of_accounts(self, codes: np.ndarray) -> np.ndarray:
        """The segment of accounts as the features take it, "" where unknown (and where the table has none)."""
        column = self.table.spec.segment
        if column is not None:
            for name, table in self.tables.tables.items():
                if table.spec.shape in ("attributes", "history") and column in table.rows:
                    view, n = self.tables.view(name, self.at), len(self.tables.accounts)
                    found = families.latest(view, view.everything, column, "category", n)
                    return np.array(["" if found[code] is None else found[code] for code in codes], dtype=object)
        return np.full(len(codes), EVERYWHERE, dtype=object)

    def _one(self, indicator: str, segment: str) -> Series | None:
        rows = self._of(indicator, segment)
        figures = rows[~self._is_forecast(rows)]
        if not len(figures):
            return None
        last = figures.sort_values(PERIOD, kind="stable").iloc[-1]
        at = self.segments.index(segment)
        change = float(self.levels(indicator, self.at, 365)[at])
        return Series(
            self.table.name, indicator, segment, float(last[VALUE]), _day(last[PERIOD]), _day(last[PUBLISHED]),
            None if np.isnan(change) else change, self._forecasts(indicator, segment), self._changes(indicator, at),
        )  # fmt: skip

    def _forecasts(self, indicator: str, segment: str) -> tuple[Forecast, ...]:
        """The last forecast of each coming period, with the ends that were published of the same period."""
        found = _coming(self._of(indicator, segment), self.at)
        ends = {
            end: {
                period: value
                for suffix in suffixes
                for period, (_, value) in _coming(self._of(indicator + suffix, segment), self.at).items()
            }
            for end, suffixes in _ENDS.items()
        }
        return tuple(
            Forecast(_day(period), _day(published), value, ends["low"].get(period), ends["high"].get(period))
            for period, (published, value) in sorted(found.items())
        )

    def _changes(self, indicator: str, at: int) -> Changes | None:
        """Of one segment from its own history, None where that is too short."""
        before, after = self._history(indicator)
        return _distribution(before[:, at], after[:, at], self.horizon_months, "its own history")

    def _with_pooled(self, found: dict[tuple[str, str], Series]) -> dict[tuple[str, str], Series]:
        """Series whose own history is too short, with the changes of all segments together if these are enough."""
        result = dict(found)
        for key, series in found.items():
            if series.changes is None:
                before, after = self._history(series.indicator)
                pooled = _distribution(before.ravel(), after.ravel(), self.horizon_months, "all segments together")
                result[key] = replace(series, changes=pooled)
        return result

    def _history(self, indicator: str) -> tuple[np.ndarray, np.ndarray]:
        """Figures as published at the first of every month, and those a horizon later; (months, segments) each."""
        if indicator not in self._histories:
            known = self._rows
            first = known.loc[known[INDICATOR] == indicator, PUBLISHED].min()
            firsts = pd.date_range(first.normalize(), self.at, freq="MS")
            starts = [day for day in firsts if add_months(day, self.horizon_months) <= self.at]
            empty = np.zeros((0, len(self.segments)))
            levels = {
                day: self.levels(indicator, day)
                for day in {*starts, *(add_months(d, self.horizon_months) for d in starts)}
            }
            self._histories[indicator] = (
                np.array([levels[day] for day in starts]) if starts else empty,
                np.array([levels[add_months(day, self.horizon_months)] for day in starts]) if starts else empty,
            )
        return self._histories[indicator]

    @cached_property
    def _histories(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        return {}

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return self.tables.view(self.table.name, self.at).rows

    def _of(self, indicator: str, segment: str) -> pd.DataFrame:
        rows = self._rows
        own = rows[INDICATOR] == indicator
        return rows[own] if self.table.spec.segment is None else rows[own & (rows[SEGMENT].astype(str) == segment)]

    def _figures(self, indicator: str) -> pd.DataFrame:
        rows = self._rows[self._rows[INDICATOR] == indicator]
        return rows[~self._is_forecast(rows)]

    def _is_forecast(self, rows: pd.DataFrame) -> np.ndarray:
        return np.asarray((rows[PERIOD] > rows[PUBLISHED]) | (rows[PERIOD] >= self.at))

    @staticmethod
    def _end_of(name: str, names: Sequence[str]) -> bool:
        return any(
            name.endswith(suffix) and name.removesuffix(suffix) in names
            for suffixes in _ENDS.values()
            for suffix in suffixes
        )


def market_of(tables: AccountTables, at: pd.Timestamp) -> list[MarketFigures]:
    """Every market table, rates of exchange aside, as known at a date."""
    horizon = tables.settings.outcome.horizon_months
    found = [t for t in tables.tables.values() if t.spec.shape == "market" and t.spec.role != "rates"]
    return [MarketFigures(table, tables, at, horizon) for table in found]


def seen_in_training(
    figures: MarketFigures, catalog: FeatureCatalog, first: str, last: str
) -> Mapping[str, tuple[float, float]]:
    """Smallest and largest value that each market feature of a table had at the firsts of months of the training."""
    days = [*pd.date_range(first, last, freq="MS"), pd.Timestamp(last)]
    found = {}
    for feature in market_features(catalog, figures.table.name):
        window = int(feature.recipe.window_days or 0)
        values = np.concatenate([figures.levels(str(feature.recipe.kind), day, window) for day in days])
        values = values[np.isfinite(values)]
        if len(values):
            found[feature.name] = (float(values.min()), float(values.max()))
    return found


def market_features(catalog: FeatureCatalog, table: str) -> list[Feature]:
    """The features that come from a market table."""
    return [f for f in catalog.features if f.recipe.family == "market" and f.recipe.table == table]


def _coming(rows: pd.DataFrame, at: pd.Timestamp) -> dict[pd.Timestamp, tuple[pd.Timestamp, float]]:
    """By period on or after the date what was published of it last, and when."""
    coming = rows[rows[PERIOD] >= at].sort_values(PUBLISHED, kind="stable")
    return {
        pd.Timestamp(row[PERIOD]): (pd.Timestamp(row[PUBLISHED]), float(row[VALUE]))
        for row in coming.to_dict("records")
    }


def _distribution(before: np.ndarray, after: np.ndarray, months: int, of: str) -> Changes | None:
    both = np.isfinite(before) & np.isfinite(after)
    before, after = before[both], after[both]
    if len(before) < MIN_CHANGES:
        return None
    relative = bool((before > 0).all() and (after > 0).all())
    changes = after / before - 1 if relative else after - before
    low, high = np.quantile(changes, [LOW_SHARE, HIGH_SHARE])
    return Changes(float(low), float(high), len(changes), round(len(changes) / months, 1), relative, of)


def _day(moment: Any) -> str:
    return f"{pd.Timestamp(moment):%Y-%m-%d}"


def _of_market(table: str, indicator: str, days: int) -> Feature:
    """A feature of an indicator: its level, or its change over so many days."""
    recipe = Recipe(table, "market", "change" if days else "level", None, indicator, days or None)
    return Feature(
        f"{indicator}_{days}", recipe, indicator, "", Scope.FIT, Signal.ECONOMIC, "third", "number", "", indicator
    )

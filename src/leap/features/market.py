"""`market`: the latest value published before the moment and its change over a quarter and a year, by segment where
there is one. A figure of a period that had not begun when it was published is a forecast, and no such value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.families import Declared
from leap.features.naming import slugs, value_words
from leap.features.spec import CHANGE, Feature
from leap.tables import Table, TableView
from leap.tables.canonical import INDICATOR, PERIOD, PUBLISHED, SEGMENT, VALUE

_YEAR, _QUARTER = 365, 91
# A quarter of a monthly series has 89 to 92 days: with 91, three months before the first of May would be the first of
# January.
_BACK = {365: np.timedelta64(365, "D"), 91: np.timedelta64(89, "D")}


def declare(table: Table) -> list[Feature]:
    """Level, yearly and quarterly change of every indicator; rates of exchange are no features."""
    if table.spec.role == "rates":
        return []
    declared, value = Declared(table), table.spec.value
    indicators = sorted(set(table.rows[INDICATOR]))
    names = slugs(indicators)
    segment = families.within(declared.label(table.spec.segment)) if table.spec.segment else ""
    whose, unknown = (f" of its {segment}", f", or its {segment} is not known") if segment else ("", "")
    features = []
    for indicator in indicators:
        name, label = f"{table.name}_{names[indicator]}", f"{value_words(families.words(indicator))}{whose}"
        features.append(
            declared.feature(
                name, "level", f"{label}, latest published", declared.unit(value), f"nothing published yet{unknown}",
                kind=indicator, like=value, group=names[indicator],
            )
        )  # fmt: skip
        for days, said in ((_QUARTER, "a quarter"), (_YEAR, "a year")):
            features.append(
                declared.feature(
                    f"{name}_change_{days}d", "change", f"{label}, change over {said}", CHANGE,
                    f"no figure above zero {said} before{unknown}",
                    kind=indicator, window_days=days, like=value, group=names[indicator],
                )
            )  # fmt: skip
    return families.distinct(features)


def compute(
    view: TableView, features: list[Feature], segment: np.ndarray | None, n_accounts: int
) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each; `segment` holds each account's segment where the table has one."""
    series = _Series.of(view)
    windows = {int(f.recipe.window_days or 0) for f in features}
    known = {days: series.change(view, _BACK[days]) if days else series.level(view) for days in windows}
    segments = np.full(n_accounts, "", dtype=object) if segment is None else segment
    of_account = pd.Index(series.segments).get_indexer(pd.Index(segments))
    result = {}
    for feature in features:
        values = known[int(feature.recipe.window_days or 0)]
        by_segment = np.append(np.full(len(series.segments), np.nan), np.nan)
        if feature.recipe.kind in series.indicators:
            row = series.indicators.index(str(feature.recipe.kind))
            by_segment[:-1] = values.reshape(len(series.indicators), len(series.segments))[row]
        result[feature.name] = by_segment[of_account]  # an unknown segment (-1) reads the last entry, NaN
    return result


@dataclass(frozen=True)
class _Series:
    """The rows of a market table, put in order once: by indicator and segment, then period, then when known."""

    indicators: list[str]
    segments: list[str]
    order: np.ndarray
    group: np.ndarray
    period: np.ndarray
    value: np.ndarray
    forecast: np.ndarray

    @classmethod
    def of(cls, view: TableView) -> _Series:
        cache = view.source.columns
        if "market_series" not in cache:
            cache["market_series"] = np.array([cls._made(view)], dtype=object)
        found: _Series = cache["market_series"][0]
        return found

    @classmethod
    def _made(cls, view: TableView) -> _Series:
        rows = view.source.rows
        segment = rows[SEGMENT].astype(str) if view.spec.segment else pd.Series("", index=rows.index)
        indicators, segments = sorted(set(rows[INDICATOR])), sorted(set(segment))
        group = pd.Index(indicators).get_indexer(pd.Index(rows[INDICATOR])) * len(segments) + pd.Index(
            segments
        ).get_indexer(pd.Index(segment))
        period = rows[PERIOD].to_numpy().astype("datetime64[us]")
        order = np.lexsort((period, group))  # stable: the rows of a view are sorted by when they were known
        value = rows[VALUE].to_numpy(dtype=float)
        forecast = period > rows[PUBLISHED].to_numpy().astype("datetime64[us]")
        return cls(indicators, segments, order, group[order], period[order], value[order], forecast[order])

    def level(self, view: TableView) -> np.ndarray:
        """Latest value published before the moment, one entry for each indicator and segment."""
        return self._value(self._last(self._published(view)))

    def change(self, view: TableView, back: np.timedelta64) -> np.ndarray:
        """Its change since the last period at least so long before it, as a share of the value then; both as published
        before the moment. Missing where that value is not above zero.
        """
        known = self._published(view)
        last = self._last(known)
        reference = self.period[last] - back
        base = self._value(self._last(known & (self.period <= reference[self.group])))
        share: np.ndarray = np.divide(self._value(last), base, out=np.full(len(base), np.nan), where=base > 0)
        return share - 1

    def _published(self, view: TableView) -> np.ndarray:
        return np.asarray((view.source.known[self.order] < view.limit) & ~self.forecast)

    def _last(self, chosen: np.ndarray) -> np.ndarray:
        """The last of the chosen rows of each indicator and segment; -1 where there is none.

        Assignment with repeated groups keeps the last one: of a period published twice the last one known counts.
        """
        last = np.full(len(self.indicators) * len(self.segments), -1)
        last[self.group[chosen]] = np.flatnonzero(chosen)
        return last

    def _value(self, rows: np.ndarray) -> np.ndarray:
        return np.where(rows >= 0, self.value[rows], np.nan)

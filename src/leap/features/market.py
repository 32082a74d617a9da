"""`market`: the latest value published before the moment and its change over a year, by segment where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.families import Declared
from leap.features.spec import Feature
from leap.tables import Table, TableView
from leap.tables.canonical import INDICATOR, PERIOD, SEGMENT, VALUE

_YEAR = np.timedelta64(365, "D")


def declare(table: Table) -> list[Feature]:
    """Level and yearly change of every indicator; rates of exchange are no features."""
    if table.spec.role == "rates":
        return []
    declared = Declared(table)
    features = []
    for indicator in sorted(set(table.rows[INDICATOR])):
        name, label = f"{table.name}_{families.slug(indicator)}", families.words(indicator)
        features += [
            declared.feature(name, "level", f"{label}, latest published", "", "nothing published yet", kind=indicator),
            declared.feature(
                f"{name}_change_365d", "change", f"{label}, change over a year", "", "no figure of a year before",
                kind=indicator, window_days=365,
            ),
        ]  # fmt: skip
    return features


def compute(
    view: TableView, features: list[Feature], segment: np.ndarray | None, n_accounts: int
) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each; `segment` holds each account's segment where the table has one."""
    series = _Series.of(view)
    level, change = series.known(view)
    segments = np.full(n_accounts, "", dtype=object) if segment is None else segment
    of_account = pd.Index(series.segments).get_indexer(pd.Index(segments))
    result = {}
    for feature in features:
        values = level if feature.recipe.operation == "level" else change
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
        return cls(indicators, segments, order, group[order], period[order], value[order])

    def known(self, view: TableView) -> tuple[np.ndarray, np.ndarray]:
        """Latest value published before the moment and its change over a year, one entry for each indicator and
        segment.
        """
        size = len(self.indicators) * len(self.segments)
        known = view.source.known[self.order] < view.limit
        # Assignment with repeated groups keeps the last one: of a period published twice the last one known counts.
        last = np.full(size, -1)
        last[self.group[known]] = np.flatnonzero(known)
        level = np.where(last >= 0, self.value[last], np.nan)
        reference = self.period[last] - _YEAR
        old = known & (self.period <= reference[self.group])
        before = np.full(size, -1)
        before[self.group[old]] = np.flatnonzero(old)
        base = np.where(before >= 0, self.value[before], np.nan)
        change = np.divide(level, base, out=np.full(size, np.nan), where=base != 0) - 1
        return level, change

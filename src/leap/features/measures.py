"""What event features are made of: sums, numbers of rows, distinct items and ages, at one moment or at many at once.

`AtOneMoment` adds the rows of a view, as a service request needs it; `AtManyMoments` goes once over all rows for all
dates. Both add the same whole numbers (`exact.py`), so they agree to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.exact import Parts
from leap.features.windows import DAY, Grid, Rows, Span, WindowSums, distinct, extremes
from leap.tables import TableView
from leap.tables.canonical import AMOUNT, AT, KIND, QUANTITY

_BUDGET = 256 * 2**20
"""Bytes of cells and sums at a time: accounts are taken in parts where there are too many."""
_ROOM = 1_000_000
"""Places that may be marked one by one where only few rows are."""


class Measures(Protocol):
    """Figures of one table, shape (n,) each: one entry per account, or per pair of an account and a date."""

    def total(self, values: str, span: Span) -> np.ndarray:
        """The sum of a column over a span; missing values count as nothing."""

    def number(self, values: str, span: Span) -> np.ndarray:
        """How many rows of a span have a value in a column."""

    def of_kind(self, kind: str, span: Span) -> np.ndarray:
        """The sum of the quantity over the rows of one kind."""

    def distinct(self, of: str, span: Span) -> np.ndarray:
        """How many distinct days, kinds or values of a category stand in a span that ends at the moment."""

    def days_since(self) -> tuple[np.ndarray, np.ndarray]:
        """Days since the first and since the last row known before the moment; missing if there is none."""


class EventColumns:
    """The columns of a table of events as whole numbers, parsed once: by name of a canonical column, `number:COLUMN`,
    `boolean:COLUMN` or `category:COLUMN`.
    """

    def __init__(self, view: TableView):
        self._view = view
        self._parts: dict[str, tuple[Parts, np.ndarray]] = {}
        self._items: dict[str, np.ndarray] = {}

    @cached_property
    def _kind(self) -> np.ndarray:
        return self._view.source.rows[KIND].to_numpy(dtype=object)

    @classmethod
    def of(cls, view: TableView) -> EventColumns:
        """Those of a view's table, kept with it."""
        cache = view.source.columns
        if "event_columns" not in cache:
            cache["event_columns"] = np.array([cls(view)], dtype=object)
        found: EventColumns = cache["event_columns"][0]
        return found

    def parts(self, values: str) -> tuple[Parts, np.ndarray]:
        """A column in exact parts, and where it has a value."""
        if values not in self._parts:
            kind, _, column = values.partition(":")
            if kind == "number":
                found = families.typed(self._view, column, "number")(slice(None))
            elif kind == "boolean":
                found = families.typed(self._view, column, "boolean")(slice(None))
            else:
                found = self._view.source.rows[values].to_numpy(dtype=float)
            self._parts[values] = Parts.of(found), ~np.isnan(found)
        return self._parts[values]

    def items(self, of: str) -> np.ndarray:
        """Distinct things as small numbers, -1 where there is none: `day`, `kind` or `category:COLUMN`."""
        if of not in self._items:
            if of == "day":
                found = self._view.source.at.astype("datetime64[D]").astype(np.int64)
                found = found - (found.min() if len(found) else 0)
            elif of == "kind":
                found = pd.factorize(self._view.source.rows[KIND])[0]
            else:
                text = families.typed(self._view, of.partition(":")[2], "category")(slice(None))
                codes, found_texts = pd.factorize(text)
                found = np.where(np.asarray(found_texts == "")[codes], -1, codes) if len(codes) else codes
            self._items[of] = found.astype(np.int32)
        return self._items[of]

    def kind_items(self, kinds: list[str]) -> np.ndarray:
        """Each row's position in a list of kinds; all others have the one after the last."""
        key = repr(kinds)
        if key not in self._items:
            found = np.full(len(self._kind), len(kinds), dtype=np.int32)
            for position, kind in enumerate(kinds):
                found[self._kind == kind] = position
            self._items[key] = found
        return self._items[key]


class AtOneMoment:
    """Measures by account as a view sees them."""

    def __init__(self, view: TableView, n_accounts: int):
        self._view, self._n, self._columns = view, n_accounts, EventColumns.of(view)
        self._windows: dict[Span, tuple[np.ndarray, np.ndarray]] = {}
        self._totals: dict[tuple[str, Span], np.ndarray] = {}

    def total(self, values: str, span: Span) -> np.ndarray:
        """As `Measures.total`."""
        if (values, span) not in self._totals:
            self._totals[values, span] = self._sum(self._columns.parts(values)[0], *self._window(span))
        return self._totals[values, span]

    def number(self, values: str, span: Span) -> np.ndarray:
        """As `Measures.number`."""
        rows, codes = self._window(span)
        return np.bincount(codes[self._columns.parts(values)[1][rows]], minlength=self._n).astype(float)

    def of_kind(self, kind: str, span: Span) -> np.ndarray:
        """As `Measures.of_kind`."""
        rows, codes = self._window(span)
        chosen = self._columns.kind_items([kind])[rows] == 0
        return self._sum(self._columns.parts(QUANTITY)[0], rows[chosen], codes[chosen])

    def distinct(self, of: str, span: Span) -> np.ndarray:
        """As `Measures.distinct`."""
        rows, codes = self._window(span)
        items = self._columns.items(of)[rows]
        codes, items = codes[items >= 0], items[items >= 0].astype(np.int64)
        low, high = (int(items.min()), int(items.max())) if len(items) else (0, 0)
        width = high - low + 1
        places = codes * width + (items - low)
        if self._n * width <= _ROOM + 8 * len(places):
            seen = np.zeros(self._n * width, dtype=bool)
            seen[places] = True
            return np.asarray(seen.reshape(self._n, width).sum(axis=1), dtype=float)
        return np.bincount(np.unique(places) // width, minlength=self._n).astype(float)

    def days_since(self) -> tuple[np.ndarray, np.ndarray]:
        """As `Measures.days_since`."""
        return self._ages

    @cached_property
    def _ages(self) -> tuple[np.ndarray, np.ndarray]:
        rows = self._view.everything
        codes, at = self._view.codes(rows), self._view.moments(AT, rows)
        first, last = (np.full(self._n, np.datetime64("NaT", "us")) for _ in range(2))
        # Assignment with repeated positions keeps the last one: rows are sorted by time.
        last[codes], first[codes[::-1]] = at, at[::-1]
        return _days(self._view.limit - first), _days(self._view.limit - last)

    def _window(self, span: Span) -> tuple[np.ndarray, np.ndarray]:
        if span not in self._windows:
            rows = self._view.window(span.far - span.near, before_days=span.near)
            self._windows[span] = rows, self._view.codes(rows)
        return self._windows[span]

    def _sum(self, parts: Parts, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
        return parts.at(rows).summed(codes, self._n).joined()


class AtManyMoments:
    """Measures by pair of an account and a date, each column in one pass over all rows."""

    def __init__(self, grid: Grid, rows: Rows, columns: EventColumns, kinds: list[str]):
        self._grid, self._rows, self._columns, self._kinds = grid, rows, columns, kinds
        self._ending_now = tuple(span for span in grid.spans if span.near == 0)
        self._sums: dict[str, np.ndarray] = {}
        self._counts: dict[str, np.ndarray] = {}
        self._distinct: dict[str, np.ndarray] = {}

    @classmethod
    def parts(
        cls, view: TableView, grid: Grid, kinds: list[str], n_columns: int
    ) -> Iterator[tuple[slice, AtManyMoments]]:
        """Measures of all pairs of a grid, in parts of bounded memory: a slice of the pairs and its measures.

        They are kept for the features of a part: of every kind, and of so many columns the sums and the counts.
        """
        source, columns = view.source, EventColumns.of(view)
        rows = Rows.of(source.codes, source.at.view(np.int64), source.known.view(np.int64))
        for pairs, part in grid.chunks(_BUDGET, len(kinds) + 1 + 3 * n_columns):
            yield pairs, cls(part, rows, columns, kinds)

    def total(self, values: str, span: Span) -> np.ndarray:
        """As `Measures.total`."""
        if values == QUANTITY and self._kinds:
            return self._joined(QUANTITY, span, slice(None))
        return self._joined(values, span, 0)

    def number(self, values: str, span: Span) -> np.ndarray:
        """As `Measures.number`."""
        if values not in self._counts:
            sums = WindowSums(self._grid, spans=self._ending_now)
            present = self._columns.parts(values)[1]
            sums.add(self._rows, items=None if present.all() else np.where(present, 0, -1))
            self._counts[values] = sums.read()
        return self._counts[values][:, self._ending_now.index(span), 0].astype(float)

    def of_kind(self, kind: str, span: Span) -> np.ndarray:
        """As `Measures.of_kind`."""
        return self._joined(QUANTITY, span, self._kinds.index(kind))

    def distinct(self, of: str, span: Span) -> np.ndarray:
        """As `Measures.distinct`."""
        if of not in self._distinct:
            self._distinct[of] = distinct(self._grid, self._rows, self._columns.items(of), self._ending_now)
        return self._distinct[of][:, self._ending_now.index(span)].astype(float)

    def days_since(self) -> tuple[np.ndarray, np.ndarray]:
        """As `Measures.days_since`."""
        return self._ages

    @cached_property
    def _ages(self) -> tuple[np.ndarray, np.ndarray]:
        first, last = extremes(self._grid, self._rows)
        limits = self._grid.pair_dates().view("datetime64[us]")
        return _days(limits - first), _days(limits - last)

    def _joined(self, values: str, span: Span, items: int | slice) -> np.ndarray:
        parts, _ = self._columns.parts(values)
        spans = self._grid.spans if values in (QUANTITY, AMOUNT) else self._ending_now
        by_kind = bool(values == QUANTITY and self._kinds)
        found = {}
        for name, part in parts.items():
            key = f"{values} {name}"
            if key not in self._sums:
                sums = WindowSums(self._grid, len(self._kinds) + 1 if by_kind else 1, spans)
                sums.add(self._rows, part, self._columns.kind_items(self._kinds) if by_kind else None)
                self._sums[key] = sums.read()
            of_span = self._sums[key][:, spans.index(span), items]
            found[name] = of_span.sum(axis=1) if isinstance(items, slice) else of_span
        return Parts(**found).joined()


def _days(ages: np.ndarray) -> np.ndarray:
    """Ages in days, missing where there is none."""
    return np.where(np.isnat(ages), np.nan, ages.astype(np.int64) / DAY)

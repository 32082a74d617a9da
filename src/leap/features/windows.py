"""Windows of many dates in one pass over rows: cells between all window edges, running sums, differences of two.

Memory goes with accounts, dates and edges, never with rows. A date T sees rows known before it, and a window of it is
half-open: `[T - far, T - near)`. Rows may come in any order and in any number of parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

DAY = 86_400_000_000
"""Microseconds of a day; all moments of this module are int64 microseconds."""
_MOST_GUESSES = 4_000_000
_NO_ITEMS = np.zeros(0, dtype=np.int32)
_NO_VALUES = np.zeros(0, dtype=np.int64)


class Span(NamedTuple):
    """The days `[T - far, T - near)` before a date T."""

    far: int
    near: int = 0


@dataclass(frozen=True)
class Rows:
    """Account codes (-1: none), own time and time of being known of some rows, shape (n,) each."""

    codes: np.ndarray
    at: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, codes: np.ndarray, at: np.ndarray, known: np.ndarray) -> Rows:
        """Rows in the types that the kernels are compiled for."""
        return cls(_own(codes, np.int32), _own(at, np.int64), _own(known, np.int64))


@dataclass(frozen=True)
class Grid:
    """Which accounts are asked about at which dates over which spans, and the cells that this takes.

    A pair is an account at one of its dates; pairs are in the order of account and date. Accounts with the same dates
    share a profile (-1: not asked about), so that few purchases on many dates take no more cells than many on few.
    """

    spans: tuple[Span, ...]
    profile: np.ndarray
    pair_start: np.ndarray
    cell_start: np.ndarray
    dates: np.ndarray
    date_start: np.ndarray
    edges: np.ndarray
    edge_start: np.ndarray
    dates_until: np.ndarray
    """How many dates of its profile are at or before each edge."""

    @classmethod
    def of(cls, n_accounts: int, codes: np.ndarray, dates: np.ndarray, spans: tuple[Span, ...]) -> Grid:
        """The grid of distinct pairs `(codes[i], dates[i])`, sorted by account and date."""
        bounds = np.searchsorted(codes, np.arange(n_accounts + 1))
        profiles: dict[bytes, int] = {}
        profile = np.full(n_accounts, -1, dtype=np.int32)
        for account in np.unique(codes):
            own = dates[bounds[account] : bounds[account + 1]].tobytes()
            profile[account] = profiles.setdefault(own, len(profiles))
        return cls._of_profiles(profile, [np.frombuffer(own, dtype=np.int64) for own in profiles], spans)

    @classmethod
    def of_all(cls, n_accounts: int, dates: np.ndarray, spans: tuple[Span, ...]) -> Grid:
        """The grid of all accounts at all of the dates (sorted)."""
        return cls._of_profiles(np.zeros(n_accounts, dtype=np.int32), [dates.astype(np.int64)], spans)

    @classmethod
    def _of_profiles(cls, profile: np.ndarray, profiles: list[np.ndarray], spans: tuple[Span, ...]) -> Grid:
        offsets = np.unique([0, *(days for span in spans for days in span)]) * DAY
        edges = [np.unique(dates[:, None] - offsets) for dates in profiles]
        until = [np.searchsorted(dates, own, side="right") for dates, own in zip(profiles, edges, strict=True)]
        n_dates, n_edges = [len(dates) for dates in profiles], [len(own) for own in edges]
        asked = profile >= 0
        pairs, cells = np.zeros(len(profile), dtype=np.int64), np.zeros(len(profile), dtype=np.int64)
        if profiles:
            pairs[asked] = np.array(n_dates)[profile[asked]]
            cells[asked] = np.array(n_edges)[profile[asked]] - 1
        return cls(
            spans, profile, _starts(pairs), _starts(cells), _joined(profiles), _starts(n_dates), _joined(edges),
            _starts(n_edges), _joined(until),
        )  # fmt: skip

    @property
    def n_pairs(self) -> int:
        """How many pairs are asked about."""
        return int(self.pair_start[-1])

    def pair_dates(self) -> np.ndarray:
        """The date of each pair, shape (n_pairs,)."""
        asked = self.profile[self.profile >= 0]
        own = [self.dates[self.date_start[p] : self.date_start[p + 1]] for p in asked]
        return _joined(own)

    def chunks(self, budget: int, n_items: int) -> Iterator[tuple[slice, Grid]]:
        """This grid in parts of accounts of which cells and sums take at most `budget` bytes (or one account), each
        with the slice of its pairs.
        """
        size = np.cumsum(np.diff(self.cell_start) + np.diff(self.pair_start) * len(self.spans)) * n_items * 8
        start, n = 0, len(self.profile)
        while start < n:
            spent = size[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(size, spent + budget, side="right")))
            yield slice(int(self.pair_start[start]), int(self.pair_start[stop])), self._of_accounts(start, stop)
            start = stop

    def _of_accounts(self, start: int, stop: int) -> Grid:
        profile = np.full_like(self.profile, -1)
        profile[start:stop] = self.profile[start:stop]
        pairs = np.clip(self.pair_start, self.pair_start[start], self.pair_start[stop]) - self.pair_start[start]
        cells = np.clip(self.cell_start, self.cell_start[start], self.cell_start[stop]) - self.cell_start[start]
        return replace(self, profile=profile, pair_start=pairs, cell_start=cells)

    @cached_property
    def guess(self) -> tuple[np.ndarray, int, int]:
        """How many edges each profile has at or before the start of each day (profile by profile), the first day and
        how many days; empty where that would be too many.
        """
        if not len(self.edges):
            return _NO_ITEMS, 0, 0
        first, n_days = int(self.edges.min()) // DAY, int(self.edges.max()) // DAY - int(self.edges.min()) // DAY + 1
        n_profiles = len(self.edge_start) - 1
        if n_profiles * n_days > _MOST_GUESSES:
            return _NO_ITEMS, 0, 0
        days = (np.arange(n_days) + first) * DAY
        own = [self.edges[self.edge_start[p] : self.edge_start[p + 1]] for p in range(n_profiles)]
        return _joined([np.searchsorted(edges, days, side="right") for edges in own]).astype(np.int32), first, n_days


class WindowSums:
    """Sums of whole numbers by pair, span and item; rows are added in parts, in any order, then read once."""

    def __init__(self, grid: Grid, n_items: int = 1, spans: tuple[Span, ...] | None = None):
        self.grid, self.n_items = grid, n_items
        self.spans = grid.spans if spans is None else spans
        self._far, self._near = _offsets(self.spans)
        self._cells = np.zeros(int(grid.cell_start[-1]) * n_items, dtype=np.int64)
        self._sums = np.zeros((grid.n_pairs, len(self.spans), n_items), dtype=np.int64)
        self.late_rows = 0

    def add(self, rows: Rows, values: np.ndarray | None = None, items: np.ndarray | None = None) -> None:
        """Add int64 `values` (default 1 each) of `items` (default item 0; a row of item -1 is left out)."""
        from leap.features import kernels

        grid, (guess, guess_from, guess_days) = self.grid, self.grid.guess
        late = np.zeros(1, dtype=np.int64)
        kernels.add(
            rows.codes, rows.at, rows.known,
            _NO_ITEMS if items is None else _own(items, np.int32),
            _NO_VALUES if values is None else _own(values, np.int64),
            grid.profile, grid.cell_start, grid.pair_start, grid.edges, grid.edge_start, grid.dates, grid.date_start,
            grid.dates_until, guess, guess_from, guess_days, self._far, self._near, self.n_items, self._cells,
            self._sums, late,
        )  # fmt: skip
        self.late_rows += int(late[0])

    def read(self) -> np.ndarray:
        """The sums, shape (n_pairs, n_spans, n_items) int64. Nothing can be added afterwards."""
        from leap.features import kernels

        grid = self.grid
        room = (int(np.diff(grid.date_start).max(initial=0)), len(self.spans))
        kernels.windows_of_cells(
            grid.profile, grid.cell_start, grid.pair_start, grid.edges, grid.edge_start, grid.dates, grid.date_start,
            self._far, self._near, self.n_items, self._cells, self._sums,
            np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64),
        )  # fmt: skip
        del self._cells
        return self._sums


def extremes(grid: Grid, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Earliest and latest own time of the rows known before each pair's date, datetime64[us], NaT where there are none,
    shape (n_pairs,) each.
    """
    from leap.features import kernels

    nothing = np.iinfo(np.int64)
    first = np.full(grid.n_pairs, nothing.max, dtype=np.int64)
    last = np.full(grid.n_pairs, nothing.min, dtype=np.int64)  # the smallest integer is NaT
    kernels.extremes(
        rows.codes, rows.at, rows.known, grid.profile, grid.pair_start, grid.dates, grid.date_start, first, last
    )
    first[first == nothing.max] = nothing.min
    return first.view("datetime64[us]"), last.view("datetime64[us]")


def distinct(grid: Grid, rows: Rows, items: np.ndarray, spans: tuple[Span, ...]) -> np.ndarray:
    """How many distinct items (-1: none) were seen in each span, shape (n_pairs, n_spans); spans end at the date."""
    from leap.features import kernels

    counts, (far, _) = np.zeros((grid.n_pairs, len(spans)), dtype=np.int64), _offsets(spans)
    kept = np.flatnonzero((items >= 0) & (rows.codes >= 0))
    kept = kept[grid.profile[rows.codes[kept]] >= 0]
    order = kept[np.lexsort((rows.at[kept], items[kept], rows.codes[kept]))]
    kernels.distinct(
        rows.codes[order], rows.at[order], rows.known[order], items[order].astype(np.int64), grid.profile,
        grid.pair_start, grid.dates, grid.date_start, far, int(far.max()), counts,
    )  # fmt: skip
    return counts


def _offsets(spans: tuple[Span, ...]) -> tuple[np.ndarray, np.ndarray]:
    days = np.array(spans, dtype=np.int64).reshape(-1, 2) * DAY
    return days[:, 0].copy(), days[:, 1].copy()


def _starts(sizes: Any) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=np.int64), *parts]).astype(np.int64)


def _own(array: np.ndarray, dtype: Any) -> np.ndarray:
    """Contiguous and writable in this type: read-only arrays, such as pandas hands out, would compile anew."""
    return np.require(array, dtype, ["C", "W"])

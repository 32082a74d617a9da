"""Windows of events that need not fit into memory: record batches in, sums by account, date, window and kind out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leap.errors import TableError
from leap.features.exact import Parts
from leap.features.windows import Grid, Rows, Span, WindowSums

_BUDGET = 2**30


@dataclass(frozen=True)
class EventStream:
    """Where events come from and what their columns are called.

    `read` is called once for each pass and gives record batches of any size, in any order; accounts and kinds that are
    encoded as dictionaries (`read_dictionary` of pyarrow's `ParquetFile`) are never made into text. Read Parquet with
    `pre_buffer=False`: else pyarrow keeps the whole file in memory until its last batch.
    """

    read: Callable[[], Iterable[pa.RecordBatch]]
    account: str = "account_id"
    at: str = "occurred_at"
    known_at: str | None = None
    kind: str | None = None
    quantity: str | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        named = (self.account, self.at, self.known_at, self.kind, self.quantity)
        return [column for column in named if column is not None]


@dataclass(frozen=True)
class StreamedWindows:
    """Sums by account, date, window and kind, float64 of shape (n_accounts, n_dates, n_windows, n_kinds); how many rows
    came in, and how many were known only after a date that their own time precedes.
    """

    sums: np.ndarray
    rows: int
    late_rows: int


def stream_windows(
    stream: EventStream,
    accounts: Sequence[str],
    dates: Sequence[np.datetime64],
    windows_days: Sequence[int],
    kinds: Sequence[str] = (),
    budget: int = _BUDGET,
) -> StreamedWindows:
    """The quantity (else the number) of events in `[T - days, T)` known before T, for every date T (in order).

    Events of other accounts or kinds are left out. One pass, in memory that goes with accounts, dates and windows;
    where those would take more than `budget` bytes, one pass for each part of the accounts that fits.
    """
    moments = np.asarray(dates, dtype="datetime64[us]").astype(np.int64)
    if len(np.unique(moments)) != len(moments) or (np.diff(moments) < 0).any():
        raise ValueError(f"Expected distinct dates in order, found {[str(date) for date in dates][:5]}.")
    spans = tuple(Span(days) for days in windows_days)
    n_kinds = max(len(kinds), 1)
    grid = Grid.of_all(len(accounts), moments, spans)
    parts = [np.zeros((0, len(spans), n_kinds))]
    rows = late = 0
    reader = _Reader(stream, pa.array(accounts, pa.string()), pa.array(kinds, pa.string()))
    for _, part in grid.chunks(budget, n_kinds):
        adding = _Adding(part, n_kinds)
        rows = 0
        for batch in stream.read():
            adding.add(*reader.rows(batch))
            rows += batch.num_rows
        parts.append(adding.read())
        late += adding.late_rows
    sums = parts[1] if len(parts) == 2 else np.concatenate(parts)
    return StreamedWindows(sums.reshape(len(accounts), len(moments), len(spans), n_kinds), rows, late)


@dataclass
class _Adding:
    """Sums of the exact parts of a quantity; what no value has so far takes no memory."""

    grid: Grid
    n_items: int
    _sums: dict[str, WindowSums] = field(default_factory=dict)

    def add(self, rows: Rows, items: np.ndarray | None, parts: Parts | None) -> None:
        for name, part in [("units", None)] if parts is None else parts.items():
            if name not in self._sums:
                self._sums[name] = WindowSums(self.grid, self.n_items)
            self._sums[name].add(rows, part, items)

    @property
    def late_rows(self) -> int:
        return self._sums["units"].late_rows if self._sums else 0

    def read(self) -> np.ndarray:
        shape = (self.grid.n_pairs, len(self.grid.spans), self.n_items)
        if not self._sums:
            return np.zeros(shape)
        return Parts(**{name: sums.read() for name, sums in self._sums.items()}).joined()


@dataclass
class _Reader:
    """Turns record batches into rows of numbers."""

    stream: EventStream
    accounts: pa.Array
    kinds: pa.Array

    def rows(self, batch: pa.RecordBatch) -> tuple[Rows, np.ndarray | None, Parts | None]:
        stream = self.stream
        at = self._moments(batch, stream.at)
        known = at if stream.known_at is None else self._moments(batch, stream.known_at)
        rows = Rows.of(self._account_codes.of(self._column(batch, stream.account)), at, known)
        items = None if stream.kind is None else self._kind_codes.of(self._column(batch, stream.kind))
        if stream.quantity is None:
            return rows, items, None
        quantity = self._column(batch, stream.quantity)
        if pa.types.is_integer(quantity.type) and quantity.type.bit_width <= 32:
            return rows, items, Parts(quantity.to_numpy(zero_copy_only=False).astype(np.int64))
        return rows, items, Parts.of(quantity.to_numpy(zero_copy_only=False).astype(float))

    @cached_property
    def _account_codes(self) -> _Codes:
        return _Codes(self.accounts)

    @cached_property
    def _kind_codes(self) -> _Codes:
        return _Codes(self.kinds)

    def _column(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        if name not in batch.schema.names:
            raise TableError(f"missing column {name!r}; expected {self.stream.columns}, found {batch.schema.names}.")
        column = batch.column(name)
        if column.null_count:
            raise TableError(f"{name}: {column.null_count:,} of {len(column):,} values of a batch are missing.")
        return column

    def _moments(self, batch: pa.RecordBatch, name: str) -> np.ndarray:
        column = self._column(batch, name)
        if not (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
            raise TableError(f"{name}: expected dates or timestamps, found {column.type}.")
        return np.asarray(column.cast(pa.timestamp("us"), safe=False).view(pa.int64()).to_numpy())


class _Codes:
    """Positions of words in a vocabulary, -1 for others; a dictionary that comes again is looked up once."""

    def __init__(self, vocabulary: pa.Array):
        self._vocabulary = vocabulary
        self._dictionary: pa.Array | None = None
        self._of_dictionary = np.zeros(0, dtype=np.int32)

    def of(self, column: pa.Array) -> np.ndarray:
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        if self._dictionary is None or not self._dictionary.equals(column.dictionary):
            self._dictionary = column.dictionary
            found = pc.index_in(column.dictionary.cast(pa.string()), self._vocabulary)
            self._of_dictionary = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32)
        codes: np.ndarray = self._of_dictionary[column.indices.to_numpy(zero_copy_only=False)]
        return codes

"""Tables as `init` reads them: whole if small, else a sample, and whole columns only where they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from leap.proposal.files import Found
from leap.sources import RawTable, read_raw
from leap.tables import values

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_MOST_CELLS = 10_000_000
"""A larger Parquet file or table of a database is sampled."""
_SAMPLE_ROWS = 200_000
_SAMPLE_PLACES = 8
"""From so many places of a file, since its first rows may be of one account or one year."""


@dataclass
class Reading:
    """A table as read: `frame` is the whole of it or, if `sampled`, some of its rows."""

    frame: pd.DataFrame
    rows: int
    remarks: tuple[tuple[str, str, str], ...] = ()
    sampled: bool = False
    loader: Callable[[str], pa.ChunkedArray] | None = None
    """The whole of one column, where `frame` is only a sample."""
    repeated: tuple[str, ...] = ()
    """Names that more than one column has; the first of each is looked at."""
    _distinct: dict[str, pd.Series] = field(default_factory=dict)
    _unique: dict[str, bool] = field(default_factory=dict)

    def full(self, column: str) -> pd.Series:
        """All cells of a column."""
        return self.frame[column] if self.loader is None else _series(self.loader(column))

    def distinct(self, column: str) -> pd.Series:
        """All different values of a column as text, without empty ones."""
        if column not in self._distinct:
            some = self.frame[column] if self.loader is None else _series(self.loader(column).unique())
            text = values.as_text(some)
            self._distinct[column] = pd.Series(pd.unique(text[text != ""]))
        return self._distinct[column]

    def is_unique(self, column: str) -> bool:
        """Whether no value of a column stands twice in the whole table."""
        import pyarrow.compute as pc

        if column not in self._unique:
            if self.loader is None:
                cells = self.frame[column]
                self._unique[column] = not cells[~values.is_missing(cells)].duplicated().any()
            else:
                whole = self.loader(column)
                self._unique[column] = pc.count_distinct(whole).as_py() == len(whole) - whole.null_count
        return self._unique[column]


def read_table(found: Found, folder: Path) -> Reading:
    """A table of the folder; SourceError if it cannot be read."""
    reading = None
    if found.paths and all(path.suffix == ".parquet" for path in found.paths):
        reading = _large_parquet(found.paths)
    elif "#" in found.source:
        reading = _large_database(folder, *found.source.split("#", 1))
    if reading is None:
        raw: RawTable = read_raw(found.source, folder)
        reading = Reading(raw.frame, len(raw.frame), raw.remarks)
    names = pd.Index([str(column) for column in reading.frame.columns], dtype=object)
    again = names.duplicated()
    reading.repeated = tuple(dict.fromkeys(names[again]))
    reading.frame = reading.frame.set_axis(names, axis=1).loc[:, ~again]
    return reading


def _series(column: pa.ChunkedArray | pa.Array) -> pd.Series:
    """Types as they are; whole numbers stay whole beside nulls."""
    import pyarrow as pa

    whole: Any = pd.Int64Dtype() if pa.types.is_integer(column.type) and column.null_count else None
    table = pa.table({"c": column})
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, types_mapper=(lambda _: whole) if whole else None)
    return frame["c"]


def _large_parquet(paths: tuple[Path, ...]) -> Reading | None:
    """A sample of large Parquet files; None if they are small, or no such files after all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        files = [pq.ParquetFile(path) for path in paths]
        rows = sum(file.metadata.num_rows for file in files)
        if rows * max(1, len(files[0].schema_arrow.names)) <= _MOST_CELLS or rows <= _SAMPLE_ROWS:
            return None
        places = [(file, group) for file in files for group in range(file.metadata.num_row_groups)]
        step = max(1, len(places) // _SAMPLE_PLACES)
        chosen = places[::step][:_SAMPLE_PLACES]
        each = _SAMPLE_ROWS // len(chosen)
        batches = [next(file.iter_batches(each, row_groups=[group]), None) for file, group in chosen]
        table = pa.Table.from_batches([batch for batch in batches if batch is not None])
    except (OSError, pa.ArrowException):
        return None
    frame = pd.DataFrame(
        {name: _series(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    )

    def load(column: str) -> pa.ChunkedArray:
        return pa.concat_tables([file.read(columns=[column]) for file in files]).column(0)

    return Reading(frame, rows, sampled=True, loader=load)


def _large_database(folder: Path, file: str, table: str) -> Reading | None:
    """A sample of a large table of a DuckDB file; None if it is small or cannot be read."""
    import duckdb

    def asked(query: Callable[[duckdb.DuckDBPyRelation], duckdb.DuckDBPyRelation]) -> pa.Table:
        with duckdb.connect(str(folder / file), read_only=True) as connection:
            return query(connection.table(table)).to_arrow_table()

    if not (folder / file).is_file():
        return None
    try:
        rows = int(asked(lambda there: there.aggregate("count(*)")).column(0)[0].as_py())
        names = asked(lambda there: there.limit(0)).column_names
        if rows * max(1, len(names)) <= _MOST_CELLS or rows <= _SAMPLE_ROWS:
            return None
        part, each = rows // _SAMPLE_PLACES, _SAMPLE_ROWS // _SAMPLE_PLACES
        frames = [asked(_from_place(each, n * part)) for n in range(_SAMPLE_PLACES)]
    except duckdb.Error:
        return None
    import pyarrow as pa

    sample = pa.concat_tables(frames)
    frame = pd.DataFrame({name: _series(c) for name, c in zip(sample.column_names, sample.columns, strict=True)})
    return Reading(
        frame, rows, sampled=True,
        loader=lambda column: asked(lambda there: there.select(duckdb.ColumnExpression(column))).column(0),
    )  # fmt: skip


def _from_place(rows: int, place: int) -> Callable[[duckdb.DuckDBPyRelation], duckdb.DuckDBPyRelation]:
    return lambda there: there.limit(rows, place)

"""COPY of PostgreSQL into Arrow, a block of rows at a time, so that only the finished columns are held."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from leap.errors import SourceError
from leap.sources.arrow import to_frame
from leap.sources.memory import Budget

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa
    from psycopg import sql

_BLOCK_BYTES = 1 << 24
_NULL = "\\N"
_FIRST, _LAST = "0001-01-01", "9999-12-31"

_BOOL, _DATE, _TIMESTAMP, _TIMESTAMPTZ = 16, 1082, 1114, 1184
_WHOLE = (20, 21, 23, 26)
_FLOAT = (700, 701)
"""Types by their object id, which is the same on every server; a domain shows as its base type."""


def copy_table(connection: psycopg.Connection[Any], table: tuple[str, str], what: str) -> pd.DataFrame:
    """All rows of `table` (schema, name) as the connection's transaction sees them.

    Whole numbers, floats, truths, dates and moments (with their offset) keep their type. Everything else is its exact
    text: numeric above all, then uuid, json, arrays and what a server may define. `infinity` is the last day of the
    calendar, which stands for "never", and `-infinity` or a year before Christ the first.
    """
    import pyarrow as pa
    from psycopg import sql

    name = sql.Identifier(*table)
    columns = connection.execute(sql.SQL("select * from {} limit 0").format(name)).description or []
    if not columns:
        raise SourceError(f"{what} has no columns.", remedy="Name a table or view that has some.")
    types = [column.type_code for column in columns]
    cells = sql.SQL(", ").join(_cell(column.name, column.type_code) for column in columns)
    copy = sql.SQL("copy (select {} from {}) to stdout (format csv, null {})").format(cells, name, sql.Literal(_NULL))
    budget, tables, rows = Budget(what), [], 0
    with connection.cursor() as cursor:
        try:
            with cursor.copy(copy) as stream:
                for block in _blocks(stream):
                    part = _parse(block, types)
                    rows += part.num_rows
                    budget.take(part.nbytes, f"{rows:,} rows read so far, and more to come")
                    tables.append(part)
        except pa.ArrowException as error:
            why = " ".join(str(error).split())[:200]
            raise SourceError(
                f"{what}: a value cannot be read: {why}",
                remedy="Cast the column to text in a view, and name the view.",
            ) from None
        if rows != cursor.rowcount:
            raise SourceError(f"{what}: {cursor.rowcount:,} rows were sent and {rows:,} could be read.")
    whole = pa.concat_tables(tables or [_parse(b"", types)])
    del tables
    return to_frame(_with_offsets(whole, types).rename_columns([column.name for column in columns]))


def _cell(column: str, kind: int) -> sql.Composable:
    """What is selected for a column: moments in UTC, within the calendar."""
    from psycopg import sql

    name = sql.Identifier(column)
    if kind not in (_DATE, _TIMESTAMP, _TIMESTAMPTZ):
        return name
    moment = sql.SQL("{} at time zone 'UTC'").format(name) if kind == _TIMESTAMPTZ else name
    target = sql.SQL("date" if kind == _DATE else "timestamp")
    return sql.SQL(
        "case when {name} is not null then least(greatest({moment}, {type} {first}), {type} {last}) end"
    ).format(name=name, moment=moment, type=target, first=sql.Literal(_FIRST), last=sql.Literal(_LAST))


def _blocks(stream: psycopg.Copy) -> Iterator[bytes]:
    """Whole rows in blocks of some megabytes; the server sends one message a row."""
    held: list[bytes | bytearray | memoryview] = []
    size = 0
    for row in stream:
        held.append(row)
        size += len(row)
        if size >= _BLOCK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _parse(block: bytes, types: Sequence[int]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    names = [str(place) for place in range(len(types))]
    schema = {name: _arrow_type(kind) for name, kind in zip(names, types, strict=True)}
    if not block:
        return pa.schema(list(schema.items())).empty_table()
    return arrow_csv.read_csv(
        pa.BufferReader(block),
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=names),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types=schema,
            null_values=[_NULL],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _arrow_type(kind: int) -> pa.DataType:
    import pyarrow as pa

    if kind in _WHOLE:
        return pa.int64()
    if kind in _FLOAT:
        return pa.float64()
    known = {_BOOL: pa.bool_(), _DATE: pa.date32(), _TIMESTAMP: pa.timestamp("us"), _TIMESTAMPTZ: pa.timestamp("us")}
    return known.get(kind, pa.string())


def _with_offsets(table: pa.Table, types: Sequence[int]) -> pa.Table:
    """Moments that were given in UTC, marked as such."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for place, kind in enumerate(types):
        if kind == _TIMESTAMPTZ:
            ticks = pc.cast(table.column(place), pa.int64())
            table = table.set_column(place, str(place), pc.cast(ticks, pa.timestamp("us", tz="UTC")))
    return table

"""Tables and views of a DuckDB file, read in batches; the file is never written and nothing is downloaded."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from leap.errors import SourceError
from leap.sources.arrow import to_frame
from leap.sources.memory import Budget
from leap.sources.names import find_table, nearest

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH_ROWS = 1 << 16
_AS_TEXT = frozenset({"UHUGEINT", "BIT", "TIME WITH TIME ZONE", "INTERVAL"})
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": False, "threads": 2}


def read_duckdb(folder: Path, file: str, table: str) -> pd.DataFrame:
    """The rows of `table` (with or without its schema); SourceError names what stands in the way and the remedy."""
    import duckdb

    path = folder / file
    if not path.is_file():
        raise SourceError(f"No DuckDB file at {file!r} in {folder}.", remedy="A table is named as 'file.duckdb#table'.")
    try:
        with duckdb.connect(str(path), read_only=True, config=_SETTINGS) as connection:
            arrow = _read(connection, file, table)
    except duckdb.Error as error:
        raise _in_words(error, file, table) from None
    return to_frame(arrow)


def _read(connection: duckdb.DuckDBPyConnection, file: str, table: str) -> pa.Table:
    import pyarrow as pa

    there = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database() order by all"
    ).fetchall()
    found = find_table(table, there, ("main",))
    if found is None:
        raise SourceError(f"{file} has no table or view {table!r}.", remedy=nearest(table, there))
    reader = _cells(connection.sql("from " + ".".join(map(_quoted, found)))).to_arrow_reader(_BATCH_ROWS)
    budget, batches, rows = Budget(f"{file}#{table}"), [], 0
    for batch in reader:
        rows += batch.num_rows
        budget.take(batch.nbytes, f"{rows:,} rows read so far, and more to come")
        batches.append(batch)
    return pa.Table.from_batches(batches, reader.schema)


def _cells(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The columns, as text where Arrow has no type that keeps their value."""
    shown = [
        f"cast({_quoted(name)} as varchar) as {_quoted(name)}" if str(kind) in _AS_TEXT else _quoted(name)
        for name, kind in zip(rows.columns, rows.types, strict=True)
    ]
    return rows.project(", ".join(shown))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _in_words(error: duckdb.Error, file: str, table: str) -> SourceError:
    why = " ".join(str(error).split())[:300]
    if "lock" in why.lower() and "conflicting" in why.lower():
        who = re.search(r"PID (\d+)", why)
        holder = f" (process {who[1]})" if who else ""
        return SourceError(f"{file} is open for writing in another program{holder}.", remedy="Close it there.")
    if "version number" in why:
        versions = re.search(r"version number (\d+).*between (\d+) and (\d+)", why)
        said = f" (format {versions[1]}; this one reads {versions[2]} to {versions[3]})" if versions else ""
        return SourceError(
            f"{file} was written by another version of DuckDB{said}.",
            remedy="Export the table as Parquet with that version (COPY … TO 'file.parquet').",
        )
    if "not a valid DuckDB database" in why:
        return SourceError(f"{file} is not a DuckDB file.", remedy="Name a DuckDB file, or another kind by its ending.")
    return SourceError(f"Cannot read table {table!r} of {file}: {why}", remedy="Export it again if it is damaged.")

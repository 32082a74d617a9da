"""Files to AccountTables: CSV, Parquet (file, folder or glob) and DuckDB, each where it lies; the quarantine back."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from leap.config import TableSpec, load_settings
from leap.errors import SourceError, TableError
from leap.tables import AccountTables, Problem, assemble
from leap.tables.csv_text import Unreadable, parse_csv
from leap.tables.lineage import sources_of

if TYPE_CHECKING:
    import pyarrow as pa

QUARANTINE = "quarantine"


@dataclass(frozen=True)
class RawTable:
    """A table as it lies in its files; the index of both frames is a row's place there, from 0.

    `set_aside` are rows that are none: their `rule` and `text`. `remarks` are (rule, example, remedy).
    """

    frame: pd.DataFrame
    set_aside: pd.DataFrame
    remarks: tuple[tuple[str, str, str], ...] = ()


def read_workspace(folder: Path, *, data_until: str | None = None) -> AccountTables:
    """The tables of a workspace; TableError if a rule fails. Quarantined rows are left out, counted in `problems`."""
    tables = inspect_workspace(folder, data_until=data_until)
    failed = [problem for problem in tables.problems if problem.level == "fail"]
    if failed:
        raise TableError(
            "; ".join(map(str, failed)),
            details=[problem.to_json() for problem in failed],
            remedy=f"`leap check {folder}` lists everything.",
        )
    return tables


def inspect_workspace(folder: Path, *, data_until: str | None = None) -> AccountTables:
    """As `read_workspace`, but a table that fails is counted, has no rows, and is named in `problems`."""
    settings = load_settings(folder)
    if not settings.tables:
        raise SourceError(f"{folder}: leap.toml declares no tables.", remedy=f"`leap init {folder}` proposes some.")
    frames: dict[str, pd.DataFrame] = {}
    set_aside: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    for name, spec in sources_of(settings).items():
        try:
            raw = read_raw(spec.source, settings.folder)
        except SourceError as error:
            problems.append(_unreadable(name, spec, error))
            continue
        frames[name], set_aside[name] = raw.frame, raw.set_aside
        rows = len(raw.frame) + len(raw.set_aside)
        problems += [Problem("warn", name, None, rule, rows, 1.0, (shown,), text) for rule, shown, text in raw.remarks]
    return assemble(settings, frames, problems, data_until, set_aside)


def _unreadable(name: str, spec: TableSpec, error: SourceError) -> Problem:
    rule = error.rule if isinstance(error, Unreadable) else "unreadable_source"
    return Problem("fail", name, None, rule, 1, 1.0, (spec.source,), str(error))


def read_raw(source: str, folder: Path) -> RawTable:
    """A `source` of leap.toml before any check; SourceError if nothing can be read."""
    if source.startswith(("postgresql:", "postgres:")):
        raise SourceError(
            f"{source.split('://')[0]} sources are not read yet; expected CSV, Parquet or DuckDB.",
            remedy="Export the table to Parquet (COPY … TO) and name the file.",
        )
    if "#" in source:
        return _whole(_read_duckdb(folder, *source.split("#", 1)))
    return _joined([(path, _read_file(path)) for path in _paths(folder, source)])


def write_quarantine(tables: AccountTables, folder: Path) -> dict[str, Path]:
    """One Parquet file a table under `folder`/quarantine with the refused rows as text, their rule and row number.

    A file of an earlier run is removed where nothing is refused any more.
    """
    written = {}
    for name in tables.everything_read:
        path = folder / QUARANTINE / f"{name}.parquet"
        refused = tables.quarantine.get(name)
        if refused is None:
            path.unlink(missing_ok=True)
            continue
        path.parent.mkdir(exist_ok=True)
        text = {c: refused[c].astype("string") for c in refused.columns if c != "row"}
        pd.DataFrame({**text, "row": refused["row"]})[list(refused.columns)].to_parquet(path, index=False)
        written[name] = path
    return written


def _paths(folder: Path, source: str) -> list[Path]:
    path = folder / source
    if any(sign in source for sign in "*?["):
        paths = sorted(folder.glob(source))
    elif path.is_dir():
        paths = sorted(path.rglob("*.parquet"))
    else:
        paths = [path]
    if not paths or not all(p.is_file() for p in paths):
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:20])
        raise SourceError(f"No file at {source!r}; the folder {folder} has {there}.")
    return paths


def _joined(parts: list[tuple[Path, RawTable]]) -> RawTable:
    """Files of one table one after the other; they must have the same columns."""
    first_path, first = parts[0]
    if len(parts) == 1:
        return first
    frames, aside, remarks, begin = [], [], [], 0
    for path, part in parts:
        if set(part.frame.columns) != set(first.frame.columns):
            differ = sorted(set(map(str, part.frame.columns)) ^ set(map(str, first.frame.columns)))
            why = f"{path.name} and {first_path.name} differ in the column(s) {differ[:10]}."
            raise Unreadable("columns_differ", why)
        frames.append(part.frame.set_axis(part.frame.index + begin))
        aside.append(part.set_aside.set_axis(part.set_aside.index + begin))
        remarks += [remark for remark in part.remarks if remark not in remarks]
        begin += len(part.frame) + len(part.set_aside)
    return RawTable(pd.concat(frames), pd.concat(aside), tuple(remarks))


def _whole(frame: pd.DataFrame) -> RawTable:
    return RawTable(frame, pd.DataFrame({"rule": [], "text": []}, dtype=object))


def _read_file(path: Path) -> RawTable:
    if not path.name.endswith((".csv", ".csv.gz", ".parquet")):
        raise SourceError(f"{path.name} has no known ending; expected .csv, .csv.gz or .parquet.")
    try:
        if path.suffix == ".parquet":
            return _whole(_read_parquet(path))
        data = path.read_bytes()
        text = parse_csv(gzip.decompress(data) if path.suffix == ".gz" else data)
        return RawTable(text.frame, text.set_aside, tuple(text.remarks))
    except Unreadable as error:
        raise Unreadable(error.rule, f"{path.name}: {error.message}", error.remedy) from None
    except (OSError, EOFError, ValueError, MemoryError) as error:
        why = " ".join(str(error).split())[:300]
        raise SourceError(f"Cannot read {path.name}: {type(error).__name__}: {why}") from error


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return _to_pandas(file.read())


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    """Types as they are; whole numbers stay whole beside nulls, since ids may be larger than a float can tell apart."""
    import pyarrow as pa

    whole: Mapping[Any, Any] = {
        pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(),
    }  # fmt: skip
    nulls = any(pa.types.is_integer(column.type) and column.null_count for column in table.columns)
    mapper = whole.get if nulls else None
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, date_as_object=False, types_mapper=mapper)
    return frame


def _read_duckdb(folder: Path, file: str, table: str) -> pd.DataFrame:
    import duckdb

    path = folder / file
    if not path.is_file():
        raise SourceError(f"No DuckDB file at {file!r} in {folder}.")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return _to_pandas(connection.table(table).to_arrow_table())
    except duckdb.Error as error:
        why = " ".join(str(error).split())[:300]
        raise SourceError(f"Cannot read table {table!r} of {file}: {why}") from error

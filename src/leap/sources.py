"""Files to AccountTables: CSV, Parquet (a file, a folder, a glob) and DuckDB, each table where it lies."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leap.config import TableSpec, load_settings
from leap.errors import LeapError, SourceError, TableError
from leap.tables import AccountTables, Problem, assemble


def read_workspace(folder: Path, *, data_until: str | None = None) -> AccountTables:
    """The tables of a workspace; TableError if a rule fails. Quarantined rows are left out and counted in `problems`."""
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
    """As `read_workspace`, but a table that fails is left out and named in `problems`."""
    settings = load_settings(folder)
    if not settings.tables:
        raise SourceError(f"{folder}: leap.toml declares no tables.", remedy=f"`leap init {folder}` proposes some.")
    frames: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    for name, spec in settings.tables.items():
        try:
            frames[name] = _read(name, spec, settings.folder)
        except SourceError as error:
            problems.append(Problem("fail", name, None, "unreadable_source", 1, 1.0, (spec.source,), str(error)))
    return assemble(settings, frames, problems, data_until)


def _read(name: str, spec: TableSpec, folder: Path) -> pd.DataFrame:
    source = spec.source
    if source.startswith(("postgresql:", "postgres:")):
        raise SourceError(
            f"{name}: {source.split('://')[0]} sources are not read yet; expected CSV, Parquet or DuckDB.",
            remedy="Export the table to Parquet (COPY … TO) and name the file.",
        )
    if "#" in source:
        return _read_duckdb(name, folder, *source.split("#", 1))
    paths = _paths(name, folder, source)
    frames = [_read_file(name, path) for path in paths]
    return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _paths(name: str, folder: Path, source: str) -> list[Path]:
    path = folder / source
    if path.is_dir():
        paths = sorted(path.rglob("*.parquet"))
    elif any(sign in source for sign in "*?["):
        paths = sorted(folder.glob(source))
    else:
        paths = [path]
    if not paths or not all(p.is_file() for p in paths):
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:20])
        raise SourceError(f"{name}: no file at {source!r}; the folder {folder} has {there}.")
    return paths


def _read_file(name: str, path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        if path.name.endswith((".csv", ".csv.gz")):
            return _read_csv(path)
    except LeapError:
        raise
    except Exception as error:
        raise SourceError(f"{name}: cannot read {path.name}: {type(error).__name__}: {error}") from error
    raise SourceError(f"{name}: {path.name} has no known ending; expected .csv, .csv.gz or .parquet.")


def _read_csv(path: Path) -> pd.DataFrame:
    # Text as it stands: ids such as 00123, a country NA and an account None stay what they are.
    frame = pd.read_csv(
        path,
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        encoding="utf-8-sig",
        on_bad_lines="error",
        header=None,
        skip_blank_lines=True,
    )
    frame.columns = pd.Index(frame.iloc[0].tolist())
    return frame.iloc[1:].reset_index(drop=True)


def _read_duckdb(name: str, folder: Path, file: str, table: str) -> pd.DataFrame:
    import duckdb

    path = folder / file
    if not path.is_file():
        raise SourceError(f"{name}: no DuckDB file at {file!r} in {folder}.")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.table(table).df()
    except duckdb.Error as error:
        raise SourceError(f"{name}: cannot read table {table!r} of {file}: {error}") from error

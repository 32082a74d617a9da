"""A first leap.toml for a folder of files: shapes, keys, dates, roles and features, every guess with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leap.errors import SourceError
from leap.proposal.columns import FileTable, look_at, plain
from leap.proposal.guesses import guess_tables
from leap.proposal.text import company_of, toml_text
from leap.sources import QUARANTINE, RawTable, read_raw

__all__ = ["LeftOut", "Proposal", "propose"]

_NOT_DATA = frozenset({QUARANTINE, "mlruns", "node_modules"})
_ENDINGS = (".csv", ".csv.gz", ".parquet", ".duckdb")
_MOST_FILES = 200


@dataclass(frozen=True)
class LeftOut:
    """A column (or, without one, a whole file) that is not used, and why."""

    table: str
    column: str | None
    why: str

    def to_json(self) -> dict[str, str | None]:
        """As in the JSON of `init`."""
        return {"table": self.table, "column": self.column, "why": self.why}


@dataclass(frozen=True)
class Proposal:
    """The text of a leap.toml, and its guesses one by one."""

    toml: str
    guessed: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def propose(folder: Path) -> Proposal:
    """Look at the files of a folder; SourceError if it holds none that can be read."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder.", remedy="Name the folder that holds the files.")
    sources = _sources(folder)
    if not sources:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
        raise SourceError(
            f"{folder}: no CSV, Parquet or DuckDB file; found {there}.", remedy="Export the tables as CSV or Parquet."
        )
    files, unread = _read(folder, sources)
    guesses, refused = guess_tables(files)
    refused |= unread
    company = company_of(folder, guesses)
    guessed = [f"{key} = {value}{f' ({why})' if why else ''}" for key, value, why in (
        ("company.currency", *company.currency), ("company.data_until", *company.data_until),
        ("outcome.horizon_months", *company.horizon_months)) if value is not None]  # fmt: skip
    for guess in guesses:
        for key, (value, why) in guess.keys.items():
            guessed.append(f"tables.{guess.file.name}.{key} = {value}{f' ({why})' if why else ''}")
        guessed += [f"tables.{guess.file.name}.columns.{column}" for column in guess.columns]
    left_out = [LeftOut(g.file.name, column, why) for g in guesses for column, why in g.left_out.items()]
    left_out += [LeftOut(name, None, why) for name, (_, why) in refused.items()]
    return Proposal(toml_text(company, guesses, refused), tuple(guessed), tuple(left_out))


def _sources(folder: Path) -> list[str]:
    """Files of the folder and folders of Parquet; what lies deeper only if there is nothing else."""
    found = []
    inside = sorted(path for path in folder.iterdir() if path.name[0] not in "._" and path.name not in _NOT_DATA)
    for path in inside:
        if path.is_file() and path.name.endswith(_ENDINGS):
            found += _tables_of(path) if path.suffix == ".duckdb" else [path.name]
        elif path.is_dir() and any(path.rglob("*.parquet")) and not any(path.rglob("*.csv")):
            found.append(path.name)
    if found:
        return found[:_MOST_FILES]
    return [f"{path.name}/{source}" for path in inside if path.is_dir() for source in _sources(path)][:_MOST_FILES]


def _tables_of(path: Path) -> list[str]:
    import duckdb

    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            names = connection.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
    except duckdb.Error:
        return [path.name + "#"]
    return [f"{path.name}#{name}" for (name,) in sorted(names)]


def _read(folder: Path, sources: list[str]) -> tuple[list[FileTable], dict[str, tuple[FileTable, str]]]:
    """The files that can be read, under short names of their own, and why the others cannot."""
    files, unread = [], {}
    for source, name in zip(sources, _names(sources), strict=True):
        try:
            raw = read_raw(source, folder)
        except SourceError as error:
            nothing = FileTable(name, source, RawTable(pd.DataFrame(), pd.DataFrame()))
            unread[name] = (nothing, f"it cannot be read: {error}")
            continue
        files.append(look_at(name, source, raw))
    return files, unread


def _names(sources: list[str]) -> list[str]:
    """Table names: letters, digits and underscores, without what all files share.

    >>> _names(["raven_accounts.csv", "raven_usage.parquet"]), _names(["2024 orders.csv"]), _names(["x.duckdb#subs"])
    (['accounts', 'usage'], ['t_2024_orders'], ['subs'])
    """
    stems = [plain(re.sub(r"\.(csv|csv\.gz|parquet)$", "", source).split("#")[-1].split("/")[-1]) for source in sources]
    first = stems[0].split("_")[0] + "_" if len(stems) > 1 else ""
    if first and all(stem.startswith(first) and len(stem) > len(first) for stem in stems):
        stems = [stem.removeprefix(first) for stem in stems]
    names: list[str] = []
    for stem in stems:
        name = stem if re.match("[a-z]", stem) else f"t_{stem}".rstrip("_")
        again = sum(other == name or other.rsplit("_", 1)[0] == name for other in names)
        names.append(f"{name}_{again + 1}" if name in names else name)
    return names

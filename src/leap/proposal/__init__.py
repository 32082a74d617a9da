"""A first leap.toml for a folder of files: shapes, keys, dates, roles and features, every guess with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leap.errors import SourceError
from leap.proposal.columns import FileTable, look_at
from leap.proposal.company import Company, company_of
from leap.proposal.exports import exported
from leap.proposal.files import FolderContents, contents_of, table_names
from leap.proposal.guess import Guess
from leap.proposal.guesses import Guesses, guess_tables
from leap.proposal.reading import Reading, read_table
from leap.proposal.text import toml_text

__all__ = ["LeftOut", "Proposal", "propose"]

_SHOWN = 8


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

    def left_out_in_short(self) -> list[str]:
        """A line for every file, and one for all columns of a table that are left out for the same reason."""
        grouped: dict[tuple[str, bool, str], list[str]] = {}
        for one in self.left_out:
            grouped.setdefault((one.table, one.column is None, one.why), []).append(str(one.column))
        lines = []
        for (table, whole, why), columns in grouped.items():
            more = f" and {len(columns) - _SHOWN:,} more" if len(columns) > _SHOWN else ""
            lines.append(f"{table}: {why}" if whole else f"{table}: {', '.join(columns[:_SHOWN])}{more}: {why}")
        return lines


def propose(folder: Path) -> Proposal:
    """Look at the files of a folder; SourceError if it holds none that can be read."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder.", remedy="Name the folder that holds the files.")
    contents = contents_of(folder)
    if not contents.tables:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:20]) or "nothing"
        raise SourceError(
            f"{folder}: no CSV, Parquet or DuckDB file; found {there}.", remedy="Export the tables as CSV or Parquet."
        )
    by_layout = exported(folder, contents)
    files, unread = _read(folder, contents, {guess.name for guess in by_layout})
    guesses = guess_tables(files)
    guesses.refused |= unread
    _put_first(by_layout, guesses)
    company = company_of(folder, guesses.tables)
    return Proposal(
        toml_text(company, guesses, contents.others), _guessed(company, guesses), _left_out(guesses, contents)
    )


def _put_first(by_layout: list[Guess], guesses: Guesses) -> None:
    """Tables of an export before the others; what accounts pay stands in one table only."""
    if any(guess.role == "revenue" for guess in by_layout):
        for guess in guesses.tables:
            if guess.role == "revenue":
                guess.notes.append("It holds money too, but the export says what accounts pay; check.")
                del guess.keys["role"]
    guesses.tables[:0] = by_layout


def _read(
    folder: Path, contents: FolderContents, taken: set[str]
) -> tuple[list[FileTable], dict[str, tuple[FileTable, str]]]:
    """The tables that can be read, under short names of their own, and why the others cannot."""
    files, unread = [], {}
    names = table_names(table.source for table in contents.tables)
    for table, plain_name in zip(contents.tables, names, strict=True):
        name = f"{plain_name}_file" if plain_name in taken else plain_name
        try:
            file = look_at(name, table.source, read_table(table, folder))
        except SourceError as error:
            unread[name] = (
                FileTable(name, table.source, Reading(pd.DataFrame(), 0)),
                f"it cannot be read: {str(error).rstrip('.')}",
            )
            continue
        file.parts = table.parts
        files.append(file)
    return files, unread


def _guessed(company: Company, guesses: Guesses) -> tuple[str, ...]:
    said = [
        ("company.currency", *company.currency),
        ("company.data_until", *company.data_until),
        ("outcome.horizon_months", *company.horizon_months),
    ]
    if guesses.lineage is not None:
        said.append(("lineage.source", guesses.lineage.source, "merged or renamed accounts"))
    for guess in guesses.tables:
        said += [(f"tables.{guess.name}.{key}", value, why) for key, (value, why) in guess.keys.items()]
    lines = [f"{key} = {value}{f' ({why})' if why else ''}" for key, value, why in said if value is not None]
    return (*lines, *(f"tables.{guess.name}.columns.{column}" for guess in guesses.tables for column in guess.columns))


def _left_out(guesses: Guesses, contents: FolderContents) -> tuple[LeftOut, ...]:
    columns = [LeftOut(guess.name, column, why) for guess in guesses.tables for column, why in guess.left_out.items()]
    tables = [LeftOut(name, None, why) for name, (_, why) in guesses.refused.items()]
    return (*columns, *tables, *(LeftOut(name, None, why) for name, why in contents.others.items()))

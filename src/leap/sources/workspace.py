"""All tables of a workspace through the checks to AccountTables; the quarantine back."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leap.config import TableSpec, load_settings
from leap.errors import SourceError, TableError
from leap.sources.names import shown
from leap.sources.postgresql import Databases
from leap.sources.reading import read_raw
from leap.tables import AccountTables, Problem, assemble
from leap.tables.csv_text import Unreadable
from leap.tables.lineage import sources_of

QUARANTINE = "quarantine"


def read_workspace(folder: Path, *, data_until: str | None = None, odd: bool = True) -> AccountTables:
    """The tables of a workspace; TableError if a rule fails. Quarantined rows are left out, counted in `problems`.

    Without `odd` it is not looked for what is odd about columns that are used all the same.
    """
    tables = inspect_workspace(folder, data_until=data_until, odd=odd)
    failed = [problem for problem in tables.problems if problem.level == "fail"]
    if failed:
        raise TableError(
            "; ".join(map(str, failed)),
            details=[problem.to_json() for problem in failed],
            remedy=f"`leap check {folder}` lists everything.",
        )
    return tables


def inspect_workspace(folder: Path, *, data_until: str | None = None, odd: bool = True) -> AccountTables:
    """As `read_workspace`, but a table that fails is counted, has no rows, and is named in `problems`."""
    settings = load_settings(folder)
    if not settings.tables:
        raise SourceError(f"{folder}: leap.toml declares no tables.", remedy=f"`leap init {folder}` proposes some.")
    frames: dict[str, pd.DataFrame] = {}
    set_aside: dict[str, pd.DataFrame] = {}
    problems: list[Problem] = []
    with Databases() as databases:
        for name, spec in sources_of(settings).items():
            try:
                raw = read_raw(spec.source, settings.folder, databases)
            except SourceError as error:
                problems.append(_unreadable(name, spec, error))
                continue
            frames[name], set_aside[name] = raw.frame, raw.set_aside
            rows = len(raw.frame) + len(raw.set_aside)
            problems += [
                Problem("warn", name, None, rule, rows, 1.0, (what,), text) for rule, what, text in raw.remarks
            ]
    return assemble(settings, frames, problems, data_until, set_aside, odd=odd)


def _unreadable(name: str, spec: TableSpec, error: SourceError) -> Problem:
    rule = error.rule if isinstance(error, Unreadable) else "unreadable_source"
    return Problem("fail", name, None, rule, 1, 1.0, (shown(spec.source),), str(error))


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

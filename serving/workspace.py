"""The workspace of a service: its settings and tables, read again once they have changed and lie still."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.sources.traces import Trace
    from leap.tables import AccountTables

LOOK_EVERY_SECONDS = 2.0
"""Between two looks at the files: they are read once two looks in a row find them the same."""


CHANGES_KEPT = 20


@dataclass(frozen=True)
class TableChange:
    """A table that had more or fewer rows when it was read again: how many were used before, and how many then."""

    table: str
    at: datetime
    before: int | None
    now: int | None


@dataclass(frozen=True)
class Reading:
    """When tables were read, and what had changed in them since the service began, the latest first."""

    at: datetime
    changes: tuple[TableChange, ...] = ()


@dataclass(frozen=True, eq=False)
class Data:
    """The tables of a workspace as they were read once; None where there is none to score customers of."""

    settings: Settings
    tables: AccountTables | None
    reading: Reading | None = None


class TablesWatch:
    """What the files of a workspace look like, and the tables read from them last."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self._settings: Settings | None = None
        self._settings_trace: Trace | None = None
        self._latest: Hashable = None
        self._still: Hashable = None
        self._looked_at = float("-inf")
        self._began = time.monotonic()
        self._read: tuple[Hashable, Data] | None = None

    @property
    def company(self) -> str:
        """Whose workspace it is, by the settings that could be read last."""
        return self._settings.company.name if self._settings is not None else ""

    def look(self) -> Hashable:
        """The traces that the files had at two looks in a row: what is being written is left alone."""
        if time.monotonic() - self._looked_at >= LOOK_EVERY_SECONDS:
            found = self._traces()
            if found == self._latest or self._still is None:
                self._still = found
            self._latest, self._looked_at = found, time.monotonic()
        return self._still

    def read(self) -> Data:
        """The tables as of the last look; those of before where nothing changed.

        TableError where one has lost all its rows: an export that failed looks like that.
        """
        from leap.config import load_settings
        from leap.sources import read_workspace

        if self._read is not None and self._read[0] == self._still:
            return self._read[1]
        before = self._still
        earlier = None if self._read is None else self._read[1]
        data = Data(load_settings(self.workspace), read_workspace(self.workspace, odd=False))
        if earlier is not None:
            require_rows(earlier, data)
        data = replace(data, reading=reading_of(earlier, data))
        self._read = (before, data)
        return data

    def _traces(self) -> Hashable:
        from leap.config import SETTINGS_FILE, load_settings
        from leap.errors import SettingsError
        from leap.sources.traces import has_sources_without_files, trace_of, traces_of

        trace = trace_of(self.workspace / SETTINGS_FILE)
        if trace != self._settings_trace:
            try:
                self._settings, self._settings_trace = load_settings(self.workspace), trace
            except SettingsError:
                return trace  # read() says what is wrong with it
        settings = self._settings
        if settings is None:
            return trace
        return traces_of(settings), self._turn(settings) if has_sources_without_files(settings) else 0

    def _turn(self, settings: Settings) -> int:
        """Counts up whenever tables without files are to be read again."""
        minutes = settings.serving.refresh_minutes
        return int((time.monotonic() - self._began) / 60 / minutes) if minutes else 0


def reading_of(before: Data | None, data: Data) -> Reading:
    """What has just been read, beside what was read before it."""
    now = datetime.now(UTC)
    if before is None or before.tables is None or data.tables is None:
        return Reading(now)
    had, have = _rows_used(before.tables), _rows_used(data.tables)
    changes = tuple(
        TableChange(name, now, had.get(name), have.get(name))
        for name in sorted({*had, *have})
        if had.get(name) != have.get(name)
    )
    kept = () if before.reading is None else before.reading.changes
    return Reading(now, (*changes, *kept)[:CHANGES_KEPT])


def _rows_used(tables: AccountTables) -> dict[str, int]:
    return {name: table.rows_used for name, table in tables.tables.items()}


FEW_ROWS = 20
"""A table of so few may lose some and be whole; none at all is another matter."""
KEPT_AT_LEAST = 0.75
"""Of a table's rows in a newer state: tables grow, and a file cut off in transfer reads like a short one."""


def require_rows(before: Data, data: Data) -> None:
    """TableError if a table has lost so many of its rows at once that it was rather cut off than cleaned up."""
    from leap.errors import TableError

    if before.tables is None or data.tables is None:
        return
    had, have = _rows_used(before.tables), _rows_used(data.tables)
    lost = [
        name
        for name, rows in have.items()
        if had.get(name, 0) > (FEW_ROWS if rows else 0) and rows < KEPT_AT_LEAST * had[name]
    ]
    if lost:
        told = ", ".join(f"{name} ({had[name]:,} before, {have[name]:,} now)" for name in lost)
        raise TableError(
            f"{len(lost)} table(s) have lost more than a quarter of their rows: {told}; all are as they were read "
            "last.",
            details=lost,
            remedy="Export them again; if they are meant to be so, start the service anew.",
        )

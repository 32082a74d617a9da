"""The workspace of a service: its settings and tables, read again once they have changed and lie still."""

from __future__ import annotations

import time
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.sources.traces import Trace
    from leap.tables import AccountTables

LOOK_EVERY_SECONDS = 2.0
"""Between two looks at the files: they are read once two looks in a row find them the same."""


@dataclass(frozen=True, eq=False)
class Data:
    """The tables of a workspace as they were read once; None where there is none to score customers of."""

    settings: Settings
    tables: AccountTables | None


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
        data = Data(load_settings(self.workspace), read_workspace(self.workspace, odd=False))
        if self._read is not None:
            require_rows(self._read[1], data)
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


def require_rows(before: Data, data: Data) -> None:
    """TableError if a table that had rows has none any more."""
    from leap.errors import TableError

    if before.tables is None or data.tables is None:
        return
    had = {name: table.rows_used for name, table in before.tables.tables.items()}
    emptied = [name for name, table in data.tables.tables.items() if had.get(name) and not table.rows_used]
    if emptied:
        told = ", ".join(f"{name} ({had[name]:,} before)" for name in emptied)
        raise TableError(
            f"{len(emptied)} table(s) have no rows any more: {told}; all are as they were read last.",
            details=emptied,
            remedy="Export them again; if they are meant to be empty, start the service anew.",
        )

"""A small SQLite file of our own in a store's folder, which processes write to in turn.

Writes are short transactions in WAL mode, flushed before they return: a process that is killed loses at most what it
had not yet confirmed. Each kind of record has a file of its own, since MLflow migrates its database.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from leap.errors import RegistryError

WAIT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class SqliteFile:
    """A file with tables of one schema; `holds` is what messages call its content, such as "reviews"."""

    path: Path
    schema: int
    create: tuple[str, ...]
    holds: str
    wait_seconds: float = WAIT_SECONDS

    @contextlib.contextmanager
    def opened(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction, undone unless it is committed inside; RegistryError if the file cannot be used."""
        try:
            if write:
                self._begin_file()
            with contextlib.closing(self._connect()) as connection:
                if write:
                    self._into_wal(connection)
                    connection.execute("PRAGMA synchronous = FULL")
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                self._require_schema(connection, write)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """As `opened`, for a reader: None where nothing was begun."""
        if not self.path.is_file():
            yield None
            return
        with self.opened() as connection:
            # Another process may have made the file and not its tables yet.
            yield connection if _schema(connection) else None

    def _begin_file(self) -> None:
        """The folder and an empty file that only its owner reads: names of people and accounts stand in it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _connect(self) -> sqlite3.Connection:
        # A reader writes too where it can: it takes part in the WAL, and repairs what a killed process left.
        mode = "rw" if os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK) else "ro"
        if mode == "ro" and not self.path.with_name(f"{self.path.name}-wal").exists():
            mode = "ro&immutable=1"  # without a place for its shared memory a WAL file opens only so
        address = f"file:{quote(str(self.path))}?mode={mode}"
        return sqlite3.connect(address, uri=True, timeout=self.wait_seconds, isolation_level=None)

    def _into_wal(self, connection: sqlite3.Connection) -> None:
        """SQLite does not wait for others when it changes the mode, so we do."""
        began = time.monotonic()
        while True:
            try:
                connection.execute("PRAGMA journal_mode = WAL").fetchone()
                return
            except sqlite3.OperationalError:
                if time.monotonic() - began > self.wait_seconds:
                    raise
                time.sleep(0.02)

    def _require_schema(self, connection: sqlite3.Connection, write: bool) -> None:
        """Make the tables of a new file, within the transaction; RegistryError for those of a later Leap."""
        found = _schema(connection)
        if found == 0 and write:
            for statement in self.create:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {self.schema}")
        elif found not in (0, self.schema):
            raise RegistryError(
                f"{self.path}: expected {self.holds} of schema {self.schema}, found {found}.",
                remedy="A later Leap wrote them: use that one.",
            )

    def _failure(self, error: sqlite3.Error | OSError) -> RegistryError:
        text = str(error)
        if "locked" in text or "busy" in text:
            return RegistryError(
                f"{self.path}: the {self.holds} are locked by another process; waited {self.wait_seconds:g} s.",
                remedy="Wait until the other command is done, and run this again.",
            )
        if "is full" in text or "No space left" in text:
            return RegistryError(
                f"{self.path}: the {self.holds} cannot be written, the disk is full: {text}.",
                remedy="Free some space and run this again; what was confirmed before is kept.",
            )
        if isinstance(error, OSError) or "readonly" in text or "unable to open" in text:
            return RegistryError(
                f"{self.path}: the {self.holds} cannot be opened or written: {text}.",
                remedy="Check the permissions of the store, or choose another one with --store.",
            )
        return RegistryError(
            f"{self.path}: the {self.holds} cannot be used: {text}.", remedy="Restore the file from a backup."
        )


def _schema(connection: sqlite3.Connection) -> int:
    """The schema of a file, 0 of one without tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])

"""MLflow's SQLite file itself: what MLflow does slowly (waiting, reading aliases) or not at all (moving)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from leap.errors import RegistryError
from leap.registry.place import sqlite_uri
from leap.registry.records import MODEL

OWNED_TAG: Final = "leap.store"
"""Marks the experiments whose files lie in the store's own folder of artifacts."""

_PATH_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


@dataclass(frozen=True)
class Database:
    """One SQLite file with the folder of artifacts that belongs to it; waits are in seconds."""

    path: Path
    artifacts: Path
    read_wait: float
    write_wait: float

    @contextlib.contextmanager
    def opened(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A transaction, undone unless it is committed inside; RegistryError if the file stays locked."""
        wait = self.write_wait if write else self.read_wait
        # A reader needs to write too after a crash: SQLite then undoes what was half written.
        mode = "rw" if write or os.access(self.path, os.W_OK) else "ro"
        address = f"file:{quote(str(self.path))}?mode={mode}"
        try:
            with contextlib.closing(
                sqlite3.connect(address, uri=True, timeout=wait, isolation_level=None)
            ) as connection:
                connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                yield connection
        except sqlite3.Error as error:
            raise self._failure(error, wait) from error

    def wait(self, *, write: bool = False) -> None:
        """Return when the file can be used. MLflow would wait 20 s a query, or retry for minutes."""
        with self.opened(write=write):
            pass

    def aliases(self) -> dict[str, str]:
        """Alias -> version. A server asks often, and need not import MLflow for it."""
        query = "SELECT alias, version FROM registered_model_aliases WHERE name = ?"
        with self.opened() as connection:
            return {alias: str(version) for alias, version in connection.execute(query, (MODEL,))}

    def stale_roots(self) -> list[str]:
        """Where this store's artifacts were when Leap wrote them, if that is not where they are now."""
        with self.opened() as connection:
            return self._stale_roots(connection)

    def repair_paths(self) -> int:
        """Rewrite the prefixes of `stale_roots`, all in one transaction; the number of paths rewritten."""
        with self.opened(write=True) as connection:
            roots = self._stale_roots(connection)
            changed = sum(_rewrite(connection, root, str(self.artifacts)) for root in roots)
            connection.execute("COMMIT")
        return changed

    def create(self) -> None:
        """A new database, migrated under another name: a process killed meanwhile leaves no half of it."""
        from mlflow.store.tracking import sqlalchemy_store

        migrate: Callable[[str, str], object] = sqlalchemy_store.SqlAlchemyStore
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}.{time.monotonic_ns()}.new")
        try:
            migrate(sqlite_uri(new), str(self.artifacts))
            new.rename(self.path)
        finally:
            new.unlink(missing_ok=True)

    def _stale_roots(self, connection: sqlite3.Connection) -> list[str]:
        query = (
            "SELECT DISTINCT artifact_location FROM experiments JOIN experiment_tags USING (experiment_id) "
            "WHERE experiment_tags.key = ?"
        )
        found = [location for (location,) in connection.execute(query, (OWNED_TAG,))]
        return [location for location in found if location and location != str(self.artifacts)]

    def _failure(self, error: sqlite3.Error, wait: float) -> RegistryError:
        if "locked" in str(error) or "busy" in str(error):
            return RegistryError(
                f"{self.path}: the database is locked by another process; waited {wait:g} s.",
                remedy="Wait until the other command is done, or find who holds the file, and run this again.",
            )
        return RegistryError(f"{self.path}: the database cannot be used: {error}.", remedy="See: leap doctor")


def _rewrite(connection: sqlite3.Connection, old: str, new: str) -> int:
    changed = 0
    for table, column in _PATH_COLUMNS:
        # The names are ours, from _PATH_COLUMNS; the paths are parameters.
        statement = (
            f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "  # noqa: S608
            f"WHERE {column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'"
        )
        changed += connection.execute(statement, {"old": old, "new": new}).rowcount
    return changed

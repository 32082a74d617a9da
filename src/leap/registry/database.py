"""MLflow's SQLite file itself: what MLflow does slowly (waiting, aliases, listing) or not at all (moving)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from leap.errors import RegistryError
from leap.registry.place import sqlite_uri
from leap.registry.records import ALIASES, CHALLENGER, CHAMPION, MODEL, PREVIOUS, Registered, VersionInfo

OWNED_TAG: Final = "leap.store"
"""Marks the experiments whose files lie in the store's own folder of artifacts."""

_DELETED = "Deleted_Internal"
_VERSIONS = "SELECT version FROM model_versions WHERE name = ? AND current_stage <> ?"
_ROWS = "SELECT version, creation_time, run_id, source FROM model_versions WHERE name = ? AND current_stage <> ?"
_TAGS = "SELECT version, key, value FROM model_version_tags WHERE name = ?"
_FIGURES = (
    "SELECT run_uuid, key, value FROM latest_metrics WHERE NOT is_nan AND run_uuid IN "
    "(SELECT run_id FROM model_versions WHERE name = ? AND current_stage <> ?)"
)
_NO_ALIAS = "DELETE FROM registered_model_aliases WHERE name = ?"
_ALIAS = "INSERT INTO registered_model_aliases (alias, version, name) VALUES (?, ?, ?)"
_NO_TAG = "DELETE FROM model_version_tags WHERE name = ? AND version = ? AND key = ?"
_TAG = "INSERT INTO model_version_tags (key, value, name, version) VALUES (?, ?, ?, ?)"

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
    def opened(self, *, write: bool = False, wait_seconds: float | None = None) -> Iterator[sqlite3.Connection]:
        """A transaction, undone unless it is committed inside; RegistryError if the file stays locked."""
        wait = wait_seconds if wait_seconds is not None else self.write_wait if write else self.read_wait
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

    def aliases(self, wait_seconds: float | None = None) -> dict[str, str]:
        """Alias -> version. A server asks often, and need not import MLflow for it."""
        query = "SELECT alias, version FROM registered_model_aliases WHERE name = ?"
        with self.opened(wait_seconds=wait_seconds) as connection:
            return {alias: str(version) for alias, version in connection.execute(query, (MODEL,))}

    def settle(self, version: str, previous: str | None, notes: Mapping[str, str]) -> None:
        """Move the aliases to a promotion that was decided and note it with the version, in one transaction.

        What is not there (deleted in MLflow) gets no alias. MLflow's client does the same in seconds, most of them its
        import, and a rollback must not wait for it.
        """
        with self.opened(write=True) as connection:
            there = {str(found) for (found,) in connection.execute(_VERSIONS, (MODEL, _DELETED))}
            for alias, wanted in ((PREVIOUS, previous), (CHAMPION, version)):
                if wanted is None:
                    connection.execute(f"{_NO_ALIAS} AND alias = ?", (MODEL, alias))
                elif wanted in there:
                    connection.execute(f"{_NO_ALIAS} AND alias = ?", (MODEL, alias))
                    connection.execute(_ALIAS, (alias, int(wanted), MODEL))
            connection.execute(f"{_NO_ALIAS} AND alias = ? AND version = ?", (MODEL, CHALLENGER, int(version)))
            if version in there:
                for key, value in notes.items():
                    connection.execute(_NO_TAG, (MODEL, int(version), key))
                    connection.execute(_TAG, (key, value, MODEL, int(version)))
            connection.execute("COMMIT")

    def registered(self, version: str) -> Registered | None:
        """A version's tags and source, or None if there is no such one."""
        with self.opened() as connection:
            found = connection.execute(f"{_ROWS} AND version = ?", (MODEL, _DELETED, int(version))).fetchone()
            if found is None:
                return None
            return Registered(version, self._tags(connection).get(version, {}), str(found[3]))

    def versions(self, aliases: Mapping[str, str | None]) -> list[VersionInfo]:
        """All versions, the latest first, with the figures of their runs."""
        with self.opened() as connection:
            tags, figures = self._tags(connection), self._figures(connection)
            rows = connection.execute(f"{_ROWS} ORDER BY version DESC", (MODEL, _DELETED)).fetchall()
        return [
            VersionInfo(
                version=str(version),
                created=datetime.fromtimestamp(created / 1000, UTC),
                company=tags.get(str(version), {}).get("company", ""),
                aliases=tuple(alias for alias in ALIASES if aliases[alias] == str(version)),
                gate=tags.get(str(version), {}).get("gate", ""),
                metrics=figures.get(run_id, {}),
                tags=tags.get(str(version), {}),
            )
            for version, created, run_id, _ in rows
        ]

    def _tags(self, connection: sqlite3.Connection) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for version, key, value in connection.execute(_TAGS, (MODEL,)):
            found.setdefault(str(version), {})[key] = value
        return found

    def _figures(self, connection: sqlite3.Connection) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for run_id, key, value in connection.execute(_FIGURES, (MODEL, _DELETED)):
            found.setdefault(run_id, {})[key] = value
        return found

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

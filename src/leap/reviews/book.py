"""The book of verdicts: one SQLite file in the store, to which rows are only ever added.

Its own file, since MLflow migrates its database. Writes are single short transactions in WAL mode, flushed before they
return: a process that is killed loses at most the verdict it had not yet confirmed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final
from urllib.parse import quote

from leap.errors import RegistryError
from leap.reviews.records import DecidedMeanwhile, Review, Subject

FILE: Final = "reviews.db"
SCHEMA: Final = 1
WAIT_SECONDS: Final = 10.0
_CREATE: Final = (
    """CREATE TABLE reviews (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        company TEXT NOT NULL,
        subject_kind TEXT NOT NULL CHECK (subject_kind IN ('rule', 'driver', 'account')),
        subject_key TEXT NOT NULL,
        verdict TEXT NOT NULL CHECK (verdict IN ('accept', 'reject', 'note', 'include', 'exclude', 'withdraw')),
        owner TEXT NOT NULL CHECK (owner <> ''),
        reason TEXT NOT NULL,
        given_at TEXT NOT NULL,
        expires TEXT,
        version TEXT,
        words TEXT NOT NULL,
        evidence TEXT NOT NULL
    )""",
    "CREATE INDEX reviews_of_company ON reviews (company, number)",
    "CREATE TRIGGER reviews_are_kept BEFORE DELETE ON reviews BEGIN SELECT RAISE(ABORT, 'reviews are kept'); END",
    "CREATE TRIGGER reviews_stand BEFORE UPDATE ON reviews BEGIN SELECT RAISE(ABORT, 'reviews are not changed'); END",
)
_INSERT: Final = (
    "INSERT INTO reviews (company, subject_kind, subject_key, verdict, owner, reason, given_at, expires, version, "
    "words, evidence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SELECT: Final = (
    "SELECT number, subject_kind, subject_key, verdict, owner, reason, given_at, expires, version, words, evidence "
    "FROM reviews WHERE company = ? ORDER BY number"
)


@dataclass(frozen=True)
class ReviewBook:
    """The verdicts that lie in a store's folder; readers and writers of several processes take turns."""

    folder: Path
    wait_seconds: float = WAIT_SECONDS

    @property
    def path(self) -> Path:
        """The file, which need not be there yet."""
        return self.folder / FILE

    @property
    def writable(self) -> bool:
        """Whether a verdict could be kept there."""
        return os.access(self.folder, os.W_OK) and (not self.path.exists() or os.access(self.path, os.W_OK))

    def add(self, company: str, review: Review, *, seen: int | None = None) -> Review:
        """Keep a verdict; itself with its number, once it is safe on the disk.

        `seen` is the number of the latest review of this subject that whoever gives it had seen, 0 for none. If a later
        one stands there, DecidedMeanwhile; unless it says the same, as where a form is sent twice: then that one is the
        answer, and nothing is added.
        """
        subject = review.subject
        row = (
            company, subject.kind, subject.key, review.verdict, review.owner, review.reason, review.given_at,
            review.expires, review.version, review.words, json.dumps(dict(review.evidence), sort_keys=True),
        )  # fmt: skip
        with self._opened(write=True) as connection:
            if seen is not None:
                rows = connection.execute(_SELECT, (company,)).fetchall()
                said = self._since(rows, review.subject, seen)
                if repeated := review.among(said, seen):
                    return repeated
                if said:
                    raise DecidedMeanwhile(said)
            number = connection.execute(_INSERT, row).lastrowid
            connection.execute("COMMIT")
        return replace(review, number=int(number or 0))

    def of(self, company: str) -> tuple[Review, ...]:
        """Every verdict of a company in the order given; none where no book was begun."""
        if not self.path.is_file():
            return ()
        with self._opened() as connection:
            begun = _schema(connection) > 0  # another process may have made the file and not its tables yet
            rows = connection.execute(_SELECT, (company,)).fetchall() if begun else []
        return tuple(self._read(row) for row in rows)

    def _since(self, rows: list[tuple[object, ...]], subject: Subject, seen: int) -> list[Review]:
        of_it = (subject.kind, subject.key)
        return [self._read(row) for row in rows if (row[1], row[2]) == of_it and int(str(row[0])) > seen]

    def _read(self, row: tuple[object, ...]) -> Review:
        """A row as it was kept; RegistryError for a damaged one, whose bytes SQLite does not check."""
        try:
            return _review(row)
        except ValueError as error:
            raise RegistryError(
                f"{self.path}: review {row[0]} is damaged: {error}.", remedy="Restore the file from a backup."
            ) from error

    @contextlib.contextmanager
    def _opened(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
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

    def _begin_file(self) -> None:
        """The folder and an empty file that only its owner reads: people's names stand in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))

    def _connect(self) -> sqlite3.Connection:
        # A reader writes too where it can: it takes part in the WAL, and repairs what a killed process left.
        mode = "rw" if os.access(self.path, os.W_OK) and os.access(self.folder, os.W_OK) else "ro"
        if mode == "ro" and not self.path.with_name(f"{FILE}-wal").exists():
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
            for statement in _CREATE:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        elif found not in (0, SCHEMA):
            raise RegistryError(
                f"{self.path}: expected reviews of schema {SCHEMA}, found {found}.",
                remedy="A later Leap wrote them: use that one.",
            )

    def _failure(self, error: sqlite3.Error | OSError) -> RegistryError:
        text = str(error)
        if "locked" in text or "busy" in text:
            return RegistryError(
                f"{self.path}: the reviews are locked by another process; waited {self.wait_seconds:g} s.",
                remedy="Wait until the other command is done, and run this again.",
            )
        if isinstance(error, OSError) or "readonly" in text or "unable to open" in text:
            return RegistryError(
                f"{self.path}: the reviews cannot be opened or written: {text}.",
                remedy="Check the permissions of the store, or choose another one with --store.",
            )
        return RegistryError(
            f"{self.path}: the reviews cannot be used: {text}.", remedy="Restore the file from a backup."
        )


def _schema(connection: sqlite3.Connection) -> int:
    """The schema of a file, 0 of one without tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _review(row: tuple[object, ...]) -> Review:
    number, kind, key, verdict, owner, reason, given_at, expires, version, words, evidence = row
    for moment in (given_at, expires):
        if moment is not None:
            date.fromisoformat(str(moment)[:10])
    return Review(
        Subject(kind, str(key)),  # type: ignore[arg-type]
        verdict,  # type: ignore[arg-type]
        str(owner), str(reason), str(given_at),
        None if expires is None else str(expires),
        None if version is None else str(version),
        str(words), json.loads(str(evidence)), int(str(number)),
    )  # fmt: skip

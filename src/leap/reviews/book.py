"""The book of verdicts: one SQLite file in the store, to which rows are only ever added."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from leap.errors import RegistryError
from leap.reviews.records import DecidedMeanwhile, Review, Subject
from leap.sqlite_file import WAIT_SECONDS, SqliteFile

FILE: Final = "reviews.db"
SCHEMA: Final = 1
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
    def _file(self) -> SqliteFile:
        return SqliteFile(self.path, SCHEMA, _CREATE, "reviews", self.wait_seconds)

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
        with self._file.opened(write=True) as connection:
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
        with self._file.reading() as connection:
            rows = connection.execute(_SELECT, (company,)).fetchall() if connection else []
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


def _review(row: tuple[object, ...]) -> Review:
    number, kind, key, verdict, owner, reason, given_at, expires, version, words, evidence = row
    if datetime.fromisoformat(str(given_at)).tzinfo is None:
        raise ValueError(f"no time zone in {given_at}")
    if expires is not None:
        date.fromisoformat(str(expires))
    return Review(
        Subject(kind, str(key)),  # type: ignore[arg-type]
        verdict,  # type: ignore[arg-type]
        str(owner), str(reason), str(given_at),
        None if expires is None else str(expires),
        None if version is None else str(version),
        str(words), _evidence(str(evidence)), int(str(number)),
    )  # fmt: skip


def _evidence(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("its evidence is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("its evidence is no object")
    return found

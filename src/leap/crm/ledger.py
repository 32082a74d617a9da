"""The ledger of a sync: what each CRM confirmed of each account, the runs, and the batches that are on their way.

STORE/sync.db    an own SQLite file; every change of it is one transaction, on the disk before it returns
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from leap.crm.target import Notes, Record, Value
from leap.errors import RegistryError
from leap.sqlite_file import WAIT_SECONDS, SqliteFile

FILE: Final = "sync.db"
SCHEMA: Final = 1
_CREATE: Final = (
    """CREATE TABLE sent (
        company TEXT NOT NULL, target TEXT NOT NULL, place TEXT NOT NULL, external_id TEXT NOT NULL,
        fields TEXT NOT NULL,
        PRIMARY KEY (company, target, place, external_id)
    ) WITHOUT ROWID""",
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        company TEXT NOT NULL, target TEXT NOT NULL, place TEXT NOT NULL,
        id TEXT NOT NULL, as_of TEXT NOT NULL, begun_at TEXT NOT NULL, ended_at TEXT, counts TEXT
    )""",
    "CREATE INDEX runs_of_target ON runs (company, target, place, number)",
    """CREATE TABLE batches (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL REFERENCES runs (number),
        creates INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('sending', 'done')),
        records TEXT NOT NULL
    )""",
    "CREATE INDEX batches_on_their_way ON batches (state, run)",
    """CREATE TABLE notes (
        batch INTEGER NOT NULL REFERENCES batches (number), name TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (batch, name)
    ) WITHOUT ROWID""",
    """CREATE TABLE alerts (
        company TEXT NOT NULL, key TEXT NOT NULL, channel TEXT NOT NULL,
        body TEXT NOT NULL, made_at TEXT NOT NULL, delivered_at TEXT, given_up_at TEXT,
        PRIMARY KEY (company, key, channel)
    ) WITHOUT ROWID""",
    "CREATE TABLE told_tiers (company TEXT PRIMARY KEY, tiers TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TRIGGER runs_are_kept BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'runs are kept'); END",
    "CREATE TRIGGER alerts_are_kept BEFORE DELETE ON alerts BEGIN SELECT RAISE(ABORT, 'alerts are kept'); END",
    """CREATE TRIGGER done_batches_stand BEFORE UPDATE ON batches WHEN OLD.state = 'done'
        BEGIN SELECT RAISE(ABORT, 'batches that are done are not changed'); END""",
    """CREATE TRIGGER delivered_alerts_stand BEFORE UPDATE ON alerts WHEN OLD.delivered_at IS NOT NULL
        BEGIN SELECT RAISE(ABORT, 'alerts that were delivered are not changed'); END""",
)
_PUT: Final = "INSERT OR REPLACE INTO sent (company, target, place, external_id, fields) VALUES (?, ?, ?, ?, ?)"
_REMOVE: Final = "DELETE FROM sent WHERE company = ? AND target = ? AND place = ? AND external_id = ?"
_SENT: Final = "SELECT external_id, fields FROM sent WHERE company = ? AND target = ? AND place = ?"
_LAST: Final = "SELECT MAX(as_of), COUNT(ended_at) FROM runs WHERE company = ? AND target = ? AND place = ?"
_ENDED: Final = (
    "SELECT counts FROM runs WHERE company = ? AND target = ? AND place = ? AND counts IS NOT NULL "
    "ORDER BY number DESC LIMIT 1"
)
_BEGIN: Final = "INSERT INTO runs (company, target, place, id, as_of, begun_at) VALUES (?, ?, ?, ?, ?, ?)"
_OPEN: Final = (
    "SELECT batches.number, batches.creates, batches.records FROM batches JOIN runs ON runs.number = batches.run "
    "WHERE state = 'sending' AND company = ? AND target = ? AND place = ? ORDER BY batches.number"
)


@dataclass(frozen=True)
class Kept:
    """What a CRM confirmed of an account, by our keys, and the date it spoke of, if it said one."""

    fields: Mapping[str, Value]

    @property
    def as_of(self) -> str | None:
        """The date of the scores; None where the record never had any."""
        found = self.fields.get("as_of")
        return None if found is None else str(found)

    def later_than(self, as_of: str) -> bool:
        """Whether it speaks of a later date; what people wrote there and is no date is none."""
        try:
            return date.fromisoformat(self.as_of or "") > date.fromisoformat(as_of)
        except ValueError:
            return False


@dataclass(frozen=True)
class OnItsWay:
    """A batch that was begun and of which it is not known what arrived."""

    number: int
    creates: bool
    records: tuple[Record, ...]
    notes: BatchNotes


@dataclass(frozen=True)
class Ledger:
    """What was sent from a store to one place of one target, for one company."""

    file: SqliteFile
    company: str
    target: str
    place: str = ""

    @classmethod
    def of(cls, folder: Path, company: str, target: str, place: str = "", wait_seconds: float = WAIT_SECONDS) -> Ledger:
        """The ledger in a store's folder, which need not be there yet."""
        file = SqliteFile(folder / FILE, SCHEMA, _CREATE, "records of what was sent", wait_seconds)
        return cls(file, company, target, place)

    @property
    def _line(self) -> tuple[str, str, str]:
        return self.company, self.target, self.place

    def sent(self) -> dict[str, Kept]:
        """What was confirmed last of every account."""
        with self.file.reading() as connection:
            rows = connection.execute(_SENT, self._line).fetchall() if connection else []
        return {str(account): Kept(self._read(account, fields)) for account, fields in rows}

    def runs(self) -> tuple[str | None, int]:
        """The latest date of a run that began to send, and how many came to their end."""
        with self.file.reading() as connection:
            found = connection.execute(_LAST, self._line).fetchone() if connection else (None, 0)
        return found[0], int(found[1])

    def failed(self) -> frozenset[str]:
        """Accounts whose records failed in the last run that came to its end."""
        with self.file.reading() as connection:
            found = connection.execute(_ENDED, self._line).fetchone() if connection else None
        if found is None:
            return frozenset()
        try:
            return frozenset(str(one["external_id"]) for one in json.loads(found[0])["failed"])
        except (ValueError, TypeError, KeyError) as error:
            raise self._damaged("the counts of the last run") from error

    def on_their_way(self) -> list[OnItsWay]:
        """Batches of runs that ended before they knew what arrived, the oldest first."""
        with self.file.reading() as connection:
            rows = connection.execute(_OPEN, self._line).fetchall() if connection else []
        return [
            OnItsWay(number, bool(creates), tuple(self._records(number, records)), BatchNotes(self.file, number))
            for number, creates, records in rows
        ]

    def begin(self, run: str, as_of: str) -> int:
        """A run that is about to send; its number."""
        with self.file.opened(write=True) as connection:
            number = connection.execute(_BEGIN, (*self._line, run, as_of, moment())).lastrowid
            connection.execute("COMMIT")
        return int(number or 0)

    def end(self, number: int, counts: Mapping[str, object]) -> None:
        """A run that came to its end, with its counts."""
        with self.file.opened(write=True) as connection:
            values = (moment(), json.dumps(dict(counts), sort_keys=True), number)
            connection.execute("UPDATE runs SET ended_at = ?, counts = ? WHERE number = ?", values)
            connection.execute("COMMIT")

    def begin_batch(self, run: int, records: Sequence[Record], *, creates: bool) -> OnItsWay:
        """A batch that is about to be sent: from here on it may have arrived."""
        content = json.dumps([[one.external_id, dict(one.fields)] for one in records])
        with self.file.opened(write=True) as connection:
            values = (run, int(creates), "sending", content)
            insert = "INSERT INTO batches (run, creates, state, records) VALUES (?, ?, ?, ?)"
            number = int(connection.execute(insert, values).lastrowid or 0)
            connection.execute("COMMIT")
        return OnItsWay(number, creates, tuple(records), BatchNotes(self.file, number))

    def confirm(self, known: Mapping[str, Mapping[str, Value] | None], *, done: Sequence[int] = ()) -> None:
        """What stands there now of some accounts (None: no record), and the batches that are settled by it."""
        if not known and not done:
            return
        with self.file.opened(write=True) as connection:
            for account, fields in known.items():
                self._keep(connection, account, fields)
            for number in done:
                connection.execute("UPDATE batches SET state = 'done', records = '' WHERE number = ?", (number,))
            connection.execute("COMMIT")

    def _keep(self, connection: sqlite3.Connection, account: str, fields: Mapping[str, Value] | None) -> None:
        if fields is None:
            connection.execute(_REMOVE, (*self._line, account))
            return
        connection.execute(_PUT, (*self._line, account, json.dumps(dict(fields))))

    def _read(self, account: object, fields: object) -> dict[str, Value]:
        try:
            found = json.loads(str(fields))
            if isinstance(found, dict):
                return found
        except ValueError:
            pass
        raise self._damaged(f"what was sent of {account}")

    def _records(self, number: int, content: object) -> Iterator[Record]:
        try:
            for account, fields in json.loads(str(content)):
                yield Record(str(account), dict(fields))
        except (ValueError, TypeError) as error:
            raise self._damaged(f"batch {number}") from error

    def _damaged(self, what: str) -> RegistryError:
        return RegistryError(f"{self.file.path}: {what} is damaged.", remedy="Restore the file from a backup.")


@dataclass(frozen=True)
class BatchNotes(Notes):
    """What a target noted with a batch."""

    file: SqliteFile
    batch: int

    def get(self, name: str) -> str | None:
        """What was noted, if it was."""
        return self.all().get(name)

    def put(self, name: str, value: str) -> None:
        """Note it; returns once it is safe on the disk."""
        with self.file.opened(write=True) as connection:
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (self.batch, name, value))
            connection.execute("COMMIT")

    def all(self) -> dict[str, str]:
        """Everything noted."""
        with self.file.reading() as connection:
            select = "SELECT name, value FROM notes WHERE batch = ?"
            rows: list[tuple[Any, Any]] = connection.execute(select, (self.batch,)).fetchall() if connection else []
        return {str(name): str(value) for name, value in rows}


def moment() -> str:
    """Now, in UTC, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")

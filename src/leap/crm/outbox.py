"""The outbox: a target that needs no credentials, a folder of files for imports by hand or by tools of one's own.

OUT/000003-2026-10-02-6f0c…/changes.jsonl    one line a record: id, action, fields, before
OUT/000003-2026-10-02-6f0c…/accounts.csv     all that is said now, for an import by hand; no cell is a formula
OUT/000003-2026-10-02-6f0c…/accounts.jsonl   the same as it is, which the next run reads
OUT/000003-2026-10-02-6f0c…/manifest.json    counts, and the checksum of each file

A folder is written whole or not at all, and holds nothing that another run of the same would say otherwise.
"""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from leap.bundle.files import sha256
from leap.crm.fields import FIELDS
from leap.crm.target import Batch, CrmError, Record, Remote, Run, Sent, TakesRuns, Value
from leap.exports import csv_text

MANIFEST: Final = "manifest.json"
CHANGES: Final = "changes.jsonl"
STATE: Final = "accounts.jsonl"
TABLE: Final = "accounts.csv"
_UNFINISHED: Final = ".unfinished-"
_UNFINISHED_SECONDS: Final = 3600.0
_NAME: Final = re.compile(r"(\d{6,})-\d{4}-\d{2}-\d{2}-([0-9a-f]{16})")


def is_run(folder: Path) -> bool:
    """Whether a folder is what a run wrote, by its name and manifest."""
    return _NAME.fullmatch(folder.name) is not None and (folder / MANIFEST).is_file()


@dataclass
class Outbox(TakesRuns):
    """A folder; its last run is what stands there."""

    folder: Path
    _run: Run | None = None
    written: Path | None = None
    """The folder of the run that was sent last."""

    @property
    def name(self) -> str:
        """As in `--to`."""
        return "outbox"

    @property
    def place(self) -> str:
        """The folder, whatever it was called by."""
        return str(self.folder.resolve())

    @property
    def batch_size(self) -> int:
        """A run is one batch."""
        return sys.maxsize

    def check(self, fields: Sequence[str]) -> None:
        """CrmError unless the folder can be written, or made."""
        there = next(part for part in (self.folder, *self.folder.resolve().parents) if part.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise CrmError(
                f"{self.folder}: expected a folder that can be written to, found {there}, which cannot.",
                remedy="Check its permissions, or choose another one with --out.",
            )

    def current(self, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Remote]:
        """What the last run said of some accounts."""
        return {account: Remote(account, self._state[account]) for account in ids if account in self._state}

    @cached_property
    def _state(self) -> dict[str, Mapping[str, Value]]:
        folder = self._last()
        return {} if folder is None else dict(_state_of(folder))

    def begin(self, run: Run) -> None:
        """The run that the next batch is."""
        self._run = run

    def send(self, batch: Batch) -> Sequence[Sent]:
        """Write the run's folder; where the last one is the same already, nothing."""
        run = self._run
        if run is None:
            # What an earlier run began is either there as a whole, which `current` says, or not at all.
            return []
        files = _files(run, batch.records)
        last = self._last()
        if last is None or not _holds(last, files):
            # By the ledger too: folders that were taken away must not be followed by others of the same number.
            number = max(run.number, 1 + (0 if last is None else _number(last)))
            last = self.folder / f"{number:06d}-{run.as_of[:10]}-{run.id}"
            self._write(last, files)
        self.written = last
        self.__dict__.pop("_state", None)
        return [
            Sent(record.external_id, "updated" if record.external_id in run.before else "created")
            for record in batch.records
        ]

    def _last(self) -> Path | None:
        try:
            found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(self.folder, error) from error
        return max(found, key=_number, default=None)

    def _write(self, folder: Path, files: Mapping[str, bytes]) -> None:
        """Into a folder beside it, which then takes its name."""
        temporary: Path | None = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._clear_away()
            temporary = self.folder / f"{_UNFINISHED}{os.getpid()}-{secrets.token_hex(4)}"
            temporary.mkdir()
            for name, content in files.items():
                with (temporary / name).open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            _onto_disk(temporary)
            temporary.rename(folder)
            temporary = None
            _onto_disk(self.folder)
        except OSError as error:
            raise _unusable(self.folder, error) from error
        finally:
            if temporary is not None:
                shutil.rmtree(temporary, ignore_errors=True)

    def _clear_away(self) -> None:
        """What a killed run left unfinished; of another that still writes nothing is as old."""
        for path in self.folder.glob(f"{_UNFINISHED}*"):
            if time.time() - path.stat().st_mtime > _UNFINISHED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _files(run: Run, changes: Sequence[Record]) -> dict[str, bytes]:
    """The files of a run by name: the same bytes for the same run."""
    ordered = sorted(changes, key=lambda one: one.external_id)
    updated = sum(one.external_id in run.before for one in ordered)
    files = {
        CHANGES: _lines(_change(run, record) for record in ordered),
        STATE: _lines({"id": one.external_id, "fields": _plain(one.fields)} for one in run.state),
        TABLE: _table(run),
    }
    about = {
        "format": 1,
        "run": run.id,
        "as_of": run.as_of,
        "model_version": run.model_version,
        "definition_hash": run.definition_hash,
        "created": len(ordered) - updated,
        "updated": updated,
        "accounts": len(run.state),
        "files": {name: {"bytes": len(files[name]), "sha256": sha256(files[name])} for name in sorted(files)},
    }
    return {**files, MANIFEST: (json.dumps(about, indent=1) + "\n").encode()}


def _change(run: Run, record: Record) -> dict[str, Any]:
    before = run.before.get(record.external_id)
    return {
        "id": record.external_id,
        "action": "create" if before is None else "update",
        "fields": dict(record.fields),
        "before": None if before is None else _plain(before),
    }


def _plain(fields: Mapping[str, Value]) -> dict[str, Value]:
    return {field.key: fields.get(field.key) for field in FIELDS}


def _lines(rows: Any) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows).encode()


def _table(run: Run) -> bytes:
    columns = ["account_id", "name", *(field.key for field in FIELDS)]
    rows = [[one.external_id, run.names.get(one.external_id, ""), *_plain(one.fields).values()] for one in run.state]
    return csv_text(pd.DataFrame(rows, columns=columns, dtype=object)).encode()


def _state_of(folder: Path) -> Iterator[tuple[str, Mapping[str, Value]]]:
    """The accounts of a run; CrmError where the file is not what its manifest says."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        content = (folder / STATE).read_bytes()
        if sha256(content) != manifest["files"][STATE]["sha256"]:
            raise ValueError("its checksum differs from the manifest's")
        for line in content.splitlines():
            row = json.loads(line)
            yield str(row["id"]), dict(row["fields"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CrmError(
            f"{folder / STATE}: expected what the last run said, found no such file ({type(error).__name__}: {error}).",
            remedy="Restore the folder, or move it out of the outbox: the next run then writes it anew.",
        ) from error


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        return all((folder / name).read_bytes() == content for name, content in files.items())
    except OSError:
        return False


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _onto_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(folder: Path, error: OSError) -> CrmError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return CrmError(
        f"{folder}: the outbox cannot be written: {error.strerror or error}.",
        remedy="Free some space and run this again; nothing partial was left behind."
        if full
        else "Check its permissions, or choose another one with --out.",
    )

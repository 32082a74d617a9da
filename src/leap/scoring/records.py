"""The record of scored inputs: how a line of it looks, and how it is read back for monitoring.

A service writes a random sample of what it scored into JSON-lines files of one folder (`STORE/inputs/`), a set of
files for each process: `inputs-0.jsonl` is written to, `inputs-0.jsonl.1` and so on are older.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

FOLDER = "inputs"
_NAME = re.compile(r"inputs-(\d+)\.jsonl(?:\.(\d+))?")


def current_file(slot: int) -> str:
    """The file that process number `slot` writes to.

    >>> current_file(0)
    'inputs-0.jsonl'
    """
    return f"inputs-{slot}.jsonl"


def record_of(
    score: Mapping[str, Any],
    features: Mapping[str, Any] | None,
    *,
    time: str,
    request_id: str,
    route: str,
    version: str,
    definition_hash: str,
    as_of: date,
) -> dict[str, Any]:
    """One line: whose score, by which model, the figures, and the values of features by their name in the catalog.

    `features` is None for a known customer, whose values are those of the workspace's tables at `as_of`.
    """
    return {
        "time": time,
        "request_id": request_id,
        "route": route,
        "version": version,
        "definition_hash": definition_hash,
        "as_of": as_of.isoformat(),
        "scope": score["scope"],
        "account_id": score["account_id"],
        "churn": score["churn"]["p"],
        "nrr": score["nrr"]["point"],
        "abstained": score["abstained"],
        "features": None if features is None else dict(features),
    }


class Records:
    """The lines of all files of a folder, oldest first within each process; what is no whole line is counted in `torn`.

    It may be read while services write and files are moved on: every file is opened once, whatever its name is by then.
    A folder that is not there has no lines.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.torn = 0
        """Lines that broke off, as a process or disk that ends mid-write leaves them; known after iterating."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.torn = 0
        for slot in sorted(self._slots()):
            with ExitStack() as stack:
                for file in reversed(self._opened(slot, stack)):
                    yield from self._lines(file)

    def _slots(self) -> set[int]:
        if not self._folder.is_dir():
            return set()
        matches = (_NAME.fullmatch(file.name) for file in self._folder.iterdir())
        return {int(match[1]) for match in matches if match}

    def _opened(self, slot: int, stack: ExitStack) -> list[BinaryIO]:
        """Newest first: a file that is moved on meanwhile is met again under its next name, and known by its inode."""
        opened: list[BinaryIO] = []
        seen: set[tuple[int, int]] = set()
        number = 0
        while True:
            suffix = f".{number}" if number else ""
            try:
                file = stack.enter_context((self._folder / f"{current_file(slot)}{suffix}").open("rb"))
            except FileNotFoundError:
                if number:  # the newest one alone may be missing, between a move and the next line
                    return opened
                number += 1
                continue
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                opened.append(file)
            number += 1

    def _lines(self, file: BinaryIO) -> Iterator[dict[str, Any]]:
        for line in file:
            record = _parsed(line)
            if record is None:
                self.torn += 1
            else:
                yield record


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

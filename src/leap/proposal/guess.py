"""One table of leap.toml as guessed: its keys with their reasons, the columns declared, and those left out with why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from leap.proposal.columns import FileTable
from leap.proposal.written import ISO, read_moments, read_numbers

DATE_KEYS = ("start", "end", "at", "known_at", "renews", "cancelled", "created", "closed", "period", "published")
NUMBER_KEYS = ("amount", "quantity", "price", "value")

THE_OTHERS = "(the other columns)"
"""Stands for all other columns, where a file is read as two tables."""


@dataclass(frozen=True)
class Declared:
    """A column that may become features, with what differs from the table's own defaults."""

    label: str
    unit: str | None = None
    scope: str | None = None
    signal: str | None = None
    party: str | None = None
    actionable: bool | None = None
    consequence: bool | None = None


@dataclass
class Guess:
    """One table; `name` is the file's own unless the file is read as two tables."""

    file: FileTable
    shape: str
    name: str = ""
    keys: dict[str, tuple[Any, str]] = field(default_factory=dict)
    columns: dict[str, Declared] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    instead: list[tuple[str, str, str]] = field(default_factory=list)
    """Keys that are only proposed, in a comment: key, value, reason."""

    def __post_init__(self) -> None:
        self.name = self.name or self.file.name

    def say(self, key: str, value: Any, why: str = "") -> None:
        """Set a key, unless there is nothing to set."""
        if value is not None:
            self.keys[key] = (value, why)

    def of(self, key: str) -> str | None:
        """A key's value as text."""
        return str(self.keys[key][0]) if key in self.keys else None

    @property
    def role(self) -> str | None:
        """Its role, if it has one."""
        return self.of("role")

    def moments(self, key: str) -> pd.Series:
        """All moments of the column that a key names, as far as they can be read."""
        column = self.file.columns.get(str(self.of(key)))
        if column is None:
            return pd.Series(dtype="datetime64[us]")
        return read_moments(self.file.full(column.name), column.forms[0] if column.forms else ISO)

    def numbers(self, column: str) -> pd.Series:
        """All numbers of a column, as far as they can be read."""
        return read_numbers(self.file.full(column), self.file.columns[column].number_form)


def begin(file: FileTable, shape: str, key: str | None, why: str, why_key: str = "") -> Guess:
    """A guess with its shape, source and key."""
    guess = Guess(file, shape)
    guess.say("shape", shape, why)
    guess.say("source", file.source, f"{len(file.parts)} files: {', '.join(file.parts[:6])}" if file.parts else "")
    guess.say("key", key, why_key)
    return guess


def by_reason(columns: Mapping[str, str]) -> dict[str, list[str]]:
    """The columns that have a reason in common."""
    found: dict[str, list[str]] = defaultdict(list)
    for column, why in columns.items():
        found[why].append(column)
    return dict(found)

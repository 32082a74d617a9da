"""What was found wrong with a table: the rule, how many rows, examples and the remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["fail", "quarantine", "warn"]


@dataclass(frozen=True)
class Problem:
    """One rule that one table (and column) broke.

    `share` is the fraction of the rows read. A rule fails the import, quarantines its rows or warns; it never coerces.
    What changed at a date says `since` when (ISO 8601) and, where it is a change of size, by which factor.
    """

    level: Level
    table: str
    column: str | None
    rule: str
    count: int
    share: float
    examples: tuple[str, ...]
    remedy: str
    since: str | None = None
    size: float | None = None

    @property
    def where(self) -> str:
        """The table, with its column if it is about one."""
        return f"{self.table}.{self.column}" if self.column else self.table

    def __str__(self) -> str:
        shown = f", for example {', '.join(self.examples)}" if self.examples else ""
        return f"{self.level}: {self.where}: {self.rule}: {self.count} rows ({self.share:.1%}){shown}. {self.remedy}"

    def to_json(self) -> dict[str, object]:
        """The form in which `check` reports it; the column of a change of size has its table in front, as alarms do."""
        document: dict[str, object] = {
            "level": self.level,
            "table": self.table,
            "column": self.column if self.size is None else self.where,
            "rule": self.rule,
            "count": self.count,
            "share": self.share,
            "examples": list(self.examples),
            "remedy": self.remedy,
        }
        if self.since is not None:
            document["since"] = self.since
        if self.size is not None:
            document["size"] = self.size
        return document


def examples_of(values: Iterable[object], limit: int = 3) -> tuple[str, ...]:
    """The first few distinct values, shortened, as they stand in the file.

    >>> examples_of(["x", "x", "y" * 100])
    ("'x'", "'yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy...'")
    """
    shown: list[str] = []
    for value in values:
        text = str(value)
        quoted = repr(text if len(text) <= 40 else text[:40] + "...")
        if quoted not in shown:
            shown.append(quoted)
        if len(shown) == limit:
            break
    return tuple(shown)

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
    """

    level: Level
    table: str
    column: str | None
    rule: str
    count: int
    share: float
    examples: tuple[str, ...]
    remedy: str

    def __str__(self) -> str:
        where = f"{self.table}.{self.column}" if self.column else self.table
        shown = f", for example {', '.join(self.examples)}" if self.examples else ""
        return f"{self.level}: {where}: {self.rule}: {self.count} rows ({self.share:.1%}){shown}. {self.remedy}"

    def to_json(self) -> dict[str, object]:
        """The form in which `check` reports it."""
        return {
            "level": self.level,
            "table": self.table,
            "column": self.column,
            "rule": self.rule,
            "count": self.count,
            "share": self.share,
            "examples": list(self.examples),
            "remedy": self.remedy,
        }


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

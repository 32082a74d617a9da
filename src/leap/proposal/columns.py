"""What a column of a file looks like: its kind, how many values it has, and whether they tell rows apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from leap.sources import RawTable
from leap.tables import values

Looks = Literal["empty", "constant", "date", "number", "boolean", "text"]

_LOOKED_AT = 200_000
_SAMPLE = 2_000
_MOST = 0.95


@dataclass(frozen=True)
class Column:
    """One column, with the figures that tell an identifier, a category, a free text and a date apart."""

    name: str
    looks: Looks
    present: int
    distinct: int
    unique: bool
    mean_words: float = 0.0
    mean_length: float = 0.0
    has_at_signs: bool = False
    hint: str = ""
    """What is odd about its dates."""

    @cached_property
    def plain(self) -> str:
        """The name in lower case with underscores: `customerID` is `customer_id`."""
        return plain(self.name)


@dataclass(frozen=True)
class FileTable:
    """One file (or table of a database) as `init` sees it."""

    name: str
    source: str
    raw: RawTable
    columns: dict[str, Column] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """Its rows as they stand in the file."""
        return self.raw.frame

    def named(self, *patterns: str, looks: tuple[Looks, ...] = ()) -> str | None:
        """The first column whose plain name fits one of the patterns, which are tried in order."""
        for pattern in patterns:
            for column in self.columns.values():
                if re.fullmatch(pattern, column.plain) and (not looks or column.looks in looks):
                    return column.name
        return None


def plain(name: str) -> str:
    """A name in lower case with underscores between its words.

    >>> plain("customerID"), plain("MonthlyCharges"), plain("_fivetran_synced"), plain("Paid (USD)")
    ('customer_id', 'monthly_charges', 'fivetran_synced', 'paid_usd')
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^0-9a-zA-Z]+", "_", parted).strip("_").lower()


def look_at(name: str, source: str, raw: RawTable) -> FileTable:
    """The columns of a table; names that stand twice are looked at once, by their first column."""
    frame = raw.frame.loc[:, ~raw.frame.columns.duplicated()].head(_LOOKED_AT)
    found = FileTable(name, source, RawTable(raw.frame.loc[:, frame.columns], raw.set_aside, raw.remarks))
    for column in frame.columns:
        found.columns[str(column)] = _column(str(column), frame[column])
    return found


def _column(name: str, cells: pd.Series) -> Column:
    is_moment = pd.api.types.is_datetime64_any_dtype(cells.dtype)
    text = values.as_text(cells)
    there = text[text != ""]
    distinct = int(there.nunique())
    unique = len(there) > 1 and distinct == len(there)
    if not len(there):
        return Column(name, "empty", 0, 0, False)
    if is_moment:
        return Column(name, "date", len(there), distinct, unique)
    sample = pd.Series(there.unique()).head(_SAMPLE)
    looks, hint = _looks(plain(name), sample)
    if distinct == 1 and looks != "date":
        looks = "constant"
    return Column(
        name, looks, len(there), distinct, unique,
        mean_words=float(sample.str.count(" ").mean() + 1),
        mean_length=float(sample.str.len().mean()),
        has_at_signs=bool(sample.str.contains("@", regex=False).mean() > 0.5),
        hint=hint,
    )  # fmt: skip


def _looks(name: str, sample: pd.Series) -> tuple[Looks, str]:
    if set(sample.str.lower()) <= {"true", "false"}:
        return "boolean", ""
    _, bad_moment = values.moments(sample, "UTC")
    if bad_moment.mean() <= 1 - _MOST:
        return "date", ""
    called_date = re.search(r"(^|_)(at|on|date|day|time|timestamp|month|created|started|ended|since)($|_)", name)
    hint = values.date_hint(sample[bad_moment]) if called_date else ""
    if hint.startswith("These") and bad_moment.mean() > 0.5:
        return "date", hint
    number, bad = values.numbers(sample)
    return ("number" if bad.mean() <= 1 - _MOST and bool(np.isfinite(number).any()) else "text"), ""

"""What a column of a table looks like: its kind, how many values it has, and whether they tell rows apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import pandas as pd

from leap.proposal.names import english, plain
from leap.proposal.reading import Reading
from leap.proposal.written import ISO, called_date, date_forms, number_form
from leap.tables import values

Looks = Literal["empty", "constant", "date", "number", "boolean", "text"]

_SAMPLE = 2_000
_CELLS_LOOKED_AT = 20_000_000
_FEWEST_ROWS = 2_000
_MOST_ROWS = 200_000


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
    forms: tuple[str, ...] = ()
    """The forms in which its dates may be written, the likeliest first."""
    number_form: str = ""
    whole: bool = False
    """Whether its numbers are whole."""
    low: float = np.nan
    high: float = np.nan
    examples: tuple[str, ...] = ()

    @cached_property
    def plain(self) -> str:
        """The name in lower case with underscores: `customerID` is `customer_id`."""
        return plain(self.name)

    @cached_property
    def english(self) -> str:
        """The name in English words: `Kundennummer` is `customer_number`."""
        return english(self.name)

    @property
    def odd_dates(self) -> bool:
        """Whether its dates are not, or not surely, read as they are."""
        return self.looks == "date" and self.forms != (ISO,)


@dataclass
class FileTable:
    """One file (or table of a database) as `init` sees it."""

    name: str
    source: str
    reading: Reading
    columns: dict[str, Column] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    """The files that it lies in, oldest first, if it lies in several."""

    @property
    def rows(self) -> int:
        """How many rows the table has."""
        return self.reading.rows

    @cached_property
    def subject(self) -> str:
        """The table's name in English words."""
        return english(self.name)

    def full(self, column: str) -> pd.Series:
        """All cells of a column."""
        return self.reading.full(column)

    def distinct(self, column: str) -> pd.Series:
        """All different values of a column as text, without empty ones."""
        return self.reading.distinct(column)

    def is_unique(self, column: str) -> bool:
        """Whether no value of a column stands twice in the whole table."""
        found = self.columns[column]
        return found.unique and (not self.reading.sampled or len(self.distinct(column)) == self.reading.present(column))

    def named(self, *patterns: str, looks: tuple[Looks, ...] = ()) -> str | None:
        """The first column whose name in English fits one of the patterns, which are tried in order."""
        return next(self.all_named(*patterns, looks=looks), None)

    def all_named(self, *patterns: str, looks: tuple[Looks, ...] = ()) -> Iterator[str]:
        """All such columns, those of earlier patterns first."""
        any_of = _compiled("|".join(f"(?:{pattern})" for pattern in patterns))
        fitting = [c for c in self.columns.values() if (not looks or c.looks in looks) and any_of.fullmatch(c.english)]
        for pattern in patterns if fitting else ():
            for column in fitting:
                if _compiled(pattern).fullmatch(column.english):
                    yield column.name


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def look_at(name: str, source: str, reading: Reading) -> FileTable:
    """The columns of a table; names that stand twice are looked at once, by their first column."""
    frame = reading.frame.loc[:, ~reading.frame.columns.duplicated()]
    most = max(_FEWEST_ROWS, min(_MOST_ROWS, _CELLS_LOOKED_AT // max(1, frame.shape[1])))
    sampled = reading.sampled or len(frame) > most
    found = FileTable(name, source, reading)
    for column in frame.columns:
        found.columns[str(column)] = _column(str(column), frame[column].head(most))
    reading.sampled = sampled
    return found


def _column(name: str, cells: pd.Series) -> Column:
    kind = cells.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        return _numeric(name, cells)
    text = values.as_text(cells)
    distinct = pd.Series(pd.unique(text[text != ""]))
    present, unique = int((text != "").sum()), False
    if not present:
        return Column(name, "empty", 0, 0, False)
    unique = present > 1 and len(distinct) == present
    examples = tuple(distinct.head(5))
    if pd.api.types.is_datetime64_any_dtype(kind):
        return Column(name, "date", present, len(distinct), unique, forms=(ISO,), examples=examples)
    sample = distinct.head(_SAMPLE)
    if set(sample.str.lower()) <= {"true", "false"}:
        looks: Looks = "boolean" if len(distinct) > 1 else "constant"
        return Column(name, looks, present, len(distinct), unique, examples=examples)
    forms = date_forms(sample, english(name))
    if forms:
        return Column(name, "date", present, len(distinct), unique, forms=forms, examples=examples)
    form = number_form(sample)
    low, high, whole = _range(sample) if form == "" else (np.nan, np.nan, False)
    looks = "text" if form is None or (form == "" and np.isnan(low)) else "number"
    return Column(
        name, "constant" if len(distinct) == 1 else looks, present, len(distinct), unique,
        mean_words=float(sample.str.count(" ").mean() + 1),
        mean_length=float(sample.str.len().mean()),
        has_at_signs=bool(sample.str.contains("@", regex=False).mean() > 0.5),
        number_form=form or "", whole=whole, low=low, high=high, examples=examples,
    )  # fmt: skip


def _range(sample: pd.Series) -> tuple[float, float, bool]:
    number = values.numbers(sample)[0].dropna()
    if number.empty:
        return np.nan, np.nan, False
    return float(number.min()), float(number.max()), bool((number == np.floor(number)).all())


def _numeric(name: str, cells: pd.Series) -> Column:
    """A column that is numbers already: no text is made of all its cells."""
    number = values.numbers(cells)[0].to_numpy()
    there = number[~np.isnan(number)]
    if not len(there):
        return Column(name, "empty", 0, 0, False)
    different = pd.unique(there)
    examples = tuple(values.as_text(cells.dropna().head(5)))
    whole = bool((different == np.floor(different)).all())
    unique = len(there) > 1 and len(different) == len(there)
    forms: tuple[str, ...] = ()
    if whole and different.min() > 19_000_000 and called_date(english(name)):
        forms = date_forms(pd.Series(different[:_SAMPLE]).astype("int64").astype(str), english(name))
    if forms:
        return Column(name, "date", len(there), len(different), unique, forms=forms, examples=examples)
    looks: Looks = "constant" if len(different) == 1 else "number"
    low, high = float(different.min()), float(different.max())
    return Column(name, looks, len(there), len(different), unique, 1.0, whole=whole, low=low, high=high,
                  examples=examples)  # fmt: skip

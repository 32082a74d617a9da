"""What a column of a table looks like: its kind, how many values it has, and whether they tell rows apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from leap.proposal.names import english, plain, singular
from leap.proposal.reading import Reading
from leap.proposal.written import ISO, called_date, date_forms, number_form, plain_numbers
from leap.tables import values

Looks = Literal["empty", "constant", "date", "number", "boolean", "text"]

_SAMPLE = 2_000
_SMALLEST_SAMPLE = 200
_VALUES_LOOKED_AT = 2_000_000
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
    called: str = ""
    """The name without the table's own, where that is written before it: `subscriptions.mrr` is called `mrr`."""

    @cached_property
    def plain(self) -> str:
        """The name in lower case with underscores: `customerID` is `customer_id`."""
        return plain(self.called or self.name)

    @cached_property
    def english(self) -> str:
        """The name in English words: `Kundennummer` is `customer_number`."""
        return english(self.called or self.name)

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
        return self.columns[column].unique and (not self.reading.sampled or self.reading.is_unique(column))

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
    """The columns of a table, by its first rows or its sample."""
    frame = reading.frame
    width = max(1, frame.shape[1])
    most = max(_FEWEST_ROWS, min(_MOST_ROWS, _CELLS_LOOKED_AT // width))
    sample = max(_SMALLEST_SAMPLE, min(_SAMPLE, _VALUES_LOOKED_AT // width))
    reading.sampled = reading.sampled or len(frame) > most
    found = FileTable(name, source, reading)
    for column, cells in frame.head(most).items():
        found.columns[str(column)] = _column(str(column), cells, sample)
    for column, called in _without_table(name, found.columns).items():
        found.columns[column] = replace(found.columns[column], called=called)
    return found


def _without_table(table: str, columns: Iterable[str]) -> dict[str, str]:
    """Names such as `subscriptions.mrr` without the table that they begin with: its own, or that of most columns."""
    parted = {column: column.split(".", 1) for column in columns if re.fullmatch(r"[^.]*\w\.\w.*", column)}
    before = Counter(first for first, _ in parted.values())
    own = {first for first in before if singular(english(first)) == singular(english(table))}
    most = {first for first, n in before.most_common(1) if not own and n > 0.5 * len(list(columns))}
    return {column: rest for column, (first, rest) in parted.items() if first in own | most}


def _column(name: str, cells: pd.Series, n_sample: int) -> Column:
    """A column by its cells; its texts are looked at as plain lists, since a table may have thousands of columns."""
    kind = cells.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        return _numeric(name, cells)
    present, distinct = _counted(cells)
    if not present:
        return Column(name, "empty", 0, 0, False)
    known: dict[str, Any] = {
        "present": present,
        "distinct": len(distinct),
        "unique": present > 1 and len(distinct) == present,
    }
    shown: dict[str, Any] = {**known, "examples": tuple(distinct[:5])}
    if pd.api.types.is_datetime64_any_dtype(kind):
        return Column(name, "date", forms=(ISO,), **shown)
    sample = distinct[:n_sample]
    if {value.lower() for value in sample} <= {"true", "false"}:
        return Column(name, "boolean" if len(distinct) > 1 else "constant", **shown)
    if forms := date_forms(sample, english(name)):
        return Column(name, "date", forms=forms, **shown)
    form, numbers = number_form(sample), plain_numbers(sample)
    looks: Looks = "text" if form is None else "number"
    plain_form = form == "" and len(numbers) > 0
    return Column(
        name, "constant" if len(distinct) == 1 else looks, **shown,
        mean_words=sum(value.count(" ") for value in sample) / len(sample) + 1,
        mean_length=sum(map(len, sample)) / len(sample),
        has_at_signs=sum("@" in value for value in sample) > 0.5 * len(sample),
        number_form=form or "",
        whole=plain_form and all(number == int(number) for number in numbers),
        low=min(numbers) if plain_form else np.nan, high=max(numbers) if plain_form else np.nan,
    )  # fmt: skip


def _counted(cells: pd.Series) -> tuple[int, list[str]]:
    """How many cells are not empty, and the different texts in them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pd.api.types.is_string_dtype(cells.dtype) or cells.dtype == object:
        text = values.as_text(cells)
        return int((text != "").sum()), [str(value) for value in pd.unique(text) if value != ""]
    trimmed = pc.utf8_trim_whitespace(pa.array(cells, from_pandas=True).cast(pa.large_string()))
    there = pc.sum(pc.not_equal(trimmed, "")).as_py()
    return int(there or 0), [value for value in pc.unique(trimmed).to_pylist() if value]


def _numeric(name: str, cells: pd.Series) -> Column:
    """A column that is numbers already: no text is made of all its cells."""
    number = cells.to_numpy(dtype=float, na_value=np.nan)
    there = number[np.isfinite(number)]
    if not len(there):
        return Column(name, "empty", 0, 0, False)
    different = pd.unique(there)
    examples = tuple(values.as_text(cells.dropna().head(5)))
    whole = bool((different == np.floor(different)).all())
    unique = len(there) > 1 and len(different) == len(there)
    forms: tuple[str, ...] = ()
    if whole and different.min() > 19_000_000 and called_date(english(name)):
        forms = date_forms([str(int(value)) for value in different[:_SAMPLE]], english(name))
    if forms:
        return Column(name, "date", len(there), len(different), unique, forms=forms, examples=examples)
    looks: Looks = "constant" if len(different) == 1 else "number"
    low, high = float(different.min()), float(different.max())
    return Column(name, looks, len(there), len(different), unique, 1.0, whole=whole, low=low, high=high,
                  examples=examples)  # fmt: skip

"""Cells: the values of a column as plain ones, and text that a spreadsheet would run made inert in CSV, and back."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

import numpy as np
import pandas as pd

from leap.errors import UsageError

Plain: TypeAlias = bool | int | float | str | None
"""What a cell holds: None is an empty cell; a float is finite."""

_SKIPPED = "[^\\S\t\r\n]|['\"\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
"""Before a sign, spreadsheets skip blanks and quotes, and nobody sees the marks without a width."""
_FORMULA = "[=+\\-@＝＋－＠]"
_FIRST = "[=+\\-@＝＋－＠\t\r\n\0]"
# A semicolon, tab or line break begins a cell where a spreadsheet parts cells by semicolons or tabs, as it does where
# the comma is the decimal sign: there the quotes of a cell that follows a comma hold nothing together.
_START, _LATER = "(?<![\\s\\S])", "(?<=[;\t\r\n])"
_RUN = f"{_START}%s(?=(?:{_SKIPPED})*{_FIRST})|{_LATER}%s(?=(?:{_SKIPPED})*{_FORMULA})"
_RISKY, _GUARDED = (re.compile(_RUN % (sign, sign)) for sign in ("", "'"))
_SUSPECT = re.compile("[=+\\-@\t\r\n\0＝＋－＠]")


def as_written(text: str) -> str:
    """A text as a CSV cell holds it: an apostrophe before whatever a spreadsheet would run (OWASP, "CSV Injection").

    That is a formula's sign, full-width or not, a tab, line break or NUL at the start of the text, and a formula's sign
    after a semicolon, tab or line break in it; behind blanks, quotes or apostrophes too. `original` takes it away.

    >>> as_written("=1+1"), as_written(" -x"), as_written("Acme; =1"), as_written("'=1"), as_written("A-1 + B")
    ("'=1+1", "' -x", "Acme;' =1", "''=1", 'A-1 + B')
    """
    return _RISKY.sub("'", text) if _SUSPECT.search(text) else text


def original(cell: str) -> str:
    """The text that a CSV cell was written from.

    >>> original("'=1+1"), original("''=1"), original("'tis")
    ('=1+1', "'=1", "'tis")
    """
    return _GUARDED.sub("", cell) if "'" in cell else cell


def is_risky(text: str) -> bool:
    """Whether a spreadsheet would run the text, or what follows a separator in it, if it were typed into a cell."""
    return _RISKY.search(text) is not None


def inert_cell(value: object) -> object:
    """A value for a CSV cell: text as `as_written`, numbers stay numbers.

    >>> inert_cell("=1+1"), inert_cell("Acme"), inert_cell(-1.5), inert_cell(None)
    ("'=1+1", 'Acme', -1.5, None)
    """
    return as_written(value) if isinstance(value, str) else value


def column_values(column: pd.Series) -> list[Plain]:
    """A column as plain values: what is missing (or NaN) is None, dates and moments are ISO 8601, infinity is a text.

    >>> column_values(pd.Series([0.1, float("nan"), float("-inf")]))
    [0.1, None, '-inf']
    >>> column_values(pd.to_datetime(pd.Series(["2026-03-01", None])))
    ['2026-03-01', None]
    """
    kind = column.dtype
    if isinstance(kind, np.dtype):
        if kind.kind in "biu":
            found: list[Plain] = column.to_numpy().tolist()
            return found
        if kind.kind == "f":
            values = column.to_numpy()
            numbers: list[Plain] = values.tolist()
            if np.isfinite(values).all():
                return numbers
            return [_number(value) for value in values.tolist()]
    if is_moments(column):
        return moments(column)
    return [_plain(value, column.name) for value in column.astype(object).tolist()]


def _number(value: float) -> Plain:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


def is_moments(column: pd.Series) -> bool:
    """Whether a column holds dates or moments."""
    kind = column.dtype
    return isinstance(kind, pd.DatetimeTZDtype) or (isinstance(kind, np.dtype) and kind.kind == "M")


def moments(column: pd.Series) -> list[Plain]:
    """As ISO 8601: days where all of the column are days."""
    known = column.dropna()
    days = column.dt.tz is None and bool((known == known.dt.normalize()).all())
    return [
        None if moment is pd.NaT else f"{moment:%Y-%m-%d}" if days else moment.isoformat()
        for moment in column.astype(object).tolist()
    ]


def _plain(value: object, column: object) -> Plain:
    if isinstance(value, str):
        return str(value)
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise UsageError(
        f"{column}: expected texts, numbers, dates, yes or no in a table that is exported; found a "
        f"{type(value).__name__}."
    )


def _decimal(value: Decimal) -> Plain:
    """A number where a float says exactly the same, else its digits."""
    if value.is_nan():
        return None
    near = float(value)
    return near if math.isfinite(near) and Decimal(near) == value else str(value)

"""What a declared column holds, in a line: its kind, how much of it is filled, how many values, and which."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from leap.features.families import kind_of
from leap.tables import Table, values
from leap.tables.canonical import KEY

_CUT = 60
_MOST_FREQUENT = 5
_MOST_LOOKED_AT = 1000
_PERSONAL_NAME = re.compile(
    r"e-?mail|phone|mobile|fax|first_?name|last_?name|full_?name|surname|contact|user_?name|birth|address|street|"
    r"iban|ssn|passport|ip_?addr|signature",
    re.IGNORECASE,
)
_PERSONAL_VALUE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?\d[\d\s().-]{8,}\d")


@dataclass(frozen=True)
class Frequent:
    """A value and its share of the filled rows."""

    value: str
    share: float


@dataclass(frozen=True)
class ColumnProfile:
    """One declared column over the rows used. `low` to `high` is of numbers, `frequent` of words.

    Values of a column that may be of persons are not shown.
    """

    name: str
    label: str
    kind: str
    scope: str
    filled: float
    distinct: int
    low: str | None = None
    middle: str | None = None
    high: str | None = None
    frequent: tuple[Frequent, ...] = ()
    personal: bool = False


def profile_of(table: Table, column: str) -> ColumnProfile:
    """The profile of a declared column of a table that has rows."""
    spec = table.spec.columns[column]
    cells = table.rows[column]
    text = values.as_text(cells)
    present = text[text != ""]
    kind = "after the outcome" if spec.available == "after" else kind_of(cells, table.rows.get(KEY)) or _other(present)
    personal = is_personal(column, present)
    shown: dict[str, str | None] = {}
    frequent: tuple[Frequent, ...] = ()
    if kind == "number":
        number = values.numbers(cells)[0].dropna()
        write = _year if spec.unit == "year" else figure
        shown = {"low": write(number.min()), "middle": write(number.median()), "high": write(number.max())}
    elif len(present) and not personal:
        counts = present.value_counts().head(_MOST_FREQUENT)
        frequent = tuple(Frequent(_cut(str(value)), int(n) / len(present)) for value, n in counts.items())
    return ColumnProfile(
        name=_cut(column),
        label=spec.label or "",
        kind=kind,
        scope=spec.scope or table.spec.scope,
        filled=len(present) / len(cells),
        distinct=int(present.nunique()),
        low=None if personal else shown.get("low"),
        middle=None if personal else shown.get("middle"),
        high=None if personal else shown.get("high"),
        frequent=frequent,
        personal=personal,
    )


def _other(present: pd.Series) -> str:
    return "text or ids" if len(present) else "empty"


def is_personal(column: str, present: pd.Series) -> bool:
    """Whether a column may tell of persons: by its name, or since most of its first values are addresses or numbers
    to call.

    >>> is_personal("owner_email", pd.Series(["x"])), is_personal("x", pd.Series(["a@b.com", "c@d.org"]))
    (True, True)
    >>> is_personal("country", pd.Series(["DE"]))
    False
    """
    if _PERSONAL_NAME.search(column):
        return True
    first = present.head(_MOST_LOOKED_AT).tolist()
    return bool(first) and sum(bool(_PERSONAL_VALUE.fullmatch(str(v)[:100])) for v in first) > len(first) / 2


def figure(value: float) -> str:
    """A number as a reader writes it: whole ones whole, others with four digits that matter.

    >>> [figure(v) for v in (1200000.0, 0.123456, 15.5, -3.0)]
    ['1,200,000', '0.1235', '15.5', '-3']
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"


def _year(value: float) -> str:
    """A year, which has no thousands.

    >>> _year(1952.0), _year(2010.5)
    ('1952', '2010.5')
    """
    return figure(value).replace(",", "") if value == int(value) else f"{value:.1f}"


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else text[:_CUT] + "..."

"""Rows without anything unusual in canonical columns, in a thousandth of a second a table: what requests mostly bring.

`Reader` is the one place that says what is wrong with a row. Here every cell must be of the usual form; with a single
one that is not, nothing is said and the table goes through `Reader`. Tests hold the two against each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from leap.config import Settings, TableSpec
from leap.tables import names, values
from leap.tables.cells import NUMBER, is_bare
from leap.tables.money import MOST_MONEY, monthly
from leap.tables.names import (
    AMOUNT,
    AT,
    CANCELLED,
    CLOSED,
    CREATED,
    CURRENCY,
    END,
    KEY,
    KIND,
    KNOWN,
    ORIGIN,
    PRODUCT,
    QUANTITY,
    RENEWS,
    ROW,
    START,
    TEAM,
    WON,
)
from leap.tables.repeats import set_aside, whole

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
_NUMBER = re.compile(NUMBER, re.ASCII)
_CODE = re.compile(r"[A-Z]{3}", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1971, 2199
"""Earlier and later dates may stand for "not known" and "never"."""
_ALWAYS = np.datetime64("1700-01-01", "us")
_TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
_PLAIN_ROLES = (None, "revenue", "costs", "deals")


class _Unusual(Exception):
    """A cell that is not of the usual form."""


def plain_rows(
    spec: TableSpec, cells: Mapping[str, list[str]], settings: Settings, today: pd.Timestamp
) -> pd.DataFrame | None:
    """Canonical rows of a table, of which every cell is text (empty: nothing) and every key given; None if in doubt.

    The columns of `cells` are those of the file, all that are declared among them.
    """
    fill = _FILLS.get(spec.shape)
    if fill is None or spec.role not in _PLAIN_ROLES or spec.number_form != "." or spec.dates != "iso":
        return None
    if spec.discount is not None or names.RESERVED & set(spec.columns):
        return None
    try:
        return fill(_Columns(spec, cells, settings, today))
    except _Unusual:
        return None


class _Columns:
    """Canonical columns of one table, in the order in which `Reader` makes them."""

    def __init__(self, spec: TableSpec, cells: Mapping[str, list[str]], settings: Settings, today: pd.Timestamp):
        self.spec, self.cells, self.settings = spec, cells, settings
        self.keys = cells[spec.key]
        self._zone = ZoneInfo(settings.company.timezone)
        self._tomorrow = today.normalize().to_pydatetime() + timedelta(days=1)
        if "" in self.keys or not all(map(is_bare, self.keys)):
            raise _Unusual
        self.made: dict[str, np.ndarray | list[str]] = {ROW: np.arange(1, len(self.keys) + 1), KEY: self.keys}
        if spec.shape != "events":
            self.once(*cells.values())

    def once(self, *columns: Iterable[object]) -> None:
        """No two rows are equal in these columns."""
        if len(set(zip(*columns, strict=True))) < len(self.keys):
            raise _Unusual

    def moment(self, target: str, column: str, *, required: bool, future: bool = False) -> np.ndarray:
        """Dates and times; none far off, and none after today unless it may be."""
        read: dict[str, datetime | None] = {}
        for text in set(self.cells[column]):
            read[text] = self._moment(text, future) if text else None
        if required and "" in read:
            raise _Unusual
        found = np.array([read[text] for text in self.cells[column]], dtype="datetime64[us]")
        self.made[target] = found
        return found

    def _moment(self, text: str, future: bool) -> datetime:
        if not _MOMENT.fullmatch(text):
            raise _Unusual
        try:
            found = datetime.fromisoformat(text)
            if found.tzinfo is not None:
                found = found.astimezone(self._zone).replace(tzinfo=None)
        except (ValueError, OverflowError):
            raise _Unusual from None
        if not _FIRST_YEAR <= found.year <= _LAST_YEAR or (not future and found >= self._tomorrow):
            raise _Unusual
        return found

    def known(self, own: np.ndarray | None) -> None:
        """When rows were known; not before their own time."""
        if self.spec.known_at is None:
            self.made[KNOWN] = np.full(len(self.keys), _ALWAYS) if own is None else own
            return
        known = self.moment(KNOWN, self.spec.known_at, required=True)
        self.made[KNOWN] = known if own is None else np.maximum(known, own)

    def number(self, target: str, column: str, *, required: bool) -> np.ndarray:
        """Finite numbers in plain form."""
        found = np.array([self._number(text, required) for text in self.cells[column]], dtype=float)
        if not (np.isfinite(found) | np.isnan(found)).all():
            raise _Unusual
        self.made[target] = found
        return found

    @staticmethod
    def _number(text: str, required: bool) -> float:
        if not text and not required:
            return math.nan
        if not _NUMBER.fullmatch(text):
            raise _Unusual
        return float(text)

    def text(self, target: str, column: str | None) -> None:
        """Words without space around them."""
        if column is not None:
            self.made[target] = self.words(column)

    def words(self, column: str) -> list[str]:
        """A column of words as they are: what begins or ends with anything like space is not of the usual form."""
        cells = self.cells[column]
        if not all(map(is_bare, set(cells))):
            raise _Unusual
        return cells

    def declared(self) -> pd.DataFrame:
        """The rows, with the declared columns as they are."""
        there = [column for column in self.spec.columns if column in self.cells]
        made = {name: column for name, column in self.made.items() if name not in there}
        made |= {column: self.cells[column] for column in there}
        return pd.DataFrame(
            {name: _text_column(column) if isinstance(column, list) else column for name, column in made.items()}
        )


def _text_column(cells: list[str]) -> pd.api.extensions.ExtensionArray:
    """As `pd.array(cells, dtype="str")`, without its look at every cell."""
    return pd.arrays.ArrowStringArray(pa.array(cells, pa.large_string()), dtype=_TEXT)  # type: ignore[call-arg]


def _attributes(of: _Columns) -> pd.DataFrame:
    spec = of.spec
    of.known(None)
    shown = next((c for c in names.OF_NAMES if c in of.cells), None)
    if shown is not None and shown not in spec.columns:
        of.text("name", shown)
    margin = of.settings.company.gross_margin
    if isinstance(margin, str) and margin in of.cells and margin not in spec.columns:
        of.number(margin, margin, required=False)
    rows = of.declared()
    of.once(of.keys, *([] if spec.known_at is None else [whole(np.asarray(of.made[KNOWN]))]))
    return rows if spec.known_at is None else rows.sort_values(KNOWN, kind="stable", ignore_index=True)


def _history(of: _Columns) -> pd.DataFrame:
    at = of.moment(AT, of.spec.at_column, required=True)
    of.known(at)
    of.once(of.keys, whole(at), whole(np.asarray(of.made[KNOWN])))
    return of.declared()


def _periods(of: _Columns) -> pd.DataFrame:
    spec = of.spec
    start = of.moment(START, spec.start, required=True)
    end = of.moment(END, spec.end, required=False, future=True)
    if (end < start).any():
        raise _Unusual
    for target, column in ((RENEWS, spec.renews), (CANCELLED, spec.cancelled)):
        if column is not None:
            of.moment(target, column, required=False, future=target == RENEWS)
        else:
            of.made[target] = np.full(len(of.keys), np.datetime64("NaT", "us"))
    of.known(start)
    of.text(KIND, spec.kind)
    of.text(PRODUCT, spec.product)
    if spec.amount is not None:
        amount = of.number(AMOUNT, spec.amount, required=spec.role == "revenue")
        of.made[AMOUNT] = monthly(pd.Series(amount), spec.amount_per).to_numpy()
    if spec.role == "revenue":
        _money(of)
        _one_at_a_time(of, start, end)
    return of.declared()


def _one_at_a_time(of: _Columns, start: np.ndarray, end: np.ndarray) -> None:
    """No two terms of one product overlap."""
    if of.spec.product is None:
        return
    product = of.made[PRODUCT]
    of_one = {pair: i for i, pair in enumerate(dict.fromkeys(zip(of.keys, product, strict=True)))}
    group = np.array([of_one[pair] for pair in zip(of.keys, product, strict=True)], dtype=np.int64)
    begins, ends, known = whole(start), whole(end), whole(np.asarray(of.made[KNOWN]))
    counts = (np.asarray(of.made[AMOUNT]) > 0) & (ends > begins)
    if set_aside(group[counts], begins[counts], ends[counts], known[counts]).any():
        raise _Unusual


def _events(of: _Columns) -> pd.DataFrame:
    spec = of.spec
    at = _deals(of) if spec.role == "deals" else of.moment(AT, spec.at_column, required=True)
    of.known(at)
    of.text(KIND, spec.kind)
    if spec.quantity is not None:
        of.number(QUANTITY, spec.quantity, required=True)
    else:
        of.made[QUANTITY] = np.ones(len(of.keys))
    if spec.price is not None:
        of.made[AMOUNT] = of.number(AMOUNT, spec.price, required=True) * np.asarray(of.made[QUANTITY])
    elif spec.amount is not None:
        of.number(AMOUNT, spec.amount, required=spec.role in ("revenue", "costs"))
    if spec.role == "revenue":
        _money(of)
    return of.declared()


def _deals(of: _Columns) -> np.ndarray:
    spec = of.spec
    created = of.moment(CREATED, spec.created, required=True)
    of.moment(CLOSED, spec.closed, required=False, future=True)
    words = {"": math.nan, **dict.fromkeys(values.TRUE_WORDS, 1.0), **dict.fromkeys(values.FALSE_WORDS, 0.0)}
    try:
        of.made[WON] = np.array([words[text.lower()] for text in of.words(spec.won)], dtype=float)
    except KeyError:
        raise _Unusual from None
    of.made[AT] = created
    of.text(TEAM, spec.team)
    of.text(ORIGIN, spec.origin)
    return created


def _money(of: _Columns) -> None:
    """Amounts of revenue within reason, in currencies that are written as codes."""
    spec, amount = of.spec, np.asarray(of.made[AMOUNT])
    with_credits = spec.shape == "events" and spec.credit_notes
    if (np.abs(amount) > MOST_MONEY).any() or (not with_credits and (amount < 0).any()):
        raise _Unusual
    if not with_credits and spec.price is not None and (np.asarray(of.made[QUANTITY]) < 0).any():
        raise _Unusual
    if spec.currency is None:
        of.made[CURRENCY] = [of.settings.company.currency] * len(of.keys)
        return
    codes = of.cells[spec.currency]
    if not all(_CODE.fullmatch(code) for code in set(codes)):
        raise _Unusual
    of.made[CURRENCY] = codes


_FILLS = {"attributes": _attributes, "history": _history, "periods": _periods, "events": _events}

"""Subsets of the customers of a date by conditions in words: features, columns of the tables, and what a score has.

A condition is `COLUMN=VALUE`, or with `!=`, `>=`, `>`, `<=`, `<`; several are joined by and. A missing value meets none
but `!=`; `(none)` stands for it. These are parts of the customers, not of a market: features of any scope will do.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from leap.errors import UsageError
from leap.explanation import wording
from leap.revenue.segments import NONE, places_of, segment_columns, segment_values
from leap.scoring.table import ScoreTable
from leap.tables import AccountTables, values

_FORM = re.compile(r"(?P<column>[^<>=!]+?)\s*(?P<op>>=|<=|!=|==|=|<|>)\s*(?P<value>.*)", re.DOTALL)
_MOST_NAMED = 12
_OF_DATES = {"=": "", "!=": "not ", ">=": "from ", ">": "after ", "<=": "until ", "<": "before "}
_SIGNS = {"=": "", "!=": "not ", ">=": "at least ", ">": "more than ", "<=": "at most ", "<": "under "}


def _days(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Days since 1970 of ISO dates, and where something stood that is none.

    >>> [found.tolist() for found in _days(pd.Series(["1970-01-02", "", "soon"]))]
    [[1.0, nan, nan], [False, False, True]]
    """
    iso = column.where(column.str.match(r"\d{4}-\d{2}-\d{2}"), None)
    moments = pd.to_datetime(iso, format="ISO8601", errors="coerce", utc=True)
    days = (moments - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
    return days, days.isna() & (column != "")


_READERS: dict[str, tuple[Callable[[pd.Series], tuple[pd.Series, pd.Series]], str]] = {
    "number": (values.numbers, "a number"),
    "boolean": (values.truths, "true or false"),
    "date": (_days, "a date such as 2026-10-01"),
}
"""How text is read as each kind, and what a value of it is called; what is none of these is a category."""


@dataclass(frozen=True)
class Column:
    """What accounts are told apart by, shape (n,): floats (NaN if not known) or, of a category, text or NaN.

    `kind` is number, boolean, date (days since 1970) or category.

    `known` has all values of a category, of accounts or the model: so a wrong spelling is told from an empty part.
    """

    label: str
    unit: str
    kind: str
    values: np.ndarray
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Condition:
    """One test of a column, as it was written in `text`.

    >>> Condition.parse("--where", "employees >= 200")
    Condition(text='--where employees >= 200', column='employees', op='>=', value='200')
    """

    text: str
    column: str
    op: str
    value: str

    @classmethod
    def parse(cls, option: str, text: str) -> Condition:
        """UsageError if it has no operator, column or value."""
        found = _FORM.fullmatch(text.strip())
        if found is None or not found["value"].strip():
            raise UsageError(
                f"{option} {text!r}: expected a condition such as 'industry=retail' or 'employees>=200'.",
                remedy=f"Operators: {', '.join(_SIGNS)}; {NONE} stands for what is not known.",
            )
        op = "=" if found["op"] == "==" else found["op"]
        return cls(f"{option} {text.strip()}", found["column"].strip(), op, found["value"].strip())

    def matches(self, column: Column) -> np.ndarray:
        """Which rows meet it, shape (n,); UsageError if the value is none that the column can have."""
        if self.value == NONE:
            self.require_equality(column)
            return pd.isna(column.values) ^ (self.op == "!=")
        if column.kind == "category":
            self.require_equality(column)
            equal = np.array([value == self.value for value in column.values], dtype=bool)
            return equal ^ (self.op == "!=")
        if column.kind == "boolean":
            self.require_equality(column)
        bound, number = self._bound(column), column.values.astype(float)
        with np.errstate(invalid="ignore"):
            tests: dict[str, Callable[[], np.ndarray]] = {
                "=": lambda: number == bound,
                "!=": lambda: number != bound,
                ">=": lambda: number >= bound,
                ">": lambda: number > bound,
                "<=": lambda: number <= bound,
                "<": lambda: number < bound,
            }
            return np.asarray(tests[self.op]())

    def words(self, column: Column) -> str:
        """The condition as people say it.

        >>> Condition("", "e", ">=", "200").words(Column("Employees", "people", "number", np.zeros(0)))
        'Employees: at least 200 people'
        >>> Condition("", "i", "!=", "retail").words(Column("Industry", "", "category", np.zeros(0)))
        'Industry: not retail'
        """
        if self.value == NONE:
            return f"{column.label}: {'known' if self.op == '!=' else 'not known'}"
        if column.kind == "boolean":
            yes = (self._bound(column) == 1.0) == (self.op == "=")
            return column.label if yes else f"not: {column.label}"
        said = self.value
        if column.kind == "date":
            return f"{column.label}: {_OF_DATES[self.op]}{said}"
        if column.kind == "number":
            said = wording.measured(self._bound(column), column.unit or None)
        return f"{column.label}: {_SIGNS[self.op]}{said}"

    def _bound(self, column: Column) -> float:
        read, expected = _READERS[column.kind]
        parsed, bad = read(pd.Series([self.value]))
        if bad.iloc[0] or parsed.isna().iloc[0]:
            raise UsageError(f"{self.text}: {self.column} is compared with {expected}, found {self.value!r}.")
        return float(parsed.iloc[0])

    def require_equality(self, column: Column) -> None:
        """UsageError where more and less mean nothing."""
        if self.op not in ("=", "!="):
            what = "true or false" if column.kind == "boolean" else "text"
            what = "a missing value" if self.value == NONE else what
            raise UsageError(f"{self.text}: {what} has no order; expected = or != after {self.column}.")


@dataclass(frozen=True)
class Customers:
    """The customers of one date with the columns that they can be told apart by."""

    table: ScoreTable
    tables: AccountTables
    moment: pd.Timestamp

    def column(self, name: str) -> Column | None:
        """A column by its name: of the score, a feature, or a column of the tables (`table.column` if several have it).

        Those of the tables have the value that `retention --by` has at the date.
        """
        if name in self._of_score:
            return self._of_score[name]()
        if name in self.table.columns and name in self.table.bundle.catalog.by_name:
            return self._feature(name)
        places = places_of(self.tables, name)
        return self._segment(*places[0]) if places else None

    @cached_property
    def names(self) -> list[str]:
        """Every name that a condition may use."""
        in_tables = segment_columns(self.tables)
        spelled = [column for _, column in in_tables] + [".".join(place) for place in in_tables]
        return list(dict.fromkeys([*self._of_score, *self.table.columns, *spelled]))

    @cached_property
    def _of_score(self) -> dict[str, Callable[[], Column]]:
        table, currency = self.table, self.table.bundle.settings.company.currency
        icps = frozenset(profile.id for profile in table.bundle.icp.profiles)
        return {
            "account_id": lambda: _category("Account", table.account_ids),
            "name": lambda: _category("Name", table.names),
            "mrr": lambda: Column("MRR", f"{currency} a month", "number", table.mrr),
            "leaving": lambda: Column("Already leaving", "", "boolean", table.leaving.astype(float)),
            "icp_id": lambda: _category("ICP", [one.icp_id for one in table.matches], icps),
            "icp_tier": lambda: _category("ICP tier", [one.tier for one in table.matches]),
        }

    def _feature(self, name: str) -> Column:
        feature = self.table.bundle.catalog.by_name[name]
        found = self.table.columns[name]
        if feature.kind == "category":
            encoder = self.table.model.encoder
            pairs = zip(encoder.source, encoder.level, strict=True)
            levels = {str(level) for at, level in pairs if encoder.catalog.features[at].name == name}
            return _category(feature.label, found, levels)
        return Column(feature.label, feature.unit, feature.kind, found.astype(float))

    def _segment(self, table: str, column: str) -> Column:
        everyone = segment_values(self.tables, table, column, self.moment)
        codes = self.tables.accounts.get_indexer(pd.Index(self.table.account_ids))
        spec = self.tables.tables[table].spec.columns.get(column)
        label, unit = (spec.label or column, spec.unit or "") if spec is not None else (column, "")
        text = pd.Series(np.where(everyone == NONE, "", everyone))
        for kind, (read, _) in _READERS.items():
            parsed, bad = read(text)
            if parsed.notna().any() and not bad.any():
                return Column(label, unit, kind, parsed.to_numpy(dtype=float)[codes])
        return _category(label, everyone[codes], everyone)


def _category(label: str, found: Iterable[object], more: Iterable[object] = ()) -> Column:
    text = np.array([NONE if value is None or value != value else str(value) for value in found], dtype=object)
    known = {*text, *map(str, more)} - {NONE}
    return Column(label, "", "category", np.where(text == NONE, np.nan, text), frozenset(known))


def chosen(conditions: Sequence[Condition], dates: Sequence[Customers]) -> tuple[list[np.ndarray], list[str]]:
    """Who meets all conditions at each date, shape (n,) each, and the conditions in words.

    UsageError, with what is nearest, for a column that no date has and for a value that no account of any date has.
    """
    keep = [np.ones(len(date.table), dtype=bool) for date in dates]
    said = []
    for condition in conditions:
        columns = [_column(condition, date) for date in dates]
        _require_known(condition, columns)
        keep = [kept & condition.matches(column) for kept, column in zip(keep, columns, strict=True)]
        said.append(condition.words(columns[-1]))
    return keep, said


def _column(condition: Condition, date: Customers) -> Column:
    column = date.column(condition.column)
    if column is None:
        raise UsageError(
            f"{condition.text}: no column {condition.column!r}{_near(condition.column, date.names)}",
            details=date.names,
            remedy="leap check lists the columns of the tables, leap features those of the model.",
        )
    return column


def _require_known(condition: Condition, columns: Sequence[Column]) -> None:
    if columns[0].kind != "category" or condition.value == NONE:
        return
    known = sorted(frozenset().union(*(column.known for column in columns)))
    condition.require_equality(columns[0])
    if condition.value not in known:
        joined = re.split(r"\s+and\s+", condition.value, maxsplit=1)
        if len(joined) == 2 and _FORM.fullmatch(joined[1]):
            option = condition.text.split()[0]
            raise UsageError(
                f"{condition.text}: one condition is expected, found several.",
                remedy=f"Give {option} once for each: {option} '...' {option} '{joined[1]}'.",
            )
        raise UsageError(
            f"{condition.text}: no account has that value{_near(condition.value, known)}",
            details=known,
            remedy="Values are compared as they are written.",
        )


def _near(word: str, known: Sequence[str]) -> str:
    """The nearest known word, and what there is, as the end of a sentence.

    >>> _near("retial", ["finance", "retail"])
    "; did you mean 'retail'? Known: finance, retail."
    """
    folded = {one.casefold(): one for one in reversed(known)}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.5)
    guess = f"; did you mean {folded[near[0]]!r}?" if near else "."
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return f"{guess} Known: {', '.join(known[:_MOST_NAMED]) or '(nothing)'}{more}."

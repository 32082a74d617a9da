"""Rows as a request brings them: each cell as it would stand in a CSV file, then through the checks of files.

Rows of several accounts are read together: each has the key its account is told by, and what is decided about a row
depends on the rows of its account alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

import numpy as np
import pandas as pd

from leap.config import NumberForm, Settings, TableSpec
from leap.errors import TableError
from leap.tables import values
from leap.tables.account_tables import LINEAGE, AccountTables, Table
from leap.tables.assemble import named_columns
from leap.tables.canonical import AMOUNT, CURRENCY, INDICATOR, ROW, Canonical, canonical_table
from leap.tables.cells import EXACT_WHOLE, NUMBER
from leap.tables.lineage import sources_of, without_contradictions
from leap.tables.names import OF_NAMES
from leap.tables.plain_rows import plain_rows

_UNDECLARED = "\0undeclared"
_PLAIN_NUMBER = re.compile(NUMBER, re.ASCII)

Holds = Literal["number", "boolean", "date", "discount", "margin"]
"""What is read from a column. Files are warned of values that are none, and used without; who sends one is told."""

_Said = tuple[int, tuple[str | None, str, str, str]]
"""A row's place, and of it the column, the rule it breaks, what was found and what is expected."""


@dataclass(frozen=True)
class GivenRow:
    """One row with the key its account is told by, and where the caller has it."""

    key: str
    cells: Mapping[str, object]
    owner: int
    """The account's position in the request."""
    number: int
    """The row's place among the rows of its account and table, from 1."""


@dataclass(frozen=True)
class RefusedRow:
    """A row that breaks a rule: what was found in which column, and what is expected."""

    row: GivenRow
    table: str
    column: str | None
    rule: str
    found: str
    expected: str


@dataclass(frozen=True)
class Reading:
    """How rows of a company's tables are read; made once, since it depends on the settings and the model alone.

    `holds` says what the model's features read from a table's columns. `ready` are tables that are taken as they are
    where no rows of theirs are given: those of the market.
    """

    settings: Settings
    holds: Mapping[str, Mapping[str, Holds]]
    ready: Mapping[str, Table]

    def tables(
        self, given: Mapping[str, Sequence[GivenRow]], until: pd.Timestamp
    ) -> tuple[AccountTables, list[RefusedRow]]:
        """The tables as known before `until`, and the rows that broke a rule: with any, the tables are incomplete."""
        today = pd.Timestamp.now("UTC").tz_localize(None)
        refused: list[RefusedRow] = []
        tables: dict[str, Table] = {}
        for name, spec in sources_of(self.settings).items():
            if name in self.ready and name not in given:
                tables[name] = self.ready[name]
                continue
            rows = given.get(name, ())
            found = self._read(name, spec, rows, today, refused)
            tables[name] = Table(name, spec, found, len(rows))
        lineage = tables.pop(LINEAGE, None) if self.settings.lineage is not None else None
        if lineage is not None:
            lineage, refused_here = _without_contradictions(lineage, given.get(LINEAGE, ()))
            refused += refused_here
        refused += _without_rate(self.settings, tables, given)
        everything = AccountTables(self.settings, tables, until, lineage_table=lineage)
        return everything.known_before(until), refused

    def _read(
        self, name: str, spec: TableSpec, rows: Sequence[GivenRow], today: pd.Timestamp, refused: list[RefusedRow]
    ) -> pd.DataFrame:
        cells = self._cells(spec, rows)
        bad = _unreadable(spec, {**self.holds.get(name, {}), **_shares(spec, self.settings)}, cells)
        refused += [RefusedRow(rows[place], name, *said) for place, said in bad]
        found = plain_rows(spec, cells, self.settings, today)
        if found is not None:
            return found
        canonical = canonical_table(name, spec, pd.DataFrame(cells, dtype=str), self.settings, today)
        refused += [RefusedRow(rows[place], name, *said) for place, said in _broken(canonical)]
        return canonical.rows

    def _cells(self, spec: TableSpec, rows: Sequence[GivenRow]) -> dict[str, list[str]]:
        """The columns that something is read from, as text; what else stands in a row in one column of its own, since
        rows that differ there do not stand twice.
        """
        names = self._columns(spec, rows)
        form = spec.number_form
        cells = {name: [cell_text(row.cells.get(name), form) for row in rows] for name in names}
        if spec.shape != "market":
            cells[spec.key] = [row.key for row in rows]
        if spec.shape != "events":
            known = set(names)
            beside = [_beside(row.cells, known) for row in rows]
            if any(beside):
                cells[_UNDECLARED] = beside
        return cells

    def _columns(self, spec: TableSpec, rows: Sequence[GivenRow]) -> list[str]:
        names = named_columns(spec)
        if spec.role == "rates" and spec.published != spec.period and not _stands(spec.published, rows):
            # Rates hold from their period on; when they were published plays no part.
            names = [name for name in names if name != spec.published]
        if spec.shape == "attributes":
            more = (*OF_NAMES, self.settings.company.gross_margin)
            names += [name for name in more if isinstance(name, str) and name not in names and _stands(name, rows)]
        return names


def cell_text(value: object, form: NumberForm = ".") -> str:
    """A cell as it would stand in a CSV file, empty for nothing; numbers as a table of that form has them.

    >>> [cell_text(value) for value in (None, True, 7, 7.0, 0.1, " a ", float("nan"))]
    ['', 'true', '7', '7', '0.1', ' a ', '']
    >>> cell_text(1e-7, ","), cell_text(2.5, ","), cell_text(1e-7, "1,000")
    ('0,0000001', '2,5', '0.0000001')
    """
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT:
        return ""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        if value.is_integer() and abs(value) < EXACT_WHOLE:
            return str(int(value))
        if form == "." or not math.isfinite(value):
            return repr(value)
        plain = f"{Decimal(repr(value)):f}"
        return plain.replace(".", ",") if form == "," else plain
    return str(value)


def _stands(column: str, rows: Sequence[GivenRow]) -> bool:
    return any(column in row.cells for row in rows)


def _beside(cells: Mapping[str, object], known: set[str]) -> str:
    """What stands in a row beside the columns that are read, in one order."""
    beside = [(name, cell_text(cells[name])) for name in cells if name not in known]
    return repr(sorted(beside)) if beside else ""


def _shares(spec: TableSpec, settings: Settings) -> dict[str, Holds]:
    found: dict[str, Holds] = {}
    if spec.discount is not None:
        found[spec.discount] = "discount"
    if spec.shape == "attributes" and isinstance(settings.company.gross_margin, str):
        found[settings.company.gross_margin] = "margin"
    return found


_EXPECTED: Final[Mapping[Holds, str]] = {
    "number": "Expected a plain number such as 1234.5, or nothing.",
    "boolean": "Expected true or false, or nothing.",
    "date": "Expected a date such as 2024-05-31, or nothing.",
    "discount": "Expected a share of the list price such as 0.15 (15 % is 0.15), or nothing.",
    "margin": "Expected a fraction such as 0.78, or nothing.",
}


def _unreadable(spec: TableSpec, holds: Mapping[str, Holds], cells: Mapping[str, list[str]]) -> Iterator[_Said]:
    """Place, column, rule, value and what is expected of every cell that says nothing as what is read from it."""
    for column, kind in holds.items():
        texts = cells.get(column, [])
        if not any(texts) or (kind != "date" and spec.number_form == "." and all(map(_USUAL[kind], texts))):
            continue
        bad = _bad(pd.Series(texts, dtype=str), spec, kind).to_numpy(dtype=bool)
        for place in np.flatnonzero(bad):
            yield int(place), (column, f"bad_{kind}", texts[place], _EXPECTED[kind])


def _is_number(text: str) -> bool:
    return not text or (_PLAIN_NUMBER.fullmatch(text) is not None and math.isfinite(float(text)))


_USUAL: Final[Mapping[Holds, Callable[[str], bool]]] = {
    "number": _is_number,
    "boolean": lambda text: text in ("", "true", "false"),
    "discount": lambda text: not text,
    "margin": lambda text: not text,
}


def _bad(texts: pd.Series, spec: TableSpec, kind: Holds) -> pd.Series:
    if kind == "boolean":
        return values.truths(texts)[1]
    if kind == "date":
        return values.moments(texts, "UTC")[1]
    parsed, bad = values.numbers(texts, spec.number_form)
    if kind == "margin":
        return bad | (parsed.abs() > 1)
    return bad | (parsed < 0) | (parsed >= 1) if kind == "discount" else bad


def _broken(canonical: Canonical) -> Iterator[_Said]:
    """Place, column, rule, value and remedy of every row that was set aside; TableError if the whole table fails."""
    for problem in canonical.problems:
        if problem.level == "fail":
            raise TableError(str(problem))
    aside = canonical.quarantined
    for i, (place, k) in enumerate(zip(aside["row"].to_numpy() - 1, canonical.broke, strict=True)):
        problem = canonical.problems[k]
        found = str(aside[problem.column].iloc[i]) if problem.column in aside else ""
        yield int(place), (problem.column, problem.rule, found, problem.remedy)


def _without_contradictions(lineage: Table, rows: Sequence[GivenRow]) -> tuple[Table, list[RefusedRow]]:
    kept, problems, refused = without_contradictions(lineage, pd.DataFrame(index=range(len(rows))))
    remedies = {problem.rule: problem.remedy for problem in problems}
    found = zip(refused["row"], refused["rule"], strict=True) if len(refused) else ()
    return kept, [
        RefusedRow(
            rows[number - 1], LINEAGE, None, rule, cell_text(rows[number - 1].cells.get("is_now")), remedies[rule]
        )
        for number, rule in found
    ]


def _without_rate(
    settings: Settings, tables: Mapping[str, Table], given: Mapping[str, Sequence[GivenRow]]
) -> Iterator[RefusedRow]:
    """Rows whose amount is in a currency that no rate is given for."""
    rates = [table.rows[INDICATOR] for table in tables.values() if table.spec.role == "rates" and len(table.rows)]
    known = {settings.company.currency, *(str(code).upper() for codes in rates for code in codes.unique())}
    expected = f"Expected one of the currencies that there are rates for: {', '.join(sorted(known))}."
    for name, table in tables.items():
        if name not in given or CURRENCY not in table.rows or AMOUNT not in table.rows:
            continue
        unknown = ~table.rows[CURRENCY].isin(known).to_numpy()
        for number, code in zip(table.rows[ROW][unknown], table.rows[CURRENCY][unknown], strict=True):
            row = given[name][number - 1]
            yield RefusedRow(row, name, table.spec.currency, "currency_without_rate", str(code), expected)

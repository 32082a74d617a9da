"""What is odd about a column as a whole: empty, always the same, spelled in several ways, changed at a date.

Nothing here refuses a row: whether a row is used may not depend on rows that were known later.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd

from leap.config import TableSpec
from leap.tables import values
from leap.tables.account_tables import Table
from leap.tables.changes import Change, turning_date, unit_change
from leap.tables.names import (
    AMOUNT,
    AT,
    CURRENCY,
    INDICATOR,
    KEY,
    KIND,
    KNOWN,
    PERIOD,
    PRODUCT,
    QUANTITY,
    SEGMENT,
    START,
    VALUE,
)
from leap.tables.problems import Problem
from leap.tables.spellings import shown, spelled_differently

_FEW_ROWS = 3
_MOST_GROUPS = 20
_MOST_KINDS = 12
_WORDS = {KIND: "kind", PRODUCT: "product", INDICATOR: "indicator", SEGMENT: "segment"}


def odd_columns(table: Table) -> list[Problem]:
    """Warnings about the columns of one table's rows."""
    if not len(table.rows):
        return []
    found = []
    for column, declared in table.spec.columns.items():
        if column in table.rows and declared.available == "before":
            found += _declared(table, column)
    for canonical, setting in _WORDS.items():
        named = getattr(table.spec, setting)
        if canonical in table.rows and named is not None and named not in table.spec.columns:
            found += _spelled(table, str(named), table.rows[canonical])
    if KEY in table.rows and table.spec.shape != "market":
        found += _spelled(table, table.spec.key, table.rows[KEY])
    return found + _unknown_kinds(table) + _unit_changes(table)


def _unknown_kinds(table: Table) -> list[Problem]:
    """Kinds that the settings name as levers or consequences, and no row has."""
    spec = table.spec
    if spec.kind is None or KIND not in table.rows:
        return []
    known = [str(kind) for kind in table.rows[KIND].value_counts().index if kind != ""]
    found = []
    for setting in ("actionable_kinds", "consequence_kinds"):
        unknown = [kind for kind in getattr(spec, setting) if kind not in known]
        if unknown:
            remedy = f"{setting} names kinds that no row has; known: {_listed(known)}. Correct the names or the data."
            found.append(_problem(table, spec.kind, "unknown_kind", 0, tuple(map(repr, unknown)), remedy))
    return found


def _listed(names: list[str]) -> str:
    shown_, rest = [repr(name[:40]) for name in names[:_MOST_KINDS]], len(names) - _MOST_KINDS
    return (", ".join(shown_) or "none") + (f" and {rest} more" if rest > 0 else "")


def _problem(table: Table, column: str, rule: str, count: int, examples: tuple[str, ...], remedy: str) -> Problem:
    return Problem("warn", table.name, column, rule, count, count / table.rows_read, examples, remedy)


def _declared(table: Table, column: str) -> list[Problem]:
    cells = table.rows[column]
    there = ~values.is_missing(cells)
    filled, n = int(there.sum()), len(cells)
    if not filled:
        remedy = "No row has a value, so nothing can be made of it; fill it or take it out of leap.toml."
        return [_problem(table, column, "all_missing", n, (), remedy)]
    if filled == n >= _FEW_ROWS and cells.iloc[0] == cells.iloc[-1] and cells.nunique() == 1:
        remedy = "Every row has the same value, so it tells nothing apart; take it out of leap.toml or correct it."
        return [_problem(table, column, "constant", n, (repr(str(cells.iloc[0])[:40]),), remedy)]
    if not isinstance(cells.dtype, pd.StringDtype):
        return []
    number, bad = values.numbers(cells)
    if number.notna().any():
        turned = _retyped(table, column, number.notna().to_numpy(), bad.to_numpy(dtype=bool))
        if turned or bad.sum() <= number.notna().sum():
            return turned
    return _spelled(table, column, cells)


def _retyped(table: Table, column: str, number: np.ndarray, words: np.ndarray) -> list[Problem]:
    """Numbers that became words at a date, or the reverse; without dates, words beside at least as many numbers."""
    time = _time(table)
    present = number | words
    if not words.any():
        return []
    if time is not None:
        turned = turning_date(table.rows[time].to_numpy().astype("datetime64[us]")[present], words[present])
        if turned is None:
            return []
        when, became_words, count = turned
        since = f"{pd.Timestamp(when):%Y-%m-%d}"
        change = "numbers became words" if became_words else "words became numbers"
        remedy = f"From {since} on {change}: the export has changed; write the column in one way."
        shown_rows = table.rows[column].to_numpy()[words][:1000]
        return [
            Problem(
                "warn", table.name, column, "retyped", count, count / table.rows_read,
                tuple(dict.fromkeys(repr(str(cell)[:40]) for cell in shown_rows))[:3], remedy, since=since,
            )
        ]  # fmt: skip
    if 0.1 * number.sum() < words.sum() <= number.sum():
        examples = tuple(dict.fromkeys(repr(str(cell)[:40]) for cell in table.rows[column].to_numpy()[words][:1000]))
        remedy = "Most are numbers, but so many words stand beside them that all are taken as words; correct them."
        return [_problem(table, column, "mixed_types", int(words.sum()), examples[:3], remedy)]
    return []


def _spelled(table: Table, column: str, cells: pd.Series) -> list[Problem]:
    if not isinstance(cells.dtype, pd.StringDtype):
        return []
    rows, spellings = spelled_differently(cells)
    if not rows.any():
        return []
    remedy = "The same but for case, space or Unicode form; they are kept apart: write each in one way."
    return [_problem(table, column, "spelled_differently", int(rows.sum()), shown(spellings), remedy)]


def _time(table: Table) -> str | None:
    """The column of a row's own time; for attributes with `known_at`, when it was known."""
    own = next((name for name in (AT, START, PERIOD) if name in table.rows), None)
    return own or (KNOWN if table.spec.known_at is not None else None)


def _unit_changes(table: Table) -> list[Problem]:
    time = _time(table)
    if time is None:
        return []
    at = table.rows[time].to_numpy().astype("datetime64[us]")
    groups = _groups(table.rows)
    found = []
    for column, number in _figures(table).items():
        changes = {name: change for name, rows in groups if (change := unit_change(at[rows], number[rows])) is not None}
        by_size: dict[tuple[np.datetime64, float], list[str]] = defaultdict(list)
        for name, change in changes.items():
            by_size[change.since.astype("datetime64[M]"), change.size].append(name)
        for names in by_size.values():
            found.append(_unit_change(table, column, [changes[name] for name in names], names))
    return found


def _unit_change(table: Table, column: str, changes: list[Change], names: list[str]) -> Problem:
    """One problem for all groups that changed in one month by one factor."""
    since = f"{pd.Timestamp(min(change.since for change in changes)):%Y-%m-%d}"
    size, count = changes[0].size, sum(change.count for change in changes)
    larger = f"{size:,.10g} times as large" if size > 1 else f"{1 / size:,.3g} times smaller"
    remedy = f"From {since} on the values are {larger}: if the unit has changed, write all rows in one unit."
    examples = tuple(repr(name) for name in names[:3] if name)
    share = count / table.rows_read
    return Problem(
        "warn", table.name, column, "unit_change", count, share, examples, remedy, since=since, size=size
    )  # fmt: skip


def _groups(rows: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Places of rows of one kind, product, indicator, segment and currency: their mixture may change as it likes."""
    by = [name for name in (KIND, PRODUCT, INDICATOR, SEGMENT, CURRENCY) if name in rows]
    by = [name for name in by if rows[name].iloc[0] != rows[name].iloc[-1] or rows[name].nunique() > 1]
    if not by:
        return [("", np.arange(len(rows)))]
    code = rows.groupby(by, sort=False).ngroup().to_numpy()
    frequent = np.argsort(-np.bincount(code), kind="stable")[:_MOST_GROUPS]
    groups = []
    for one in frequent:
        places = np.flatnonzero(code == one)
        first = rows[by].iloc[places[0]]
        groups.append((" ".join(str(first[name]) for name in by), places))
    return groups


def _figures(table: Table) -> dict[str, np.ndarray]:
    """The columns of figures: amounts, quantities, market values and declared numbers, by their name in the file."""
    spec, rows = table.spec, table.rows
    named: dict[str, str | None] = {
        AMOUNT: spec.amount or spec.price,
        QUANTITY: spec.quantity,
        VALUE: spec.value if spec.shape == "market" and spec.role != "rates" else None,
    }
    found = {str(name): rows[c].to_numpy(dtype=float) for c, name in named.items() if name is not None and c in rows}
    for column, declared in spec.columns.items():
        if column in found or column not in rows or declared.available != "before" or _is_named(spec, column):
            continue
        number, bad = values.numbers(rows[column])
        if number.notna().any() and not bad.sum() > 0.1 * number.notna().sum():
            found[column] = number.to_numpy()
    return found


def _is_named(spec: TableSpec, column: str) -> bool:
    return column in (spec.key, spec.kind, spec.product, spec.segment, spec.indicator)

"""Accounts by the value of a column at the start of a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.errors import RevenueError
from leap.revenue.figures import RetentionFigures
from leap.revenue.rates import Rates
from leap.tables import AccountTables, values
from leap.tables.canonical import AMOUNT, CURRENCY, END, KEY, START

NONE = "(none)"
"""The segment of accounts of which no value was known."""


@dataclass(frozen=True)
class Segments:
    """Figures by value: each account is in one segment, so that they add up to the whole."""

    table: str
    column: str
    figures: Mapping[str, RetentionFigures]
    elsewhere: tuple[str, ...] = ()
    """Other columns of that name, as `table.column`."""


def segments(
    tables: AccountTables, by: str, start: pd.Timestamp, starting: np.ndarray, ending: np.ndarray, known: pd.Timestamp
) -> Segments:
    """The figures of each value that an account with MRR at the start had there; `known` joins accounts as they do."""
    (table, column), *others = _places(tables, by)
    found = _of_joined(tables, _values_at(tables, table, column, start), known)
    member = starting > 0
    names = sorted(set(found[member]), key=_in_order)
    figures = {name: RetentionFigures.of(starting[found == name], ending[found == name]) for name in names}
    return Segments(table, column, figures, tuple(f"{name}.{column}" for name, column in others))


def segment_columns(tables: AccountTables) -> list[tuple[str, str]]:
    """Every column that accounts can be parted by, as (table, column), in the order of leap.toml."""
    return [
        (name, str(column))
        for name, table in tables.tables.items()
        if KEY in table.rows
        for column in table.rows.columns
        if not str(column).startswith("_") or column in table.spec.columns
    ]


def places_of(tables: AccountTables, by: str) -> list[tuple[str, str]]:
    """Where a column is: as `table.column`, else in every table that has it, in the order of leap.toml."""
    there = segment_columns(tables)
    return [place for place in there if ".".join(place) == by] or [place for place in there if place[1] == by]


def segment_values(tables: AccountTables, table: str, column: str, moment: pd.Timestamp) -> np.ndarray:
    """The segment of every account at a moment, as text by code: as `segments` takes it, `NONE` where not known."""
    return _of_joined(tables, _values_at(tables, table, column, moment), moment)


def _places(tables: AccountTables, by: str) -> list[tuple[str, str]]:
    """As `places_of`; RevenueError where the column is in no table."""
    found, there = places_of(tables, by), segment_columns(tables)
    if not found:
        known = sorted({column for _, column in there}) or ["(no column is declared)"]
        raise RevenueError(
            f"--by {by}: no table has that column; expected one of {', '.join(known)}.",
            remedy="Declare it under [tables.NAME.columns] in leap.toml, or write table.column.",
        )
    return found


def _values_at(tables: AccountTables, name: str, column: str, moment: pd.Timestamp) -> np.ndarray:
    """The last present value of every account at a moment, what became known that day included; of the accounts as
    written.

    Of terms that are active at once it is that of the largest, in the reporting currency.
    """
    rows = tables.view(name, moment, include_moment=True).rows
    if START in rows:
        rows = rows[(rows[START] <= moment) & ~(rows[END] <= moment)]
        if AMOUNT in rows:
            rows = rows.iloc[np.argsort(_in_one_currency(tables, rows, moment), kind="stable")]
    rows = rows[~values.is_missing(rows[column])]
    latest = pd.Series(values.as_text(rows[column]).to_numpy(), index=tables.codes_of(rows[KEY]), dtype=object)
    latest = latest[~latest.index.duplicated(keep="last")]
    return latest.reindex(range(len(tables.accounts))).fillna(NONE).to_numpy(dtype=object)


def _in_one_currency(tables: AccountTables, rows: pd.DataFrame, moment: pd.Timestamp) -> np.ndarray:
    """Amounts of terms at the rates of a moment; as they are where their currency is not told."""
    amounts = rows[AMOUNT].to_numpy(dtype=float)
    if CURRENCY not in rows:
        return amounts
    rates = Rates.of(tables)
    each = [rates.at(moment, str(currency)) for currency in rows[CURRENCY]]
    return np.asarray(amounts * np.array(each, dtype=float))


def _of_joined(tables: AccountTables, found: np.ndarray, known: pd.Timestamp) -> np.ndarray:
    """The values of accounts as they are known later: their own, else that of the first of its parts that has one."""
    if tables.lineage is None:
        return found
    result = found.copy()
    known_as = tables.lineage.now(known)
    for code in np.flatnonzero((known_as != np.arange(len(known_as))) & (found != NONE)):
        if result[known_as[code]] == NONE:
            result[known_as[code]] = found[code]
    return result


def _in_order(name: str) -> tuple[int, float, str]:
    """Numbers by size, then words by letter, then what is not known."""
    parsed, _ = values.numbers(pd.Series([name]))
    number = float(parsed.iloc[0])
    return (2, 0.0, "") if name == NONE else (1, 0.0, name) if np.isnan(number) else (0, number, name)

"""What no table shows alone: accounts that others do not have, currencies without rates, activity before revenue."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from leap.config import Settings
from leap.tables.account_tables import Table
from leap.tables.names import AMOUNT, AT, CURRENCY, END, INDICATOR, KEY, PERIOD, START
from leap.tables.problems import Level, Problem, examples_of
from leap.tables.spellings import loose_key, shown

_MOST_EARLY = 0.2
"""Trials and implementation come before the first payment; more activity than this share is worth a look."""
_MOST_DAYS_APART = 31
_FEWEST_TOGETHER = 20
_MOST_TOGETHER = 0.5
"""Of the paying accounts; a company may lose that many on one day, but a billing system that was left is likelier."""


def orphans(tables: Mapping[str, Table]) -> list[Problem]:
    """Rows of accounts without attributes, and those that would have some if their key were written as there.

    Without a table of attributes the accounts of the revenue table are those to be spelled alike.
    """
    with_keys = [table for table in tables.values() if KEY in table.rows and len(table.rows)]
    base = [table for table in with_keys if table.spec.shape == "attributes"]
    by_attributes = bool(base)
    base = base or [table for table in with_keys if table.spec.role == "revenue"]
    if not base:
        return []
    known = set().union(*(set(table.rows[KEY].unique()) for table in base))
    alike = {loose_key(key): key for key in sorted(known, reverse=True)}
    names = ", ".join(table.name for table in base)
    found = []
    for table in with_keys:
        if table in base or table.spec.shape == "snapshot":
            continue
        codes, keys = pd.factorize(table.rows[KEY])
        absent = np.array([key != "" and key not in known for key in keys], dtype=bool)
        if not absent.any():
            continue
        near = {key: alike[loose_key(key)] for key in keys[absent] if loose_key(key) in alike}
        if by_attributes:
            found.append(_orphan(table, int(absent[codes].sum()), keys[absent], bool(absent.all()), names, near))
        if near:
            found.append(_key_spelling(table, int(np.isin(keys, list(near))[codes].sum()), near, names))
    return found


def _orphan(
    table: Table, count: int, keys: pd.Index, all_of_them: bool, names: str, near: Mapping[str, str]
) -> Problem:
    remedy = f"These accounts stand in no attributes table ({names}); they are used without it."
    if near:
        remedy += f" {len(near):,} of the {len(keys):,} are there but for leading zeros, space or case."
    elif all_of_them and len(keys) > 1:
        remedy = (
            f"No account of this table stands in {names}: see whether {table.spec.key!r} is its column of accounts."
        )
    share = count / table.rows_read
    return Problem("warn", table.name, table.spec.key, "orphan", count, share, examples_of(keys), remedy)


def _key_spelling(table: Table, count: int, near: Mapping[str, str], names: str) -> Problem:
    remedy = (
        f"These keys are the same as in {names} without leading zeros, space or case, but count as other accounts; "
        "write them alike in all tables."
    )
    examples, share = shown(list(near.items())), count / table.rows_read
    return Problem("warn", table.name, table.spec.key, "key_spelling", count, share, examples, remedy)


def currencies(settings: Settings, tables: Mapping[str, Table]) -> list[Problem]:
    """Amounts in a currency that has no rate, or has one only from a later date on."""
    rates = [table.rows for table in tables.values() if table.spec.role == "rates" and len(table.rows)]
    first: dict[str, pd.Timestamp] = {}
    for rows in rates:
        for code, period in rows.groupby(rows[INDICATOR].str.upper())[PERIOD].min().items():
            first[str(code)] = min(period, first.get(str(code), period))
    found = []
    for table in tables.values():
        if CURRENCY not in table.rows or AMOUNT not in table.rows:
            continue
        foreign = table.rows[table.rows[CURRENCY] != settings.company.currency]
        if foreign.empty:
            continue
        begins = foreign[CURRENCY].map(first).astype("datetime64[us]")
        remedy = (
            f"Amounts in other currencies than {settings.company.currency} need a table with role 'rates' "
            "(indicator = currency, value = reporting units for one unit)."
        )
        found += _no_rate("fail", "currency_without_rate", table, foreign[begins.isna()], remedy)
        early = foreign[foreign[START if START in foreign else AT] < begins]
        remedy = (
            "The rates begin only after these amounts do, so no figure of that time can be given; "
            "add earlier rates to the table with role 'rates'."
        )
        found += _no_rate("warn", "rates_begin_later", table, early, remedy)
    return found


def _no_rate(level: Level, rule: str, table: Table, rows: pd.DataFrame, remedy: str) -> list[Problem]:
    if rows.empty:
        return []
    shown_, share = examples_of(rows[CURRENCY]), len(rows) / table.rows_read
    return [Problem(level, table.name, table.spec.currency, rule, len(rows), share, shown_, remedy)]


def no_margin(settings: Settings, frames: Mapping[str, pd.DataFrame]) -> list[Problem]:
    """The column of `company.gross_margin` that no table of attributes has; without any nothing is valued."""
    column = settings.company.gross_margin
    there = [name for name, spec in settings.tables.items() if spec.shape == "attributes" and name in frames]
    if not isinstance(column, str) or not there or any(column in frames[name].columns for name in there):
        return []
    remedy = "company.gross_margin names this column, but no table of attributes has it: no account gets a value."
    return [Problem("fail", there[0], column, "missing_column", 1, 1.0, (), remedy)]


def too_early(tables: Mapping[str, Table]) -> list[Problem]:
    """Events of customers that mostly happened before they were any: a sign of shuffled or wrongly joined data."""
    found = []
    paid = [table.rows for table in tables.values() if table.spec.role == "revenue" and START in table.rows]
    first = pd.concat(paid).groupby(KEY)[START].min() if paid else pd.Series(dtype="datetime64[us]")
    for table in tables.values():
        rows, spec = table.rows, table.spec
        if first.empty or spec.shape != "events" or spec.role is not None or spec.scope != "health" or not len(rows):
            continue
        codes, keys = pd.factorize(rows[KEY])
        begins = first.reindex(keys).to_numpy().astype("datetime64[us]")
        early = rows[rows[AT].to_numpy().astype("datetime64[us]") < begins[codes]]
        if len(early) > _MOST_EARLY * len(rows):
            remedy = "This activity of customers happened before their first revenue; check the accounts of these rows."
            share, shown_, rule = len(early) / table.rows_read, examples_of(early[KEY]), "before_first_revenue"
            found.append(Problem("warn", table.name, spec.at_column, rule, len(early), share, shown_, remedy))
    return found


def _of_nothing(table: Table) -> str:
    said = "No rows are used from this table."
    if table.spec.role != "revenue":
        return said
    return f"{said} It says what accounts pay: without it there is no retention and no training."


def empty(tables: Mapping[str, Table], problems: list[Problem]) -> list[Problem]:
    """Tables of which no row is used although no rule failed them."""
    failed = {problem.table for problem in problems if problem.level == "fail"}
    return [
        Problem("warn", name, None, "empty_table", 0, 0.0, (), _of_nothing(table))
        for name, table in tables.items()
        if not len(table.rows) and name not in failed
    ]


def ends_apart(tables: Mapping[str, Table], until: pd.Timestamp, given: bool) -> list[Problem]:
    """Tables whose last row lies more than a month from the end of the data; of a given end, before it."""
    found = []
    for name, table in tables.items():
        if AT not in table.rows or not len(table.rows) or table.spec.role is not None:
            continue
        moments = table.rows[AT]
        last = (moments[moments < until] if given else moments).max()
        days = abs((until - last).days)
        if days > _MOST_DAYS_APART:
            remedy = (
                f"It ends on {last:%Y-%m-%d}, {days} days from the end of the data ({until:%Y-%m-%d}); "
                "export all tables on one day."
            )
            shown_ = (f"{last:%Y-%m-%d}",)
            found.append(Problem("warn", name, table.spec.at_column, "ends_apart", 1, 0.0, shown_, remedy))
    return found


def ended_together(tables: Mapping[str, Table], until: pd.Timestamp) -> list[Problem]:
    """Days before the end of the data on which half of the paying accounts end for good: each counts as churn."""
    found = []
    for name, table in tables.items():
        rows = table.rows
        if table.spec.role != "revenue" or END not in rows or not len(rows):
            continue
        open_end = pd.Timestamp.max.as_unit("us")
        begun = rows[rows[START] < until]
        ends = begun[END].fillna(open_end).groupby(begun[KEY]).max().dt.normalize()
        first = np.sort(begun.groupby(KEY)[START].min().to_numpy())
        days, gone = np.unique(ends[ends < until].to_numpy(), return_counts=True)
        paying = np.searchsorted(first, days) - (np.cumsum(gone) - gone)
        for day, count, of in zip(days, gone, paying, strict=True):
            if count >= _FEWEST_TOGETHER and count >= _MOST_TOGETHER * of:
                when, share = f"{pd.Timestamp(day):%Y-%m-%d}", count / of
                remedy = (
                    f"{count:,} of {of:,} paying accounts end for good on {when} and count as churned; if they were "
                    "moved, renamed or not exported, correct their ends, name them in [lineage] or set data_until."
                )
                examples = examples_of(ends.index[ends == day])
                found.append(
                    Problem(
                        "warn", name, table.spec.end, "ended_together", int(count), share, examples, remedy, since=when
                    )
                )
    return found

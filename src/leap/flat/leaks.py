"""The leakage audit of a flat table: names that tell the end, and columns that alone all but say the outcome."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leap.evaluation import Leak, left_out, near_perfect, telling_names
from leap.flat.rows import declare, feature_frame, flat_rows, outcome_problems
from leap.flat.workspace import flat_table
from leap.tables import AccountTables

_MIN_EITHER = 10


def without_leaks(tables: AccountTables, *, until_given: bool) -> tuple[AccountTables, list[Leak]]:
    """The tables without the columns that the audit names, and what was left out; `leaks.keep_columns` overrides."""
    leaks = _telling(tables)
    tables = _without(tables, leaks)
    found = _near_perfect(tables, until_given)
    return _without(tables, found), leaks + found


def audit(tables: AccountTables, *, until_given: bool) -> list[Leak]:
    """What training would leave out; by name only where the outcomes cannot be read."""
    table = tables.tables[str(flat_table(tables.settings))]
    if outcome_problems(table) or not len(table.rows):
        return _telling(tables)
    return without_leaks(tables, until_given=until_given)[1]


def _telling(tables: AccountTables) -> list[Leak]:
    """By name; the outcome itself is no feature and so no leak."""
    name = str(flat_table(tables.settings))
    outcome = tables.tables[name].spec.outcome
    return [leak for leak in telling_names(tables) if leak.table == name and leak.column != outcome]


def _near_perfect(tables: AccountTables, until_given: bool) -> list[Leak]:
    """Columns that alone tell the outcome (of a number: whether it is above its median)."""
    rows = flat_rows(tables, until_given=until_given)
    seen = rows.where(rows.labelled)
    if not len(seen):
        return []
    event = seen.outcome if rows.outcome_of.is_binary else (seen.outcome > np.median(seen.outcome)).astype(float)
    if min(event.sum(), (1 - event).sum()) < _MIN_EITHER:
        return []
    found = near_perfect(
        tables, feature_frame(seen, declare(rows)), event, np.unique(seen.keys, return_inverse=True)[1]
    )
    said = rows.outcome_of.words if rows.outcome_of.is_binary else f"a high {rows.outcome_of.column}"
    return [replace(leak, why=leak.why.replace("who churns", said)) for leak in found]


def _without(tables: AccountTables, leaks: list[Leak]) -> AccountTables:
    """The tables without the columns that were found and are not kept."""
    name = str(flat_table(tables.settings))
    table, dropped = tables.tables[name], {leak.column for leak in left_out(leaks)}
    columns = {column: spec for column, spec in table.spec.columns.items() if column not in dropped}
    spec, rows = table.spec.model_copy(update={"columns": columns}), table.rows.drop(columns=dropped, errors="ignore")
    return replace(tables, tables={**tables.tables, name: replace(table, spec=spec, rows=rows)})

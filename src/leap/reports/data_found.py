"""What there is to say of tables beside the rules of reading them: what `leap check` and the page of data both tell."""

from __future__ import annotations

from collections.abc import Sequence

from leap.evaluation import Leak
from leap.features import families
from leap.tables import AccountTables, Problem
from leap.tables.oddities import odd_columns


def failed(problems: Sequence[Problem]) -> bool:
    """Whether training would stop."""
    return any(problem.level == "fail" for problem in problems)


def without_features(tables: AccountTables) -> list[Problem]:
    """Declared columns that make no feature, if nothing else has been said of them."""
    said = {(problem.table, problem.column) for problem in tables.problems}
    return [
        Problem("warn", name, column, "no_feature", table.rows_used, 1.0, (), why)
        for name, table in tables.tables.items()
        if table.rows_used
        for column, why in families.undelivered(table)
        if (name, column) not in said
    ]


def with_odd(tables: AccountTables) -> list[Problem]:
    """Problems of tables that were read without looking for what is odd about columns, with what is."""
    known = set(tables.problems)
    odd = [problem for table in tables.tables.values() for problem in odd_columns(table)]
    return [*tables.problems, *(problem for problem in odd if problem not in known)]


def verdict(problems: Sequence[Problem], leaks: Sequence[Leak]) -> str:
    """The last line."""
    counted = {level: sum(p.level == level for p in problems) for level in ("fail", "quarantine", "warn")}
    if counted["fail"]:
        return f"NOT OK: {counted['fail']} rule(s) failed; training would stop."
    rest = f"{counted['quarantine']} kind(s) of rows quarantined, {counted['warn']} warning(s), {len(leaks)} leak(s)"
    return f"ok: {rest}"

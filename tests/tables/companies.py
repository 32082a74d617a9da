"""A small company of three accounts whose files a test replaces, and what may be asked of every table of it."""

from pathlib import Path
from typing import Any

import pandas as pd

from leap.config import parse_settings
from leap.tables import AccountTables, Problem, assemble
from leap.tables.csv_text import parse_csv

SETTINGS = """
[company]
name = "Small"
currency = "USD"
{company}
[tables.accounts]
shape = "attributes"
source = "accounts.csv"
columns.country = {{}}
columns.employees = {{}}

[tables.subscriptions]
shape = "periods"
role = "revenue"
source = "{source}"
amount = "mrr"
currency = "currency"
product = "product"
cancelled = "cancelled_at"

[tables.usage]
shape = "events"
source = "usage.csv"
at = "day"
quantity = "actions"
{more}
"""
ACCOUNTS = "account_id,country,employees\na1,NA,10\na2,DE,20\na3,US,30\n"
SUBSCRIPTIONS = (
    "account_id,product,started_on,ended_on,cancelled_at,mrr,currency\n"
    "a1,core,2023-01-01,2024-01-01,,100.50,USD\n"
    "a2,core,2023-02-01,,,200,USD\n"
    "a3,core,2023-03-01,2023-09-01,2023-08-01,50,USD\n"
)
USAGE = "account_id,day,actions\na1,2023-05-01,3\na1,2023-05-02,4\na2,2023-12-31,5\n"


def workspace(
    folder: Path, *, company: str = "", more: str = "", source: str = "subscriptions.csv", **files: str | bytes
) -> Path:
    """A small company of three accounts whose files can be replaced by name."""
    folder.mkdir(exist_ok=True)
    toml = SETTINGS.format(company=company, more=more, source=source)
    (folder / "leap.toml").write_text(toml, encoding="utf-8")
    for name, text in {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS, "usage": USAGE, **files}.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def conserved(tables: AccountTables) -> bool:
    """Whether every table accounts for each row it read, and keeps those it refused."""
    return set(tables.tables) == set(tables.settings.tables) and all(
        table.rows_read == table.rows_used + table.rows_quarantined
        and table.rows_used >= 0
        and len(tables.quarantine.get(name, ())) == table.rows_quarantined
        for name, table in tables.tables.items()
    )


def found(tables: AccountTables) -> set[tuple[str, str, str | None, str, int]]:
    """What was found, without the remarks that follow from it."""
    return {
        (p.level, p.table, p.column, p.rule, p.count)
        for p in tables.problems
        if p.rule not in ("orphan", "empty_table", "ends_apart")
    }


def problem_of(tables: AccountTables, table: str, rule: str) -> Problem:
    """The one problem of a table by this rule."""
    (problem,) = [p for p in tables.problems if (p.table, p.rule) == (table, rule)]
    return problem


def one_table(rows: str | pd.DataFrame, *, company: dict[str, Any] | None = None, **spec: Any) -> AccountTables:
    """A company whose only table `t` is this CSV text or frame."""
    settings = parse_settings({"company": company or {}, "tables": {"t": {"source": "t.csv", **spec}}})
    if isinstance(rows, pd.DataFrame):
        return assemble(settings, {"t": rows}, [], None)
    text = parse_csv(rows.encode())
    return assemble(settings, {"t": text.frame}, [], None, {"t": text.set_aside})


def said(tables: AccountTables, table: str = "t") -> list[tuple[str, str | None, str, int]]:
    """Level, column, rule and count of every problem of a table."""
    assert conserved(tables)
    return [(p.level, p.column, p.rule, p.count) for p in tables.problems if p.table == table]

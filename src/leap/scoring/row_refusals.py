"""What is said of rows that cannot be scored: of a whole request as an error, of one account beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from leap.errors import LeapError, RevenueError, TableError
from leap.scoring.answers import RefusedAccount
from leap.tables.given import RefusedRow

Rows = Mapping[str, Sequence[Mapping[str, object]]]
"""The rows of one account by table."""
_SHOWN = 20


def of_rows(refused: Sequence[RefusedRow], accounts: Sequence[tuple[str, Rows]]) -> TableError:
    """Names the first bad row and, in its details, the first of all, in the order of the request."""
    places = {(one.row.owner, one.table, one.row.number, one.column): one for one in reversed(refused)}
    ordered = [places[place] for place in sorted(places, key=lambda place: (*place[:3], place[3] or ""))]
    documents = [
        {
            "account_id": accounts[one.row.owner][0],
            "table": one.table,
            "row": one.row.number,
            "column": one.column,
            "rule": one.rule,
            "found": one.found[:100],
            "expected": one.expected,
        }
        for one in ordered[:_SHOWN]
    ]
    first, more = documents[0], f" (the first of {len(ordered):,}; see details)" if len(ordered) > 1 else ""
    column = f", column {first['column']}" if first["column"] else ""
    return TableError(
        f"{first['account_id']}: {first['table']}, row {first['row']}{column}: {first['rule']}, "
        f"found {first['found']!r}{more}.",
        details=documents,
        remedy=str(first["expected"]),
    )


def of_revenue(account: str, error: RevenueError) -> TableError:
    """An account whose amounts cannot be added up."""
    return TableError(f"{account}: {error.message}", details=[account], remedy=error.remedy)


def of_silence(silent: Mapping[int, str], accounts: Sequence[tuple[str, Rows]], moment: pd.Timestamp) -> TableError:
    """Accounts without MRR, by their position, with why."""
    named = {accounts[i][0]: why for i, why in sorted(silent.items())}
    shown = "; ".join(f"{account}: {why}" for account, why in list(named.items())[:_SHOWN])
    more = f"; and {len(named) - _SHOWN:,} more" if len(named) > _SHOWN else ""
    return TableError(
        f"The rows of {len(named):,} of {len(accounts):,} accounts hold no MRR at {moment:%Y-%m-%d}, so "
        f"there is nothing to score: {shown}{more}.",
        details=list(named),
        remedy="Leave these accounts out, or choose a date on which they pay; /v1/prospects rates who does not.",
    )


def refused(place: int, account: str, code: str, error: LeapError) -> RefusedAccount:
    """One account with an error that is its own alone; its details are those of rows."""
    details = [detail for detail in error.details if isinstance(detail, dict)]
    return RefusedAccount(place, account, code, str(error), details)


def without_mrr(place: int, account: str, why: str, moment: pd.Timestamp) -> RefusedAccount:
    """One account that pays nothing on the day."""
    message = (
        f"{account}: no MRR at {moment:%Y-%m-%d}, so there is nothing to score: {why}. "
        "Choose a date on which it pays; /v1/prospects rates who does not."
    )
    return RefusedAccount(place, account, "no_mrr", message)

"""Retention of the whole company over its last complete window, every figure with an interval or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from leap.errors import RevenueError
from leap.icp.figures import RETENTION, retention_intervals
from leap.revenue import Retention, RetentionFigures, retention, window
from leap.revenue.ends import ends_of, known_at
from leap.revenue.mrr import Revenue
from leap.scoring.figure import NOT_ESTIMATED, figure
from leap.tables import AccountTables

NO_TABLES, NO_WINDOW = "no_tables", "no_complete_window"
_OF_RENEWALS = ("nrr", "grr", "logo_churn")


def company_retention(tables: AccountTables | None) -> dict[str, Any]:
    """`retention` of the key figures: as `leap retention --json`, with the figures in one form.

    The figures are exact: every account that paid at the start counts. Their intervals tell how far they might have
    come out otherwise, accounts being drawn again.
    """
    if tables is None:
        return {"reason": NO_TABLES}
    start, end = window(tables, None, None)
    try:
        measured = retention(tables, start, end)
    except RevenueError:
        return {"reason": NO_WINDOW}
    revenue, settings = Revenue(tables), tables.settings
    starting = revenue.mrr_at(start, lineage_at=known_at(settings, end))
    ending = ends_of(revenue, settings, start, end)
    paid = starting > 0
    return _document(measured, retention_intervals(starting[paid].astype(float), ending[paid].astype(float)))


def _document(measured: Retention, ends: Mapping[str, tuple[float, float] | None]) -> dict[str, Any]:
    own, document = measured.figures, measured.to_json()
    return {
        "from": document["from"],
        "to": document["to"],
        "accounts": own.accounts,
        "starting_mrr": own.starting_mrr,
        "ending_mrr": own.ending_mrr,
        "figures": {name: figure(getattr(own, name), ends.get(name), own.reason) for name in RETENTION},
        "book_starting_mrr": measured.book_starting_mrr,
        "book_ending_mrr": measured.book_ending_mrr,
        "movements": document["movements"],
        "movements_reason": document.get("movements_reason"),
        "renewal_eligible": _renewals(measured.renewal_eligible),
        "by_starting_year": [_year(year.to_json()) for year in measured.by_starting_year],
        "notes": list(measured.notes),
        "reason": own.reason,
    }


def _renewals(own: RetentionFigures) -> dict[str, Any]:
    return {
        "accounts": own.accounts,
        "starting_mrr": own.starting_mrr,
        "ending_mrr": own.ending_mrr,
        "figures": {name: figure(getattr(own, name), None, own.reason, NOT_ESTIMATED) for name in _OF_RENEWALS},
    }


def _year(document: Mapping[str, Any]) -> dict[str, Any]:
    after = [
        {
            "months": cell["months"],
            **{name: figure(cell[name], None, cell.get("reason"), NOT_ESTIMATED) for name in ("nrr", "logo_retention")},
        }
        for cell in document["after"]
    ]
    return {**document, "after": after}

"""How much stands in each table: what a later state of the same tables is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from leap.tables.account_tables import AccountTables, Table
from leap.tables.names import AT, CREATED, KNOWN, PERIOD, START

OWN_TIMES = (AT, START, PERIOD, CREATED)
"""The row's own time, by shape; attributes have none."""
_ALWAYS = pd.Timestamp("1700-01-02")


@dataclass(frozen=True)
class Counted:
    """Rows of one table, and the last day (ISO) on which something happened or became known; None without moments."""

    rows_read: int
    rows_used: int
    rows_quarantined: int
    latest: str | None

    def to_json(self) -> dict[str, Any]:
        """As a bundle keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Counted:
        """The inverse of `to_json`."""
        return cls(**{name: document[name] for name in ("rows_read", "rows_used", "rows_quarantined", "latest")})


def counted(tables: AccountTables) -> dict[str, Counted]:
    """Every table that was read, the lineage too."""
    return {name: _counted(table) for name, table in tables.everything_read.items()}


def moments_of(table: Table) -> pd.Series:
    """When the rows of a table became known; their own time where that is later or nothing else is said."""
    own = next((name for name in OWN_TIMES if name in table.rows), None)
    known = table.rows[KNOWN] if KNOWN in table.rows else pd.Series(dtype="datetime64[us]")
    if own is not None:
        return table.rows[own].where(known.isna() | (known < table.rows[own]), known).dropna()
    return known[known > _ALWAYS].dropna()


def _counted(table: Table) -> Counted:
    moments = moments_of(table)
    latest = f"{moments.max():%Y-%m-%d}" if len(moments) else None
    return Counted(table.rows_read, table.rows_used, table.rows_quarantined, latest)

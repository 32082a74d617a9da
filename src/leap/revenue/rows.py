"""The revenue table as arrays, made once for the tables that hold it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.errors import RevenueError
from leap.revenue.definitions import OPEN, or_open
from leap.revenue.money import parts_of
from leap.tables import AccountTables, Table
from leap.tables.canonical import AMOUNT, AT, CANCELLED, CURRENCY, END, KEY, RENEWS, START


@dataclass(frozen=True)
class RevenueRows:
    """Rows of subscriptions or of orders: whose, how much in which currency, from when to when.

    `codes` are those of the accounts as written; `currency` are positions in `currencies`. An order has no end:
    `end`, `cancelled` and `renews` are those of subscriptions.
    """

    table: Table
    by_periods: bool
    codes: np.ndarray
    parts: np.ndarray
    currency: np.ndarray
    currencies: tuple[str, ...]
    start: np.ndarray
    end: np.ndarray
    cancelled: np.ndarray
    renews: np.ndarray

    @classmethod
    def of(cls, tables: AccountTables) -> RevenueRows:
        """The rows of the table with role `revenue`; RevenueError if there is none."""
        table = _revenue_table(tables)
        rows = table.rows
        if AMOUNT not in rows:
            rows = _nothing()
        by_periods = table.spec.shape == "periods"
        currency, currencies = pd.factorize(rows[CURRENCY].astype(str), sort=True)
        start = rows[START if by_periods else AT].to_numpy().astype("datetime64[us]")
        never = np.full(len(rows), OPEN)
        return cls(
            table=table,
            by_periods=by_periods,
            codes=tables.codes_of(rows[KEY]),
            parts=parts_of(rows[AMOUNT].to_numpy(dtype=float)),
            currency=currency,
            currencies=tuple(str(name) for name in currencies),
            start=start,
            end=or_open(rows[END]) if by_periods else never,
            cancelled=or_open(rows[CANCELLED]) if by_periods else never,
            renews=or_open(rows[RENEWS]) if by_periods else never,
        )

    def are_foreign(self, reporting: str) -> bool:
        """Whether any amount is in another currency than the reporting one."""
        return any(currency != reporting for currency in self.currencies)


def _revenue_table(tables: AccountTables) -> Table:
    revenue = tables.with_role("revenue")
    if revenue:
        return revenue[0]
    flat = [name for name, table in tables.tables.items() if table.spec.shape == "snapshot"]
    if flat:
        raise RevenueError(
            f"{', '.join(flat)}: a flat table (shape snapshot) says nothing of revenue, which this needs.",
            remedy="Give a table of subscriptions or orders with role 'revenue'; leap train, score and explain take a "
            "flat table alone.",
        )
    raise RevenueError(
        "No table has role 'revenue'; retention and outcomes need one.",
        remedy='Set role = "revenue" and `amount` on the table of subscriptions or orders in leap.toml.',
    )


def _nothing() -> pd.DataFrame:
    """The columns of a revenue table of which no row is used."""
    moments = (START, AT, END, CANCELLED, RENEWS)
    return pd.DataFrame(
        {KEY: pd.Series(dtype=str), CURRENCY: pd.Series(dtype=str), AMOUNT: pd.Series(dtype=float)}
        | {name: pd.Series(dtype="datetime64[us]") for name in moments}
    )

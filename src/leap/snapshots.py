"""Which rows exist: a snapshot is `(account_id, as_of)` of an account that pays at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.errors import UsageError
from leap.revenue import PARTS, Revenue, add_months
from leap.tables import AccountTables


@dataclass(frozen=True)
class Snapshots:
    """Rows sorted by (account_id, as_of), so that the order of a file changes no model.

    Columns of `rows`: `account_id`, `code` (position in `AccountTables.accounts`), `as_of`, `mrr` (reporting currency;
    missing for prospects), `leaving` (its end within the horizon was already known), `features_at` (the moment the
    features are taken at) and `tenure_months` (since the first payment). Merged and renamed accounts are what they were
    known as at `features_at`.
    """

    rows: pd.DataFrame
    at_purchase: bool = False
    """Features are those of the company before it bought, not of the row's own date."""

    def __len__(self) -> int:
        return len(self.rows)

    def by_moment(self, column: str = "as_of") -> Iterator[tuple[pd.Timestamp, np.ndarray]]:
        """Each distinct moment of a column with the positions of its rows."""
        for moment, positions in self.rows.groupby(column).indices.items():
            yield pd.Timestamp(str(moment)), np.asarray(positions)

    def where(self, keep: np.ndarray) -> Snapshots:
        """The rows that a mask keeps."""
        return Snapshots(self.rows[keep].reset_index(drop=True), self.at_purchase)


def day_of(text: str) -> pd.Timestamp:
    """A moment from an ISO date; UsageError if it is none.

    >>> day_of("2024-02-29").year
    2024
    """
    try:
        return pd.Timestamp(text).tz_localize(None)
    except ValueError:
        raise UsageError(f"Expected a date such as 2026-10-01, found {text!r}.") from None


def days_within(tables: AccountTables, texts: list[str]) -> list[pd.Timestamp]:
    """Distinct dates in order; UsageError for one after the end of the data."""
    days = sorted({day_of(text) for text in texts})
    if days and days[-1] > tables.data_until:
        raise UsageError(
            f"{days[-1]:%Y-%m-%d} lies after the end of the data, {tables.data_until:%Y-%m-%d} (exclusive).",
            remedy="Choose an earlier date, or load newer tables.",
        )
    return days


def as_of_dates(tables: AccountTables) -> list[pd.Timestamp]:
    """First days of the months (or quarters) from the first revenue to the end of the data."""
    first = Revenue(tables).first_moment
    every = {"month": "MS", "quarter": "QS"}[tables.settings.outcome.as_of_every]
    return [d for d in pd.date_range(first.normalize(), tables.data_until, freq=every) if d < tables.data_until]


def customer_snapshots(tables: AccountTables, dates: list[pd.Timestamp]) -> Snapshots:
    """One row for every account with MRR above zero at each of the dates."""
    revenue = Revenue(tables)
    first_paid = revenue.first_paid_at(None)
    horizon = tables.settings.outcome.horizon_months
    parts = []
    for date in dates:
        if tables.lineage is not None:
            first_paid = revenue.first_paid_at(date)
        starting = revenue.mrr_at(date)
        codes = np.flatnonzero(starting > 0)
        leaving = revenue.leaving(date, add_months(date, horizon))[codes]
        parts.append(_rows(codes, date, starting[codes] / PARTS, first_paid[codes], leaving))
    return Snapshots(_joined(tables, parts))


def purchase_snapshots(tables: AccountTables) -> Snapshots:
    """One row per account and anniversary of its first payment, with the features it had when it bought.

    Monthly rows of later dates would over-represent those who stayed and let effects of being a customer in. A company
    keeps its rows when it is renamed; of companies that have become one the first to buy goes on.
    """
    revenue = Revenue(tables)
    parts = [
        part
        for bought, bought_then in revenue.purchases().groupby("at")
        for part in _anniversaries(tables, revenue, pd.Timestamp(str(bought)), bought_then)
    ]
    return Snapshots(_joined(tables, parts), at_purchase=True)


def _anniversaries(
    tables: AccountTables, revenue: Revenue, bought: pd.Timestamp, purchases: pd.DataFrame
) -> Iterator[dict[str, np.ndarray]]:
    """The rows of those that bought at one moment, then and every year after."""
    horizon = tables.settings.outcome.horizon_months
    codes, bought_as = purchases["code"].to_numpy(), purchases["known_as"].to_numpy()
    years = 0
    while (date := add_months(bought, 12 * years)) < tables.data_until:
        now = known_as(tables, codes, date)
        starting = revenue.mrr_at(date)[now]
        paying = (starting > 0) & (revenue.eldest(date)[codes] if tables.lineage is not None else True)
        years += 1
        if not paying.any():
            continue
        bought_at = np.full(int(paying.sum()), bought.to_datetime64())
        leaving = revenue.leaving(date, add_months(date, horizon))[now[paying]]
        yield _rows(bought_as[paying], date, starting[paying] / PARTS, bought_at, leaving, bought)


def known_as(tables: AccountTables, codes: np.ndarray, moment: pd.Timestamp) -> np.ndarray:
    """What accounts are known as at a moment: themselves, if none was ever merged or renamed."""
    return codes if tables.lineage is None else np.asarray(tables.lineage.now(moment)[codes])


def prospect_snapshots(tables: AccountTables, date: pd.Timestamp) -> Snapshots:
    """One row for every account without any revenue row by a date: what it bought later does not hide it."""
    without = ~Revenue(tables).has_revenue_row(date)
    if tables.lineage is not None:
        is_there = np.zeros(len(without), dtype=bool)
        is_there[known_as(tables, tables.of_rows(), date)] = True
        without &= is_there
    codes = np.flatnonzero(without)
    unpaid = np.full(len(codes), np.datetime64("NaT", "us"))
    rows = _rows(codes, date, np.full(len(codes), np.nan), unpaid, np.zeros(len(codes), dtype=bool))
    return Snapshots(_joined(tables, [rows]))


def _rows(
    codes: np.ndarray,
    date: pd.Timestamp,
    mrr: np.ndarray,
    first_paid: np.ndarray,
    leaving: np.ndarray,
    features_at: pd.Timestamp | None = None,
) -> dict[str, np.ndarray]:
    """The columns of rows of one date but the names of their accounts."""
    at = np.datetime64(date, "us")
    days = (at - first_paid.astype("datetime64[us]")).astype("timedelta64[us]").astype(float)
    # NaT becomes the smallest integer: accounts that never paid have no tenure.
    months = np.where(np.isnat(first_paid), 0.0, days / 86_400e6 * 12 / 365.25)
    return {
        "code": codes,
        "as_of": np.full(len(codes), at),
        "mrr": mrr,
        "leaving": leaving,
        "features_at": np.full(len(codes), np.datetime64(features_at or date, "us")),
        "tenure_months": np.maximum(months, 0.0),
    }


def _joined(tables: AccountTables, parts: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    nobody = np.zeros(0, dtype=np.int64)
    empty = _rows(nobody, pd.Timestamp(0), np.zeros(0), np.zeros(0, dtype="datetime64[us]"), np.zeros(0, dtype=bool))
    columns = {name: np.concatenate([part[name] for part in parts or [empty]]) for name in empty}
    order = np.lexsort((columns["as_of"], columns["code"]))
    rows = pd.DataFrame({name: column[order] for name, column in columns.items()})
    rows.insert(0, "account_id", tables.accounts[rows["code"]])
    return rows

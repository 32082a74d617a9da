"""Which rows exist: a snapshot is `(account_id, as_of)` of an account that pays at that moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import pandas as pd

from leap.errors import UsageError
from leap.revenue import PARTS, Revenue, add_months, us
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
    """First days of the months (or quarters) from the first revenue to the end of the data.

    Of orders, from the day on which the first trailing months are full: before it every MRR would be too small.
    """
    revenue = Revenue(tables)
    first = add_months(revenue.first_moment, _months_until_full(revenue))
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
        parts.append(_rows(codes, us(date), starting[codes] / PARTS, first_paid[codes], leaving, us(date)))
    return Snapshots(_joined(tables, parts))


def purchase_snapshots(tables: AccountTables) -> Snapshots:
    """One row per account and anniversary of its first payment, with the features it had when it bought.

    Of orders, whose MRR is that of the trailing months, an anniversary is the day on which the first of these are full:
    on the day of the first order nothing has trailed yet. Monthly rows of later dates would over-represent those who
    stayed and let effects of being a customer in. A company keeps its rows when it is renamed; of companies that have
    become one the first to buy goes on.
    """
    revenue = Revenue(tables)
    bought = revenue.purchases()
    joined = bought["code"].isin([] if tables.lineage is None else tables.lineage.touched)
    parts = list(_anniversaries(tables, revenue, bought[~joined]))
    for at, together in bought[joined].groupby("at"):
        parts += _anniversaries_of_joined(tables, revenue, pd.Timestamp(str(at)), together)
    return Snapshots(_joined(tables, parts), at_purchase=True)


def _anniversaries(tables: AccountTables, revenue: Revenue, bought: pd.DataFrame) -> Iterator[dict[str, np.ndarray]]:
    """The rows of accounts that were never joined or renamed, year by year, each at the dates of its own."""
    codes, first = bought["code"].to_numpy(), bought["at"]
    horizon = pd.DateOffset(months=tables.settings.outcome.horizon_months)
    for years in count():
        dates = first + pd.DateOffset(months=12 * years + _months_until_full(revenue))
        inside = (dates < tables.data_until).to_numpy()
        if not inside.any():
            return
        own, until = (np.full(len(tables.accounts), np.datetime64("NaT", "us")) for _ in range(2))
        own[codes[inside]], until[codes[inside]] = dates[inside], (dates + horizon)[inside]
        starting, leaving = revenue.mrr_at_own(own)[codes], revenue.leaving_at_own(own, until)[codes]
        paying = starting > 0
        yield _rows(
            codes[paying], own[codes][paying], starting[paying] / PARTS, first[paying].to_numpy(), leaving[paying],
            first[paying].to_numpy(),
        )  # fmt: skip


def _anniversaries_of_joined(
    tables: AccountTables, revenue: Revenue, bought: pd.Timestamp, purchases: pd.DataFrame
) -> Iterator[dict[str, np.ndarray]]:
    """The rows of those that bought at one moment, then and every year after, as what they are known as by then."""
    horizon = tables.settings.outcome.horizon_months
    codes, bought_as = purchases["code"].to_numpy(), purchases["known_as"].to_numpy()
    years = 0
    while (date := add_months(bought, 12 * years + _months_until_full(revenue))) < tables.data_until:
        now = known_as(tables, codes, date)
        starting = revenue.mrr_at(date)[now]
        paying = (starting > 0) & revenue.eldest(date)[codes]
        bought_at = np.full(int(paying.sum()), bought.to_datetime64())
        leaving = revenue.leaving(date, add_months(date, horizon))[now[paying]]
        yield _rows(bought_as[paying], us(date), starting[paying] / PARTS, bought_at, leaving, us(bought))
        years += 1


def with_full_months(tables: AccountTables, snapshots: Snapshots) -> np.ndarray:
    """Rows whose account has paid for all the trailing months that make its MRR, shape (n,); of terms, all rows.

    Before, its MRR is too small by definition, and grows without anything having grown.
    """
    revenue, rows = Revenue(tables), snapshots.rows
    if revenue.by_periods or snapshots.at_purchase:
        return np.ones(len(rows), dtype=bool)
    first = revenue.first_paid_at(None)[rows["code"].to_numpy()].astype("datetime64[D]")
    began = (rows["as_of"] - pd.DateOffset(months=revenue.trailing_months)).to_numpy().astype("datetime64[us]")
    return np.asarray(first <= began)


def _months_until_full(revenue: Revenue) -> int:
    return 0 if revenue.by_periods else revenue.trailing_months


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
    rows = _rows(codes, us(date), np.full(len(codes), np.nan), unpaid, np.zeros(len(codes), dtype=bool), us(date))
    return Snapshots(_joined(tables, [rows]))


def with_prospects(tables: AccountTables, customers: Snapshots, dates: list[pd.Timestamp]) -> Snapshots:
    """The rows of customers at these dates and, among them, those of the accounts that were prospects then."""
    parts = [customers.rows, *(prospect_snapshots(tables, date).rows for date in dates)]
    rows = pd.concat([part for part in parts if len(part)] or parts[:1])
    return Snapshots(rows.sort_values(["code", "as_of"], kind="stable").reset_index(drop=True))


def _rows(
    codes: np.ndarray,
    as_of: np.datetime64 | np.ndarray,
    mrr: np.ndarray,
    first_paid: np.ndarray,
    leaving: np.ndarray,
    features_at: np.datetime64 | np.ndarray,
) -> dict[str, np.ndarray]:
    """The columns of rows but the names of their accounts; moments are one of all rows, or one of each."""
    n = len(codes)
    as_of = np.broadcast_to(as_of, n).astype("datetime64[us]")
    days = (as_of - first_paid.astype("datetime64[us]")).astype("timedelta64[us]").astype(float)
    # NaT becomes the smallest integer: accounts that never paid have no tenure.
    months = np.where(np.isnat(first_paid), 0.0, days / 86_400e6 * 12 / 365.25)
    return {
        "code": codes,
        "as_of": as_of,
        "mrr": mrr,
        "leaving": leaving,
        "features_at": np.broadcast_to(features_at, n).astype("datetime64[us]"),
        "tenure_months": np.maximum(months, 0.0),
    }


def _joined(tables: AccountTables, parts: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    nobody = np.zeros(0, dtype=np.int64)
    never = np.zeros(0, dtype="datetime64[us]")
    empty = _rows(nobody, never, np.zeros(0), never, np.zeros(0, dtype=bool), never)
    columns = {name: np.concatenate([part[name] for part in parts or [empty]]) for name in empty}
    order = np.lexsort((columns["as_of"], columns["code"]))
    rows = pd.DataFrame({name: column[order] for name, column in columns.items()})
    rows.insert(0, "account_id", tables.accounts[rows["code"]])
    return rows

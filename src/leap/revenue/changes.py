"""Dated changes of MRR, and the gaps between them, of revenue from subscriptions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.errors import RevenueError
from leap.revenue.definitions import OPEN, us
from leap.revenue.money import converted
from leap.revenue.mrr import Revenue


def changes(
    revenue: Revenue, rates_at: pd.Timestamp | None = None, *, lineage_at: pd.Timestamp | None = None
) -> pd.DataFrame:
    """Every change of an account's MRR, netted per account and date: `code`, `at`, `before`, `after` (parts).

    All amounts are converted at the rates of one moment, so that the movements of a window add up to its end; without
    one they stay in their own currencies, where only zero means anything. Each level in between is converted as
    `Revenue.mrr_at` does it, so that the changes add up to it exactly.
    """
    if not revenue.by_periods:
        raise RevenueError(
            "Movements need subscriptions (shape periods); found events, whose trailing revenue has no dated changes."
        )
    net = _net_by_currency(revenue, lineage_at)
    if rates_at is not None and revenue.has_foreign:
        net["delta"] = _converted_changes(revenue, net, rates_at)
    net = net.groupby(["code", "at"], sort=True)["delta"].sum().reset_index()
    net["after"] = net.groupby("code")["delta"].cumsum()
    net["before"] = net["after"] - net["delta"]
    return net[net["delta"] != 0].drop(columns="delta").reset_index(drop=True)


def _net_by_currency(revenue: Revenue, lineage_at: pd.Timestamp | None) -> pd.DataFrame:
    rows, codes = revenue.rows, revenue.codes(lineage_at)
    delta = pd.DataFrame(
        {
            "code": np.concatenate([codes, codes]),
            "currency": np.concatenate([rows.currency, rows.currency]),
            "at": np.concatenate([rows.start, rows.end]),
            "delta": np.concatenate([rows.parts, -rows.parts]),
        }
    )
    keys = ["code", "currency", "at"] if revenue.has_foreign else ["code", "at"]
    return delta[delta["at"] < OPEN].groupby(keys, sort=True)["delta"].sum().reset_index()


def _converted_changes(revenue: Revenue, net: pd.DataFrame, rates_at: pd.Timestamp) -> np.ndarray:
    """What each change is in the reporting currency: the level after it less the level before, both converted."""
    of_each = ["code", "currency"]
    level = net.groupby(of_each)["delta"].cumsum().to_numpy(copy=True)
    for position in net["currency"].unique():
        own = (net["currency"] == position).to_numpy()
        level[own] = converted(level[own], revenue.rates.at(rates_at, revenue.rows.currencies[position]))
    before = pd.Series(level).groupby([net[column] for column in of_each]).shift(fill_value=0)
    return np.asarray(level - before.to_numpy())


def gaps(revenue: Revenue, lineage_at: pd.Timestamp | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every time without revenue after some: the account, when it begins, and when it ends (far ahead if open)."""
    lineage = revenue.tables.lineage
    step = 0 if lineage is None or lineage_at is None else lineage.step(lineage_at)
    return revenue.tables.remembered(f"gaps {step}", lambda: _gaps(revenue, lineage_at))


def _gaps(revenue: Revenue, lineage_at: pd.Timestamp | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    dated = changes(revenue, lineage_at=lineage_at)
    dated["until"] = dated.groupby("code")["at"].shift(-1)
    idle = dated[dated["after"] == 0]
    until = idle["until"].to_numpy().astype("datetime64[us]")
    return (
        idle["code"].to_numpy(),
        idle["at"].to_numpy().astype("datetime64[us]"),
        np.where(np.isnat(until), OPEN, until),
    )


def has_gap(
    revenue: Revenue,
    start: pd.Timestamp,
    end: pd.Timestamp,
    longer_than_days: int,
    *,
    lineage_at: pd.Timestamp | None = None,
) -> np.ndarray:
    """Which accounts began in `(start, end]` to be without revenue for longer than so many days; (n_accounts,).

    A gap that ends only in the days of grace counts whole; one that is still open is as long as it takes.
    """
    codes, begins, ends = gaps(revenue, lineage_at)
    inside = (begins > us(start)) & (begins <= us(end))
    result = np.zeros(len(revenue.accounts), dtype=bool)
    result[codes[inside & (ends - begins > np.timedelta64(longer_than_days, "D"))]] = True
    return result

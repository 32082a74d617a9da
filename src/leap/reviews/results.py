"""What became of accounts that people put on the target list or took off it, beside those the list would choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.evaluation.ranks import share_of
from leap.features import FeatureCatalog, build_features
from leap.icp import ICPSearch, match
from leap.revenue import Revenue, add_months, window_ends
from leap.snapshots import prospect_snapshots
from leap.tables import AccountTables
from leap.tables.canonical import CLOSED, KEY, WON

ENOUGH: Final = 10
"""Accounts from which a share or an NRR is told; fewer say too little."""
TOO_FEW: Final = "too few yet"
_DRAWS: Final = 1_000


@dataclass(frozen=True)
class Results:
    """Of accounts followed since a day each until the end of the data.

    Those in no table (`unknown`), and those whose day is not before the end of the data (`too_new`), are in no other
    figure. `prospects` had no revenue on their day; of these `won` paid since, `lost` had a deal closed without and did
    not pay. `payers` paid on their day or since; of these `churned` pay nothing at the end. `starting` and `ending` are
    the MRR of payers whose whole horizon is over.
    """

    accounts: int
    unknown: int
    too_new: int
    prospects: int
    won: int
    lost: int
    payers: int
    churned: int
    starting: np.ndarray
    ending: np.ndarray

    def to_json(self, seed: int = 0) -> dict[str, Any]:
        """Counts, shares and NRR with 95 % intervals, or why a figure is not told."""
        return {
            "accounts": self.accounts,
            "not_in_the_tables": self.unknown,
            "too_new": self.too_new,
            "prospects": self.prospects,
            "won": self.won,
            "lost": self.lost,
            "open": self.prospects - self.won - self.lost,
            "payers": self.payers,
            "churned": self.churned,
            "win_share": _share(self.won, self.prospects),
            "churn_share": _share(self.churned, self.payers),
            "nrr": self._nrr(seed),
        }

    def _nrr(self, seed: int) -> dict[str, Any]:
        n = len(self.starting)
        if n < ENOUGH:
            return _too_few(n, "accounts whose horizon is over")
        drawn = np.random.default_rng(seed).integers(0, n, size=(_DRAWS, n))
        ratios = self.ending[drawn].sum(axis=1) / self.starting[drawn].sum(axis=1)
        low, high = np.quantile(ratios, [0.025, 0.975])
        value = float(self.ending.sum() / self.starting.sum())
        return {"value": value, "low": min(float(low), value), "high": max(float(high), value), "accounts": n}


def results_of(tables: AccountTables, since: Mapping[str, str]) -> Results:
    """What became of accounts since the day given for each (ISO)."""
    revenue, until = Revenue(tables), tables.data_until
    days = pd.Series(pd.to_datetime(pd.Series(dict(since), dtype=object)), index=pd.Index(list(since), dtype=object))
    codes = tables.codes_of(pd.Series(days.index), known_as_at=until)
    every_day = days.to_numpy().astype("datetime64[us]")
    known, old_enough = codes >= 0, every_day < np.datetime64(until, "us")
    codes, from_day = codes[known & old_enough], every_day[known & old_enough]
    first_paid, starts = revenue.first_paid_at(until)[codes], revenue.starts_at(until)[codes]
    was_prospect = np.isnat(first_paid) | (first_paid >= from_day)
    won = was_prospect & ~np.isnat(first_paid) & (first_paid < np.datetime64(until, "us"))
    lost = was_prospect & ~won & _lost_a_deal(tables, codes, from_day)
    began = np.where(was_prospect, starts, from_day)
    paying, starting, ending = _followed(tables, revenue, codes, began)
    paid_since = won | (~was_prospect & paying)
    now = revenue.mrr_at(until - pd.Timedelta(microseconds=1))[codes]
    return Results(
        accounts=len(since),
        unknown=int((~known).sum()),
        too_new=int((known & ~old_enough).sum()),
        prospects=int(was_prospect.sum()),
        won=int(won.sum()),
        lost=int(lost.sum()),
        payers=int(paid_since.sum()),
        churned=int((paid_since & (now == 0)).sum()),
        starting=starting,
        ending=ending,
    )


def would_have_chosen(
    search: ICPSearch, catalog: FeatureCatalog, tables: AccountTables, days: Iterable[str], but: Iterable[str]
) -> dict[str, str]:
    """Prospects that met a counted profile and no negative one on a day, each with the first such day, without some.

    By what was known before that day, but by the profiles of this version, which may have learned from what followed.
    """
    found: dict[str, str] = {}
    for day in sorted(set(days)):
        moment = pd.Timestamp(day)
        if moment >= tables.data_until:
            continue
        snapshots = prospect_snapshots(tables, moment)
        columns = build_features(tables, snapshots, catalog).frame
        tiers = match(search.counted, {name: columns[name] for name in catalog.names}, len(snapshots))
        for account, one in zip(snapshots.rows["account_id"], tiers, strict=True):
            if one.tier == "A":
                found.setdefault(str(account), day)
    left_out = set(but)
    return {account: day for account, day in found.items() if account not in left_out}


def _followed(
    tables: AccountTables, revenue: Revenue, codes: np.ndarray, began: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which accounts paid when they began to be followed, and MRR then and a horizon later where that is known."""
    rule, paying = tables.settings.outcome, np.zeros(len(codes), dtype=bool)
    starting, ending = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for moment in np.unique(began[~np.isnat(began)]):
        at, own = pd.Timestamp(moment), began == moment
        if at >= tables.data_until:
            continue
        mrr = revenue.mrr_at(at)[codes[own]]
        paying[np.flatnonzero(own)] = mrr > 0
        over = add_months(at, rule.horizon_months) + pd.Timedelta(days=rule.grace_days) < tables.data_until
        if over and (mrr > 0).any():
            starting.append(mrr[mrr > 0])
            ending.append(window_ends(revenue, tables.settings, at)[codes[own]][mrr > 0])
    return paying, np.concatenate(starting), np.concatenate(ending)


def _lost_a_deal(tables: AccountTables, codes: np.ndarray, since: np.ndarray) -> np.ndarray:
    """Accounts of which a deal was closed without being won, from their day on; (n,)."""
    last = np.full(len(tables.accounts), np.datetime64("NaT", "us"))
    for table in tables.with_role("deals"):
        rows = table.rows[(table.rows[CLOSED] < tables.data_until) & (table.rows[WON] == 0.0)].sort_values(CLOSED)
        own = tables.codes_of(rows[KEY], known_as_at=tables.data_until)
        last[own] = np.fmax(last[own], rows[CLOSED].to_numpy().astype("datetime64[us]"))
    return np.asarray(last[codes] >= since)  # NaT is not later than anything


def _share(part: int, whole: int) -> dict[str, Any]:
    if whole < ENOUGH:
        return _too_few(whole, "accounts")
    return {**share_of(np.repeat([1.0, 0.0], [part, whole - part]), whole), "accounts": whole}


def _too_few(n: int, what: str) -> dict[str, Any]:
    return {"value": None, "low": None, "high": None, "accounts": n, "reason": f"{TOO_FEW}: {n} of {ENOUGH} {what}"}

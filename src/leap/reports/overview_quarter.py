"""What the next three months may cost: MRR expected to be gone with its accounts, and renewals that are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd

from leap.reports.quality_words import without_skill
from leap.revenue import Revenue, add_months, us
from leap.scoring.scorer import Scorer
from leap.scoring.table import ScoreTable
from leap.tables import AccountTables

MONTHS: Final = 3
MOST_SHOWN: Final = 5
MOST_REASONS: Final = 20
LEVEL: Final = 0.9
_DRAWS, _AT_ONCE, _SEED = 1000, 500, 0


@dataclass(frozen=True)
class AtRisk:
    """One account: the MRR expected to be gone with it by the end of the quarter, and why in words."""

    account_id: str
    name: str
    mrr: float
    churn: float
    lost: float
    renews: date | None
    reason: str


@dataclass(frozen=True)
class Renewals:
    """Accounts, none of them known to leave, with a term up for renewal in the quarter: what they pay altogether."""

    accounts: int
    mrr: float
    lost: float


@dataclass(frozen=True)
class Quarter:
    """The three months after a day.

    `lost` is what MRR times the chance to leave by then comes to, over all accounts not known to leave; `low` to `high`
    is where chance alone puts it nine times in ten, if these chances are right. `leaving` accounts with `leaving_mrr`
    are those whose end within the quarter is known. `how` says whether a survival curve or an even spread of the
    horizon's churn was used, `told` whether skill was shown in telling who leaves: if not, the order is hardly more
    than that of MRR, and no reason stands beside it. `renewals` is None where the revenue table names no renewal.
    """

    until: date
    lost: float
    low: float
    high: float
    leaving: int
    leaving_mrr: float
    how: Literal["survival", "even"]
    renewals: Renewals | None
    top: tuple[AtRisk, ...]
    told: bool


def quarter(scorer: Scorer) -> Quarter | None:
    """Of all customers of a scorer; None where there are none."""
    table, tables = scorer.customers, scorer.tables
    if table is None or tables is None or not len(table):
        return None
    moment = pd.Timestamp(scorer.as_of)
    until = add_months(moment, MONTHS)
    churn = np.where(table.leaving, 0.0, 1 - table.survival[:, MONTHS - 1])
    mrr = np.nan_to_num(table.mrr)
    low, high = _chance(mrr, churn)
    told = "churn" not in without_skill(scorer.bundle.quality["health"])
    codes = _codes(table, tables)
    gone = Revenue(tables).leaving(moment, until)[codes]
    due = _renewal_dates(tables, moment, until)
    renews = None if due is None else due[codes]
    return Quarter(
        until=until.date(),
        lost=float(mrr @ churn),
        low=low,
        high=high,
        leaving=int(gone.sum()),
        leaving_mrr=float(mrr[gone].sum()),
        how="even" if table.model.hazard is None else "survival",
        renewals=None if renews is None else _renewals(mrr, churn, ~np.isnat(renews) & ~table.leaving),
        top=_top(table, churn, renews, told),
        told=told,
    )


def _codes(table: ScoreTable, tables: AccountTables) -> np.ndarray:
    return np.asarray(tables.accounts.get_indexer(pd.Index(table.account_ids)))


def _chance(mrr: np.ndarray, churn: np.ndarray) -> tuple[float, float]:
    """Ends of the middle nine tenths of what is lost where each account leaves or stays by itself."""
    rng, total = np.random.default_rng(_SEED), np.zeros(_DRAWS)
    at_risk = np.flatnonzero((mrr > 0) & (churn > 0))
    for start in range(0, len(at_risk), _AT_ONCE):
        part = at_risk[start : start + _AT_ONCE]
        total += (rng.random((_DRAWS, len(part))) < churn[part]) @ mrr[part]
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(total, [tail, 1 - tail])
    lost = float(mrr @ churn)
    return min(float(low), lost), max(float(high), lost)


def _renewal_dates(tables: AccountTables, moment: pd.Timestamp, until: pd.Timestamp) -> np.ndarray | None:
    """The first renewal of each account in `(moment, until]`, NaT where there is none; None where none are declared.

    Of terms that are active and paid at the moment; a term's renewal is known from its start.
    """
    revenue = Revenue(tables)
    rows = revenue.rows
    if not revenue.by_periods or rows.table.spec.renews is None:
        return None
    active = (rows.start <= us(moment)) & (rows.end > us(moment)) & (rows.parts > 0)
    due = active & (rows.renews > us(moment)) & (rows.renews <= us(until))
    never = us(pd.Timestamp.max.floor("us"))
    first = np.full(len(tables.accounts), never)
    np.minimum.at(first, revenue.codes(moment)[due], rows.renews[due])
    return np.where(first == never, np.datetime64("NaT", "us"), first)


def _renewals(mrr: np.ndarray, churn: np.ndarray, due: np.ndarray) -> Renewals:
    return Renewals(int(due.sum()), float(mrr[due].sum()), float((mrr * churn)[due].sum()))


def _top(table: ScoreTable, churn: np.ndarray, renews: np.ndarray | None, told: bool) -> tuple[AtRisk, ...]:
    lost = np.where(table.silent, 0.0, np.nan_to_num(table.mrr) * churn)
    order = np.argsort(-lost, kind="stable")[:MOST_SHOWN]
    rows = [int(i) for i in order if lost[i] > 0]
    return tuple(_account(table, i, float(churn[i]), renews, _why_it_leaves(table, i) if told else "") for i in rows)


def _account(table: ScoreTable, i: int, churn: float, renews: np.ndarray | None, why: str) -> AtRisk:
    day = None if renews is None or np.isnat(renews[i]) else pd.Timestamp(renews[i]).date()
    mrr = float(table.mrr[i])
    return AtRisk(str(table.account_ids[i]), str(table.names[i]), mrr, churn, mrr * churn, day, why)


def _why_it_leaves(table: ScoreTable, i: int) -> str:
    """The largest of the reasons that lower NRR by raising churn; empty where none does."""
    found = (reason for reason in table.reasons(i, MOST_REASONS) if reason["parts"]["churn"] < 0)
    return next((str(reason["phrase"]) for reason in found if reason["nrr_points"] < 0), "")

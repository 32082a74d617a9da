"""All customers and prospects of a workspace at one date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.revenue import Revenue
from leap.scoring.scored import require_same_tables, score, score_prospects
from leap.scoring.table import ScoreTable
from leap.snapshots import customer_snapshots, day_of
from leap.tables import AccountTables


@dataclass(frozen=True)
class Batch:
    """All scores of a workspace at one date: customers, then prospects."""

    customers: ScoreTable
    prospects: ScoreTable

    def frame(self) -> pd.DataFrame:
        """A score file: one row per customer with MRR, then one per prospect."""
        parts = [self.customers.frame(), self.prospects.frame(prospects=True)]
        filled = [part for part in parts if len(part)]
        return pd.concat(filled, ignore_index=True) if filled else parts[0]

    @property
    def abstained(self) -> int:
        """Rows without a score."""
        return int(self.customers.leaving.sum() + self.prospects.silent.sum())

    def most_at_risk(self, count: int = 10) -> list[dict[str, Any]]:
        """Customers by the MRR expected to be lost, largest first."""
        at_risk = np.where(self.customers.leaving, -np.inf, self.customers.mrr * (1 - self.customers.prediction.nrr))
        order = [int(i) for i in np.argsort(-at_risk, kind="stable")[:count] if np.isfinite(at_risk[i])]
        return [{**self.customers.to_json(i, 0), "main_reason": self.customers.main_reason(i)} for i in order]


def score_all(bundle: ModelBundle, tables: AccountTables, version: str, as_of: str | None = None) -> Batch:
    """Score every customer and prospect at a date (default: the end of the data)."""
    moment = moment_of(bundle, tables, as_of)
    return Batch(_customers(bundle, tables, version, moment), score_prospects(bundle, tables, moment, version))


def score_customers(
    bundle: ModelBundle, tables: AccountTables, version: str, as_of: str | None = None, option: str = "--as-of"
) -> ScoreTable:
    """Score every customer at a date (default: the end of the data); `option` is what a refused date was given as."""
    return _customers(bundle, tables, version, moment_of(bundle, tables, as_of, option))


def _customers(bundle: ModelBundle, tables: AccountTables, version: str, moment: pd.Timestamp) -> ScoreTable:
    return score(bundle, tables, customer_snapshots(tables, [moment]), version)


def moment_of(bundle: ModelBundle, tables: AccountTables, as_of: str | None, option: str = "--as-of") -> pd.Timestamp:
    """The date to score at; refused where there is nothing to score by then."""
    moment = day_of(as_of) if as_of else tables.data_until
    if moment > tables.data_until:
        raise UsageError(
            f"{option} {moment:%Y-%m-%d} lies after the end of the data, {tables.data_until:%Y-%m-%d} (exclusive).",
            remedy="Choose an earlier date, or load newer tables.",
        )
    require_same_tables(bundle, tables)
    first = Revenue(tables).first_moment
    if moment < first:
        raise UsageError(
            f"{option} {moment:%Y-%m-%d} lies before the first revenue, {first:%Y-%m-%d}: there is nobody to score.",
            remedy="Choose a later date.",
        )
    return moment


def portfolio(table: ScoreTable) -> dict[str, float | str | None]:
    """NRR with its interval, GRR and churn expected of all customers together.

    Accounts that are leaving count with their known end.
    """
    paid = table.mrr
    if not len(table) or paid.sum() <= 0:
        return {
            "nrr": None,
            "nrr_low": None,
            "nrr_high": None,
            "grr": None,
            "churn": None,
            "mrr": 0.0,
            "reason": "empty_cohort",
        }
    book = table.book
    stays = ~table.leaving
    return {
        "nrr": float((paid * np.where(stays, table.prediction.nrr, 0.0)).sum() / paid.sum()),
        "nrr_low": book.low if book else None,
        "nrr_high": book.high if book else None,
        "grr": float((paid * np.where(stays, table.prediction.grr, 0.0)).sum() / paid.sum()),
        "churn": float((paid * np.where(stays, table.prediction.p, 1.0)).sum() / paid.sum()),
        "mrr": float(paid.sum()),
    }

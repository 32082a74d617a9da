"""What a scope learns from: its snapshots with features, outcomes and folds, rows before the churn record begins
left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from leap.errors import NotEnoughData
from leap.features import TENURE, FeatureCatalog, FeatureFrame, Scope, build_features
from leap.models.begun import begun
from leap.models.composition import Labels, TrainingRows
from leap.models.encoding import Encoder
from leap.models.rows import OpenRows
from leap.models.selection import MIN_EVENTS
from leap.outcomes import Outcomes, observe
from leap.revenue import Revenue
from leap.snapshots import Snapshots, as_of_dates, customer_snapshots, purchase_snapshots, with_full_months
from leap.splits import Fold, temporal_folds
from leap.tables import AccountTables

_RECORD_BEGINS = 1 / 3
_SHORTEST = 3
"""Months of the shortest horizon there is."""


@dataclass(frozen=True)
class ScopeFrame:
    """Complete rows of one scope, sorted by (account, as_of), aligned with each other.

    `record_begins` is the first date kept: before it hardly anyone churned, since those who left are missing.
    """

    scope: Scope
    snapshots: Snapshots
    features: FeatureFrame
    outcomes: Outcomes
    encoder: Encoder
    rows: TrainingRows
    folds: list[Fold]
    record_begins: pd.Timestamp | None
    open_at_folds: list[OpenRows | None] = field(default_factory=list)
    """For each fold the rows whose outcome had only begun to show at its cutoff."""
    open_now: OpenRows | None = None
    """The same at the end of the data."""

    @property
    def leaving(self) -> np.ndarray:
        """Rows whose end was known at their date: in no training, but in every portfolio."""
        return ~self.outcomes.trainable

    @property
    def trainable(self) -> TrainingRows:
        """The rows to fit on."""
        return self.rows.where(self.outcomes.trainable, self.open_now)

    def latest(self) -> FeatureFrame:
        """The features of the last complete date: the accounts that drivers are counted over."""
        return self.features.where(self._recent)

    @property
    def latest_mrr(self) -> np.ndarray:
        """The MRR of the rows of `latest`, shape (n,); NaN where unknown."""
        return np.asarray(self.snapshots.rows["mrr"][self._recent], dtype=float)

    @property
    def _recent(self) -> np.ndarray:
        as_of = self.snapshots.rows["as_of"]
        recent = as_of >= as_of.max() - pd.DateOffset(months=12) if self.snapshots.at_purchase else as_of == as_of.max()
        return np.asarray(recent)


def health_frame(tables: AccountTables, catalog: FeatureCatalog) -> ScopeFrame:
    """Customers at every date, with all features."""
    return _frame(tables, Scope.HEALTH, customer_snapshots(tables, as_of_dates(tables)), catalog)


def fit_frame(tables: AccountTables, catalog: FeatureCatalog, record_begins: pd.Timestamp | None = None) -> ScopeFrame:
    """Accounts at each anniversary of their first payment, with the fit features of that first day and tenure
    beside them.
    """
    fit = FeatureCatalog(tuple(f for f in catalog.features if f.scope == Scope.FIT or f.name == TENURE))
    return _frame(tables, Scope.FIT, purchase_snapshots(tables), fit, record_begins)


def _frame(
    tables: AccountTables,
    scope: Scope,
    snapshots: Snapshots,
    catalog: FeatureCatalog,
    record_begins: pd.Timestamp | None = None,
) -> ScopeFrame:
    outcomes = observe(tables, snapshots)
    complete = outcomes.complete & with_full_months(tables, snapshots)
    if not complete.any():
        months = tables.settings.outcome.horizon_months
        shorter = "" if months <= _SHORTEST else f", or a shorter outcome.horizon_months than {months}"
        raise NotEnoughData(
            f"No snapshot has a complete outcome: the data end before {tables.data_until:%Y-%m-%d}, "
            f"less than {months} months after {_first_moment(tables)}.",
            remedy=f"Give more history{shorter}.",
        )
    as_of = snapshots.rows["as_of"].to_numpy()
    if record_begins is None and scope == Scope.HEALTH:
        record_begins = first_with_churn(as_of[complete], outcomes.churned[complete])
    keep = complete.copy()
    if record_begins is not None:
        keep &= as_of >= record_begins.to_datetime64()
    if not keep.any():
        raise NotEnoughData(
            f"No complete outcome is left for the {scope} models from {record_begins:%Y-%m-%d} on, where the churn "
            f"record begins ({int(complete.sum())} rows before it).",
            remedy="Give more history, or the accounts that left before that date.",
        )
    with_young = keep | (_young(tables, snapshots, outcomes) if scope == Scope.HEALTH else False)
    everyone, all_outcomes, keep = snapshots.where(with_young), outcomes.where(with_young), keep[with_young]
    all_features = build_features(tables, everyone, catalog)
    snapshots, outcomes, features = everyone.where(keep), all_outcomes.where(keep), all_features.where(keep)
    accounts = snapshots.rows["code"].to_numpy()
    encoder = Encoder.fit(features, accounts)
    labels = Labels(outcomes.churned, outcomes.ratio, outcomes.starting, tables.settings.outcome.min_uplift)
    matrix = encoder.encode(all_features)
    rows = TrainingRows(matrix[keep], labels, accounts, snapshots.rows["as_of"].to_numpy(), outcomes.known_at)
    enough = enough_churn_known(rows.where(outcomes.trainable))
    folds = temporal_folds(rows.as_of, rows.known_at, outcomes.complete, outcomes.trainable, enough)
    frame = ScopeFrame(scope, snapshots, features, outcomes, encoder, rows, folds, record_begins)
    if scope != Scope.HEALTH:
        return frame
    shown = begun(tables, everyone, all_outcomes, matrix)
    at_folds = [shown.at(fold.cutoff) for fold in folds]
    return replace(frame, open_at_folds=at_folds, open_now=shown.at(tables.data_until))


def enough_churn_known(rows: TrainingRows) -> pd.Timestamp | None:
    """When so many accounts had churned that a model could be fitted; None if that was never so.

    A fold before that day would be predicted by the base rate, and say nothing of any model.
    """
    churned = rows.labels.churned == 1
    first = pd.Series(rows.known_at[churned]).groupby(rows.accounts[churned]).min().sort_values()
    return None if len(first) < MIN_EVENTS else pd.Timestamp(first.iloc[MIN_EVENTS - 1])


def _young(tables: AccountTables, snapshots: Snapshots, outcomes: Outcomes) -> np.ndarray:
    """Rows whose outcome is not complete yet."""
    return np.asarray(~outcomes.complete & with_full_months(tables, snapshots))


def _first_moment(tables: AccountTables) -> str:
    if Revenue(tables).by_periods:
        return "the first revenue"
    return "an account's orders first fill the trailing months"


def first_with_churn(as_of: np.ndarray, churned: np.ndarray) -> pd.Timestamp | None:
    """The first date from which churn is at least a third of its later median; None if that holds from the start.

    Tables written today often lack the accounts that left long ago: their first years show almost no churn, and a model
    would learn that from them.
    """
    rate = pd.Series(churned).groupby(as_of).mean()
    if len(rate) < 6 or rate.max() == 0:
        return None
    usual = float(rate.iloc[len(rate) // 2 :].median())
    low = np.flatnonzero(rate.to_numpy()[: len(rate) // 2] < _RECORD_BEGINS * usual)
    if not len(low):
        return None
    return pd.Timestamp(rate.index[low[-1] + 1])

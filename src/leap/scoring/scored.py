"""Accounts scored through the one feature path: customers at their snapshots, prospects as of a date."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import CatalogError
from leap.features import FeatureFrame, Scope, build_features
from leap.models.composition import ScopeModel
from leap.scoring.table import ScoreTable
from leap.scoring.won import Won
from leap.snapshots import Snapshots, prospect_snapshots
from leap.tables import AccountTables
from leap.value import Acquisition, ValueTerms, acquisition_of, margins, own_acquisition, service_cost_a_year


def score(
    bundle: ModelBundle, tables: AccountTables, snapshots: Snapshots, version: str, *, apart: bool = False
) -> ScoreTable:
    """Score customers at their snapshots, through the one feature path.

    `apart`: the accounts are no company, only beside each other; what winning one cost says nothing of the others.
    """
    frame = build_features(tables, snapshots, bundle.health.encoder.catalog)
    rows = snapshots.rows
    as_of = pd.Timestamp(rows["as_of"].iloc[0]) if len(rows) else tables.data_until
    mrr, won = rows["mrr"].to_numpy(dtype=float), own_acquisition(tables) if apart else acquisition_of(tables)
    return _table(bundle, bundle.health, tables, snapshots, frame, mrr, as_of, version, won)


def score_prospects(bundle: ModelBundle, tables: AccountTables, as_of: pd.Timestamp, version: str) -> ScoreTable:
    """Score the accounts without any revenue by the fit models; expected MRR is what new customers usually pay."""
    snapshots = prospect_snapshots(tables, as_of)
    frame = build_features(tables, snapshots, bundle.fit.encoder.catalog)
    mrr = np.full(len(snapshots), or_nan(bundle.economics.get("new_mrr")))
    return _table(bundle, bundle.fit, tables, snapshots, frame, mrr, as_of, version)


def _table(
    bundle: ModelBundle,
    model: ScopeModel,
    tables: AccountTables,
    snapshots: Snapshots,
    frame: FeatureFrame,
    mrr: np.ndarray,
    as_of: pd.Timestamp,
    version: str,
    won: Acquisition | None = None,
) -> ScoreTable:
    rows = snapshots.rows
    codes = rows["code"].to_numpy()
    customers = model.scope == Scope.HEALTH
    ids = [str(account) for account in rows["account_id"]]
    return ScoreTable(
        bundle=bundle,
        model=model,
        version=version,
        account_ids=ids,
        names=[tables.names.get(account, account) for account in ids],
        as_of=[f"{moment:%Y-%m-%d}" for moment in rows["as_of"]],
        mrr=mrr,
        leaving=rows["leaving"].to_numpy(dtype=bool),
        margin=margins(tables, ValueTerms.of(bundle.settings))[codes],
        cost=service_cost_a_year(tables, as_of)[codes] if customers else np.full(len(ids), usual_cac(bundle)),
        columns={name: frame.arrays[name] for name in frame.catalog.names},
        matrix=model.encoder.encode(frame),
        win=bundle.win.of_frame(frame) if bundle.win is not None and model.scope == Scope.FIT else None,
        won=Won.of(won, codes) if won is not None else Won.usual(bundle.economics, len(ids)),
    )


def usual_cac(bundle: ModelBundle) -> float:
    """What winning a customer usually costs; nothing where no costs are given."""
    return float(bundle.economics.get("cac") or 0.0)


def require_same_tables(bundle: ModelBundle, tables: AccountTables) -> None:
    """CatalogError if a table that the model's features come from is not there."""
    missing = {f.recipe.table for f in bundle.catalog.features if f.recipe.table} - set(tables.tables)
    if missing:
        raise CatalogError(
            f"The model of {bundle.company} needs table(s) {sorted(missing)}; the workspace has "
            f"{sorted(tables.tables)}.",
            remedy="Score a workspace with the same tables, or train a model for this one.",
        )


def or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)

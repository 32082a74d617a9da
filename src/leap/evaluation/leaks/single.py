"""Columns of which one feature alone tells who churns almost perfectly, in the rows that train."""

from __future__ import annotations

import numpy as np

from leap.evaluation.leaks.leak import Leak, marked, source_of
from leap.evaluation.leaks.telling import tells
from leap.features import FeatureFrame
from leap.tables import AccountTables

LEAK_AUC = 0.95
"""No honest feature of one account tells a year ahead who leaves this well; backfilled ones reach 0.99."""


def near_perfect(
    tables: AccountTables, frame: FeatureFrame, churned: np.ndarray, accounts: np.ndarray | None = None
) -> list[Leak]:
    """Columns of which one feature alone tells who churns with an AUC of at least 0.95.

    `churned` is 0 or 1 and `accounts` the account of every row, shape (n,); without them each row is one. What an
    account pays is no leak: the outcome itself starts from it.
    """
    paid = {(table.name, table.spec.amount) for table in tables.with_role("revenue")}
    owners = np.arange(len(churned)) if accounts is None else accounts
    found = []
    for feature in frame.catalog.features:
        if not feature.recipe.table or (feature.recipe.table, feature.recipe.column) in paid:
            continue
        told = tells(frame.frame[feature.name].to_numpy(), feature.kind, churned, owners)
        if told.at_least(LEAK_AUC):
            why = f"alone it tells who churns with AUC {told.auc:.3f} ({feature.name})"
            found.append(Leak(feature.recipe.table, source_of(feature), why))
    return marked(tables, found)

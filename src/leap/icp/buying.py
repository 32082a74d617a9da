"""Buying signals: features of signal `buying` that say something happened lately, and for whom."""

from __future__ import annotations

import numpy as np

from leap.features import Feature, FeatureCatalog, Signal
from leap.icp.rules import Columns

_COUNTS = ("count", "events", "kind_sum")
"""Operations that count what happened in a window. An average or a trend may be high long after the last event."""


def buying_features(catalog: FeatureCatalog) -> list[Feature]:
    """Counts over the shortest window of each table, and what is true or not; all of signal `buying`."""
    buying = [f for f in catalog.features if f.signal == Signal.BUYING]
    counted = [f for f in buying if f.recipe.operation in _COUNTS and f.recipe.window_days is not None]
    shortest: dict[str, int] = {}
    for feature in counted:
        days = int(feature.recipe.window_days or 0)
        shortest[feature.recipe.table] = min(days, shortest.get(feature.recipe.table, days))
    lately = [f for f in counted if f.recipe.window_days == shortest[f.recipe.table]]
    return [*lately, *(f for f in buying if f.kind == "boolean")]


def active(features: list[Feature], columns: Columns, n: int) -> np.ndarray:
    """Accounts of which any of these is above zero, shape (n,); a missing value is none."""
    found = np.zeros(n, dtype=bool)
    for feature in features:
        found |= np.nan_to_num(np.asarray(columns[feature.name], dtype=float)) > 0
    return found

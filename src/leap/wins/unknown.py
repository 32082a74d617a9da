"""That something is not known of a company says nothing of whether it is won.

Companies are often looked up because they bought, and those that did not buy have been watched for longer: whether, and
since when, a company was observed tells who became a customer without being a reason for it, and of a prospect of today
it tells nothing. What is missing is therefore drawn from what is known of other companies where a model is fitted (a
fixed value in its place could still be told apart), and is the usual value where a company is scored.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureCatalog, FeatureFrame

_OBSERVED = ("attributes", "history")
_OF_OBSERVING = ("age", "changes", "changed")
"""Of a history: how old it is, how often and whether it ever changed; more with every year of being watched."""


def about_companies(catalog: FeatureCatalog) -> FeatureCatalog:
    """The features that say something of a company, not of how long it has been observed."""
    watched = {f.name for f in catalog.features if f.recipe.family == "history" and f.recipe.operation in _OF_OBSERVING}
    return catalog.with_features(set(catalog.names) - watched)


def usual_values(frame: FeatureFrame) -> dict[str, float | str]:
    """The median or most frequent value of every observed feature that has any."""
    usual: dict[str, float | str] = {}
    for feature in frame.catalog.features:
        known = frame.frame[feature.name].dropna()
        if feature.recipe.family not in _OBSERVED or not len(known):
            continue
        if feature.kind == "number":
            usual[feature.name] = float(known.astype(float).median())
        else:
            counts = known.value_counts()
            first = sorted(counts[counts == counts.max()].index)[0]
            usual[feature.name] = str(first) if feature.kind == "category" else float(first)
    return usual


def drawn(frame: FeatureFrame) -> FeatureFrame:
    """Missing values of observed features replaced by draws from those of other rows; the same draws every time."""
    columns = {f.name: _drawn(f, frame.frame[f.name]) for f in frame.catalog.features if f.recipe.family in _OBSERVED}
    return FeatureFrame(frame.frame.assign(**columns), frame.catalog, frame.observed_late)


def _drawn(feature: Feature, column: pd.Series) -> pd.Series:
    missing = column.isna().to_numpy()
    if not missing.any() or missing.all():
        return column
    values = column.to_numpy(copy=True)
    rng = np.random.default_rng(zlib.crc32(feature.name.encode()))
    values[missing] = rng.choice(values[~missing], int(missing.sum()))
    return pd.Series(values, index=column.index, dtype=column.dtype)


def filled(frame: FeatureFrame, usual: Mapping[str, float | str]) -> FeatureFrame:
    """Missing values replaced by the usual ones."""
    columns = {name: _filled(frame.frame[name], value) for name, value in usual.items()}
    return FeatureFrame(frame.frame.assign(**columns), frame.catalog, frame.observed_late)


def _filled(column: pd.Series, value: float | str) -> pd.Series:
    return column.where(column.notna(), value)

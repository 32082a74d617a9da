"""That something is not known of a company says nothing of whether it is won.

Companies are often looked up because they bought, and those that did not buy have been watched for longer: whether, and
since when, a company was observed tells who became a customer without being a reason for it, and of a prospect of today
it tells nothing. What is missing is therefore drawn from what is known of other companies where a model is fitted (a
fixed value in its place could still be told apart), and is the usual value where a company is scored; of events that
were never seen there are none.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureCatalog, FeatureFrame

_OBSERVED = ("attributes", "history", "periods", "events")
_OF_OBSERVING: Mapping[str, tuple[str, ...]] = {
    "history": ("age", "changes", "changed"),
    "periods": ("ever", "tenure_days", "active_share", "terms", "changes"),
}
"""How old an observation is, how often it ever changed, since when something was seen: more with every year watched."""
_COUNTS = ("count", "events", "kind_sum", "amount_sum", "active_days", "breadth", "distinct")


def about_companies(catalog: FeatureCatalog) -> FeatureCatalog:
    """The features that say something of a company, not of how long it has been observed."""
    watched = {f.name for f in catalog.features if f.recipe.operation in _OF_OBSERVING.get(f.recipe.family, ())}
    return catalog.with_features(set(catalog.names) - watched)


def usual_values(frame: FeatureFrame) -> dict[str, float | str]:
    """The median or most frequent value of every observed feature that has any; of counts of events none."""
    usual: dict[str, float | str] = {}
    for feature in frame.catalog.features:
        known = frame.frame[feature.name].dropna()
        if feature.recipe.family not in _OBSERVED or not len(known):
            continue
        if _is_count(feature):
            usual[feature.name] = 0.0
        elif feature.kind == "number":
            usual[feature.name] = float(known.astype(float).median())
        else:
            counts = known.value_counts()
            first = sorted(counts[counts == counts.max()].index)[0]
            usual[feature.name] = str(first) if feature.kind == "category" else float(first)
    return usual


def _is_count(feature: Feature) -> bool:
    return feature.recipe.family == "events" and feature.recipe.operation in _COUNTS


def drawn(frame: FeatureFrame) -> FeatureFrame:
    """Missing values of observed features replaced by draws from those of other rows; the same draws every time."""
    columns = {f.name: _drawn(f, frame.frame[f.name]) for f in frame.catalog.features if f.recipe.family in _OBSERVED}
    return FeatureFrame(frame.frame.assign(**columns), frame.catalog, frame.observed_late)


def _drawn(feature: Feature, column: pd.Series) -> pd.Series:
    missing = column.isna().to_numpy()
    if not missing.any() or missing.all():
        return column
    if _is_count(feature):
        return column.fillna(0.0)
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

"""What was seen of customers before their revenue grew, or they left: signs of health, never of whom to sell to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from leap.features import Feature, Scope
from leap.icp.best_customers import Seen
from leap.icp.growers import FEWEST, GREW
from leap.models.frames import ScopeFrame

MOST_FALSE = 0.1
_MOST_SHOWN = 8
_Z = 1.96


def seen_as_customers(frame: ScopeFrame, min_uplift: float) -> tuple[Seen, ...]:
    """The health features that tell growers from leavers beyond chance, one a thing, clearest first.

    From one date a year, so that no outcome is counted twice.
    """
    from scipy.stats import false_discovery_control

    months = frame.rows.as_of.astype("datetime64[M]").astype(int)
    yearly = (months.max(initial=0) - months) % 12 == 0
    grew = yearly & (frame.outcomes.ratio > 1 + max(min_uplift, GREW))
    lost = yearly & (frame.outcomes.ending == 0) & frame.outcomes.trainable
    found = []
    for feature in frame.features.catalog.of_scope(Scope.HEALTH).features:
        if feature.kind == "category" or feature.consequence:
            continue
        values = frame.features.frame[feature.name].to_numpy(dtype=float)
        known = np.isfinite(values)
        if (one := _compared(feature, values, grew & known, lost & known, frame.rows.accounts)) is not None:
            found.append((feature, *one))
    if not found:
        return ()
    adjusted = false_discovery_control([p for _, _, p in found])
    ranked = sorted(zip(found, adjusted, strict=True), key=lambda one: (round(one[0][2], 12), one[0][0].name))
    first: dict[tuple[str, str], Seen] = {}
    for (feature, seen, _), q in ranked:
        if q <= MOST_FALSE:
            first.setdefault((feature.recipe.table, feature.group), replace(seen, q_value=float(q)))
    return tuple(first.values())[:_MOST_SHOWN]


def _compared(
    feature: Feature, values: np.ndarray, grew: np.ndarray, lost: np.ndarray, accounts: np.ndarray
) -> tuple[Seen, float] | None:
    """The feature with a p-value; None with too few accounts.

    The chance and its error by DeLong, DeLong & Clarke-Pearson (1988), rows of one account together.
    """
    from scipy.stats import norm

    growers, leavers = len(np.unique(accounts[grew])), len(np.unique(accounts[lost]))
    if min(growers, leavers) < FEWEST:
        return None
    a, b = values[grew], values[lost]
    joined = pd.Series(np.concatenate([a, b])).rank().to_numpy()
    above = (joined[: len(a)] - pd.Series(a).rank().to_numpy()) / len(b)
    below = 1 - (joined[len(a) :] - pd.Series(b).rank().to_numpy()) / len(a)
    more = float(above.mean())
    _, code = np.unique(np.concatenate([accounts[grew], accounts[lost]]), return_inverse=True)
    added = np.bincount(code, np.concatenate([(above - more) / len(a), (below - more) / len(b)]))
    error = float(np.sqrt((added**2).sum()))
    if error == 0:
        return None
    low, high = max(more - _Z * error, 0.0), min(more + _Z * error, 1.0)
    medians = float(np.median(a)), float(np.median(b))
    seen = Seen(feature.name, feature.label, feature.unit, growers, leavers, *medians, more, low, high, 1.0)
    return seen, float(2 * norm.sf(abs(more - 0.5) / error))

"""Win-rate scoring as it is practised before any prediction (the "Climb" stage): what Leap has to beat.

As practitioners do it in a spreadsheet: take the closed deals, write down the win rate of every value of every
attribute (of a number: of every fifth of its values), and score an account by the mean of the rates of its values. All
attributes count the same. A value with few deals is drawn towards the rate of all, by ten deals of the average, so that
one lucky deal does not make a segment; one that is missing counts as the rate of all. Every deal closed counts, however
quickly, and nothing of what followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import FeatureFrame

PRIOR_DEALS = 10.0
"""Deals of the average that each value's rate is drawn towards the rate of all by."""

_FIFTHS = (0.2, 0.4, 0.6, 0.8)


@dataclass(frozen=True)
class Scorecard:
    """Win rates of the values of each attribute, the inner edges of the bins of numbers, and the rate of all deals."""

    overall: float
    rates: Mapping[str, Mapping[str, float]]
    edges: Mapping[str, np.ndarray]

    @classmethod
    def learn(cls, features: FeatureFrame, won: np.ndarray) -> Scorecard:
        """From closed deals, `won` 0 or 1, shape (n,); an attribute that does not vary says nothing and is left out.

        >>> Scorecard(0.3, {"industry": {"bank": 0.5}}, {}).rates["industry"]["bank"]
        0.5
        """
        overall = float(won.mean())
        edges = {
            feature.name: _edges(features.frame[feature.name].to_numpy(dtype=float))
            for feature in features.catalog.features
            if feature.kind != "category"
        }
        rates: dict[str, dict[str, float]] = {}
        for name in features.catalog.names:
            # Rows without a value are left out of the groups, and so have no rate of their own.
            sums = pd.DataFrame({"bin": _bins(features, name, edges), "won": won}).groupby("bin")["won"]
            wins, deals = sums.sum(), sums.count()
            if len(deals) > 1:
                drawn = (wins + PRIOR_DEALS * overall) / (deals + PRIOR_DEALS)
                rates[name] = {str(level): float(rate) for level, rate in drawn.items()}
        return cls(overall, rates, edges)

    def score(self, features: FeatureFrame) -> np.ndarray:
        """The mean win rate of each row's values, shape (n,); a value without deals counts as the rate of all."""
        if not self.rates:
            return np.full(len(features.frame), self.overall)
        parts = [
            pd.Series(_bins(features, name, self.edges)).map(rates).fillna(self.overall).to_numpy(dtype=float)
            for name, rates in self.rates.items()
        ]
        # Rounded, so that two rows with the same values have the same score whatever order they were summed in.
        return np.asarray(np.round(np.mean(parts, axis=0), 12))


def _edges(numbers: np.ndarray) -> np.ndarray:
    known = numbers[~np.isnan(numbers)]
    return np.unique(np.quantile(known, _FIFTHS)) if len(known) else np.zeros(0)


def _bins(features: FeatureFrame, name: str, edges: Mapping[str, np.ndarray]) -> np.ndarray:
    """The name of each row's bin: its category, or the fifth its number lies in; None where it is missing."""
    column = features.frame[name]
    if name not in edges:
        return np.asarray(column.to_numpy(dtype=object))
    numbers = column.to_numpy(dtype=float)
    places = np.searchsorted(edges[name], numbers, side="left").astype(str).astype(object)
    places[np.isnan(numbers)] = None
    return places

"""The fitted model of one outcome: a calibrated probability or a number, with exact contributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import FeatureCatalog
from leap.flat.rows import FlatOutcome
from leap.models.composition import Component
from leap.models.encoding import Encoder
from leap.models.selection import MIN_EVENTS, Rows, train
from leap.models.tuning import tune
from leap.splits import inner_folds


@dataclass(frozen=True)
class FlatAttribution:
    """What each encoded column adds, shape (n, width): a row plus its base is the prediction, in every unit.

    `points` are those of the probability, or of the number in its own unit. `margin` is in log-odds before calibration;
    None of numbers, which have no other unit.
    """

    points: np.ndarray
    base: float
    margin: np.ndarray | None
    base_margin: float | None


@dataclass(frozen=True)
class FlatModel:
    """One outcome's learner over encoded columns."""

    outcome: FlatOutcome
    encoder: Encoder
    component: Component

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities or numbers, shape (n,)."""
        if not len(matrix):
            return np.zeros(0)
        if self.outcome.is_binary:
            return self.component.probability(matrix)
        return self.component.learner.margin(matrix)

    def attribute(self, matrix: np.ndarray) -> tuple[np.ndarray, float]:
        """What each feature adds, shape (n, n_features), in points of probability or of the number, and the base.

        A row plus the base is the prediction.
        """
        found = self.explained(matrix)
        return self.encoder.by_feature(found.points), found.base

    def explained(self, matrix: np.ndarray) -> FlatAttribution:
        """What each encoded column adds, in every unit, at the cost of the contributions alone."""
        learner = self.component.learner
        margin = learner.contributions(matrix)
        if not self.outcome.is_binary:
            return FlatAttribution(margin, learner.base, None, None)
        points, base = self.component.calibration.attribute(margin, learner.base)
        return FlatAttribution(points, base, margin, learner.base)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "outcome": dict(self.outcome.__dict__),
            "encoder": self.encoder.to_json(),
            "component": self.component.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> FlatModel:
        """The inverse of `to_json`, with the bundle's catalog."""
        outcome = FlatOutcome(**document["outcome"])
        if outcome.kind not in ("binary", "number"):
            raise ValueError(f"outcome of kind {outcome.kind!r}")
        return cls(outcome, Encoder.from_json(document["encoder"], catalog), Component.from_json(document["component"]))


def fit_model(
    outcome: FlatOutcome, encoder: Encoder, rows: Rows, *, trials: int = 0, only: str | None = None, seed: int = 0
) -> FlatModel:
    """Choose, tune and calibrate inside these rows; `only` fixes the learner."""
    tunable = trials > 0 and only is None and rows.n_events >= MIN_EVENTS
    tuned = None
    if tunable and inner_folds(rows.accounts, rows.as_of, rows.known_at):
        tuned = tune(rows, trials, seed)
    found = train(rows, tuned, only, seed)
    return FlatModel(outcome, encoder, Component.of(rows, found))

"""The fitted win model: the probability that a prospect with these fit features is won once a deal is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import FeatureCatalog, FeatureFrame
from leap.models.composition import Component
from leap.models.encoding import Encoder
from leap.models.selection import Rows, train


@dataclass(frozen=True)
class WinModel:
    """A calibrated learner over encoded fit features."""

    encoder: Encoder
    component: Component

    def of_matrix(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities of encoded rows, shape (n,)."""
        return self.component.probability(matrix) if len(matrix) else np.zeros(0)

    def of_frame(self, frame: FeatureFrame) -> np.ndarray:
        """Probabilities of rows whose features include the model's, shape (n,)."""
        catalog = self.encoder.catalog
        own = FeatureFrame(frame.frame[catalog.names], catalog, frame.observed_late)
        return self.of_matrix(self.encoder.encode(own))

    def of_values(self, rows: Sequence[Mapping[str, object]]) -> np.ndarray:
        """Probabilities of rows given as plain values by feature name; what is not given is missing, shape (n,)."""
        names = self.encoder.catalog.by_name
        encoded = [self.encoder.encode_one({k: v for k, v in row.items() if k in names}) for row in rows]
        return self.of_matrix(np.vstack(encoded)) if encoded else np.zeros(0)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"encoder": self.encoder.to_json(), "component": self.component.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> WinModel:
        """The inverse of `to_json`, with the bundle's whole catalog."""
        return cls(Encoder.from_json(document["encoder"], catalog), Component.from_json(document["component"]))


def fit_win(encoder: Encoder, rows: Rows, only: str | None = None, seed: int = 0) -> WinModel:
    """Choose and calibrate inside these deals, in folds of other accounts; `only` fixes the learner."""
    found = train(rows, None, "base_rate" if encoder.width == 0 else only, seed)
    component = Component(
        learner=found.learner,
        calibration=found.calibration,
        size=1.0,
        learner_name=found.candidate.name,
        n_rows=len(rows.outcome),
        n_accounts=rows.n_accounts,
        n_events=rows.n_events,
        base_rate=float(np.average(rows.outcome, weights=rows.weight)),
        losses=found.losses,
    )
    return WinModel(encoder, component)

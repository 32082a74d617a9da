"""The fitted win model: the probability that a prospect with these fit features is won once a deal is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import FeatureCatalog, FeatureFrame
from leap.models.composition import Component
from leap.models.encoding import Encoder
from leap.models.selection import train
from leap.wins.frame import Training
from leap.wins.unknown import filled


@dataclass(frozen=True)
class WinModel:
    """A calibrated learner over encoded fit features; what is missing of a company is taken as `usual`."""

    encoder: Encoder
    component: Component
    usual: Mapping[str, float | str]

    def of_frame(self, frame: FeatureFrame) -> np.ndarray:
        """Probabilities of rows whose features include the model's, shape (n,)."""
        catalog = self.encoder.catalog
        own = FeatureFrame(frame.frame[catalog.names], catalog, frame.observed_late)
        return self._of_matrix(self.encoder.encode(filled(own, self.usual)))

    def of_values(self, rows: Sequence[Mapping[str, object]]) -> np.ndarray:
        """Probabilities of rows given as plain values by feature name; what is not given is missing, shape (n,)."""
        encoded = [self.encoder.encode_one(self._given(row)) for row in rows]
        return self._of_matrix(np.vstack(encoded)) if encoded else np.zeros(0)

    def _given(self, row: Mapping[str, object]) -> dict[str, object]:
        given = {name: row[name] for name in self.encoder.catalog.names if row.get(name) not in (None, "")}
        return {**self.usual, **given}

    def _of_matrix(self, matrix: np.ndarray) -> np.ndarray:
        return self.component.probability(matrix) if len(matrix) else np.zeros(0)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"encoder": self.encoder.to_json(), "component": self.component.to_json(), "usual": dict(self.usual)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> WinModel:
        """The inverse of `to_json`, with the bundle's whole catalog."""
        encoder = Encoder.from_json(document["encoder"], catalog)
        return cls(encoder, Component.from_json(document["component"]), dict(document["usual"]))


def fit_win(training: Training, only: str | None = None, seed: int = 0) -> WinModel:
    """Choose and calibrate inside these deals, in folds of other accounts; `only` fixes the learner."""
    rows = training.rows
    found = train(rows, None, "base_rate" if training.encoder.width == 0 else only, seed)
    return WinModel(training.encoder, Component.of(rows, found), training.usual)

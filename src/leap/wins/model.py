"""The fitted win model: the probability that a prospect with these fit features is won once a deal is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import FeatureCatalog, FeatureFrame
from leap.models.composition import Component
from leap.models.encoding import Encoder
from leap.models.plain_values import Values, missing_texts
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
        own = [{name: row[name] for name in self.encoder.catalog.names if name in row} for row in rows]
        return self.of_plain(self.encoder.reader.read(own))

    def of_plain(self, values: Values) -> np.ndarray:
        """The same of values that were read already, of features which include the model's."""
        usual = np.array([self.usual.get(name, np.nan) for name in values.numbers_of], dtype=float)
        numbers = np.where(np.isnan(values.numbers), usual, values.numbers)
        texts = {name: values.columns[name] for name, found in self.usual.items() if isinstance(found, str)}
        filled = {name: np.where(missing_texts(column), self.usual[name], column) for name, column in texts.items()}
        return self._of_matrix(
            self.encoder.encode_values(Values(values.numbers_of, numbers, {**values.columns, **filled}))
        )

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

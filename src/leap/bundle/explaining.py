"""What computes the contributions of a bundle's models here, proven on its golden rows and ready to answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.bundle.flat_bundle import FlatBundle
from leap.bundle.model_bundle import ModelBundle
from leap.models.composition import COMPONENTS, Component
from leap.models.encoding import Encoder
from leap.models.engines import KERNEL, LIGHTGBM


@dataclass(frozen=True)
class Explaining:
    """`reasons` says by model why LightGBM computes its contributions where the exact kernel does not."""

    reasons: Mapping[str, str]

    @property
    def engine(self) -> str:
        """The slowest of those in use."""
        return LIGHTGBM if self.reasons else KERNEL


def ready_to_explain(bundle: ModelBundle | FlatBundle) -> Explaining:
    """Choose what computes the contributions of every model, compile or load it and make its tables: once, before any
    answer is waited for.

    The kernel must give LightGBM's numbers on the golden rows and on rows made of each model's own thresholds.
    """
    found = {}
    for where, component, encoder, rows in _parts(bundle):
        encoded = _Encoded(encoder, rows)
        for part, trees in component.explained_trees().items():
            name = f"{where} {part}".strip()
            found[name] = trees.engine(f"the model {name}", encoded.matrix).reason
    return Explaining({name: reason for name, reason in found.items() if reason})


def _parts(bundle: ModelBundle | FlatBundle) -> Iterator[tuple[str, Component, Encoder, Sequence[Mapping[str, Any]]]]:
    if isinstance(bundle, FlatBundle):
        yield "flat outcome", bundle.model.component, bundle.model.encoder, bundle.golden["rows"]
        return
    for scope, model in (("health", bundle.health), ("fit", bundle.fit)):
        for name in COMPONENTS:
            yield f"{scope} {name}", model.component(name), model.encoder, bundle.golden[scope]["rows"]


@dataclass(frozen=True)
class _Encoded:
    encoder: Encoder
    rows: Sequence[Mapping[str, Any]]

    def matrix(self) -> np.ndarray:
        """The rows as models read them, shape (n, width)."""
        return np.vstack([np.zeros((0, self.encoder.width)), *(self.encoder.encode_one(row) for row in self.rows)])

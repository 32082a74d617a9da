"""Boosted trees: LightGBM with regularised settings, kept as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import lightgbm

    from leap.models.learners import Task


@dataclass(frozen=True)
class Boosted:
    """LightGBM trees, kept as their text; scored with one thread, since two collapse on a busy machine."""

    text: str
    base: float
    kind: str = "boosted"
    _loaded: list[lightgbm.Booster] = field(default_factory=list, compare=False, repr=False)

    @property
    def booster(self) -> lightgbm.Booster:
        """The loaded model. The text must have been verified: LightGBM's parser crashes on damaged ones."""
        if not self._loaded:
            import lightgbm

            self._loaded.append(lightgbm.Booster(model_str=self.text))
        return self._loaded[0]

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Margins, shape (n,)."""
        return np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=1))

    def contributions(self, matrix: np.ndarray) -> np.ndarray:
        """TreeSHAP values, shape (n, width)."""
        if not len(matrix):
            return np.zeros(matrix.shape)
        return np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=1))[:, :-1]

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle; the text goes to a file of its own."""
        return {"kind": self.kind, "base": self.base, "text": self.text}


def fit_boosted(
    matrix: np.ndarray,
    outcome: np.ndarray,
    weight: np.ndarray,
    task: Task,
    parameters: Mapping[str, Any],
    rounds: int,
    rows_per_account: float,
    seed: int = 0,
) -> lightgbm.Booster:
    """Regularised trees; a leaf holds so many *accounts'* rows, since monthly snapshots repeat an account."""
    import lightgbm

    options = dict(parameters)
    leaf_accounts = float(options.pop("leaf_accounts", 15))
    options |= {
        "objective": "binary" if task == "binary" else "regression",
        "min_data_in_leaf": max(5, int(leaf_accounts * rows_per_account)),
        "max_depth": 6,
        "max_bin": 63,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        "seed": seed,
        "num_threads": 1,
    }
    data = lightgbm.Dataset(matrix, outcome, weight=weight, free_raw_data=False, params={"verbosity": -1})
    return lightgbm.train(options, data, num_boost_round=rounds)


def boosted_of(booster: lightgbm.Booster, matrix: np.ndarray, rounds: int) -> Boosted:
    """The first trees of a booster as a learner; its base is the expected margin that TreeSHAP starts from."""
    text = booster.model_to_string(num_iteration=rounds)
    learner = Boosted(text, 0.0)
    base = np.asarray(learner.booster.predict(matrix[:1], pred_contrib=True, num_threads=1))[0, -1]
    return Boosted(text, float(base))

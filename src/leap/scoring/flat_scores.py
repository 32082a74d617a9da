"""Scores of the rows of a flat table, with reasons that add up; `to_json(i)` is the only form of a single score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.flat_bundle import FlatBundle
from leap.errors import CatalogError
from leap.explanation import wording
from leap.features import Feature
from leap.flat.rows import FlatRows, feature_frame
from leap.scoring.table import REASONS_IN_FILE, plain

NOTHING_KNOWN = "nothing_known"


@dataclass(frozen=True)
class FlatScores:
    """Scores of rows, all computed at once. A row of which no feature is known has no score."""

    bundle: FlatBundle
    version: str
    which: str
    keys: Sequence[str]
    as_of: Sequence[str]
    columns: Mapping[str, np.ndarray]
    matrix: np.ndarray

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def prediction(self) -> np.ndarray:
        """Probabilities or numbers, shape (n,)."""
        return self.bundle.model.predict(self.matrix)

    @cached_property
    def attribution(self) -> tuple[np.ndarray, float]:
        """Contributions by feature, shape (n, n_features), and the base: a row plus the base is the prediction."""
        return self.bundle.model.attribute(self.matrix)

    @cached_property
    def _unknown(self) -> np.ndarray:
        missing = [pd.isna(column) for column in self.columns.values()]
        return np.all(missing, axis=0) if missing else np.ones(len(self), dtype=bool)

    @property
    def abstentions(self) -> int:
        """Rows without a score."""
        return int(self._unknown.sum())

    def abstained(self, i: int) -> str | None:
        """Why there is no score, or None."""
        return NOTHING_KNOWN if self._unknown[i] else None

    def reasons(self, i: int, top: int) -> list[dict[str, Any]]:
        """The largest contributions first; all of them with `top` 0."""
        points = self.attribution[0][i]
        order = [int(j) for j in np.argsort(-np.abs(points), kind="stable") if points[j] != 0.0]
        features = self.bundle.model.encoder.catalog.features
        return [self._reason(i, features[j], float(points[j])) for j in (order[:top] if top else order)]

    def _reason(self, i: int, feature: Feature, points: float) -> dict[str, Any]:
        outcome, peers, name = self.bundle.outcome, self.bundle.peers, feature.name
        value, usual, share = plain(self.columns[name][i]), peers.typical(name, None), peers.share(name, None)
        return {
            "feature": feature.name,
            "label": feature.label,
            "value": bool(value) if feature.kind == "boolean" and value is not None else value,
            "phrase": wording.outcome_phrase(
                feature, value, usual, points, outcome.words, binary=outcome.is_binary, share=share
            ),
            "scope": str(feature.scope),
            "probability_points" if outcome.is_binary else "points": points,
            "direction": "lowers" if points < 0 else "raises",
            "actionable": feature.actionable,
        }

    def to_json(self, i: int, top: int = 5) -> dict[str, Any]:
        """One score. Base, listed reasons and residual add up to the point."""
        key, points = self.bundle.outcome.key, "probability_points" if self.bundle.outcome.is_binary else "points"
        abstained, base = self.abstained(i), self.attribution[1]
        point = None if abstained else float(self.prediction[i])
        reasons = [] if abstained else self.reasons(i, top)
        return {
            "account_id": self.keys[i],
            "as_of": self.as_of[i] or None,
            key: point,
            "reasons": reasons,
            "base": {key: base},
            "residual": None if point is None else point - base - sum(reason[points] for reason in reasons),
            "abstained": abstained,
        }

    def header(self) -> dict[str, Any]:
        """What stands before a single score."""
        return {
            "model": {"name": self.bundle.name, "version": self.version, "trained_on": self.bundle.trained_on},
            "definition_hash": self.bundle.definition_hash,
            "outcome": self.bundle.outcome.column,
        }

    def highest(self, count: int = 10) -> list[int]:
        """Positions of the highest scores, highest first."""
        order = np.argsort(np.where(self._unknown, np.inf, -self.prediction), kind="stable")
        return [int(i) for i in order[:count] if not self._unknown[i]]

    def frame(self) -> pd.DataFrame:
        """The columns of a score file."""
        phrases = [
            [] if self._unknown[i] else [reason["phrase"] for reason in self.reasons(i, REASONS_IN_FILE)]
            for i in range(len(self))
        ]
        columns: dict[str, Any] = {
            "account_id": list(self.keys),
            "as_of": list(self.as_of),
            self.bundle.outcome.key: np.where(self._unknown, np.nan, self.prediction),
            **{
                f"reason_{k + 1}": [phrase[k] if k < len(phrase) else "" for phrase in phrases]
                for k in range(REASONS_IN_FILE)
            },
            "abstained": [self.abstained(i) or "" for i in range(len(self))],
            "model_version": self.version,
            "definition_hash": self.bundle.definition_hash,
        }
        return pd.DataFrame(columns)


def score_rows(bundle: FlatBundle, version: str, rows: FlatRows, which: str = "asked") -> FlatScores:
    """Scores of these rows; CatalogError if the table is not the one the model knows."""
    if rows.outcome_of != bundle.outcome:
        raise CatalogError(
            f"{rows.table.name}: the outcome is {rows.outcome_of.words} ({rows.outcome_of.kind}); the model of "
            f"{bundle.company} predicts {bundle.outcome.words} ({bundle.outcome.kind}).",
            remedy="Score a workspace with the same outcome, or train a model for this one.",
        )
    frame = feature_frame(rows, bundle.catalog)
    return FlatScores(
        bundle=bundle,
        version=version,
        which=which,
        keys=[str(key) for key in rows.keys],
        as_of=rows.as_of(),
        columns={name: frame.frame[name].to_numpy() for name in frame.catalog.names},
        matrix=bundle.model.encoder.encode(frame),
    )

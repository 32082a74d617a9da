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
from leap.flat.model import FlatAttribution
from leap.flat.rows import FlatRows, feature_frame
from leap.scoring.reasons import REASONS_IN_FILE, Layout, Reason, Reasons, residual

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
    def attribution(self) -> FlatAttribution:
        """Contributions by encoded column: a row plus the base is the prediction, in every unit."""
        return self.bundle.model.explained(self.matrix)

    @property
    def _unit(self) -> str:
        return "probability_points" if self.bundle.outcome.is_binary else "points"

    @cached_property
    def _reasons(self) -> Reasons:
        catalog = self.bundle.model.encoder.catalog
        return Reasons(self._unit, Layout(catalog.features, self.bundle.groups), self.columns, self._points)

    def _points(self, rows: Sequence[int]) -> np.ndarray:
        """What every feature adds to rows, shape (rows, units, n_features): points, and of a probability the margin."""
        own = self.attribution
        of_columns = [own.points[rows]] if own.margin is None else [own.points[rows], own.margin[rows]]
        return self.bundle.model.encoder.by_feature(np.stack(of_columns, axis=1)) + 0.0

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
        """The largest groups of features first; with `top` 0 all features, each on its own."""
        found = self._reasons.grouped(i, top) if top else self._reasons.each(i)
        return [self._reason(i, reason) for reason in found]

    def _phrase(self, reason: Reason) -> str:
        outcome, peers, name = self.bundle.outcome, self.bundle.peers, reason.feature.name
        return wording.outcome_phrase(
            reason.feature, reason.value, peers.typical(name, None), reason.points[0], outcome.words,
            binary=outcome.is_binary, share=peers.share(name, None), related=max(0, len(reason.members) - 1),
        )  # fmt: skip

    def _reason(self, i: int, reason: Reason) -> dict[str, Any]:
        units = (self._unit, "margin") if self.bundle.outcome.is_binary else (self._unit,)
        return self._reasons.to_json(i, reason, self._phrase(reason), dict(zip(units, reason.points, strict=True)))

    def to_json(self, i: int, top: int = 5) -> dict[str, Any]:
        """One score. Base, listed reasons and residual add up to the point, in every unit."""
        key, abstained, own = self.bundle.outcome.key, self.abstained(i), self.attribution
        point = None if abstained else float(self.prediction[i])
        reasons = [] if abstained else self.reasons(i, top)
        base = {key: None if abstained else own.base}
        document = {
            "account_id": self.keys[i],
            "as_of": self.as_of[i] or None,
            key: point,
            "reasons": reasons,
            "base": base,
            "residual": residual(point, own.base, reasons, self._unit),
            "abstained": abstained,
        }
        if own.margin is None or own.base_margin is None:
            return document
        margin = None if abstained else own.base_margin + float(own.margin[i].sum())
        return {
            **document,
            "margin": margin,
            "base": {**base, "margin": None if abstained else own.base_margin},
            "residuals": {"margin": residual(margin, own.base_margin, reasons, "margin")},
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
        found = enumerate(self._reasons.of_rows(range(len(self)), REASONS_IN_FILE))
        phrases = [[] if self._unknown[i] else [self._phrase(reason) for reason in reasons] for i, reasons in found]
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

"""Drivers of a model: features grouped with those that say the same, their share, direction and stability over
folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import Feature, FeatureFrame, Scope
from leap.models.composition import ScopeModel

_SAME = 0.8
_MIN_SHARE = 0.01


@dataclass(frozen=True)
class Driver:
    """A group of features: its share of all movement of NRR, and whether its direction holds over folds.

    `direction` is "raises" or "lowers" (NRR with a larger value), "mixed" for groups, categories or bends.
    `stable` is false for "do not act yet".
    """

    group: str
    features: tuple[str, ...]
    label: str
    share: float
    direction: str
    stable: bool
    scope: str
    actionable: bool

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `train`."""
        return {**self.__dict__, "features": list(self.features)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Driver:
        """The inverse of `to_json`."""
        return cls(**{**document, "features": tuple(document["features"])})


def drivers(model: ScopeModel, fold_models: Sequence[ScopeModel], frame: FeatureFrame) -> list[Driver]:
    """Drivers by mean absolute contribution to NRR over the rows of a frame, largest first."""
    matrix = model.encoder.encode(frame)
    return drivers_of(_by_feature(model, matrix), [_by_feature(fold, matrix) for fold in fold_models], frame)


def drivers_of(contributions: np.ndarray, over_folds: Sequence[np.ndarray], frame: FeatureFrame) -> list[Driver]:
    """Drivers from contributions by feature, shape (n, n_features), of the model and of every fold's model."""
    strength = np.abs(contributions).mean(axis=0)
    total = strength.sum()
    if total <= 0:
        return []
    features = frame.catalog.features
    groups = _groups(features, frame, strength)
    found = []
    for members in groups:
        share = float(strength[members].sum() / total)
        if share < _MIN_SHARE:
            continue
        ranked = sorted(members, key=lambda m: -strength[m])
        leading = features[ranked[0]]
        values = frame.frame[leading.name]
        sign = _sign(leading, values.to_numpy(), contributions[:, members].sum(axis=1))
        signs = [_sign(leading, values.to_numpy(), fold[:, members].sum(axis=1)) for fold in over_folds]
        agreeing = sum(1 for s in signs if s == sign and s != 0)
        shares = [
            np.abs(fold[:, members]).mean(axis=0).sum() / max(np.abs(fold).mean(axis=0).sum(), 1e-12)
            for fold in over_folds
        ]
        holds = bool(signs) and agreeing >= 0.75 * len(signs) and float(np.median(shares)) > share / 4
        found.append(
            Driver(
                group=leading.group,
                features=tuple(features[m].name for m in ranked),
                label=leading.label,
                share=share,
                direction={1: "raises", -1: "lowers"}.get(sign, "mixed"),
                stable=holds if leading.kind != "category" else bool(signs) and float(np.median(shares)) > share / 4,
                scope=str(leading.scope),
                actionable=leading.actionable,
            )
        )
    return sorted(found, key=lambda d: (-d.share, d.group))


def fit_driver_order(model: ScopeModel, matrix: np.ndarray) -> list[tuple[Feature, float]]:
    """Fit features by mean absolute SHAP contribution to NRR, largest first; those without any are left out."""
    strength = np.abs(_by_feature(model, matrix)).mean(axis=0)
    ranked = sorted(
        zip(model.encoder.catalog.features, strength, strict=True), key=lambda item: (-item[1], item[0].name)
    )
    return [(f, float(s)) for f, s in ranked if s > 1e-9 and f.scope == Scope.FIT]


def _by_feature(model: ScopeModel, matrix: np.ndarray) -> np.ndarray:
    return model.encoder.by_feature(model.attribute(matrix).nrr)


def _sign(feature: Feature, values: np.ndarray, contribution: np.ndarray) -> int:
    if feature.kind == "category":
        return 0
    number = values.astype(float)
    present = ~np.isnan(number)
    if present.sum() < 10 or number[present].std() < 1e-12 or contribution[present].std() < 1e-12:
        return 0
    # Ranks: a long tail must not decide the direction.
    ranks = np.argsort(np.argsort(number[present], kind="stable"), kind="stable")
    order = np.corrcoef(ranks, contribution[present])[0, 1]
    return int(np.sign(order)) if abs(order) > 0.1 else 0


def _groups(features: Sequence[Feature], frame: FeatureFrame, strength: np.ndarray) -> list[list[int]]:
    """Features of one family, and features whose ranks correlate by at least 0.8, are one driver."""
    parent = list(range(len(features)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    by_group: dict[tuple[str, str], int] = {}
    for i, feature in enumerate(features):
        key = (feature.recipe.table, feature.group)
        parent[root(i)] = root(by_group.setdefault(key, i))
    moving = [i for i, f in enumerate(features) if strength[i] > 0 and f.kind == "number"]
    for a, b in _same_ranks([features[i] for i in moving], frame):
        parent[root(moving[a])] = root(moving[b])
    members: dict[int, list[int]] = {}
    for i in range(len(features)):
        members.setdefault(root(i), []).append(i)
    return list(members.values())


def _same_ranks(features: Sequence[Feature], frame: FeatureFrame) -> list[tuple[int, int]]:
    """Pairs of number features of one scope whose ranks correlate by at least 0.8 where both are known."""
    if len(features) < 2:
        return []
    correlation = frame.frame[[f.name for f in features]].astype(float).corr(method="spearman", min_periods=20)
    same = np.abs(correlation.to_numpy()) >= _SAME
    pairs = zip(*np.nonzero(np.triu(same, 1)), strict=True)
    return [(int(a), int(b)) for a, b in pairs if features[a].scope == features[b].scope]

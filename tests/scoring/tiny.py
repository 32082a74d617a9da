"""Learners of every kind, small enough that their contributions can be counted out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leap.models.calibration import Calibration
from leap.models.composition import Component, ScopeModel, Sizing
from leap.models.labels import TrainingRows
from leap.models.learners import (
    Blend,
    Boosted,
    Learner,
    Linear,
    Task,
    boosted_of,
    fit_base_rate,
    fit_boosted,
    fit_linear,
)

KINDS = ("base_rate", "linear", "boosted", "blend")
_TREES = {"num_leaves": 6, "learning_rate": 0.4, "leaf_accounts": 4}
_ROUNDS = 4


def tiny(kind: str, matrix: np.ndarray, outcome: np.ndarray, task: Task) -> Learner:
    """A learner of a kind fitted on these rows."""
    weight = np.ones(len(outcome))
    if kind == "base_rate":
        return fit_base_rate(outcome, weight, task)
    if kind == "linear":
        return linear(matrix, outcome, task)
    trees = boosted(matrix, outcome, task)
    return trees if kind == "boosted" else Blend(linear(matrix, outcome, task), trees, (0.6, 0.7))


def linear(matrix: np.ndarray, outcome: np.ndarray, task: Task) -> Linear:
    return fit_linear(matrix, outcome, np.ones(len(outcome)), task, [0.01])[0]


def boosted(matrix: np.ndarray, outcome: np.ndarray, task: Task) -> Boosted:
    booster = fit_boosted(matrix, outcome, np.ones(len(outcome)), task, _TREES, _ROUNDS, 1.0)
    return boosted_of(booster, matrix, _ROUNDS)


def tiny_scope(model: ScopeModel, rows: TrainingRows, kind: str, *, sized: bool) -> ScopeModel:
    """A model whose three parts are of one kind; `sized` where the size of a change depends on the account too."""
    parts = {name: _component(model.component(name), rows, name, kind, sized) for name in ("contraction", "expansion")}
    churn = replace(model.churn, learner=tiny(kind, rows.matrix, (~rows.labels.retained).astype(float), "binary"))
    return replace(model, churn=replace(churn, calibration=Calibration(1.2, -0.1)), **parts)


def _component(own: Component, rows: TrainingRows, name: str, kind: str, sized: bool) -> Component:
    happened = rows.labels.propensity(name)
    learner = tiny(kind, rows.matrix, happened, "binary")
    sizing = None
    if sized:
        margin = np.log(np.maximum(rows.labels.amount(name), 0.02))
        of_size = tiny("linear" if kind == "base_rate" else kind, rows.matrix, margin, "ratio")
        sizing = Sizing("share" if name == "contraction" else "factor", of_size, 0.3)
    return replace(own, learner=learner, calibration=Calibration(0.8, 0.3), size=0.2, sizing=sizing)

"""A model fitted again with accounts that count otherwise: how far what it says depends on who happened to be there.

The Bayesian bootstrap (Rubin 1981): every account's rows count by one draw of an exponential distribution. What was
chosen stays chosen (learner, settings, slope, sizes); only what the learner makes of the columns is found again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from leap.models.calibration import Calibration
from leap.models.composition import COMPONENTS, Component, ScopeModel
from leap.models.labels import TrainingRows
from leap.models.learners import BaseRate
from leap.models.selection import Candidate, Rows, fitted, thinned

DRAWS = 20


def refitted_scopes(model: ScopeModel, rows: TrainingRows, draws: int = DRAWS, seed: int = 0) -> Iterator[ScopeModel]:
    """The model with its components fitted again, once a draw; an account counts alike in all of a draw's components.

    Of many rows the dates are thinned as they are for a choice of learners.
    """
    rows = rows.binned()
    moving = [name for name in COMPONENTS if not isinstance(model.component(name).learner, BaseRate)]
    parts = {name: thinned(rows.of(name)) for name in moving}
    accounts = np.unique(rows.accounts)
    for draw in range(draws):
        times = _times(len(accounts), draw, seed)
        found: dict[str, Any] = {
            name: refitted(model.component(name), part, times[np.searchsorted(accounts, part.accounts)], seed)
            for name, part in parts.items()
        }
        yield replace(model, **found)


def refitted_components(component: Component, rows: Rows, draws: int = DRAWS, seed: int = 0) -> Iterator[Component]:
    """One component fitted again, once a draw."""
    rows = thinned(rows.binned())
    accounts, code = np.unique(rows.accounts, return_inverse=True)
    for draw in range(draws):
        yield refitted(component, rows, _times(len(accounts), draw, seed)[code], seed)


def refitted(component: Component, rows: Rows, times: np.ndarray, seed: int = 0) -> Component:
    """The component's chosen learner on rows that count so many times, shape (n,); its level at the base stays."""
    if isinstance(component.learner, BaseRate):
        return component
    if len(np.unique(rows.outcome)) < 2:
        return replace(component, learner=BaseRate(component.learner.base))
    learner = fitted(replace(rows, weight=rows.weight * times), _candidate(component), seed)
    if rows.task != "binary":
        return replace(component, learner=learner)
    slope = component.calibration.slope
    intercept = component.calibration.intercept + slope * (component.learner.base - learner.base)
    return replace(component, learner=learner, calibration=Calibration(slope, intercept))


def _times(accounts: int, draw: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, draw]).exponential(size=accounts)


def _candidate(component: Component) -> Candidate:
    own = dict(component.settings)
    penalty, rounds, weights = own.pop("penalty", 0.0), own.pop("rounds", 0), own.pop("weights", (0.0, 0.0))
    return Candidate(
        component.learner_name, 0, penalty, int(rounds), tuple(sorted(own.items())), (weights[0], weights[1])
    )

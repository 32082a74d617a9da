"""Drivers of a final model with all that can be said of them: refits to other draws of the accounts, and held-out rows.

Where an account had changed before, the model of a fold may know that very account, and whatever else is true of it
would seem to help later. So contraction and expansion, and the outcomes of dated flat tables, are tried on accounts
that the refit has not seen, at a later time. Whoever left is not there later: for churn the folds' own models serve.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from leap.evaluation import OutOfTime
from leap.explanation.drivers import Driver, drivers, drivers_of, moving_components, spread_rows
from leap.explanation.groups import Groups
from leap.explanation.later import Tried
from leap.flat.frame import FlatFrame, part
from leap.flat.judging import HeldOut
from leap.flat.model import FlatModel
from leap.models.composition import Component, ScopeModel
from leap.models.frames import ScopeFrame
from leap.models.refits import refitted, refitted_components, refitted_scopes
from leap.models.rows import Rows, thinned, thinned_dates
from leap.splits import dealt

_PARTS = 4


def scope_drivers(
    frame: ScopeFrame, model: ScopeModel, found: OutOfTime, groups: Groups, seed: int = 0
) -> tuple[Driver, ...]:
    """Drivers of the NRR of one scope's final model."""
    draws = refitted_scopes(model, frame.trainable, seed=seed)
    tried = list(_tried(frame, model, found, seed))
    return tuple(drivers(model, found.models, frame.latest(), groups, draws, tried))


def flat_drivers(
    frame: FlatFrame, model: FlatModel, found: HeldOut, groups: Groups, seed: int = 0
) -> tuple[Driver, ...]:
    """Drivers of a flat table's outcome."""
    latest, in_time = frame.latest(), frame.held == "out_of_time"
    matrix = model.encoder.encode(latest)
    sample = matrix[spread_rows(len(matrix))]
    draws = [
        FlatModel(model.outcome, model.encoder, one).attribute(sample)[0]
        for one in refitted_components(model.component, frame.rows, seed=seed)
    ]
    tried: list[Tried] = []
    for number, fold in enumerate(found.models):
        test = frame.rows.where(np.isin(np.arange(len(frame.rows.outcome)), found.rows[found.fold == number]))
        past = part(frame.rows, frame.folds[number].train)
        tried += _crossed(fold.component, past, test, seed) if in_time else [_as_it_is(fold.component, test)]
    return tuple(
        drivers_of(
            model.attribute(matrix)[0], [fold.attribute(sample)[0] for fold in found.models], latest, model.encoder,
            groups, draws=draws, tried=tried, where="later rows" if in_time else "other accounts", in_time=in_time,
        )
    )  # fmt: skip


def _tried(frame: ScopeFrame, model: ScopeModel, found: OutOfTime, seed: int) -> Iterator[Tried]:
    """What the folds' models say of rows they have not seen, but for those whose end was known already."""
    moving = moving_components(model)
    asked = np.zeros(len(frame.rows.as_of), dtype=bool)
    asked[found.rows[~found.leaving]] = True
    asked[asked] = thinned_dates(frame.rows.as_of[asked])
    for fold, fold_model in zip(frame.folds, found.models, strict=True):
        past = frame.rows.where(fold.train).binned()
        later = frame.rows.where(fold.test & asked)
        for name in moving:
            component = fold_model.component(name)
            if name == "churn":
                yield _as_it_is(component, later.of(name))
            elif component.learner.kind != "base_rate":
                yield from _crossed(component, past.of(name), later.of(name), seed)


def _as_it_is(component: Component, test: Rows) -> Tried:
    return Tried(component, test.matrix, test.outcome, test.accounts, test.task == "binary")


def _crossed(component: Component, past: Rows, test: Rows, seed: int) -> Iterator[Tried]:
    """Each part of the accounts, tried by a refit to the past of the others."""
    past = thinned(past)
    own, asked = dealt(past.accounts, _PARTS), dealt(test.accounts, _PARTS)
    for number in range(_PARTS):
        others = past.where(own != number)
        if len(others.outcome):
            refit = refitted(component, others, np.ones(len(others.outcome)), seed)
            yield _as_it_is(refit, test.where(asked == number))

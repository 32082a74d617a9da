"""Refits to other draws of the accounts: the same for the same data, alike for all rows of an account, no new choice."""

from __future__ import annotations

import numpy as np
import pytest

from leap.models.composition import COMPONENTS, Component
from leap.models.learners import BaseRate
from leap.models.refits import refitted, refitted_components, refitted_scopes
from leap.models.selection import train
from tests.explanation.driven import company, fit

WORLD = company(200, seed=1, noise=1)
MATRIX = WORLD.rows.matrix[:50]


@pytest.fixture(scope="module", params=["linear", "boosted"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_draws_differ_and_are_the_same_for_the_same_data(kind: str):
    model = fit(WORLD, kind)
    once, again = ([draw.predict(MATRIX).nrr for draw in refitted_scopes(model, WORLD.rows, draws=3)] for _ in range(2))
    assert all((one == other).all() for one, other in zip(once, again, strict=True))
    assert not np.allclose(once[0], once[1])


def test_what_was_chosen_stays_chosen(kind: str):
    model = fit(WORLD, kind)
    (draw,) = refitted_scopes(model, WORLD.rows, draws=1)
    for name in COMPONENTS:
        own, other = model.component(name), draw.component(name)
        assert (own.learner_name, own.settings, own.calibration.slope) == (
            other.learner_name,
            other.settings,
            other.calibration.slope,
        )
        at_base = [one.calibration.slope * one.learner.base + one.calibration.intercept for one in (own, other)]
        assert at_base[0] == pytest.approx(at_base[1])


def test_rows_that_count_once_give_the_model_itself(kind: str):
    rows = WORLD.rows.binned().of("churn")
    component = Component.of(rows, train(rows, only=kind))
    again = refitted(component, rows, np.ones(len(rows.outcome)))
    assert again.learner.margin(MATRIX) == pytest.approx(component.learner.margin(MATRIX), abs=1e-9)


def test_a_base_rate_and_an_outcome_that_never_happens_move_nothing():
    rows = WORLD.rows.of("churn")
    blank = Component.of(rows, train(rows, only="base_rate"))
    assert all(isinstance(draw.learner, BaseRate) for draw in refitted_components(blank, rows, draws=2))
    line = Component.of(rows, train(rows, only="linear"))
    never = rows.where(rows.outcome == 0)
    assert isinstance(refitted(line, never, np.ones(len(never.outcome))).learner, BaseRate)

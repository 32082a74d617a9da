"""Whether a group helped on held-out rows: gains by hand, scores that point right or wrong, and false discoveries."""

from __future__ import annotations

import numpy as np
import pytest

from leap.explanation.later import Tried, false_discovery_rates, helped
from leap.models.calibration import Calibration
from leap.models.composition import Component
from leap.models.learners import BaseRate, Learner, Linear

BOTH = np.array([True, True])
COLUMNS = np.array([0, 1])


def component(learner: Learner) -> Component:
    return Component(learner, Calibration(), 1.0, learner.kind, 0, 0, 0, 0.5, {})


def line(*coefficients: float) -> Linear:
    zero, one = np.zeros(len(coefficients)), np.ones(len(coefficients))
    return Linear(0.0, zero, zero, one, zero, np.array(coefficients), zero, zero)


def test_a_gain_is_the_loss_without_a_group_less_the_loss_with_it_worked_by_hand():
    """Two accounts at 1 and -1, of which the first leaves: the level stays 0, and log(2) - log(1 + exp(-1)) is won."""
    matrix = np.array([[1.0, 0.0], [-1.0, 0.0]])
    found = helped([Tried(component(line(1.0, 5.0)), matrix, np.array([1.0, 0.0]), np.arange(2))], COLUMNS, 2, BOTH)
    assert found is not None
    assert found.gain == pytest.approx([np.log(2) - np.log1p(np.exp(-1)), 0.0])
    assert found.z[1] == 0.0


def test_a_gain_of_a_number_is_in_parts_of_half_its_variance():
    matrix = np.array([[1.0, 0.0], [-1.0, 0.0]])
    one = Tried(component(line(1.0, 0.0)), matrix, np.array([7.0, 5.0]), np.arange(2), happens=False)
    found = helped([one], COLUMNS, 2, BOTH)
    assert found is not None
    assert found.gain == pytest.approx([0.5, 0.0])


def world(seed: int, effect: float, accounts: int = 300, rows: int = 4) -> Tried:
    """A model that says the first column matters and the second too, of which only the first is true."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(accounts, 2)), rows, axis=0)
    outcome = (rng.random(len(x)) < 1 / (1 + np.exp(2 - effect * x[:, 0]))).astype(float)
    return Tried(component(line(1.0, 0.5)), x, outcome, np.repeat(np.arange(accounts), rows))


def test_what_is_true_helps_and_what_is_not_does_not():
    found = helped([world(1, 1.0)], COLUMNS, 2, BOTH)
    assert found is not None
    assert found.gain[0] > 0 > found.gain[1]
    assert found.z[0] > 4 and found.q[0] < 0.001
    assert found.q[1] > 0.1
    assert found.whole_z > 4


def test_an_effect_that_turned_round_points_wrong():
    found = helped([world(2, -1.0)], COLUMNS, 2, BOTH)
    assert found is not None
    assert found.gain[0] < 0
    assert found.z[0] < -4 and found.q[0] > 0.99


def test_the_rows_of_an_account_count_as_one():
    once, often = (helped([world(3, 0.6, rows=rows)], COLUMNS, 2, BOTH) for rows in (1, 1))
    one = world(3, 0.6, rows=1)
    copied = Tried(*(np.repeat(part, 9, axis=0) if isinstance(part, np.ndarray) else part for part in
                     (one.component, one.matrix, one.outcome, one.accounts)))  # fmt: skip
    often = helped([copied], COLUMNS, 2, BOTH)
    assert once is not None and often is not None
    assert often.z == pytest.approx(once.z)
    assert often.gain == pytest.approx(once.gain)


def test_another_level_than_the_model_expected_changes_nothing():
    one = world(4, 0.8)
    other = Tried(component(Linear(**{**line(1.0, 0.5).__dict__, "base": 3.0})), one.matrix, one.outcome, one.accounts)
    first, second = helped([one], COLUMNS, 2, BOTH), helped([other], COLUMNS, 2, BOTH)
    assert first is not None and second is not None
    assert second.gain == pytest.approx(first.gain)
    assert second.z == pytest.approx(first.z)


def test_a_base_rate_and_no_rows_at_all_help_nobody():
    blank = Tried(component(BaseRate(0.0)), np.zeros((4, 2)), np.array([0.0, 1.0, 0.0, 1.0]), np.arange(4))
    found = helped([blank], COLUMNS, 2, BOTH)
    assert found is not None
    assert found.gain.tolist() == [0.0, 0.0] and found.z.tolist() == [0.0, 0.0]
    assert helped([], COLUMNS, 2, BOTH) is None


def test_what_is_not_looked_at_is_no_discovery():
    found = helped([world(1, 1.0)], COLUMNS, 2, np.array([False, True]))
    assert found is not None
    assert found.q[0] == 1.0


def test_false_discoveries_of_nothing_are_rare():
    """Under no effect anywhere anything is found in about as many of many tables as the rate says."""
    rng = np.random.default_rng(0)
    rates = [false_discovery_rates(rng.random(15)).min() <= 0.1 for _ in range(1000)]
    assert 0.06 < np.mean(rates) < 0.14


def test_rates_keep_the_order_of_what_they_come_from():
    p = np.random.default_rng(1).random(20)
    rates = false_discovery_rates(p)
    assert (np.diff(rates[np.argsort(p)]) >= 0).all()
    assert (rates >= p - 1e-12).all()

"""Every learner divides its margin exactly, stores itself without losing a bit, and reads missing as missing."""

import json

import numpy as np
import pytest

from leap.models.learners import (
    BaseRate,
    Learner,
    boosted_of,
    fit_base_rate,
    fit_boosted,
    fit_linear,
    learner_from_json,
)
from leap.models.selection import SMALL_TREES


def world(n: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A long-tailed column, a normal one with holes, a flag, and noise."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [rng.lognormal(3, 1.5, n), rng.normal(size=n), rng.random(n) < 0.3, rng.normal(size=n)]
    ).astype(float)
    margin = -1 + 0.8 * (np.log1p(matrix[:, 0]) - 3) - 0.7 * matrix[:, 1] + matrix[:, 2]
    matrix[rng.random(n) < 0.2, 1] = np.nan
    outcome = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(float)
    return matrix, outcome, rng.uniform(0.3, 1.0, n)


MATRIX, OUTCOME, WEIGHT = world()


def learners() -> dict[str, Learner]:
    booster = fit_boosted(MATRIX, OUTCOME, WEIGHT, "binary", SMALL_TREES, 60, 1.0)
    return {
        "base_rate": fit_base_rate(OUTCOME, WEIGHT, "binary"),
        "linear": fit_linear(MATRIX, OUTCOME, WEIGHT, "binary", [0.01])[0],
        "ridge": fit_linear(MATRIX, OUTCOME + 0.1 * MATRIX[:, 3], WEIGHT, "ratio", [0.01])[0],
        "boosted": boosted_of(booster, MATRIX, 40),
    }


LEARNERS = learners()
ODD = np.array(
    [[np.nan] * 4, [1e12, -1e12, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0], [-5.0, np.nan, 0.5, 1e-300], [3.0, np.nan, np.nan, np.nan]]
)  # fmt: skip


@pytest.mark.parametrize("name", LEARNERS)
def test_contributions_and_base_are_the_margin_on_every_row(name: str):
    learner = LEARNERS[name]
    for rows in (MATRIX, ODD):
        found = learner.base + learner.contributions(rows).sum(axis=1)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, learner.margin(rows), atol=1e-9)


@pytest.mark.parametrize("name", LEARNERS)
def test_a_stored_learner_predicts_the_same_bits(name: str):
    learner = LEARNERS[name]
    again = learner_from_json(json.loads(json.dumps(learner.to_json(), allow_nan=False)))
    for rows in (MATRIX, ODD):
        np.testing.assert_array_equal(again.margin(rows), learner.margin(rows))
        np.testing.assert_array_equal(again.contributions(rows), learner.contributions(rows))
    assert again.base == learner.base


@pytest.mark.parametrize("name", LEARNERS)
def test_a_row_does_not_depend_on_the_rows_beside_it(name: str):
    learner = LEARNERS[name]
    alone = np.concatenate([learner.margin(MATRIX[i : i + 1]) for i in range(20)])
    np.testing.assert_array_equal(alone, learner.margin(MATRIX[:20]))


def test_the_contributions_of_trees_are_those_of_lightgbm():
    learner = LEARNERS["boosted"]
    expected = learner.booster.predict(MATRIX, pred_contrib=True)  # type: ignore[attr-defined]
    np.testing.assert_allclose(learner.contributions(MATRIX), expected[:, :-1], atol=1e-6)
    assert learner.base == pytest.approx(expected[0, -1], abs=1e-9)


def test_only_the_first_trees_that_were_chosen_are_kept():
    assert LEARNERS["boosted"].booster.num_trees() == 40  # type: ignore[attr-defined]


def test_the_same_data_and_seed_give_the_same_trees():
    again = boosted_of(fit_boosted(MATRIX, OUTCOME, WEIGHT, "binary", SMALL_TREES, 60, 1.0), MATRIX, 40)
    assert again.text == LEARNERS["boosted"].text  # type: ignore[attr-defined]


def test_contributions_of_a_linear_model_are_zero_on_average():
    """The base is what is expected of an average account of the training rows, not of one with zeros."""
    np.testing.assert_allclose(LEARNERS["linear"].contributions(MATRIX).mean(axis=0), 0, atol=1e-9)


def test_missing_has_an_effect_of_its_own_where_it_was_frequent():
    """Churn is three times as likely where the second column is missing."""
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(2000, 2))
    missing = rng.random(2000) < 0.3
    matrix[missing, 1] = np.nan
    outcome = (rng.random(2000) < np.where(missing, 0.45, 0.15)).astype(float)
    learner = fit_linear(matrix, outcome, np.ones(2000), "binary", [0.001])[0]
    there, absent = learner.margin(np.array([[0.0, 0.0], [0.0, np.nan]]))
    assert absent - there > 0.8


def test_an_extreme_value_moves_a_linear_margin_no_further_than_four_deviations():
    far, further = LEARNERS["linear"].margin(np.array([[1e6, 1e6, 1.0, 0.0], [1e12, 1e12, 1.0, 0.0]]))
    assert far == further


def test_repeating_every_row_changes_no_linear_model():
    """The penalty is per row: twelve snapshots that say the same are no twelve times more evidence."""
    once = fit_linear(MATRIX, OUTCOME, WEIGHT, "binary", [0.03])[0]
    repeated = fit_linear(*(np.repeat(a, 12, axis=0) for a in (MATRIX, OUTCOME, WEIGHT)), "binary", [0.03])[0]
    np.testing.assert_allclose(repeated.margin(MATRIX), once.margin(MATRIX), atol=1e-4)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_base_rate_of_nothing_or_all_is_finite(outcome: float):
    assert np.isfinite(fit_base_rate(np.full(50, outcome), np.ones(50), "binary").base)


def test_a_base_rate_has_no_contributions():
    assert not BaseRate(-2.0).contributions(MATRIX).any()

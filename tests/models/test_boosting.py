"""Trees on shared bins are the trees of fits on the rows alone; one fit can be judged at several numbers of rounds."""

import lightgbm
import numpy as np
import pytest

from leap.models.boosting import Bins, fit_boosted, grown
from leap.models.selection import SMALL_TREES

RNG = np.random.default_rng(5)
N = 600
MATRIX = RNG.normal(size=(N, 6))
MATRIX[:, 1] = RNG.poisson(2, N)
MATRIX[RNG.random((N, 6)) < 0.1] = np.nan
WEIGHT = RNG.uniform(0.5, 1, N)
OUTCOMES = {
    "binary": (RNG.random(N) < 1 / (1 + np.exp(-np.nan_to_num(MATRIX[:, 0])))).astype(float),
    "ratio": 1 + 0.1 * np.nan_to_num(MATRIX[:, 1]) + RNG.normal(0, 0.05, N),
}
PART = RNG.random(N) < 0.7


def trees(booster) -> str:
    return booster.model_to_string().split("parameters:")[0]


@pytest.mark.parametrize("task", ["binary", "ratio"])
def test_a_part_of_shared_bins_gives_the_trees_of_a_fresh_dataset_with_the_same_edges(task):
    outcome, bins = OUTCOMES[task], Bins.of(MATRIX)
    shared = fit_boosted(MATRIX[PART], outcome[PART], WEIGHT[PART], task, SMALL_TREES, 30, 1.0, bins=bins.where(PART))
    fresh = lightgbm.Dataset(MATRIX[PART], outcome[PART], weight=WEIGHT[PART], reference=Bins.of(MATRIX).dataset)
    again = lightgbm.train(shared.params, fresh, 30)
    assert trees(shared) == trees(again)
    assert "split_feature" in trees(shared)


def test_all_rows_of_shared_bins_give_the_trees_of_a_fit_without_them():
    outcome = OUTCOMES["binary"]
    alone = fit_boosted(MATRIX, outcome, WEIGHT, "binary", SMALL_TREES, 30, 1.0)
    shared = fit_boosted(MATRIX, outcome, WEIGHT, "binary", SMALL_TREES, 30, 1.0, bins=Bins.of(MATRIX))
    assert trees(alone) == trees(shared)


def test_labels_of_one_component_leave_nothing_behind_for_the_next():
    bins = Bins.of(MATRIX)
    alone = fit_boosted(MATRIX, OUTCOMES["binary"], WEIGHT, "binary", SMALL_TREES, 20, 1.0)
    for _ in range(2):
        fit_boosted(MATRIX, OUTCOMES["ratio"], WEIGHT**2, "ratio", SMALL_TREES, 20, 1.0, bins=bins)
        again = fit_boosted(MATRIX, OUTCOMES["binary"], WEIGHT, "binary", SMALL_TREES, 20, 1.0, bins=bins)
        assert trees(again) == trees(alone)


@pytest.mark.parametrize("task", ["binary", "ratio"])
def test_margins_of_held_rows_are_those_that_the_fitted_trees_predict(task):
    outcome, bins = OUTCOMES[task], Bins.of(MATRIX)
    sets = [bins.where(keep).labelled(outcome[keep], WEIGHT[keep]) for keep in (PART, ~PART)]
    found = dict(grown(*sets, task, SMALL_TREES, (40, 10, 20), 1.0))
    booster = fit_boosted(MATRIX[PART], outcome[PART], WEIGHT[PART], task, SMALL_TREES, 40, 1.0, bins=bins.where(PART))
    assert list(found) == [10, 20, 40]
    for rounds, margin in found.items():
        expected = booster.predict(MATRIX[~PART], raw_score=True, num_iteration=rounds)
        np.testing.assert_allclose(margin, expected, atol=1e-9)


def test_a_fit_that_is_judged_anew_gives_the_same_margins():
    """The held rows' sums start at zero with every booster, also when the data sets are used again."""
    outcome, bins = OUTCOMES["binary"], Bins.of(MATRIX)
    sets = [bins.where(keep).labelled(outcome[keep], WEIGHT[keep]) for keep in (PART, ~PART)]
    first, second = (dict(grown(*sets, "binary", SMALL_TREES, (20,), 1.0))[20] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_settings_of_small_leaves_may_follow_those_of_large_ones_on_the_same_bins():
    outcome, bins = OUTCOMES["binary"], Bins.of(MATRIX)
    for leaf_accounts in (100, 5):
        settings = {**SMALL_TREES, "leaf_accounts": leaf_accounts}
        shared = fit_boosted(MATRIX, outcome, WEIGHT, "binary", settings, 10, 1.0, bins=bins)
        assert trees(shared) == trees(fit_boosted(MATRIX, outcome, WEIGHT, "binary", settings, 10, 1.0))


def test_rows_out_of_order_or_twice_are_refused():
    bins = Bins.of(MATRIX)
    with pytest.raises(ValueError, match="order"):
        bins.where(np.array([3, 1])).labelled(np.zeros(2), np.ones(2))
    with pytest.raises(ValueError, match="twice"):
        bins.where(np.array([1, 1])).labelled(np.zeros(2), np.ones(2))

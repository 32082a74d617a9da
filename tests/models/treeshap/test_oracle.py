"""The oracle itself: every set of features gives what its quicker form gives, and both what LightGBM says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.treeshap import oracle
from tests.models.treeshap.made import RECIPES, made

FEW_FEATURES = [name for name, how in RECIPES.items() if how.width <= 6]


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-10) -> None:
    """Equal but for rounding, against the largest number."""
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1e-12, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("name", RECIPES)
def test_leaf_by_leaf_is_what_lightgbm_says_on_rows_that_lie_on_its_thresholds(name: str):
    model = made(name)
    expected, base = model.explained()
    close(oracle.by_leaves(model.text, model.rows), expected)
    assert oracle.base(model.text) == pytest.approx(base, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", FEW_FEATURES)
def test_every_set_of_features_gives_the_same_as_leaf_by_leaf(name: str):
    model = made(name)
    rows = model.rows[:3]
    close(oracle.by_subsets(model.text, rows), oracle.by_leaves(model.text, rows), 1e-12)


@pytest.mark.parametrize("name", RECIPES)
def test_with_everything_known_the_game_is_the_margin(name: str):
    model = made(name)
    expected = np.asarray(model.booster.predict(model.rows, raw_score=True))
    found = oracle.margins(model.text, model.rows)
    close(found, expected, 1e-12)
    close(oracle.base(model.text) + oracle.by_leaves(model.text, model.rows).sum(axis=1), found)


def test_the_recipes_make_what_their_names_say():
    """A recipe whose trees had none of what it is for would test nothing."""
    trees = {name: oracle.trees_of(made(name).text) for name in RECIPES}
    decisions = {name: {kind for tree in trees[name] for kind in tree.decision} for name in RECIPES}
    assert 1 in {kind >> 2 for kind in decisions["zero is missing"]}
    assert {kind >> 2 for kind in decisions["nothing may be missing"]} == {0}
    assert {8, 10} <= decisions["plain"], "missing values go right and left"
    assert all(kind & 1 for kind in decisions["categories only"]) and decisions["categories only"]
    assert {kind & 1 for kind in decisions["categories"]} == {0, 1}
    assert [len(tree.leaf_value) for tree in trees["nothing to find"]] == [1]
    assert trees["no tree"] == []
    for most in (10, 14, 18, 26):
        assert max(_most_on_a_path(tree) for tree in trees[f"{most} features on a path"]) == most
    assert max(_deepest(tree) for tree in trees["one column"]) > 5
    assert max(len(tree.leaf_value) for tree in trees["63 leaves without a limit"]) == 63
    assert len({t for tree in trees["many bins"] for t in tree.threshold}) > 255


def _most_on_a_path(tree: oracle.Tree) -> int:
    return max(len({tree.feature[node] for node, _ in path}) for _, path in tree.paths())


def _deepest(tree: oracle.Tree) -> int:
    return max(len(path) for _, path in tree.paths())

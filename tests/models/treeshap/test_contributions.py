"""The kernel against the oracle and LightGBM, on every kind of booster, row and memory that it may be given."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from leap.models.treeshap import TreeContributions, Unsupported
from tests.models.treeshap import oracle
from tests.models.treeshap.made import RECIPES, made, make, recipe

MANY = 300
"""More rows than any block that is treated as one."""


def close(found: np.ndarray, expected: np.ndarray, tolerance: float = 1e-10) -> None:
    """Equal but for rounding, against the largest number."""
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(1e-12, np.abs(expected).max(initial=0)))


@pytest.mark.parametrize("name", RECIPES)
def test_contributions_are_those_of_the_oracle_on_rows_that_lie_on_thresholds(name: str):
    model = made(name)
    trees = TreeContributions.of(model.text)
    close(trees.contributions(model.rows), oracle.by_leaves(model.text, model.rows))
    assert trees.base == pytest.approx(oracle.base(model.text), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name", RECIPES)
def test_contributions_are_those_of_lightgbm_on_many_rows(name: str):
    """Within LightGBM's own rounding, which takes the tenth digit on a path of 26 features."""
    model = made(name)
    rows = model.matrix[:MANY]
    expected, _ = model.explained(rows)
    close(TreeContributions.of(model.text).contributions(rows), expected, 1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_with_the_base_is_its_margin(name: str):
    model = made(name)
    trees = TreeContributions.of(model.text)
    for rows in (model.rows, model.matrix[:MANY], model.matrix[:1]):
        close(
            trees.base + trees.contributions(rows).sum(axis=1), np.asarray(model.booster.predict(rows, raw_score=True))
        )


@pytest.mark.parametrize("name", RECIPES)
def test_a_row_alone_gets_what_it_gets_among_many(name: str):
    model = made(name)
    trees = TreeContributions.of(model.text)
    rows = np.vstack([model.rows, model.matrix[: MANY - len(model.rows)]])
    among = trees.contributions(rows)
    scale = max(1e-12, np.abs(among).max(initial=0))
    for i in [*range(len(model.rows)), MANY - 1]:
        np.testing.assert_allclose(trees.contributions(rows[i : i + 1])[0], among[i], rtol=0, atol=1e-12 * scale)
    for few in (2, 3, 7, 8, 9, 33):
        np.testing.assert_allclose(trees.contributions(rows[:few]), among[:few], rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("seed", range(25))
def test_contributions_of_boosters_of_any_settings_are_those_of_the_oracle(seed: int):
    random = np.random.default_rng(100 + seed)
    width = int(random.integers(1, 13))
    how = recipe(
        rounds=int(random.integers(1, 7)),
        rows=int(random.integers(60, 500)),
        width=width,
        missing=float(random.choice([0.0, 0.1, 0.5])),
        zeros=float(random.choice([0.0, 0.3])),
        categories=int(random.integers(0, width + 1)) if seed % 3 == 0 else 0,
        weighted=bool(seed % 2),
        objective=str(random.choice(["binary", "regression", "poisson"])),
        num_leaves=int(random.integers(2, 50)),
        max_depth=int(random.choice([-1, 1, 2, 3, 6])),
        min_data_in_leaf=int(random.choice([1, 5, 20])),
        max_bin=int(random.choice([3, 15, 63, 255])),
        use_missing=bool(random.random() < 0.8),
        zero_as_missing=bool(random.random() < 0.3),
        min_data_per_group=int(random.choice([1, 20])),
        max_cat_to_onehot=int(random.choice([1, 4, 64])),
        cat_smooth=1.0,
        bagging_fraction=0.7,
        bagging_freq=int(seed % 4 == 0),
    )
    model = make(how, seed)
    close(TreeContributions.of(model.text).contributions(model.rows), oracle.by_leaves(model.text, model.rows))


@pytest.fixture(scope="module", params=["depth 6, as in Leap", "categories", "18 features on a path"])
def one(request: pytest.FixtureRequest) -> tuple[TreeContributions, np.ndarray, np.ndarray]:
    """The kernel of a booster, rows, and what it says of them."""
    model = made(request.param)
    trees = TreeContributions.of(model.text)
    rows = np.ascontiguousarray(np.vstack([model.rows, model.matrix[: MANY - len(model.rows)]]))
    return trees, rows, trees.contributions(rows)


def layouts(rows: np.ndarray) -> dict[str, np.ndarray]:
    """The same rows as memory of other kinds."""
    locked = rows.copy()
    locked.flags.writeable = False
    wide = np.full((2 * len(rows), 2 * rows.shape[1]), 7.0)
    wide[::2, ::2] = rows
    swapped = rows.astype(">f8")
    return {
        "read-only": locked,
        "by columns": np.asfortranarray(rows),
        "with gaps": wide[::2, ::2],
        "backwards": rows[::-1].copy()[::-1],
        "other byte order": swapped,
        "of a wider table": np.hstack([rows, rows])[:, : rows.shape[1]],
    }


@pytest.mark.parametrize("kind", layouts(np.zeros((1, 1))))
@pytest.mark.parametrize("n", [1, MANY])
def test_the_memory_that_rows_lie_in_changes_nothing(one, kind: str, n: int):
    trees, rows, _ = one
    before = rows.copy()
    given = layouts(rows)[kind][:n]
    np.testing.assert_array_equal(trees.contributions(given), trees.contributions(rows[:n]))
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("n", [1, MANY])
def test_single_precision_is_taken_as_the_number_it_holds(one, n: int):
    trees, rows, _ = one
    with np.errstate(over="ignore"):
        single = rows[:n].astype(np.float32)
    np.testing.assert_array_equal(trees.contributions(single), trees.contributions(single.astype(float)))


def test_no_rows_have_no_contributions(one):
    trees, rows, _ = one
    found = trees.contributions(rows[:0])
    assert found.shape == (0, rows.shape[1]) and found.dtype == np.float64


def test_the_order_of_rows_changes_nothing(one):
    trees, rows, among = one
    order = np.random.default_rng(0).permutation(len(rows))
    np.testing.assert_array_equal(trees.contributions(rows[order]), among[order])


def test_what_other_rows_hold_changes_nothing(one):
    trees, rows, among = one
    other = rows.copy()
    other[1:] = np.nan
    np.testing.assert_array_equal(trees.contributions(other)[0], among[0])


def test_the_same_rows_get_the_same_bits_again_and_from_another_copy(one):
    trees, rows, among = one
    np.testing.assert_array_equal(trees.contributions(rows), among)
    np.testing.assert_array_equal(trees.contributions(rows[:1]), trees.contributions(rows[:1]))


def test_an_answer_is_the_askers_own(one):
    """What is done with an answer must not reach the tables that the next is made of."""
    trees, rows, _ = one
    for part in (rows, rows[:1], rows[:0]):
        first = trees.contributions(part)
        expected = first.copy()
        first[:] = np.nan
        np.testing.assert_array_equal(trees.contributions(part), expected)


def test_threads_that_ask_at_once_get_what_they_get_alone(one):
    trees, rows, among = one
    alone = [trees.contributions(rows[i : i + 1]) for i in range(20)]
    found: dict[int, bool] = {}

    def ask(k: int) -> None:
        found[k] = True
        for i in range(20):
            found[k] &= np.array_equal(trees.contributions(rows[i : i + 1]), alone[i])
            found[k] &= np.array_equal(trees.contributions(rows), among)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(6), True)


def test_a_column_that_no_tree_asks_adds_nothing():
    model = make(recipe(width=5, feature_fraction=1.0, num_leaves=4, rounds=1), 3)
    asked = {feature for tree in oracle.trees_of(model.text) for feature in tree.feature}
    others = [feature for feature in range(5) if feature not in asked]
    found = TreeContributions.of(model.text).contributions(model.rows)
    assert others and not found[:, others].any()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("num_class=1", "num_class=3").replace("per_iteration=1", "per_iteration=3"),
        lambda text: text.replace("is_linear=0", "is_linear=1"),
        lambda text: text.replace("label_index=0", "label_index=0\naverage_output"),
    ],
)
def test_what_is_no_sum_of_plain_trees_is_refused(change):
    text = made("plain").text
    assert change(text) != text
    with pytest.raises(Unsupported):
        TreeContributions.of(change(text))


def test_a_leaf_that_no_row_can_reach_is_refused_before_its_patterns_are_counted():
    """Made by hand: a table of 40 features that are each asked to be at most 0 and above 1 would never be ready."""
    with pytest.raises(Unsupported, match="no row can reach"):
        TreeContributions.of(never_met(40))


def never_met(width: int) -> str:
    """A tree with one path that asks every feature to be at most 0 and, further down, above 1."""
    nodes = 2 * width
    further = [*range(1, nodes), -(nodes + 1)]
    aside = [-(node + 1) for node in range(nodes)]
    low = [node % 2 == 0 for node in range(nodes)]
    fields = {
        "num_leaves": [nodes + 1],
        "split_feature": [node // 2 for node in range(nodes)],
        "threshold": [0 if first else 1 for first in low],
        "decision_type": [2] * nodes,
        "left_child": [onward if first else leaf for first, onward, leaf in zip(low, further, aside, strict=True)],
        "right_child": [leaf if first else onward for first, onward, leaf in zip(low, further, aside, strict=True)],
        "leaf_value": range(nodes + 1),
        "leaf_count": [10] * (nodes + 1),
        "internal_count": [10 * (nodes + 1 - node) for node in range(nodes)],
    }
    lines = [f"{name}={' '.join(map(str, values))}" for name, values in fields.items()]
    return f"tree\nnum_class=1\nmax_feature_idx={width - 1}\n\nTree=0\n" + "\n".join(lines) + "\n\nend of trees\n"


def test_a_tree_of_one_leaf_may_come_without_its_count():
    model = made("plain")
    head, _, rest = model.text.partition("\n\n")
    alone = "Tree=0\nnum_leaves=1\nnum_cat=0\nleaf_value=0.25\nleaf_count=\nis_linear=0\n\n\n"
    longer = TreeContributions.of(f"{head}\n\n{alone}{rest.lstrip(chr(10))}")
    plain = TreeContributions.of(model.text)
    assert longer.base == pytest.approx(plain.base + 0.25)
    np.testing.assert_array_equal(longer.contributions(model.rows), plain.contributions(model.rows))

"""Clusters of what features add: no single feature is what all of them are about, and no order of rows matters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.features import Scope
from leap.icp.rules import Condition, Rule
from leap.icp.segments import Segments, Space, best_of, fits, limits
from tests.worlds import a_feature

NAMES = ("dominant", "first", "second")
FEATURES = tuple(a_feature(name, "boolean", Scope.FIT) for name in NAMES)


def space(strengths: tuple[float, ...], n: int = 240, seed: int = 0) -> tuple[Space, np.ndarray]:
    """Yes and no of three features, each adding so much where it is yes; and who has which, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    has = rng.random((n, len(strengths))) < 0.4
    added = has * np.array(strengths)
    return Space(added * limits(added.std(axis=0)), FEATURES), has


def of_one_that_dominates(limited: bool) -> tuple[Segments, np.ndarray]:
    """A number that moves NRR ten times as far as two yes-or-no features, whose columns are given."""
    rng = np.random.default_rng(1)
    has = rng.random((300, 2)) < 0.5
    added = np.column_stack([rng.normal(0, 1, 300), 0.2 * has])
    space = Space(added * limits(added.std(axis=0)) if limited else added, FEATURES)
    return Segments.of(space, np.ones(300, dtype=bool)), has


@pytest.mark.parametrize("limited", [True, False])
def test_a_feature_ten_times_as_strong_does_not_decide_every_segment(limited: bool):
    """Without the limit it does: no segment is then of those that have one of the others, or have not."""
    segments, has = of_one_that_dominates(limited)
    told = [
        any(has[part, number].mean() > 0.95 for part in segments.parts)
        and any(has[part, number].mean() < 0.05 for part in segments.parts)
        for number in (0, 1)
    ]
    assert told == [limited, limited]


def test_no_dimension_counts_for_more_than_the_second_largest():
    assert limits(np.array([3.0, 3.0])).tolist() == [1.0, 1.0]
    assert limits(np.array([7.0])).tolist() == [1.0]
    spread = np.array([0.5, 10.0, 2.0])
    assert (spread * limits(spread)).tolist() == pytest.approx([0.5, 2.0, 2.0])


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_accounts_changes_no_segment(seed: int):
    rng = np.random.default_rng(seed)
    points = np.column_stack([rng.normal(size=90), rng.integers(0, 2, 90), rng.normal(size=90)])
    bought = rng.random(90) < 0.8
    order = rng.permutation(90)
    once = Segments.of(Space(points, FEATURES), bought)
    again = Segments.of(Space(points[order], FEATURES), bought[order])
    np.testing.assert_array_equal(again.labels, once.labels[order])
    np.testing.assert_allclose(again.centres, once.centres)


def test_prospects_join_the_segment_they_are_nearest_to_without_moving_it():
    limited, has = space((0.3, 0.2, 0.1))
    bought = np.arange(len(has)) < 160
    segments = Segments.of(limited, bought)
    for part in segments.parts:
        assert len({tuple(row) for row in has[part]}) == 1
    alone = Segments.of(Space(limited.points[:160], FEATURES), np.ones(160, dtype=bool))
    np.testing.assert_allclose(segments.centres, alone.centres)


def test_accounts_that_no_feature_tells_apart_are_one_segment():
    flat = Space(np.zeros((50, 3)), FEATURES)
    assert len(Segments.of(flat, np.ones(50, dtype=bool)).parts) == 1


def test_a_segment_is_told_by_what_makes_it_differ_most():
    limited, has = space((0.3, 0.2, 0.0))
    segments = Segments.of(limited, np.ones(len(has), dtype=bool))
    part = next(part for part in segments.parts if has[part, 0].all() and not has[part, 1].any())
    told = [feature.name for feature in segments.told_by(part)]
    assert told[0] == "dominant"
    assert "second" not in told


def test_the_fit_of_a_rule_is_f1_precision_and_recall():
    rule = Rule((Condition(FEATURES[1], "==", 1.0),))
    columns = {"first": np.array([1.0, 1.0, 1.0, 0.0, 0.0, 1.0])}
    part = np.array([True, True, False, True, False, True])
    among = np.array([True, True, True, True, True, False])
    f1, precision, recall = fits(rule, columns, part, among)
    assert (precision, recall) == (2 / 3, 2 / 3)
    assert f1 == pytest.approx(2 / 3)
    assert fits(rule, columns, ~part & (columns["first"] == 0), among) == (0.0, 0.0, 0.0)


def test_of_rules_that_fit_as_well_the_shorter_describes():
    short = Rule((Condition(FEATURES[1], "==", 1.0),))
    long = Rule((Condition(FEATURES[1], "==", 1.0), Condition(FEATURES[2], "==", 1.0)))
    columns = {"first": np.array([1.0, 0.0, 1.0]), "second": np.array([1.0, 0.0, 1.0])}
    part, among = np.array([True, False, True]), np.ones(3, dtype=bool)
    assert best_of([long, short], columns, part, among) == short
    assert best_of([], columns, part, among) is None

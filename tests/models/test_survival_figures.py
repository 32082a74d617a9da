"""C-index, Brier score and Kaplan-Meier, by hand and against a slow oracle that follows their definitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.models.hazard.figures import (
    Curves,
    brier_of_months,
    c_index,
    censoring,
    figures_of,
    judged_months,
    kaplan_meier,
)

MONTHS = np.array([1, 2, 2, 4])
GONE = np.array([True, False, True, False])
"""One is lost in month 1, one in month 2, one is seen no further than month 2 and one than month 4."""

rows = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.9])), min_size=2, max_size=12
)


def harrell(months, gone, risk) -> float:
    """Pair by pair: of which it is known who left first."""
    pairs = agree = 0.0
    for i, j in combinations(range(len(months)), 2):
        for first, second in ((i, j), (j, i)):
            later = months[second] > months[first] or (months[second] == months[first] and not gone[second])
            if gone[first] and later:
                pairs += 1
                agree += 1.0 if risk[first] > risk[second] else 0.5 if risk[first] == risk[second] else 0.0
    return agree / pairs if pairs else float("nan")


def test_the_c_index_of_a_small_case_by_hand():
    """Pairs: the first against three, the third against the second and the fourth. Only (1, 3) is the wrong way round,
    and (3, 2) is a tie: 3.5 of 5.
    """
    risk = np.array([0.5, 0.6, 0.6, 0.1])
    assert c_index(MONTHS, GONE, risk) == pytest.approx((0 + 0 + 1 + 0.5 + 1) / 5)


@given(rows)
@settings(max_examples=60, deadline=None)
def test_the_c_index_is_that_of_all_pairs(rows):
    months, gone, risk = (np.array(part) for part in zip(*rows, strict=True))
    np.testing.assert_allclose(c_index(months, gone, risk), harrell(months, gone, risk))


def test_kaplan_meier_by_hand():
    """1 of 4, then 1 of 3, then none of 1: 0.75, 0.5, 0.5, 0.5; and on with the mean hazard of what was seen."""
    assert kaplan_meier(MONTHS, GONE, 4) == pytest.approx([0.75, 0.5, 0.5, 0.5])
    assert kaplan_meier(MONTHS, GONE, 5)[4] == pytest.approx(0.5 * (1 - (1 / 4 + 1 / 3) / 4))


def test_the_censoring_by_hand():
    """Through months 1 and 2 everyone would be followed; of the two that are left then one is seen no further."""
    assert censoring(MONTHS, GONE, 4) == pytest.approx([1, 1, 0.5, 0.5])


def test_the_brier_score_of_a_small_case_by_hand():
    """A curve of 0.8, 0.6, 0.4: in month 3 two are lost (0.16 each), one is not known, and one is there for two."""
    found = brier_of_months(MONTHS, GONE, np.broadcast_to([0.8, 0.6, 0.4], (4, 3)))
    assert found[:, 0] == pytest.approx([0.64, 0.04, 0.04, 0.04])
    assert found[:, 1] == pytest.approx([0.36, 0.16, 0.36, 0.16])
    assert found[:, 2] == pytest.approx([0.16, 0, 0.16, 0.36 / 0.5])


def test_without_censoring_the_brier_score_is_the_plain_one():
    months, gone = np.array([1, 2, 3, 3]), np.array([True, True, True, False])
    curves = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
    there = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]])
    np.testing.assert_allclose(brier_of_months(months, gone, curves), (there - curves) ** 2)


def test_censoring_that_knows_nothing_changes_the_brier_score_little():
    """What is not seen is made up for by those who are: the score of half-seen rows is that of fully seen ones."""
    rng = np.random.default_rng(1)
    leaves, seen = rng.geometric(np.full(20_000, 0.08)), rng.integers(1, 25, 20_000)
    curve = np.broadcast_to(0.9 ** np.arange(1, 13), (20_000, 12))
    whole = brier_of_months(np.minimum(leaves, 24), leaves <= 24, curve).mean()
    partly = brier_of_months(np.minimum(leaves, seen), leaves <= seen, curve).mean()
    assert partly == pytest.approx(whole, abs=0.004)


def test_the_best_curve_is_the_true_one_and_kaplan_meier_is_the_baseline():
    rng = np.random.default_rng(2)
    hazard = rng.choice([0.02, 0.15], 500)
    leaves = rng.geometric(hazard)
    truth = (1 - hazard)[:, None] ** np.arange(1, 25)
    months, gone = np.minimum(leaves, 24), leaves <= 24
    usual = kaplan_meier(months, gone, 24)
    found = figures_of([Curves(months, gone, np.arange(500), truth, usual)])
    worse = figures_of([Curves(months, gone, np.arange(500), truth**2, usual)])
    assert found.ibs.value < worse.ibs.value and found.ibs.high < found.ibs.baseline == worse.ibs.baseline
    assert found.c_index.low > 0.65 and worse.c_index.value == found.c_index.value
    assert found.c_index.low < found.c_index.value < found.c_index.high


def test_repeating_every_account_twelve_times_changes_no_interval():
    rng = np.random.default_rng(3)
    leaves = rng.geometric(np.full(80, 0.1))
    months, gone = np.minimum(leaves, 12), leaves <= 12
    curves = rng.uniform(0.5, 0.9, 80)[:, None] ** np.arange(1, 13)
    usual = kaplan_meier(months, gone, 12)
    once = figures_of([Curves(months, gone, np.arange(80), curves, usual)])
    copied = [np.repeat(part, 12, axis=0) for part in (months, gone, np.arange(80), curves)]
    again = figures_of([Curves(*copied, usual)])
    for name in ("c_index", "ibs"):
        first, second = getattr(once, name), getattr(again, name)
        assert [second.value, second.low, second.high] == pytest.approx([first.value, first.low, first.high])


def test_curves_are_judged_as_far_as_ten_rows_were_seen():
    assert judged_months(np.array([3] * 11 + [9] * 9), 36) == 3
    assert judged_months(np.array([9] * 10), 6) == 6
    assert judged_months(np.zeros(0, dtype=int), 36) == 0


def test_nothing_can_be_judged_where_nobody_left():
    nobody = Curves(np.array([5] * 20), np.zeros(20, dtype=bool), np.arange(20), np.full((20, 5), 0.9), np.ones(5))
    assert figures_of([nobody]) is None and figures_of([]) is None

"""Gain and lift by hand, and what may not change them: order of rows, repeated rows, lists beside each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.metrics import Depth, Lists, once_per_list

ONE_LIST = np.zeros(5, dtype=int)
SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
LEFT = np.array([1.0, 0, 1, 0, 0])
MRR = np.array([100.0, 50, 300, 20, 30])
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans(), st.integers(1, 9)), min_size=1, max_size=40
)


def gain(lists, score, amount, depth, weight=None):
    found = Lists.of(np.asarray(lists), np.asarray(score, dtype=float))
    weight = np.ones(len(score)) if weight is None else weight
    return found.gain(np.asarray(amount, dtype=float), weight, (depth,))[0]


@pytest.mark.parametrize(
    ("share", "accounts", "money"),
    [(0.2, 1 / 2, 100 / 400), (0.4, 1 / 2, 100 / 400), (0.6, 1.0, 1.0), (0.1, 1 / 4, 1 / 8)],
)
def test_the_top_holds_what_it_holds(share: float, accounts: float, money: float):
    """Five accounts, the first and third left with 100 and 300; a tenth is half of the first account."""
    assert gain(ONE_LIST, SCORE, LEFT, Depth(share)) == pytest.approx([accounts, share])
    assert gain(ONE_LIST, SCORE, LEFT * MRR, Depth(share)) == pytest.approx([money, share])


def test_the_best_order_is_that_of_what_was_lost():
    assert gain(ONE_LIST, LEFT * MRR, LEFT * MRR, Depth(0.2))[0] == 300 / 400


def test_equal_scores_count_by_their_expected_value():
    """Two share the first place and one of them left: looking at one finds half of it, a quarter of all."""
    assert gain([0] * 4, [5, 5, 1, 1], [1, 0, 0, 1], Depth(0.25))[0] == 0.25
    assert gain([0] * 4, [5, 5, 1, 1], [0, 1, 1, 0], Depth(0.25))[0] == 0.25


def test_a_constant_score_finds_what_chance_finds():
    found, at_random = gain([0, 0, 0, 1, 1], [0.1] * 5, [1, 0, 0, 1, 1], Depth(count=1))
    assert found == at_random == pytest.approx((1 / 3 + 2 / 2) / 3)


def test_each_list_is_looked_at_from_its_own_top():
    """One place in each of two lists: the riskiest of a calm date counts, though the other date is riskier throughout."""
    lists, score, left = [0, 0, 1, 1], [0.2, 0.1, 0.9, 0.8], [1, 0, 0, 1]
    assert gain(lists, score, left, Depth(count=1))[0] == 0.5
    assert gain(lists, score, left, Depth(0.5))[0] == 0.5
    assert gain([0] * 4, score, left, Depth(0.5))[0] == 0.5
    assert gain([0] * 4, score, left, Depth(0.25))[0] == 0.0


def test_a_capacity_larger_than_a_list_takes_all_of_it():
    assert gain([0, 0, 1], [0.1, 0.2, 0.3], [1, 0, 1], Depth(count=2)) == pytest.approx([1.0, 1.0])


def test_where_nothing_was_lost_there_is_no_share_of_it():
    assert np.isnan(gain(ONE_LIST, SCORE, np.zeros(5), Depth(0.1))).all()


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(0, 2**31))
def test_gain_grows_with_depth_up_to_everything_and_order_and_repetition_of_rows_do_not_matter(rows, seed):
    lists, score, left, mrr = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    accounts, lost = np.arange(len(rows)), left * mrr
    if not lost.sum():
        return
    depths = (Depth(0.05), Depth(0.1), Depth(0.2), Depth(count=3), Depth(1.0))

    def found(pick: np.ndarray) -> np.ndarray:
        once = once_per_list(accounts[pick], lists[pick])
        return Lists.of(lists[pick], score[pick]).gain(lost[pick], once, depths)

    plain = found(accounts)
    assert (np.diff(plain[:3, 0]) >= -1e-12).all() and (plain <= 1 + 1e-12).all()
    assert plain[-1] == pytest.approx([1.0, 1.0]), "the lift at 100 % is 1"
    np.testing.assert_allclose(found(np.random.default_rng(seed).permutation(accounts)), plain, atol=1e-12)
    np.testing.assert_allclose(found(np.repeat(accounts, 12)), plain, atol=1e-12)

"""Small parts are drawn towards the whole, large ones speak for themselves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.icp.pooling import Pooled, Pooling


def three_parts(seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """300, 300 and 6 accounts of which 10 %, 40 % and none leave."""
    rng = np.random.default_rng(seed)
    part = np.repeat([0, 1, 2], [300, 300, 6])
    starting = np.exp(rng.normal(5, 0.5, len(part)))
    ending = np.where(rng.random(len(part)) < np.array([0.1, 0.4, 0.0])[part], 0.0, starting)
    return starting, ending, [part == number for number in range(3)]


def test_a_small_part_is_drawn_towards_the_whole_and_a_large_one_hardly():
    starting, ending, parts = three_parts()
    pooling = Pooling.of(starting, ending, parts)
    large, _, small = (pooling.pooled(part) for part in parts)
    assert small.seen == 1.0
    assert small.whole < small.nrr < small.seen - 0.02
    assert abs(large.nrr - large.seen) < 0.01
    assert small.weight < large.weight
    assert small.high - small.low > large.high - large.low


def test_a_part_in_which_nobody_left_is_not_thought_sure():
    starting, ending, parts = three_parts()
    small = Pooling.of(starting, ending, parts).pooled(parts[2])
    assert small.high - small.low > 0.1


def test_the_seen_figure_is_a_ratio_of_sums():
    starting, ending = np.array([100.0, 300.0, 50.0, 50.0]), np.array([110.0, 0.0, 50.0, 60.0])
    first = np.array([True, True, False, False])
    pooled = Pooling.of(starting, ending, [first, ~first]).pooled(first)
    assert pooled.seen == pytest.approx(110 / 400)
    assert pooled.whole == pytest.approx(220 / 500)


def test_parts_that_differ_by_chance_alone_are_drawn_together():
    ratios = []
    for seed in range(12):
        starting = np.full(600, 100.0)
        ending = np.where(np.random.default_rng(seed).random(600) < 0.2, 0.0, starting)
        parts = [np.arange(600) % 6 == number for number in range(6)]
        pooled = [Pooling.of(starting, ending, parts).pooled(part) for part in parts]
        ratios.append(np.ptp([p.nrr for p in pooled]) / np.ptp([p.seen for p in pooled]))
    assert np.mean(ratios) < 0.4


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_accounts_changes_nothing(order: list[int]):
    starting = np.array([100.0, 20.5, 33.3, 10.1, 50.0, 7.7, 81.2, 64.0, 12.3, 9.9, 41.0, 30.0])
    ending = starting * np.array([1.1, 0.0, 1.0, 1.3, 0.9, 1.0, 0.0, 1.2, 1.0, 0.0, 1.0, 1.05])
    part = np.arange(12) % 3 == 0

    def pooled(at: np.ndarray) -> Pooled:
        return Pooling.of(starting[at], ending[at], [part[at], ~part[at]]).pooled(part[at])

    once, again = pooled(np.arange(12)), pooled(np.array(order))
    assert again.nrr == pytest.approx(once.nrr, abs=1e-12)
    assert (again.low, again.high) == pytest.approx((once.low, once.high), abs=1e-12)


def test_a_part_that_paid_nothing_is_the_whole():
    starting, ending = np.array([100.0, 100.0, 0.0]), np.array([50.0, 100.0, 0.0])
    last = np.array([False, False, True])
    pooled = Pooling.of(starting, ending, [~last]).pooled(last)
    assert pooled.nrr == pooled.whole == 0.75
    assert pooled.weight == 0.0

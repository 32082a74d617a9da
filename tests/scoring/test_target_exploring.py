"""The random draw of a target list: its propensities are what many draws give, and it passes no limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.scoring.targets.exploring import Room, draw, taken_in_order

COSTS = np.array([10.0, 10.0, 20.0, 35.0, 35.0, 35.0, 80.0, 200.0])
SEGMENTS = np.array([0, 0, 0, 1, 1, 1, 1, 0])


def many_draws(room: Room, n: int) -> list[np.ndarray]:
    """What `draw` takes with each of n seeds."""
    orders = (np.random.default_rng(seed).permutation(len(COSTS)) for seed in range(1, n + 1))
    return [taken_in_order(COSTS, SEGMENTS, room, order) for order in orders]


@pytest.mark.parametrize(
    ("room", "exact"),
    [
        (Room(3, None), True),
        (Room(2, 1000.0), True),
        (Room(4, 90.0), False),
        (Room(4, None, np.array([1, 3])), False),
        (Room(5, 150.0, np.array([2, 2])), False),
    ],
    ids=str,
)
def test_the_propensity_is_how_often_an_account_is_drawn(room: Room, exact: bool) -> None:
    drawn = draw(COSTS, SEGMENTS, room, 0)
    counted = np.zeros(len(COSTS))
    for taken in many_draws(room, 1_500):
        counted[taken] += 1
    assert drawn.exact is exact
    # Two counts of 1,500 and 2,000 draws differ by less than four of their standard errors.
    assert drawn.propensity == pytest.approx(counted / 1_500, abs=4 * np.sqrt(0.25 / 1_500 + 0.25 / 2_000))


def test_weighing_by_one_over_the_propensity_gives_the_mean_of_all() -> None:
    outcome = np.array([1.0, 0.0, 3.0, 2.0, 8.0, 0.0, 1.0, 4.0])
    room = Room(4, 300.0)
    propensity = draw(COSTS, SEGMENTS, room, 0).propensity
    estimates = [(outcome[taken] / propensity[taken]).sum() / len(COSTS) for taken in many_draws(room, 3_000)]
    assert np.mean(estimates) == pytest.approx(outcome.mean(), abs=0.12)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(0, 120), st.integers(0, 8), st.none() | st.floats(0, 500), st.booleans())
def test_no_draw_passes_a_limit(seed: int, n: int, places: int, money: float | None, parted: bool) -> None:
    rng = np.random.default_rng(seed)
    cost, segment = rng.lognormal(3, 1, n), rng.integers(0, 3, n)
    of_segment = np.array([0, 2, 5]) if parted else None
    one = draw(cost, segment, Room(places, money, of_segment), seed)
    assert len(one.taken) <= places and len(np.unique(one.taken)) == len(one.taken)
    assert money is None or cost[one.taken].sum() <= money * (1 + 1e-9)
    assert of_segment is None or (np.bincount(segment[one.taken], minlength=3) <= of_segment).all()
    assert ((one.propensity >= 0) & (one.propensity <= 1)).all()
    assert one.propensity.sum() <= places + 1e-9


def test_the_same_seed_draws_the_same_and_another_another() -> None:
    cost, segment = np.ones(200), np.zeros(200, dtype=int)
    first, again, other = (draw(cost, segment, Room(20, None), seed).taken.tolist() for seed in (1, 1, 2))
    assert first == again != other

"""Planted drivers hold and come first; what means nothing, what is shuffled and what turns round does not hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leap.explanation.drivers import Driver, drivers
from leap.explanation.groups import Groups
from leap.explanation.later import Helped
from leap.explanation.stability import Refits, Stability, stability
from leap.models.composition import ScopeModel
from leap.models.refits import refitted
from leap.models.selection import SMALL_TREES
from tests.explanation.driven import Driven, company, drivers_of, fit
from tests.worlds import a_feature


@pytest.fixture(scope="module")
def planted() -> list[Driver]:
    return drivers_of(company(300, seed=3, kind=1.8))


def test_planted_drivers_come_first_and_are_stable_among_twelve_that_mean_nothing(planted: list[Driver]):
    assert {driver.id for driver in planted[:3]} == {"usage", "size", "kind"}
    assert all(driver.stable and driver.why_not is None for driver in planted[:3])


def test_what_means_nothing_comes_last_and_is_not_stable(planted: list[Driver]):
    assert all(driver.id.startswith("noise") for driver in planted[3:])
    assert not any(driver.stable for driver in planted[3:])
    assert all(driver.why_not for driver in planted[3:])


def test_directions_of_the_planted_are_those_of_the_world(planted: list[Driver]):
    direction = {driver.id: driver.direction for driver in planted}
    assert (direction["usage"], direction["size"], direction["kind"]) == ("raises", "raises", "mixed")


def test_figures_of_a_driver_hang_together(planted: list[Driver]):
    assert [driver.rank for driver in planted] == list(range(1, len(planted) + 1))
    for driver in planted:
        assert 0 <= driver.share_low <= driver.share <= driver.share_high <= 1
        assert driver.rank_low <= driver.rank <= driver.rank_high
        assert driver.sign_draws is not None and 0 <= driver.sign_draws <= 1
        assert driver.stable == (driver.why_not is None)
        assert Driver.from_json(driver.to_json()) == driver


@pytest.mark.parametrize(("seed", "only"), [(0, "linear"), (1, "linear"), (2, "boosted")])
def test_shuffled_outcomes_leave_no_stable_driver(seed: int, only: str):
    assert not any(driver.stable for driver in drivers_of(company(300, seed).shuffled(seed), only))


def test_a_driver_whose_direction_turns_halfway_is_not_stable_and_says_so():
    found = {driver.id: driver for driver in drivers_of(company(400, seed=2, flips=0.8), "linear")}
    assert not found["turns"].stable
    assert "direction changed between periods" in str(found["turns"].why_not)
    assert found["usage"].stable


def test_the_same_data_give_the_same_drivers():
    world = company(200, seed=5, noise=2)
    assert drivers_of(world, "linear") == drivers_of(world, "linear")


WORLD = company(400, seed=1)
USAGE = WORLD.features.frame["usage"].to_numpy()
CLONES = {
    "exact": USAGE,
    "noisy": USAGE + 0.05 * np.random.default_rng(5).normal(size=len(USAGE)),
    "another scale": np.exp(USAGE),
}


def model_of(world: Driven, kind: str) -> ScopeModel:
    if kind != "blend":
        return fit(world, kind)
    model, rows = fit(world, "boosted"), world.rows.binned().of("churn")
    settings = {"penalty": 0.1, "rounds": 80, "weights": [0.5, 0.5], **SMALL_TREES}
    blend = replace(model.churn, learner_name="blend", settings=settings)
    return replace(model, churn=refitted(blend, rows, np.ones(len(rows.outcome))))


def share_of_usage(world: Driven, kind: str) -> float:
    found = drivers(model_of(world, kind), [], world.latest(), Groups.of(world.features))
    shares = [driver.share for driver in found if {"usage", "clone"} & set(driver.features)]
    assert len(shares) == 1
    return shares[0]


@pytest.mark.parametrize("kind", ["linear", "boosted", "blend"])
def test_a_clone_hardly_changes_the_share_of_its_group(kind: str):
    alone = share_of_usage(WORLD, kind)
    for name, clone in CLONES.items():
        assert share_of_usage(WORLD.with_columns({"clone": clone}), kind) == pytest.approx(alone, abs=0.05), name


# --- one condition at a time, on contributions made by hand

X = np.linspace(-1, 1, 200)
NOISE = np.random.default_rng(0).normal(size=200)
GOOD = Helped(np.array([0.1, 0.0]), np.array([5.0, 0.0]), np.array([0.001, 0.9]), whole_z=5.0)


def of_group(scale: float) -> np.ndarray:
    return np.column_stack([scale * X, 0.1 * NOISE])


def judged(**changed: Any) -> Stability:
    parts: dict[str, Any] = {"folds": [of_group(1.0)] * 4, "draws": [of_group(1.0)] * 20, "helped": GOOD, **changed}
    return stability(Refits(of_group(1.0), **parts), 0, a_feature("x"), X)


def test_a_driver_that_holds_everywhere_is_stable():
    found = judged()
    assert found.why_not is None
    assert (found.direction, found.rank, found.sign_folds, found.sign_draws) == (1, 1, 1.0, 1.0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"folds": [of_group(1.0)] * 3 + [of_group(-1.0)]}, "its direction changed between periods"),
        ({"folds": [of_group(1.0)] + [of_group(0.0)] * 3}, "most earlier models do not know it"),
        ({"folds": []}, "most earlier models do not know it"),
        ({"draws": [of_group(1.0)] * 17 + [of_group(-1.0)] * 3}, "depends on which accounts are looked at"),
        ({"draws": []}, "not tried on other draws"),
        ({"helped": None}, "it could not be tried on later accounts"),
        ({"helped": replace(GOOD, gain=np.array([-0.1, 0.0]))}, "it did not help on later accounts"),
        ({"helped": replace(GOOD, q=np.array([0.2, 0.9]))}, "it helped on later accounts cannot be told from chance"),
        ({"helped": replace(GOOD, whole_z=0.5)}, "at all cannot be told from chance"),
    ],
)  # fmt: skip
def test_each_thing_that_speaks_against_a_driver_is_said(changed: dict[str, Any], said: str):
    assert said in str(judged(**changed).why_not)


def test_a_rank_that_jumps_is_said():
    many = np.column_stack([X] + [0.5 * X] * 9)
    weak = np.column_stack([0.1 * X] + [0.5 * X] * 9)
    helped = Helped(np.full(10, 0.1), np.full(10, 5.0), np.full(10, 0.001), whole_z=5.0)
    found = stability(Refits(many, [many], [many] * 10 + [weak] * 10, helped), 0, a_feature("x"), X)
    assert (found.rank, found.rank_high) == (1, 10)
    assert found.why_not == "how much it weighs depends on which accounts are looked at"


def test_a_rank_that_falls_among_others_as_large_is_no_objection():
    """A share that goes from 11 % to 8 % passes nine others: that is where they stand, and not what it weighs."""
    many = np.column_stack([X] + [0.85 * X] * 9)
    less = np.column_stack([0.8 * X] + [0.85 * X] * 9)
    helped = Helped(np.full(10, 0.1), np.full(10, 5.0), np.full(10, 0.001), whole_z=5.0)
    found = stability(Refits(many, [many], [many] * 10 + [less] * 10, helped), 0, a_feature("x"), X)
    assert (found.rank, found.rank_high) == (1, 10)
    assert found.why_not is None


@pytest.mark.parametrize(
    ("signs", "in_time", "settled"),
    [
        ((-1, 1, 1, 1), True, True),
        ((-1, 1, 1, 1), False, False),
        ((1, -1, 1, 1), True, False),
        ((1, 1, 1, -1), True, False),
        ((-1, -1, 1, 1), True, False),
        ((-1, 1, 1, 0), True, False),
        ((-1, 1, 1), True, False),
    ],
)
def test_only_the_first_periods_model_which_knew_least_may_disagree(
    signs: tuple[int, ...], in_time: bool, settled: bool
):
    folds = [of_group(sign) for sign in signs]
    found = stability(Refits(of_group(1.0), folds, [of_group(1.0)] * 20, GOOD, in_time=in_time), 0, a_feature("x"), X)
    assert found.why_not == (None if settled else "its direction changed between periods")


def test_of_a_bend_the_pattern_must_hold():
    """A valley has no direction: refits that draw a hill instead disagree."""
    valley = np.column_stack([X**2 - np.mean(X**2), 0.1 * NOISE])
    found = stability(Refits(valley, [valley, -valley], [valley] * 10, GOOD), 0, a_feature("x"), X)
    assert found.direction == 0
    assert found.sign_folds == 0.5
    assert found.why_not == "its direction changed between periods"


def test_of_a_category_the_pattern_must_hold():
    kinds = np.where(X > 0, "a", "b").astype(object)
    steps = np.column_stack([np.sign(X + 1e-9), 0.1 * NOISE])
    held = stability(Refits(steps, [steps], [steps] * 9 + [-steps], GOOD), 0, a_feature("x", "category"), kinds)
    assert (held.direction, held.sign_draws, held.why_not) == (0, 0.9, None)

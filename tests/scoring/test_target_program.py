"""The program of a target list: the best choice by trying all of them, limits that hold, proofs that are none too many."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.scoring.targets import program
from leap.scoring.targets.program import GREEDY, OPTIMAL, Choice, Limits, Pool, choose


def a_pool(n: int, seed: int, *, losing: bool = True) -> Pool:
    rng = np.random.default_rng(seed)
    gain = np.round(rng.normal(60 if losing else 200, 80 if losing else 40, n), 1)
    return Pool(gain, rng.integers(1, 9, n) * 10.0, np.round(rng.uniform(0, 50, n), 1), rng.random(n) < 0.3,
                rng.integers(0, 3, n))  # fmt: skip


def best_of_all(pool: Pool, limits: Limits) -> float | None:
    """The gain of the best choice that keeps the limits, by trying every one; None if none does."""
    found = [
        float(pool.gain[chosen].sum())
        for bits in itertools.product((False, True), repeat=len(pool))
        if limits.met_by(pool, chosen := np.array(bits, dtype=bool))
    ]
    return max(found, default=None)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "limits",
    [
        Limits(budget=130),
        Limits(capacity=3),
        Limits(budget=180, capacity=4, per_segment=(1, 2, 0)),
        Limits(budget=150, emerging=2),
        Limits(budget=200, quota=90, emerging=1),
    ],
    ids=str,
)
def test_the_choice_is_the_best_of_all_choices(seed: int, limits: Limits) -> None:
    pool = a_pool(9, seed)
    found = choose(pool, limits)
    if found.quota_short or found.emerging_short:
        return
    assert found.status == OPTIMAL and found.gap == pytest.approx(0.0, abs=1e-6)
    assert found.gain == pytest.approx(best_of_all(pool, limits), abs=1e-6)
    assert limits.met_by(pool, found.chosen)


def test_a_quota_out_of_reach_says_by_how_much_and_comes_as_near_as_any_choice() -> None:
    pool = a_pool(9, 3)
    limits = Limits(budget=120, quota=1e4)
    most = max(
        pool.new_mrr[chosen].sum()
        for bits in itertools.product((False, True), repeat=len(pool))
        if pool.cost[chosen := np.array(bits, dtype=bool)].sum() <= 120
    )
    found = choose(pool, limits)
    assert found.quota_short == pytest.approx(1e4 - most)
    assert pool.new_mrr[found.chosen].sum() == pytest.approx(most, rel=1e-4)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(0, 40), st.none() | st.integers(0, 400), st.none() | st.integers(0, 10),
    st.integers(0, 5), st.none() | st.integers(0, 4), st.sampled_from(["program", "greedy"]),
)  # fmt: skip
def test_no_choice_passes_a_limit(
    seed: int, n: int, budget: int | None, capacity: int | None, emerging: int, room: int | None, method: program.Method
) -> None:
    pool = a_pool(n, seed)
    per_segment = None if room is None else (room, room, room + 1)
    limits = Limits(budget=budget, capacity=capacity, emerging=emerging, per_segment=per_segment)
    found = choose(pool, limits, method=method)
    kept = Limits(budget, capacity, None, per_segment, emerging - found.emerging_short)
    assert kept.met_by(pool, found.chosen)
    assert not (pool.gain[found.chosen] <= 0).any()
    if found.emerging_short:
        assert pool.emerging[found.chosen].sum() == emerging - found.emerging_short
    if found.bound is not None:
        assert found.bound >= found.gain - 1e-6


@pytest.mark.parametrize("kind", ["one cost", "own costs", "all limits"])
def test_many_accounts_are_chosen_by_their_core_as_if_all_were_in_the_program(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = a_pool(900, 5, losing=False)
    limits = Limits(budget=3_000)
    if kind == "one cost":
        pool = Pool(pool.gain, np.full(900, 30.0), pool.new_mrr, pool.emerging, pool.segment)
    if kind == "all limits":
        limits = Limits(budget=3_000, capacity=90, quota=3_400, per_segment=(25, 40, 40), emerging=35)
    by_core = choose(pool, limits)
    monkeypatch.setattr(program, "_DIRECT", 10_000)
    whole = choose(pool, limits)
    assert by_core.status == whole.status == OPTIMAL
    assert by_core.gain == pytest.approx(whole.gain, rel=2e-7)
    assert limits.met_by(pool, by_core.chosen)


def test_a_bound_says_what_is_still_open_where_the_best_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_CORES", (3,))
    pool = a_pool(1_000, 7, losing=False)
    found = choose(pool, Limits(budget=1_234))
    assert found.status != OPTIMAL and found.gap is not None and 0 < found.gap < 0.01
    monkeypatch.undo()
    best = choose(pool, Limits(budget=1_234))
    assert found.gain <= best.gain <= found.bound + 1e-6


def test_without_a_solution_in_time_accounts_are_taken_one_after_another_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(*given: object) -> Choice | None:
        return None

    monkeypatch.setattr(program, "_integer", nothing)
    pool, limits = a_pool(40, 1), Limits(budget=300, capacity=6, emerging=2)
    found = choose(pool, limits)
    assert found.status == GREEDY and limits.met_by(pool, found.chosen)
    assert found.bound is not None and found.bound >= found.gain and found.gap is not None


def test_no_account_no_money_and_no_limit() -> None:
    pool = a_pool(12, 2)
    nobody = pool.where(np.zeros(0, dtype=int))
    assert len(choose(nobody, Limits(budget=10, capacity=2, quota=5, emerging=1)).chosen) == 0
    assert not choose(pool, Limits(budget=0)).chosen.any()
    assert not choose(pool, Limits(capacity=0)).chosen.any()
    free = choose(pool, Limits())
    assert (free.chosen == (pool.gain > 0)).all() and free.gap == 0
    dear = Pool(np.array([90.0, 10.0]), np.array([101.0, 100.0]), np.ones(2), np.zeros(2, bool), np.zeros(2, int))
    assert choose(dear, Limits(budget=100)).chosen.tolist() == [False, True]

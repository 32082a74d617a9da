"""Accounts drawn at random among those not chosen: what nobody would try teaches what the model does not know.

The draw is a random order of which each account is taken that still fits. How likely each was to be taken (its
propensity) is kept, so that what follows can be weighed by one over it (Horvitz and Thompson 1952).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIMULATED = 2_000
"""Draws from which a propensity is counted where no formula gives it: a standard error of at most 1.1 points."""
_MOST_COSTS = 50
_MOST_WORK = 2e8


@dataclass(frozen=True)
class Draw:
    """Positions drawn, and the propensity of every account, shape (n,); `exact` if a formula gives it."""

    taken: np.ndarray
    propensity: np.ndarray
    exact: bool


@dataclass(frozen=True)
class Room:
    """What the draw may take: accounts, money (None: no limit), and accounts of each segment (None: no limit)."""

    places: int
    money: float | None
    of_segment: np.ndarray | None = None


def draw(cost: np.ndarray, segment: np.ndarray, room: Room, seed: int) -> Draw:
    """Drawn in a random order, each that still fits.

    Accounts of the same cost and segment are equally likely. Of more than 50 different costs an account counts with the
    dearest of its fiftieth, so that no limit is passed and propensities can be counted.
    """
    n = len(cost)
    if not n or room.places <= 0:
        return Draw(np.zeros(0, dtype=int), np.zeros(n), True)
    counted = _rounded_up(cost)
    taken = taken_in_order(counted, segment, room, np.random.default_rng(seed).permutation(n))
    propensity = _exact(counted, segment, room)
    if propensity is not None:
        return Draw(taken, propensity, True)
    return Draw(taken, _counted(counted, segment, room, np.random.default_rng((seed, 1))), False)


def taken_in_order(cost: np.ndarray, segment: np.ndarray, room: Room, order: np.ndarray) -> np.ndarray:
    """Positions, sorted, of the accounts that still fit when their turn comes."""
    left = np.inf if room.money is None else room.money * (1 + 1e-9)
    free = None if room.of_segment is None else room.of_segment.copy()
    found: list[int] = []
    for i in order.tolist():
        if len(found) >= room.places:
            break
        if cost[i] <= left and (free is None or free[segment[i]] > 0):
            found.append(i)
            left -= cost[i]
            if free is not None:
                free[segment[i]] -= 1
    return np.array(sorted(found), dtype=int)


def _rounded_up(cost: np.ndarray) -> np.ndarray:
    if len(np.unique(cost)) <= _MOST_COSTS:
        return cost
    edges = np.quantile(cost, np.linspace(0, 1, _MOST_COSTS + 1)[1:], method="higher")
    return np.asarray(edges[np.searchsorted(edges, cost)])


def _exact(cost: np.ndarray, segment: np.ndarray, room: Room) -> np.ndarray | None:
    """A formula where only the number drawn can bind: places over accounts, each alike; else None."""
    n = len(cost)
    places = min(room.places, n)
    money = np.inf if room.money is None else room.money * (1 + 1e-9)
    if room.of_segment is not None:
        counts = np.bincount(segment, minlength=len(room.of_segment))
        if (np.minimum(counts, places) > room.of_segment[: len(counts)]).any():
            return None
    if cost.min() == cost.max():
        fits = places if cost[0] <= 0 else int(min(places, np.floor(money / cost[0])))
        return np.full(n, fits / n)
    if np.sort(cost)[::-1][:places].sum() <= money:
        return np.full(n, places / n)
    return None


def _counted(cost: np.ndarray, segment: np.ndarray, room: Room, rng: np.random.Generator) -> np.ndarray:
    """How often accounts of each kind (cost and segment) are taken in many draws, over how many there are."""
    own = np.zeros(len(cost), dtype=int) if room.of_segment is None else segment
    kinds, kind_of, there = np.unique(np.column_stack([cost, own]), axis=0, return_inverse=True, return_counts=True)
    kind_of = kind_of.reshape(-1)
    price, of_kind = kinds[:, 0], kinds[:, 1].astype(int)
    places = min(room.places, len(cost))
    draws = int(np.clip(_MOST_WORK / (len(kinds) * places), 200, SIMULATED))
    left = np.tile(there.astype(float), (draws, 1))
    money = np.full(draws, np.inf if room.money is None else room.money * (1 + 1e-9))
    free = None if room.of_segment is None else np.tile(room.of_segment.astype(float), (draws, 1))
    everyone = np.arange(draws)
    for _ in range(places):
        weight = np.where(price[None, :] <= money[:, None], left, 0.0)
        if free is not None:
            weight = np.where(free[:, of_kind] > 0, weight, 0.0)
        upto = np.cumsum(weight, axis=1)
        going = upto[:, -1] > 0
        if not going.any():
            break
        at = (upto <= (rng.random(draws) * upto[:, -1])[:, None]).sum(axis=1)
        rows, at = everyone[going], at[going]
        left[rows, at] -= 1
        money[rows] -= price[at]
        if free is not None:
            free[rows, of_kind[at]] -= 1
    share = (there - left.mean(axis=0)) / there
    return np.asarray(share[kind_of])

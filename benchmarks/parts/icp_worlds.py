"""Populations with planted attributes, or with none that matters, for `benchmarks/icp_evidence.py` and tests.

Accounts are won over four of five years at 15 % yearly churn; rows are their anniversaries with a full year after.
Accounts differ in ways that no attribute shows (`frailty`), and some grow year after year (`habit`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureCatalog, FeatureFrame, Recipe, Scope, Signal
from leap.icp import Population

Attributes = dict[str, np.ndarray]
Effect = Callable[[Attributes], np.ndarray]
_BEGIN, _YEAR = np.datetime64("2019-01-01"), 365


@dataclass(frozen=True)
class World:
    """How attributes come about and what they do: effects are on the log of the yearly risk or chance."""

    make: Callable[[np.random.Generator, np.ndarray], Attributes]
    churn: Effect | None = None
    expansion: Effect | None = None
    contraction: Effect | None = None
    planted: tuple[frozenset[str], ...] = ()
    """Sets of attributes that do something, each set to be found."""
    same: Mapping[str, str] = field(default_factory=dict)
    """Clones by what they are a clone of."""
    frailty: float = 0.5
    habit: float = 0.0
    money: float = 0.7
    trend: float = 0.0
    season: float = 0.0
    accounts: int = 800
    shock: float = 0.0


def population(world: World, seed: int, accounts: int | None = None) -> Population:
    """Rows of account and anniversary of a world."""
    rng = np.random.default_rng(seed)
    n = accounts or world.accounts
    joined = rng.integers(0, 4 * _YEAR, n)
    attributes = world.make(rng, joined / (4 * _YEAR))
    risk = np.log(0.15) + rng.normal(0, world.frailty, n) - world.frailty**2 / 2
    habit = rng.normal(0, world.habit, n)
    zero = np.zeros(n)
    grows, shrinks = np.log(0.2) + habit, np.log(0.08) - habit
    risk = risk + (world.churn(attributes) if world.churn else zero)
    grows = grows + (world.expansion(attributes) if world.expansion else zero)
    shrinks = shrinks + (world.contraction(attributes) if world.contraction else zero)
    mrr, alive, rows = np.exp(rng.normal(5, world.money, n)), np.ones(n, dtype=bool), []
    for year in range(5):
        day = joined + year * _YEAR
        when = world.trend * (day / (4 * _YEAR) - 0.5) + world.season * np.sin(2 * np.pi * day / _YEAR)
        left = rng.random(n) < np.minimum(np.exp(risk + when), 0.95)
        drawn = rng.random(n)
        more = drawn < np.minimum(np.exp(grows), 0.8)
        less = drawn > 1 - np.minimum(np.exp(shrinks), 0.2 if not world.contraction else 0.5)
        after = mrr * np.where(more, 1 + rng.exponential(0.3, n), np.where(less, 1 - rng.uniform(0.1, 0.6, n), 1.0))
        after = np.where(left, 0.0, after)
        there = np.flatnonzero(alive & (day < 4 * _YEAR))
        rows.append((there, day[there], mrr[there], after[there]))
        alive, mrr = alive & (after > 0), np.where(after > 0, after, mrr)
    who, day, starting, ending = (np.concatenate(part) for part in zip(*rows, strict=True))
    order = np.lexsort((day, who))
    who, day = who[order], day[order]
    frame = frame_of({name: values[who] for name, values in attributes.items()})
    since = (day - joined[who]) / _YEAR * 12
    as_of = (_BEGIN + day * np.timedelta64(1, "D")).astype("datetime64[us]")
    return Population(frame, who, as_of, starting[order], ending[order], since)


def frame_of(columns: Mapping[str, np.ndarray]) -> FeatureFrame:
    """Fit features of made-up attributes: text is a category, 0 and 1 a yes or no, all else a number."""
    features = tuple(_feature(name, values) for name, values in columns.items())
    frame = pd.DataFrame({n: v.astype(object if v.dtype.kind in "UO" else float) for n, v in columns.items()})
    return FeatureFrame(frame, FeatureCatalog(features), np.zeros(len(frame), dtype=bool))


def _feature(name: str, values: np.ndarray) -> Feature:
    kind: Any = "category" if values.dtype.kind in "UO" else "number"
    if kind == "number" and set(np.unique(values)) <= {0.0, 1.0}:
        kind = "boolean"
    recipe = Recipe("profiles", "history", "latest", name)
    return Feature(name, recipe, name, "", Scope.FIT, Signal.FIT, "third", kind, "unknown", name)


# --- attributes


def usual(rng: np.random.Generator, when: np.ndarray) -> Attributes:
    """Twelve attributes of several kinds, independent of each other."""
    n = len(when)
    return {
        "half": (rng.random(n) < 0.45).astype(float),
        "third": (rng.random(n) < 0.33).astype(float),
        "rare": (rng.random(n) < 0.10).astype(float),
        "also": (rng.random(n) < 0.5).astype(float),
        "employees": np.round(np.exp(rng.normal(4.6, 1.1, n))),
        "revenue": np.exp(rng.normal(2, 1.0, n)),
        "age": np.floor(rng.gamma(3, 5, n)),
        "industry": rng.choice(["retail", "media", "finance", "health", "travel", "law"], n),
        "country": rng.choice(["DE", "FR", "UK", "US"], n, p=[0.4, 0.3, 0.2, 0.1]),
        "triggers": rng.poisson(0.6, n).astype(float),
        "score": rng.normal(size=n),
        "tool": (rng.random(n) < 0.25).astype(float),
    }


def many(rng: np.random.Generator, when: np.ndarray) -> Attributes:
    """The usual ones and 28 that mean nothing: 40 in all."""
    n = len(when)
    more = {f"noise_{i}": rng.normal(size=n) if i % 2 else (rng.random(n) < 0.3).astype(float) for i in range(28)}
    return usual(rng, when) | more


def correlated(rng: np.random.Generator, when: np.ndarray) -> Attributes:
    """The usual ones, and others that go with `half`, `employees` and each other."""
    n, own = len(when), usual(rng, when)
    size = np.log(own["employees"])
    size = (size - 4.6) / 1.1
    own |= {f"like_size_{i}": 0.6 * size + 0.8 * rng.normal(size=n) for i in range(3)}
    common = rng.normal(size=n)
    own |= {f"factor_{i}": 0.85 * common + 0.53 * rng.normal(size=n) for i in range(6)}
    own["like_half"] = np.where(rng.random(n) < 0.6, own["half"], (rng.random(n) < 0.45).astype(float))
    return own


def cloned(rng: np.random.Generator, when: np.ndarray) -> Attributes:
    """The usual ones and a clone of `half` that differs for one account in twenty."""
    own = usual(rng, when)
    own["clone"] = np.where(rng.random(len(when)) < 0.05, 1 - own["half"], own["half"])
    return own


def drifting(rng: np.random.Generator, when: np.ndarray) -> Attributes:
    """Attributes whose share goes from a tenth to nine tenths over the years of purchase, with seasons of their own."""
    n, own = len(when), usual(rng, when)
    for name, slope in (("half", 0.8), ("third", -0.8), ("also", 0.5)):
        own[name] = (rng.random(n) < np.clip(0.5 + slope * (when - 0.5), 0, 1)).astype(float)
    own["employees"] = np.round(np.exp(rng.normal(4.0 + 1.5 * when, 1.0)))
    own["tool"] = (rng.random(n) < 0.5 + 0.4 * np.sin(2 * np.pi * 4 * when)).astype(float)
    own["industry"] = np.where(rng.random(n) < when, "finance", own["industry"])
    return own


# --- worlds

NULL: Mapping[str, World] = {
    "independent": World(usual, frailty=0.0),
    "frailty": World(usual, frailty=1.0, habit=1.0),
    "heavy_money": World(usual, money=2.0, habit=0.7),
    "many": World(many),
    "correlated": World(correlated),
    "drift": World(drifting, trend=1.5, season=0.5),
    "small": World(usual, accounts=150),
}
"""Worlds in which no attribute matters."""


def _ln(ratio: float, name: str, value: Any = 1.0) -> Effect:
    return lambda a: np.log(ratio) * (a[name] == value)


def _sum(*effects: Effect) -> Effect:
    return lambda a: np.sum([effect(a) for effect in effects], axis=0)


def _middle(a: Attributes) -> np.ndarray:
    return np.log(0.42) * ((a["employees"] >= 50) & (a["employees"] < 200))


def _one(*names: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset({name}) for name in names)


PLANTED: Mapping[str, World] = {
    "yes_or_no": World(usual, churn=_sum(_ln(0.5, "half"), _ln(2.2, "industry", "travel")),
                       planted=_one("half", "industry")),
    "number": World(usual, churn=lambda a: np.log(2.0) * (a["revenue"] < 5.0), planted=_one("revenue")),
    "middle": World(usual, churn=_middle, planted=_one("employees")),
    "interaction": World(usual, churn=lambda a: np.log(0.3) * (a["half"] * a["also"]),
                         planted=(frozenset({"half", "also"}),)),
    "clone": World(cloned, churn=_ln(0.5, "half"), planted=_one("half"), same={"clone": "half"}),
    "rare": World(usual, churn=_ln(2.5, "rare"), planted=_one("rare")),
    "expansion": World(usual, expansion=_ln(2.0, "third"), planted=_one("third")),
    "contraction": World(usual, contraction=_ln(2.5, "half"), planted=_one("half")),
    "correlated": World(correlated, churn=_sum(_ln(0.5, "half"), lambda a: np.log(2.0) * (a["employees"] < 60)),
                        planted=_one("half", "employees")),
    "many": World(many, churn=_sum(_ln(0.5, "half"), _ln(2.0, "third"), _ln(2.2, "country", "UK")),
                  planted=_one("half", "third", "country")),
    "drift": World(drifting, churn=_sum(_ln(0.5, "half"), _ln(2.0, "tool")), trend=0.8, season=0.3,
                   planted=_one("half", "tool")),
}  # fmt: skip
"""Worlds in which some attributes matter, with yearly hazard ratios of 1.8 to 2.5 (or 1/2 of that)."""


def with_accounts(world: World, accounts: int) -> World:
    """The same with another number of accounts."""
    return replace(world, accounts=accounts)

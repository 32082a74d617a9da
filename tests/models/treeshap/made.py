"""Boosters of every kind that LightGBM makes, and rows that lie where their decisions turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import lightgbm
import numpy as np

PLAIN: Mapping[str, Any] = {
    "objective": "binary",
    "num_leaves": 15,
    "min_data_in_leaf": 5,
    "min_data_in_bin": 1,
    "learning_rate": 0.2,
    "feature_pre_filter": False,
    "deterministic": True,
    "num_threads": 1,
    "verbosity": -1,
}
HUGE = (np.inf, -np.inf, 1e300, -1e300, 5e-324, -5e-324, 1e-35, -1e-35, 1e-36, 2.0**31, -1.0, -0.5, 0.5, 1e10, 70.0)


@dataclass(frozen=True)
class Made:
    """A booster's text, its training rows, and rows to explain."""

    text: str
    matrix: np.ndarray
    rows: np.ndarray

    @property
    def booster(self) -> lightgbm.Booster:
        """The booster that LightGBM makes of the text."""
        return lightgbm.Booster(model_str=self.text)

    def explained(self, rows: np.ndarray | None = None) -> tuple[np.ndarray, float]:
        """LightGBM's own contributions, shape (n, width), and base."""
        found = np.asarray(self.booster.predict(self.rows if rows is None else rows, pred_contrib=True, num_threads=1))
        return found[:, :-1], float(found[0, -1])


@dataclass(frozen=True)
class Recipe:
    """How a booster is made; `rows` trained on `width` columns, of which the last `categories` hold categories."""

    rounds: int = 8
    rows: int = 400
    width: int = 6
    missing: float = 0.15
    zeros: float = 0.1
    categories: int = 0
    weighted: bool = False
    chained: bool = False
    options: tuple[tuple[str, Any], ...] = ()


def recipe(**given: Any) -> Recipe:
    """A recipe; what is no field of it is an option of LightGBM."""
    own = {name: given.pop(name) for name in list(given) if name in Recipe.__dataclass_fields__}
    return Recipe(**own, options=tuple(given.items()))


RECIPES: Mapping[str, Recipe] = {
    "plain": recipe(),
    "stumps": recipe(max_depth=1, num_leaves=2, rounds=20),
    "depth 2": recipe(max_depth=2, num_leaves=4),
    "depth 6, as in Leap": recipe(max_depth=6, num_leaves=31, max_bin=63, rounds=15, width=12),
    "63 leaves without a limit": recipe(num_leaves=63, rows=900, width=10, rounds=5),
    "one column": recipe(width=1, num_leaves=31),
    "two columns, each many times on a path": recipe(width=2, num_leaves=63, rows=900),
    "forty columns": recipe(width=40, rounds=12),
    "nothing missing": recipe(missing=0.0, zeros=0.0),
    "much missing": recipe(missing=0.7),
    "zero is missing": recipe(zero_as_missing=True, zeros=0.3),
    "nothing may be missing": recipe(use_missing=False),
    "categories": recipe(categories=3, min_data_per_group=5, cat_smooth=1.0),
    "categories one by one": recipe(categories=3, max_cat_to_onehot=64, min_data_per_group=5, cat_smooth=1.0),
    "categories only": recipe(categories=4, width=4, min_data_per_group=5, cat_smooth=1.0),
    "monotone": recipe(monotone_constraints=[1, -1, 0, 0, 0, 0]),
    "bagged": recipe(bagging_fraction=0.6, bagging_freq=1, feature_fraction=0.5),
    "weighted": recipe(weighted=True),
    "many bins": recipe(max_bin=1023, rows=1500, num_leaves=63, rounds=6, width=3),
    "regression": recipe(objective="regression"),
    "poisson": recipe(objective="poisson"),
    "no average to begin with": recipe(objective="regression", boost_from_average=False),
    "extremely random": recipe(extra_trees=True),
    "dart": recipe(boosting="dart", drop_rate=0.3),
    "nothing to find": recipe(min_data_in_leaf=300, rounds=3),
    "no tree": recipe(rounds=0),
    **{
        f"{most} features on a path": recipe(
            chained=True,
            objective="regression",
            width=most,
            rows=4000,
            rounds=3,
            missing=0.0,
            zeros=0.0,
            num_leaves=most + 20,
        )
        for most in (10, 14, 18, 26)
    },
}


@cache
def made(name: str) -> Made:
    """The booster of a recipe by name."""
    return make(RECIPES[name], seed=sorted(RECIPES).index(name))


def make(how: Recipe, seed: int) -> Made:
    """A booster and 12 rows that lie at, just beside and far from its thresholds."""
    random = np.random.default_rng(seed)
    matrix = table(how, random)
    options = dict(how.options)
    outcome = chained(matrix) if how.chained else outcomes(matrix, str(options.get("objective", "binary")), random)
    weight = random.uniform(0.2, 3, how.rows) if how.weighted else None
    categorical = list(range(how.width - how.categories, how.width))
    options = {**PLAIN, **options, "seed": seed}
    data = lightgbm.Dataset(matrix, outcome, weight=weight, categorical_feature=categorical, params=dict(options))
    booster = lightgbm.Booster(options, data)
    for _ in range(how.rounds):
        booster.update()
    text = booster.model_to_string()
    return Made(text, matrix, probing(text, how.width, random))


def table(how: Recipe, random: np.random.Generator) -> np.ndarray:
    """Numbers, some missing and some 0, and columns of categories from 0 to 64."""
    matrix = random.normal(size=(how.rows, how.width))
    matrix *= 1.0 if how.chained else random.choice([1e-3, 1.0, 1e4], how.width)
    for column in range(how.width - how.categories, how.width):
        matrix[:, column] = random.choice([0, 1, 2, 3, 5, 8, 31, 32, 33, 63, 64], how.rows)
    matrix[random.random(matrix.shape) < how.zeros] = 0.0
    matrix[random.random(matrix.shape) < how.missing] = np.nan
    return matrix


def chained(matrix: np.ndarray) -> np.ndarray:
    """How many columns, from the first on, hold a number above -1.5 without one below: a tree asks one by one."""
    return 1.5 ** np.cumprod(matrix > -1.5, axis=1).sum(axis=1)


def outcomes(matrix: np.ndarray, objective: str, random: np.random.Generator) -> np.ndarray:
    """What the columns, their products and what is missing tell, with noise."""
    filled = np.nan_to_num(matrix / np.nanmax(np.abs(matrix), axis=0, initial=1e-12), nan=0.3)
    effects = random.normal(size=filled.shape[1])
    told = filled @ effects + 2 * filled[:, 0] * filled[:, -1] + np.sin(5 * filled).sum(axis=1) / 3
    told = told + 0.3 * random.normal(size=len(told))
    if objective == "binary":
        return (told > np.median(told)).astype(float)
    return np.exp(told - told.max() + 1) if objective == "poisson" else 100 + 10 * told


def probing(text: str, width: int, random: np.random.Generator, n: int = 12) -> np.ndarray:
    """Rows of values at a threshold, next to one, missing, 0 and extreme, shape (n, width)."""
    from tests.models.treeshap.oracle import trees_of

    near: dict[int, list[float]] = {feature: [0.0, np.nan, *HUGE] for feature in range(width)}
    for tree in trees_of(text):
        for node, feature in enumerate(tree.feature):
            at = tree.threshold[node]
            if tree.decision[node] & 1:
                near[feature] += [float(one) for one in range(66)]
            else:
                near[feature] += 3 * [at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)]
    return np.array([[random.choice(near[feature]) for feature in range(width)] for _ in range(n)]).reshape(n, width)

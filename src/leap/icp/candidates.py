"""Candidate rules from drivers: conditions with round numbers that enough accounts meet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from leap.features import Feature
from leap.icp.population import Population
from leap.icp.rules import Condition, Rule

_MIN_MATCHED = 15
_MIN_SHARE, _MAX_SHARE = 0.03, 0.9
_MAX_LEVELS = 8


def candidates(population: Population, features: Sequence[Feature]) -> list[Rule]:
    """Single conditions on the given features that enough, and not nearly all, accounts of the population meet."""
    rules = []
    for feature in features:
        for condition in _conditions(feature, population.frame.frame[feature.name]):
            rule = Rule((condition,))
            if _supported(rule, population):
                rules.append(rule)
    return rules


def pairs(population: Population, rules: Sequence[Rule]) -> list[Rule]:
    """Two conditions on different features, again with enough accounts."""
    found = []
    for a, b in itertools.combinations(rules, 2):
        joined = Rule(a.conditions + b.conditions)
        narrower = not any(same_rows(joined, part, population) for part in (a, b))
        if not a.features & b.features and narrower and _supported(joined, population):
            found.append(joined)
    return found


def same_rows(a: Rule, b: Rule, population: Population) -> bool:
    """Rules that hold for nearly the same rows (at least 80 % of those of either) say the same."""
    one, two = a.matches(population.columns), b.matches(population.columns)
    return bool((one & two).sum() >= 0.8 * max((one | two).sum(), 1))


def _supported(rule: Rule, population: Population) -> bool:
    inside = rule.matches(population.columns)
    matched = len(np.unique(population.accounts[inside]))
    others = len(np.unique(population.accounts[~inside]))
    return min(matched, others) >= _MIN_MATCHED and _MIN_SHARE <= inside.mean() <= _MAX_SHARE


def _conditions(feature: Feature, column: pd.Series) -> list[Condition]:
    if feature.kind == "boolean":
        return [Condition(feature, "==", 1.0), Condition(feature, "==", 0.0)]
    if feature.kind == "category":
        levels = column.dropna().value_counts().index[:_MAX_LEVELS]
        return [Condition(feature, "==", str(level)) for level in sorted(map(str, levels))]
    number = column.to_numpy(dtype=float)
    number = number[~np.isnan(number)]
    if not len(number):
        return []
    edges = sorted({round_number(float(q)) for q in np.quantile(number, [0.25, 0.5, 0.75])})
    if number.min() < 1 <= number.max() and float(np.median(number)) <= 1:
        edges = sorted({*edges, 1.0})  # counts: none against any
    edges = [edge for edge in edges if number.min() < edge <= number.max()]
    found = [Condition(feature, op, edge) for edge in edges for op in (">=", "<")]
    found += [Condition(feature, "between", (low, high)) for low, high in itertools.combinations(edges, 2)]
    return found


def round_number(value: float) -> float:
    """The number with one and a half digits that a person would say.

    >>> [round_number(v) for v in (187.3, 52.0, 0.137, 1.0)]
    [200.0, 50.0, 0.15, 1.0]
    """
    if value == 0:
        return 0.0
    unit = 10 ** np.floor(np.log10(abs(value)))
    steps = np.array([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10])
    nearest = steps[np.argmin(np.abs(steps - abs(value) / unit))]
    return float(np.sign(value) * round(nearest * unit, 10))

"""Candidate rules from drivers: conditions with numbers that people say, which enough accounts meet."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from leap.features import Feature
from leap.icp.population import Population
from leap.icp.rules import MOST_CONDITIONS, Condition, Rule

_MIN_MATCHED = 15
_MIN_SHARE, _MAX_SHARE = 0.03, 0.9
_MAX_LEVELS = 8
_EIGHTHS = np.arange(1, 8) / 8
_NEAR = 0.04
"""Share of the accounts by which a round number may miss the quantile it stands for: that costs less than an account
in twenty-five, which no measurement here could tell.
"""


def candidates(population: Population, features: Sequence[Feature]) -> list[Rule]:
    """Single conditions on the given features that enough, and not nearly all, accounts of the population meet."""
    rules = [
        Rule((condition,))
        for feature in features
        for condition in conditions_of(feature, population.frame.frame[feature.name])
    ]
    return [rule for rule in rules if supported(population.meets(rule), population.accounts)]


def joined(rules: Sequence[Rule], others: Sequence[Rule]) -> list[Rule]:
    """Rules with the conditions of one and of another, on different features, each once."""
    found: dict[frozenset[Condition], Rule] = {}
    for a, b in itertools.product(rules, others):
        together = frozenset(a.conditions + b.conditions)
        if not a.features & b.features and len(together) <= MOST_CONDITIONS:
            found.setdefault(together, Rule(a.conditions + b.conditions))
    return list(found.values())


def together(feature: Feature, levels: Sequence[str]) -> Rule:
    """Several categories that behave alike as one condition."""
    return Rule((Condition(feature, "in", tuple(sorted(levels))),))


def same_rows(a: Rule, b: Rule, population: Population) -> bool:
    """Rules that hold for nearly the same rows say the same."""
    return nearly_same(a.matches(population.columns), b.matches(population.columns))


def nearly_same(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether two masks mark nearly the same rows, at least 80 % of those of either."""
    return bool((one & two).sum() >= 0.8 * max((one | two).sum(), 1))


def supported(inside: np.ndarray, accounts: np.ndarray, fewest: int = _MIN_MATCHED) -> bool:
    """Whether enough accounts meet a rule, and enough do not."""
    if not _MIN_SHARE <= inside.mean() <= _MAX_SHARE and fewest == _MIN_MATCHED:
        return False
    return min(len(np.unique(accounts[inside])), len(np.unique(accounts[~inside]))) >= fewest


def conditions_of(feature: Feature, column: pd.Series) -> list[Condition]:
    """The conditions on a feature that are looked at."""
    if feature.kind == "boolean":
        return [Condition(feature, "==", 1.0), Condition(feature, "==", 0.0)]
    if feature.kind == "category":
        levels = column.dropna().value_counts().index[:_MAX_LEVELS]
        return [Condition(feature, "==", str(level)) for level in sorted(map(str, levels))]
    number = column.to_numpy(dtype=float)
    edges = _edges(np.sort(number[np.isfinite(number)]))
    found = [Condition(feature, op, edge) for edge in edges for op in (">=", "<")]
    found += [Condition(feature, "between", (low, high)) for low, high in itertools.combinations(edges, 2)]
    return found


def _edges(number: np.ndarray) -> list[float]:
    """Round numbers near the eighths of sorted values, and 1 where many have none at all."""
    if not len(number) or number[0] == number[-1]:
        return []
    edges = {
        round_within(float(np.quantile(number, max(q - _NEAR, 0))), float(np.quantile(number, min(q + _NEAR, 1))))
        for q in _EIGHTHS
    }
    if number[0] < 1 <= number[-1] and float(np.median(number)) <= 1:
        edges.add(1.0)  # counts: none against any
    if set(np.unique(number[:: max(len(number) // 500, 1)])) <= {0.0, 1.0}:
        edges = {1.0}
    return sorted(edge for edge in edges if number[0] < edge <= number[-1])


def round_within(low: float, high: float) -> float:
    """The number between two that a person would say: of all in between the one with the roundest step.

    >>> round_within(47, 58), round_within(180, 230), round_within(0.13, 0.16), round_within(2003.2, 2006.9)
    (50.0, 200.0, 0.15, 2005.0)
    >>> round_within(-0.2, 0.3), round_within(7, 7), round_within(1.01, 1.02)
    (0.0, 7.0, 1.02)
    """
    if low <= 0 <= high:
        return 0.0
    if low == high:
        return float(low)
    largest = int(np.floor(np.log10(max(abs(low), abs(high))))) + 1
    for power in range(largest, largest - 16, -1):
        for step in (5, 2.5, 2, 1):
            unit = step * 10.0**power
            nearest = round((low + high) / 2 / unit) * unit
            if low - 1e-12 <= nearest <= high + 1e-12 and (step != 2.5 or power > 0):
                return float(round(nearest, 12))
    return (low + high) / 2

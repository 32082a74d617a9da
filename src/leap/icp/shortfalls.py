"""How far values are from meeting a condition: as a share of its bound, and in words.

    Employees: at least 200 people     180 people     0.1 of the bound, "20 people short"

Only numbers are near or far. A category or a yes or no is met or not, and what is not recorded is not near anything.
"""

from __future__ import annotations

import math

import numpy as np

from leap.explanation import wording
from leap.explanation.figures import number
from leap.icp.rules import Columns, Condition

NEVER = math.inf
"""The shortfall where no small move of a number meets the condition."""
_ON_THE_BOUND = 1e-12
"""The shortfall of a value that equals a bound which it has to exceed."""
_YEARS_OF_A_NUMBER = 10.0
"""A calendar year counts from no zero that matters: 10 % of 2015 is two centuries. Its band is a share of ten years."""


def shortfall(condition: Condition, columns: Columns) -> np.ndarray:
    """By which share of the bound a row misses the condition, shape (n,): 0 where met, infinite where not in numbers.

    A bound of zero has no share: whatever misses it misses it by more than any band.
    """
    met = condition.matches(columns)
    if condition.feature.kind != "number" or condition.op in ("==", "!=") or met.all():
        return np.where(met, 0.0, NEVER)
    values = np.asarray(columns[condition.feature.name]).astype(float)
    bound = _nearest_bound(condition, values)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        share = np.abs(values - bound) / whole_of(condition, bound)
    share = np.where(np.isnan(share), NEVER, np.maximum(share, _ON_THE_BOUND))
    return np.where(met, 0.0, share)


def whole_of(condition: Condition, bound: np.ndarray) -> np.ndarray:
    """What a distance from a bound is a share of."""
    return np.full(len(bound), _YEARS_OF_A_NUMBER) if condition.is_of_years else np.abs(bound)


def words_of(condition: Condition, value: object) -> str:
    """What an account is instead of what a condition asks for, with the distance where it is one of numbers.

    >>> from leap.features import Feature, Recipe, Scope, Signal
    >>> f = Feature("e", Recipe("t", "history", "latest"), "Employees", "people", Scope.FIT, Signal.FIT, "third",
    ...             "number", "not recorded", "e")
    >>> words_of(Condition(f, ">=", 200.0), 192.0)
    'Employees: at least 200 people (192 people, 8 people short)'
    >>> words_of(Condition(f, "between", (50.0, 200.0)), 210.0)
    'Employees: 50 to under 200 people (210 people, 10 people over)'
    >>> words_of(Condition(f, "<", 200.0), float("nan"))
    'Employees: under 200 people (not recorded)'
    """
    feature = condition.feature
    said = wording.value_of(feature, value)
    if feature.kind != "number" or condition.op in ("==", "!=") or wording.is_missing(value):
        return f"{condition.words} ({said})"
    found = float(str(value))
    bound = float(_nearest_bound(condition, np.array([found]))[0])
    if found == bound:
        return f"{condition.words} (just {said})"
    return (
        f"{condition.words} ({said}, {_distance(condition, abs(found - bound))} {'short' if found < bound else 'over'})"
    )


def _distance(condition: Condition, distance: float) -> str:
    """A distance in the unit of its feature."""
    return number(distance) if condition.is_of_years else wording.measured(distance, condition.feature.unit)


def _nearest_bound(condition: Condition, values: np.ndarray) -> np.ndarray:
    """The bound that a value misses or is nearest to, shape (n,)."""
    if condition.op != "between":
        return np.full(len(values), float(condition.value))  # type: ignore[arg-type]
    low, high = (float(bound) for bound in condition.value)  # type: ignore[union-attr]
    return np.where(np.abs(values - low) <= np.abs(values - high), low, high)

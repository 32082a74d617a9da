"""Rules are data: conditions on fit features, joined by and; sentences are made at the end."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from leap.errors import CatalogError
from leap.explanation import wording
from leap.features import Feature, FeatureCatalog, Scope

Operator = Literal["==", "!=", "in", "not in", ">=", ">", "<=", "<", "between"]
Value = float | str | bool | tuple[float, float] | tuple[str, ...]
MOST_CONDITIONS = 3
_TESTS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, ">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt,
}  # fmt: skip
Columns = Mapping[str, Any]
"""Values by feature name, one array each."""


@dataclass(frozen=True)
class Condition:
    """One test of a fit feature; `between` means [low, high), `in` one of several categories.

    A missing value meets no condition but `!=` and `not in`.

    A condition on a health feature cannot be built: what exists only once a company is a customer never makes an ICP.
    """

    feature: Feature
    op: Operator
    value: Value

    def __post_init__(self) -> None:
        if self.feature.scope != Scope.FIT:
            raise CatalogError(
                f"{self.feature.name} has scope {self.feature.scope}; an ICP condition needs a fit feature, "
                "true of a company before it buys."
            )

    def matches(self, columns: Columns) -> np.ndarray:
        """Which rows meet the condition, shape (n,)."""
        column = np.asarray(columns[self.feature.name])
        if self.feature.kind == "category":
            wanted = self.levels
            among = np.array([value in wanted for value in column], dtype=bool)
            return ~among if self.op in ("!=", "not in") else among
        number = np.asarray(column, dtype=float)
        if self.op == "between":
            low, high = self._bounds
            return np.asarray((number >= low) & (number < high))
        if self.op in ("in", "not in"):
            raise CatalogError(f"{self.feature.name}: {self.op!r} is of categories, found a {self.feature.kind}.")
        return np.asarray(_TESTS[self.op](number, float(self.value)))  # type: ignore[arg-type]

    @cached_property
    def is_of_years(self) -> bool:
        """Whether its number is a calendar year, by the name of its column and its bounds."""
        feature = self.feature
        bounds = self.value if isinstance(self.value, tuple) else (self.value,)
        named = "year" in f"{feature.recipe.column or feature.name} {feature.unit}".lower().replace("years", "")
        return named and all(1800 <= float(bound) <= 2200 for bound in bounds)

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """The categories that a condition on a category names."""
        if self.op in ("in", "not in"):
            if not isinstance(self.value, tuple) or not self.value:
                raise CatalogError(f"{self.feature.name}: {self.op} needs categories, found {self.value!r}.")
            return tuple(str(level) for level in self.value)
        return (str(self.value),)

    @property
    def _bounds(self) -> tuple[float, float]:
        """The two ends of `between`."""
        if not isinstance(self.value, tuple) or len(self.value) != 2:
            raise CatalogError(f"{self.feature.name}: between needs two bounds, found {self.value!r}.")
        return float(self.value[0]), float(self.value[1])

    @property
    def words(self) -> str:
        """The condition as people say it.

        >>> from dataclasses import replace
        >>> from leap.features import Recipe, Signal
        >>> f = Feature("e", Recipe("t", "history", "latest"), "Employees", "people", Scope.FIT, Signal.FIT, "third",
        ...             "number", "unknown", "e")
        >>> Condition(f, "between", (50.0, 200.0)).words
        'Employees: 50 to under 200 people'
        >>> Condition(replace(f, label="Tickets", unit="tickets"), ">=", 1.0).words
        'Tickets: at least 1 ticket'
        >>> Condition(replace(f, label="Industry", kind="category"), "not in", ("Media", "Retail", "Banks")).words
        'Industry: none of Media, Retail or Banks'
        """
        label = self.feature.label
        if self.feature.kind == "boolean":
            yes = (float(self.value) >= 0.5) == (self.op == "==")  # type: ignore[arg-type]
            return label if yes else f"not: {label}"
        if self.feature.kind == "category":
            *rest, last = self.levels
            names = f"{', '.join(rest)} or {last}" if rest else last
            no = "" if self.op in ("==", "in") else "none of " if rest else "not "
            return f"{label}: {no}{names}"
        if self.op == "between":
            low, high = self._bounds
            return f"{label}: {wording.between(low, high, self.feature.unit)}"
        sign = {
            ">=": "at least", ">": "more than", "<=": "at most", "<": "under", "==": "exactly", "!=": "other than",
        }[self.op]  # fmt: skip
        return f"{label}: {sign} {wording.measured(float(self.value), self.feature.unit)}"  # type: ignore[arg-type]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`."""
        value: Any = self.value
        if self.feature.kind == "boolean":
            value = float(self.value) >= 0.5  # type: ignore[arg-type]
        elif isinstance(value, tuple):
            value = list(value)
        return {
            "feature": self.feature.name,
            "op": self.op,
            "value": value,
            "label": self.feature.label,
            "words": self.words,
            "signal": str(self.feature.signal),
            "party": self.feature.party,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], feature: Feature) -> Condition:
        """The inverse of `to_json`."""
        value = document["value"]
        if isinstance(value, list):
            of_levels = document["op"] in ("in", "not in")
            value = tuple(map(str, value)) if of_levels else (float(value[0]), float(value[1]))
        return cls(feature, document["op"], float(value) if isinstance(value, bool) else value)


@dataclass(frozen=True)
class Rule:
    """One to three conditions that all hold."""

    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.conditions) <= MOST_CONDITIONS:
            raise CatalogError(f"A rule has one to {MOST_CONDITIONS} conditions, found {len(self.conditions)}.")

    def matches(self, columns: Columns) -> np.ndarray:
        """Which rows meet every condition, shape (n,)."""
        return np.asarray(np.logical_and.reduce([condition.matches(columns) for condition in self.conditions]))

    @property
    def words(self) -> str:
        """All conditions as people say them."""
        return " and ".join(condition.words for condition in self.conditions)

    @property
    def features(self) -> frozenset[str]:
        """Names of the features used."""
        return frozenset(condition.feature.name for condition in self.conditions)


def rule_from_json(conditions: Sequence[Mapping[str, Any]], catalog: FeatureCatalog) -> Rule:
    """A rule from its conditions as stored, with the features of a catalog."""
    return Rule(tuple(Condition.from_json(c, catalog.by_name[c["feature"]]) for c in conditions))

"""Rules are data: conditions on fit features, joined by and; sentences are made at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from leap.errors import CatalogError
from leap.explanation import wording
from leap.features import Feature, Scope

Operator = Literal["==", "!=", ">=", "<", "between"]
Value = float | str | bool | tuple[float, float]
Columns = Mapping[str, Any]
"""Values by feature name, one array each."""


@dataclass(frozen=True)
class Condition:
    """One test of a fit feature; `between` means [low, high). A missing value meets no condition but `!=`.

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
            equal = np.array([value == self.value for value in column], dtype=bool)
            return ~equal if self.op == "!=" else equal
        number = column.astype(float)
        if self.op == "between":
            low, high = self._bounds
            return np.asarray((number >= low) & (number < high))
        bound = float(self.value)  # type: ignore[arg-type]
        tests = {"==": number == bound, "!=": number != bound, ">=": number >= bound, "<": number < bound}
        return np.asarray(tests[self.op])

    @property
    def _bounds(self) -> tuple[float, float]:
        """The two ends of `between`."""
        if not isinstance(self.value, tuple):
            raise CatalogError(f"{self.feature.name}: between needs two bounds, found {self.value!r}.")
        return self.value

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
        """
        label = self.feature.label
        if self.feature.kind == "boolean":
            yes = (float(self.value) >= 0.5) == (self.op == "==")  # type: ignore[arg-type]
            return label if yes else f"not: {label}"
        if self.feature.kind == "category":
            return f"{label}: {'not ' if self.op == '!=' else ''}{self.value}"
        if self.op == "between":
            low, high = self._bounds
            return f"{label}: {wording.between(low, high, self.feature.unit)}"
        sign = {">=": "at least", "<": "under", "==": "exactly", "!=": "other than"}[self.op]
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
            value = (float(value[0]), float(value[1]))
        return cls(feature, document["op"], float(value) if isinstance(value, bool) else value)


@dataclass(frozen=True)
class Rule:
    """Up to three conditions that all hold."""

    conditions: tuple[Condition, ...]

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


@dataclass(frozen=True)
class Measured:
    """A figure inside and outside a rule; `lift` is their difference with its 95 % interval over accounts."""

    inside: float
    outside: float
    low: float
    high: float

    @property
    def lift(self) -> float:
        """Inside less outside."""
        return self.inside - self.outside

    @property
    def ratio(self) -> float | None:
        """Inside over outside; None where outside is zero."""
        return self.inside / self.outside if self.outside else None

    def to_json(self) -> dict[str, Any]:
        """With lift and ratio."""
        return {
            "inside": self.inside,
            "outside": self.outside,
            "lift": self.lift,
            "low": self.low,
            "high": self.high,
            "ratio": self.ratio,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Measured:
        """The inverse of `to_json`."""
        return cls(**{name: float(document[name]) for name in ("inside", "outside", "low", "high")})


@dataclass(frozen=True)
class Evidence:
    """What a rule did on accounts it was not derived from. Lift is a difference, in fractions of NRR (or of `metric`).

    `accounts` were measured, `matched` of them met the rule; `tried` counts every rule looked at; `q_value` is the
    Benjamini-Hochberg false-discovery rate among the rules measured.
    """

    accounts: int
    matched: int
    figures: Mapping[str, Measured]
    metric: str
    found_on: Mapping[str, Any]
    measured_on: Mapping[str, Any]
    tried: int
    q_value: float
    by_year: tuple[Mapping[str, Any], ...] = ()
    """Churn inside and outside by the year of the snapshot, with counts: whether it holds in every cohort."""

    @property
    def support(self) -> float:
        """Share of the measured accounts that meet the rule."""
        return self.matched / self.accounts if self.accounts else 0.0

    @property
    def headline(self) -> Measured:
        """The figure that decided."""
        return self.figures[self.metric]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`: the headline's figures, the others beside it."""
        return {
            "accounts": self.accounts,
            "matched": self.matched,
            "support": self.support,
            "metric": self.metric,
            **self.headline.to_json(),
            **{name: figure.to_json() for name, figure in self.figures.items()},
            "found_on": dict(self.found_on),
            "measured_on": dict(self.measured_on),
            "tried": self.tried,
            "q_value": self.q_value,
            "by_year": [dict(year) for year in self.by_year],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_json`."""
        figures = {
            name: Measured.from_json(document[name])
            for name in ("nrr", "churn", "expansion_rate")
            if isinstance(document.get(name), Mapping)
        }
        keys = ("accounts", "matched", "metric", "found_on", "measured_on", "tried", "q_value")
        years = tuple(document.get("by_year", ()))
        return cls(figures=figures, by_year=years, **{key: document[key] for key in keys})

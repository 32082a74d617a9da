"""What a feature is: a declaration that the one feature path computes and a sentence that people read."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Literal

from leap.errors import CatalogError


class Scope(StrEnum):
    """Whether a feature is true of a company before it buys (fit) or exists only once it is a customer (health)."""

    FIT = "fit"
    HEALTH = "health"


class Signal(StrEnum):
    """Category of an ICP attribute."""

    FIT = "fit"
    ECONOMIC = "economic"
    RETENTION = "retention"
    BUYING = "buying"
    DISQUALIFICATION = "disqualification"


class Layer(StrEnum):
    """What kind of knowledge about a company a feature is: what it is, what it uses, what it does, or its market."""

    FIRMOGRAPHIC = "firmographic"
    TECHNOGRAPHIC = "technographic"
    BEHAVIOURAL = "behavioural"
    ENVIRONMENTAL = "environmental"


LAYERS: Final = {"periods": Layer.TECHNOGRAPHIC, "events": Layer.BEHAVIOURAL, "market": Layer.ENVIRONMENTAL}
"""The layer of a table by its shape, where none is declared; all others are firmographic."""

CHANGE: Final = "of what it was"
"""Unit of a change as a share of what was before: 0.12 is 12 % more."""
SHARE: Final = "share"
"""Unit of a part of a whole, as a fraction."""
RATE: Final = "times as much"
"""Unit of one rate against another."""

Kind = Literal["number", "boolean", "category"]
Nature = Literal["actionable", "fixed", "consequence"]


@dataclass(frozen=True)
class Recipe:
    """How a feature comes from a table: the operation of a family, over which column, kind and window."""

    table: str
    family: str
    operation: str
    column: str | None = None
    kind: str | None = None
    window_days: int | None = None


@dataclass(frozen=True)
class Feature:
    """One column of the feature matrix, with the words that people read.

    `missing` says what a missing value means. `group` joins features of one family that say nearly the same.
    `actionable` is what the company can move; `consequence` what only follows from a decision already taken.
    """

    name: str
    recipe: Recipe
    label: str
    unit: str
    scope: Scope
    signal: Signal
    party: str
    kind: Kind
    missing: str
    group: str
    direction: Literal["none", "up", "down"] = "none"
    actionable: bool = False
    consequence: bool = False
    layer: Layer = Layer.FIRMOGRAPHIC

    @property
    def nature(self) -> Nature:
        """What may be done with it: a consequence is never a lever, whatever else was declared of it."""
        if self.consequence:
            return "consequence"
        return "actionable" if self.actionable else "fixed"

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Feature:
        """The inverse of `to_json`."""
        fields = dict(document)
        fields["recipe"] = Recipe(**fields["recipe"])
        fields["scope"], fields["signal"] = Scope(fields["scope"]), Signal(fields["signal"])
        fields["layer"] = Layer(fields["layer"])
        return cls(**fields)


@dataclass(frozen=True)
class FeatureCatalog:
    """The features of a model, in the order of its matrix."""

    features: tuple[Feature, ...]

    @cached_property
    def by_name(self) -> dict[str, Feature]:
        """Features by name."""
        return {feature.name: feature for feature in self.features}

    @property
    def names(self) -> list[str]:
        """Names in order."""
        return [feature.name for feature in self.features]

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with the names, recipes, kinds or scopes of the features."""
        parts = [[f.name, asdict(f.recipe), f.kind, f.scope] for f in self.features]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def of_scope(self, scope: Scope) -> FeatureCatalog:
        """Only the features of a scope, in order."""
        return FeatureCatalog(tuple(f for f in self.features if f.scope == scope))

    def with_features(self, names: Iterable[str]) -> FeatureCatalog:
        """Only the named features, in this catalog's order."""
        wanted = set(names)
        return FeatureCatalog(tuple(f for f in self.features if f.name in wanted))

    def require(self, names: Iterable[str]) -> None:
        """CatalogError for a name that is not in the catalog, with the nearest one.

        >>> FeatureCatalog(()).require(["x"])
        Traceback (most recent call last):
        ...
        leap.errors.CatalogError: Unknown feature 'x'; expected one of the catalog's 0 features.
        """
        for name in names:
            if name not in self.by_name:
                near = difflib.get_close_matches(name, self.names, n=1, cutoff=0.5)
                hint = (
                    f"did you mean {near[0]!r}?"
                    if near
                    else f"expected one of the catalog's {len(self.features)} features."
                )
                raise CatalogError(f"Unknown feature {name!r}; {hint}", details=[name])

    def same_as(self, columns: Iterable[str]) -> None:
        """CatalogError with a diff if columns are not exactly the catalog's, in its order."""
        found, expected = list(columns), self.names
        if found != expected:
            diff = "\n".join(difflib.ndiff(expected, found))
            raise CatalogError(f"Features differ from the catalog (- expected, + found):\n{diff}")

    def to_json(self) -> list[dict[str, Any]]:
        """As stored in the bundle."""
        return [feature.to_json() for feature in self.features]

    @classmethod
    def from_json(cls, document: Iterable[Mapping[str, Any]]) -> FeatureCatalog:
        """The inverse of `to_json`."""
        return cls(tuple(Feature.from_json(feature) for feature in document))

"""Accounts that do alike for the same reasons: clusters of what the fit model adds, and what followed in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Pooled:
    """NRR of a part of the accounts, partially pooled: `nrr` is the seen one drawn towards that of the whole.

    `weight` is how much the part's own history counts (1: alone, 0: it says nothing beyond the whole); `low` and `high`
    are the 95 % interval of `nrr`.
    """

    accounts: int
    seen: float
    whole: float
    nrr: float
    low: float
    high: float
    weight: float

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of a profile, under `pooled`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pooled:
        """The inverse of `to_json`."""
        return cls(**document)


@dataclass(frozen=True)
class Described:
    """The segment that a rule describes: of `accounts` in it the rule holds for `recall`, and of those for which the
    rule holds `precision` are in it; `f1` is their harmonic mean. `by` are the labels of the features whose
    contributions tell it from the others, most first. `pooled` is what followed in the segment.
    """

    number: int
    accounts: int
    f1: float
    precision: float
    recall: float
    by: tuple[str, ...]
    pooled: Pooled

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of a profile, under `segment`."""
        return {**asdict(self), "by": list(self.by), "pooled": self.pooled.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Described:
        """The inverse of `to_json`."""
        return cls(**{**document, "by": tuple(document["by"]), "pooled": Pooled.from_json(document["pooled"])})

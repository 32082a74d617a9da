"""Figures of every attribute that held, and of every single condition that profiles are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leap.features import FeatureCatalog
from leap.icp.attributes import Attribute
from leap.icp.rules import Rule, rule_from_json

if TYPE_CHECKING:
    from leap.icp.profiles import ICPProfile

MOST = 60
"""Rules that figures are given of: those of profiles first, then attributes by their evidence."""


@dataclass(frozen=True)
class Criterion:
    """A rule with its figures inside and outside, in the form of `kpis` of a profile."""

    rule: Rule
    kpis: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `criteria`."""
        conditions = [condition.to_json() for condition in self.rule.conditions]
        return {"words": self.rule.words, "conditions": conditions, "kpis": dict(self.kpis)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Criterion:
        """The inverse of `to_json`."""
        return cls(rule_from_json(document["conditions"], catalog), document["kpis"])


def rules_of(profiles: Sequence[ICPProfile], attributes: Sequence[Attribute]) -> list[Rule]:
    """Conditions of the profiles and attributes that held, each once and at most 60."""
    held = sorted((a for a in attributes if a.verdict != "not shown"), key=lambda a: a.evidence.q_value)
    alone = [Rule((condition,)) for profile in profiles for condition in profile.rule.conditions]
    return list(dict.fromkeys([*alone, *(attribute.rule for attribute in held)]))[:MOST]

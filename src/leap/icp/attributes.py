"""Attributes: measured conditions, whether they held or not, with the driver they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leap.features import FeatureCatalog
from leap.icp.evidence import Evidence
from leap.icp.rules import Rule, rule_from_json

_MAX_Q = 0.05


@dataclass(frozen=True)
class Attribute:
    """A single measured condition, whether it held or not, with the driver it came from (its rank and share)."""

    rule: Rule
    evidence: Evidence
    driver_rank: int
    driver_share: float

    @property
    def verdict(self) -> str:
        """stays, leaves, or not shown: what the interval supports."""
        headline = self.evidence.headline
        if self.evidence.q_value > _MAX_Q or headline.low <= 0 <= headline.high:
            return "not shown"
        good = headline.lift < 0 if self.evidence.metric == "churn" else headline.lift > 0
        return "stays" if good else "leaves"

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `attributes`."""
        return {
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "words": self.rule.words,
            "verdict": self.verdict,
            "evidence": self.evidence.to_json(),
            "driver": {"rank": self.driver_rank, "share": self.driver_share},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Attribute:
        """The inverse of `to_json`."""
        driver = document["driver"]
        rule = rule_from_json(document["conditions"], catalog)
        return cls(rule, Evidence.from_json(document["evidence"]), driver["rank"], driver["share"])

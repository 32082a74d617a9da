"""Attributes: measured rules, whether they held or not, with the driver they came from and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leap.features import FeatureCatalog, Signal
from leap.icp.evidence import Evidence
from leap.icp.grades import Grade, Verdict, grade_of, verdict_of, why_not
from leap.icp.rules import Rule, rule_from_json


@dataclass(frozen=True)
class Attribute:
    """A measured rule, whether it held or not, with the driver it came from (its rank and share).

    `alike` are rules that say nearly the same, in words: one attribute is told once, by its most sayable condition.
    """

    rule: Rule
    evidence: Evidence
    driver_rank: int
    driver_share: float
    alike: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """stays, leaves, or not shown."""
        return verdict_of(self.evidence)

    @property
    def grade(self) -> Grade | None:
        """must, strong or useful; None if not shown."""
        return grade_of(self.evidence)

    @property
    def why_not(self) -> str | None:
        """What keeps it from being shown; None if it is."""
        return why_not(self.evidence)

    @property
    def category(self) -> Signal:
        """The signal of its leading condition; disqualification where those who meet it leave."""
        return Signal.DISQUALIFICATION if self.verdict == "leaves" else self.rule.conditions[0].feature.signal

    @property
    def layers(self) -> tuple[str, ...]:
        """What kinds of knowledge about a company its conditions need, the leading one first."""
        return tuple(dict.fromkeys(str(condition.feature.layer) for condition in self.rule.conditions))

    @property
    def tried(self) -> int:
        """How many rules were looked at for this one to be measured."""
        return self.evidence.tried

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `attributes`."""
        return {
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "words": self.rule.words,
            "verdict": self.verdict,
            "grade": self.grade,
            "why_not": self.why_not,
            "category": str(self.category),
            "layer": self.layers[0],
            "layers": list(self.layers),
            "evidence": self.evidence.to_json(),
            "driver": {"rank": self.driver_rank, "share": self.driver_share},
            "alike": list(self.alike),
            "tried": self.tried,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Attribute:
        """The inverse of `to_json`."""
        driver = document["driver"]
        rule = rule_from_json(document["conditions"], catalog)
        alike = tuple(str(words) for words in document.get("alike", ()))
        return cls(rule, Evidence.from_json(document["evidence"]), driver["rank"], driver["share"], alike)

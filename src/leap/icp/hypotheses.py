"""Profiles that something suggests and nothing has measured: to be tried, never used to choose accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from leap.features import FeatureCatalog
from leap.icp.pooling import Pooled
from leap.icp.rules import Rule, rule_from_json

Source = Literal["segment", "best customers"]


@dataclass(frozen=True)
class ProfileHypothesis:
    """A rule that a segment or the best customers suggest; `statement` says what speaks for it and what is missing.

    `accounts` have bought and met it; `pooled` is what followed among them, seen on the accounts it was drawn from.
    """

    id: str
    rule: Rule
    source: Source
    accounts: int
    pooled: Pooled
    statement: str

    status = "hypothesis"

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `hypotheses`."""
        return {
            "id": self.id,
            "status": self.status,
            "source": self.source,
            "statement": self.statement,
            "words": self.rule.words,
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "accounts": self.accounts,
            "pooled": self.pooled.to_json(),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ProfileHypothesis:
        """The inverse of `to_json`."""
        return cls(
            id=document["id"],
            rule=rule_from_json(document["conditions"], catalog),
            source=document["source"],
            accounts=document["accounts"],
            pooled=Pooled.from_json(document["pooled"]),
            statement=document["statement"],
        )

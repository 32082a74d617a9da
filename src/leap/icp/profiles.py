"""Profiles: rules that held later, on other accounts, with a statement, evidence and figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leap.features import FeatureCatalog
from leap.icp.attributes import Attribute
from leap.icp.evidence import Evidence
from leap.icp.notes import Note
from leap.icp.rules import Rule, rule_from_json


@dataclass(frozen=True)
class ICPProfile:
    """One profile: who, why we think so, how many there are, and how they do."""

    id: str
    kind: str
    rule: Rule
    evidence: Evidence
    statement: str
    size: Mapping[str, Any] = field(default_factory=dict)
    kpis: Mapping[str, Any] = field(default_factory=dict)
    price: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`."""
        document = {
            "id": self.id,
            "kind": self.kind,
            "statement": self.statement,
            "words": self.rule.words,
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "evidence": self.evidence.to_json(),
            "size": dict(self.size),
            "kpis": dict(self.kpis),
        }
        return document if self.price is None else {**document, "price": dict(self.price)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ICPProfile:
        """The inverse of `to_json`."""
        return cls(
            document["id"],
            document["kind"],
            rule_from_json(document["conditions"], catalog),
            Evidence.from_json(document["evidence"]),
            document["statement"],
            document["size"],
            document["kpis"],
            document.get("price"),
        )


@dataclass(frozen=True)
class ICPSearch:
    """What was found: profiles, every attribute measured, or why there is none; and what people believe (`notes`)."""

    profiles: tuple[ICPProfile, ...]
    attributes: tuple[Attribute, ...]
    none_because: str | None
    notes: tuple[Note, ...] = ()
    rejected: frozenset[str] = frozenset()
    """Ids of profiles that people rejected; no part of the JSON, which holds what was found, not what was decided."""

    @property
    def counted(self) -> tuple[ICPProfile, ...]:
        """The profiles that give tiers and choose accounts: all but those that people rejected."""
        return tuple(profile for profile in self.profiles if profile.id not in self.rejected)

    def to_json(self) -> dict[str, Any]:
        """The JSON of `icp`."""
        return {
            "icps": [profile.to_json() for profile in self.profiles],
            "attributes": [attribute.to_json() for attribute in self.attributes],
            "none_because": self.none_because,
            "notes": [note.to_json() for note in self.notes],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ICPSearch:
        """The inverse of `to_json`."""
        return cls(
            tuple(ICPProfile.from_json(d, catalog) for d in document["icps"]),
            tuple(Attribute.from_json(d, catalog) for d in document["attributes"]),
            document["none_because"],
            tuple(Note.from_json(d) for d in document.get("notes", ())),
        )

"""A company in which every text that comes from data is an attack."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from leap.icp import Condition, ICPSearch, Note, Rule
from tests.reports.searches import INDUSTRY, search
from tests.serving.fakes import ICPS, FakeScorer
from tests.serving.found import FoundBundle, driver

HOSTILE = "<script>alert(1)</script>\" onmouseover='x' {{ 7*7 }} \u202eexe.cod"


def hostile_search() -> ICPSearch:
    """Profiles, attributes and notes that are attacks."""
    found = search()
    industry = replace(INDUSTRY, label=HOSTILE)
    bad = Rule((Condition(industry, "==", HOSTILE),))
    first, second = found.profiles
    profiles = (replace(first, statement=HOSTILE, because=HOSTILE), replace(second, rule=bad, statement=HOSTILE))
    attributes = tuple(replace(one, rule=bad) if one.rule == second.rule else one for one in found.attributes)
    return replace(
        found, profiles=profiles, attributes=attributes, notes=(Note("2026-01-01", HOSTILE, HOSTILE, HOSTILE, HOSTILE),)
    )


class HostileScorer(FakeScorer):
    """Every text that comes from data is an attack."""

    def __init__(self, version: str = "7") -> None:
        super().__init__(version)
        self.bundle = FoundBundle(icp=hostile_search(), judged=(driver("usage", HOSTILE),))

    def listing(self) -> list[dict[str, Any]]:
        return [{**row, "name": HOSTILE, "reason_1": HOSTILE, "icp_id": HOSTILE} for row in super().listing()[:3]]

    def icp_document(self) -> dict[str, Any]:
        condition = {"feature": "x", "op": "==", "value": 1, "words": HOSTILE}
        profile = {
            **ICPS["icps"][0],
            "statement": HOSTILE,
            "id": HOSTILE,
            "conditions": [condition],
            "size": {HOSTILE: 1},
        }
        return {"icps": [profile], "none_because": None}

    def drivers_document(self) -> dict[str, Any]:
        document = super().drivers_document()
        health = document["health"]
        hostile = {"label": HOSTILE, "why_not": HOSTILE, "stable": False}
        level = {"level": HOSTILE, "accounts": 9, "points": 0.1, "low": 0.0, "high": 0.2, "value": None}
        shown = {"label": HOSTILE, "unit": HOSTILE, "missing_words": HOSTILE, "axis": "levels", "kind": "category"}
        return {
            **document,
            "health": {
                "drivers": [{**driver, **hostile} for driver in health["drivers"]],
                "dependence": [{**one, **shown, "parts": [level], "counts": []} for one in health["dependence"]],
                "labels": {name: HOSTILE for name in health["labels"]},
            },
        }

    def by_id(self, ids: Any, top: int = 5) -> Any:
        scores, not_found = super().by_id(ids, top)
        hostile = [{**reason, "phrase": HOSTILE, "value": HOSTILE} for reason in scores[0]["reasons"]] if scores else []
        return [{**score, "reasons": hostile} for score in scores], not_found

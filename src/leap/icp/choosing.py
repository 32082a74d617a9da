"""Which of the rules that held become profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from leap.icp.attributes import Attribute
from leap.icp.candidates import same_rows
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile
from leap.icp.rules import Rule
from leap.icp.statements import statement


def profiles_of(
    attributes: Sequence[Attribute], later: Population, scores: Mapping[Rule, float], horizon_months: int
) -> list[ICPProfile]:
    profiles: list[ICPProfile] = []
    for kind, verdict in (("established", "stays"), ("negative", "leaves")):
        held = [a for a in attributes if a.verdict == verdict and (scores[a.rule] > 0) == (verdict == "stays")]
        # Simple rules first, then what moves most accounts furthest.
        held.sort(key=lambda a: (len(a.rule.conditions), -abs(a.evidence.headline.lift) * np.sqrt(a.evidence.support)))
        kept: list[Attribute] = []
        for attribute in held:
            narrower = any(set(other.rule.conditions) <= set(attribute.rule.conditions) for other in kept)
            if not narrower and not any(same_rows(attribute.rule, other.rule, later) for other in kept):
                kept.append(attribute)
        for number, attribute in enumerate(kept[:6], start=1):
            said = statement(kind, attribute.rule, attribute.evidence, horizon_months)
            profiles.append(ICPProfile(f"{kind}-{number}", kind, attribute.rule, attribute.evidence, said))
    return profiles

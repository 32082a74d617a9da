"""How an account fits the profiles: what it meets, misses, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leap.icp.profiles import ICPProfile
from leap.icp.rules import Columns


@dataclass(frozen=True)
class Match:
    """How an account fits: the profile it meets, in words what it meets and misses, and what speaks against it."""

    icp_id: str | None
    tier: str | None
    matched: tuple[str, ...]
    missed: tuple[str, ...]
    disqualified_by: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `icp` of a score."""
        return {
            "id": self.icp_id,
            "tier": self.tier,
            "matched": list(self.matched),
            "missed": list(self.missed),
            "disqualified_by": list(self.disqualified_by),
        }


def match(profiles: Sequence[ICPProfile], columns: Columns, n: int) -> list[Match]:
    """The ICP match of n rows: A meets an established profile, D meets a negative one, B neither; null without ICPs."""
    if not profiles:
        return [Match(None, None, (), (), ())] * n
    good = [(p, p.rule.matches(columns)) for p in profiles if p.kind != "negative"]
    bad = [(p, p.rule.matches(columns)) for p in profiles if p.kind == "negative"]
    result = []
    for i in range(n):
        against = tuple(p.rule.words for p, meets in bad if meets[i])
        meets_good = [p for p, meets in good if meets[i]]
        tier = "D" if against else "A" if meets_good else "B"
        result.append(
            Match(
                meets_good[0].id if meets_good else None,
                tier,
                tuple(p.rule.words for p in meets_good),
                tuple(p.rule.words for p, meets in good if not meets[i]),
                against,
            )
        )
    return result

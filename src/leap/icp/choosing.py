"""Which of the rules that held become profiles, and of which kind they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from leap.icp.attributes import Attribute
from leap.icp.candidates import nearly_same
from leap.icp.evidence import Evidence
from leap.icp.pooling import Pooled
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile
from leap.icp.proportions import wilson
from leap.icp.ranking import Shares
from leap.icp.rules import Rule
from leap.icp.statements import statement

MOST_OF_A_KIND = 6
"""More than six profiles of a kind are no choice any more."""
FEW_OF_THE_BASE = 1 / 3
"""Emerging: fewer than one in three customers meet it, so the base is elsewhere."""
GROWING_TIMES = 1.5
"""Emerging: it is at least this many times as large a part of the customers won in the last year as of the base."""
OPEN_TIMES = 2.0
"""Or at least this many times as large a part of the prospects: most of it is still to be won."""
_INSIDE = 0.95
"""Share of the rows of one rule that another holds for from which on it lies inside that."""
FEWEST_NEW = 10
"""New customers, and prospects, of all from which on a share of them says anything."""
_SURE = 1.645
"""Standard errors: the lower end, at 95 %, of a larger share must lie above that of the base."""


def profiles_of(
    attributes: Sequence[Attribute], later: Population, scores: Mapping[Rule, float], horizon_months: int
) -> list[ICPProfile]:
    """A profile for each rule that held in the direction it was found in: established or negative, at most six a kind.

    Which of those that stay are emerging is told once the customers and prospects of today are looked at.
    """
    profiles: list[ICPProfile] = []
    for kind, verdict in (("established", "stays"), ("negative", "leaves")):
        held = [a for a in attributes if a.verdict == verdict and (scores[a.rule] > 0) == (verdict == "stays")]
        for number, attribute in enumerate(distinct(held, later)[:MOST_OF_A_KIND], start=1):
            said = statement(kind, attribute.rule, attribute.evidence, horizon_months)
            profiles.append(ICPProfile(f"{kind}-{number}", kind, attribute.rule, attribute.evidence, said))
    return profiles


def distinct(held: Sequence[Attribute], population: Population) -> list[Attribute]:
    """Of near-equal rules one, and a rule inside another (longer, or on the same features with narrower bounds) beside
    that only where the inner one differs materially.

    Simple rules first, then what moves most accounts furthest.
    """
    ordered = sorted(
        held, key=lambda a: (len(a.rule.conditions), -abs(a.evidence.headline.lift) * np.sqrt(a.evidence.support))
    )
    kept: list[Attribute] = []
    masks = {a.rule: a.rule.matches(population.columns) for a in ordered}
    for attribute in ordered:
        if not any(_says_the_same(attribute, other, masks) for other in kept):
            kept.append(attribute)
    return kept


def _says_the_same(one: Attribute, kept: Attribute, masks: Mapping[Rule, np.ndarray]) -> bool:
    a, b = masks[one.rule], masks[kept.rule]
    if nearly_same(a, b):
        return True
    related = set(kept.rule.conditions) <= set(one.rule.conditions) or one.rule.features == kept.rule.features
    if not related or int((a & b).sum()) < _INSIDE * min(int(a.sum()), int(b.sum())):
        return False
    inner, outer = (one, kept) if a.sum() <= b.sum() else (kept, one)
    return not differs(inner.evidence, outer.evidence)


def differs(longer: Evidence, shorter: Evidence) -> bool:
    """Whether a longer rule goes further than the shorter one it lies in: its whole interval lies beyond the shorter
    one's difference, in the figure that decided of the shorter.
    """
    if shorter.metric not in longer.figures:
        return False
    inner, outer = longer.figures[shorter.metric], shorter.headline
    return inner.low > outer.lift if outer.lift > 0 else inner.high < outer.lift


def kind_of(shares: Shares, pooled: Pooled, established_nrr: float | None) -> tuple[str, str]:
    """established or emerging, and why, in a sentence.

    Emerging is what few customers meet, what grows or is still to be won, and is expected to do no worse than the
    established profile (than all customers, where there is none).
    """
    part = f"{_percent(shares.base)} of the customers met it when they bought"
    if shares.base is None or shares.base >= FEW_OF_THE_BASE:
        return "established", f"{part}."
    reasons = [reason for reason in (_growing(shares), _open(shares)) if reason]
    if not reasons:
        return "established", f"{part}, and it neither grows faster than the base nor is far more of the market."
    grows = f"{part}, but {' and '.join(reasons)}"
    least = pooled.whole if established_nrr is None else established_nrr
    against = "of all customers" if established_nrr is None else "of the established profile"
    expected = f"the expected NRR is {pooled.nrr:.0%} against {least:.0%} {against}"
    if pooled.nrr < least:
        return "established", f"{grows}; not emerging, since {expected}."
    return "emerging", f"{grows}; {expected}."


def is_small_and_growing(shares: Shares) -> bool:
    """Whether a profile is emerging as far as its numbers of customers and prospects go."""
    small = shares.base is not None and shares.base < FEW_OF_THE_BASE
    return small and bool(_growing(shares) or _open(shares))


def _growing(shares: Shares) -> str | None:
    said = f"{shares.new} of the {shares.of_new} won in the last year ({_percent(shares.recent)})"
    return said if _above(shares.new, shares.of_new, shares.base, GROWING_TIMES) else None


def _open(shares: Shares) -> str | None:
    said = (
        f"{_percent(shares.market)} of the prospects meet it now, against {_percent(shares.base_now)} of the customers"
    )
    return said if _above(shares.prospects, shares.of_prospects, shares.base_now, OPEN_TIMES) else None


def _above(part: int, whole: int, base: float | None, times: float) -> bool:
    """Whether a share is so many times the base's, and above it beyond doubt."""
    if base is None or whole < FEWEST_NEW or not part:
        return False
    return part / whole >= times * base and wilson(part, whole, _SURE)[0] > base


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{share:.0%}"

"""What evidence is worth: the verdict, and the grade of what was shown; every threshold with its reason, once.

Certainty is the false-discovery rate, the interval and the later periods that agree; size is how much the headline
figure differs inside and outside, after shrinkage.
"""

from __future__ import annotations

from typing import Literal

from leap.icp.evidence import HIGHER_IS_BETTER, Evidence

Verdict = Literal["stays", "leaves", "not shown"]
Grade = Literal["must", "strong", "useful"]

MAX_Q = 0.04
"""False-discovery rate up to which a rule counts as shown. Where nothing matters that is one claim in twenty-five:
with one in twenty, which is what is promised, luck alone would break the promise in every second row of such worlds.
"""
MOST = 2 / 3
"""Least part of the later periods that must point the same way: what holds in half of the years is a coin."""
CERTAIN_Q = 0.01
"""For "must": one in a hundred, since budgets are moved by it."""
_RATIO = {"must": 1.8, "strong": 1.4}
"""Times as much churn (contraction, expansion) on one side as on the other. From 1.8 on the two kinds of companies are
different businesses; under 1.4 a single quarter's luck hides the difference."""
_NRR = {"must": 0.15, "strong": 0.08}
"""Points of NRR: 15 is the distance between a weak and a good retention of small customers, 8 about half of it."""


def verdict_of(evidence: Evidence) -> Verdict:
    """stays, leaves, or not shown: what the interval, the false-discovery rate and the later periods support."""
    headline = evidence.headline
    if why_not(evidence) is not None:
        return "not shown"
    return "stays" if (headline.lift > 0) == HIGHER_IS_BETTER[evidence.metric] else "leaves"


def why_not(evidence: Evidence) -> str | None:
    """What keeps a rule from being shown, in words; None if nothing does."""
    headline = evidence.headline
    if evidence.beyond is not None:
        return evidence.beyond
    if evidence.q_value > MAX_Q:
        return f"false-discovery rate {evidence.q_value:.2f}, above {MAX_Q}"
    if headline.low <= 0 <= headline.high:
        return f"the interval holds zero ({headline.low * 100:+.1f} to {headline.high * 100:+.1f} points)"
    if evidence.same_sign < MOST * evidence.folds:
        return f"only {evidence.folds_same_sign} later periods point the same way"
    return None


def grade_of(evidence: Evidence) -> Grade | None:
    """must, strong or useful; None for what was not shown."""
    if verdict_of(evidence) == "not shown":
        return None
    certain = evidence.q_value <= CERTAIN_Q and evidence.same_sign == evidence.folds
    if certain and _large(evidence, "must"):
        return "must"
    return "strong" if _large(evidence, "strong") else "useful"


def _large(evidence: Evidence, grade: Literal["must", "strong"]) -> bool:
    headline = evidence.headline
    if evidence.metric == "nrr":
        return abs(headline.lift) >= _NRR[grade]
    less, more = sorted((headline.inside, headline.outside))
    return more >= _RATIO[grade] * max(less, 0.0)

"""Profiles in one sentence that a meeting understands."""

from __future__ import annotations

from leap.icp.evidence import Evidence
from leap.icp.rules import Rule


def statement(kind: str, rule: Rule, evidence: Evidence, horizon_months: int) -> str:
    """One sentence for a meeting: who, what was seen, how sure, on whom."""
    headline, later = evidence.headline, evidence.measured_on
    window = "a year" if horizon_months == 12 else f"{horizon_months} months"
    years = f"{later['from'][:4]} to {int(later['to'][:4]) + 1}"
    if evidence.metric == "churn":
        seen = f"{headline.inside:.0%} of them left within {window}, against {headline.outside:.0%} of the others"
    else:
        seen = (
            f"they kept {headline.inside:.0%} of their revenue over {window}, against "
            f"{headline.outside:.0%} for the others"
        )
    difference = (
        f"{headline.lift * 100:+z.0f} points, 95 % interval {headline.low * 100:+z.0f} to {headline.high * 100:+z.0f}"
    )
    who = "Prefer" if kind != "negative" else "Think twice about"
    traits = " and ".join(f"“{condition.words}”" for condition in rule.conditions)
    nrr = evidence.figures["nrr"]
    open_nrr = evidence.metric == "churn" and nrr.low <= 0 <= nrr.high
    unsure = (
        f"; no difference in NRR is shown, {nrr.low * 100:+z.0f} to {nrr.high * 100:+z.0f} points" if open_nrr else ""
    )
    return (
        f"{who} companies with {traits}: {seen} ({difference}; seen on {evidence.matched} of {evidence.accounts} "
        f"accounts that the rule was not found on, {years}{unsure})."
    )

"""Profiles in one sentence that a meeting understands: who, what was seen, how sure, on whom."""

from __future__ import annotations

from datetime import date

from leap.icp.evidence import Evidence, Measured
from leap.icp.phrases import who
from leap.icp.rules import Rule


def statement(kind: str, rule: Rule, evidence: Evidence, horizon_months: int) -> str:
    """One sentence for a meeting, which says what was seen together and never what causes what."""
    companies = who(rule)
    told = seen(evidence, horizon_months)
    sure = f"({_measured_on(evidence, horizon_months)}; {_how_sure(evidence)})"
    if kind == "negative":
        return f"Think twice about {companies}: {told} {sure}."
    if kind == "emerging":
        return f"Open next: {companies} – {told} {sure}."
    return f"{companies[:1].upper()}{companies[1:]}: {told} {sure}."


def window_words(horizon_months: int) -> str:
    """How far ahead an outcome was looked for.

    >>> window_words(12), window_words(6)
    ('a year', '6 months')
    """
    return "a year" if horizon_months == 12 else f"{horizon_months} months"


def seen(evidence: Evidence, horizon_months: int) -> str:
    """What was seen, the headline figure alone: "8 of 100 left within a year, against 22 of 100 of the others"."""
    headline, window = evidence.headline, window_words(horizon_months)
    inside, outside = of_hundred(headline.inside, headline.outside)
    if evidence.metric == "churn":
        of = " of the others" if outside == "none" else " of 100 of the others"
        return f"{inside}{'' if inside == 'none' else ' of 100'} left within {window}, against {outside}{of}"
    if evidence.metric == "expansion_rate":
        return f"growth added {inside} to every 100 paid before, within {window}, against {outside} for the others"
    if evidence.metric == "contraction_rate":
        took = f"smaller contracts took {inside} from every 100 paid before, within {window}"
        return f"{took}, against {outside} from the others"
    return f"after {window} they paid {inside} for every 100 they paid before, against {outside} for the others"


def of_hundred(inside: float, outside: float) -> tuple[str, str]:
    """Two shares as how many of a hundred, with as many digits as tell them apart.

    >>> of_hundred(0.08, 0.224), of_hundred(0.101, 0.104), of_hundred(0.0, 0.003)
    (('8', '22'), ('10.1', '10.4'), ('none', '0.3'))
    """
    said = f"{inside * 100:.0f}", f"{outside * 100:.0f}"
    if said[0] == said[1] or any(words == "0" and value for words, value in zip(said, (inside, outside), strict=True)):
        said = f"{inside * 100:.1f}", f"{outside * 100:.1f}"
    return ("none" if inside == 0 else said[0]), ("none" if outside == 0 else said[1])


def _measured_on(evidence: Evidence, horizon_months: int) -> str:
    first = str(evidence.measured_on["from"])[:4]
    last = date.fromisoformat(str(evidence.measured_on["to"])[:10])
    until = str(last.year + (last.month - 1 + horizon_months) // 12)
    years = first if first == until else f"{first} to {until}"
    return (
        f"seen later, {years}, on {evidence.matched:,} of {evidence.accounts:,} accounts that the rule was not found on"
    )


def _how_sure(evidence: Evidence) -> str:
    left = evidence.metric == "churn"
    sure = f"19 times in 20 the difference is {range_words(evidence.headline, 'fewer' if left else 'less')}"
    sure += " of 100" if left else ""
    nrr = evidence.figures.get("nrr")
    if evidence.metric == "nrr" or nrr is None:
        return sure
    if nrr.low <= 0 <= nrr.high:
        return f"{sure}; in revenue kept, no difference is shown"
    inside, outside = of_hundred(nrr.inside, nrr.outside)
    return f"{sure}; in all, {inside} were paid for every 100 before, against {outside}"


def range_words(figure: Measured, less: str = "less") -> str:
    """The interval of a difference in words, nearest end first.

    >>> range_words(Measured(1.05, 0.9, 0.05, 0.25)), range_words(Measured(0.06, 0.12, -0.1, -0.02), "fewer")
    ('5 to 25 more', '2 to 10 fewer')
    >>> range_words(Measured(0.06, 0.12, -0.1, 0.02), "fewer"), range_words(Measured(0.06, 0.05, 0.004, 0.016))
    ('between 10 fewer and 2 more', '0.4 to 1.6 more')
    """
    low, high = 100 * figure.low, 100 * figure.high
    digits = 1 if min(abs(low), abs(high)) < 1 else 0
    if low < 0 < high:
        return f"between {-low:.{digits}f} {less} and {high:.{digits}f} more"
    near, far = sorted((abs(low), abs(high)))
    return f"{near:.{digits}f} to {far:.{digits}f} {'more' if high > 0 else less}"

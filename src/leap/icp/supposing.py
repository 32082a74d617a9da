"""What segments and the best customers suggest beyond what was measured: hypotheses, in no profile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from leap.features import Feature, FeatureFrame
from leap.icp.arranging import Ground
from leap.icp.attributes import Attribute
from leap.icp.best_customers import BestCustomers
from leap.icp.candidates import candidates, same_rows
from leap.icp.evidence import HIGHER_IS_BETTER
from leap.icp.hypotheses import ProfileHypothesis, Source
from leap.icp.pooling import Pooled
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile
from leap.icp.rules import Rule
from leap.icp.segments import best_of, fits

MOST = 3
"""More hypotheses than this nobody tries."""
FEWEST = 30
"""Accounts with an outcome that a segment must have to suggest anything."""
LEAST_FIT = 0.5
"""F1 from which on a rule says who is in a segment."""
LUCK = 0.1
"""The chance, over all rules looked at, that a segment suggests one where there is nothing: these rules are judged on
the accounts they were drawn from, so each that was looked at counts."""
_JOINED = 6


def hypotheses_of(
    ground: Ground, attributes: Sequence[Attribute], profiles: Sequence[ICPProfile], review: BestCustomers
) -> tuple[ProfileHypothesis, ...]:
    """At most three: what describes a segment that does better and no profile describes, and what growers share."""
    kept: list[ProfileHypothesis] = []
    for rule, source in _suggested(ground, profiles, review):
        known = next((a for a in attributes if same_rows(a.rule, rule, ground.population)), None)
        if any(same_rows(rule, other.rule, ground.population) for other in kept) or _is_decided(known):
            continue
        bought = rule.matches(ground.book.bought) & ground.measurable
        pooled = ground.pooled(bought)
        said = _statement(rule, source, pooled, known, ground.book.horizon_months)
        kept.append(ProfileHypothesis(f"hypothesis-{len(kept) + 1}", rule, source, pooled.accounts, pooled, said))
    return tuple(kept[:MOST])


def _suggested(ground: Ground, profiles: Sequence[ICPProfile], review: BestCustomers) -> Iterator[tuple[Rule, Source]]:
    described = {number for p in profiles if p.segment is not None for number in p.segment.segments}
    open_still = [
        (ground.pooling.pooled(part), part) for number, part in enumerate(ground.parts, 1) if number not in described
    ]
    open_still.sort(key=lambda one: (-round(one[0].low, 9), -one[0].accounts))
    for pooled, part in open_still:
        if pooled.low > pooled.whole and pooled.accounts >= FEWEST:
            rule = _describing(part, ground)
            if rule is not None:
                yield rule, "segment"
    if review.status == "hypothesis":
        yield Rule(review.drawn), "best customers"


def _describing(part: np.ndarray, ground: Ground) -> Rule | None:
    """The rule of one or two conditions that says who is in a segment, where what it tells is more than luck."""
    if ground.segments is None:
        return None
    rules = _looked_at(ground, ground.segments.told_by(part))
    columns, among = ground.book.bought, ground.measurable
    best = best_of(rules, columns, part, among)
    if best is None or fits(best, columns, part, among)[0] < LEAST_FIT:
        return None
    inside = best.matches(columns) & among
    return best if ground.pooling.p_value(inside, among & ~inside) * len(rules) <= LUCK else None


def _looked_at(ground: Ground, features: Sequence[Feature]) -> list[Rule]:
    catalog, among = ground.book.catalog, ground.measurable
    columns = {name: np.asarray(ground.book.bought[name])[among] for name in catalog.names}
    nothing = np.zeros(int(among.sum()))
    frame = FeatureFrame(pd.DataFrame(columns), catalog, nothing.astype(bool))
    accounts = Population(frame, np.flatnonzero(among), nothing.astype("datetime64[us]"), nothing, nothing)
    singles = candidates(accounts, [feature for feature in features if feature.name in columns])
    pairs = (
        Rule(a.conditions + b.conditions) for a, b in itertools.combinations(singles, 2) if not a.features & b.features
    )
    return [*singles, *(rule for rule in pairs if int(rule.matches(accounts.columns).sum()) >= FEWEST)]


def _is_decided(known: Attribute | None) -> bool:
    """Whether what was measured already says what there is to say: it held, or it points to worse."""
    if known is None:
        return False
    headline = known.evidence.headline
    good = (headline.lift > 0) == HIGHER_IS_BETTER[known.evidence.metric]
    return known.verdict != "not shown" or not good


def _statement(rule: Rule, source: Source, pooled: Pooled, known: Attribute | None, horizon_months: int) -> str:
    traits = " and ".join(f"“{condition.words}”" for condition in rule.conditions)
    drawn = "a segment that does alike" if source == "segment" else "customers that grew, against those that left"
    seen = (
        f"A hypothesis, drawn from {drawn}: the {pooled.accounts} accounts with {traits} are expected to keep "
        f"{pooled.nrr:.0%} of their revenue over {horizon_months} months ({pooled.low:.0%} to {pooled.high:.0%}), "
        f"against {pooled.whole:.0%} for all"
    )
    if known is None:
        return f"{seen}. Not measured on later accounts: try it on some, and look again in a year."
    headline, words = known.evidence.headline, known.evidence.metric.replace("_", " ")
    return (
        f"{seen}. Measured on {known.evidence.matched} later accounts, too few to show it: {words} "
        f"{headline.lift * 100:+z.0f} points, interval {headline.low * 100:+z.0f} to {headline.high * 100:+z.0f}."
    )

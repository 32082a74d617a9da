"""What segments and the best customers suggest beyond what was measured: hypotheses, in no profile."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from leap.features import FeatureFrame
from leap.icp.arranging import LEAST_FIT, LEAST_MET, Ground
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
"""Accounts with an outcome that segments must have to suggest anything."""
LUCK = 0.1
"""The chance, over all rules looked at, that a segment suggests one where there is nothing: these rules are judged on
the accounts they were drawn from, so each that was looked at counts."""


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
    left = [part for number, part in enumerate(ground.parts, 1) if number not in described]
    better = [part for part in left if (found := ground.pooling.pooled(part)).nrr > found.whole]
    for rule in _describing(better, ground):
        yield rule, "segment"
    if review.status == "hypothesis":
        yield Rule(review.drawn), "best customers"


def _describing(parts: Sequence[np.ndarray], ground: Ground) -> list[Rule]:
    """Rules that say who is in one or several segments, where what they tell is more than luck; the best fit first.

    Segments that the same condition describes best are taken together; two conditions may describe one alone.
    """
    columns, among = ground.book.bought, ground.measurable
    tried: set[Rule] = set()
    told: dict[Rule, np.ndarray] = {}
    for part in parts:
        singles, pairs = _looked_at(ground, part)
        tried.update(singles, pairs)
        for rules in (singles, pairs):
            best = best_of(rules, columns, part, among)
            if best is not None and fits(best, columns, part, among)[2] >= LEAST_MET:
                told[best] = told.get(best, np.zeros(len(part), dtype=bool)) | part
    found = []
    for rule, part in told.items():
        f1, inside, pooled = (
            fits(rule, columns, part, among)[0],
            rule.matches(columns) & among,
            ground.pooling.pooled(part),
        )
        enough = f1 >= LEAST_FIT and pooled.accounts >= FEWEST and pooled.low > pooled.whole
        if enough and ground.pooling.p_value(inside, among & ~inside) * len(tried) <= LUCK:
            found.append((f1, rule))
    return [rule for _, rule in sorted(found, key=lambda one: (-round(one[0], 9), one[1].words))]


def _looked_at(ground: Ground, part: np.ndarray) -> tuple[list[Rule], list[Rule]]:
    """Single conditions on the features that tell a segment from the others, and two of them together."""
    if ground.segments is None:
        return [], []
    catalog, among = ground.book.catalog, ground.measurable
    columns = {name: np.asarray(ground.book.bought[name])[among] for name in catalog.names}
    nothing = np.zeros(int(among.sum()))
    frame = FeatureFrame(pd.DataFrame(columns), catalog, nothing.astype(bool))
    accounts = Population(frame, np.flatnonzero(among), nothing.astype("datetime64[us]"), nothing, nothing)
    told_by = [feature for feature in ground.segments.told_by(part) if feature.name in columns]
    singles = candidates(accounts, told_by)
    pairs = (
        Rule(a.conditions + b.conditions) for a, b in itertools.combinations(singles, 2) if not a.features & b.features
    )
    return singles, [rule for rule in pairs if int(rule.matches(accounts.columns).sum()) >= FEWEST]


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
        f"{headline.lift * 100:+z.1f} points, interval {headline.low * 100:+z.1f} to {headline.high * 100:+z.1f}."
    )

"""What the earlier rows of some accounts suggest, and which of it is measured on later rows of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.icp.attributes import Attribute
from leap.icp.candidates import candidates, pairs, same_rows
from leap.icp.choosing import profiles_of
from leap.icp.measuring import Hypothesis, measure, strength
from leap.icp.population import Population
from leap.icp.profiles import ICPSearch
from leap.icp.rules import Rule

_MAX_FEATURES = 10
_MAX_MEASURED = 14
_WORTH_MEASURING = 1.0
"""Standard errors on the earlier accounts from which a second condition of a feature is measured."""
_OPPOSITE = 0.8


@dataclass(frozen=True)
class Suggestions:
    """Rules that the earlier rows of some accounts suggest, with strength and metric, and who may measure them.

    `later` marks rows of `whole` that belong to other accounts and later dates; `drivers` are the fit features with
    their mean SHAP contribution, largest first, of a fit model of these earlier accounts.
    """

    rules: Mapping[Rule, tuple[float, str]]
    drivers: Mapping[str, tuple[int, float]]
    earlier: Population
    whole: Population
    later: np.ndarray
    tried: int


def find_icps(
    earlier: Population, later: Population, drivers: Sequence[tuple[Any, float]], horizon_months: int = 12
) -> ICPSearch:
    """Rules found on earlier accounts and measured on later, different ones."""
    everyone = np.ones(len(later.accounts), dtype=bool)
    return conclude([suggest(earlier, drivers, later, everyone)], horizon_months)


def suggest(
    earlier: Population, drivers: Sequence[tuple[Any, float]], whole: Population, later: np.ndarray
) -> Suggestions:
    """The strongest conditions on the leading drivers, and pairs of them, judged on the earlier rows alone."""
    features = [feature for feature, _ in drivers[:_MAX_FEATURES]]
    singles = candidates(earlier, features)
    found = {rule: strength(rule, earlier) for rule in singles}
    scores = {rule: score for rule, (score, _) in found.items()}
    leading = [rule for feature in features for rule in _strongest(singles, scores, feature.name, earlier)]
    leading = _different(leading, earlier)[: _MAX_MEASURED - 4]
    joined = pairs(earlier, [rule for rule in leading if scores[rule] > 0][:6])
    joined += pairs(earlier, [rule for rule in leading if scores[rule] < 0][:6])
    found |= {rule: strength(rule, earlier) for rule in joined}
    kept = leading + sorted(joined, key=lambda rule: -abs(found[rule][0]))[:4]
    total = sum(share for _, share in drivers) or 1.0
    ranks = {feature.name: (i + 1, share / total) for i, (feature, share) in enumerate(drivers)}
    tried = len(singles) + len(joined)
    return Suggestions({rule: found[rule] for rule in kept}, ranks, earlier, whole, later, tried)


def conclude(suggested: Sequence[Suggestions], horizon_months: int) -> ICPSearch:
    """Measure what was suggested and keep what held.

    A rule that both halves of the accounts suggest, in the same direction, is measured by both: each half's later rows
    stand in for what the other half found, so that all later cohorts count.
    """
    if not any(part.rules for part in suggested):
        return ICPSearch((), (), "The fit model of the earlier accounts has no driver: no attribute told who stays.")
    hypotheses = [h for h in _hypotheses(suggested) if _enough(h.rule, h.later)]
    if not hypotheses:
        return ICPSearch((), (), "No condition is met by enough accounts, earlier and later, to be measured.")
    tried = sum(part.tried for part in suggested)
    evidence = measure(hypotheses, tried=tried)
    attributes = []
    for h, e in zip(hypotheses, evidence, strict=True):
        name = h.rule.conditions[0].feature.name
        rank, share = next(part.drivers[name] for part in suggested if name in part.drivers)
        attributes.append(Attribute(h.rule, e, rank, share))
    scores = {h.rule: h.score for h in hypotheses}
    profiles = profiles_of(attributes, suggested[0].whole, scores, horizon_months)
    reason = None if profiles else _nothing(attributes, tried)
    return ICPSearch(tuple(profiles), tuple(attributes), reason)


def _hypotheses(suggested: Sequence[Suggestions]) -> list[Hypothesis]:
    """One for each rule suggested, those of both halves first; opposite suggestions cancel."""
    rules = list(dict.fromkeys(rule for part in suggested for rule in part.rules))
    measurable: dict[tuple[int, ...], Population] = {}
    found = []
    for rule in rules:
        parts = tuple(i for i, part in enumerate(suggested) if rule in part.rules)
        strengths = [suggested[i].rules[rule] for i in parts]
        if len({score > 0 for score, _ in strengths}) > 1:
            continue
        if parts not in measurable:
            later = np.logical_or.reduce([suggested[i].later for i in parts])
            measurable[parts] = suggested[0].whole.where(later)
        metric = "churn" if any(name == "churn" for _, name in strengths) else "nrr"
        score = sum(score for score, _ in strengths) / np.sqrt(len(strengths))
        found.append(Hypothesis(rule, score, metric, measurable[parts], _found_on([suggested[i] for i in parts])))
    found.sort(key=lambda h: -abs(h.score))
    kept: list[Hypothesis] = []
    for h in found:
        if not any(same_rows(h.rule, other.rule, suggested[0].whole) for other in kept):
            kept.append(h)
    return kept[:_MAX_MEASURED]


def _found_on(parts: Sequence[Suggestions]) -> dict[str, Any]:
    described = [part.earlier.described() for part in parts]
    return {
        "accounts": sum(d["accounts"] for d in described),
        "rows": sum(d["rows"] for d in described),
        "from": min(d["from"] for d in described),
        "to": max(d["to"] for d in described),
        "halves": len(parts),
    }


def _strongest(rules: Sequence[Rule], scores: Mapping[Rule, float], name: str, population: Population) -> list[Rule]:
    """Of one feature the condition that says most who stays, and the one that says most who leaves.

    A condition and its opposite say the same: of such a pair only the stronger is kept, on a tie the one that stays.
    """
    own = [rule for rule in rules if rule.conditions[0].feature.name == name]
    if not own:
        return []
    first = max(own, key=lambda rule: (round(abs(scores[rule]), 6), scores[rule]))
    others = [rule for rule in own if scores[rule] * scores[first] < 0 and abs(scores[rule]) >= _WORTH_MEASURING]
    outside = ~first.matches(population.columns)
    others = [r for r in others if (r.matches(population.columns) & outside).sum() < _OPPOSITE * outside.sum()]
    return [first, *sorted(others, key=lambda rule: -abs(scores[rule]))[:1]]


def _different(rules: Sequence[Rule], population: Population) -> list[Rule]:
    """Of rules that hold for nearly the same rows only the first: a further one would be a test that says nothing."""
    kept: list[Rule] = []
    for rule in rules:
        if not any(same_rows(rule, other, population) for other in kept):
            kept.append(rule)
    return kept


def _enough(rule: Rule, population: Population) -> bool:
    inside = rule.matches(population.columns)
    return min(len(np.unique(population.accounts[inside])), len(np.unique(population.accounts[~inside]))) >= 10


def _nothing(attributes: Sequence[Attribute], tried: int) -> str:
    best = min(attributes, key=lambda a: a.evidence.q_value)
    headline = best.evidence.headline
    figures = (
        f"{best.rule.words}: {headline.lift * 100:+.1f} points, interval {headline.low * 100:+.1f} to "
        f"{headline.high * 100:+.1f}, false-discovery rate {best.evidence.q_value:.2f}"
    )
    turned = best.verdict != "not shown"
    why = "and the strongest later pointed the other way than before" if turned else "and none held there"
    return (
        f"Of {tried} rules tried on earlier accounts, {len(attributes)} were measured on later ones, {why} ({figures})."
    )

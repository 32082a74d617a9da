"""What was suggested is measured; what held is kept, and where nothing did, why, and what it would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.explanation.groups import Groups
from leap.icp.attributes import Attribute
from leap.icp.candidates import nearly_same, supported
from leap.icp.choosing import profiles_of
from leap.icp.comparing import Comparison
from leap.icp.measuring import Hypothesis, measure
from leap.icp.population import Population
from leap.icp.profiles import ICPSearch
from leap.icp.rules import Rule
from leap.icp.suggesting import Strength, Suggestions, clearest, plain, suggest

_MAX_MEASURED = 24
_AGREES = 0.5
"""Standard errors from which the earlier rows of the other half suggest a rule too."""
_ALONE = 1.5
"""Standard errors from which a rule is measured that only one half suggests: only half of the later rows may measure
it, and every rule measured makes all others harder to show.
"""
_FEWEST = 10
"""Accounts inside and outside a rule, later, without which it is not measured."""
_EVENTS = 4
_SAYABLE = 0.5
_SURE = 3.8
"""Standard errors that a difference needs to be shown four times in five: three for the many rules, 0.8 for luck."""
_MOST_NEEDED = 20
"""Times as many accounts beyond which a difference is as good as none, and a number would only mislead."""


def find_icps(
    earlier: Population, later: Population, drivers: Sequence[tuple[Any, float]], horizon_months: int = 12
) -> ICPSearch:
    """Rules found on earlier accounts and measured on later, different ones."""
    everyone = np.ones(len(later.accounts), dtype=bool)
    return conclude([suggest(earlier, drivers, later, everyone)], horizon_months)


def conclude(suggested: Sequence[Suggestions], horizon_months: int, groups: Groups | None = None) -> ICPSearch:
    """Measure what was suggested and keep what held.

    A rule that both halves of the accounts suggest, in the same direction, is measured by both: each half's later rows
    stand in for what the other half found, so that all later cohorts count.
    """
    if not any(part.rules for part in suggested):
        return ICPSearch((), (), "The fit model of the earlier accounts has no driver: no attribute told who stays.")
    told = [one for one in _told_once(_hypotheses(suggested), suggested[0].whole, groups) if _enough(one.hypothesis)]
    if not told:
        return ICPSearch((), (), "No condition is met by enough accounts, earlier and later, to be measured.")
    hypotheses = [one.hypothesis for one in told]
    tried = sum(part.tried for part in suggested)
    evidence = measure(hypotheses, tried=tried)
    attributes = []
    for one, e in zip(told, evidence, strict=True):
        name = one.hypothesis.rule.conditions[0].feature.name
        rank, share = min(part.drivers[name] for part in suggested if name in part.drivers)
        attributes.append(Attribute(one.hypothesis.rule, e, rank, share, one.alike))
    scores = {h.rule: h.score for h in hypotheses}
    profiles = profiles_of(attributes, suggested[0].whole, scores, horizon_months)
    reason = None if profiles else _nothing(attributes, tried)
    return ICPSearch(tuple(profiles), tuple(attributes), reason)


def _hypotheses(suggested: Sequence[Suggestions]) -> list[Hypothesis]:
    """One for each rule and direction that is suggested at any date, strongest first.

    Of the same rule suggested at two dates, or by one half and then by both, the one that more rows measure.
    """
    whole = suggested[0].whole
    found: list[tuple[Hypothesis, np.ndarray]] = []
    for date in sorted({part.date for part in suggested}, key=str):
        for h in _at_one_date([part for part in suggested if part.date == date]):
            mask = whole.meets(h.rule)
            earlier = [
                i for i, (other, rows) in enumerate(found)
                if (other.score > 0) == (h.score > 0) and other.rule.features == h.rule.features
                and nearly_same(mask, rows)
            ]  # fmt: skip
            if not earlier:
                found.append((h, mask))
            elif len(h.later.accounts) > len(found[earlier[0]][0].later.accounts):
                found[earlier[0]] = (h, mask)
    return sorted((h for h, _ in found), key=lambda h: plain(h.rule) - abs(h.score))


def _at_one_date(suggested: Sequence[Suggestions]) -> list[Hypothesis]:
    """One for each feature, or set of them, and direction that the halves suggest."""
    wanted: dict[tuple[frozenset[str], bool], list[tuple[int, Rule]]] = {}
    for i, part in enumerate(suggested):
        for rule, (score, _) in part.rules.items():
            wanted.setdefault((rule.features, score > 0), []).append((i, rule))
    measurable: dict[tuple[int, ...], Population] = {}
    found = []
    for (features, good), rules in wanted.items():
        sign = 1 if good else -1
        agreed = _agreed(suggested, features, sign, [rule for _, rule in rules])
        if agreed:
            parts, (rule, (score, metric)) = tuple(range(len(suggested))), agreed
        else:
            i, rule = max(rules, key=lambda one: sign * suggested[one[0]].rules[one[1]][0])
            parts, (score, metric) = (i,), suggested[i].rules[rule]
            if len(suggested) > 1 and abs(score) < _ALONE:
                continue
        if parts not in measurable:
            later = np.logical_or.reduce([suggested[i].later for i in parts])
            measurable[parts] = suggested[0].whole.where(later)
        found.append(Hypothesis(rule, score, metric, measurable[parts], _found_on([suggested[i] for i in parts])))
    return found


def _agreed(
    suggested: Sequence[Suggestions], features: frozenset[str], sign: int, rules: Sequence[Rule]
) -> tuple[Rule, Strength] | None:
    """The rule on some features that both halves' earlier rows suggest most, in the same direction; None if none."""
    if len(suggested) < 2:
        return None
    known = [rule for rule in suggested[0].earlier.known if rule.features == features]
    best: tuple[float, Rule, Strength] | None = None
    for rule in dict.fromkeys([*rules, *known]):
        scores = np.array([part.earlier.of([rule])[0] for part in suggested])
        agreeing = np.where((sign * scores >= _AGREES).all(axis=0), scores.sum(axis=0) / np.sqrt(len(scores)), 0.0)
        score, metric = clearest(agreeing)
        if score and (best is None or sign * score - plain(rule) > best[0]):
            best = (sign * score - plain(rule), rule, (score, metric))
    return best and best[1:]


@dataclass(frozen=True)
class _Told:
    hypothesis: Hypothesis
    alike: tuple[str, ...]


def _told_once(hypotheses: Sequence[Hypothesis], whole: Population, groups: Groups | None) -> list[_Told]:
    """Rules that hold for nearly the same rows, or are of features that say the same, as one: the most sayable one."""
    masks = {h.rule: whole.meets(h.rule) for h in hypotheses}
    kept: list[list[Hypothesis]] = []
    for h in hypotheses:
        same = next((own for own in kept if _say_the_same(own[0], h, masks, groups)), None)
        if same is None:
            kept.append([h])
        else:
            same.append(h)
    return [_most_sayable(own) for own in kept[:_MAX_MEASURED]]


def _say_the_same(a: Hypothesis, b: Hypothesis, masks: dict[Rule, np.ndarray], groups: Groups | None) -> bool:
    one, two = masks[a.rule], masks[b.rule]
    if (a.score > 0) != (b.score > 0):
        return nearly_same(one, ~two)
    if nearly_same(one, two):
        return True
    if groups is None or a.rule.features == b.rule.features:
        return False
    return {groups.group_of(f) for f in a.rule.features} == {groups.group_of(f) for f in b.rule.features}


def _most_sayable(own: Sequence[Hypothesis]) -> _Told:
    """Of rules that say the same the plainest that is not clearly weaker; the others in words."""
    best = max(abs(h.score) for h in own)
    near = [h for h in own if abs(h.score) >= best - _SAYABLE]
    told = min(near, key=lambda h: (plain(h.rule), len(h.rule.words), -abs(h.score)))
    others = dict.fromkeys(h.rule.words for h in own if h is not told and h.rule.features != told.rule.features)
    return _Told(told, tuple(others))


def _found_on(parts: Sequence[Suggestions]) -> dict[str, Any]:
    described = [part.earlier.population.described() for part in parts]
    return {
        "accounts": sum(d["accounts"] for d in described),
        "rows": sum(d["rows"] for d in described),
        "from": min(d["from"] for d in described),
        "to": max(d["to"] for d in described),
        "halves": len(parts),
    }


def _enough(h: Hypothesis) -> bool:
    """Whether enough accounts, and events by chance, are to be expected on either side, later."""
    inside = h.later.meets(h.rule)
    if not supported(inside, h.later.accounts, _FEWEST):
        return False
    if h.metric == "nrr":
        return True
    share, events = float(inside.mean()), float((Comparison(h.later).of(h.metric)[0] > 0).sum())
    return min(share, 1 - share) * events >= _EVENTS


def _nothing(attributes: Sequence[Attribute], tried: int) -> str:
    best = min(attributes, key=lambda a: a.evidence.q_value)
    headline = best.evidence.headline
    figures = (
        f"{best.rule.words}: {headline.lift * 100:+.1f} points, interval {headline.low * 100:+.1f} to "
        f"{headline.high * 100:+.1f}, false-discovery rate {best.evidence.q_value:.2f}"
    )
    return (
        f"Of {tried} rules tried on earlier accounts, {len(attributes)} were measured on later ones, and none held "
        f"there ({figures}).{_would_take(best)}"
    )


def _would_take(best: Attribute) -> str:
    """How many accounts would show a difference as large as the strongest one seen; empty where it came to nothing."""
    needed = accounts_needed(best)
    if needed is None:
        return ""
    return (
        f" If that difference is real, about {needed:,} accounts with a known outcome would show it; "
        f"{best.evidence.accounts:,} had one."
    )


def accounts_needed(best: Attribute) -> int | None:
    """So many accounts would show, four times in five, a difference as large as the one seen; None where it came to
    nothing, where far too many would be needed, and where something else speaks against it.
    """
    evidence, headline = best.evidence, best.evidence.headline
    seen = headline.observed or (headline.inside, headline.outside)
    half_width, difference = (headline.high - headline.low) / 2, abs(seen[0] - seen[1])
    if best.why_not is None or evidence.beyond or not 0 < difference < half_width * _SURE / 1.96:
        return None
    needed = evidence.accounts * (_SURE * half_width / 1.96 / difference) ** 2
    if needed > _MOST_NEEDED * evidence.accounts:
        return None
    return int(round(needed, -int(np.log10(needed)) + 1))

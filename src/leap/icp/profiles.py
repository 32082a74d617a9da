"""Profiles: rules that held later, on other accounts, as established and negative ICPs with a statement, evidence and
figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leap.features import FeatureCatalog
from leap.icp import search
from leap.icp.notes import Note
from leap.icp.rules import Columns, Condition, Evidence, Rule
from leap.icp.search import Hypothesis, Population

_MAX_FEATURES = 10
_MAX_MEASURED = 14
_WORTH_MEASURING = 1.0
"""Standard errors on the earlier accounts from which a second condition of a feature is measured."""
_OPPOSITE = 0.8
_MAX_Q = 0.05


@dataclass(frozen=True)
class Attribute:
    """A single measured condition, whether it held or not, with the driver it came from (its rank and share)."""

    rule: Rule
    evidence: Evidence
    driver_rank: int
    driver_share: float

    @property
    def verdict(self) -> str:
        """stays, leaves, or not shown: what the interval supports."""
        headline = self.evidence.headline
        if self.evidence.q_value > _MAX_Q or headline.low <= 0 <= headline.high:
            return "not shown"
        good = headline.lift < 0 if self.evidence.metric == "churn" else headline.lift > 0
        return "stays" if good else "leaves"

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `attributes`."""
        return {
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "words": self.rule.words,
            "verdict": self.verdict,
            "evidence": self.evidence.to_json(),
            "driver": {"rank": self.driver_rank, "share": self.driver_share},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Attribute:
        """The inverse of `to_json`."""
        driver = document["driver"]
        rule = _rule(document["conditions"], catalog)
        return cls(rule, Evidence.from_json(document["evidence"]), driver["rank"], driver["share"])


@dataclass(frozen=True)
class ICPProfile:
    """One profile: who, why we think so, how many there are, and how they do."""

    id: str
    kind: str
    rule: Rule
    evidence: Evidence
    statement: str
    size: Mapping[str, Any] = field(default_factory=dict)
    kpis: Mapping[str, Any] = field(default_factory=dict)
    price: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`."""
        document = {
            "id": self.id,
            "kind": self.kind,
            "statement": self.statement,
            "words": self.rule.words,
            "conditions": [condition.to_json() for condition in self.rule.conditions],
            "evidence": self.evidence.to_json(),
            "size": dict(self.size),
            "kpis": dict(self.kpis),
        }
        return document if self.price is None else {**document, "price": dict(self.price)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ICPProfile:
        """The inverse of `to_json`."""
        return cls(
            document["id"],
            document["kind"],
            _rule(document["conditions"], catalog),
            Evidence.from_json(document["evidence"]),
            document["statement"],
            document["size"],
            document["kpis"],
            document.get("price"),
        )


@dataclass(frozen=True)
class ICPSearch:
    """What was found: profiles, every attribute measured, or why there is none; and what people believe (`notes`)."""

    profiles: tuple[ICPProfile, ...]
    attributes: tuple[Attribute, ...]
    none_because: str | None
    notes: tuple[Note, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON of `icp`."""
        return {
            "icps": [profile.to_json() for profile in self.profiles],
            "attributes": [attribute.to_json() for attribute in self.attributes],
            "none_because": self.none_because,
            "notes": [note.to_json() for note in self.notes],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> ICPSearch:
        """The inverse of `to_json`."""
        return cls(
            tuple(ICPProfile.from_json(d, catalog) for d in document["icps"]),
            tuple(Attribute.from_json(d, catalog) for d in document["attributes"]),
            document["none_because"],
            tuple(Note.from_json(d) for d in document.get("notes", ())),
        )


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
    singles = search.candidates(earlier, features)
    found = {rule: search.strength(rule, earlier) for rule in singles}
    scores = {rule: score for rule, (score, _) in found.items()}
    leading = [rule for feature in features for rule in _strongest(singles, scores, feature.name, earlier)]
    leading = _different(leading, earlier)[: _MAX_MEASURED - 4]
    joined = search.pairs(earlier, [rule for rule in leading if scores[rule] > 0][:6])
    joined += search.pairs(earlier, [rule for rule in leading if scores[rule] < 0][:6])
    found |= {rule: search.strength(rule, earlier) for rule in joined}
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
    evidence = search.measure(hypotheses, tried=tried)
    attributes = []
    for h, e in zip(hypotheses, evidence, strict=True):
        name = h.rule.conditions[0].feature.name
        rank, share = next(part.drivers[name] for part in suggested if name in part.drivers)
        attributes.append(Attribute(h.rule, e, rank, share))
    scores = {h.rule: h.score for h in hypotheses}
    profiles = _profiles(attributes, suggested[0].whole, scores, horizon_months)
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
        if not any(search.same_rows(h.rule, other.rule, suggested[0].whole) for other in kept):
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
        if not any(search.same_rows(rule, other, population) for other in kept):
            kept.append(rule)
    return kept


def _enough(rule: Rule, population: Population) -> bool:
    inside = rule.matches(population.columns)
    return min(len(np.unique(population.accounts[inside])), len(np.unique(population.accounts[~inside]))) >= 10


def _profiles(
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
            if not narrower and not any(search.same_rows(attribute.rule, other.rule, later) for other in kept):
                kept.append(attribute)
        for number, attribute in enumerate(kept[:6], start=1):
            statement = _statement(kind, attribute.rule, attribute.evidence, horizon_months)
            profiles.append(ICPProfile(f"{kind}-{number}", kind, attribute.rule, attribute.evidence, statement))
    return profiles


def _statement(kind: str, rule: Rule, evidence: Evidence, horizon_months: int) -> str:
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


def _rule(conditions: Sequence[Mapping[str, Any]], catalog: FeatureCatalog) -> Rule:
    return Rule(tuple(Condition.from_json(c, catalog.by_name[c["feature"]]) for c in conditions))


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


def with_size_and_kpis(
    profile: ICPProfile,
    customers: np.ndarray,
    prospects: np.ndarray,
    figures: Mapping[str, Any],
    thresholds: tuple[int, float],
) -> ICPProfile:
    """The profile with how many accounts match it now, a word on its size, and its figures inside and outside."""
    matching = int(customers.sum() + prospects.sum())
    market = len(customers) + len(prospects)
    narrow, broad = thresholds
    note = None
    if matching < narrow:
        note = f"may be too narrow: fewer than {narrow} accounts and prospects match"
    elif market and matching / market > broad:
        note = f"may be too broad: {matching / market:.0%} of all accounts and prospects match"
    size = {"customers": int(customers.sum()), "prospects": int(prospects.sum()), "market": market, "note": note}
    return replace(profile, size=size, kpis=dict(figures))

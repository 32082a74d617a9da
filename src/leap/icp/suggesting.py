"""What the earlier rows of some accounts suggest: rules with their strength, judged on these rows alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from leap.features import Feature, Scope
from leap.icp.candidates import candidates, joined, supported, together
from leap.icp.comparing import TESTED, Comparison
from leap.icp.evidence import HIGHER_IS_BETTER
from leap.icp.population import Population
from leap.icp.rules import Rule

Strength = tuple[float, str]
"""How far those who meet a rule did better (above 0) or worse, in standard errors, and in which metric."""
MAX_FEATURES = 12
"""Drivers whose conditions are looked at, however many there are."""
MOST_OF_ONE, MOST_LONGER = 10, 4
"""Rules of one condition, and longer ones, that the earlier rows of some accounts may suggest."""
_SEEN_ALONE = 2.0
"""Standard errors from which a feature counts that is no driver: a model that is linear misses what helps in the
middle only."""
_RATHER_LEAVING = 1.0
"""Standard errors by which amounts must say more than leaving to be what is tested: money is noisier than counts, and
what is clearest by luck on few early rows is tested in the wrong figure later."""
_CLEARLY_MORE = 0.5
"""Standard errors by which a longer or less plain condition must say more than a plain one."""
_WORTH_MEASURING = 1.0
"""Standard errors on the earlier accounts from which a second condition of a feature, or a longer rule, is measured."""
_OPPOSITE = 0.8
_MOST_LEVELS = 3
_AGE = ("history", "age")
_JOINED = 6
_GOOD = np.array([1.0 if HIGHER_IS_BETTER[metric] else -1.0 for metric in TESTED])


@dataclass(frozen=True)
class Suggestions:
    """Rules that the earlier rows of some accounts suggest, with strength and metric, and who may measure them.

    `later` marks rows of `whole` that belong to other accounts and later dates; `drivers` are the fit features with
    their mean SHAP contribution, largest first, of a fit model of these earlier accounts.
    """

    rules: Mapping[Rule, Strength]
    drivers: Mapping[str, tuple[int, float]]
    earlier: Earlier
    whole: Population
    later: np.ndarray
    tried: int
    date: Any = None
    """When the rules were sought, with what was known by then."""


@dataclass(frozen=True)
class Earlier:
    """Rows that rules are found on, and how strong a rule was in them by each metric."""

    population: Population
    known: dict[Rule, np.ndarray] = field(default_factory=dict)

    @cached_property
    def comparison(self) -> Comparison:
        """The rows compared within periods and tenure."""
        return Comparison(self.population.once())

    def of(self, rules: Sequence[Rule]) -> np.ndarray:
        """Standard errors by which those who meet a rule did better, shape (n_rules, n_metrics in order of `TESTED`).

        Of a longer rule those of its least condition among the rows that meet the others.
        """
        new = [rule for rule in dict.fromkeys(rules) if rule not in self.known]
        if new:
            self.known.update(zip(new, self._looked_at(new), strict=True))
        return np.array([self.known[rule] for rule in rules], dtype=float).reshape(len(rules), len(TESTED))

    def strength(self, rule: Rule, metric: str | None = None) -> Strength:
        """The strength of a rule, in its clearest metric or in a given one."""
        scores = self.of([rule])[0]
        return (float(scores[TESTED.index(metric)]), metric) if metric else clearest(scores)

    def _looked_at(self, rules: Sequence[Rule]) -> np.ndarray:
        compared = self.comparison
        inside = np.array([compared.population.meets(rule) for rule in rules]).T
        found = np.array([compared.scores(inside, metric).z for metric in TESTED]).T * _GOOD
        for i, rule in enumerate(rules):
            if len(rule.conditions) > 1:
                found[i] = self._least(rule, found[i])
        return np.asarray(found)

    def _least(self, rule: Rule, whole: np.ndarray) -> np.ndarray:
        meets = [self.comparison.population.meets(Rule((condition,))) for condition in rule.conditions]
        scores = [whole]
        for i, own in enumerate(meets):
            within = np.logical_and.reduce([other for j, other in enumerate(meets) if j != i])
            scores.append(np.array([self.comparison.scores(own[:, None], m, within).z[0] for m in TESTED]) * _GOOD)
        every: np.ndarray = np.array(scores)
        agree = (np.sign(every) == np.sign(whole)).all(axis=0)
        return np.asarray(np.where(agree, np.sign(whole) * np.abs(every).min(axis=0), 0.0))


def clearest(scores: np.ndarray) -> Strength:
    """The metric in which the accounts differ most, leaving unless another says clearly more."""
    worth = np.abs(scores) - np.array([0.0 if metric == "churn" else _RATHER_LEAVING for metric in TESTED])
    best = int(np.argmax(worth))
    return float(scores[best]), TESTED[best]


def strength(rule: Rule, population: Population) -> Strength:
    """How far those who meet a rule did better (above 0) or worse in a population, and in what."""
    return Earlier(population).strength(rule)


def plain(rule: Rule) -> float:
    """What words cost, in standard errors: a range, or each further category, is harder to say than one bound."""
    further = sum(1 if c.op == "between" else len(c.levels) - 1 if c.op == "in" else 0 for c in rule.conditions)
    return _CLEARLY_MORE * (further + len(rule.conditions) - 1)


def suggest(
    earlier: Population,
    drivers: Sequence[tuple[Any, float]],
    whole: Population,
    later: np.ndarray,
    date: Any = None,
    singles: Sequence[Rule] | None = None,
) -> Suggestions:
    """The strongest conditions on the drivers, and longer rules of them, judged on the earlier rows alone.

    Bounds are round numbers of all accounts, without their outcomes, so that both halves look at the same conditions.
    """
    rows = Earlier(earlier)
    looked_at = fit_features(whole)
    known = candidates(whole, looked_at) if singles is None else singles
    singles = [rule for rule in known if _in(rule, earlier)]
    singles += _several(singles, rows)
    rows.of(singles)
    found = {rule: rows.strength(rule) for rule in singles}
    of_drivers = [feature.name for feature, _ in drivers[:MAX_FEATURES]]
    leading = [
        rule
        for name in dict.fromkeys([*of_drivers, *(f.name for f in looked_at)])
        for rule in _strongest([r for r in singles if name in r.features], found, earlier)
        if name in of_drivers or abs(found[rule][0]) - plain(rule) >= _SEEN_ALONE
    ]
    leading.sort(key=lambda rule: plain(rule) - abs(found[rule][0]))
    longer, looked = _longer(leading, found, rows)
    kept = [*leading[:MOST_OF_ONE], *longer[:MOST_LONGER]]
    total = sum(share for _, share in drivers) or 1.0
    ranks = {feature.name: (i + 1, share / total) for i, (feature, share) in enumerate(drivers)}
    ranks |= {f.name: (len(drivers) + 1, 0.0) for f in looked_at if f.name not in ranks}
    return Suggestions(
        {rule: rows.strength(rule) for rule in kept}, ranks, rows, whole, later, len(singles) + looked, date
    )


def fit_features(population: Population) -> list[Feature]:
    """The features of a population that conditions may be on: what is true of a company before it buys.

    The state of a market says when to sell, not to whom, and is the same for all companies of a segment; how old an
    observation is says something of the data only.
    """
    found = [feature for feature in population.frame.catalog.features if feature.scope == Scope.FIT]
    return [f for f in found if f.recipe.family != "market" and (f.recipe.family, f.recipe.operation) != _AGE]


def _in(rule: Rule, population: Population) -> bool:
    return supported(population.meets(rule), population.accounts)


def _several(singles: Sequence[Rule], rows: Earlier) -> list[Rule]:
    """For each category feature its two or three levels that make stay, and that make leave, as one condition."""
    by_feature: dict[Feature, list[Rule]] = {}
    for rule in singles:
        if rule.conditions[0].feature.kind == "category":
            by_feature.setdefault(rule.conditions[0].feature, []).append(rule)
    found = []
    for feature, rules in by_feature.items():
        for sign in (1, -1):
            scored = sorted(((sign * rows.strength(rule, "churn")[0], rule) for rule in rules), key=lambda s: -s[0])
            alike = [rule.conditions[0].levels[0] for score, rule in scored if score >= _WORTH_MEASURING][:_MOST_LEVELS]
            if 2 <= len(alike) < len(rules):
                found.append(together(feature, alike))
    return [rule for rule in found if _in(rule, rows.population)]


def _longer(leading: Sequence[Rule], found: Mapping[Rule, Strength], rows: Earlier) -> tuple[list[Rule], int]:
    """Two or three conditions that each add to the others, strongest first, and how many were looked at."""
    kept: list[Rule] = []
    looked = 0
    for sign in (1, -1):
        parts = [rule for rule in leading if sign * found[rule][0] > 0][:_JOINED]
        pairs = [rule for rule in joined(parts, parts) if _in(rule, rows.population)]
        good = _adding(pairs, rows, sign)
        triples = [rule for rule in joined(good[:2], parts) if _in(rule, rows.population)]
        looked += len(pairs) + len(triples)
        kept += good + _adding(triples, rows, sign)
    return sorted(kept, key=lambda rule: -abs(rows.strength(rule)[0])), looked


def _adding(rules: Sequence[Rule], rows: Earlier, sign: int) -> list[Rule]:
    scored = [(sign * rows.strength(rule)[0], rule) for rule in rules]
    return [rule for score, rule in sorted(scored, key=lambda s: -s[0]) if score >= _WORTH_MEASURING]


def _strongest(own: Sequence[Rule], found: Mapping[Rule, Strength], population: Population) -> list[Rule]:
    """Of one feature's rules the one that says most who stays, and the one that says most who leaves.

    A condition and its opposite say the same: of such a pair only the stronger is kept, on a tie the one that stays.
    """
    if not own:
        return []
    scores = {rule: found[rule][0] for rule in own}
    worth = {rule: round(abs(score) - plain(rule), 6) for rule, score in scores.items()}
    first = max(own, key=lambda rule: (worth[rule], scores[rule]))
    others = [rule for rule in own if scores[rule] * scores[first] < 0 and worth[rule] >= _WORTH_MEASURING]
    outside = ~population.meets(first)
    others = [r for r in others if (population.meets(r) & outside).sum() < _OPPOSITE * outside.sum()]
    return [first, *sorted(others, key=lambda rule: -worth[rule])[:1]]

"""The measurement of rules on later accounts that they were not found on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from leap.icp.comparing import Comparison, basis_of, freed
from leap.icp.evidence import HIGHER_IS_BETTER, Evidence, Measured
from leap.icp.grades import MAX_Q, why_not
from leap.icp.population import Population
from leap.icp.rules import Rule
from leap.icp.shrinking import range_of, shrunk
from leap.metrics import account_bootstrap

ADDS = 0.05
"""Probability of chance up to which a rule adds to others: each condition of a longer one, and each beside another."""
_FAINT, _CLEAR = 0.5, 4.0
"""Standard errors on the earlier rows that say next to nothing, and from which more of them make no difference."""
_INSIDE, _NARROWER = 0.9, 0.7
"""A rule is part of another if so much of it lies inside, and it holds for less than this part of the other's rows."""
_TOLD = 1.96
"""Standard errors of the shown figure itself from which its interval is of rules so found: the test has others."""
_FOLD_ACCOUNTS, _FOLD_EVENTS = 5, 8


@dataclass(frozen=True)
class Hypothesis:
    """A rule with what the earlier accounts fixed before it is measured: strength with its sign, metric, and the rows
    of other accounts that may measure it.
    """

    rule: Rule
    score: float
    metric: str
    later: Population
    found_on: Mapping[str, Any]

    @property
    def direction(self) -> int:
        """1 if those who meet the rule have more of the metric, -1 if less."""
        return int(np.sign(self.score)) * (1 if HIGHER_IS_BETTER[self.metric] else -1)


class Later:
    """Rows that measure, with resamples of their accounts."""

    def __init__(self, population: Population, draws: int) -> None:
        self.population = population.once()
        self.comparison = Comparison(self.population)
        self.described = self.population.described()
        self._draws = draws

    @cached_property
    def times(self) -> np.ndarray:
        """How often each row counts in each resample of accounts."""
        return account_bootstrap(self.population.accounts, self._draws)

    def inside(self, rule: Rule) -> np.ndarray:
        """Which rows meet a rule."""
        return self.population.meets(rule)


def measure(hypotheses: Sequence[Hypothesis], *, tried: int, draws: int = 400) -> list[Evidence]:
    """What each rule did on accounts it was not found on: one one-sided test each, q-values over all of them.

    What is significant must also say something beside the other rules that are.
    """
    from scipy.stats import norm

    if not hypotheses:
        return []
    later = {id(h.later): Later(h.later, draws) for h in hypotheses}
    z_values = np.array([_z_of(h, later[id(h.later)]) for h in hypotheses])
    weights = _weights(np.array([h.score for h in hypotheses]))
    q_values = _benjamini_hochberg(np.minimum(norm.sf(z_values) / weights, 1.0))
    found = int((q_values <= MAX_Q).sum())
    cuts = norm.isf(np.minimum(MAX_Q * max(found, 1) / len(hypotheses) * weights, 0.5))
    evidence = [
        _evidence(h, later[id(h.later)], tried, float(q), float(z), float(cut))
        for h, q, z, cut in zip(hypotheses, q_values, z_values, cuts, strict=True)
    ]
    return _beyond_each_other(hypotheses, evidence, later, z_values)


def _z_of(h: Hypothesis, later: Later) -> float:
    """Standard errors in the direction found earlier; of a longer rule those of its least condition.

    So each condition adds to the others, among the rows that meet them, or the shorter rule stands.
    """
    inside = later.inside(h.rule)
    z = [later.comparison.scores(inside[:, None], h.metric).z[0]]
    z += [later.comparison.scores(part[:, None], h.metric, within).z[0] for part, within in parts_of(h.rule, later)]
    return float(h.direction * (min(z) if h.direction > 0 else max(z)))


def parts_of(rule: Rule, later: Later) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each condition of a longer rule who meets it, and who meets all the others."""
    if len(rule.conditions) == 1:
        return []
    meets = [later.inside(Rule((condition,))) for condition in rule.conditions]
    return [(own, np.logical_and.reduce([other for other in meets if other is not own])) for own in meets]


def _beyond_each_other(
    hypotheses: Sequence[Hypothesis], evidence: Sequence[Evidence], later: Mapping[int, Later], z_values: np.ndarray
) -> list[Evidence]:
    """The evidence, with the word that a rule says nothing beside stronger ones on other features.

    First from the strongest on each is tried beside those before it, then from the weakest on beside all others left.
    """
    result = list(evidence)
    kept: list[int] = []
    held = [i for i in np.argsort(-z_values) if why_not(evidence[i]) is None]
    for forward in (True, False):
        for i in list(held) if forward else list(reversed(kept)):
            own = later[id(hypotheses[i].later)]
            others = [
                rule for j in kept if j != i and not _is_part(rule := hypotheses[j].rule, hypotheses[i].rule, own)
            ]
            if _adds(hypotheses[i], others, own):
                if forward:
                    kept.append(i)
            else:
                kept = [j for j in kept if j != i]
                words = " or ".join(f"“{r.words}”" for r in others if not r.features & hypotheses[i].rule.features)
                result[i] = replace(result[i], beyond=f"says nothing beyond {words}")
    return result


def _is_part(narrow: Rule, wide: Rule, later: Later) -> bool:
    """Whether a rule holds for clearly fewer accounts, nearly all of which meet the wider one.

    The wider one is what people can act on, so a part of it never takes its place.
    """
    one, two = later.inside(narrow), later.inside(wide)
    return bool((one & two).sum() >= _INSIDE * one.sum() and one.sum() < _NARROWER * two.sum())


def _adds(h: Hypothesis, others: Sequence[Rule], later: Later) -> bool:
    from scipy.stats import norm

    features = {
        condition.feature.name: condition.feature.kind
        for rule in others
        for condition in rule.conditions
        if condition.feature.name not in h.rule.features
    }
    if not features:
        return True
    beside = later.comparison.bins_of(features)
    z = later.comparison.scores(later.inside(h.rule)[:, None], h.metric, beside=beside).z[0]
    return bool(norm.sf(h.direction * z) <= ADDS)


def _evidence(h: Hypothesis, later: Later, tried: int, q: float, z: float, cut: float) -> Evidence:
    inside = later.inside(h.rule)
    same, folds = _folds(h, later, inside)
    lost = z - shrunk(z, cut) if z > 0 else 0.0
    return Evidence(
        accounts=later.described["accounts"],
        matched=len(np.unique(later.population.accounts[inside])),
        figures=_figures(inside, later, h, lost, cut if z >= cut else None),
        metric=h.metric,
        found_on=dict(h.found_on),
        measured_on=later.described,
        tried=tried,
        q_value=q,
        by_year=_by_year(inside, later.population),
        same_sign=same,
        folds=folds,
    )


def _folds(h: Hypothesis, later: Later, inside: np.ndarray) -> tuple[int, int]:
    """In how many of the later periods the rule points the way it was found, and how many there are.

    Periods are years, halves of them where the rows span less than three, joined until each can say something.
    """
    population = later.population
    outcome, has = later.comparison.of(h.metric)
    part = later.comparison.scores(inside[:, None], h.metric).parts[:, 0]
    month = population.as_of.astype("datetime64[M]").astype(int)
    code = month // (12 if len(np.unique(month // 12)) >= 3 else 6)
    signs, rows = [], np.zeros(len(code), dtype=bool)
    for period in np.unique(code):
        rows |= (code == period) & has
        events = int((outcome[rows] > 0).sum()) if h.metric != "nrr" else int(rows.sum())
        thin = min(int((rows & inside).sum()), int((rows & ~inside).sum())) < _FOLD_ACCOUNTS or events < _FOLD_EVENTS
        if not thin:
            signs.append(float(part[rows].sum()))
            rows = np.zeros(len(code), dtype=bool)
    if rows.any() and signs:
        signs[-1] += float(part[rows].sum())
    signs = signs or [float(part.sum())]
    return sum(sign * h.direction > 0 for sign in signs), len(signs)


def _by_year(inside: np.ndarray, population: Population) -> tuple[dict[str, Any], ...]:
    year = population.as_of.astype("datetime64[Y]").astype(int) + 1970
    churned = population.ending == 0
    return tuple(
        {
            "year": int(y),
            "inside": _mean(churned[(year == y) & inside]),
            "outside": _mean(churned[(year == y) & ~inside]),
            "accounts_inside": int(((year == y) & inside).sum()),
            "accounts_outside": int(((year == y) & ~inside).sum()),
        }
        for y in np.unique(year)
    )


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _figures(inside: np.ndarray, later: Later, h: Hypothesis, lost: float, cut: float | None) -> dict[str, Measured]:
    """All figures, shrunk: the headline by `lost` standard errors, the others by what of it they share.

    The interval of a headline that reached the `cut` is of the sizes that rules so found have: about what was shrunk an
    interval of plain resamples would reach zero where the rule was told from it, and be too short where it is large.
    """
    s, e = later.population.starting, later.population.ending
    parts = {
        "nrr": (e, s),
        "churn": ((e == 0).astype(float), np.ones(len(e))),
        "expansion_rate": (np.maximum(e - s, 0), s),
        "contraction_rate": (np.where(e > 0, np.maximum(s - e, 0), 0.0), s),
    }
    lifts = {name: _lifts(top, bottom, inside, later) for name, (top, bottom) in parts.items()}
    head = lifts[h.metric][1]
    figures = {}
    for name, (top, bottom) in parts.items():
        lift, drawn = lifts[name]
        both = np.isfinite(drawn) & np.isfinite(head)
        spread = float(drawn[both].std()) if both.any() else 0.0
        shared = float(np.corrcoef(drawn[both], head[both])[0, 1]) if spread > 0 and head[both].std() > 0 else 0.0
        moved = lift - h.direction * lost * shared * spread
        errors = np.quantile(drawn[both] - lift, [0.025, 0.975]) if both.any() else np.array([np.nan, np.nan])
        own = h.direction * lift / spread if spread > 0 else 0.0
        if name == h.metric and cut is not None and own > _TOLD:
            errors = np.sort(h.direction * np.array(range_of(own, min(cut, own)))) * spread - moved
        figures[name] = _measured(top, bottom, inside, moved, errors)
    return figures


def _lifts(top: np.ndarray, bottom: np.ndarray, inside: np.ndarray, later: Later) -> tuple[float, np.ndarray]:
    """Difference of a ratio of sums inside and outside, compared within periods and tenure, and of each resample."""
    usable = bottom > 0
    root = np.sqrt(np.where(usable, bottom, 0.0))
    basis = basis_of(later.comparison.calendar * root[:, None])
    x, y = freed(inside * root, basis), freed(np.where(usable, top / np.where(usable, root, 1.0), 0.0), basis)
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = (later.times @ (x * y)) / (later.times @ (x * x))
    spread = float((x * x).sum())
    return (float((x * y).sum()) / spread if spread > 0 else 0.0), drawn


def _measured(top: np.ndarray, bottom: np.ndarray, inside: np.ndarray, lift: float, errors: np.ndarray) -> Measured:
    """Inside and outside so that their mean is that of all, and they differ by the lift; never below none at all."""
    base, share = float(top.sum() / bottom.sum()), float(bottom[inside].sum() / bottom.sum())
    if top.min() >= 0:
        lift = min(max(lift, -base / max(1 - share, 1e-9)), base / max(share, 1e-9))
    low, high = lift + errors
    observed = tuple(float(top[part].sum() / bottom[part].sum()) for part in (inside, ~inside))
    return Measured(
        float(base + (1 - share) * lift), float(base - share * lift), float(min(low, lift)), float(max(high, lift)),
        (observed[0], observed[1]),
    )  # fmt: skip


def _weights(scores: np.ndarray) -> np.ndarray:
    """How much each rule counts among those measured, 1 on average: more, the clearer it was on the earlier rows.

    These rows measure nothing, so false discoveries stay as rare as without weights (Genovese, Roeder & Wasserman 2006,
    "False discovery control with p-value weighting"); what was hardly suggested no longer hides what was clear.
    """
    wanted = np.clip(np.abs(scores) - _FAINT, _FAINT / 2, _CLEAR) ** 3
    return np.asarray(wanted / wanted.mean())


def _benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Benjamini & Hochberg (1995): the false-discovery rate at which each is still found, same shape."""
    flat = p_values.ravel()
    order = np.argsort(flat)
    scaled = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    adjusted = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    result = np.empty(len(flat))
    result[order] = adjusted
    return result.reshape(p_values.shape)

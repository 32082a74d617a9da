"""How a points card is made: whole points that follow the fit model, bands, and agreement on other accounts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.icp.attributes import Attribute
from leap.icp.points import Agreement, CardLine, PointsCard, Share
from leap.icp.population import Population
from leap.icp.rules import Rule
from leap.metrics import AucWithin, account_bootstrap, spearman

MOST_LINES = 8
MOST_POINTS = 10
"""Of a line: more would claim a precision that no such model has."""
LEAST_RANK = 0.3
"""Correlation with the model below which a card is another opinion than the model's."""
_END = 0.25
"""Share of the accounts that bands A and C are meant to have."""
_NEAR = 0.005
"""A coarser card is taken if its correlation with the model is not lower by more."""
_RIDGE = 0.02
"""Ridge as a share of the rows: of conditions that say nearly the same, both get points rather than one by chance."""
_DRAWS = 200


@dataclass(frozen=True)
class Judged:
    """A fit model of the earlier rows of some accounts (`found_on`) and later rows of others (`measured_on`).

    `nrr` and `kept` are what it expects of every row of the population, shape (n,) each.
    """

    found_on: np.ndarray
    measured_on: np.ndarray
    nrr: np.ndarray
    kept: np.ndarray


def points_card(
    attributes: Sequence[Attribute], population: Population, nrr: np.ndarray, judged: Sequence[Judged]
) -> PointsCard:
    """The card of what held, made of what the final model expects of all rows, shape (n,).

    How near such a card is to its model is told by cards made in the same way of earlier models and their rows.
    """
    items = held_rules(attributes)
    if not items:
        return PointsCard((), None, None, {}, None, "No condition held on later accounts: nothing deserves points.")
    met = np.column_stack([rule.matches(population.columns) for rule, _ in items])
    card = _fitted(items, met, nrr)
    if not card.lines:
        return card
    agreement = _agreement(items, met, population, judged)
    return PointsCard(card.lines, card.a_from, card.c_to, card.shares, agreement, _why_not(agreement))


def held_rules(attributes: Sequence[Attribute]) -> list[tuple[Rule, int]]:
    """Rules that held with their sign, the surest first; none that is narrower than another, at most eight."""
    held = sorted((a for a in attributes if a.verdict != "not shown"), key=lambda a: (a.evidence.q_value, a.rule.words))
    simple = [
        a
        for a in held
        if not any(set(b.rule.conditions) < set(a.rule.conditions) and b.verdict == a.verdict for b in held)
    ]
    return [(a.rule, 1 if a.verdict == "stays" else -1) for a in simple[:MOST_LINES]]


def _fitted(items: Sequence[tuple[Rule, int]], met: np.ndarray, expected: np.ndarray) -> PointsCard:
    """Points from a fit with fixed signs to what the model expects, so that conditions that overlap share them."""
    signs = np.array([sign for _, sign in items])
    weights = _weights(met, signs, expected)
    if weights.max() <= 0:
        why = "Together the conditions that held move nothing in the fit model: nothing deserves points."
        return PointsCard((), None, None, {}, None, why)
    points = signs * _whole(weights, met, signs, expected)
    lines = [CardLine(rule, int(p)) for (rule, _), p in zip(items, points, strict=True) if p]
    lines.sort(key=lambda line: (-line.points, line.rule.words))
    total = met.astype(np.int64) @ points
    c_to, a_from = cuts(total)
    card = PointsCard(tuple(lines), a_from, c_to, {}, None, None)
    bands = card.bands(total)
    return PointsCard(tuple(lines), a_from, c_to, {b: float((bands == b).mean()) for b in "ABC"}, None, None)


def _weights(met: np.ndarray, signs: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Non-negative least squares over patterns of conditions met, shape (n_items,), whatever the order of rows."""
    from scipy.optimize import nnls

    patterns, code, counts = np.unique(met, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(code.ravel(), kind="stable")
    parts = np.split(expected[order], np.cumsum(counts)[:-1])
    means = np.array([math.fsum(part) / len(part) for part in parts])
    n = counts.sum()
    x = (patterns - (counts[:, None] * patterns).sum(axis=0) / n) * signs
    y = means - math.fsum(counts * means) / n
    root = np.sqrt(counts)
    ridge = np.sqrt(_RIDGE * n * np.maximum((counts[:, None] * x**2).sum(axis=0) / n, 1e-12))
    design = np.vstack([root[:, None] * x, np.diag(ridge)])
    return np.asarray(nnls(design, np.concatenate([root * y, np.zeros(len(signs))]))[0])


def _whole(weights: np.ndarray, met: np.ndarray, signs: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Whole points of the coarsest scale that orders the rows nearly as the model does, as well as any."""
    scales = [
        np.floor(np.round(weights / weights.max() * n, 9) + 0.5).astype(np.int64) for n in range(1, MOST_POINTS + 1)
    ]
    one = np.ones(len(expected))
    ranks = [round(spearman(expected, (met @ (signs * points)).astype(float), one), 9) for points in scales]
    best = max((rank for rank in ranks if math.isfinite(rank)), default=0.0)
    return next((points for points, rank in zip(scales, ranks, strict=True) if rank >= best - _NEAR), scales[0])


def cuts(total: np.ndarray) -> tuple[int | None, int | None]:
    """Up to which sum band C goes and from which A: near a quarter of the rows each, with B between them.

    A band that could only hold far more than that, since few sums differ, is none.
    """
    values, counts = np.unique(total, return_counts=True)
    up = np.cumsum(counts) / len(total)
    ends: list[tuple[float, int | None, int | None]] = []
    for c in (None, *range(len(values) - 1)):
        for a in (None, *range(1 if c is None else c + 2, len(values))):
            shares = (0.0 if c is None else up[c], 0.0 if a is None else 1 - up[a - 1])
            ends.append((round(sum(abs(share - _END) for share in shares), 9), c, a))
    _, c, a = min(ends, key=lambda end: end[0])
    return None if c is None else int(values[c]), None if a is None else int(values[a])


def _agreement(
    items: Sequence[tuple[Rule, int]], met: np.ndarray, population: Population, judged: Sequence[Judged]
) -> Agreement | None:
    """Cards of each model's own rows against that model, on the rows that it may be measured on."""
    if not judged:
        return None
    parts: list[tuple[np.ndarray, ...]] = []
    for number, one in enumerate(judged):
        own = _fitted(items, met[one.found_on], one.nrr[one.found_on])
        rows = np.flatnonzero(one.measured_on)
        points = own.points(population.columns, len(met))
        same = own.bands(points)[rows] == _model_bands(one, own)[rows]
        parts.append(
            (
                rows,
                np.full(len(rows), number),
                points[rows],
                one.nrr[rows],
                one.kept[rows],
                same,
                own.bands(points)[rows],
            )
        )
    rows, group, points, nrr, kept, same, bands = (np.concatenate(part) for part in zip(*parts, strict=True))
    if not len(rows):
        return None
    accounts, stayed = population.accounts[rows], (population.ending[rows] > 0).astype(float)
    times = account_bootstrap(accounts, _DRAWS)
    auc = AucWithin(group)
    shares = [float((bands == band).mean()) for band in "ABC"]
    return Agreement(
        accounts=len(np.unique(accounts)),
        rows=len(np.unique(rows)),
        rank=_figure(_rank_within(group, nrr, points.astype(float)), times),
        kept=_figure(auc.prepare(stayed, points.astype(float)), times),
        kept_by_model=_figure(auc.prepare(stayed, kept), times),
        same_band=_figure(lambda w: float(np.average(same, weights=w)), times),
        same_by_chance=float(sum(share**2 for share in shares)),
    )


def _model_bands(one: Judged, card: PointsCard) -> np.ndarray:
    """Bands of the model itself, with the shares that the card's have among the rows both were made of."""
    earlier = one.nrr[one.found_on]
    c = card.shares.get("C", 0.0) if card.c_to is not None else 0.0
    a = card.shares.get("A", 0.0) if card.a_from is not None else 0.0
    low = np.quantile(earlier, c) if c else -np.inf
    high = np.quantile(earlier, 1 - a) if a else np.inf
    return np.where(one.nrr > high, "A", np.where(one.nrr <= low, "C", "B"))


def _rank_within(group: np.ndarray, a: np.ndarray, b: np.ndarray) -> Any:
    """Spearman's correlation within each group, averaged by rows, as a function of weights."""
    members = [np.flatnonzero(group == g) for g in np.unique(group)]
    prepared = [(rows, spearman.prepare(a[rows], b[rows])) for rows in members]

    def figure(weight: np.ndarray) -> float:
        found = [(weight[rows].sum(), one(weight[rows])) for rows, one in prepared if weight[rows].sum() > 0]
        # A card of one group in which all sums are alike orders nothing.
        return float(np.average([0.0 if math.isnan(r) else r for _, r in found], weights=[w for w, _ in found]))

    return figure


def _figure(figure: Any, times: np.ndarray) -> Share:
    value = figure(np.ones(times.shape[1]))
    draws = np.array([figure(row) for row in times])
    draws = draws[np.isfinite(draws)]
    if not math.isfinite(value) or not len(draws):
        return Share(None, None, None)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Share(float(value), float(low), float(high))


def _why_not(agreement: Agreement | None) -> str | None:
    if agreement is None or agreement.rank.low is None:
        return "There are no accounts on which the card could be compared with the model."
    if agreement.rank.low < LEAST_RANK:
        return (
            f"On other accounts the order by points is too far from the model's: correlation {_said(agreement.rank)}; "
            f"wanted from {LEAST_RANK} on."
        )
    if agreement.kept.low is None or agreement.kept.low <= 0.5:
        return (
            "On other, later accounts the points do not tell who stayed from who left better than chance: "
            f"{_said(agreement.kept)}; 0.50 is chance."
        )
    return None


def _said(figure: Share) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "not defined"
    return f"{figure.value:.2f} (95 % interval {figure.low:.2f} to {figure.high:.2f})"

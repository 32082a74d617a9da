"""How large a change is where it happens: one size for all, or a size that depends on the account where that wins.

Learners are fitted to the sizes of rows that changed, on the scale of the link: log-odds of a contraction's share, the
logarithm of an expansion's factor. They are chosen by quasi-likelihoods, whose best answer is the *mean* size, so that
sums of money can add up; an absolute or squared error of logarithms would choose the typical size, which is smaller
(McCullagh & Nelder 1989, "Generalized linear models", chapter 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.models import links
from leap.models.choice import choose_kind, gain_in_errors
from leap.models.labels import TrainingRows, most_that_counts
from leap.models.learners import Learner, boosted_of, fit_boosted, fit_linear, learner_from_json
from leap.models.links import Link
from leap.models.selection import (
    BASE_RATE,
    PENALTIES,
    SMALL_TREES,
    Candidate,
    recency,
)
from leap.splits import inner_folds

MIN_MOVED = 40
"""Accounts that changed, at least, before sizes are told apart; below it one size for all is all that can be said."""

_ROUNDS = (20, 40, 80)
_EXTREMES = 0.01
_SMALLEST = 0.01


@dataclass(frozen=True)
class Sizing:
    """What moves an account's size away from the usual one, on the scale of the link, as far as it can be trusted."""

    link: Link
    learner: Learner
    slope: float = 1.0

    def deviation(self, matrix: np.ndarray) -> np.ndarray:
        """How far the margin is from the usual one's, shape (n,)."""
        return self.slope * (self.learner.margin(matrix) - self.learner.base)

    def sizes(self, usual: float, matrix: np.ndarray) -> np.ndarray:
        """Expected sizes, shape (n,), where `usual` is the size of which nothing else is known."""
        return links.value(self.link, links.margin_of(self.link, usual) + self.deviation(matrix))

    def attribute(self, usual: float, matrix: np.ndarray) -> np.ndarray:
        """Contributions to the size, shape (n, width); a row plus `usual` is its size."""
        start = float(links.margin_of(self.link, usual))
        return links.through(self.link, self.slope * self.learner.contributions(matrix), start)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {"link": self.link, "slope": self.slope, "learner": self.learner.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Sizing:
        """The inverse of `to_json`."""
        if document["link"] not in ("share", "factor"):
            raise ValueError(f"unknown link {document['link']!r}")
        return cls(document["link"], learner_from_json(document["learner"]), float(document["slope"]))


@dataclass(frozen=True)
class _Moved:
    """The rows that changed: their winsorised sizes, on the scale of the link too, and what folds need."""

    rows: TrainingRows
    size: np.ndarray
    margin: np.ndarray
    weight: np.ndarray
    link: Link

    def where(self, keep: np.ndarray) -> _Moved:
        return _Moved(self.rows.where(keep), self.size[keep], self.margin[keep], self.weight[keep], self.link)

    @property
    def rows_per_account(self) -> float:
        return len(self.size) / max(self.n_accounts, 1)

    @property
    def n_accounts(self) -> int:
        return len(np.unique(self.rows.accounts))


def fit_sizes(
    kept: TrainingRows, name: str, probability: np.ndarray, only: str | None = None, seed: int = 0
) -> tuple[float, Sizing | None, Mapping[str, float]]:
    """The usual size, what moves it (None: nothing), and what every candidate lost in the inner folds.

    `kept` are the retained rows and `probability` their propensity, shape (n,). `only` fixes the kind of learner that
    may be taken beside the constant. With the usual size the money of the training rows adds up:
    `sum(S * propensity * size) = sum(S * change)`, weighted by `TrainingRows.money`.
    """
    if not len(kept.accounts):
        return 0.0, None, {}
    amount = kept.labels.amount(name)
    moving = amount > 0
    amount = np.minimum(amount, most_that_counts(amount[moving], kept.accounts[moving]))
    sizing, losses = _chosen(_moved(kept, name, amount), only, seed)
    money = kept.money()
    return *_levelled(name, sizing, kept.matrix, money * probability, float(money @ amount)), losses


def _levelled(
    name: str, sizing: Sizing | None, matrix: np.ndarray, money: np.ndarray, total: float
) -> tuple[float, Sizing | None]:
    """The usual size with which the expected money is the total; a contraction takes at most everything."""
    expected = float(money.sum())
    constant = total / expected if expected > 0 else 0.0
    constant = min(constant, 1.0) if name == "contraction" else constant
    if sizing is None or not 0 < constant < (1.0 if sizing.link == "share" else np.inf):
        return constant, None
    margin = links.level_margin(sizing.link, sizing.deviation(matrix), money, total)
    return float(links.value(sizing.link, np.array([margin]))[0]), sizing


def link_of(name: str) -> Link:
    """A contraction is a share of what there was, an expansion any factor of it."""
    return "share" if name == "contraction" else "factor"


def _moved(kept: TrainingRows, name: str, amount: np.ndarray) -> _Moved:
    happened = kept.labels.propensity(name) > 0
    rows, size, link = kept.where(happened), amount[happened], link_of(name)
    if not len(size):
        return _Moved(rows, size, size, size, link)
    low, high = np.quantile(size, [_EXTREMES, 1 - _EXTREMES])
    if link == "share":
        low, high = max(low, _SMALLEST), min(high, 1 - _SMALLEST)
    margin = links.margin_of(link, np.clip(size, low, high))
    return _Moved(rows, size, margin, recency(rows.as_of), link)


def _chosen(moved: _Moved, only: str | None, seed: int) -> tuple[Sizing | None, Mapping[str, float]]:
    """The simplest candidate within one standard error of the best, fitted on all rows; None for the constant.

    Its deviations are shrunk as far as what they gain cannot be told from nothing.
    """
    if only == "base_rate" or moved.n_accounts < MIN_MOVED or np.ptp(moved.margin) < 1e-9:
        return None, {}
    pairs = inner_folds(moved.rows.accounts, moved.rows.as_of, moved.rows.known_at)
    if not pairs:
        return None, {}
    deviations = _deviations(moved, pairs, only, seed)
    validated = ~np.isnan(deviations[BASE_RATE])
    accounts = moved.rows.accounts[validated]
    losses = {c: _losses(moved, deviation, pairs)[validated] for c, deviation in deviations.items()}
    chosen, least = choose_kind(losses, accounts)
    if chosen == BASE_RATE:
        return None, least
    z = gain_in_errors(losses[BASE_RATE] - losses[chosen], accounts)
    return Sizing(moved.link, _fit(moved, chosen, seed), 1 - 1 / z**2) if z > 1 else None, least


def _deviations(
    moved: _Moved, pairs: list[tuple[np.ndarray, np.ndarray]], only: str | None, seed: int
) -> dict[Candidate, np.ndarray]:
    """What each candidate, trained on the other accounts' past, adds to the margin of the validation rows."""
    linear = [Candidate("linear", 1, penalty=p) for p in PENALTIES] if only in (None, "linear") else []
    trees = [Candidate("boosted", 2, rounds=r, parameters=_TREES) for r in _ROUNDS] if only in (None, "boosted") else []
    found = {c: np.full(len(moved.size), np.nan) for c in (BASE_RATE, *linear, *trees)}
    for fit_on, validate in pairs:
        part, matrix = moved.where(fit_on), moved.rows.matrix[validate]
        found[BASE_RATE][validate] = 0.0
        if np.ptp(part.margin) < 1e-9:
            for candidate in (*linear, *trees):
                found[candidate][validate] = 0.0
            continue
        if linear:
            path = fit_linear(part.rows.matrix, part.margin, part.weight, "ratio", PENALTIES, part.rows.accounts)
            for candidate, learner in zip(linear, path, strict=True):
                found[candidate][validate] = learner.margin(matrix) - learner.base
        if trees:
            booster = _boost(part, max(_ROUNDS), seed)
            for candidate in trees:
                raw = booster.predict(matrix, raw_score=True, num_iteration=candidate.rounds, num_threads=1)
                found[candidate][validate] = np.asarray(raw)
    return found


def _losses(moved: _Moved, deviation: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Quasi-deviance of each validation row: of a share Bernoulli's, of a factor the gamma's.

    Each fold's level is set to what was seen: a size that drifts says nothing of what tells accounts apart.
    """
    loss = np.full(len(moved.size), np.nan)
    for _, validate in pairs:
        size, weight, own = moved.size[validate], moved.weight[validate], deviation[validate]
        margin = links.level_margin(moved.link, own, weight, float(weight @ size)) + own
        if moved.link == "share":
            loss[validate] = weight * (np.logaddexp(0, margin) - size * margin)
        else:
            loss[validate] = weight * (margin + size * np.exp(-np.maximum(margin, -50.0)))
    return loss


_TREES = tuple(sorted(SMALL_TREES.items()))


def _boost(moved: _Moved, rounds: int, seed: int) -> Any:
    return fit_boosted(
        moved.rows.matrix,
        moved.margin,
        moved.weight,
        "ratio",
        dict(_TREES),
        rounds,
        moved.rows_per_account,
        seed,
        moved.rows.bins,
    )


def _fit(moved: _Moved, chosen: Candidate, seed: int) -> Learner:
    if chosen.name == "linear":
        return fit_linear(
            moved.rows.matrix, moved.margin, moved.weight, "ratio", [chosen.penalty], moved.rows.accounts
        )[0]
    return boosted_of(_boost(moved, chosen.rounds, seed), moved.rows.matrix, chosen.rounds)

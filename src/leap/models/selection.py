"""Honest choice of a learner inside purged, account-grouped folds, the simpler one preferred within one standard
error.

Of outcomes that happen or not, every candidate is judged with the slope that its margins need, and the chosen one's
slope is shrunk as far as it cannot be told from none: the base rate is where nothing is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leap.models.boosting import Bins, grown
from leap.models.calibration import Calibration, Showing, fit_intercept, fit_level, fit_slope, shrunk_slope
from leap.models.learners import (
    BaseRate,
    Blend,
    Learner,
    Linear,
    Task,
    boosted_of,
    fit_base_rate,
    fit_boosted,
    fit_linear,
)
from leap.models.rows import OpenRows, Rows, most_frequent, recency, thinned
from leap.splits import inner_folds

__all__ = [
    "BASE_RATE",
    "LEVEL_HALF_LIFE_MONTHS",
    "MIN_EVENTS",
    "Candidate",
    "OpenRows",
    "Rows",
    "Trained",
    "choose",
    "fitted",
    "most_frequent",
    "plain_logistic",
    "recency",
    "thinned",
    "train",
]

LEVEL_HALF_LIFE_MONTHS = 12.0
"""For the level (base rate and intercept) already as one of a year later: rates drift faster than what drives them."""

_LEVEL_EVENTS = 60
"""With more events than this a shorter half-life can be afforded, down to six months."""

MIN_EVENTS = 20
"""Accounts with the event that a model is fitted on at least; below it the base rate is all that can be said."""

_PLAIN_PENALTY = 0.01
PENALTIES = (3.0, 1.0, 0.3, 0.1, 0.03)
ROUNDS = (40, 80, 160)
SMALL_TREES: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "leaf_accounts": 15,
    "lambda_l2": 10.0,
    "feature_fraction": 0.7,
}


@dataclass(frozen=True)
class Candidate:
    """A learner with its settings; `complexity` orders candidates from simple to rich."""

    name: str
    complexity: int
    penalty: float = 0.0
    rounds: int = 0
    parameters: tuple[tuple[str, Any], ...] = ()
    weights: tuple[float, float] = (0.0, 0.0)
    """Of the linear and the boosted margin in a blend."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the candidate is fitted with, by name."""
        own = {"penalty": self.penalty, "rounds": self.rounds, "weights": list(self.weights)}
        return {name: value for name, value in own.items() if value not in (0, [0, 0])} | dict(self.parameters)


BASE_RATE = Candidate("base_rate", 0)


@dataclass(frozen=True)
class Trained:
    """The chosen learner fitted on all rows, its calibration, and what every candidate lost in the inner folds."""

    learner: Learner
    calibration: Calibration
    losses: Mapping[str, float]
    candidate: Candidate
    task: Task

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Probabilities (binary), ratios or numbers, shape (n,)."""
        margin = self.learner.margin(matrix)
        return margin if self.task != "binary" else self.calibration.probability(margin)


def train(rows: Rows, tuned: Mapping[str, Any] | None = None, only: str | None = None, seed: int = 0) -> Trained:
    """Choose among base rate, linear and boosted by inner-fold loss, then fit the choice on all rows.

    `tuned` adds a boosted candidate with settings found by `tuning`; `only` fixes the kind (for baselines).
    """
    if (
        only == "base_rate"
        or rows.n_events < MIN_EVENTS
        or (rows.task == "binary" and rows.n_without < MIN_EVENTS // 2)
    ):
        return _base_rate(rows, {})
    everything = rows.binned()
    rows = thinned(everything)
    inner = _Inner(rows, inner_folds(rows.accounts, rows.as_of, rows.known_at))
    if not inner.pairs:
        return _base_rate(everything, {})
    margins = {BASE_RATE: _margins_base(rows, inner.pairs)}
    if only in (None, "linear"):
        margins |= _margins_linear(rows, inner.pairs)
    if only in (None, "boosted"):
        margins |= _margins_boosted(rows, inner.pairs, Candidate("boosted", 2, parameters=_pairs(SMALL_TREES)), seed)
        if tuned is not None:
            margins |= _margins_boosted(rows, inner.pairs, Candidate("tuned", 3, parameters=_pairs(tuned)), seed)
    losses = {c: inner.losses(m) for c, m in margins.items()}
    if only is None and rows.task == "binary":
        blend, margin = _blend(inner, margins, losses)
        margins[blend], losses[blend] = margin, inner.losses(margin)
    best_of_kind = _best_of_each_kind(losses)
    said = {c.name: float(losses[c].mean()) for c in best_of_kind}
    rivals = [c for c in best_of_kind if only is None or c.name == only]
    if rows.task != "binary":
        chosen = choose({c: losses[c] for c in rivals}, rows.accounts[inner.validated])
        return _final(everything, chosen, 1.0, said, seed)
    chosen = choose({c: losses[c] for c in rivals if c != BASE_RATE}, rows.accounts[inner.validated])
    slope = inner.shrunk_slope(margins[chosen])
    if only is not None:
        slope = max(slope, inner.slope(margins[chosen]) / 2)
    elif slope == 0 or losses[chosen].mean() >= losses[BASE_RATE].mean():
        return _base_rate(everything, said)
    return _final(everything, chosen, slope, said, seed)


@dataclass(frozen=True)
class _Inner:
    """Rows with the inner folds that judge margins predicted for them."""

    rows: Rows
    pairs: list[tuple[np.ndarray, np.ndarray]]
    validated: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        held = np.zeros(len(self.rows.outcome), dtype=bool)
        for _, validate in self.pairs:
            held |= validate
        object.__setattr__(self, "validated", held)

    def slope(self, margin: np.ndarray) -> float:
        """The slope that these margins need."""
        held = self.validated
        return fit_slope(self.centred(margin)[held], self.rows.outcome[held], self.rows.weight[held])

    def shrunk_slope(self, margin: np.ndarray) -> float:
        """The same, shrunk as far as it cannot be told from none."""
        rows, held = self.rows, self.validated
        return shrunk_slope(self.centred(margin)[held], rows.outcome[held], rows.weight[held], rows.accounts[held])

    def losses(self, margin: np.ndarray) -> np.ndarray:
        """The loss of each validated row: log loss with the slope that the margins need, or the squared error."""
        rows, held = self.rows, self.validated
        weight = rows.weight[held] / rows.weight[held].mean()
        outcome = rows.outcome[held]
        if rows.task != "binary":
            return np.asarray(weight * (outcome - margin[held]) ** 2)
        used = self.centred(self.slope(margin) * margin)[held]
        return np.asarray(weight * (np.logaddexp(0, used) - outcome * used))

    def centred(self, margin: np.ndarray) -> np.ndarray:
        """Margins moved in each fold so that the mean prediction is the observed rate.

        A rate that drifts between training and validation says nothing about which learner ranks and spreads accounts
        better.
        """
        result = margin.copy()
        for _, held in self.pairs:
            result[held] += fit_intercept(margin[held], 1.0, self.rows.outcome[held], self.rows.weight[held])
        return result


def _blend(
    inner: _Inner, margins: Mapping[Candidate, np.ndarray], losses: Mapping[Candidate, np.ndarray]
) -> tuple[Candidate, np.ndarray]:
    """The mean of the best linear and the best boosted margins, each with the slope it needs."""
    best = {c.name: c for c in _best_of_each_kind(losses)}
    trees = min((best[name] for name in ("boosted", "tuned") if name in best), key=lambda c: losses[c].mean())
    line = best["linear"]
    weights = inner.slope(margins[line]) / 2, inner.slope(margins[trees]) / 2
    margin = weights[0] * inner.centred(margins[line]) + weights[1] * inner.centred(margins[trees])
    return Candidate("blend", 4, line.penalty, trees.rounds, trees.parameters, weights), margin


def plain_logistic(rows: Rows) -> Trained:
    """A logistic (of amounts: ridge) regression as anyone would fit it, with one usual penalty: the linear baseline."""
    rows = thinned(rows)
    if rows.n_events < MIN_EVENTS or len(np.unique(rows.outcome)) < 2:
        return _base_rate(rows, {})
    learner = fit_linear(rows.matrix, rows.outcome, rows.weight, rows.task, [_PLAIN_PENALTY])[0]
    if rows.task != "binary":
        return Trained(learner, Calibration(), {}, Candidate("linear", 1, _PLAIN_PENALTY), rows.task)
    level = recency(rows.as_of, LEVEL_HALF_LIFE_MONTHS)
    calibration = Calibration(1.0, fit_intercept(learner.margin(rows.matrix), 1.0, rows.outcome, level))
    return Trained(learner, calibration, {}, Candidate("linear", 1, _PLAIN_PENALTY), rows.task)


def choose(losses: Mapping[Candidate, np.ndarray], accounts: np.ndarray) -> Candidate:
    """The simplest candidate whose loss is within one standard error (by accounts) of the least.

    Breiman et al. (1984), "Classification and Regression Trees", the one-standard-error rule, on paired differences.
    """
    best = min(losses, key=lambda c: (losses[c].mean(), c.complexity))
    _, code = np.unique(accounts, return_inverse=True)
    n_accounts = code.max() + 1
    for candidate in sorted(losses, key=lambda c: c.complexity):
        difference = losses[candidate] - losses[best]
        sums = np.bincount(code, weights=difference, minlength=n_accounts)
        error = np.sqrt(n_accounts * sums.var()) / len(difference)
        if difference.mean() <= error:
            return candidate
    return best


def _best_of_each_kind(losses: Mapping[Candidate, np.ndarray]) -> list[Candidate]:
    best: dict[str, Candidate] = {}
    for candidate, loss in losses.items():
        if candidate.name not in best or loss.mean() < losses[best[candidate.name]].mean():
            best[candidate.name] = candidate
    return list(best.values())


def _margins_base(rows: Rows, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    result = np.full(len(rows.outcome), np.nan)
    for fit_on, validate in pairs:
        result[validate] = fit_base_rate(rows.outcome[fit_on], rows.weight[fit_on], rows.task).base
    return result


def _margins_linear(rows: Rows, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[Candidate, np.ndarray]:
    results = {penalty: np.full(len(rows.outcome), np.nan) for penalty in PENALTIES}
    for fit_on, validate in pairs:
        part = rows.where(fit_on)
        if len(np.unique(part.outcome)) < 2:
            base = fit_base_rate(part.outcome, part.weight, rows.task).base
            for margin in results.values():
                margin[validate] = base
            continue
        path = fit_linear(part.matrix, part.outcome, part.weight, rows.task, PENALTIES, part.accounts)
        for margin, learner in zip(results.values(), path, strict=True):
            margin[validate] = learner.margin(rows.matrix[validate])
    return {Candidate("linear", 1, penalty=penalty): margin for penalty, margin in results.items()}


def _margins_boosted(
    rows: Rows, pairs: list[tuple[np.ndarray, np.ndarray]], candidate: Candidate, seed: int
) -> dict[Candidate, np.ndarray]:
    """One fit a fold, judged at several numbers of rounds."""
    parameters = dict(candidate.parameters)
    rounds_tried = (int(parameters.pop("rounds")),) if "rounds" in parameters else ROUNDS
    results = {r: np.full(len(rows.outcome), np.nan) for r in rounds_tried}
    bins = rows.bins or Bins.of(rows.matrix)
    for fit_on, validate in pairs:
        part = rows.where(fit_on)
        data, held = (bins.where(keep).labelled(rows.outcome[keep], rows.weight[keep]) for keep in (fit_on, validate))
        for rounds, margin in grown(data, held, rows.task, parameters, rounds_tried, part.rows_per_account, seed):
            results[rounds][validate] = margin
    return {
        replace(candidate, parameters=_pairs(parameters), rounds=rounds): margin for rounds, margin in results.items()
    }


def _pairs(parameters: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(parameters.items()))


def _base_rate(rows: Rows, losses: Mapping[str, float]) -> Trained:
    if rows.task != "binary":
        level = recency(rows.as_of, LEVEL_HALF_LIFE_MONTHS) if len(rows.as_of) else rows.weight
        learner = fit_base_rate(rows.outcome, level, rows.task)
    else:
        learner = BaseRate(_level(rows, BaseRate(0.0), 1.0) if len(rows.outcome) else 0.0)
    return Trained(learner, Calibration(), losses, BASE_RATE, rows.task)


def _final(rows: Rows, chosen: Candidate, slope: float, losses: Mapping[str, float], seed: int) -> Trained:
    """Fit the chosen learner on all rows; the slope is the one its out-of-fold margins needed."""
    if chosen.name == "base_rate":
        return _base_rate(rows, losses)
    learner = fitted(rows, chosen, seed)
    if rows.task != "binary":
        return Trained(learner, Calibration(), losses, chosen, rows.task)
    return Trained(learner, Calibration(slope, _level(rows, learner, slope)), losses, chosen, rows.task)


def fitted(rows: Rows, chosen: Candidate, seed: int) -> Learner:
    """A chosen linear, boosted or blended learner on all of these rows, without a level of its own."""
    if chosen.name == "linear":
        return _line(rows, chosen.penalty)
    booster = fit_boosted(
        rows.matrix, rows.outcome, rows.weight, rows.task, dict(chosen.parameters), chosen.rounds,
        rows.rows_per_account, seed, rows.bins,
    )  # fmt: skip
    trees = boosted_of(booster, rows.matrix, chosen.rounds)
    return trees if chosen.name != "blend" else Blend(_line(rows, chosen.penalty), trees, chosen.weights)


def _line(rows: Rows, penalty: float) -> Linear:
    return fit_linear(rows.matrix, rows.outcome, rows.weight, rows.task, [penalty], rows.accounts)[0]


def _level(rows: Rows, learner: Learner, slope: float) -> float:
    """The intercept that gives the recent rate, rows whose outcome has begun to show included."""
    months = float(np.clip(LEVEL_HALF_LIFE_MONTHS * np.sqrt(_LEVEL_EVENTS / max(rows.n_events, 1)), 6, 12))
    margin = learner.margin(rows.matrix)
    if rows.open is None or not len(rows.open.gone):
        return fit_intercept(margin, slope, rows.outcome, recency(rows.as_of, months))
    newest = max(rows.as_of.max(), rows.open.as_of.max())
    weight, young = recency(rows.as_of, months, newest), recency(rows.open.as_of, months, newest)
    showing = Showing(learner.margin(rows.open.matrix), rows.open.gone, rows.open.share, young)
    return fit_level(margin, slope, rows.outcome, weight, showing)

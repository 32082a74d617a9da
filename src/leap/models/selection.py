"""Honest choice of a learner inside purged, account-grouped folds, the simpler one preferred within one standard
error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leap.models.calibration import Calibration, fit_intercept, fit_slope
from leap.models.learners import (
    Learner,
    Task,
    boosted_of,
    fit_base_rate,
    fit_boosted,
    fit_linear,
)
from leap.splits import inner_folds

HALF_LIFE_MONTHS = 24.0
"""For what tells accounts apart, a row counts half as much as one of two years later."""

LEVEL_HALF_LIFE_MONTHS = 12.0
"""For the level (base rate and intercept) already as one of a year later: rates drift faster than what drives them."""

MIN_EVENTS = 20
"""Accounts with the event that a model is fitted on at least; below it the base rate is all that can be said."""

_MANY_ROWS = 8_000
_PLAIN_PENALTY = 0.01
PENALTIES = (0.3, 0.1, 0.03, 0.01)
ROUNDS = (40, 80, 160)
SMALL_TREES: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 7,
    "leaf_accounts": 15,
    "lambda_l2": 10.0,
    "feature_fraction": 0.7,
}


@dataclass(frozen=True)
class Rows:
    """Training rows of one outcome, sorted by (account, as_of): encoded matrix, outcome, weight and their folds'
    keys.
    """

    matrix: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    accounts: np.ndarray
    as_of: np.ndarray
    known_at: np.ndarray
    task: Task

    def where(self, keep: np.ndarray) -> Rows:
        """The rows that a mask keeps."""
        arrays = {name: getattr(self, name)[keep] for name in _ARRAYS}
        return Rows(**arrays, task=self.task)

    @property
    def n_accounts(self) -> int:
        """Distinct accounts."""
        return len(np.unique(self.accounts))

    @property
    def n_events(self) -> int:
        """Accounts with the event at least once (binary), a ratio that moved (ratio), or a number other than the most
        frequent one (number).
        """
        if self.task == "binary":
            happened = self.outcome > 0
        else:
            usual = 1.0 if self.task == "ratio" else most_frequent(self.outcome)
            happened = np.abs(self.outcome - usual) > 1e-9
        return len(np.unique(self.accounts[happened]))

    @property
    def n_without(self) -> int:
        """Accounts with a row in which the event did not happen; one that had it at another date counts too."""
        return len(np.unique(self.accounts[self.outcome == 0]))

    @property
    def rows_per_account(self) -> float:
        """Mean number of rows an account has."""
        return len(self.outcome) / max(self.n_accounts, 1)


_ARRAYS = ("matrix", "outcome", "weight", "accounts", "as_of", "known_at")


def most_frequent(values: np.ndarray) -> float:
    """The value that stands most often, the smallest of several.

    >>> most_frequent(np.array([3.0, 0.0, 0.0]))
    0.0
    """
    distinct, count = np.unique(values, return_counts=True)
    return float(distinct[np.argmax(count)]) if len(distinct) else float("nan")


def recency(as_of: np.ndarray, half_life_months: float = HALF_LIFE_MONTHS) -> np.ndarray:
    """Weights of rows by age, 1 for the newest, shape (n,)."""
    months = (as_of.max() - as_of) / np.timedelta64(1, "D") / 30.4375
    return np.asarray(0.5 ** (months / half_life_months))


@dataclass(frozen=True)
class Candidate:
    """A learner with its settings; `complexity` orders candidates from simple to rich."""

    name: str
    complexity: int
    penalty: float = 0.0
    rounds: int = 0
    parameters: tuple[tuple[str, Any], ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What the candidate is fitted with, by name."""
        own = {"penalty": self.penalty} if self.name == "linear" else {"rounds": self.rounds}
        return {} if self.name == "base_rate" else {**own, **dict(self.parameters)}


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
    everything, rows = rows, thinned(rows)
    pairs = inner_folds(rows.accounts, rows.as_of, rows.known_at)
    if not pairs:
        return _base_rate(everything, {})
    margins: dict[Candidate, np.ndarray] = {}
    margins[BASE_RATE] = _margins_base(rows, pairs)
    if only in (None, "linear"):
        margins |= _margins_linear(rows, pairs)
    if only in (None, "boosted"):
        margins |= _margins_boosted(rows, pairs, Candidate("boosted", 2, parameters=_pairs(SMALL_TREES)), seed)
        if tuned is not None:
            margins |= _margins_boosted(rows, pairs, Candidate("tuned", 3, parameters=_pairs(tuned)), seed)
    validated = ~np.isnan(margins[BASE_RATE])
    losses = {c: _row_losses(rows, _centred(rows, m, pairs), validated) for c, m in margins.items()}
    best_of_kind = _best_of_each_kind(losses)
    allowed = {c: losses[c] for c in best_of_kind if only is None or c.name == only}
    chosen = choose(allowed, rows.accounts[validated])
    slope = 1.0
    if rows.task == "binary" and chosen.name != "base_rate":
        slope = fit_slope(
            _centred(rows, margins[chosen], pairs)[validated], rows.outcome[validated], rows.weight[validated]
        )
    return _final(everything, chosen, slope, {c.name: float(losses[c].mean()) for c in best_of_kind}, seed)


def thinned(rows: Rows) -> Rows:
    """Every third (or sixth) date of many rows: monthly snapshots of an account say nearly the same.

    Of very many rows of one date so many accounts that 40,000 are left.
    """
    if len(rows.outcome) <= _MANY_ROWS:
        return rows
    dates = np.unique(rows.as_of)
    if len(dates) == 1:
        return rows.where(rows.accounts % -(-len(rows.outcome) // (5 * _MANY_ROWS)) == 0)
    step = 3 if len(rows.outcome) <= 5 * _MANY_ROWS else 6
    return rows.where(np.isin(rows.as_of, dates[::-1][::step]))


def plain_logistic(rows: Rows) -> Trained:
    """A logistic (of amounts: ridge) regression as anyone would fit it, with one usual penalty: the linear baseline."""
    rows = thinned(rows)
    if rows.n_events < MIN_EVENTS or len(np.unique(rows.outcome)) < 2:
        return _base_rate(rows, {})
    return _final(rows, Candidate("linear", 1, penalty=_PLAIN_PENALTY), 1.0, {}, 0)


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


def _centred(rows: Rows, margin: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Margins moved in each fold so that the mean prediction is the observed rate.

    A rate that drifts between training and validation says nothing about which learner ranks and spreads accounts
    better.
    """
    if rows.task != "binary":
        return margin
    result = margin.copy()
    for _, validate in pairs:
        result[validate] += fit_intercept(margin[validate], 1.0, rows.outcome[validate], rows.weight[validate])
    return result


def _row_losses(rows: Rows, margin: np.ndarray, validated: np.ndarray) -> np.ndarray:
    outcome, margin, weight = rows.outcome[validated], margin[validated], rows.weight[validated]
    weight = weight / weight.mean()
    if rows.task != "binary":
        return np.asarray(weight * (outcome - margin) ** 2)
    return np.asarray(weight * (np.logaddexp(0, margin) - outcome * margin))


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
        path = fit_linear(part.matrix, part.outcome, part.weight, rows.task, PENALTIES)
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
    for fit_on, validate in pairs:
        part = rows.where(fit_on)
        booster = fit_boosted(
            part.matrix,
            part.outcome,
            part.weight,
            rows.task,
            parameters,
            max(rounds_tried),
            part.rows_per_account,
            seed,
        )
        for rounds, margin in results.items():
            raw = booster.predict(rows.matrix[validate], raw_score=True, num_iteration=rounds, num_threads=1)
            margin[validate] = np.asarray(raw)
    return {
        replace(candidate, parameters=_pairs(parameters), rounds=rounds): margin for rounds, margin in results.items()
    }


def _pairs(parameters: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(parameters.items()))


def _base_rate(rows: Rows, losses: Mapping[str, float]) -> Trained:
    level = recency(rows.as_of, LEVEL_HALF_LIFE_MONTHS) if len(rows.as_of) else rows.weight
    learner = fit_base_rate(rows.outcome, rows.weight * level if rows.task != "binary" else level, rows.task)
    return Trained(learner, Calibration(), losses, BASE_RATE, rows.task)


def _final(rows: Rows, chosen: Candidate, slope: float, losses: Mapping[str, float], seed: int) -> Trained:
    """Fit the chosen learner on all rows; the slope is the one its out-of-fold margins needed."""
    if chosen.name == "base_rate":
        return _base_rate(rows, losses)
    if chosen.name == "linear":
        learner: Learner = fit_linear(rows.matrix, rows.outcome, rows.weight, rows.task, [chosen.penalty])[0]
    else:
        booster = fit_boosted(
            rows.matrix, rows.outcome, rows.weight, rows.task, dict(chosen.parameters), chosen.rounds,
            rows.rows_per_account, seed,
        )  # fmt: skip
        learner = boosted_of(booster, rows.matrix, chosen.rounds)
    if rows.task != "binary":
        return Trained(learner, Calibration(), losses, chosen, rows.task)
    level = recency(rows.as_of, LEVEL_HALF_LIFE_MONTHS)
    intercept = fit_intercept(learner.margin(rows.matrix), slope, rows.outcome, level)
    return Trained(learner, Calibration(slope, intercept), losses, chosen, rows.task)

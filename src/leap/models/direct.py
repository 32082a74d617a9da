"""NRR of an account told directly, beside the composition: a level times what moves it, so never negative.

Candidates: the money-weighted mean for everyone; a log-linear model; boosted trees of the same kind; and a hurdle, the
chance of staying times the log-linear ratio of those who stayed. All are fitted to the *mean* ratio, with quasi-Poisson
likelihoods: in a portfolio of skewed revenue the typical ratio is no answer (a median or a mean of logarithms is far
below the ratio of sums). The level is set so that the money of the training rows adds up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from leap.models import links
from leap.models.choice import choose_kind
from leap.models.labels import TrainingRows
from leap.models.learners import BaseRate, Learner, boosted_of, fit_boosted, fit_linear, learner_from_json
from leap.models.selection import (
    BASE_RATE,
    MIN_EVENTS,
    PENALTIES,
    SMALL_TREES,
    Candidate,
    Rows,
    thinned,
)
from leap.splits import inner_folds

_ROUNDS = (20, 40, 80, 160)
_TREES = tuple(sorted({**SMALL_TREES, "objective": "poisson"}.items()))
_CALMER = 10.0
"""Times the penalty of who stays is that of the ratio of those who did: far fewer move, and by anything."""


@dataclass(frozen=True)
class DirectNRR:
    """`level * exp(what the learner adds)`, times the chance of staying where it is a hurdle (`stays`)."""

    level: float
    learner: Learner
    stays: Learner | None
    learner_name: str
    losses: Mapping[str, float]

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Expected E / S, shape (n,), never negative."""
        return self.level * _relative(self.learner, self.stays, matrix)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "level": self.level,
            "learner": self.learner.to_json(),
            "stays": None if self.stays is None else self.stays.to_json(),
            "learner_name": self.learner_name,
            "losses": dict(self.losses),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DirectNRR:
        """The inverse of `to_json`."""
        stays = document["stays"]
        return cls(
            float(document["level"]),
            learner_from_json(document["learner"]),
            None if stays is None else learner_from_json(stays),
            document["learner_name"],
            document["losses"],
        )


def _relative(learner: Learner, stays: Learner | None, matrix: np.ndarray) -> np.ndarray:
    factor = links.value("factor", learner.margin(matrix) - learner.base)
    return factor if stays is None else factor * links.value("share", stays.margin(matrix))


def fit_direct(rows: TrainingRows, only: str | None = None, seed: int = 0) -> DirectNRR:
    """Choose by the inner folds' account loss among those whose portfolio is no further off than chance allows.

    `only` fixes the kind: `linear` takes the hurdle too, both are.
    """
    everything = rows.of_direct()
    chosen, losses = _chosen(everything, only, seed)
    learner, stays = _fit(everything, chosen, seed)
    money = rows.money()
    expected = float(money @ _relative(learner, stays, rows.matrix))
    level = float(money @ everything.outcome) / expected if expected > 0 else 0.0
    return DirectNRR(level, learner, stays, chosen.name, losses)


def _chosen(rows: Rows, only: str | None, seed: int) -> tuple[Candidate, Mapping[str, float]]:
    if only == "base_rate" or rows.n_events < MIN_EVENTS:
        return BASE_RATE, {}
    rows = thinned(rows)
    pairs = inner_folds(rows.accounts, rows.as_of, rows.known_at)
    if not pairs:
        return BASE_RATE, {}
    predicted = _predictions(rows, pairs, only, seed)
    validated = ~np.isnan(predicted[BASE_RATE])
    outcome, accounts = rows.outcome[validated], rows.accounts[validated]
    predicted = {c: p[validated] for c, p in predicted.items()}
    losses = {
        c: account_loss(outcome, predicted[c]) for c in sound(predicted, outcome, rows.weight[validated], accounts)
    }
    return choose_kind(losses, accounts)


def account_loss(outcome: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Half the quasi-Poisson deviance of each row less what no prediction changes; least at the mean ratio."""
    return np.asarray(predicted - outcome * np.log(np.maximum(predicted, 1e-9)))


def sound(
    predicted: Mapping[Candidate, np.ndarray], outcome: np.ndarray, money: np.ndarray, accounts: np.ndarray
) -> list[Candidate]:
    """The candidates whose portfolio, a ratio of sums, is off by no more than the nearest's and a standard error.

    The error is that of the portfolio's own noise, by accounts: what nobody could have told.
    """
    _, code = np.unique(accounts, return_inverse=True)
    share = money / money.sum()

    def gap(candidate: Candidate) -> float:
        return abs(float(share @ (predicted[candidate] - outcome)))

    nearest = min(predicted, key=gap)
    own = np.bincount(code, weights=share * (predicted[nearest] - outcome))
    error = float(np.sqrt(len(own) * own.var()))
    return [c for c in predicted if gap(c) <= gap(nearest) + error]


def _predictions(
    rows: Rows, pairs: list[tuple[np.ndarray, np.ndarray]], only: str | None, seed: int
) -> dict[Candidate, np.ndarray]:
    """Ratios of the validation rows by each candidate trained on the other accounts' past, money adding up there."""
    found: dict[Candidate, np.ndarray] = {}
    for fit_on, validate in pairs:
        part, matrix = rows.where(fit_on), rows.matrix[validate]
        money = float(part.weight @ part.outcome)
        for candidate, factor in _factors(part, only, seed):
            level = money / max(float(part.weight @ factor(part.matrix)), 1e-12)
            found.setdefault(candidate, np.full(len(rows.outcome), np.nan))[validate] = level * factor(matrix)
    return found


def _factors(part: Rows, only: str | None, seed: int) -> Iterator[tuple[Candidate, Callable[[np.ndarray], np.ndarray]]]:
    """Every candidate fitted on some rows: what it makes of an account, but for the level."""
    yield BASE_RATE, lambda matrix: np.ones(len(matrix))
    if only in (None, "linear"):
        # Where hardly anyone leaves the two are one; elsewhere the hurdle has the right shape for who does.
        for kind in ("hurdle", "linear"):
            for penalty, (learner, stays) in zip(PENALTIES, _log_linear(part, kind, PENALTIES), strict=True):
                yield Candidate(kind, 1, penalty=penalty), partial(_relative, learner, stays)
    if only in (None, "boosted"):
        booster = _boost(part, max(_ROUNDS), seed) if np.ptp(part.outcome) > 0 else None
        for rounds in _ROUNDS:
            candidate = Candidate("boosted", 2, rounds=rounds, parameters=_TREES)
            yield candidate, partial(_of_trees, booster, rounds)


def _fit(rows: Rows, chosen: Candidate, seed: int) -> tuple[Learner, Learner | None]:
    """What moves the ratio, and the chance of staying of a hurdle."""
    if chosen.name == "base_rate":
        return BaseRate(0.0), None
    if chosen.name == "boosted":
        return boosted_of(_boost(rows, chosen.rounds, seed), rows.matrix, chosen.rounds), None
    return _log_linear(rows, chosen.name, [chosen.penalty])[0]


def _log_linear(rows: Rows, kind: str, penalties: Sequence[float]) -> list[tuple[Learner, Learner | None]]:
    """Ridge regressions of the ratio over its mean, whose sums are taken as logarithms: one step of Fisher scoring.

    Of a hurdle, of those who stayed, with what says who stays beside it.
    """
    stayed = rows.outcome > 0
    if kind == "hurdle" and stayed.any() and not stayed.all():
        chances = fit_linear(rows.matrix, stayed.astype(float), rows.weight, "binary", penalties, rows.accounts)
        ratios = _log_linear(rows.where(stayed), "linear", [_CALMER * penalty for penalty in penalties])
        return [(ratio, stays) for (ratio, _), stays in zip(ratios, chances, strict=True)]
    mean = float(np.average(rows.outcome, weights=rows.weight))
    if np.ptp(rows.outcome) < 1e-12 or mean <= 0:
        return [(BaseRate(0.0), None) for _ in penalties]
    path = fit_linear(rows.matrix, rows.outcome / mean, rows.weight, "ratio", penalties, rows.accounts)
    return [(learner, None) for learner in path]


def _boost(rows: Rows, rounds: int, seed: int) -> Any:
    return fit_boosted(
        rows.matrix,
        rows.outcome,
        rows.weight,
        "ratio",
        dict(_TREES),
        rounds,
        rows.rows_per_account,
        seed,
        rows.bins,
    )


def _of_trees(booster: Any, rounds: int, matrix: np.ndarray) -> np.ndarray:
    if booster is None:
        return np.ones(len(matrix))
    return np.asarray(np.exp(booster.predict(matrix, raw_score=True, num_iteration=rounds, num_threads=1)))

"""One set of settings, judged on the inner folds: at several numbers of rounds in one fit each, and given up as soon
as the accounts seen so far tell that it is worse than the best.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leap.models.boosting import Bins, grown
from leap.models.calibration import logistic

if TYPE_CHECKING:
    import lightgbm

    from leap.models.learners import Task
    from leap.models.selection import Rows

ROUNDS_TRIED = (10, 20, 30, 45, 65, 95, 140, 200)
"""Each about 1.5 times the one before: a finer choice could not be told from chance."""

_GROUPS = 10
"""Groups of accounts in a held-out fold, by which losses are compared."""

_ERRORS = 1.5
_WORSE_IN_A_ROW = 2


@dataclass(frozen=True)
class InnerFold:
    """A part to fit on and a held-out one, labelled and binned once for all trials.

    `group` is each held-out row's group of accounts, 0 to 9.
    """

    fit: lightgbm.Dataset
    held: lightgbm.Dataset
    outcome: np.ndarray
    weight: np.ndarray
    group: np.ndarray
    rows_per_account: float


@dataclass(frozen=True)
class Judged:
    """What one set of settings lost: the best number of rounds, the mean loss with it, the summed loss of each group
    of each fold seen, and how many folds those were.
    """

    rounds: int
    loss: float
    groups: tuple[float, ...]
    folds: int


def inner_folds_of(rows: Rows, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[InnerFold]:
    """The folds ready to be fitted again and again."""
    folds, bins = [], rows.bins or Bins.of(rows.matrix)
    for fit_on, validate in pairs:
        part, held = rows.where(fit_on), rows.where(validate)
        folds.append(
            InnerFold(
                fit=bins.where(fit_on).labelled(part.outcome, part.weight),
                held=bins.where(validate).labelled(held.outcome, held.weight),
                outcome=held.outcome,
                weight=held.weight,
                group=np.unique(held.accounts, return_inverse=True)[1] % _GROUPS,
                rows_per_account=part.rows_per_account,
            )
        )
    return folds


def judge(
    folds: Sequence[InnerFold],
    task: Task,
    parameters: Mapping[str, Any],
    seed: int = 0,
    best: Sequence[float] | None = None,
    rounds: tuple[int, ...] = ROUNDS_TRIED,
) -> Judged:
    """Judge settings fold by fold; given the groups' losses of the `best` so far, only while they may still win.

    The first fold also says where more rounds no longer help; the others are judged up to there.
    """
    losses, weight = np.empty((len(rounds), 0)), 0.0
    for number, fold in enumerate(folds, start=1):
        found = _losses(fold, task, parameters, rounds, seed, may_stop=number == 1)
        rounds = rounds[: len(found)]
        losses = np.hstack([losses[: len(found)], found])
        weight += float(fold.weight.sum())
        least = int(losses.sum(axis=1).argmin())
        groups = losses[least]
        if best is not None and number < len(folds) and hopeless(groups, np.array(best[: len(groups)])):
            break
    return Judged(rounds[least], float(groups.sum()) / weight, tuple(groups.tolist()), number)


def hopeless(losses: np.ndarray, best: np.ndarray) -> bool:
    """Whether the paired differences from the best, group by group, are above zero by 1.5 standard errors.

    >>> hopeless(np.array([2.0, 2.1, 1.9]), np.array([1.0, 1.0, 1.0]))
    True
    >>> hopeless(np.array([2.0, 0.5, 1.9]), np.array([1.0, 1.0, 1.0]))
    False
    """
    difference = losses - best
    error = difference.std(ddof=1) / np.sqrt(len(difference)) if len(difference) > 1 else np.inf
    return bool(difference.mean() > _ERRORS * error)


def _losses(
    fold: InnerFold, task: Task, parameters: Mapping[str, Any], rounds: Sequence[int], seed: int, *, may_stop: bool
) -> np.ndarray:
    """Summed losses of the groups after each number of rounds, shape (numbers, groups)."""
    found: list[np.ndarray] = []
    least, worse = np.inf, 0
    for _, margin in grown(fold.fit, fold.held, task, parameters, rounds, fold.rows_per_account, seed):
        found.append(np.bincount(fold.group, fold.weight * _row_losses(fold, margin, task)))
        total = float(found[-1].sum())
        least, worse = (total, 0) if total < least else (least, worse + 1)
        if may_stop and worse == _WORSE_IN_A_ROW:
            break
    return np.vstack(found)


def _row_losses(fold: InnerFold, margin: np.ndarray, task: Task) -> np.ndarray:
    if task != "binary":
        return np.asarray((fold.outcome - margin) ** 2)
    moved = margin + _shift(margin, fold.outcome, fold.weight)
    return np.asarray(np.logaddexp(0, moved) - fold.outcome * moved)


def _shift(margin: np.ndarray, outcome: np.ndarray, weight: np.ndarray) -> float:
    """What makes the mean prediction the observed rate: a drifting rate says nothing about settings."""
    wanted, shift = float(weight @ outcome), 0.0
    half = 0.5 * float(weight.mean())
    wanted = min(max(wanted, half), float(weight.sum()) - half)
    for _ in range(50):
        p = logistic(margin + shift)
        step = float(np.clip((wanted - weight @ p) / max(float(weight @ (p * (1 - p))), 1e-12), -1, 1))
        shift += step
        if abs(step) < 1e-10:
            break
    return shift

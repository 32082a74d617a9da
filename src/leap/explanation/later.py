"""Whether a driver helped where it was tried: the loss of held-out predictions without what it adds, against with it.

A model of an earlier time predicts rows it has not seen. What a group of features adds is taken out of the margin, and
predictions are put on the level that followed (a rate that drifts says nothing of what tells accounts apart). The
difference of the losses is the gain. Whether what a group adds points to where the rows went is told by the score of
its weight at zero, the gain of its first bit (Rao 1948): of an effect that is there, but smaller than the model made
it, the whole gain may be nothing. Scores are summed over components and folds for each account, so that the many rows
of an account are one. Over the groups of a model false discoveries are held at a rate by the step-up procedure of
Benjamini & Hochberg (1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np

from leap.models.calibration import fit_intercept, logistic
from leap.models.choice import gain_in_errors
from leap.models.composition import Component


@dataclass(frozen=True)
class Tried:
    """One component of a model on rows it has not seen: encoded matrix, what followed, and whose rows they are.

    An outcome that `happens` is 0 or 1; otherwise it is a number, and the learner's margin predicts it.
    """

    component: Component
    matrix: np.ndarray
    outcome: np.ndarray
    accounts: np.ndarray
    happens: bool = True


@dataclass(frozen=True)
class Helped:
    """For each group, shape (n_groups,): the loss it took away, whether it points right, and its false-discovery rate.

    `gain` is per row: nats of an outcome that happens, parts of half the variance of a number. `z` is that of its score
    over accounts, 0 where it added nothing anywhere. `q` is the rate of false discoveries among all groups that point
    right at least as surely; `whole_z` the z of everything the models say.
    """

    gain: np.ndarray
    z: np.ndarray
    q: np.ndarray
    whole_z: float


def helped(tried: Sequence[Tried], group_of_column: np.ndarray, n_groups: int, among: np.ndarray) -> Helped | None:
    """What each group gained on held-out rows; None without any. `among` marks the groups that are looked at.

    `group_of_column` is the position of each encoded column's group, shape (width,).
    """
    parts = [_Parts.of(one, group_of_column, n_groups) for one in tried if len(one.outcome)]
    if not parts:
        return None
    accounts = np.concatenate([part.accounts for part in parts])
    gain, score = (np.concatenate([getattr(part, name) for part in parts]) for name in ("gain", "score"))
    z = np.array([gain_in_errors(score[:, group], accounts) for group in range(n_groups)])
    q = np.ones(n_groups)
    q[among] = false_discovery_rates(np.array([chance(value) for value in z[among]]))
    whole = np.concatenate([part.whole for part in parts])
    return Helped(gain.mean(axis=0), z, q, gain_in_errors(whole, accounts))


def chance(z: float) -> float:
    """How often nothing looks at least as good as z.

    >>> round(chance(1.645), 3), chance(0.0)
    (0.05, 0.5)
    """
    return 0.5 * erfc(z / sqrt(2))


def false_discovery_rates(p: np.ndarray) -> np.ndarray:
    """The rate of false discoveries when everything at least as sure is taken, shape (n,).

    >>> [float(q) for q in false_discovery_rates(np.array([0.01, 0.5, 0.02])).round(3)]
    [0.03, 0.5, 0.03]
    """
    order = np.argsort(-p, kind="stable")
    size = len(p)
    adjusted = np.minimum.accumulate(p[order] * size / np.arange(size, 0, -1)) if size else p
    result = np.empty(size)
    result[order] = np.minimum(adjusted, 1.0)
    return result


@dataclass(frozen=True)
class _Parts:
    """Of rows: the gain and score of each group, shape (n, n_groups), and the score of all it says, shape (n,)."""

    accounts: np.ndarray
    gain: np.ndarray
    score: np.ndarray
    whole: np.ndarray

    @classmethod
    def of(cls, one: Tried, group_of_column: np.ndarray, n_groups: int) -> _Parts:
        learner = one.component.learner
        by_column = learner.contributions(one.matrix)
        slope = one.component.calibration.slope if one.happens else 1.0
        said = slope * by_column.sum(axis=1)
        adds = np.zeros((len(by_column), n_groups))
        np.add.at(adds.T, group_of_column, slope * by_column.T)
        gain, score = np.zeros_like(adds), np.zeros_like(adds)
        with_all, _ = _judged(one, said)
        for group in np.flatnonzero(np.abs(adds).max(axis=0, initial=0.0) > 0):
            loss, score[:, group] = _judged(one, said - adds[:, group], adds[:, group])
            gain[:, group] = loss - with_all
        return cls(one.accounts, gain, score, _judged(one, np.zeros(len(said)), said)[1])


def _judged(one: Tried, margin: np.ndarray, more: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The loss of each row at a margin on the level that followed, and the score of what might be added to it."""
    outcome = one.outcome
    more = np.zeros(len(outcome)) if more is None else more
    if one.happens:
        levelled = margin + fit_intercept(margin, 1.0, outcome, np.ones(len(outcome)))
        p = logistic(levelled)
        centred = more - np.average(more, weights=p * (1 - p))
        return np.logaddexp(0, levelled) - outcome * levelled, centred * (outcome - p)
    off = outcome - margin
    off, spread = off - off.mean(), max(float(outcome.var()), 1e-12)
    return off**2 / (2 * spread), (more - more.mean()) * off / spread

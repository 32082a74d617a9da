"""One event's held-out rows, whatever kind of table they are of: what the checks of the gate look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leap.evaluation import OutcomeQuality, OutOfTime
from leap.evaluation.components import rows_of_component
from leap.flat.judging import HeldOut
from leap.models.selection import MIN_EVENTS


@dataclass(frozen=True)
class Judged:
    """Rows that no model had seen when it predicted them, aligned, shape (n,) each.

    `baseline` is the base rate of each fold's training rows, `linear` a plain logistic (or linear) regression fitted
    like the model, `fold` the fold that predicted a row, `accounts` what intervals resample.
    """

    name: str
    outcome: np.ndarray
    predicted: np.ndarray
    baseline: np.ndarray
    linear: np.ndarray
    fold: np.ndarray
    accounts: np.ndarray
    binary: bool = True

    @property
    def n_events(self) -> int:
        """Accounts with the event; of numbers, accounts."""
        return events(self.outcome, self.accounts) if self.binary else len(np.unique(self.accounts))

    @property
    def enough(self) -> bool:
        """Whether there is anything to judge: events, and rows without."""
        return self.n_events >= MIN_EVENTS and bool(np.ptp(self.outcome) > 0)


def events(outcome: np.ndarray, accounts: np.ndarray) -> int:
    """Accounts with the event.

    >>> events(np.array([1.0, 1.0, 0.0]), np.array([7, 7, 8]))
    1
    """
    return len(np.unique(accounts[outcome > 0]))


def judged_component(found: OutOfTime, name: str) -> Judged:
    """churn, contraction or expansion of customers out of time; accounts known to be leaving are none of its rows."""
    outcome, predicted, baseline, part = rows_of_component(found, name, ~found.leaving)
    return Judged(name, outcome, predicted, baseline, found.linear[name][part], found.fold[part], found.accounts[part])


def judged_flat(found: HeldOut) -> Judged:
    """The one outcome of a flat table."""
    return Judged(
        name=found.frame.outcome.column,
        outcome=found.outcome,
        predicted=found.predicted,
        baseline=found.baseline,
        linear=found.linear,
        fold=found.fold,
        accounts=found.resampled,
        binary=found.frame.outcome.is_binary,
    )


def carries_claim(found: OutcomeQuality) -> bool:
    """Whether an outcome's own skill is told from chance, so that the model uses it."""
    return found.has_skill and found.learner != "base_rate"

"""What followed the rows that models learn from, and those rows as each model sees them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from leap.models.boosting import Bins
from leap.models.selection import LEVEL_HALF_LIFE_MONTHS, OpenRows, Rows, recency

_WINSOR, _TIMES = 0.99, 2.0
_MOST_STARTING = 0.98


@dataclass(frozen=True)
class Labels:
    """What followed the rows, shape (n,) each; rows that were not retained have no contraction or expansion."""

    churned: np.ndarray
    ratio: np.ndarray
    starting: np.ndarray
    min_uplift: float = 0.0

    @property
    def retained(self) -> np.ndarray:
        """Rows that kept the logo."""
        return np.asarray(self.churned == 0)

    def propensity(self, name: str) -> np.ndarray:
        """1.0 where the component's event happened."""
        if name == "churn":
            return self.churned
        if name == "contraction":
            return np.asarray(self.ratio < 1 - 1e-9, dtype=float)
        return np.asarray(self.ratio > 1 + max(self.min_uplift, 1e-9), dtype=float)

    def amount(self, name: str) -> np.ndarray:
        """The share of starting MRR by which the row changed."""
        return np.asarray(np.maximum(1 - self.ratio if name == "contraction" else self.ratio - 1, 0))

    def where(self, keep: np.ndarray) -> Labels:
        """The rows that a mask keeps."""
        return Labels(self.churned[keep], self.ratio[keep], self.starting[keep], self.min_uplift)


@dataclass(frozen=True)
class TrainingRows:
    """Encoded rows with labels and the keys of folds, sorted by (account, as_of)."""

    matrix: np.ndarray
    labels: Labels
    accounts: np.ndarray
    as_of: np.ndarray
    known_at: np.ndarray
    open: OpenRows | None = None
    """Younger rows, whose outcome has only begun to show: for the level of churn."""
    bins: Bins | None = None
    """The matrix binned, for all components and folds inside these rows."""

    def binned(self) -> TrainingRows:
        """The same rows, binned once; edges come from these rows alone, so a fold's are those of its past."""
        return self if self.bins else replace(self, bins=Bins.of(self.matrix))

    def where(self, keep: np.ndarray, open: OpenRows | None = None) -> TrainingRows:
        """The rows that a mask keeps, with the open rows of that moment."""
        bins = self.bins.where(keep) if self.bins else None
        return TrainingRows(
            self.matrix[keep], self.labels.where(keep), self.accounts[keep], self.as_of[keep], self.known_at[keep],
            open, bins,
        )  # fmt: skip

    def of(self, name: str) -> Rows:
        """The rows of one component: contraction and expansion are learned from retained rows only."""
        part = self if name == "churn" else self.where(self.labels.retained)
        outcome = part.labels.propensity(name)
        weight = recency(part.as_of) if len(part.as_of) else np.ones(0)
        young = self.open if name == "churn" else None
        return Rows(part.matrix, outcome, weight, part.accounts, part.as_of, part.known_at, "binary", young, part.bins)

    def of_direct(self) -> Rows:
        """Rows of the direct NRR model: the ratio winsorised, weighted by starting MRR (winsorised too)."""
        grown = self.labels.amount("expansion")
        ratio = np.minimum(self.labels.ratio, 1 + most_that_counts(grown, self.accounts))
        weight = self._starting_that_counts() * recency(self.as_of)
        weight = weight / weight.mean()
        return Rows(self.matrix, ratio, weight, self.accounts, self.as_of, self.known_at, "ratio", bins=self.bins)

    def money(self) -> np.ndarray:
        """Weights with which a level makes sums of money add up, shape (n,): starting MRR, recent rows counting more.

        The largest accounts count as the 98th percentile: with revenue that is skewed enough, what one of them did
        would else be the level of all.
        """
        return np.asarray(self._starting_that_counts() * recency(self.as_of, LEVEL_HALF_LIFE_MONTHS))

    def _starting_that_counts(self) -> np.ndarray:
        return np.asarray(np.minimum(self.labels.starting, np.quantile(self.labels.starting, _MOST_STARTING)))


def most_that_counts(amounts: np.ndarray, accounts: np.ndarray) -> float:
    """The largest amount that a fit lets count: twice the 99th percentile (lower) of what accounts have at most.

    So one account that is far out counts as twice the next, however many of its rows repeat it, while the tail of a
    distribution that is merely skewed is left as it is.

    >>> most_that_counts(np.array([0.1, 0.2, 0.3, 100.0, 99.0]), np.array([0, 1, 2, 3, 3]))
    0.6
    """
    if not len(amounts):
        return 0.0
    distinct, code = np.unique(accounts, return_inverse=True)
    of_account = np.full(len(distinct), -np.inf)
    np.maximum.at(of_account, code, amounts)
    return _TIMES * float(np.quantile(of_account, _WINSOR, method="lower"))

"""NRR of a part of the accounts, drawn towards that of the whole by as much as its own history is short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_Z = 1.96


@dataclass(frozen=True)
class Pooled:
    """NRR of a part of the accounts, partially pooled: `nrr` is the seen one drawn towards that of the whole.

    `weight` is how much the part's own history counts (1: alone, 0: it says nothing beyond the whole); `low` and `high`
    are the 95 % interval of `nrr`.
    """

    accounts: int
    seen: float
    whole: float
    nrr: float
    low: float
    high: float
    weight: float

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of a profile, under `pooled`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pooled:
        """The inverse of `to_json`."""
        return cls(**document)


@dataclass(frozen=True)
class Pooling:
    """What is needed to pool: starting and ending MRR summed over the rows of each account, shape (n,), and how far
    accounts (`within`) and parts (`between`, a variance of NRR) differ.

    Empirical Bayes of a mean with known variances: Efron & Morris (1975), "Data analysis using Stein's estimator and
    its generalizations"; between parts as DerSimonian & Laird (1986), "Meta-analysis in clinical trials".
    """

    starting: np.ndarray
    ending: np.ndarray
    within: float
    between: float

    @classmethod
    def of(cls, starting: np.ndarray, ending: np.ndarray, parts: Sequence[np.ndarray]) -> Pooling:
        """From disjoint parts (masks) of the accounts.

        What accounts differ by is that of all, so that a part in which by chance nobody left is not thought sure.
        """
        residual = ending - _ratio(starting, ending) * starting
        for part in parts:
            if starting[part].sum() > 0:
                residual[part] = ending[part] - _ratio(starting[part], ending[part]) * starting[part]
        total = float((starting**2).sum())
        within = float((residual**2).sum()) / total if total else 0.0
        pooling = cls(starting, ending, within, 0.0)
        seen = [(pooling._seen(part), pooling._error2(part)) for part in parts if starting[part].sum() > 0]
        return cls(starting, ending, within, _between(seen))

    def pooled(self, part: np.ndarray) -> Pooled:
        """The figures of a part of the accounts (a mask)."""
        everyone = np.ones(len(self.starting), dtype=bool)
        whole, seen, error2 = self._seen(everyone), self._seen(part), self._error2(part)
        weight = self.between / (self.between + error2) if self.between > 0 else 0.0
        nrr = whole + weight * (seen - whole)
        spread = _Z * float(np.sqrt(weight * min(error2, 1e6) + (1 - weight) ** 2 * self._error2(everyone)))
        return Pooled(int(part.sum()), seen, whole, nrr, nrr - spread, nrr + spread, weight)

    def p_value(self, part: np.ndarray, others: np.ndarray) -> float:
        """That a part kept no more of its revenue than the others (masks), one-sided."""
        from scipy.stats import norm

        error = float(np.sqrt(self._error2(part) + self._error2(others)))
        return float(norm.sf((self._seen(part) - self._seen(others)) / error)) if 0 < error < np.inf else 1.0

    def _seen(self, part: np.ndarray) -> float:
        """NRR of a part; that of the whole where the part paid nothing."""
        if self.starting[part].sum() > 0:
            return _ratio(self.starting[part], self.ending[part])
        return _ratio(self.starting, self.ending)

    def _error2(self, part: np.ndarray) -> float:
        """Squared standard error of a part's NRR."""
        paid = self.starting[part]
        return self.within * float((paid**2).sum()) / float(paid.sum()) ** 2 if paid.sum() > 0 else float("inf")


def _ratio(starting: np.ndarray, ending: np.ndarray) -> float:
    """The sum of the endings over that of the starts, added from the smallest on, whatever their order."""
    total = float(np.sort(starting).sum())
    return float(np.sort(ending).sum()) / total if total > 0 else 1.0


def _between(seen: Sequence[tuple[float, float]]) -> float:
    """The variance of the parts' true figures, from their seen ones and squared errors; zero if errors explain all."""
    if len(seen) < 2:
        return 0.0
    figure, error2 = np.array(seen).T
    weight = 1 / np.maximum(error2, 1e-12)
    mean = (weight * figure).sum() / weight.sum()
    excess = (weight * (figure - mean) ** 2).sum() - (len(seen) - 1)
    return float(max(excess / (weight.sum() - (weight**2).sum() / weight.sum()), 0.0))

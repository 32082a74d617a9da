"""Retention of one group of accounts over one window, by the snapshot method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.revenue.money import PARTS, within_range


@dataclass(frozen=True)
class RetentionFigures:
    """Retention of the accounts that paid at the start; ratios are null where none did.

    >>> figures = RetentionFigures.of(np.array([100, 200, 50, 80, 60]), np.array([150, 120, 0, 80, 60]), scale=1)
    >>> round(figures.nrr, 4), round(figures.grr, 4), figures.logo_churn
    (0.8367, 0.7347, 0.2)
    """

    accounts: int
    starting_mrr: float
    ending_mrr: float
    nrr: float | None
    grr: float | None
    churn_rate: float | None
    contraction_rate: float | None
    expansion_rate: float | None
    logo_churn: float | None
    reason: str | None = None

    @classmethod
    def undefined(cls, reason: str) -> RetentionFigures:
        """Figures of nobody, with the reason."""
        return cls(0, 0.0, 0.0, None, None, None, None, None, None, reason)

    @classmethod
    def of(cls, starting: np.ndarray, ending: np.ndarray, scale: int = PARTS) -> RetentionFigures:
        """From whole amounts at the start and the end of the same accounts; those starting at 0 are left out."""
        member = starting > 0
        start, end = starting[member], ending[member]
        within_range(start)
        within_range(end)
        total = int(start.sum())
        if not total:
            return cls.undefined("empty_cohort")
        lost = int(start[end == 0].sum())
        kept = end > 0
        contraction = int(np.maximum(start - end, 0)[kept].sum())
        expansion = int(np.maximum(end - start, 0).sum())
        return cls(
            accounts=int(member.sum()),
            starting_mrr=total / scale,
            ending_mrr=int(end.sum()) / scale,
            nrr=int(end.sum()) / total,
            grr=int(np.minimum(start, end).sum()) / total,
            churn_rate=lost / total,
            contraction_rate=contraction / total,
            expansion_rate=expansion / total,
            logo_churn=int((end == 0).sum()) / int(member.sum()),
        )

    def to_json(self) -> dict[str, Any]:
        """The keys of the `retention` command."""
        document = dict(self.__dict__)
        if self.reason is None:
            del document["reason"]
        return document

"""The movement view: every dated change of MRR in a window, which reconciles its beginning with its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from leap.revenue.changes import changes
from leap.revenue.definitions import us
from leap.revenue.money import PARTS
from leap.revenue.mrr import Revenue


@dataclass(frozen=True)
class Movements:
    """Sums of the changes dated in `(start, end]`, in whole parts: `beginning` plus and minus them is `ending`."""

    KINDS: ClassVar = ("new", "expansion", "contraction", "churn", "reactivation")
    LOWERING: ClassVar = ("contraction", "churn")

    beginning: int
    new: int
    expansion: int
    contraction: int
    churn: int
    reactivation: int
    ending: int

    @classmethod
    def of(
        cls, revenue: Revenue, start: pd.Timestamp, end: pd.Timestamp, lineage_at: pd.Timestamp | None = None
    ) -> Movements:
        """The movements of a window of subscriptions, of everyone, at the rates of its start.

        An account's first ever MRR above zero is new, every later rise from zero is a reactivation.
        """
        dated = changes(revenue, start, lineage_at=lineage_at)
        from_zero = (dated["before"] == 0).to_numpy()
        first = from_zero & ~dated["code"].duplicated().to_numpy()
        at = dated["at"].to_numpy().astype("datetime64[us]")
        inside = (at > us(start)) & (at <= us(end))
        before, after = dated["before"].to_numpy(), dated["after"].to_numpy()
        up, down = np.maximum(after - before, 0), np.maximum(before - after, 0)

        def total(amounts: np.ndarray, chosen: np.ndarray) -> int:
            return int(amounts[inside & chosen].sum())

        return cls(
            beginning=int(revenue.mrr_at(start, rates_at=start, lineage_at=lineage_at).sum()),
            new=total(up, first),
            expansion=total(up, ~from_zero),
            contraction=total(down, after > 0),
            churn=total(down, after == 0),
            reactivation=total(up, from_zero & ~first),
            ending=int(revenue.mrr_at(end, rates_at=start, lineage_at=lineage_at).sum()),
        )

    def __post_init__(self) -> None:
        found = self.beginning + self.new + self.expansion - self.contraction - self.churn + self.reactivation
        if found != self.ending:
            raise AssertionError(f"movements lead from {self.beginning} to {found}, and not to {self.ending}")

    def to_json(self) -> dict[str, float]:
        """The amounts by kind, in the reporting currency."""
        return {kind: getattr(self, kind) / PARTS for kind in self.KINDS}

"""A points card: whole points for each condition that held, for a CRM that can only add; and how far to trust it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.features import FeatureCatalog
from leap.icp.rules import Columns, Rule, rule_from_json


@dataclass(frozen=True)
class CardLine:
    """A condition (or several that must all hold) and its points: above zero if such accounts stay, below if not."""

    rule: Rule
    points: int

    def to_json(self) -> dict[str, Any]:
        """With the words of the rule."""
        conditions = [condition.to_json() for condition in self.rule.conditions]
        return {"points": self.points, "words": self.rule.words, "conditions": conditions}

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> CardLine:
        """The inverse of `to_json`."""
        return cls(rule_from_json(document["conditions"], catalog), int(document["points"]))


@dataclass(frozen=True)
class Share:
    """A figure with its 95 % interval over accounts; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None

    def to_json(self) -> dict[str, float | None]:
        """As stored."""
        return {"value": self.value, "low": self.low, "high": self.high}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Share:
        """The inverse of `to_json`."""
        return cls(document["value"], document["low"], document["high"])


@dataclass(frozen=True)
class Agreement:
    """How near cards come to the fit model on accounts that neither card nor model was fitted on.

    `rank` is Spearman's correlation of points and expected NRR; `kept` and `kept_by_model` the AUC of who stayed, by
    points and by the model; `same_band` the share of rows that both put in the same band, and `same_by_chance` what
    bands of these sizes would share by chance.
    """

    accounts: int
    rows: int
    rank: Share
    kept: Share
    kept_by_model: Share
    same_band: Share
    same_by_chance: float

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        shares = {name: getattr(self, name).to_json() for name in ("rank", "kept", "kept_by_model", "same_band")}
        return {"accounts": self.accounts, "rows": self.rows, **shares, "same_by_chance": self.same_by_chance}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Agreement:
        """The inverse of `to_json`."""
        shares = {name: Share.from_json(document[name]) for name in ("rank", "kept", "kept_by_model", "same_band")}
        return cls(document["accounts"], document["rows"], **shares, same_by_chance=document["same_by_chance"])


@dataclass(frozen=True)
class PointsCard:
    """Whole points by condition, the bands that sums fall in, and whether to use it.

    Band A is from `a_from` points on, band C up to `c_to` points, B what lies between; None where a band has no sum.
    `why_not` says why the card should not be used; None if it may be.
    """

    lines: tuple[CardLine, ...]
    a_from: int | None
    c_to: int | None
    shares: Mapping[str, float]
    agreement: Agreement | None
    why_not: str | None

    def points(self, columns: Columns, n: int) -> np.ndarray:
        """The sum of every row, shape (n,)."""
        total = np.zeros(n, dtype=np.int64)
        for line in self.lines:
            total += line.points * line.rule.matches(columns).astype(np.int64)
        return total

    def without(self, stands: Callable[[Rule], bool]) -> PointsCard:
        """This card if all its lines stand, else one without lines: what the others say alone was never measured."""
        gone = [line.rule.words for line in self.lines if not stands(line.rule)]
        if not gone:
            return self
        left = len(self.lines) - len(gone)
        rest = "how well the other lines alone tell who stays was not measured" if left else "it counts nothing else"
        why = f"People rejected {' and '.join(f'“{words}”' for words in gone)}, which it counts; {rest}."
        return PointsCard((), None, None, {}, None, why)

    def bands(self, points: np.ndarray) -> np.ndarray:
        """A, B or C of every sum, shape (n,)."""
        a = np.zeros(len(points), dtype=bool) if self.a_from is None else points >= self.a_from
        c = np.zeros(len(points), dtype=bool) if self.c_to is None else points <= self.c_to
        return np.where(a, "A", np.where(c, "C", "B"))

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `card`."""
        return {
            "lines": [line.to_json() for line in self.lines],
            "a_from": self.a_from,
            "c_to": self.c_to,
            "shares": dict(self.shares),
            "agreement": None if self.agreement is None else self.agreement.to_json(),
            "why_not": self.why_not,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> PointsCard:
        """The inverse of `to_json`."""
        found = document["agreement"]
        return cls(
            tuple(CardLine.from_json(line, catalog) for line in document["lines"]),
            document["a_from"],
            document["c_to"],
            dict(document["shares"]),
            None if found is None else Agreement.from_json(found),
            document["why_not"],
        )

"""What a rule did on accounts it was not derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HIGHER_IS_BETTER: Mapping[str, bool] = {
    "churn": False, "nrr": True, "expansion_rate": True, "contraction_rate": False,
}  # fmt: skip
"""The figures of evidence, any of which may decide (`metric`), and which way is good."""


@dataclass(frozen=True)
class Measured:
    """A figure inside and outside a rule as fresh accounts would show it; `lift` is their difference with its 95 %
    interval over accounts.

    Inside and outside are shrunk and compared within periods and tenure; `observed` are the plain figures of the
    accounts measured, (inside, outside), from which a found rule looks better than it is.
    """

    inside: float
    outside: float
    low: float
    high: float
    observed: tuple[float, float] | None = None

    @property
    def lift(self) -> float:
        """Inside less outside."""
        return self.inside - self.outside

    @property
    def ratio(self) -> float | None:
        """Inside over outside; None where outside is zero."""
        return self.inside / self.outside if self.outside else None

    def to_json(self) -> dict[str, Any]:
        """With lift and ratio, and what was observed beside it."""
        seen = self.observed
        return {
            "inside": self.inside,
            "outside": self.outside,
            "lift": self.lift,
            "low": self.low,
            "high": self.high,
            "ratio": self.ratio,
            "observed": seen and {"inside": seen[0], "outside": seen[1], "lift": seen[0] - seen[1]},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Measured:
        """The inverse of `to_json`."""
        seen = document.get("observed")
        observed = (float(seen["inside"]), float(seen["outside"])) if seen else None
        return cls(observed=observed, **{name: float(document[name]) for name in ("inside", "outside", "low", "high")})


@dataclass(frozen=True)
class Evidence:
    """What a rule did on accounts it was not derived from. Lift is a difference, in fractions of NRR (or of `metric`).

    `accounts` were measured, `matched` of them met the rule; `tried` counts every rule looked at; `q_value` is the
    Benjamini-Hochberg false-discovery rate among the rules measured. Of `folds` later periods `same_sign` point the
    way the whole does.
    """

    accounts: int
    matched: int
    figures: Mapping[str, Measured]
    metric: str
    found_on: Mapping[str, Any]
    measured_on: Mapping[str, Any]
    tried: int
    q_value: float
    by_year: tuple[Mapping[str, Any], ...] = ()
    """Churn inside and outside by the year of the snapshot, with counts: whether it holds in every cohort."""
    same_sign: int = 0
    folds: int = 0
    beyond: str | None = None
    """Why it says nothing beyond another rule, in words; None if it does."""

    @property
    def support(self) -> float:
        """Share of the measured accounts that meet the rule."""
        return self.matched / self.accounts if self.accounts else 0.0

    @property
    def headline(self) -> Measured:
        """The figure that decided."""
        return self.figures[self.metric]

    @property
    def folds_same_sign(self) -> str:
        """As "4 of 5": how many of the later periods point the way the whole does."""
        return f"{self.same_sign} of {self.folds}"

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`: the headline's figures, the others beside it."""
        return {
            "accounts": self.accounts,
            "matched": self.matched,
            "support": self.support,
            "metric": self.metric,
            **self.headline.to_json(),
            **{name: figure.to_json() for name, figure in self.figures.items()},
            "found_on": dict(self.found_on),
            "measured_on": dict(self.measured_on),
            "tried": self.tried,
            "q_value": self.q_value,
            "folds_same_sign": self.folds_same_sign,
            "by_year": [dict(year) for year in self.by_year],
            "beyond": self.beyond,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_json`."""
        figures = {
            name: Measured.from_json(document[name])
            for name in HIGHER_IS_BETTER
            if isinstance(document.get(name), Mapping)
        }
        keys = ("accounts", "matched", "metric", "found_on", "measured_on", "tried", "q_value")
        same, folds = str(document.get("folds_same_sign", "0 of 0")).split(" of ")
        return cls(
            figures=figures,
            by_year=tuple(document.get("by_year", ())),
            same_sign=int(same),
            folds=int(folds),
            beyond=document.get("beyond"),
            **{key: document[key] for key in keys},
        )

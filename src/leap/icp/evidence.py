"""What a rule did on accounts it was not derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """A figure inside and outside a rule; `lift` is their difference with its 95 % interval over accounts."""

    inside: float
    outside: float
    low: float
    high: float

    @property
    def lift(self) -> float:
        """Inside less outside."""
        return self.inside - self.outside

    @property
    def ratio(self) -> float | None:
        """Inside over outside; None where outside is zero."""
        return self.inside / self.outside if self.outside else None

    def to_json(self) -> dict[str, Any]:
        """With lift and ratio."""
        return {
            "inside": self.inside,
            "outside": self.outside,
            "lift": self.lift,
            "low": self.low,
            "high": self.high,
            "ratio": self.ratio,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Measured:
        """The inverse of `to_json`."""
        return cls(**{name: float(document[name]) for name in ("inside", "outside", "low", "high")})


@dataclass(frozen=True)
class Evidence:
    """What a rule did on accounts it was not derived from. Lift is a difference, in fractions of NRR (or of `metric`).

    `accounts` were measured, `matched` of them met the rule; `tried` counts every rule looked at; `q_value` is the
    Benjamini-Hochberg false-discovery rate among the rules measured.
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

    @property
    def support(self) -> float:
        """Share of the measured accounts that meet the rule."""
        return self.matched / self.accounts if self.accounts else 0.0

    @property
    def headline(self) -> Measured:
        """The figure that decided."""
        return self.figures[self.metric]

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
            "by_year": [dict(year) for year in self.by_year],
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Evidence:
        """The inverse of `to_json`."""
        figures = {
            name: Measured.from_json(document[name])
            for name in ("nrr", "churn", "expansion_rate")
            if isinstance(document.get(name), Mapping)
        }
        keys = ("accounts", "matched", "metric", "found_on", "measured_on", "tried", "q_value")
        years = tuple(document.get("by_year", ()))
        return cls(figures=figures, by_year=years, **{key: document[key] for key in keys})

"""What the ICP report says of a rule: figures inside and outside with their intervals, on whom, and year by year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leap.icp import Evidence, Measured
from leap.reports.rendering import known

METRICS = {"nrr": "NRR", "churn": "Churn", "expansion_rate": "Expansion", "contraction_rate": "Contraction"}
_LESS_IS_GOOD = ("churn", "contraction_rate")


@dataclass(frozen=True)
class EvidenceRow:
    """A figure inside and outside of a rule, the 95 % interval of the difference; `decides` marks the headline."""

    metric: str
    label: str
    inside: float | None
    outside: float | None
    difference: float | None
    low: float | None
    high: float | None
    decides: bool
    observed: tuple[float | None, float | None] | None = None
    """Inside and outside as the accounts measured show them, before shrinkage; None where nothing was shrunk."""

    @property
    def tone(self) -> str:
        """good or bad if the interval leaves zero out, else open."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "open"
        return "good" if (self.low > 0) != (self.metric in _LESS_IS_GOOD) else "bad"


@dataclass(frozen=True)
class Accounts:
    """The accounts something was found or measured on: how many, with how many yearly rows, between which dates."""

    accounts: int
    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class YearRow:
    """Churn inside and outside among the rows of one year: whether the association holds in each."""

    year: int
    inside: float | None
    outside: float | None
    accounts_inside: int
    accounts_outside: int


@dataclass(frozen=True)
class EvidenceSummary:
    """What a rule did on other accounts, later, than it was found on."""

    rows: tuple[EvidenceRow, ...]
    matched: int
    accounts: int
    support: float
    found_on: Accounts
    measured_on: Accounts
    tried: int
    false_discovery_rate: float
    years: tuple[YearRow, ...]
    same: int = 0
    periods: int = 0
    same_way: str = ""
    """As "4 of 5": how many of the later periods point the way the whole does; empty where none were told apart."""

    @property
    def headline(self) -> EvidenceRow:
        """The figure that decided."""
        return next(row for row in self.rows if row.decides)


def evidence_summary(evidence: Evidence) -> EvidenceSummary:
    """The evidence as the report has it."""
    rows = [_row(name, evidence.figures[name], evidence.metric) for name in METRICS if name in evidence.figures]
    return EvidenceSummary(
        rows=tuple(rows),
        matched=evidence.matched,
        accounts=evidence.accounts,
        support=evidence.support,
        found_on=_accounts(evidence.found_on),
        measured_on=_accounts(evidence.measured_on),
        tried=evidence.tried,
        false_discovery_rate=evidence.q_value,
        years=tuple(YearRow(**year) for year in evidence.by_year),
        same=evidence.same_sign,
        periods=evidence.folds,
        same_way=evidence.folds_same_sign if evidence.folds else "",
    )


def _row(metric: str, figure: Measured, decides: str) -> EvidenceRow:
    return EvidenceRow(
        metric=metric,
        label=METRICS[metric],
        inside=known(figure.inside),
        outside=known(figure.outside),
        difference=known(figure.lift),
        low=known(figure.low),
        high=known(figure.high),
        decides=metric == decides,
        observed=None if figure.observed is None else (known(figure.observed[0]), known(figure.observed[1])),
    )


def _accounts(counted: Mapping[str, Any]) -> Accounts:
    return Accounts(counted["accounts"], counted["rows"], counted["from"], counted["to"])

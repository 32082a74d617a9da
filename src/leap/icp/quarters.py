"""How each profile and everyone outside the ICP did, quarter by quarter; few accounts give no figure but a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from leap.icp.figures import Ledger
from leap.icp.membership import in_icp, sold_to
from leap.icp.resampling import Interval, effective, interval, kept_in_draws, wilson
from leap.icp.undefined import NO_DEALS, NO_WON
from leap.revenue import add_months
from leap.value.payback import NO_COSTS

if TYPE_CHECKING:
    from leap.icp.profiles import ICPProfile

FEWEST_CUSTOMERS = 5
"""New customers below which a quarter has no NRR, CAC, cycle or deal size: one of them would decide it."""
FEWEST_DEALS = 10
"""Closed deals below which a quarter has no win rate."""
QUARTERS = 12
OUTSIDE, EVERYONE = "outside", "everyone"
FEW_CUSTOMERS, FEW_DEALS = f"fewer_than_{FEWEST_CUSTOMERS}_customers", f"fewer_than_{FEWEST_DEALS}_closed_deals"
NOT_OVER, NOT_RECORDED = "window_not_complete", "before_the_churn_record"
FEW_WON = f"fewer_than_{FEWEST_CUSTOMERS}_won_deals"


@dataclass(frozen=True)
class Quarter:
    """One quarter of one group. Counts are always given; a figure is None where they are too few, with the reason.

    `bookings` is the MRR that new customers began with. Deals count in the quarter in which they closed. `nrr_later`
    and `churn_later` are of the first window of the horizon of those who became customers in the quarter.
    """

    quarter: str
    new_customers: int
    bookings: float
    deals_decided: int
    deals_won: int
    win_rate: float | None
    win_rate_interval: Interval | None
    sales_cycle_days: float | None
    deal_size: float | None
    cac: float | None
    customers_with_cac: int
    accounts_later: int
    nrr_later: float | None
    nrr_later_interval: Interval | None
    churn_later: float | None
    churn_later_interval: Interval | None
    reasons: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Its keys in the JSON of `icp`."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in _INTERVALS:
            document[name] = list(document[name]) if document[name] else None
        return {**document, "reasons": dict(self.reasons)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Quarter:
        """The inverse of `to_json`."""
        ends = {name: (float(e[0]), float(e[1])) if (e := document[name]) else None for name in _INTERVALS}
        return cls(**{**document, **ends})


_INTERVALS = ("win_rate_interval", "nrr_later_interval", "churn_later_interval")


@dataclass(frozen=True)
class Quarters:
    """The last complete quarters of every group: profiles by id, `outside` of the ICP, and `everyone`."""

    groups: Mapping[str, tuple[Quarter, ...]]
    later_months: int

    def to_json(self) -> dict[str, Any]:
        """`quarters` in the JSON of `icp`."""
        return {
            "later_months": self.later_months,
            "fewest_customers": FEWEST_CUSTOMERS,
            "fewest_deals": FEWEST_DEALS,
            "groups": {name: [quarter.to_json() for quarter in quarters] for name, quarters in self.groups.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Quarters:
        """The inverse of `to_json`."""
        groups = {name: tuple(map(Quarter.from_json, quarters)) for name, quarters in document["groups"].items()}
        return cls(groups, document["later_months"])


def quarters_of(ledger: Ledger, profiles: Sequence[ICPProfile]) -> Quarters:
    """Groups are told by what companies were when they bought: what they have become since plays no part."""
    book = ledger.book
    groups = {profile.id: profile.rule.matches(book.bought) for profile in profiles}
    if sold_to(profiles):
        groups[OUTSIDE] = ~in_icp(profiles, book.bought, len(book))
    groups[EVERYONE] = np.ones(len(book), dtype=bool)
    spans = _spans(book.until)
    found = {name: tuple(_quarter(ledger, mask, span) for span in spans) for name, mask in groups.items()}
    return Quarters(found, book.horizon_months)


def _spans(until: pd.Timestamp) -> list[pd.Period]:
    """The last quarters that are over at the end of the data, oldest first."""
    running = pd.Period(until, freq="Q")
    return [running - n for n in range(QUARTERS, 0, -1)]


def _quarter(ledger: Ledger, mask: np.ndarray, span: pd.Period) -> Quarter:
    book = ledger.book
    start, end = np.datetime64(span.start_time, "us"), np.datetime64((span + 1).start_time, "us")
    new = mask & (book.first_paid >= start) & (book.first_paid < end)
    deals = book.deals
    decided = mask[deals.account] & deals.new_business & deals.decided & (deals.closed >= start) & (deals.closed < end)
    won = decided & (deals.won == 1)
    reasons: dict[str, str] = {}
    costs = book.with_cac(new)
    few = FEW_CUSTOMERS if book.has_costs else NO_COSTS
    few_deals, few_won = (FEW_DEALS, FEW_WON) if book.has_deals else (NO_DEALS, NO_WON)
    n, n_won = int(decided.sum()), int(won.sum())

    def unless(name: str, enough: bool, why: str, value: float) -> float | None:
        if enough and np.isfinite(value):
            return float(value)
        reasons[name] = why
        return None

    win_rate = unless("win_rate", n >= FEWEST_DEALS, few_deals, n_won / n if n else np.nan)
    later = _later(ledger, new, _why_not_later(ledger, span), reasons)
    return Quarter(
        quarter=f"{span.year}-Q{span.quarter}",
        new_customers=int(new.sum()),
        bookings=float(np.nansum(book.new_mrr[new])),
        deals_decided=n,
        deals_won=n_won,
        win_rate=win_rate,
        win_rate_interval=None if win_rate is None else wilson(n_won, n),
        sales_cycle_days=unless("sales_cycle_days", n_won >= FEWEST_CUSTOMERS, few_won, _median(deals.cycle_days[won])),
        deal_size=unless("deal_size", n_won >= FEWEST_CUSTOMERS, few_won, _mean(deals.amount[won])),
        cac=unless("cac", int(costs.sum()) >= FEWEST_CUSTOMERS, few, _mean(book.cac[costs])),
        customers_with_cac=int(costs.sum()),
        **later,
        reasons=reasons,
    )


def _why_not_later(ledger: Ledger, span: pd.Period) -> str | None:
    """A quarter whose last customers' window is still open would show only who bought early in it."""
    book = ledger.book
    over = add_months((span + 1).start_time, book.horizon_months) + pd.Timedelta(days=book.grace_days)
    return None if over <= book.until else NOT_OVER


def _later(ledger: Ledger, new: np.ndarray, open_still: str | None, reasons: dict[str, str]) -> dict[str, Any]:
    book = ledger.book
    known = new & ~np.isnan(book.first_ending) & (np.nan_to_num(book.first_starting) > 0)
    n = int(known.sum()) if open_still is None else 0
    found: dict[str, Any] = {"accounts_later": n, "nrr_later": None, "churn_later": None}
    found |= {"nrr_later_interval": None, "churn_later_interval": None}
    if n < FEWEST_CUSTOMERS:
        why = open_still or (NOT_RECORDED if n == 0 and new.sum() >= FEWEST_CUSTOMERS else FEW_CUSTOMERS)
        reasons |= {"nrr_later": why, "churn_later": why}
        return found
    left = int((book.first_ending[known] == 0).sum())
    nrr, ends = later_nrr(ledger, known)
    return {
        **found,
        "nrr_later": nrr,
        "nrr_later_interval": ends,
        "churn_later": left / n,
        "churn_later_interval": wilson(left, n),
    }


def later_nrr(ledger: Ledger, known: np.ndarray) -> tuple[float, Interval | None]:
    """NRR of the first window of accounts for which it is known, a ratio of sums, with its interval."""
    starting, ending = ledger.book.first_starting[known], ledger.book.first_ending[known]
    point = float(ending.sum() / starting.sum())
    drawn = kept_in_draws(ledger.resampling, known, starting, ending)
    return point, interval(drawn, point, effective(starting))


def _median(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.sum() / len(known)) if len(known) else float("nan")

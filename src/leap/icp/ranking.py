"""Where a profile stands: its part of the base, of the new customers and of the market, and which one comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from leap.icp.book import Book
from leap.icp.pooling import Pooled

WIN_RATE_PRIOR = 20.0
"""Deals that the win rate of all counts as beside a profile's own: the rate of five deals orders nothing."""
_CAP = 0.98
"""The largest accounts count as this quantile: one giant does not decide which profile comes first."""
_MONTHS = 12


@dataclass(frozen=True)
class Shares:
    """How many accounts met a rule when they bought: of the customers now, and of those won in the last year. And how
    many meet it now, of the customers (`customers_now`) and of the prospects: what changes as time passes is compared
    at one time.
    """

    customers: int
    customers_now: int
    of_customers: int
    new: int
    of_new: int
    prospects: int
    of_prospects: int

    @classmethod
    def of(cls, bought: np.ndarray, now: np.ndarray, book: Book) -> Shares:
        """From who met the rule at the purchase, and who meets it now; shape (n_accounts,) each."""
        new = book.won_within(1)
        return cls(
            customers=int((bought & book.customer).sum()),
            customers_now=int((now & book.customer).sum()),
            of_customers=int(book.customer.sum()),
            new=int((bought & new).sum()),
            of_new=int(new.sum()),
            prospects=int((now & book.prospect).sum()),
            of_prospects=int(book.prospect.sum()),
        )

    @property
    def base(self) -> float | None:
        """Share of the customers now; None without any."""
        return _share(self.customers, self.of_customers)

    @property
    def base_now(self) -> float | None:
        """Share of the customers now that meet it now; None without any."""
        return _share(self.customers_now, self.of_customers)

    @property
    def recent(self) -> float | None:
        """Share of the customers won in the last year; None without any."""
        return _share(self.new, self.of_new)

    @property
    def market(self) -> float | None:
        """Share of the prospects; None where none are known."""
        return _share(self.prospects, self.of_prospects)

    def to_json(self) -> dict[str, Any]:
        """With the three shares."""
        return {
            **asdict(self),
            "base": self.base,
            "base_now": self.base_now,
            "recent": self.recent,
            "market": self.market,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Shares:
        """The inverse of `to_json`."""
        return cls(**{name: int(document[name]) for name in cls.__dataclass_fields__})


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class Rank:
    """What the order of a profile is made of: reach times win rate times value.

    `place` counts from 1 within the kind. `customers` and `prospects` meet the rule now (their sum is the reach), `own`
    of them meet no profile before it: an account belongs to the first that it meets. `win_rate` is shrunk towards that
    of all deals. `value` is the yearly revenue (`value_of` "revenue") or gross margin ("margin") that is left of a new
    account after the horizon, at the expected `nrr`. `score` is a share of the first one's. `reasons` say of a part
    that is null why: it does not enter the order of any profile then.
    """

    place: int
    customers: int
    prospects: int
    own: int
    win_rate: float | None
    won: int
    closed: int
    nrr: float
    value: float | None
    value_of: str
    score: float
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def reach(self) -> int:
        """Customers and prospects that meet the rule now."""
        return self.customers + self.prospects

    def to_json(self) -> dict[str, Any]:
        """With the reach."""
        return {**asdict(self), "reach": self.reach, "reasons": dict(self.reasons)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Rank:
        """The inverse of `to_json`."""
        return cls(**{name: document[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Contender:
    """A rule to be ranked: who met it at the purchase, who meets it now (n_accounts,), what is expected of them, and
    whether it is about deals itself: those without a lost deal have won all of theirs by definition.
    """

    bought: np.ndarray
    now: np.ndarray
    pooled: Pooled
    about_deals: bool


def ranks(contenders: Mapping[str, Contender], book: Book, broad: float) -> dict[str, Rank]:
    """The ranks of rules by their names.

    A profile that more of the market meets than `broad` stands behind all others: it is no choice. `place` is still 0,
    and `own` the reach.
    """
    yearly, value_of = _yearly(book)
    found = {key: _rank(contender, book, yearly, value_of) for key, contender in contenders.items()}
    unknown = {name for rank in found.values() for name in ("win_rate", "value") if getattr(rank, name) is None}
    market = max(int((book.customer | book.prospect).sum()), 1)
    scores = {}
    for key, rank in found.items():
        value = rank.nrr if "value" in unknown or rank.value is None else rank.value
        win_rate = 1.0 if "win_rate" in unknown or rank.win_rate is None else rank.win_rate
        scores[key] = rank.reach * win_rate * max(value, 0.0)
    highest = max(scores.values(), default=0.0) or 1.0
    result = {}
    for key, rank in found.items():
        wide = {"place": "too_broad_to_be_a_choice"} if rank.reach / market > broad else {}
        result[key] = replace(rank, score=scores[key] / highest, reasons={**rank.reasons, **wide})
    return result


def in_order(found: Mapping[str, Rank]) -> list[str]:
    """The ids by rank, the first first; equal scores in the order of the ids."""
    return sorted(found, key=lambda key: ("place" in found[key].reasons, -round(found[key].score, 9), key))


def _rank(contender: Contender, book: Book, yearly: np.ndarray, value_of: str) -> Rank:
    bought, now, pooled = contender.bought, contender.now, contender.pooled
    deals = book.deals
    own = deals.decided & deals.new_business
    inside = own & bought[deals.account] & (not contender.about_deals)
    won, closed = int((deals.won[inside] == 1).sum()), int(inside.sum())
    rate = float((deals.won[own] == 1).mean()) if own.any() else None
    paid = np.sort(yearly[bought & np.isfinite(yearly)])
    customers, prospects = int((now & book.customer).sum()), int((now & book.prospect).sum())
    reasons = {} if rate is not None else {"win_rate": "no_closed_deals"}
    if contender.about_deals and rate is not None:
        reasons = {"win_rate": "of_all_deals_since_its_conditions_are_about_deals"}
    return Rank(
        place=0,
        customers=customers,
        prospects=prospects,
        own=customers + prospects,
        win_rate=None if rate is None else (won + WIN_RATE_PRIOR * rate) / (closed + WIN_RATE_PRIOR),
        won=won,
        closed=closed,
        nrr=pooled.nrr,
        value=float(paid.mean()) * pooled.nrr if len(paid) else None,
        value_of=value_of,
        score=0.0,
        reasons=reasons if len(paid) else {**reasons, "value": "no_customers"},
    )


def _yearly(book: Book) -> tuple[np.ndarray, str]:
    """Twelve months of what customers pay now, or of the margin on it where that is known; NaN of all others."""
    mrr = np.where(book.customer, book.mrr, np.nan)
    if not book.customer.any():
        return mrr, "revenue"
    mrr = np.minimum(mrr, np.nanquantile(mrr, _CAP))
    margin = book.gross_margin
    known = np.isfinite(margin[book.customer]).all()
    return (_MONTHS * mrr * margin, "margin") if known else (_MONTHS * mrr, "revenue")


@dataclass(frozen=True)
class OrderOfWork:
    """Which profile to work on first, which is opened next, and whether that is due; `words` say it in one sentence.

    `penetration` is that of the first, `opens_at` the one from which the next is due (`policy.icp_opens_next_at`).
    """

    first: str
    next: str | None
    due: bool
    penetration: float | None
    opens_at: float
    words: str

    @property
    def used_up(self) -> bool:
        """Whether so much of the first is won that more of it, or another, must be found."""
        return self.penetration is not None and self.penetration >= self.opens_at

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `order_of_work`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> OrderOfWork:
        """The inverse of `to_json`."""
        return cls(**document)

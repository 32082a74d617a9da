"""Where a profile stands: its part of the base, of the new customers and of the market, and which one comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Shares:
    """How many accounts met a rule when they bought: of the customers now, of those won in the last year, and how many
    prospects meet it now.
    """

    customers: int
    of_customers: int
    new: int
    of_new: int
    prospects: int
    of_prospects: int

    @property
    def base(self) -> float | None:
        """Share of the customers now; None without any."""
        return _share(self.customers, self.of_customers)

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
        return {**asdict(self), "base": self.base, "recent": self.recent, "market": self.market}

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

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `icp`, under `order_of_work`."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> OrderOfWork:
        """The inverse of `to_json`."""
        return cls(**document)

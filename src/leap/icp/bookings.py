"""What share of the bookings lies outside the ICP, by team and by where deals came from, and how these kept later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leap.icp.figures import Ledger
from leap.icp.membership import in_icp, sold_to
from leap.icp.quarters import FEWEST_CUSTOMERS, later_nrr
from leap.icp.resampling import Interval, effective, interval

if TYPE_CHECKING:
    from leap.icp.profiles import ICPProfile

ALL, UNKNOWN, OTHERS = "all", "not said", "all others"
MOST = 20
"""Teams or sources told apart, those with most bookings; the rest are one."""


@dataclass(frozen=True)
class Part:
    """Customers in or outside of the ICP: how many, what MRR they began with, and their NRR a window later.

    `nrr_later` is None below five customers whose first window is complete.
    """

    customers: int
    bookings: float
    accounts_later: int
    nrr_later: float | None
    nrr_later_interval: Interval | None

    def to_json(self) -> dict[str, Any]:
        """Its keys in the JSON of `icp`."""
        ends = self.nrr_later_interval
        return {**self.__dict__, "nrr_later_interval": list(ends) if ends else None}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Part:
        """The inverse of `to_json`."""
        ends = document["nrr_later_interval"]
        return cls(**{**document, "nrr_later_interval": (ends[0], ends[1]) if ends else None})


@dataclass(frozen=True)
class Bookings:
    """Bookings of one team or source, parted by whether the company was in the ICP when it bought.

    `outside_share` is outside bookings over all of them, with its interval over accounts; None without bookings.
    """

    name: str
    inside: Part
    outside: Part
    outside_share: float | None
    outside_share_interval: Interval | None
    outside_share_last_year: float | None
    bookings_last_year: float

    def to_json(self) -> dict[str, Any]:
        """Its keys in the JSON of `icp`."""
        ends = self.outside_share_interval
        return {
            **self.__dict__,
            "inside": self.inside.to_json(),
            "outside": self.outside.to_json(),
            "outside_share_interval": list(ends) if ends else None,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Bookings:
        """The inverse of `to_json`."""
        ends = document["outside_share_interval"]
        parts = {name: Part.from_json(document[name]) for name in ("inside", "outside")}
        return cls(**{**document, **parts, "outside_share_interval": (ends[0], ends[1]) if ends else None})


@dataclass(frozen=True)
class BookingsBy:
    """Bookings of everyone, and by `team` and `origin` where the deals name such a column."""

    everyone: Bookings
    by: Mapping[str, tuple[Bookings, ...]]

    def to_json(self) -> dict[str, Any]:
        """`bookings` in the JSON of `icp`."""
        by = {name: [row.to_json() for row in rows] for name, rows in self.by.items()}
        return {"everyone": self.everyone.to_json(), "by": by, "fewest_customers": FEWEST_CUSTOMERS}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> BookingsBy:
        """The inverse of `to_json`."""
        by = {name: tuple(map(Bookings.from_json, rows)) for name, rows in document["by"].items()}
        return cls(Bookings.from_json(document["everyone"]), by)


def bookings_of(ledger: Ledger, profiles: Sequence[ICPProfile]) -> BookingsBy | None:
    """None where no profile is to be sold to: then nothing is outside of it."""
    if not sold_to(profiles):
        return None
    book = ledger.book
    fits, everyone = in_icp(profiles, book.bought, len(book)), book.bought_ever
    by = {}
    for column in ("team", "origin"):
        said = getattr(book.deals, column)
        if (said != "").any():
            by[column] = _by_name(ledger, fits, _of_customers(ledger, said))
    return BookingsBy(_bookings(ledger, fits, everyone, ALL), by)


def _of_customers(ledger: Ledger, said: np.ndarray) -> np.ndarray:
    """What the deal says by which each account became a customer: the first of new business that was won."""
    book, deals = ledger.book, ledger.book.deals
    found = np.full(len(book), UNKNOWN, dtype=object)
    won = np.flatnonzero(deals.new_business & deals.decided & (deals.won == 1) & (said != ""))
    won = won[np.argsort(deals.closed[won], kind="stable")[::-1]]
    found[deals.account[won]] = said[won]
    return found


def _by_name(ledger: Ledger, fits: np.ndarray, names: np.ndarray) -> tuple[Bookings, ...]:
    book = ledger.book
    bought = book.bought_ever
    rows = [_bookings(ledger, fits, bought & (names == name), name) for name in sorted(set(names[bought]))]
    rows.sort(key=lambda row: (row.name == UNKNOWN, -(row.inside.bookings + row.outside.bookings), row.name))
    if len(rows) <= MOST:
        return tuple(rows)
    kept = [row.name for row in rows[: MOST - 1]]
    rest = bought & ~np.isin(names.astype(str), kept)
    return (*rows[: MOST - 1], _bookings(ledger, fits, rest, OTHERS))


def _bookings(ledger: Ledger, fits: np.ndarray, mask: np.ndarray, name: str) -> Bookings:
    book = ledger.book
    money = np.where(mask, np.nan_to_num(book.new_mrr), 0.0)
    lately = book.won_within(1)
    share = _outside_share(money, fits)
    drawn = ledger.resampling.sums(np.column_stack([money * ~fits, money]))
    shares = np.divide(drawn[:, 0], drawn[:, 1], out=np.full(len(drawn), np.nan), where=drawn[:, 1] > 0)
    return Bookings(
        name=name,
        inside=_part(ledger, mask & fits),
        outside=_part(ledger, mask & ~fits),
        outside_share=share,
        outside_share_interval=interval(shares, share, effective(money)),
        outside_share_last_year=_outside_share(money * lately, fits),
        bookings_last_year=float(money[lately].sum()),
    )


def _outside_share(money: np.ndarray, fits: np.ndarray) -> float | None:
    total = float(money.sum())
    return float(money[~fits].sum()) / total if total > 0 else None


def _part(ledger: Ledger, mask: np.ndarray) -> Part:
    book = ledger.book
    known = mask & ~np.isnan(book.first_ending) & (np.nan_to_num(book.first_starting) > 0)
    n = int(known.sum())
    nrr, ends = later_nrr(ledger, known) if n >= FEWEST_CUSTOMERS else (None, None)
    return Part(int(mask.sum()), float(np.nansum(book.new_mrr[mask])), n, nrr, ends)

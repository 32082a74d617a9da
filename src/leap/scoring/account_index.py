"""A list of accounts to look through: filtered, sorted and summed at once, however many there are.

Made once per list, of the rows that `Scorer.listing` has; a question takes some array operations and, with words, one
pass over all names. 100,000 accounts take some 40 MB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import numpy as np

SCORED: Final = "scored"
LEAVING: Final = "leaving"
UNSCORED: Final = "unscored"
STATUSES: Final = (SCORED, LEAVING, UNSCORED)
"""With a score; known to leave; without a score for another reason."""
_LEAVES = "already_leaving"
NO_TIER: Final = "none"

Sort: TypeAlias = Literal["at_risk", "name", "mrr", "churn", "nrr", "value", "tier", "icp", "status"]


@dataclass(frozen=True)
class Wanted:
    """Which accounts are wanted; what is empty or None asks for nothing."""

    words: str = ""
    """Part of the name or id, in any case."""
    tiers: tuple[str, ...] = ()
    """`none` is that of accounts without one."""
    icps: tuple[str, ...] = ()
    """`none` likewise."""
    statuses: tuple[str, ...] = ()
    at_risk_from: float | None = None
    """MRR at risk of at least so much."""
    worth_an_offer: bool = False
    """Only those to be contacted with an offer to stay."""
    mrr_from: float | None = None
    mrr_to: float | None = None


@dataclass(frozen=True)
class Sums:
    """Counts and sums of some accounts; those without a score have MRR but nothing at risk."""

    accounts: int
    mrr: float
    losing: float
    """MRR expected to be lost, summed over accounts expected to shrink."""
    growing: float
    """MRR expected to be won, summed over accounts expected to grow."""
    unscored: int


class AccountIndex:
    """Accounts by position in the list that it was made of."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows
        self._texts = [_text_of(row) for row in rows]

        def numbers(name: str) -> np.ndarray:
            return np.array([_number(row.get(name)) for row in rows], dtype=float)

        self._mrr, self._nrr = numbers("mrr"), numbers("nrr")
        self._churn, self._value = numbers("churn_probability"), numbers("value_12m")
        self._at_risk = self._mrr * (1 - self._nrr)
        self._tier, self.tiers = _coded([row.get("icp_tier") for row in rows])
        self._icp, self.icps = _coded([row.get("icp_id") for row in rows])
        self._status, _ = _coded([_status(row) for row in rows], STATUSES)
        self._worth_an_offer = np.array([row.get("contact") is True for row in rows], dtype=bool)
        self._orders: dict[tuple[str, bool], np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def found(self, wanted: Wanted, sort: Sort = "at_risk", *, descending: bool = True) -> np.ndarray:
        """Positions of the accounts wanted, in order; equal ones by id, and what has no figure last."""
        order = self._order(sort, descending)
        kept = self._kept(wanted)
        return order if kept is None else order[kept[order]]

    def sums(self, positions: np.ndarray) -> Sums:
        """What these accounts come to."""
        at_risk, mrr = self._at_risk[positions], self._mrr[positions]
        known = at_risk[~np.isnan(at_risk)]
        return Sums(
            accounts=len(positions),
            mrr=math.fsum(mrr[~np.isnan(mrr)].tolist()),
            losing=math.fsum(known[known > 0].tolist()),
            growing=-math.fsum(known[known < 0].tolist()),
            unscored=len(positions) - len(known),
        )

    def counts(self, of: Literal["tier", "icp", "status"]) -> dict[str, int]:
        """How many accounts of the whole list each tier, ICP or status has."""
        codes, names = {
            "tier": (self._tier, (*self.tiers, NO_TIER)),
            "icp": (self._icp, (*self.icps, NO_TIER)),
            "status": (self._status, (*STATUSES, NO_TIER)),
        }[of]
        counted = np.bincount(np.where(codes < 0, len(names) - 1, codes), minlength=len(names))
        return {name: int(count) for name, count in zip(names, counted, strict=True) if count}

    @property
    def worth_an_offer(self) -> int:
        """How many accounts of the whole list are worth an offer to stay."""
        return int(self._worth_an_offer.sum())

    def status(self, position: int) -> str:
        """One of `STATUSES`."""
        return STATUSES[int(self._status[position])]

    def at_risk(self, position: int) -> float | None:
        """`mrr * (1 - nrr)`: the MRR expected to be lost; below zero where growth is expected."""
        found = float(self._at_risk[position])
        return None if math.isnan(found) else found

    def _kept(self, wanted: Wanted) -> np.ndarray | None:
        """Which accounts are wanted, shape (n,); None for all."""
        masks: list[np.ndarray] = []
        if words := " ".join(wanted.words.split()).casefold():
            masks.append(np.fromiter((words in text for text in self._texts), dtype=bool, count=len(self)))
        for names, codes, given in (
            (self.tiers, self._tier, wanted.tiers),
            (self.icps, self._icp, wanted.icps),
            (STATUSES, self._status, wanted.statuses),
        ):
            if given:
                asked = [-1 if name == NO_TIER else names.index(name) for name in given if name in (*names, NO_TIER)]
                masks.append(np.isin(codes, asked))
        if wanted.worth_an_offer:
            masks.append(self._worth_an_offer)
        for least, most, figures in (
            (wanted.at_risk_from, None, self._at_risk),
            (wanted.mrr_from, wanted.mrr_to, self._mrr),
        ):
            if least is not None:
                masks.append(figures >= least)
            if most is not None:
                masks.append(figures <= most)
        return np.logical_and.reduce(masks) if masks else None

    def _order(self, sort: Sort, descending: bool) -> np.ndarray:
        """All positions in order, kept once made."""
        if (sort, descending) not in self._orders:
            figures = self._keys[sort]()
            order = np.lexsort((self._by_id, -figures if descending else figures))
            self._orders[sort, descending] = order.astype(np.int32)
        return self._orders[sort, descending]

    @cached_property
    def _by_id(self) -> np.ndarray:
        return _ranks([str(row["account_id"]) for row in self._rows])

    @property
    def _keys(self) -> Mapping[str, Callable[[], np.ndarray]]:
        """Figures to sort by; NaN, which comes last, where there is none."""
        return {
            "at_risk": lambda: self._at_risk,
            "mrr": lambda: self._mrr,
            "churn": lambda: self._churn,
            "nrr": lambda: self._nrr,
            "value": lambda: self._value,
            "name": lambda: _ranks([_name_of(row).casefold() for row in self._rows]),
            "tier": lambda: np.where(self._tier < 0, np.nan, self._tier),
            "icp": lambda: np.where(self._icp < 0, np.nan, self._icp),
            "status": lambda: self._status.astype(float),
        }


def _name_of(row: Mapping[str, Any]) -> str:
    return str(row.get("name") or row["account_id"])


def _text_of(row: Mapping[str, Any]) -> str:
    """What words are looked for in: name and id, which no word can span."""
    return f"{' '.join(_name_of(row).split())}\n{' '.join(str(row['account_id']).split())}".casefold()


def _status(row: Mapping[str, Any]) -> str:
    if row.get("abstained") == _LEAVES:
        return LEAVING
    return UNSCORED if row.get("nrr") is None else SCORED


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _ranks(texts: Sequence[str]) -> np.ndarray:
    """The place of each text in their order; equal ones share one."""
    place = {text: rank for rank, text in enumerate(sorted(set(texts)))}
    return np.array([place[text] for text in texts], dtype=float)


def _coded(values: Sequence[object], known: Sequence[str] = ()) -> tuple[np.ndarray, tuple[str, ...]]:
    """Each value's place among all there are, in their order, and these; -1 for none."""
    names = tuple(known) or tuple(sorted({str(value) for value in values if value}))
    place = {name: code for code, name in enumerate(names)}
    return np.array([place[str(value)] if value else -1 for value in values], dtype=np.int16), names

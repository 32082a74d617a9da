"""Whom to contact: the expected gain of an offer to each scored account, and who comes before the capacity ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.evaluation.money import MRR_X_12, VALUE_12M
from leap.offers import Offer

BEYOND_CAPACITY = "beyond_capacity"
NEVER_WORTH_IT = "never_worth_an_offer"
_DECIMALS = 6
"""Gains that agree to a millionth of the currency are equal: the same account scored alone keeps its place."""


@dataclass(frozen=True)
class Reach:
    """The last account that is contacted of a list: one scored by itself is contacted if it comes no later."""

    gain: float
    account: str

    def holds(self, gain: float, account: str) -> bool:
        """Whether an account with this gain comes before the end.

        >>> Reach(10.0, "b").holds(10.0, "a"), Reach(10.0, "b").holds(10.0, "c"), EVERYONE.holds(0.5, "z")
        (True, False, True)
        """
        return (-round(gain, _DECIMALS), account) <= (-round(self.gain, _DECIMALS), self.account)


EVERYONE = Reach(-math.inf, "")


@dataclass(frozen=True)
class Actions:
    """What to do with each account, shape (n,): expected gain and value in money.

    Where `none_because` gives a reason there is none, and figures are NaN.
    """

    accounts: Sequence[str]
    gain: np.ndarray
    threshold: np.ndarray
    value: np.ndarray
    by_margin: np.ndarray
    contact: np.ndarray
    reach: Reach
    none_because: Sequence[str | None]

    @classmethod
    def of(
        cls,
        offer: Offer,
        accounts: Sequence[str],
        p: np.ndarray,
        worth: tuple[np.ndarray, np.ndarray],
        none_because: Sequence[str | None],
        reach: Reach | None = None,
    ) -> Actions:
        """From churn probabilities and what accounts are worth if kept (and where that is their account value).

        The accounts are a list that shares the capacity, unless the `reach` of the list they stand beside is given.
        """
        value, by_margin = worth
        known = np.array([reason is None for reason in none_because], dtype=bool)
        gain = np.where(known, offer.gain(p, value), np.nan)
        ordered = np.round(gain, _DECIMALS)
        if reach is None:
            names = np.array(accounts, dtype=str)
            contact = offer.contacted(ordered, names, np.zeros(len(names), dtype=int))
            reach = _reach(ordered, names, contact)
        else:
            contact = np.array(
                [g > 0 and reach.holds(g, a) for g, a in zip(ordered.tolist(), accounts, strict=True)], dtype=bool
            )
        threshold = np.where(known, offer.threshold(value), np.nan)
        return cls(accounts, gain, threshold, value, by_margin, contact, reach, none_because)

    def reason(self, i: int) -> str | None:
        """Why something is null, or why an account with a gain is not contacted."""
        if self.none_because[i] is not None:
            return self.none_because[i]
        if math.isnan(self.threshold[i]):
            return NEVER_WORTH_IT
        return BEYOND_CAPACITY if self.gain[i] > 0 and not self.contact[i] else None

    def to_json(self, i: int) -> dict[str, Any]:
        """`action` of a score: whether to contact the account, and the figures behind it."""
        known = self.none_because[i] is None

        def number(value: float) -> float | None:
            return float(value) if known and math.isfinite(value) else None

        return {
            "contact": bool(self.contact[i]) if known else None,
            "expected_gain": number(self.gain[i]),
            "threshold_p": number(self.threshold[i]),
            "value": number(self.value[i]),
            "value_is": (VALUE_12M if self.by_margin[i] else MRR_X_12) if known else None,
            "reason": self.reason(i),
        }


def _reach(gain: np.ndarray, accounts: np.ndarray, contact: np.ndarray) -> Reach:
    """The last one contacted, where the capacity left somebody out."""
    chosen = np.flatnonzero(contact)
    if not (gain > 0).sum() > len(chosen):
        return EVERYONE
    last = chosen[np.lexsort((accounts[chosen], -gain[chosen]))[-1]]
    return Reach(float(gain[last]), str(accounts[last]))

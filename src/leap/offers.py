"""Offers to stay: what contacting an account is expected to earn, from which churn probability on, and whom to contact.

The costs are those of the figure EMPB (`leap.metrics.profit`): a threshold follows from what an account is worth and
what an offer costs, and is never 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leap.config import Policy
from leap.metrics import gain_of_contact
from leap.value import ValueTerms, value_along

_YEAR = 12


@dataclass(frozen=True)
class Offer:
    """What an offer keeps and costs, and how many accounts can be contacted of one list (`[policy]` of the settings).

    The share it keeps is Beta(`alpha`, `beta`) distributed: `save_rate` on average, known from `evidence` past offers.
    """

    save_rate: float
    evidence: float
    offer_share: float
    contact_cost: float
    capacity: int | None = None

    @classmethod
    def of(cls, policy: Policy) -> Offer:
        """From the settings."""
        return cls(
            policy.save_rate, policy.save_rate_evidence, policy.offer_share, policy.contact_cost, policy.capacity
        )

    @property
    def alpha(self) -> float:
        """Past offers that kept the account.

        >>> round(Offer(0.3, 20, 0.05, 0.0).alpha, 9), round(Offer(0.3, 20, 0.05, 0.0).beta, 9)
        (6.0, 14.0)
        """
        return self.save_rate * self.evidence

    @property
    def beta(self) -> float:
        """Past offers that did not."""
        return (1 - self.save_rate) * self.evidence

    def gain(self, churns: np.ndarray, value: np.ndarray) -> np.ndarray:
        """What contacting each account earns in money, shape (n,): expected by its probability, or by what it did."""
        return np.asarray(gain_of_contact(churns, value, self.save_rate, self.offer_share, self.contact_cost))

    def threshold(self, value: np.ndarray) -> np.ndarray:
        """The churn probability above which contacting an account earns more than it costs, shape (n,).

        NaN where no probability is high enough.

        >>> Offer(0.3, 20, 0.05, 15.0).threshold(np.array([1000.0, 50.0])).round(3).tolist()
        [0.194, nan]
        """
        cost = self.offer_share * value + self.contact_cost
        at_stake = (self.save_rate * (1 - self.offer_share) + self.offer_share) * value
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = cost / at_stake
        return np.where(found < 1, found, np.nan)

    def contacted(self, gain: np.ndarray, accounts: np.ndarray, lists: np.ndarray) -> np.ndarray:
        """Whom to contact, shape (n,): where the gain is positive, of each list at most `capacity` accounts.

        The largest gains come first, equal ones by account; an account counts once in a list, however many rows it has.
        """
        chosen = np.asarray(gain > 0)
        if self.capacity is None:
            return chosen
        for one in np.unique(lists[chosen]):
            rows = np.flatnonzero(chosen & (lists == one))
            rows = rows[np.lexsort((accounts[rows], -gain[rows]))]
            _, first, code = np.unique(accounts[rows], return_index=True, return_inverse=True)
            chosen[rows] = np.argsort(np.argsort(first, kind="stable"), kind="stable")[code] < self.capacity
        return chosen


def value_if_kept(
    mrr: np.ndarray, d: np.ndarray, u: np.ndarray, margin: np.ndarray, cost: np.ndarray, terms: ValueTerms
) -> tuple[np.ndarray, np.ndarray]:
    """What an account is worth if it is kept, never below zero, and where that is its account value, shape (n,) each.

    Account value of twelve months without churn (`p` = 0: what an offer saves is not to be discounted by the risk it
    removes), less the cost to serve; where no margin is known, twelve times the MRR.
    """
    by_margin = ~np.isnan(margin)
    worth = value_along(mrr, np.ones((len(mrr), _YEAR)), u - d, margin, terms) - cost
    return np.where(by_margin, np.maximum(worth, 0.0), _YEAR * mrr), by_margin

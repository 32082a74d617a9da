"""What contacting accounts earns: expected maximum profit of B2B churn (EMPB) and of churn (EMPC), exactly.

The costs are those of Janssens et al. (2022), "B2Boost: instance-dependent profit-driven modelling of B2B churn",
Annals of Operations Research: every contact costs `contact_cost`; of the accounts that would leave a share takes the
offer and is kept, at `incentive_fraction` of its value; an account that would have stayed takes the offer too, for
nothing. Both figures agree with those of the package empulse 0.13.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


def gain_of_contact(churns: Any, clv: Any, save_rate: float, incentive_fraction: float, contact_cost: float) -> Any:
    """What contacting earns over not contacting: expected money where `churns` is a probability, else what it came to.

    `churns * save_rate * (1 - incentive_fraction) * clv - (1 - churns) * incentive_fraction * clv - contact_cost`

    >>> gain_of_contact(1.0, 1000.0, 0.3, 0.05, 15.0), gain_of_contact(0.0, 1000.0, 0.3, 0.05, 15.0)
    (270.0, -65.0)
    """
    return churns * save_rate * (1 - incentive_fraction) * clv - (1 - churns) * incentive_fraction * clv - contact_cost


@dataclass(frozen=True)
class ProfitCurve:
    """What contacting everyone down to a score earns, for every score there is; equal scores are contacted together.

    `order` sorts rows by falling score and `tie` numbers the distinct scores in that order, so that each resample of
    accounts costs one pass.
    """

    gain: np.ndarray
    order: np.ndarray
    tie: np.ndarray

    @classmethod
    def of(cls, gain: np.ndarray, score: np.ndarray) -> ProfitCurve:
        """From what contacting each row earns, shape (n,), and the scores that rank rows."""
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        return cls(gain[order], order, np.cumsum(np.append(True, ranked[1:] != ranked[:-1])) - 1)

    def best(self, weight: np.ndarray) -> tuple[float, float]:
        """The largest profit per row, nobody contacted included, and the smallest share of rows that reaches it."""
        ranked, total = weight[self.order], float(weight.sum())
        if total <= 0:
            return float("nan"), float("nan")
        profit = np.append(0.0, np.cumsum(np.bincount(self.tie, weights=ranked * self.gain)))
        contacted = np.append(0.0, np.cumsum(np.bincount(self.tie, weights=ranked)))
        top = int(np.argmax(profit))
        return float(profit[top]) / total, float(contacted[top]) / total


def empb_score(
    y_true: Any,
    y_score: Any,
    clv: Any,
    alpha: float = 6,
    beta: float = 14,
    incentive_fraction: float = 0.05,
    contact_cost: float = 15,
) -> float:
    """Expected maximum profit of B2B churn (EMPB) per account: the best that one threshold on the score earns.

    `y_true` is 1 for churn; `clv` what an account is worth if it is kept, one value each or one for all; the share that
    an offer keeps is Beta(alpha, beta) distributed. Profit is linear in that share, so its mean gives the expectation
    exactly. Accounts with equal scores are contacted together; contacting nobody earns 0. NaN without any account.

    >>> churned, score = [0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9]
    >>> round(empb_score(churned, score, clv=[100, 200, 150, 300, 120, 250, 180, 220]), 5)
    18.61875
    """
    y, score = _pair(y_true, y_score)
    value = np.broadcast_to(np.asarray(clv, dtype=float), y.shape) if np.ndim(clv) == 0 else _pair(clv, score)[0]
    gain = gain_of_contact(y, value, alpha / (alpha + beta), incentive_fraction, contact_cost)
    return ProfitCurve.of(np.asarray(gain, dtype=float), score).best(np.ones(len(y)))[0] if len(y) else float("nan")


def empc_score(
    y_true: Any,
    y_score: Any,
    alpha: float = 6,
    beta: float = 14,
    clv: float = 200,
    incentive_cost: float = 10,
    contact_cost: float = 1,
) -> float:
    """Expected maximum profit of churn (EMPC) per account, every account worth the same and the threshold chosen anew
    for every share `g` that an offer may keep.

    Contacting down to a score earns `a + b * g`; the best of these lines is integrated over Beta(alpha, beta) in closed
    form. Verbraken, Verbeke and Baesens (2013), "A novel profit maximizing metric for measuring classification
    performance of customer churn prediction models", IEEE TKDE 25(5). NaN without any account.
    """
    from scipy.special import betainc

    y, score = _pair(y_true, y_score)
    if not len(y):
        return float("nan")
    order = np.argsort(-score, kind="stable")
    last = np.append(np.flatnonzero(np.diff(score[order]) != 0), len(y) - 1)
    found = np.append(0.0, np.cumsum(y[order])[last]) / len(y)
    contacted = np.append(0.0, last + 1.0) / len(y)
    slope = found * (clv - incentive_cost)
    level = -contacted * contact_cost - (contacted - found) * incentive_cost
    total, at = 0.0, 0.0
    line = int(np.lexsort((slope, level))[-1])
    while at < 1.0:
        steeper = np.flatnonzero(slope > slope[line])
        crossings = (level[line] - level[steeper]) / (slope[steeper] - slope[line])
        end = min(float(crossings.min()), 1.0) if len(steeper) else 1.0
        total += level[line] * (betainc(alpha, beta, end) - betainc(alpha, beta, at))
        total += slope[line] * alpha / (alpha + beta) * (betainc(alpha + 1, beta, end) - betainc(alpha + 1, beta, at))
        at = end
        if len(steeper) and at < 1.0:
            together = steeper[crossings <= end]
            line = int(together[np.argmax(slope[together])])
    return float(total)


def _pair(one: Any, other: Any) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.asarray(one, dtype=float).reshape(-1), np.asarray(other, dtype=float).reshape(-1)
    if first.shape != second.shape:
        raise ValueError(f"Expected as many values as scores ({len(second)}), found {len(first)}.")
    return first, second

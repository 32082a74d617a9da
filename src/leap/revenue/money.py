"""Amounts as whole parts of a currency unit: read, converted and shared out without losing any.

Twelve million parts make one unit: a twelfth of a yearly fee, a third of a quarter's and 365.25 / 12 of a day's are all
whole, and so is a sum of them in int64, however many accounts it is of. What is rounded (only what is converted from
another currency) is rounded once, half to even.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import numpy as np

from leap.errors import RevenueError

PARTS = 12_000_000
"""Parts of one currency unit."""
_EXACT_IN_FLOAT = 2**51
"""Below this product of a float and a factor the nearest whole number is certain."""
_NEAR_IN_FLOAT = 2**42
"""Below this product of a whole number and a rate, which is rarely exact, a float is off by less than a thousandth."""
_MOST = 2**62


def parts_of(amounts: np.ndarray) -> np.ndarray:
    """Whole parts of amounts that were written with at most six decimals, or are a twelfth of such; int64.

    A float64 holds 15 digits: all of an amount up to 180 million with six decimals, or up to ten thousand million with
    two. Larger products are taken from the shortest decimal that reads as the float, since multiplying would lose some.

    >>> parts_of(np.array([0.1, 2000 / 12, 12345678901.23])).tolist()
    [1200000, 2000000000, 148148146814760000]
    """
    scaled = np.rint(amounts * PARTS)
    exact = np.abs(scaled) < _EXACT_IN_FLOAT
    if exact.all():
        return np.asarray(scaled, dtype=np.int64)
    within_range(scaled[np.argmax(np.abs(scaled))])
    whole = np.where(exact, scaled, 0).astype(np.int64)
    large = np.flatnonzero(~exact)
    whole[large] = [int((Decimal(repr(float(a))) * PARTS).to_integral_value(ROUND_HALF_EVEN)) for a in amounts[large]]
    return whole


def summed(codes: np.ndarray, parts: np.ndarray, n_accounts: int) -> np.ndarray:
    """Sums by account, shape (n_accounts,); RevenueError where they would not fit into 64 bits."""
    within_range(parts)
    total = np.zeros(n_accounts, dtype=np.int64)
    np.add.at(total, codes, parts)
    return total


def converted(parts: np.ndarray, rate: float | np.ndarray) -> np.ndarray:
    """Sums in another currency at one rate, or each at its own; each is rounded once.

    >>> converted(np.array([10_000_000, 3]), 1.0837).tolist()
    [10837000, 3]
    """
    product = parts * rate
    exact = np.abs(product) < _NEAR_IN_FLOAT
    if exact.all():
        return np.asarray(np.rint(product), dtype=np.int64)
    within_range(product)
    whole = np.where(exact, np.rint(product), 0).astype(np.int64)
    large, rates = np.flatnonzero(~exact), np.broadcast_to(rate, parts.shape)
    whole[large] = [round(int(parts[i]) * Fraction(repr(float(rates[i])))) for i in large]
    return whole


def within_range(parts: np.ndarray) -> None:
    """RevenueError if these amounts together do not fit into 64 bits."""
    together = float(np.abs(parts).sum(dtype=float))
    if together >= _MOST:
        raise RevenueError(
            f"Amounts of {together / PARTS:,.0f} together are more than the {_MOST / PARTS:,.0f} that can be added up "
            "exactly.",
            remedy="Give the amounts in a larger unit (thousands), and say so in company.money_note.",
        )


def shared_out(total: int, weights: np.ndarray) -> np.ndarray:
    """A whole amount in proportion to whole weights, by largest remainder: the shares add up to it exactly.

    >>> shared_out(100, np.array([1, 1, 1])).tolist()
    [34, 33, 33]
    """
    whole = [int(weight) for weight in weights]
    of_all = sum(whole)
    shares = [total * weight // of_all for weight in whole]
    by_remainder = sorted(range(len(whole)), key=lambda i: (-(total * whole[i] % of_all), i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    return np.array(shares, dtype=np.int64)

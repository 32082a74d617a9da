"""How the contributions of accounts add up to the expected NRR and GRR of a portfolio, and to those of two.

Account `i` with MRR `S_i` has the weight `w_i = S_i / sum(S)`; expected of it is `y_i = base + sum_k c_ik`, its
contributions `c` in NRR points, or `y_i = 0` where its end is already known (it is *leaving*). All sums below hold to
rounding, for any set of accounts, in NRR and in GRR (`GRR = (1 - p)(1 - d)`, by the same midpoints).

**One portfolio** (`waterfall`), with `l` the weight of those that are leaving:

    N = sum_i w_i y_i = base + sum_k L_k - base * l            L_k = sum over those that stay of w_i c_ik

**Two portfolios by one model** (`contrast`): the base cancels.

    N_A - N_B = sum_k (L_k(A) - L_k(B)) - base * (l_A - l_B)

Worked: base 0.9, one feature; a pays 300 with +0.1, b 100 with -0.2, c 100 and is leaving. NRR is (300 + 70 + 0) / 500
= 0.74: 0.9 + (0.6 * 0.1 - 0.2 * 0.2) - 0.9 * 0.2 = 0.9 + 0.02 - 0.18.

>>> points, none = np.array([[0.1], [-0.2], [0.05]]), np.zeros((3, 1))
>>> parts = {"churn": points, "contraction": none, "expansion": none, "grr_churn": points}
>>> leaving, expected = np.array([False, False, True]), np.repeat(0.9 + points, 2, axis=1)
>>> found = waterfall(Book(np.arange(3), np.array([300.0, 100.0, 100.0]), leaving, expected, parts, np.array([0]),
...                        ("usage",), np.array([0.9, 0.9])))
>>> [round(float(x), 6) for x in (found.expected[NRR], nrr_of(found.points["usage"]), found.leaving.points[NRR])]
[0.74, 0.02, -0.18]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

PARTS = ("churn", "contraction", "expansion", "grr_churn")
"""NRR is the first three together; GRR is contraction with `grr_churn`, what churn takes of it."""
NRR, GRR = 0, 1

Points = Mapping[str, np.ndarray]
"""By the name of a feature its points in the four parts, shape (4,); features that move nothing are left out."""


@dataclass(frozen=True)
class Book:
    """The accounts of a date by one model: (n,) each, contributions by part (n, width).

    `keys` (numbers) say which account is which in another book; one that several merged into has several rows.
    `expected` is NRR and GRR of each, shape (n, 2), whatever is known of its end. `source` names the feature, by
    position in `features`, of each column; `base` is NRR and GRR, shape (2,). Accounts without MRR are not members.
    """

    keys: np.ndarray
    mrr: np.ndarray
    leaving: np.ndarray
    expected: np.ndarray
    contributions: Mapping[str, np.ndarray]
    source: np.ndarray
    features: tuple[str, ...]
    base: np.ndarray

    def where(self, keep: np.ndarray) -> Book:
        """The subset that a mask keeps; the others stay in the book, so that it is known who they were."""
        return replace(self, mrr=np.where(keep, self.mrr, 0.0))

    @cached_property
    def members(self) -> np.ndarray:
        """Who has MRR, shape (n,)."""
        return np.asarray(self.mrr > 0)

    @cached_property
    def weights(self) -> np.ndarray:
        """Shares of the MRR, shape (n,); zeros where nobody has any."""
        paid = np.where(self.members, self.mrr, 0.0)
        total = paid.sum()
        return np.asarray(paid / total if total > 0 else paid)

    @cached_property
    def ends(self) -> np.ndarray:
        """NRR and GRR of each account with its end where that is known, shape (n, 2)."""
        return np.where(self.leaving[:, None], 0.0, self.expected)

    def points(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Weighted sums of the contributions of those that stay."""
        staying = np.where(self.leaving, 0.0, weights)
        parts = np.array([self._summed(staying @ self.contributions[part]) for part in PARTS])
        return {name: parts[:, k] for k, name in enumerate(self.features) if parts[:, k].any()}

    def _summed(self, by_column: np.ndarray) -> np.ndarray:
        return np.bincount(self.source, weights=by_column, minlength=len(self.features))


@dataclass(frozen=True)
class Amount:
    """One line that no driver is behind: points of NRR and GRR, shape (2,), of how many accounts with how much MRR.

    `expected` is their mean NRR where that is what the points come from.
    """

    points: np.ndarray
    accounts: int
    mrr: float
    expected: float | None = None


@dataclass(frozen=True)
class Waterfall:
    """`expected` NRR and GRR of a portfolio, shape (2,): `base`, what each feature adds, and those that are leaving."""

    base: np.ndarray
    points: Points
    leaving: Amount
    expected: np.ndarray
    accounts: int
    mrr: float

    @property
    def sum(self) -> np.ndarray:
        """What the lines add up to, shape (2,): `expected`, to rounding."""
        return np.asarray(self.base + both(total(self.points)) + self.leaving.points)


def waterfall(book: Book) -> Waterfall | None:
    """The waterfall of a book; None if nobody in it has MRR."""
    if not book.members.any():
        return None
    weights, leaves = book.weights, book.leaving & book.members
    paid = np.where(book.members, book.mrr, 0.0)
    share = float(weights[leaves].sum())
    leaving = Amount(-book.base * share, int(leaves.sum()), float(paid[leaves].sum()))
    expected = weights @ book.ends
    return Waterfall(book.base, book.points(weights), leaving, expected, int(book.members.sum()), float(paid.sum()))


def contrast(one: Waterfall, other: Waterfall) -> tuple[Points, Amount]:
    """What one portfolio has more than the other by the same model: by feature, and by those that are leaving."""
    require_same_base(one.base, other.base)
    leaving, there = one.leaving, other.leaving
    return less(one.points, other.points), Amount(leaving.points - there.points, leaving.accounts, leaving.mrr)


def less(one: Points, other: Points) -> dict[str, np.ndarray]:
    """One less the other by name; a feature that one of them does not know counts as nothing there."""
    nothing = np.zeros(len(PARTS))
    names = [*one, *(name for name in other if name not in one)]
    return {name: one.get(name, nothing) - other.get(name, nothing) for name in names}


def total(points: Points) -> np.ndarray:
    """All features together, shape (4,)."""
    return np.asarray(sum(points.values(), np.zeros(len(PARTS))))


def nrr_of(parts: np.ndarray) -> float:
    """NRR points of the four parts."""
    return float(parts[0] + parts[1] + parts[2])


def grr_of(parts: np.ndarray) -> float:
    """GRR points of the four parts."""
    return float(parts[3] + parts[1])


def both(parts: np.ndarray) -> np.ndarray:
    """NRR and GRR points of the four parts, shape (2,)."""
    return np.array([nrr_of(parts), grr_of(parts)])


def require_same_base(one: np.ndarray, other: np.ndarray) -> None:
    """ValueError for portfolios by two models: their contributions count from different bases."""
    if not np.array_equal(one, other):
        raise ValueError(f"expected two portfolios by one model, found bases {one} and {other}")

"""How the expected NRR and GRR of a portfolio differ between two dates: parts of model, of behaviour and of mix.

Words and `w`, `y`, `c`, `L`, `l` as in `portfolio`; 0 is before, 1 after. First the same accounts by the old and by the
new model (*restated*), then both dates by the new one. `B` are in both, `E` only after, `X` only before; "mean" is that
of both dates, `M` that of `N_0` and `N_1`:

    model      N_0 - N_0(old) = (base - base(old)) * (1 - l_0) + sum_k (L_k - L_k(old))
    behaviour  sum over B of mean w_i * (y_i1 - y_i0), by driver sum over B of mean w_i * (c_ik1 - c_ik0);
               of accounts that became known leavers (or are no longer) the whole in one line
    mix        sum over B of (w_i1 - w_i0)(mean y_i - M) + sum over E of w_i1 (y_i1 - M) - sum over X of w_i0 (y_i0 - M)

Weights of either date add up to 1, so what `M` is cancels: behaviour and mix are `N_1 - N_0`, and exchanging the dates
turns every sign around.

Worked: base 0.9 and one feature. Before, a pays 100 with +0.1 and b 100 with -0.1: NRR 0.9. After, a pays 100 with 0
and c, new, 300 with +0.2: NRR (90 + 330) / 400 = 1.05, M 0.975. Behaviour is that of a, (0.5 + 0.25) / 2 * -0.1 =
-0.0375. Mix: a weighs less, (0.25 - 0.5)(0.95 - 0.975) = +0.00625; c is new, 0.75 * (1.1 - 0.975) = +0.09375; b left,
-0.5 * (0.8 - 0.975) = +0.0875. Together +0.15.

>>> def book(keys, mrr, points):
...     none, points = np.zeros((len(keys), 1)), np.array(points)[:, None]
...     parts = {"churn": points, "contraction": none, "expansion": none, "grr_churn": points}
...     expected = np.repeat(0.9 + points, 2, axis=1)
...     nobody, source = np.zeros(len(keys), dtype=bool), np.zeros(1, dtype=int)
...     return Book(np.array(keys), np.array(mrr), nobody, expected, parts, source, ("usage",), np.array([0.9, 0.9]))
>>> found = change(book([1, 2], [100.0, 100.0], [0.1, -0.1]), book([1, 3], [100.0, 300.0], [0.0, 0.2]))
>>> round(float(found.after.expected[NRR]), 5), round(float(found.of_behaviour[NRR]), 5)
(1.05, -0.0375)
>>> {name: round(float(one.points[NRR]), 5) for name, one in found.mix.items() if one.accounts}
{'moved': 0.00625, 'new': 0.09375, 'left': 0.0875}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leap.explanation.portfolio import (
    GRR,
    NRR,
    Amount,
    Book,
    Points,
    Waterfall,
    both,
    less,
    require_same_base,
    total,
    waterfall,
)

MIX = ("moved", "new", "entered", "left", "left_as_known", "exited")
"""MRR that moved between the accounts in both; accounts new in the book, or in it before and only now in the subset;
accounts that left the book, their end known then or not, or that are in it still and no longer in the subset.
"""


@dataclass(frozen=True)
class Change:
    """Parts of the difference; `said` is before by the old model, `before` the same accounts by the new one.

    `in_both` counts accounts; `reference` is the mean of both dates that mix is counted from, shape (2,).
    """

    said: Waterfall
    before: Waterfall
    after: Waterfall
    model: Points
    model_base: np.ndarray
    behaviour: Points
    became_leaving: Amount
    no_longer_leaving: Amount
    mix: Mapping[str, Amount]
    in_both: int
    reference: np.ndarray

    @property
    def of_model(self) -> np.ndarray:
        """NRR and GRR points of the model, shape (2,)."""
        return np.asarray(self.model_base + both(total(self.model)))

    @property
    def of_behaviour(self) -> np.ndarray:
        """NRR and GRR points of behaviour, shape (2,)."""
        known = self.became_leaving.points + self.no_longer_leaving.points
        return np.asarray(both(total(self.behaviour)) + known)

    @property
    def of_mix(self) -> np.ndarray:
        """NRR and GRR points of mix, shape (2,)."""
        return np.asarray(sum((one.points for one in self.mix.values()), np.zeros(2)))


def change(earlier: Book, later: Book, said: Book | None = None) -> Change | None:
    """Two dates by the same model, and the earlier by the model of then (None: the same); None if one has no MRR.

    Row by row `said` is `earlier` by another model.
    """
    before, after = waterfall(earlier), waterfall(later)
    of_old = before if said is None else waterfall(said)
    if before is None or after is None or of_old is None:
        return None
    require_same_base(before.base, after.base)
    met = _Met.of(earlier, later)
    reference = (before.expected + after.expected) / 2
    stays = 1 - before.leaving.mrr / before.mrr
    return Change(
        said=of_old,
        before=before,
        after=after,
        model={} if said is None else less(before.points, of_old.points),
        model_base=np.zeros(2) if said is None else (before.base - of_old.base) * stays,
        behaviour=met.behaviour(earlier, later),
        became_leaving=met.moved_by(met.in_both & (met.leaving[1] > met.leaving[0])),
        no_longer_leaving=met.moved_by(met.in_both & (met.leaving[1] < met.leaving[0])),
        mix=met.mix(reference),
        in_both=int(met.in_both.sum()),
        reference=reference,
    )


@dataclass(frozen=True)
class _Met:
    """Both dates by account, m of either: `weight`, `mrr`, `leaving` (share of the weight), `is_there` (in the book,
    whether in the subset or not), shape (2, m); `expected` (2, m, 2). `at` is the account of each row of both dates.
    """

    at: tuple[np.ndarray, np.ndarray]
    weight: np.ndarray
    mrr: np.ndarray
    leaving: np.ndarray
    is_there: np.ndarray
    expected: np.ndarray

    @classmethod
    def of(cls, earlier: Book, later: Book) -> _Met:
        """Accounts of both dates by their keys."""
        keys, place = np.unique(np.concatenate([earlier.keys, later.keys]), return_inverse=True)
        n, m = len(earlier.keys), len(keys)
        parts = [_by_account(book, at, m) for book, at in ((earlier, place[:n]), (later, place[n:]))]
        return cls((place[:n], place[n:]), *(np.array(both_dates) for both_dates in zip(*parts, strict=True)))

    @cached_property
    def in_both(self) -> np.ndarray:
        """Members at both dates, shape (m,)."""
        return np.asarray((self.weight > 0).all(axis=0))

    @cached_property
    def mean_weight(self) -> np.ndarray:
        """Of both dates, shape (m,)."""
        return np.asarray(self.weight.mean(axis=0))

    def behaviour(self, earlier: Book, later: Book) -> dict[str, np.ndarray]:
        """By feature what changed in those that are in both and leaving in neither, or as much."""
        same = self.in_both & (self.leaving[0] == self.leaving[1])
        of_dates = []
        for date, book in enumerate((earlier, later)):
            at = self.at[date]
            own = np.divide(book.weights, self.weight[date][at], out=np.zeros(len(at)), where=same[at])
            of_dates.append(book.points(own * self.mean_weight[at]))
        return less(of_dates[1], of_dates[0])

    def moved_by(self, some: np.ndarray) -> Amount:
        """The whole change of some of those that are in both, at mean weights."""
        points = self.mean_weight[some] @ (self.expected[1] - self.expected[0])[some]
        return Amount(points, int(some.sum()), float(self.mrr[1][some].sum()))

    def mix(self, reference: np.ndarray) -> dict[str, Amount]:
        """The lines of `MIX`."""
        in_0, in_1 = self.weight > 0
        comes, goes, known = in_1 & ~in_0, in_0 & ~in_1, self.leaving[0] > 0
        there_0, there_1 = self.is_there
        moved = self.weight[1] - self.weight[0]
        stayed = moved[self.in_both] @ (self.expected.mean(axis=0) - reference)[self.in_both]
        return {
            "moved": Amount(stayed, int(self.in_both.sum()), float(self.mrr[1][self.in_both].sum())),
            "new": self._taken(1, comes & ~there_0, reference),
            "entered": self._taken(1, comes & there_0, reference),
            "left": self._taken(0, goes & ~there_1 & ~known, reference),
            "left_as_known": self._taken(0, goes & ~there_1 & known, reference),
            "exited": self._taken(0, goes & there_1, reference),
        }

    def _taken(self, date: int, some: np.ndarray, reference: np.ndarray) -> Amount:
        """Accounts of one date only, against the mean of both: those that came add it, those that went take it away."""
        weight, expected = self.weight[date][some], self.expected[date][some]
        points = weight @ (expected - reference) * (1 if date else -1)
        mean = float(weight @ expected[:, NRR] / weight.sum()) if some.any() else None
        return Amount(points, int(some.sum()), float(self.mrr[date][some].sum()), mean)


def _by_account(book: Book, at: np.ndarray, m: int) -> tuple[np.ndarray, ...]:
    """Weight, MRR, leaving share, whether there, and what is expected, of the m accounts; several rows are one."""
    weight = np.bincount(at, weights=book.weights, minlength=m)
    of_one = np.where(weight > 0, weight, 1.0)
    leaving = np.bincount(at, weights=book.weights * book.leaving, minlength=m) / of_one
    ends = [np.bincount(at, weights=book.weights * book.ends[:, unit], minlength=m) / of_one for unit in (NRR, GRR)]
    mrr = np.bincount(at, weights=np.where(book.members, book.mrr, 0.0), minlength=m)
    return weight, mrr, leaving, np.bincount(at, minlength=m) > 0, np.stack(ends, axis=1)

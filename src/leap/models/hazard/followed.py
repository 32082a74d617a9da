"""Rows followed month by month until they are gone or the data end, and their person-months."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from leap.models.calibration import logistic
from leap.models.hazard.timing import Timing, columns_of
from leap.models.selection import LEVEL_HALF_LIFE_MONTHS, recency

LONGEST = 36
"""Lead months that a curve has."""
_MANY_ROWS = 5_000
_MOST_ROWS = 20_000
_STEPS, _FEWEST_DATES = (2, 3, 4, 6), 3


@dataclass(frozen=True)
class Followed:
    """Encoded rows sorted by (account, as_of), and for how many months each was seen, shape (n,).

    `gone` rows were lost in the last of these months; the others were still there at its end, and no more is known of
    them: they are censored, never retained. `as_of` are dates; rows without one have all the same.
    """

    matrix: np.ndarray
    months: np.ndarray
    gone: np.ndarray
    accounts: np.ndarray
    as_of: np.ndarray

    def __len__(self) -> int:
        return len(self.months)

    def where(self, keep: np.ndarray) -> Followed:
        """The rows that a mask (or positions) keep."""
        return Followed(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def within(self, months: int) -> Followed:
        """As if nobody had been followed for longer; rows that were not followed for a whole month fall out."""
        gone = self.gone & (self.months <= months)
        return replace(self, months=np.minimum(self.months, months), gone=gone).where(self.months > 0)

    def thinned(self) -> Followed:
        """Every second to sixth date of many rows: monthly rows of an account say nearly the same. Of very many rows
        some of the accounts.

        The choice looks at no outcome, so that no hazard is moved by it.
        """
        dates = np.unique(self.as_of)
        kept = self
        for step in _STEPS:
            if len(kept) <= _MANY_ROWS or len(dates) < step * _FEWEST_DATES:
                break
            kept = self.where(np.isin(self.as_of, dates[::-1][::step]))
        if len(kept) > _MOST_ROWS:
            mixed = kept.accounts.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)
            kept = kept.where(mixed % np.uint64(-(-len(kept) // _MOST_ROWS)) == 0)
        return kept


@dataclass(frozen=True)
class PersonMonths:
    """The person-months of rows, grouped by row: the months of a row differ only in what is known of the lead month.

    So nothing of the width of the matrix is repeated: memory is rows times months. `when` are the columns of every lead
    that differs, `place` which of them each month of a row has, shape (n, months), `seen` whether the row was at risk
    in it.
    """

    followed: Followed
    when: np.ndarray
    place: np.ndarray
    seen: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, followed: Followed, timing: Timing, longest: int) -> PersonMonths:
        """Months 1 .. `longest` of rows; recent rows weigh more, as for every model."""
        followed = followed.within(longest)
        month = np.arange(1, longest + 1)[None, :]
        leads = np.broadcast_to(timing.leads(followed.matrix, month), (len(followed), longest))
        distinct, place = np.unique(leads, return_inverse=True)
        weight = recency(followed.as_of) if len(followed) else np.zeros(0)
        seen = month <= followed.months[:, None]
        return cls(followed, columns_of(distinct), place.reshape(leads.shape), seen, weight)

    def where(self, keep: np.ndarray) -> PersonMonths:
        """The rows that a mask keeps."""
        kept = (self.place[keep], self.seen[keep], self.weight[keep])
        return PersonMonths(self.followed.where(keep), self.when, *kept)

    @property
    def gone(self) -> np.ndarray:
        """1.0 where the row was lost in its last month, shape (n,)."""
        return self.followed.gone.astype(float)

    @cached_property
    def last(self) -> np.ndarray:
        """Which lead the last month of every row is, shape (n,)."""
        return np.asarray(self.place[np.arange(len(self.place)), self.followed.months - 1])

    def margins(self, own: np.ndarray, of_lead: np.ndarray) -> np.ndarray:
        """Log-odds of every person-month; `own` is of rows, shape (n,), or of their months, shape (n, months)."""
        return np.asarray(own.reshape(len(own), -1) + of_lead[self.place])

    def hazards(self, own: np.ndarray, of_lead: np.ndarray) -> np.ndarray:
        """Hazards of every person-month, zero where none was seen."""
        return np.asarray(logistic(self.margins(own, of_lead)) * self.seen)

    def by_lead(self, values: np.ndarray) -> np.ndarray:
        """Sums of every row's values over the months with the same lead, shape (n, leads)."""
        n, leads = len(self.place), len(self.when)
        flat = (np.arange(n)[:, None] * leads + self.place).ravel()
        return np.bincount(flat, weights=values.ravel(), minlength=n * leads).reshape(n, leads)

    def losses(self, own: np.ndarray, of_lead: np.ndarray) -> np.ndarray:
        """Negative log-likelihood of every row, weighted, shape (n,)."""
        margin = self.margins(own, of_lead)
        at_end = np.take_along_axis(margin, (self.followed.months - 1)[:, None], axis=1)[:, 0]
        return np.asarray(self.weight * ((np.logaddexp(0, margin) * self.seen).sum(axis=1) - self.gone * at_end))

    def for_level(self) -> PersonMonths:
        """Weighed as for the level, which drifts faster than what tells accounts apart."""
        return replace(self, weight=recency(self.followed.as_of, LEVEL_HALF_LIFE_MONTHS))

"""What an account has over time, as the steps by which it goes up and down."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Steps:
    """Steps up and down, sorted by account and moment: whose, when (datetime64) and by how much, shape (n_steps,) each.

    Sums are taken within an account, so that no other account moves a digit, and rounded to millionths, so that what
    is zero is zero. Every method gives one value per account, missing where an account has no step.
    """

    codes: np.ndarray
    at: np.ndarray
    size: np.ndarray
    n_accounts: int

    @classmethod
    def of(cls, codes: np.ndarray, at: np.ndarray, size: np.ndarray, n_accounts: int) -> Steps:
        """Steps in any order; those of one account and moment keep theirs."""
        order = np.lexsort((at, codes))
        return cls(codes[order], at[order], size[order], n_accounts)

    def by_day(self) -> Steps:
        """The steps of one calendar day as one, without the days after which the sum is what it was."""
        day = self.at.astype("datetime64[D]")
        begins = np.ones(len(day), dtype=bool)
        begins[1:] = (self.codes[1:] != self.codes[:-1]) | (day[1:] != day[:-1])
        net = np.bincount(np.cumsum(begins) - 1, weights=self.size, minlength=int(begins.sum()))
        moved = np.round(net, 6) != 0
        return Steps(self.codes[begins][moved], self.at[begins][moved], net[moved], self.n_accounts)

    @cached_property
    def level(self) -> np.ndarray:
        """What the account has after each step."""
        return np.round(pd.Series(self.size).groupby(self.codes).cumsum().to_numpy(dtype=float), 6)

    @cached_property
    def last(self) -> np.ndarray:
        """The moment of the last step."""
        last = np.full(self.n_accounts, np.datetime64("NaT", "us"))
        last[self.codes] = self.at
        return last

    def active_share(self, limit: np.datetime64) -> np.ndarray:
        """The share of the time from the first step to the limit in which the level was above zero."""
        until = np.full(len(self.at), limit)
        goes_on = self.codes[1:] == self.codes[:-1]
        until[:-1][goes_on] = self.at[1:][goes_on]
        # Whole microseconds, so that what was active all the time has a share of exactly one.
        length = (until - self.at).astype("timedelta64[us]").astype(np.int64)
        whole = np.bincount(self.codes, weights=length, minlength=self.n_accounts)
        active = np.bincount(self.codes, weights=np.where(self.level > 0, length, 0), minlength=self.n_accounts)
        return np.asarray(np.divide(active, whole, out=np.full(self.n_accounts, np.nan), where=whole > 0))

    def times(self, direction: int, since: np.datetime64) -> np.ndarray:
        """How often the level went up (direction 1) or down (-1) from one positive level to another."""
        before = np.round(self.level - self.size, 6)
        chosen = (before > 0) & (self.level > 0) & (self.at >= since) & (np.sign(self.size) == direction)
        times = np.bincount(self.codes[chosen], minlength=self.n_accounts).astype(float)
        return np.where(np.bincount(self.codes, minlength=self.n_accounts) > 0, times, np.nan)

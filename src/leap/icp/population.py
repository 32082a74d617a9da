"""Rows of account and anniversary: which of them rules are found on, and which measure them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.features import FeatureFrame
from leap.icp.rules import Columns, Rule

_KNOWN = (0.15, 0.27, 0.4)
"""Shares of all rows that are known at the dates on which rules are sought."""
_ROWS_KNOWN, _EVENTS_KNOWN = 60, 10


@dataclass(frozen=True)
class Population:
    """Rows of account and anniversary with what followed: fit features, account, starting and ending MRR."""

    frame: FeatureFrame
    accounts: np.ndarray
    as_of: np.ndarray
    starting: np.ndarray
    ending: np.ndarray
    since_purchase: np.ndarray | None = None
    """Months as a customer; None where it is the months since the account's first row here."""

    @cached_property
    def tenure_months(self) -> np.ndarray:
        """Months as a customer, shape (n,)."""
        if self.since_purchase is not None:
            return self.since_purchase
        _, code = np.unique(self.accounts, return_inverse=True)
        month = self.as_of.astype("datetime64[M]").astype(int)
        first = np.full(code.max(initial=-1) + 1, np.iinfo(int).max)
        np.minimum.at(first, code, month)
        return np.asarray(month - first[code], dtype=float)

    def once(self) -> Population:
        """One row for each account and day: a row that stands twice says nothing new."""
        days = self.as_of.astype("datetime64[D]").astype(np.int64)
        _, first = np.unique(self.accounts.astype(np.int64) * 1_000_000 + days, return_index=True)
        if len(first) == len(self.accounts):
            return self
        keep = np.zeros(len(self.accounts), dtype=bool)
        keep[first] = True
        return self.where(keep)

    @cached_property
    def columns(self) -> Columns:
        """The fit features by name."""
        return {name: self.frame.frame[name].to_numpy() for name in self.frame.catalog.names}

    @cached_property
    def _met(self) -> dict[Rule, np.ndarray]:
        return {}

    def meets(self, rule: Rule) -> np.ndarray:
        """Which rows meet a rule, shape (n,); kept, since the same rules are asked for again and again."""
        if rule not in self._met:
            self._met[rule] = rule.matches(self.columns)
        return self._met[rule]

    def where(self, keep: np.ndarray) -> Population:
        """The rows that a mask keeps."""
        return Population(
            self.frame.where(keep), self.accounts[keep], self.as_of[keep], self.starting[keep], self.ending[keep],
            self.tenure_months[keep],
        )  # fmt: skip

    def described(self) -> dict[str, Any]:
        """Counts and dates, as in evidence."""
        return {
            "accounts": len(np.unique(self.accounts)),
            "rows": len(self.accounts),
            "from": f"{pd.Timestamp(self.as_of.min()):%Y-%m-%d}",
            "to": f"{pd.Timestamp(self.as_of.max()):%Y-%m-%d}",
        }


def halves(account_ids: Sequence[str]) -> np.ndarray:
    """Which accounts rules may be found on: those whose id has an even CRC-32, so that others change nothing.

    >>> halves(["a1", "a4", "a2"]).tolist()
    [False, True, False]
    """
    return np.array([zlib.crc32(account.encode()) % 2 == 0 for account in account_ids], dtype=bool)


def parted(
    population: Population, known_at: np.ndarray, half: np.ndarray | None = None, cutoff: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the rows rules are found on, and of the later rows of other accounts that they are measured on.

    Half of the accounts (`halves` of their ids) may be found on, with the rows known at a cutoff; all other
    accounts, those won later among them, are measured on their rows from the cutoff on. Without a cutoff the one that
    leaves about twice as many rows to measure on.
    """
    if half is None:
        half = halves([str(account) for account in population.accounts])
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for date in np.unique(population.as_of) if cutoff is None else [cutoff]:
        found = half & (known_at <= date)
        measured = ~np.isin(population.accounts, population.accounts[found]) & (population.as_of >= date)
        balance = min(2.0 * found.sum(), float(measured.sum()))
        if best is None or balance > best[0]:
            best = (balance, found, measured)
    if best is None:
        return np.zeros(0, dtype=bool), np.zeros(0, dtype=bool)
    return best[1], best[2]


def cutoffs(population: Population, known_at: np.ndarray, half: np.ndarray) -> list[Any]:
    """Dates at which rules are sought anew in what is known by then; each is then measured on all that follows.

    What shows early is measured on many rows, what shows only later on those that are left. The first date is when
    both halves know enough for anything to show.
    """
    ends = np.sort(known_at)
    found: list[Any] = []
    for share in _KNOWN:
        date = ends[min(int(share * len(ends)), len(ends) - 1)]
        known = [own & (known_at <= date) for own in (half, ~half)]
        enough = all(
            part.sum() >= _ROWS_KNOWN and (population.ending[part] == 0).sum() >= _EVENTS_KNOWN for part in known
        )
        if enough and (population.as_of >= date).sum() >= _ROWS_KNOWN and date not in found:
            found.append(date)
    return found

"""Which account every account is known as at a moment, by code."""

from __future__ import annotations

import numpy as np
import pandas as pd

_MOST_KEPT = 128


class KnownAs:
    """Steps in time by which accounts become known as others; chains are followed, the latest row of an account holds.

    >>> lineage = KnownAs(np.array([0, 1]), np.array([1, 2]), np.array(["2023-01-01", "2024-01-01"], "M8[us]"), 3)
    >>> [lineage.now(pd.Timestamp(day)).tolist() for day in ("2022-12-31", "2023-01-01", "2024-01-01")]
    [[0, 1, 2], [1, 1, 2], [2, 2, 2]]
    """

    def __init__(self, codes: np.ndarray, targets: np.ndarray, since: np.ndarray, n_accounts: int):
        order = np.argsort(since, kind="stable")
        self._codes, self._targets, self._since = codes[order], targets[order], since[order]
        self._n_accounts = n_accounts
        self._resolved: dict[int, np.ndarray] = {}

    def now(self, moment: pd.Timestamp) -> np.ndarray:
        """The account that each is known as at a moment, shape (n_accounts,): rows from that moment on count."""
        return self._after(self.step(moment))

    def before(self, moment: pd.Timestamp) -> np.ndarray | None:
        """The account that each was known as before a moment, as features may know it; None if all were themselves."""
        step = int(np.searchsorted(self._since, np.datetime64(moment, "us"), side="left"))
        return self._after(step) if step else None

    @property
    def touched(self) -> np.ndarray:
        """The codes of all accounts that are ever known as another, or that another is known as."""
        return np.unique(np.concatenate([self._codes, self._targets]))

    def step(self, moment: pd.Timestamp) -> int:
        """How many rows hold at a moment: equal steps have equal accounts."""
        return int(np.searchsorted(self._since, np.datetime64(moment, "us"), side="right"))

    def _after(self, step: int) -> np.ndarray:
        if step not in self._resolved:
            if len(self._resolved) >= _MOST_KEPT:
                self._resolved.clear()
            self._resolved[step] = self._resolve(step)
        return self._resolved[step]

    def _resolve(self, step: int) -> np.ndarray:
        known_as = np.arange(self._n_accounts)
        # Assignment with repeated positions keeps the last one: rows are sorted by time.
        known_as[self._codes[:step]] = self._targets[:step]
        while True:
            further = known_as[known_as]
            if np.array_equal(further, known_as):
                known_as.setflags(write=False)
                return known_as
            known_as = further

"""Who has left by the end of the data and when: what columns that were filled in afterwards could know."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.revenue import Revenue
from leap.tables import AccountTables
from leap.tables.canonical import AMOUNT, AT, END, KEY, START

_STRATA = 8


@dataclass(frozen=True)
class Lives:
    """Accounts that ever paid: `codes` (positions in the index of accounts), `start`, `end` (NaT: still there) and
    `left`; `stratum` joins those that started at about the same time, shape (n,) each.

    Older accounts had more time to leave, so a column that only knows their age is compared within strata.
    """

    codes: np.ndarray
    start: np.ndarray
    end: np.ndarray
    left: np.ndarray
    stratum: np.ndarray

    @classmethod
    def of(cls, tables: AccountTables) -> Lives | None:
        """From the revenue table; None without one, or where nobody or everybody has left."""
        return tables.remembered("lives", lambda: cls._found(tables))

    @classmethod
    def _found(cls, tables: AccountTables) -> Lives | None:
        revenue = tables.with_role("revenue")
        if not revenue or not len(revenue[0].rows):
            return None
        rows = revenue[0].rows
        paid = rows[rows[AMOUNT] > 0]
        first = paid.groupby(KEY)[START if START in paid else AT].min()
        last = paid.assign(**{END: paid[END].fillna(tables.data_until)}) if END in paid else paid
        ended = last.groupby(KEY)[END if END in paid else AT].max()
        codes = tables.accounts.get_indexer(first.index)
        gone = Revenue(tables).mrr_at(tables.data_until)[codes] == 0
        if not 0 < gone.sum() < len(gone):
            return None
        start = first.to_numpy().astype("datetime64[us]")
        end = np.where(gone, ended.reindex(first.index).to_numpy().astype("datetime64[us]"), np.datetime64("NaT"))
        ranks = pd.Series(start).rank(method="average", pct=True).to_numpy()
        stratum = np.minimum((ranks * _STRATA).astype(np.int64), _STRATA - 1)
        return cls(codes, start, end, gone, stratum)

    def where(self, keep: np.ndarray) -> Lives:
        """The accounts that a mask keeps."""
        return Lives(self.codes[keep], self.start[keep], self.end[keep], self.left[keep], self.stratum[keep])

    @property
    def days(self) -> np.ndarray:
        """Days from start to end of those who left, NaN for the others, shape (n,)."""
        days = (self.end - self.start) / np.timedelta64(1, "D")
        return np.asarray(np.where(self.left, days, np.nan), dtype=float)

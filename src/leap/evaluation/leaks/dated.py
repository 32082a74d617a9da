"""Histories that were written later than they claim: values that change, or end, just where an account ends."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.evaluation.leaks.leak import Leak, marked
from leap.evaluation.leaks.lives import Lives
from leap.evaluation.leaks.telling import FEWEST
from leap.tables import AccountTables, Table, values
from leap.tables.canonical import AT, KEY

_NEAR_DAYS = 3
_BEFORE_DAYS = 45
_AT_THE_END = 0.6
_USUAL = 0.1


def written_at_the_end(tables: AccountTables) -> list[Leak]:
    """Columns of histories that change on the very days on which accounts leave, or are empty from then on."""
    lives = Lives.of(tables)
    if lives is None:
        return []
    found = []
    for name, table in tables.tables.items():
        if table.spec.shape != "history" or not len(table.rows):
            continue
        for column, spec in table.spec.columns.items():
            if spec.available == "before" and column in table.rows:
                why = _why(_Observed.of(tables, table, column), lives)
                if why:
                    found.append(Leak(name, column, why))
    return marked(tables, found)


class _Observed:
    """One column of a history: accounts, moments and values in order, and where a value differs from the one before."""

    def __init__(self, codes: np.ndarray, at: np.ndarray, text: np.ndarray):
        self.codes, self.at, self.text = codes, at, text
        same = np.append(False, codes[1:] == codes[:-1])
        self.change = same & np.append(False, text[1:] != text[:-1])
        self.is_last = np.append(codes[1:] != codes[:-1], True)

    @classmethod
    def of(cls, tables: AccountTables, table: Table, column: str) -> _Observed:
        rows = table.rows
        codes = tables.accounts.get_indexer(pd.Index(rows[KEY]))
        order = np.lexsort((rows[AT].to_numpy(), codes))
        text = values.as_text(rows[column]).to_numpy(dtype=object)
        return cls(codes[order], rows[AT].to_numpy().astype("datetime64[us]")[order], text[order])


def _why(observed: _Observed, lives: Lives) -> str:
    end = pd.Series(lives.end, index=lives.codes).reindex(observed.codes).to_numpy().astype("datetime64[us]")
    since = (observed.at - end) / np.timedelta64(1, "D")
    return _changes_at_the_end(observed, since, lives) or _empty_at_the_end(observed, since, lives)


def _changes_at_the_end(observed: _Observed, since: np.ndarray, lives: Lives) -> str:
    """Most who left have a change within days of their end, while in other stretches of that length few have one."""
    seen = np.unique(observed.codes[since < -_NEAR_DAYS])
    left = np.intersect1d(lives.codes[lives.left], seen)
    if len(left) < FEWEST:
        return ""
    for low, high, when in ((-_NEAR_DAYS, _NEAR_DAYS, "within days of"), (-_BEFORE_DAYS, 0, "in the weeks before")):
        near = observed.change & (since >= low) & (since <= high)
        share = float(np.isin(left, observed.codes[near]).mean())
        usual = _usual(observed, since, high - low)
        if share >= _AT_THE_END and usual <= _USUAL:
            return (
                f"for {share:.0%} of the accounts that left it changes {when} their end, and in other stretches of "
                f"that length for {usual:.0%}: it seems to be written because they left"
            )
    return ""


def _usual(observed: _Observed, since: np.ndarray, days: int) -> float:
    """The share of stretches of so many days with a change, over the observed time that is not near an end."""
    away = ~(since >= -_BEFORE_DAYS)
    if not away.any():
        return 0.0
    days_of_rows = pd.Series((observed.at[away] - observed.at.min()) / np.timedelta64(1, "D")).groupby(
        observed.codes[away]
    )
    observed_days = float((days_of_rows.max() - days_of_rows.min()).sum())
    return min(1.0, float(observed.change[away].sum()) * days / observed_days) if observed_days > 0 else 0.0


def _empty_at_the_end(observed: _Observed, since: np.ndarray, lives: Lives) -> str:
    """The last observation of those who left is empty although there was a value, and of the others it is not."""
    had = np.unique(observed.codes[observed.text != ""])
    near = observed.is_last & ~(since > _BEFORE_DAYS)
    emptied = observed.codes[near & (observed.text == "")]
    left = np.intersect1d(lives.codes[lives.left], had)
    stayed = np.intersect1d(lives.codes[~lives.left], had)
    if min(len(left), len(stayed)) < FEWEST:
        return ""
    share, usual = float(np.isin(left, emptied).mean()), float(np.isin(stayed, emptied).mean())
    if share < _AT_THE_END or usual > _USUAL:
        return ""
    return (
        f"it is empty in the last observation of {share:.0%} of the accounts that left, and of {usual:.0%} of the "
        "others: it is no longer filled because they left"
    )

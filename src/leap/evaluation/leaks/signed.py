"""What was signed for: the length of a contract is known at its start, and tells honestly who stays."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.evaluation.leaks.lives import Lives
from leap.tables import AccountTables
from leap.tables.canonical import AMOUNT, END, KEY, START

_DAYS_OF_MONTH = 30.4375
_FEWEST = 3
_AGREE = 0.95


def signed_months(tables: AccountTables, lives: Lives) -> pd.Series:
    """Months that the first term of each account ran, where another followed it and so it was not cut short.

    In the order of `lives`; missing where there is no second term, and everywhere where revenue is no periods.
    """
    rows = tables.with_role("revenue")[0].rows
    if END not in rows:
        return pd.Series(np.nan, index=lives.codes)
    terms = rows[rows[AMOUNT] > 0].sort_values([KEY, START, END], kind="stable")
    first = terms.drop_duplicates(KEY)
    last_start = terms.groupby(KEY)[START].max().reindex(first[KEY]).to_numpy()
    renewed = (last_start >= first[END].to_numpy()) & first[END].notna().to_numpy()
    days = (first[END].to_numpy() - first[START].to_numpy()) / np.timedelta64(1, "D")
    months = np.where(renewed, np.round(days / _DAYS_OF_MONTH), np.nan)
    return pd.Series(months, index=tables.accounts.get_indexer(pd.Index(first[KEY]))).reindex(lives.codes)


def says_what_was_signed(cells: pd.Series, signed: pd.Series) -> bool:
    """Whether each of a few values of a column goes with one length of the first term, and each length with one value.

    A column that knows the end does not: its values part accounts that signed for one time into those who left and
    others, or count what came after the first term.
    """
    there = cells.notna() & signed.notna()
    pairs = pd.DataFrame({"value": cells[there].astype(str), "months": signed[there]})
    counts = pairs.value_counts()
    common = counts[counts >= _FEWEST].reset_index()
    one_to_one = common["value"].is_unique and common["months"].is_unique and len(common) > 1
    if not one_to_one or common["count"].sum() < _AGREE * len(pairs):
        return False
    return bool(cells.dropna().astype(str).isin(common["value"]).mean() >= _AGREE)

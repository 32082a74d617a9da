"""Which rows are scored, explained or written: those without an outcome, all, or each account's latest by a date."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leap.errors import UnknownAccount, UsageError
from leap.features import FeatureCatalog
from leap.flat.rows import FlatRows, declare, feature_frame

WHICH = {
    "empty": "rows without an outcome",
    "all": "all rows (every one has an outcome)",
    "asked": "all rows",
    "as_of": "each account's latest row by the date",
}


def rows_to_score(rows: FlatRows, as_of: pd.Timestamp | None, everything: bool) -> tuple[FlatRows, str]:
    """Rows without an outcome if there are any, else all; all if asked; each account's latest by `as_of` if given."""
    if as_of is not None:
        return rows_at(rows, as_of), "as_of"
    if everything:
        return rows, "asked"
    empty = ~rows.labelled
    return (rows.where(empty), "empty") if empty.any() else (rows, "all")


def rows_at(rows: FlatRows, as_of: pd.Timestamp) -> FlatRows:
    """Each account's latest row dated on or before a day."""
    if not rows.dated:
        raise UsageError(
            f"--as-of {as_of:%Y-%m-%d}: the rows of {rows.table.name} have no dates.",
            remedy="Leave --as-of out, or name the column of their date with `at`.",
        )
    past = rows.where(rows.at <= np.datetime64(as_of, "us"))
    last = np.append(past.keys[1:] != past.keys[:-1], True) if len(past) else np.zeros(0, dtype=bool)
    return past.where(last)


def row_of(rows: FlatRows, account: str) -> FlatRows:
    """The one row by which an account is explained: its latest without an outcome, else its latest."""
    own = rows.where(rows.keys == account)
    if not len(own):
        raise UnknownAccount(
            f"{account}: {rows.table.name} has no row of it.", remedy="Ids are case sensitive; see the score file."
        )
    empty = np.flatnonzero(~own.labelled)
    keep = np.zeros(len(own), dtype=bool)
    keep[empty[-1] if len(empty) else -1] = True
    return own.where(keep)


def matrix_of(rows: FlatRows, dates: Sequence[pd.Timestamp]) -> tuple[FeatureCatalog, pd.DataFrame]:
    """`account_id`, `as_of` and one column a feature: all rows, or each account's latest by each of the dates."""
    catalog = declare(rows)
    chosen = [rows_at(rows, date) for date in dates] or [rows]
    parts = []
    for i, part in enumerate(chosen):
        as_of = [f"{dates[i]:%Y-%m-%d}"] * len(part) if dates else part.as_of()
        keys = pd.DataFrame({"account_id": part.keys, "as_of": as_of})
        parts.append(pd.concat([keys, feature_frame(part, catalog).frame], axis=1))
    return catalog, pd.concat(parts, ignore_index=True)

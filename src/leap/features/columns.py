"""What declared columns hold, and their values by position and by account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leap.features.spec import Kind
from leap.tables import TableView, values

DAY = np.timedelta64(1, "D")
_OFFSET = r"\d{1,2}:\d{2}.*(?:Z|UTC|[+-]\d{2}:?\d{2})$"
_NO_DATES = pd.to_datetime(["1899-12-30", "1900-01-01", "1970-01-01"]).astype("datetime64[us]")
"""What spreadsheets and databases write where no date was given; other old dates are true of old companies."""


def kind_of(column: pd.Series, accounts: pd.Series | None = None) -> Kind | None:
    """What a column holds; None if it has no values, dates, or so many values that it can only be an identifier or
    free text.

    It looks at all rows, later ones too: what kind of feature a column makes is decided once, its values are not.

    >>> [kind_of(pd.Series(cells)) for cells in (["True", "False", ""], ["1", "2.5"], ["a", "b", "a", "a"])]
    ['boolean', 'number', 'category']
    """
    present = column[~values.is_missing(column)]
    if present.empty:
        return None
    text = values.as_text(present).str.lower()
    if set(text.unique()) <= {"true", "false"}:
        return "boolean"
    if _is_number(present):
        return "number"
    if holds_dates(present):
        return None
    distinct_values = text.nunique()
    owners = accounts[present.index].nunique() if accounts is not None else len(present)
    return "category" if distinct_values <= max(2, min(0.5 * owners, 1000)) else None


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates or times without an offset from UTC, whose days can be counted.

    >>> [is_date(pd.Series(cells)) for cells in (["2001-05-01", ""], ["2001"], ["2001-05-01T10:00Z"])]
    [True, False, False]
    """
    present = column[~values.is_missing(column)]
    return not present.empty and not _is_number(present) and holds_dates(present) and not has_offset(present)


def _is_number(present: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return False
    parsed, bad = values.numbers(present)
    return bool(bad.mean() <= 0.01 and parsed.notna().any())


def holds_dates(present: pd.Series) -> bool:
    """Whether all but one in a hundred of these values are dates or times."""
    # Some cells are enough to tell words from dates: all of a long column of free text need not be read.
    for some in (present.head(200), present):
        parsed, bad = values.moments(some, "UTC")
        if bad.any():
            bad &= ~values.is_missing_word(values.as_text(some))
        if bad.mean() > 0.01 or not parsed.notna().any():
            return False
    return True


def has_offset(present: pd.Series) -> bool:
    """Whether a time among these values says its offset from UTC."""
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return isinstance(present.dtype, pd.DatetimeTZDtype)
    return bool(values.as_text(present).str.contains(_OFFSET, regex=True).any())


def typed(view: TableView, column: str, kind: Kind) -> Any:
    """A declared column by position: float64 for numbers and booleans, text (empty = missing) for categories.

    A value that cannot be read as the kind is missing.
    """

    def make(rows: pd.DataFrame) -> np.ndarray:
        if kind == "boolean":
            return values.truths(rows[column])[0].to_numpy(dtype=float)
        if kind == "number":
            return values.numbers(rows[column])[0].to_numpy(dtype=float)
        return values.as_text(rows[column]).to_numpy(dtype=object)

    return view.derived(f"{kind}:{column}", make)


def moments_of(view: TableView, column: str) -> Any:
    """A declared column of dates by position, datetime64; what cannot be read, or stands for no date, is missing."""

    def make(rows: pd.DataFrame) -> np.ndarray:
        parsed, _ = values.moments(rows[column], "UTC")
        return np.asarray(parsed.mask(parsed.isin(_NO_DATES)).to_numpy().astype("datetime64[us]"))

    return view.derived(f"date:{column}", make)


def empty(kind: Kind, n_accounts: int) -> np.ndarray:
    """A column in which nothing is known: NaN, or None for categories."""
    if kind == "category":
        return np.full(n_accounts, None, dtype=object)
    return np.full(n_accounts, np.nan)


def latest(view: TableView, positions: np.ndarray, column: str, kind: Kind, n_accounts: int) -> np.ndarray:
    """The last present value per account among rows sorted by time, shape (n_accounts,)."""
    result = empty(kind, n_accounts)
    found = typed(view, column, kind)(positions)
    present = found != "" if kind == "category" else ~np.isnan(found)
    # Assignment with repeated positions keeps the last one: rows are sorted by time.
    result[view.codes(positions)[present]] = found[present]
    return result


def days_since(view: TableView, moments: np.ndarray) -> np.ndarray:
    """Days from moments strictly before the view's to it; others are missing."""
    return np.where(moments < view.limit, (view.limit - moments).astype("timedelta64[us]") / DAY, np.nan)

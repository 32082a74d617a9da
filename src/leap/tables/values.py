"""Text to keys, moments and numbers. What cannot be read becomes missing *and* is named by the caller, never guessed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

MISSING_NUMBERS = frozenset({"", "null", "nan", "na", "n/a", "none", "-"})
TRUE_WORDS = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "0", "0.0"})
_SENTINEL_YEAR = 2200


def as_text(column: pd.Series) -> pd.Series:
    """The values as stripped text; empty means missing. Whole floats lose their `.0` only if the column is a number column."""
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.map({True: "true", False: "false"}).fillna("").astype(str)
    if pd.api.types.is_float_dtype(column.dtype):
        whole = column.dropna()
        if len(whole) and bool((np.isfinite(whole) & (whole == np.floor(whole)) & (whole.abs() < 2**53)).all()):
            column = column.astype("Int64")
    text = column.astype("string").fillna("").str.strip()
    return text.astype(str)


def is_missing(column: pd.Series) -> pd.Series:
    """Where a value is absent: null, or empty text."""
    if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
        return column.isna() | (as_text(column) == "")
    return column.isna()


def moments(column: pd.Series, zone: str) -> tuple[pd.Series, pd.Series]:
    """Moments in the company's zone without an offset, and where a value stood that is no ISO 8601 date or time.

    A plain date is the start of that day; a time with an offset is converted to the zone.

    >>> values, bad = moments(pd.Series(["2024-02-29", "2024-07-09 3:00", "", "2024-13-01", "2024-01-01T00:00:00Z"]), "UTC")
    >>> [str(v) for v in values], bad.tolist()
    (['2024-02-29 00:00:00', '2024-07-09 03:00:00', 'NaT', 'NaT', '2024-01-01 00:00:00'], [False, False, False, True, False])
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        values = column
        if values.dt.tz is not None:
            values = values.dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None)
        return values.astype("datetime64[us]"), pd.Series(False, index=column.index)
    text = as_text(column)
    distinct = pd.Series(text.unique())
    parsed = _parse_moments(distinct, zone)
    lookup = pd.Series(parsed.to_numpy(), index=distinct)
    values = pd.Series(lookup.reindex(text).to_numpy(), index=column.index).astype("datetime64[us]")
    return values, values.isna() & (text != "")


def _parse_moments(text: pd.Series, zone: str) -> pd.Series:
    result = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    iso = text.str.fullmatch(
        r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s?(Z|UTC|[+-]\d{2}:?\d{2})?)?"
    )
    # 3:00 stands for 03:00 in spreadsheets' exports; nothing else is repaired.
    padded = text.where(iso, "").str.replace(r"^(.{8,10}[T ])(\d:)", r"\g<1>0\g<2>", regex=True)
    offset = padded.str.contains(r"(?:Z|UTC|[+-]\d{2}:?\d{2})$", regex=True) & (padded.str.len() > 10)
    plain = pd.to_datetime(padded.where(~offset, ""), format="ISO8601", errors="coerce")
    result = result.fillna(plain.astype("datetime64[us]"))
    if bool(offset.any()):
        stamped = padded.where(offset, "").str.replace("UTC", "Z")
        aware = pd.to_datetime(stamped, format="ISO8601", errors="coerce", utc=True)
        result = result.fillna(aware.dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None).astype("datetime64[us]"))
    return result


def is_sentinel(values: pd.Series) -> pd.Series:
    """Where a date stands for "never", such as 9999-12-31."""
    return values.dt.year >= _SENTINEL_YEAR


def numbers(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Finite float64 values, and where something stood that is no finite number.

    >>> values, bad = numbers(pd.Series(["1.5", "", "NULL", "about 3", "inf"]))
    >>> values.tolist(), bad.tolist()
    ([1.5, nan, nan, nan, nan], [False, False, False, True, True])
    """
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        values = column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        finite = np.isfinite(values)
        bad = ~finite & ~np.isnan(values)
        return pd.Series(np.where(finite, values, np.nan), column.index), pd.Series(bad, column.index)
    text = as_text(column)
    parsed = pd.to_numeric(text, errors="coerce").astype(float)
    missing = text.str.lower().isin(MISSING_NUMBERS)
    finite = np.isfinite(parsed.to_numpy())
    return parsed.where(finite & ~missing.to_numpy()), ~missing & ~pd.Series(finite, column.index)


def truths(column: pd.Series) -> tuple[pd.Series, pd.Series]:
    """1.0, 0.0 or missing, and where something stood that is neither true nor false.

    >>> truths(pd.Series(["TRUE", "no", "", "maybe"]))[0].tolist()
    [1.0, 0.0, nan, nan]
    """
    text = as_text(column).str.lower()
    values = pd.Series(np.nan, index=column.index)
    values[text.isin(TRUE_WORDS)] = 1.0
    values[text.isin(FALSE_WORDS)] = 0.0
    return values, values.isna() & ~text.isin(MISSING_NUMBERS)

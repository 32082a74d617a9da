"""Text to keys, moments and numbers. What cannot be read becomes missing *and* is named by the caller, not guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

MISSING_NUMBERS = frozenset({"", "null", "nan", "na", "n/a", "none", "-"})
TRUE_WORDS = frozenset({"true", "t", "yes", "y", "1", "1.0"})
FALSE_WORDS = frozenset({"false", "f", "no", "n", "0", "0.0"})
_SENTINEL_YEAR = 2200
_EPOCH = pd.Timestamp("1970-01-01")
_UNKNOWN_YEAR = 1900
_ISO = r"(?:\d{4}-\d{1,2}-\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\s?(?:Z|UTC|[+-]\d{2}:?\d{2})?)?"
_OFFSET = r"(?:Z|UTC|[+-]\d{2}:?\d{2})$"


def as_text(column: pd.Series) -> pd.Series:
    """The values as stripped text; empty means missing. Whole floats lose their `.0` only in a column of numbers."""
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

    >>> values, bad = moments(pd.Series(["2024-07-09 3:00", "", "2024-13-01", "2024-01-01T00:00:00Z"]), "UTC")
    >>> [str(v) for v in values], bad.tolist()
    (['2024-07-09 03:00:00', 'NaT', 'NaT', '2024-01-01 00:00:00'], [False, False, True, False])
    """
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        none_bad = pd.Series(False, index=column.index)
        if column.dt.tz is None:
            return column.astype("datetime64[us]"), none_bad
        return _local(column.dt.as_unit("us"), zone), none_bad
    text = as_text(column)
    distinct = pd.Series(text.unique())
    parsed = _parse_moments(distinct, zone)
    lookup = pd.Series(parsed.to_numpy(), index=distinct)
    values = pd.Series(lookup.reindex(text).to_numpy(), index=column.index).astype("datetime64[us]")
    return values, values.isna() & (text != "")


def _parse_moments(text: pd.Series, zone: str) -> pd.Series:
    iso = text.str.fullmatch(_ISO)
    # 3:00 stands for 03:00 in spreadsheets' exports, and what is below a microsecond is cut; nothing else is repaired.
    padded = text.where(iso, "").str.replace(r"^(.{8,10}[T ])(\d:)", r"\g<1>0\g<2>", regex=True)
    padded = padded.str.replace(r"[.,](\d{1,6})\d*", r".\g<1>", regex=True)
    offset = padded.str.contains(_OFFSET, regex=True) & (padded.str.len() > 10)
    plain = pd.to_datetime(padded.where(~offset, ""), format="ISO8601", errors="coerce")
    result: pd.Series = plain.astype("datetime64[us]")
    if bool(offset.any()):
        stamped = padded.where(offset, "").str.replace("UTC", "Z")
        aware = pd.to_datetime(stamped, format="ISO8601", errors="coerce", utc=True)
        result = result.fillna(_local(aware.dt.as_unit("us"), zone))
    return result


def _local(aware: pd.Series, zone: str) -> pd.Series:
    """The zone's own time without an offset; a date that only stands for "never" stays as it is."""
    plain = aware.dt.tz_convert("UTC").dt.tz_localize(None)
    real = plain.dt.year.between(2, 9998)
    local: pd.Series = aware.where(real).dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None)
    return local.fillna(plain)


def date_hint(examples: Iterable[str]) -> str:
    """What values that are no ISO dates seem to be, and what to write instead.

    >>> date_hint(["13/04/2024", "03/04/2024"])
    'These look like DD/MM/YYYY. Write dates as YYYY-MM-DD.'
    >>> date_hint(["1704067200"])
    'These look like seconds since 1970 (1704067200 is 2024-01-01). Write dates as YYYY-MM-DD.'
    """
    found = [text.strip() for text in examples]
    write = "Write dates as YYYY-MM-DD."
    for digits, unit, per_second in ((10, "seconds", 1), (13, "milliseconds", 1000), (16, "microseconds", 10**6)):
        stamps = [text for text in found if re.fullmatch(rf"\d{{{digits}}}(\.0*)?", text)]
        if len(stamps) > len(found) / 2:
            day = pd.Timestamp(int(float(stamps[0])) // per_second, unit="s").date()
            return f"These look like {unit} since 1970 ({stamps[0]} is {day}). {write}"
    if sum(bool(re.fullmatch(r"(19|20)\d{6}", text)) for text in found) > len(found) / 2:
        return f"These look like YYYYMMDD. {write}"
    parts = [re.match(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})\b", text) for text in found]
    days = [(int(m[1]), int(m[3]), m[2], "YYYY" if len(m[4]) == 4 else "YY") for m in parts if m]
    if len(days) > len(found) / 2:
        sign, year = days[0][2], days[0][3]
        day_first, month_first = f"DD{sign}MM{sign}{year}", f"MM{sign}DD{sign}{year}"
        if any(first > 12 for first, *_ in days) and not any(second > 12 for _, second, *_ in days):
            return f"These look like {day_first}. {write}"
        if any(second > 12 for _, second, *_ in days) and not any(first > 12 for first, *_ in days):
            return f"These look like {month_first}. {write}"
        return f"These may be {day_first} or {month_first}, which cannot be told apart. {write}"
    return (
        "Write dates as YYYY-MM-DD and times as YYYY-MM-DD HH:MM:SS, with an offset (such as +02:00 or Z) if not local."
    )


def is_unknown(values: pd.Series) -> pd.Series:
    """Where a date stands for "not known": the year 1900 or before, or the first moment of 1970."""
    unknown: pd.Series = (values.dt.year <= _UNKNOWN_YEAR) | (values == _EPOCH)
    return unknown


def is_sentinel(values: pd.Series) -> pd.Series:
    """Where a date stands for "never", such as 9999-12-31."""
    never: pd.Series = values.dt.year >= _SENTINEL_YEAR
    return never


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

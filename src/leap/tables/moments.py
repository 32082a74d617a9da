"""Dates and times as they are written, into moments in the company's zone without an offset."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from leap.tables.cells import as_text, is_missing_word, numbers

_SENTINEL_YEAR = 2200
_EPOCH = pd.Timestamp("1970-01-01")
_UNKNOWN_YEAR = 1900
_DATES = {
    "iso": r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    "DD/MM/YYYY": r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})",
    "MM/DD/YYYY": r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<y>\d{4})",
    "DD.MM.YYYY": r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})",
    "MM-DD-YYYY": r"(?P<m>\d{1,2})-(?P<d>\d{1,2})-(?P<y>\d{4})",
    "DD-MM-YYYY": r"(?P<d>\d{1,2})-(?P<m>\d{1,2})-(?P<y>\d{4})",
    "YYYY/MM/DD": r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
    "YYYYMMDD": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    "YYYY-MM": r"(?P<y>\d{4})-(?P<m>\d{1,2})(?P<d>)",
    "YYYYMM": r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>)",
}
_MONTHS = frozenset({_DATES["YYYY-MM"], _DATES["YYYYMM"]})
"""A month stands for its first day."""
# What is below a microsecond is cut; 3:00 stands for 03:00 in spreadsheets' exports. Nothing else is repaired.
_TIME = (
    r"(?:[T ](?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,6})\d{0,3})?)?(?:\s?(?P<p>[AaPp][Mm]))?"
    r"\s?(?P<z>Z|UTC|[+-]\d{2}(?::?\d{2})?)?)?"
)
_PLAIN_TIME = r"^[1-9]\d{3}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}$"
PER_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6}
_FIRST_EPOCH, _LAST_EPOCH = np.datetime64("1980-01-01", "us"), np.datetime64("9999-12-31T23:59:59", "us")
"""A count since 1970 that gives an earlier or later moment was counted in another unit."""
_CHUNK = 1 << 19


@dataclass(frozen=True)
class Moments:
    """`values` in the zone's own time, `bad` where something else stood; `timed` where a time of day was given and
    `stamped` where it came with an offset. All have the column's index.
    """

    values: pd.Series
    bad: pd.Series
    timed: np.ndarray
    stamped: np.ndarray


def moments(column: pd.Series, zone: str, dates: str = "iso") -> tuple[pd.Series, pd.Series]:
    """Moments in the company's zone without an offset, and where a value stood that is no date or time of that form.

    A plain date is the start of that day; a time with an offset is converted to the zone.

    >>> values, bad = moments(pd.Series(["2024-07-09 3:00", "", "2024-13-01", "2024-01-01T00:00:00Z"]), "UTC")
    >>> [str(v) for v in values], bad.tolist()
    (['2024-07-09 03:00:00', 'NaT', 'NaT', '2024-01-01 00:00:00'], [False, False, True, False])
    >>> str(moments(pd.Series(["09/07/2024 3:00"]), "UTC", "DD/MM/YYYY")[0][0])
    '2024-07-09 03:00:00'
    """
    found = read_moments(column, zone, dates)
    return found.values, found.bad


def read_moments(column: pd.Series, zone: str, dates: str = "iso") -> Moments:
    """The moments of a column, and how they were written. Words such as NULL are read as missing, not as bad."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _typed(column, zone)
    if dates in PER_SECOND:
        return _counted(column, zone, dates)
    # Days stand many times in a file: each way of writing one is read once.
    text = as_text(column)
    codes, distinct = pd.factorize(text)
    parsed = _Parsed.of(pd.Series(distinct, dtype=str), zone, _DATES[dates])
    values = pd.Series(parsed.values[codes], index=column.index)
    bad = pd.Series(parsed.bad[codes], index=column.index)
    return Moments(values, bad, parsed.timed[codes], parsed.stamped[codes])


def _typed(column: pd.Series, zone: str) -> Moments:
    stamped = column.dt.tz is not None
    values = _local(column.dt.as_unit("us"), zone) if stamped else column.astype("datetime64[us]")
    timed = (values.notna() & (values != values.dt.normalize())).to_numpy(dtype=bool)
    return Moments(values, pd.Series(False, column.index), timed, np.full(len(column), stamped))


def _counted(column: pd.Series, zone: str, unit: str) -> Moments:
    """Counts since 1970 in one unit; 0 is the sentinel that stands for "not known"."""
    count, bad = numbers(column)
    micros = count.to_numpy() * (10**6 // PER_SECOND[unit])
    near = np.abs(micros) < 2.6e17
    moment = np.where(near, micros, 0).astype(np.int64).astype("datetime64[us]")
    plausible = near & (((moment >= _FIRST_EPOCH) & (moment <= _LAST_EPOCH)) | (micros == 0))
    given = count.notna().to_numpy()
    utc: pd.Series = pd.Series(moment, column.index).where(given & plausible)
    values = _local(utc.dt.tz_localize("UTC"), zone).mask(utc == _EPOCH, _EPOCH)
    wrong = bad | pd.Series(given & ~plausible, column.index)
    everywhere = np.ones(len(column), dtype=bool)
    return Moments(values, wrong, everywhere, everywhere)


@dataclass(frozen=True)
class _Parsed:
    """Distinct texts, read; arrays of one length."""

    values: np.ndarray
    bad: np.ndarray
    timed: np.ndarray
    stamped: np.ndarray

    @classmethod
    def of(cls, text: pd.Series, zone: str, pattern: str) -> _Parsed:
        """In parts, so that the pieces of a long column need not all be in memory."""
        parts = [cls._part(text.iloc[i : i + _CHUNK], zone, pattern) for i in range(0, len(text), _CHUNK)]
        if len(parts) == 1:
            return parts[0]
        none = np.zeros(0, dtype=bool)
        return cls(
            np.concatenate([np.zeros(0, dtype="datetime64[us]"), *(p.values for p in parts)]),
            *(np.concatenate([none, *(getattr(p, name) for p in parts)]) for name in ("bad", "timed", "stamped")),
        )

    @classmethod
    def _part(cls, text: pd.Series, zone: str, pattern: str) -> _Parsed:
        plain = _plain_times(text) if pattern == _DATES["iso"] else None
        if plain is not None:
            all_of_them = np.ones(len(text), dtype=bool)
            return cls(plain, ~all_of_them, all_of_them, ~all_of_them)
        pieces = _pieces(text, pattern)
        moment, valid = _calendar(pieces)
        offset, stamped = _offset_minutes(pieces["z"])
        if bool((stamped & valid).any()):
            utc = pd.Series(moment - offset.astype("timedelta64[m]")).where(stamped & valid)
            moment = np.where(stamped & valid, _local(utc.dt.tz_localize("UTC"), zone).to_numpy(), moment)
        values = np.where(valid, moment, np.datetime64("NaT", "us")).astype("datetime64[us]")
        absent = ((text == "") | is_missing_word(text)).to_numpy(dtype=bool)
        return cls(values, ~valid & ~absent, valid & pieces["timed"], valid & stamped)


def _plain_times(text: pd.Series) -> np.ndarray | None:
    """All as moments if every text is a full date and time of the usual width, as logs have them; else None."""
    cells = pa.array(text, pa.large_string())
    if not pc.all(pc.match_substring_regex(cells, _PLAIN_TIME)).as_py():
        return None
    try:
        found = pc.cast(cells, pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None  # a day or hour that does not exist: read piece by piece to find it
    return np.asarray(found.to_numpy(zero_copy_only=False)).astype("datetime64[us]")


def _pieces(text: pd.Series, pattern: str) -> dict[str, np.ndarray]:
    """Year to microsecond as whole numbers, the offset as text; year -1 where the text is not of that form."""
    found = pc.extract_regex(pa.array(text, pa.large_string()), f"^{pattern}{_TIME}$")
    of = {field.name: pc.fill_null(found.field(i), "") for i, field in enumerate(found.type)}
    fits = pc.is_valid(found).to_numpy(zero_copy_only=False)
    timed = fits & pc.not_equal(of["H"], "").to_numpy(zero_copy_only=False)
    fraction = pc.utf8_rpad(of["f"], 6, "0")

    def whole(cells: pa.Array) -> np.ndarray:
        filled = pc.if_else(pc.equal(cells, ""), "0", cells)
        return np.asarray(pc.cast(filled, pa.int64()).to_numpy(zero_copy_only=False))

    pieces = {name: whole(of[name]) for name in "ymdHMS"}
    pieces["y"] = np.where(fits, pieces["y"], -1)
    if pattern in _MONTHS:
        pieces["d"] = np.ones_like(pieces["d"])
    pieces["f"], pieces["timed"] = whole(fraction), timed
    pieces["z"] = of["z"].to_numpy(zero_copy_only=False)
    half = pc.utf8_lower(of["p"]).to_numpy(zero_copy_only=False)
    noon = (half != "").astype(bool)
    # 12 AM is 0:00 and 12 PM is 12:00; there is no 0 or 13 beside either.
    wrong = noon & ((pieces["H"] < 1) | (pieces["H"] > 12))
    hour = pieces["H"] % 12 + 12 * (half == "pm")
    pieces["H"] = np.where(noon, np.where(wrong, 99, hour), pieces["H"])
    return pieces


def _calendar(pieces: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The moment, and whether there is one: a 29 February only in leap years, hours to 23."""
    year, month, day = pieces["y"], pieces["m"], pieces["d"]
    valid = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    valid &= (pieces["H"] <= 23) & (pieces["M"] <= 59) & (pieces["S"] <= 59)
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    date = months.astype("datetime64[D]") + np.where(valid, day - 1, 0)
    valid &= date.astype("datetime64[M]") == months
    seconds = pieces["H"] * 3600 + pieces["M"] * 60 + pieces["S"]
    micros = np.where(valid, seconds * 10**6 + pieces["f"], 0)
    return date.astype("datetime64[us]") + micros, valid


def _offset_minutes(written: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minutes ahead of UTC, and where an offset was written at all."""
    kinds, codes = np.unique(written.astype(str), return_inverse=True)
    minutes = [0 if k in ("", "Z", "UTC") else _minutes(k) for k in kinds.tolist()]
    return np.array(minutes, dtype=np.int64)[codes], (kinds != "")[codes]


def _minutes(offset: str) -> int:
    digits = offset[1:].replace(":", "").ljust(4, "0")
    return (-1 if offset[0] == "-" else 1) * (int(digits[:2]) * 60 + int(digits[2:]))


def _local(aware: pd.Series, zone: str) -> pd.Series:
    """The zone's own time without an offset; a date that only stands for "never" stays as it is."""
    plain = aware.dt.tz_convert("UTC").dt.tz_localize(None)
    real = plain.dt.year.between(2, 9998)
    local: pd.Series = aware.where(real).dt.tz_convert(ZoneInfo(zone)).dt.tz_localize(None)
    return local.fillna(plain)


def clock_changes(found: Moments, zone: str) -> tuple[np.ndarray, np.ndarray]:
    """Where a local time does not exist, and where it exists twice, since clocks were put forward or back.

    Plain dates and times with an offset are never in doubt.
    """
    doubtful = found.timed & ~found.stamped & found.values.notna().to_numpy(dtype=bool)
    nowhere = np.zeros(len(doubtful), dtype=bool)
    twice = np.zeros(len(doubtful), dtype=bool)
    if zone == "UTC" or not doubtful.any():
        return nowhere, twice
    local = found.values[doubtful]
    near = local.dt.year.between(1900, 2199).to_numpy()
    local = local.where(near, pd.Timestamp("2000-01-01"))
    exists = local.dt.tz_localize(ZoneInfo(zone), ambiguous="NaT", nonexistent="shift_forward")
    shifted = local.dt.tz_localize(ZoneInfo(zone), ambiguous=np.zeros(len(local), dtype=bool), nonexistent="NaT")
    nowhere[doubtful] = shifted.isna().to_numpy()
    twice[doubtful] = exists.isna().to_numpy()
    return nowhere, twice


def is_unknown(values: pd.Series) -> pd.Series:
    """Where a date stands for "not known": the year 1900 or before, or the first moment of 1970."""
    unknown: pd.Series = (values.dt.year <= _UNKNOWN_YEAR) | (values == _EPOCH)
    return unknown


def is_sentinel(values: pd.Series) -> pd.Series:
    """Where a date stands for "never", such as 9999-12-31."""
    never: pd.Series = values.dt.year >= _SENTINEL_YEAR
    return never

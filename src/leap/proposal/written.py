"""How dates and numbers are written in a column: the forms that read its values, and what cannot be read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import pandas as pd

from leap.tables import values

_TIME = r"(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?(?:Z|[+-]\d{2}:?\d{2})?)?"
_PARTED = {
    "DD/MM/YYYY": (rf"(?P<d>\d{{1,2}})/(?P<m>\d{{1,2}})/(?P<y>\d{{4}}){_TIME}"),
    "MM/DD/YYYY": (rf"(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}})/(?P<y>\d{{4}}){_TIME}"),
    "DD.MM.YYYY": (rf"(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<y>\d{{4}}){_TIME}"),
    "DD-MM-YYYY": (rf"(?P<d>\d{{1,2}})-(?P<m>\d{{1,2}})-(?P<y>\d{{4}}){_TIME}"),
    "MM-DD-YYYY": (rf"(?P<m>\d{{1,2}})-(?P<d>\d{{1,2}})-(?P<y>\d{{4}}){_TIME}"),
    "YYYY/MM/DD": (rf"(?P<y>\d{{4}})/(?P<m>\d{{1,2}})/(?P<d>\d{{1,2}}){_TIME}"),
    "YYYYMMDD": (r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?:\.0)?"),
    "YYYY-MM": (r"(?P<y>(?:19|20)\d{2})-(?P<m>\d{1,2})(?P<d>)"),
    "YYYYMM": (r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>)(?:\.0)?"),
}
_OF_MONTHS = ("YYYY-MM", "YYYYMM")
_EPOCH = {"seconds": 1, "milliseconds": 1000, "microseconds": 10**6}
_FIRST_EPOCH, _LAST_EPOCH = 631_152_000, 2_208_988_800
"""1990 and 2040, in seconds."""
_BY_NAME_ONLY = frozenset({"YYYYMMDD", *_OF_MONTHS, *_EPOCH})
"""Forms that may be numbers or codes, so that only a name makes them dates."""
_CALLED_DATE = (
    r"(^|_)(at|on|date|day|time|timestamp|datetime|month|period|week|created|started|ended|since|start|end|from|"
    r"to|until|"
    r"expir\w+|opened|closed|cancel\w*|renew\w*|signup|due|createdate|closedate|quarter|when)(_|$)"
)
_MOST = 0.95
_NO_NUMBER = frozenset({"", "null", "nan", "na", "n/a", "none", "-"})
_FEW = 20
_LIKE_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?!\d).{0,30}")
_LIKE_STAMP = re.compile(
    r"\d{8}(\.0)?|\d{10}(\.\d+)?|\d{13}(\.\d+)?|\d{16}|(19|20)\d{2}.{0,2}\d{2}|(?=.*\d).*[A-Za-z]{3}.*|(19|"
    r"20)\d\d-?[QqWw]\d+"
)
ISO = "iso"
UNREADABLE = "?"

DECIMAL_COMMA, EITHER_SIGN, WITH_SIGNS = ",", "either", "signs"


def called_date(name: str) -> bool:
    """Whether a name in English says that its values are moments."""
    return bool(re.search(_CALLED_DATE, name))


def date_forms(distinct: Iterable[str], name: str) -> tuple[str, ...]:
    """The forms that read nearly all values equally well, best first; one is sure, none means no dates.

    `?` stands for dates in a form that cannot be declared.

    >>> date_forms(["13/04/2024", "03/04/2024"], "start"), date_forms(["01/04/2024"], "start")
    (('DD/MM/YYYY',), ('DD/MM/YYYY', 'MM/DD/YYYY'))
    """
    there = [value for value in distinct if value]
    by_name = called_date(name)
    if not there or not _maybe_dates(there, by_name):
        return ()
    text = pd.Series(there, dtype=object)
    if values.moments(text, "UTC")[1].mean() <= 1 - _MOST:
        return (ISO,)
    shares = {form: _share(text, form) for form in _PARTED if by_name or form not in _BY_NAME_ONLY}
    if by_name:
        shares |= {form: _epoch_share(text, scale) for form, scale in _EPOCH.items()}
    best = max(shares.values())
    if best >= _MOST:
        fitting = [form for form, share in shares.items() if share == best]
        return tuple(sorted(fitting, key=lambda form: not _on_firsts(text, form)))
    return (UNREADABLE,) if _other(text, by_name) else ()


def _maybe_dates(there: list[str], by_name: bool) -> bool:
    """A first look at a few values, by which most columns are no dates."""
    few = there[:_FEW]
    like = sum(bool(_LIKE_DATE.fullmatch(value)) or (by_name and bool(_LIKE_STAMP.fullmatch(value))) for value in few)
    return like > len(few) / 2


def _share(text: pd.Series, form: str) -> float:
    return float(_days(text, form).notna().mean())


def _days(text: pd.Series, form: str) -> pd.Series:
    """The dates that a form reads from the values."""
    if not text.head(1).str.fullmatch(_PARTED[form]).any() and not text.head(50).str.fullmatch(_PARTED[form]).any():
        return pd.Series(pd.NaT, index=text.index)
    found = text.astype(object).str.extract(f"^{_PARTED[form]}$")
    day = found["y"].where(found["y"].isna(), "1") if form in _OF_MONTHS else found["d"]
    parts = pd.DataFrame({"year": found["y"], "month": found["m"], "day": day})
    read: pd.Series = pd.to_datetime(parts.apply(pd.to_numeric, errors="coerce"), errors="coerce")
    return read


def _on_firsts(text: pd.Series, form: str) -> bool:
    return form in _PARTED and bool((_days(text, form).dt.day == 1).all())


def _epoch_share(text: pd.Series, scale: int) -> float:
    number = pd.to_numeric(text, errors="coerce") / scale
    return float(number.between(_FIRST_EPOCH, _LAST_EPOCH).mean())


def _other(text: pd.Series, by_name: bool) -> bool:
    """Months, names of months, two-digit years, and columns that mix forms."""
    sample = text.head(200)
    if by_name and sample.str.fullmatch(r"(19|20)\d{2}[-/.]?(0[1-9]|1[0-2]|[QqWw]\d{1,2})").mean() >= _MOST:
        return True
    if sample.str.fullmatch(rf"\d{{1,4}}([/.-])\d{{1,2}}\1\d{{2,4}}{_TIME}").mean() >= _MOST:
        return True
    named = sample.str.contains(r"(?i)\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b", regex=True)
    return bool(by_name and named.mean() >= _MOST and sample.str.contains(r"\d").all())


def read_moments(column: pd.Series, form: str) -> pd.Series:
    """Moments of a column in one of the forms, for what `init` says of a whole table."""
    if form == ISO or pd.api.types.is_datetime64_any_dtype(column.dtype):
        return values.moments(column, "UTC")[0]
    text = values.as_text(column)
    distinct = pd.Series(text.unique())
    if form in _EPOCH:
        seconds = pd.to_numeric(distinct, errors="coerce") / _EPOCH[form]
        parsed = pd.to_datetime(seconds, unit="s", errors="coerce")
    elif form in _PARTED:
        parsed = _days(distinct[distinct != ""], form).reindex(distinct.index)
    else:
        parsed = pd.Series(pd.NaT, index=distinct.index)
    lookup = pd.Series(parsed.astype("datetime64[us]").to_numpy(), index=distinct)
    return pd.Series(lookup.reindex(text).to_numpy(), index=column.index).astype("datetime64[us]")


_COMMA = re.compile(r"[-+]?(?:\d{1,3}(?:[. \u00a0\u202f']\d{3})+|\d+)(?:,\d+)?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[-+]?\d{1,3}(?:\.\d+)?")
_SIGN = r"(?:[€$£¥%]|EUR|USD|GBP|CHF)"
_SIGNED = re.compile(rf"\(?[-+]?\s?{_SIGN}?\s?[-+]?\d[\d., '\u00a0\u202f]*\s?{_SIGN}?\)?")


_LIKE_NUMBER = re.compile(
    r"(?i)(?=.*\d)[-+(]?\s?(?:[€$£¥%]|eur|usd|gbp|chf)?\s?[-+]?[\d., '\u00a0\u202fe+-]+\s?(?:[€$£¥%]|eur|usd|"
    r"gbp|chf)?\)?"
)


def plain_numbers(distinct: Iterable[str]) -> list[float]:
    """The values that are finite numbers as they are."""
    found = []
    for value in distinct:
        try:
            number = float(value)
        except ValueError:
            continue
        if math.isfinite(number) and "_" not in value:
            found.append(number)
    return found


def number_form(distinct: Iterable[str]) -> str | None:
    """How numbers are written: "" plain, "," with a decimal comma, `either`, `signs`; None if they are no numbers.

    >>> [number_form(t) for t in (["1.5"], ["1.234,50", "7"], ["1,234"], ["$1,200.00"], ["x"])]
    ['', ',', 'either', 'signs', None]
    """
    there = [value for value in distinct if value.lower() not in _NO_NUMBER]
    few = there[:_FEW]
    if not few or sum(bool(_LIKE_NUMBER.fullmatch(value)) for value in few) < 0.5 * len(few):
        return None
    if len(plain_numbers(there)) >= _MOST * len(there):
        return ""
    if _fits(there, _COMMA):
        return EITHER_SIGN if _fits(there, _THOUSANDS) else DECIMAL_COMMA
    return WITH_SIGNS if _fits(there, _THOUSANDS) or _fits(there, _SIGNED) else None


def parts_thousands(distinct: Iterable[str]) -> bool:
    """Whether all are numbers such as $1,234.50: some have a point, so the commas can only part thousands."""
    there = [value for value in distinct if value.lower() not in _NO_NUMBER]
    bad = values.numbers(pd.Series(there, dtype=str), "1,000")[1]
    return any("." in value for value in there) and not bool(bad.any())


def _fits(there: list[str], pattern: re.Pattern[str]) -> bool:
    """Whether nearly all values are written so."""
    return sum(bool(pattern.fullmatch(value)) for value in there) >= _MOST * len(there)


def read_numbers(column: pd.Series, form: str) -> pd.Series:
    """Numbers of a column as its form says; those that cannot be read are missing."""
    if form == WITH_SIGNS:
        return values.numbers(column, "1,000")[0]
    if form != DECIMAL_COMMA or pd.api.types.is_numeric_dtype(column.dtype):
        return values.numbers(column)[0]
    text = values.as_text(column).str.replace(r"[. \u00a0\u202f']", "", regex=True).str.replace(",", ".")
    return values.numbers(text)[0]

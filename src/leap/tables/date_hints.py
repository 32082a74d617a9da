"""What values that are no dates of the declared form seem to be, so that a message can say what to set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pandas as pd

WRITE = "write dates as YYYY-MM-DD"
_EPOCHS = ((10, "seconds", 1), (13, "milliseconds", 10**3), (16, "microseconds", 10**6))
_EITHER = "either"
_FIRST_SERIAL, _LAST_SERIAL = 20_000, 80_000
"""Excel counts days from 1899-12-30: these are the years 1954 to 2119."""


def date_hint(examples: Iterable[str], table: str | None = None, dates: str = "iso") -> str:
    """What the values seem to be, and the remedy: the setting `dates` of the table, or another way to write them.

    >>> date_hint(["13/04/2024", "03/04/2024"], "usage")
    'These look like DD/MM/YYYY. Set dates = "DD/MM/YYYY" on [tables.usage], or write dates as YYYY-MM-DD.'
    >>> date_hint(["1704067200"])
    'These look like seconds since 1970 (1704067200 is 2024-01-01). Write dates as YYYY-MM-DD.'
    >>> date_hint(["45292", "45293"])
    "These look like Excel's serial days (45292 is 2024-01-01). Write dates as YYYY-MM-DD."
    """
    found = [text.strip() for text in examples if text.strip()]
    for look in (_epoch, _serial, _compact, _year_first, _month, _parts):
        said = look(found)
        if said is not None:
            looks, form = said
            return f"{looks} {_remedy(form, table, dates)}"
    if dates != "iso":
        return f'Expected {_expected(dates)}; correct these, or dates = "{dates}" on [tables.{table or "NAME"}].'
    return (
        "Write dates as YYYY-MM-DD and times as YYYY-MM-DD HH:MM:SS, with an offset (such as +02:00 or Z) if not local."
    )


def _expected(dates: str) -> str:
    return f"{dates} since 1970" if dates in [unit for _, unit, _ in _EPOCHS] else f"dates as {dates}"


def _remedy(form: str | None, table: str | None, dates: str) -> str:
    if form is None or table is None:
        return f"{WRITE[0].upper()}{WRITE[1:]}."
    if form == _EITHER:
        return f"Set dates to the true one on [tables.{table}], or {WRITE}."
    if dates != "iso":
        return f'[tables.{table}] has dates = "{dates}": a table is written in one way; correct it or these.'
    return f'Set dates = "{form}" on [tables.{table}], or {WRITE}.'


def _most(found: Sequence[str], pattern: str) -> bool:
    return sum(bool(re.fullmatch(pattern, text)) for text in found) > len(found) / 2


def _epoch(found: Sequence[str]) -> tuple[str, str] | None:
    for digits, unit, per_second in _EPOCHS:
        # 9 digits of seconds are the years 1973 to 2001.
        shape = rf"\d{{{digits - 1},{digits}}}(\.\d*)?"
        if _most(found, shape):
            stamp = next(text for text in found if re.fullmatch(shape, text))
            day = pd.Timestamp(int(float(stamp)) // per_second, unit="s").date()
            return f"These look like {unit} since 1970 ({stamp} is {day}).", unit
    return None


def _serial(found: Sequence[str]) -> tuple[str, None] | None:
    if not _most(found, r"\d{5}(\.\d*)?"):
        return None
    days = [text for text in found if re.fullmatch(r"\d{5}(\.\d*)?", text)]
    if not all(_FIRST_SERIAL <= float(text) <= _LAST_SERIAL for text in days):
        return None
    day = (pd.Timestamp("1899-12-30") + pd.Timedelta(days=int(float(days[0])))).date()
    return f"These look like Excel's serial days ({days[0]} is {day}).", None


def _compact(found: Sequence[str]) -> tuple[str, str] | None:
    return ("These look like YYYYMMDD.", "YYYYMMDD") if _most(found, r"(19|20)\d{6}([T ].*)?") else None


def _year_first(found: Sequence[str]) -> tuple[str, str] | None:
    return ("These look like YYYY/MM/DD.", "YYYY/MM/DD") if _most(found, r"\d{4}/\d{1,2}/\d{1,2}([T ].*)?") else None


def _month(found: Sequence[str]) -> tuple[str, str] | None:
    if _most(found, r"(19|20)\d{2}-\d{1,2}"):
        return "These look like months, YYYY-MM.", "YYYY-MM"
    return ("These look like months, YYYYMM.", "YYYYMM") if _most(found, r"(19|20)\d{2}(0[1-9]|1[0-2])") else None


def _parts(found: Sequence[str]) -> tuple[str, str | None] | None:
    """Day and month in either order; a value over 12 tells which, if all that tell agree."""
    parts = [re.match(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})\b", text) for text in found]
    days = [(int(m[1]), int(m[3]), m[2], "YYYY" if len(m[4]) == 4 else "YY") for m in parts if m]
    if len(days) <= len(found) / 2:
        return None
    sign, year = days[0][2], days[0][3]
    day_first, month_first = f"DD{sign}MM{sign}{year}", f"MM{sign}DD{sign}{year}"
    says_day_first = any(first > 12 for first, *_ in days)
    says_month_first = any(second > 12 for _, second, *_ in days)
    if says_day_first and says_month_first:
        return f"Some of these are {day_first}, others {month_first}; the ones in between cannot be told apart.", None
    if not says_day_first and not says_month_first:
        return f"These may be {day_first} or {month_first}, which cannot be told apart.", _EITHER
    form = day_first if says_day_first else month_first
    return f"These look like {form}.", form if year == "YYYY" and form in _KNOWN_FORMS else None


_KNOWN_FORMS = ("DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "MM-DD-YYYY", "DD-MM-YYYY")

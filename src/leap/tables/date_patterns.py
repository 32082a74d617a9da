"""Patterns of dates that exist, in every way of writing that `leap.tables.moments` reads, for callers and checks.

Of counts since 1970 only those are told that are certain to be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from leap.tables.moments import PER_SECOND


@dataclass(frozen=True)
class Years:
    """Years, and which of them are leap years, as patterns of four digits."""

    every: str
    leap: str


_OF_LEAP = "0[48]|[2468][048]|[13579][26]"
REAL: Final = Years("190[1-9]|19[1-9][0-9]|2[01][0-9]{2}", f"(?:19|2[01])(?:{_OF_LEAP})|2000")
"""Earlier years stand for "not known", later ones for "never"."""
OPEN_END: Final = Years(
    "190[1-9]|19[1-9][0-9]|[2-9][0-9]{3}", f"(?:19|[2-9][0-9])(?:{_OF_LEAP})|(?:[2468][048]|[3579][26])00"
)
"""Of what may never end."""
EVER: Final = Years(
    "000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3}",
    f"[0-9]{{2}}(?:{_OF_LEAP})|(?:0[48]|[2468][048]|[13579][26])00",
)

_WRITTEN: Final = {
    "iso": ("{y}-{m}-{d}", "2024-05-31"),
    "DD/MM/YYYY": ("{d}/{m}/{y}", "31/05/2024"),
    "MM/DD/YYYY": ("{m}/{d}/{y}", "05/31/2024"),
    "DD.MM.YYYY": (r"{d}\.{m}\.{y}", "31.05.2024"),
    "MM-DD-YYYY": ("{m}-{d}-{y}", "05-31-2024"),
    "DD-MM-YYYY": ("{d}-{m}-{y}", "31-05-2024"),
    "YYYY/MM/DD": ("{y}/{m}/{d}", "2024/05/31"),
    "YYYYMMDD": ("{y}{m}{d}", "20240531"),
    "YYYY-MM": ("{y}-{m}", "2024-05"),
    "YYYYMM": ("{y}{m}", "202405"),
}
_OF_WHOLE: Final = {"YYYYMMDD": (19010101, 21991231), "YYYYMM": (190101, 219912)}
_SECONDS = ":[0-5][0-9](?:[.,][0-9]{1,9})?"
_OFFSET = "(?:Z|UTC|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"
_CLOCK = f"(?:(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?:{_SECONDS})?|(?:0?[1-9]|1[0-2]):[0-5][0-9](?:{_SECONDS})? ?[AaPp][Mm])"
_TIME = f"(?:[T ]{_CLOCK}(?: ?{_OFFSET})?)?"


def date_text(dates: str, years: Years) -> tuple[str, str]:
    """The pattern of dates of one way of writing, a time of day may follow, and an example."""
    written, example = _WRITTEN[dates]
    zero = "0" if "{y}{m}" in written else "0?"
    every, leap = f"(?:{years.every})", f"(?:{years.leap})"
    months = f"(?:{zero}[1-9]|1[0-2])"
    if "{d}" not in written:
        return written.format(y=every, m=months) + _TIME, example
    days = (
        (every, months, f"(?:{zero}[1-9]|1[0-9]|2[0-8])"),
        (every, f"(?:{zero}[13-9]|1[0-2])", "(?:29|30)"),
        (every, f"(?:{zero}[13578]|1[02])", "31"),
        (leap, f"{zero}2", "29"),
    )
    return f"(?:{'|'.join(written.format(y=y, m=m, d=d) for y, m, d in days)}){_TIME}", example


def days_until(last: date) -> str:
    """The pattern of days such as 2024-05-31 that are no later than another.

    >>> import re
    >>> until = re.compile(days_until(date(2024, 5, 31)))
    >>> [until.fullmatch(day) is not None for day in ("1999-12-31", "2024-05-31", "2024-06-01", "2025-01-01")]
    [True, True, False, False]
    """
    year, month, day = f"{last:%Y}-{last:%m}-{last:%d}".split("-")
    earlier = [f"{one}-[0-9]{{2}}-[0-9]{{2}}" for one in _below(year)]
    months = [f"{year}-{one}-[0-9]{{2}}" for one in _below(month)]
    days = [f"{year}-{month}-{one}" for one in (*_below(day), day)]
    return "|".join([*earlier, *months, *days])


def _below(number: str) -> list[str]:
    """Patterns of all numbers of as many digits that are less."""
    return [
        f"{number[:i]}[0-{int(digit) - 1}]" + "[0-9]" * (len(number) - i - 1)
        for i, digit in enumerate(number)
        if digit != "0"
    ]


def whole_dates(dates: str) -> tuple[int, int] | None:
    """Where dates are written without signs, the whole numbers between which they lie."""
    return _OF_WHOLE.get(dates)


def counted_text(dates: str) -> tuple[str, int, int] | None:
    """Of counts since 1970 the pattern, the least and the largest that are told: from 1980 to 2191."""
    if dates not in PER_SECOND:
        return None
    times = PER_SECOND[dates]
    more = len(str(times)) - 1
    text = f"(?:(?:3[2-9]|[4-9][0-9])[0-9]{{{7 + more}}}|[1-6][0-9]{{{9 + more}}})"
    return text, 320_000_000 * times, 7_000_000_000 * times - 1

"""The guesses as the text of leap.toml: every guess with its reason, every left-out column with why."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leap.features.families import words
from leap.proposal.columns import FileTable
from leap.proposal.guesses import Guess
from leap.revenue import add_months
from leap.tables import values

_UNITS = {
    "usd": "USD", "eur": "EUR", "gbp": "GBP", "days": "days", "hours": "hours", "minutes": "minutes", "mins": "minutes",
    "secs": "seconds", "seconds": "seconds", "months": "months", "pct": "%", "percent": "%",
}  # fmt: skip
_OPEN_AT_THE_END = 0.1
_HEAD = (
    "# Written by `leap init` from the files found. Every line is a guess; what follows # says why.",
    "# Correct what is wrong, then run `leap check`. To use a column that was left out, declare it like the others.",
)


@dataclass(frozen=True)
class Company:
    """The part of leap.toml that is about all tables, with the reasons."""

    name: str
    currency: tuple[str, str]
    data_until: tuple[str | None, str]
    horizon_months: tuple[int, str]


def company_of(folder: Path, guesses: list[Guess]) -> Company:
    """What the revenue table says of currency, end of the data and how far ahead an outcome can be looked for."""
    name = words(folder.resolve().name) or "Company"
    revenue = next((guess for guess in guesses if guess.of("role") == "revenue"), None)
    if revenue is None:
        none = "no table holds revenue: say what accounts pay before training"
        return Company(name, ("USD", "not seen in the files"), (None, none), (12, "the usual choice"))
    moments = _moments(revenue, "start" if revenue.shape == "periods" else "at")
    ends = _moments(revenue, "end") if revenue.shape == "periods" else moments.head(0)
    past = pd.concat([moments, ends])
    past = past[past <= pd.Timestamp.now("UTC").tz_localize(None)]
    until, why = _until(moments, ends, past)
    return Company(name, _currency(revenue), (until, why), _horizon(moments, past))


def _moments(guess: Guess, key: str) -> pd.Series:
    parsed = values.moments(guess.file.frame[str(guess.of(key))], "UTC")[0]
    return parsed[~(values.is_unknown(parsed) | values.is_sentinel(parsed))].dropna()


def _until(starts: pd.Series, ends: pd.Series, past: pd.Series) -> tuple[str | None, str]:
    if past.empty:
        return None, "no date could be read"
    last = past.max()
    cut = ends[ends == last]
    if len(cut) > _OPEN_AT_THE_END * len(ends[ends <= last]) and len(cut) > 2 and (starts < last).any():
        why = f"{len(cut)} periods end on the last day there is, so they were cut there: taken as still open"
        return f"{last:%Y-%m-%d}", why
    return None, f"by default {last + pd.Timedelta(days=1):%Y-%m-%d}, the day after the latest moment of revenue"


def _horizon(starts: pd.Series, past: pd.Series) -> tuple[int, str]:
    """A model is tested a whole horizon after it was trained on another: the history must hold both and some more."""
    if past.empty:
        return 12, "the usual choice"
    first, last = starts.min(), past.max()
    for months in (12, 6):
        if add_months(first, 2 * months + 6) <= last:
            break
    else:
        months = 3
    return months, f"revenue from {first:%Y-%m} to {last:%Y-%m}"


def _currency(revenue: Guess) -> tuple[str, str]:
    if (column := revenue.of("currency")) is not None:
        found = values.as_text(revenue.file.frame[column]).str.upper()
        usual = found[found.str.fullmatch("[A-Z]{3}")].mode()
        if len(usual):
            others = sorted(set(found) - {usual[0], ""})
            return str(usual[0]), f"also found: {', '.join(others[:5])}; they need a table of rates" if others else ""
    amount = str(revenue.of("amount")).lower()
    named = next((unit for end, unit in _UNITS.items() if amount.endswith(f"_{end}") and len(unit) == 3), None)
    return (named, f"by the name {amount}") if named else ("USD", "no column says it")


def toml_text(company: Company, guesses: list[Guess], refused: dict[str, tuple[FileTable, str]]) -> str:
    """The whole file."""
    lines = [*_HEAD, "", "[company]", f"name = {_quoted(company.name)}"]
    lines += [f'currency = "{company.currency[0]}"{_why(company.currency[1])}', 'timezone = "UTC"']
    until, why = company.data_until
    lines.append(f'data_until = "{until}"{_why(why)}' if until else f"# data_until: {_plain(why)}")
    lines += ["", "[outcome]", f"horizon_months = {company.horizon_months[0]}{_why(company.horizon_months[1])}"]
    for guess in guesses:
        lines += ["", *_table(guess)]
    for name, (file, reason) in refused.items():
        lines += ["", f"# {_plain(name)} ({_plain(file.source)}) is left out: {_plain(reason)}."]
    return "\n".join(lines) + "\n"


def _table(guess: Guess) -> list[str]:
    lines = [f"# {_plain(note)}" for note in guess.notes]
    lines += [f"# {_plain(remedy)}" for _, _, remedy in guess.file.raw.remarks]
    lines += [f"[tables.{guess.file.name}]"]
    lines += [f"{key} = {_value(value)}{_why(why)}" for key, (value, why) in guess.keys.items()]
    for column, name in guess.columns.items():
        unit = next((u for end, u in _UNITS.items() if name.endswith(f"_{end}")), None)
        said = f"label = {_quoted(words(name))}" + (f', unit = "{unit}"' if unit else "")
        lines.append(f"columns.{_key(column)} = {{ {said} }}")
    if guess.left_out:
        lines += ["# left out:"]
        lines += [f"#   {_plain(column)}: {_plain(why)}" for column, why in guess.left_out.items()]
    return lines


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else _quoted(str(value))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    """A TOML string; its escapes are JSON's, but for DEL.

    >>> print(_quoted('a "b"'))
    "a \\"b\\""
    """
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _why(reason: str) -> str:
    return f"  # {_plain(reason)}" if reason else ""


def _plain(text: str) -> str:
    """Text for a comment: one line, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text)

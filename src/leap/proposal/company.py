"""The part of leap.toml about all tables: currency, end of the data, how far ahead an outcome is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from leap.features.families import words
from leap.proposal.amounts import LENGTHS
from leap.proposal.guess import Guess
from leap.revenue import add_months
from leap.tables import values

_CODES = ("usd", "eur", "gbp", "chf")
_SIGNS = {"€": "EUR", "$": "USD", "£": "GBP"}
_OPEN_AT_THE_END = 0.1
_FEWEST_PLANNED = 5


@dataclass(frozen=True)
class Company:
    """The part of leap.toml that is about all tables, with the reasons."""

    name: str
    currency: tuple[str, str]
    data_until: tuple[str | None, str]
    horizon_months: tuple[int, str]


def company_of(folder: Path, guesses: list[Guess]) -> Company:
    """What the revenue table says; a flat table brings its own outcome."""
    name = words(folder.resolve().name) or "Company"
    revenue = _revenue(guesses)
    if revenue is None:
        flat = any(guess.shape == "snapshot" for guess in guesses)
        none = "no table holds revenue: say what accounts pay before training"
        if flat:
            none = "not needed: a flat table brings its own outcome"
        return Company(name, currency_of(guesses), (None, none), (12, "the usual choice"))
    moments = _known(revenue.moments("start" if revenue.shape == "periods" else "at"))
    ends = _known(revenue.moments("end")) if revenue.shape == "periods" else moments.head(0)
    past = pd.concat([moments, ends])
    past = past[past <= pd.Timestamp.now("UTC").tz_localize(None)]
    until, why = _planned(revenue) or _until(moments, ends, past)
    return Company(name, currency_of(guesses), (until, why), _horizon(moments, past))


def _revenue(guesses: list[Guess]) -> Guess | None:
    return next((guess for guess in guesses if guess.role == "revenue"), None)


def _known(parsed: pd.Series) -> pd.Series:
    return parsed[~(values.is_unknown(parsed) | values.is_sentinel(parsed))].dropna()


def _planned(revenue: Guess) -> tuple[str, str] | None:
    """The day after the last start, where many terms end later and last a whole month or year each.

    Such ends are written when the term begins. Taken as the end of the data they would say that everyone has left.
    """
    if revenue.shape != "periods":
        return None
    terms = pd.DataFrame({"start": revenue.moments("start"), "end": revenue.moments("end")})
    terms = terms[~values.is_unknown(terms["start"]) & ~values.is_sentinel(terms["end"])].dropna()
    if terms.empty:
        return None
    last, days = terms["start"].max(), (terms["end"] - terms["start"]).dt.days
    ahead = terms["end"] > last
    whole = pd.concat([days.between(low, high) for low, high in LENGTHS.values()], axis=1).any(axis=1)
    if not ahead.any() or ahead.mean() < _OPEN_AT_THE_END or ahead.sum() < _FEWEST_PLANNED or whole[ahead].mean() < 0.9:
        return None
    until = last.floor("D") + pd.Timedelta(days=1)
    return f"{until:%Y-%m-%d}", (
        f"check: {ahead.sum():,} terms end later than the last one begins, after a whole month, quarter or year: "
        "planned ends; give the day after the export"
    )


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
    if past.empty or starts.empty:
        return 12, "the usual choice"
    first, last = starts.min(), past.max()
    for months in (12, 6):
        if add_months(first, 2 * months + 6) <= last:
            break
    else:
        months = 3
    return months, f"revenue from {first:%Y-%m} to {last:%Y-%m}"


def currency_of(guesses: list[Guess]) -> tuple[str, str]:
    """The usual currency of the revenue, by its column, its name or a sign beside its amounts."""
    revenue = _revenue(guesses)
    if revenue is None:
        return _one_currency(guesses) or ("USD", "not seen in the files")
    if (column := revenue.of("currency")) is not None:
        found = values.as_text(revenue.file.reading.frame[column]).str.upper()
        usual = found[found.str.fullmatch("[A-Z]{3}")].mode()
        if len(usual):
            others = sorted(set(revenue.file.distinct(column).str.upper()) - {usual[0], ""})
            rates = any(guess.role == "rates" for guess in guesses)
            need = (
                "converted by the table of rates"
                if rates
                else "they need a table of rates (role rates), or check fails"
            )
            return str(usual[0]), f"also found: {', '.join(others[:5])}; {need}" if others else f"by {column}"
    named = [str(revenue.of(key)) for key in ("amount", "price") if revenue.of(key)]
    for column in named:
        last = revenue.file.columns[column].plain.rsplit("_", 1)[-1]
        if last in _CODES:
            return last.upper(), f"by the name {column}"
        shown = "".join(revenue.file.columns[column].examples)
        sign = next((code for sign, code in _SIGNS.items() if sign in shown), None)
        if sign:
            return sign, f"by the sign in {column}"
    return _one_currency(guesses) or ("USD", "check: no column says it")


def _one_currency(guesses: list[Guess]) -> tuple[str, str] | None:
    """The only currency that a column of some table holds."""
    for guess in guesses:
        column = guess.file.named(r"(\w+_)?currency(_code|_iso|_iso_code)?", looks=("constant", "text"))
        code = str(guess.file.distinct(column).iloc[0]).upper() if column else ""
        if column and len(guess.file.distinct(column)) == 1 and len(code) == 3 and code.isalpha():
            return code, f"by {guess.name}.{column}"
    return None

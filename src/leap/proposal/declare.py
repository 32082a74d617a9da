"""Columns that may be features with label and unit, the others with why not; and how dates and numbers are written."""

from __future__ import annotations

import re

import pandas as pd

from leap.features.families import words
from leap.proposal import natures
from leap.proposal.columns import Column, FileTable
from leap.proposal.guess import DATE_KEYS, NUMBER_KEYS, THE_OTHERS, Declared, Guess
from leap.proposal.names import singular
from leap.proposal.reasons import age_of_a_person, why_not
from leap.proposal.roles import differs
from leap.proposal.written import (
    DECIMAL_COMMA,
    EITHER_SIGN,
    ISO,
    UNREADABLE,
    WITH_SIGNS,
    date_forms,
    number_form,
    parts_thousands,
    plain_numbers,
)
from leap.tables import values

_UNITS = {
    "usd": "USD", "eur": "EUR", "gbp": "GBP", "days": "days", "hours": "hours", "minutes": "minutes", "mins": "minutes",
    "secs": "seconds", "seconds": "seconds", "months": "months", "pct": "%", "percent": "%", "percentage": "%",
    "employees": "people", "headcount": "people", "fte": "people", "gb": "GB", "mb": "MB", "ms": "milliseconds",
    "km": "km",
}  # fmt: skip
_TIMES = ("days", "hours", "minutes", "seconds", "months", "years", "weeks")
_MONEY = r"(^|_)(amount|price|revenue|mrr|arr|fee|spend|cost|costs|charges?|sales|turnover|paid)$"
_RATE = r"(^|_)(rate|share|ratio|utili[sz]ation|adoption)$"
_INITIALS = frozenset(
    {"nps", "csat", "mrr", "arr", "acv", "api", "sso", "tld", "url", "tv", "us", "uk", "eu", "crm", "sla", "id", "csm"}
)
_ONE_TO_ONE = 0.999
_COMPARED = 200_000
_FIRST_COMPARED = 400


def unit_of(column: Column, currency: str) -> str | None:
    """The unit by the end of the name and by the values."""
    name, last = column.english, column.english.rsplit("_", 1)[-1]
    if re.fullmatch(r"(employees?|staff|head)_?count", name):
        return "people"
    if last in _UNITS and column.looks == "number":
        return _UNITS[last]
    if column.looks != "number":
        return None
    if (first := name.split("_", 1)[0]) in _TIMES and "_" in name:
        return first
    if re.search(_MONEY, name):
        return currency
    if re.search(_RATE, name):
        return "fraction" if column.low >= 0 and column.high <= 1 and not column.whole else None
    counted = last if singular(last) != last else next((w for w in name.split("_")[:-1] if singular(w) != w), None)
    if column.whole and column.low >= 0 and counted and (last == counted or last == "count") and last != "sales":
        return counted
    return None


def declare(guess: Guess, dated_elsewhere: dict[str, str], currency: str) -> None:
    """Declare the columns that may be features; say of every other why not."""
    file, named = guess.file, {str(value) for value, _ in guess.keys.values()}
    if guess.shape == "market":
        guess.left_out = {c: "no part of a market table" for c in file.columns if c not in named}
        return
    if THE_OTHERS in guess.left_out:
        return
    key = guess.of("key")
    accounts = file.columns[key].distinct if key in file.columns else file.rows
    # Columns of revenue and of these roles are read by other names; no feature is made of them.
    without = guess.role in ("costs", "deals", "notes") or (guess.role == "revenue" and guess.shape == "events")
    for column in file.columns.values():
        if (column.name in named and column.name != guess.of("product")) or column.name in guess.left_out:
            continue
        why = why_not(column, guess.shape, accounts, dated_elsewhere) or age_of_a_person(column, file.columns.values())
        why = why or _says_the_same(guess, column.name)
        if without and why is None:
            why = f"not needed for role {guess.role}" + _true_of_account(guess, column)
        if why is None and guess.shape == "events" and column.looks == "text":
            why = "words of an event: only its kind becomes features; name another column as kind if this says more"
        if why is not None:
            guess.left_out[column.name] = why
        else:
            own = differs(guess, column)
            nature = natures.of_column(guess, column, own.get("scope") or guess.of("scope"))
            guess.columns[column.name] = Declared(
                _label(column.called or column.name),
                unit_of(column, currency),
                scope=own.get("scope"),
                signal=own.get("signal"),
                party=own.get("party"),
                actionable=nature == "actionable" or None,
                consequence=nature == "consequence" or None,
            )


def _true_of_account(guess: Guess, column: Column) -> str:
    """What to do with a column of a table of money that has one value an account."""
    frame = guess.file.reading.frame
    if guess.role != "revenue" or column.looks not in ("text", "boolean"):
        return ""
    some = frame.head(_COMPARED).drop_duplicates([str(guess.of("key")), column.name])
    if some.duplicated(str(guess.of("key"))).mean() > 0.01:
        return ""
    return "; an account has one value here, so give it in a table of accounts, one row each, to learn from it"


def _label(name: str) -> str:
    """A column's name as people write it, with its accents."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    worded = re.sub(r"[\W_]+", " ", parted).strip()
    capitals = name.upper() == name and len(name) > 4
    label = words(worded.lower() if capitals or parted != name else worded)
    return " ".join(word.upper() if word.lower() in _INITIALS else word for word in label.split()) or name


def _says_the_same(guess: Guess, column: str) -> str | None:
    """A number that is always the same multiple of the amount, such as ARR beside MRR."""
    amount = guess.of("amount")
    if amount is None or guess.file.columns[column].looks != "number":
        return None
    # A few rows rule out most columns, of which there may be thousands.
    for rows in (_FIRST_COMPARED, _COMPARED):
        ratio = _ratio(guess, amount, column, rows)
        steady = (ratio / ratio.median() - 1).abs() < 1e-3
        if len(ratio) < 10 or ratio.median() == 0 or steady.mean() < (0.9 if rows == _FIRST_COMPARED else _ONE_TO_ONE):
            return None
    return f"{ratio.median():g} times {amount}"


def _ratio(guess: Guess, amount: str, column: str, rows: int) -> pd.Series:
    some = guess.file.reading.frame[[amount, column]].head(rows)
    one, other = values.numbers(some[amount])[0], values.numbers(some[column])[0]
    return (other / one.where(one != 0)).dropna()


def say_forms(guess: Guess) -> None:
    """`dates` and `decimal` where they are not as expected and sure; else what could be meant."""
    dates = [
        c for key in DATE_KEYS if (c := guess.of(key)) in guess.file.columns and guess.file.columns[c].looks == "date"
    ]
    typed = [c for c in dates if not pd.api.types.is_datetime64_any_dtype(guess.file.reading.frame[c].dtype)]
    forms = {c: date_forms(guess.file.distinct(c), guess.file.columns[c].english) for c in typed}
    if any(found != (ISO,) for found in forms.values()):
        _say_dates(guess, {c: found for c, found in forms.items() if found})
    _say_decimal(guess)


def _say_dates(guess: Guess, forms: dict[str, tuple[str, ...]]) -> None:
    common = [form for form in next(iter(forms.values())) if all(form in found for found in forms.values())]
    odd = next(column for column, found in forms.items() if found != (ISO,))
    shown = guess.file.distinct(odd).iloc[0]
    if not common or UNREADABLE in common:
        mixed = len(set(forms.values())) > 1
        what = "its date columns are written in different forms." if mixed else _what_to_write(shown)
        guess.notes.append(
            f"Check: {odd} holds dates such as {shown} that cannot be read as they are: {what} "
            "Until the file is changed these rows are quarantined."
        )
    elif len(common) == 1:
        telling = _telling(guess.file, odd, common[0])
        guess.say("dates", common[0], f"{telling} in {odd} can be read in no other way")
    else:
        guess.instead.append(("dates", common[0], f"check: {shown} in {odd} may be "
        f"{_readings(str(shown), common)}; the dates do "
                              f"not tell which: write the right one, else these rows are quarantined"))  # fmt: skip


def _what_to_write(shown: str) -> str:
    month = re.fullmatch(r"((?:19|20)\d{2})[-/.]?(0[1-9]|1[0-2])", shown)
    return f"write the first day, {month[1]}-{month[2]}-01." if month else values.date_hint([shown])


def _telling(file: FileTable, column: str, form: str) -> str:
    """A value that only this form reads."""
    for value in file.distinct(column).head(5000):
        if date_forms([str(value)], file.columns[column].english) == (form,):
            return str(value)
    return str(file.distinct(column).iloc[0])


def _readings(value: str, forms: list[str]) -> str:
    from leap.proposal.written import read_moments

    read = [(form, read_moments(pd.Series([value]), form).iloc[0]) for form in forms]
    return " or ".join(f"{moment.day} {moment:%B %Y} ({form})" for form, moment in read if not pd.isna(moment))


def _say_decimal(guess: Guess) -> None:
    file = guess.file
    used = [str(c) for key in NUMBER_KEYS if (c := guess.of(key)) in file.columns]
    forms = {c: file.columns[c].number_form for c in guess.columns}
    texts = [c for c in used if not pd.api.types.is_numeric_dtype(file.reading.frame[c].dtype)]
    forms |= {c: number_form(file.distinct(c)) or "" for c in texts}
    forms = {c: form for c, form in forms.items() if form}
    points = [c for c in [*used, *guess.columns] if file.columns[c].looks == "number" and c not in forms
              and not file.columns[c].whole]  # fmt: skip
    sure = [c for c, form in forms.items() if form == DECIMAL_COMMA]
    if sure and not points:
        shown = next(v for v in file.distinct(sure[0]) if "," in v)
        guess.say("decimal", ",", f"{shown} in {sure[0]}")
        return
    if sure:
        guess.notes.append(
            f"Check: {sure[0]} is written with a decimal comma and {points[0]} with a point; one table has one "
            f"sign: change one."
        )
    for column, form in forms.items():
        shown = next((v for v in file.distinct(column) if not plain_numbers([v])), file.distinct(column).iloc[0])
        if form == EITHER_SIGN:
            guess.instead.append(("decimal", ",", f"check: {shown} in {column} is either a thousand or has "
            f"three decimals; write "
                                  "decimal if it is the latter, else take the commas away"))  # fmt: skip
        elif form == WITH_SIGNS and column in used and not sure and parts_thousands(file.distinct(column)):
            guess.say("thousands", ",", f"{shown} in {column}")
        elif form == WITH_SIGNS and column in used:
            guess.notes.append(
                f"Check: {column} holds numbers such as {shown}: write plain numbers, without signs and separators of "
                "thousands. Until then these rows are quarantined."
            )

"""What may stand in the columns of given rows: one form for the JSON Schema that callers see and for the check of rows.

A cell that has the form of its column is read: what the reading of files takes is told here as far as a pattern can
tell it, and what is not told here is not let in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from leap.config import Settings, TableSpec
from leap.tables.account_tables import LINEAGE
from leap.tables.cells import FALSE_WORDS, MISSING_WORDS, TRUE_WORDS
from leap.tables.date_patterns import EVER, OPEN_END, REAL, Years, counted_text, date_text, whole_dates
from leap.tables.given import Holds

MOST_TEXT = 1000
LARGEST = 1e300
CELL: Final[Mapping[str, Any]] = {
    "type": ["string", "number", "boolean", "null"],
    "maxLength": MOST_TEXT,
    "minimum": -LARGEST,
    "maximum": LARGEST,
}
"""Any scalar: words are what they are."""
_SPACE = " \t\r\n"
_NAMES = {str: "string", bool: "boolean", type(None): "null", int: "number", float: "number"}


@dataclass(frozen=True)
class Form:
    """What one column takes; `what` names the kind in rules such as `bad_date`, `expected` says it in words."""

    what: str
    expected: str
    types: tuple[str, ...]
    text: str | None = None
    """Of text, without space around it."""
    least: float = -LARGEST
    most: float = LARGEST
    below: float | None = None
    above: float | None = None
    only: tuple[int, ...] | None = None
    """The numbers that may stand, where they are few."""
    required: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """As JSON Schema; what it says of text or of numbers binds these alone."""
        found: dict[str, Any] = {"type": list(self.types), "description": self.expected}
        if "string" in self.types:
            found["maxLength"] = MOST_TEXT
            if self.text is not None:
                found["pattern"] = f"^[{_in_pattern(_SPACE)}]*(?:{self.text})[{_in_pattern(_SPACE)}]*$"
        if self.only is not None:
            others = {**found, "type": [one for one in self.types if one != "number"]}
            del others["description"]
            return {"description": self.expected, "anyOf": [others, {"type": "number", "enum": list(self.only)}]}
        if "number" in self.types or "integer" in self.types:
            found |= {"minimum": self.least, "maximum": self.most}
            found |= {} if self.below is None else {"exclusiveMaximum": self.below}
            found |= {} if self.above is None else {"exclusiveMinimum": self.above}
        return found

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        return None if self.text is None else re.compile(self.text)

    def fits(self, cell: object) -> bool:
        """Whether a scalar is of this form: exactly as `schema` says.

        >>> amount = number_form(".", required=True)
        >>> [amount.fits(cell) for cell in (7, " 7.5 ", "", None, "seven", True)]
        [True, True, False, False, False, False]
        """
        if isinstance(cell, str):
            if "string" not in self.types:
                return False
            return self._pattern is None or self._pattern.fullmatch(cell.strip(_SPACE)) is not None
        if cell is None or isinstance(cell, bool):
            return _NAMES[type(cell)] in self.types
        return isinstance(cell, int | float) and self._fits_number(cell)

    def _fits_number(self, cell: float) -> bool:
        if "number" not in self.types and not ("integer" in self.types and cell == int(cell)):
            return False
        if self.only is not None:
            return cell in self.only
        inside = self.least <= cell <= self.most
        return inside and (self.below is None or cell < self.below) and (self.above is None or cell > self.above)

    def broken_rule(self, cell: object) -> str:
        """The name of the rule that a cell breaks which does not fit."""
        nothing = cell is None or (isinstance(cell, str) and not cell.strip(_SPACE))
        return f"missing_{self.what}" if nothing and self.required else f"bad_{self.what}"


def _in_pattern(signs: str) -> str:
    return signs.replace("\t", r"\t").replace("\r", r"\r").replace("\n", r"\n")


def _either_case(word: str) -> str:
    return "".join(f"[{c.upper()}{c}]" if c.isalpha() else {".": r"\.", "\\": r"\\"}.get(c, c) for c in word)


def _one_of(words: frozenset[str]) -> str:
    return "|".join(_either_case(word) for word in sorted(words))


_NOTHING: Final = _one_of(MISSING_WORDS)
"""The words that files have for nothing, beside empty text."""


def _cell(what: str, expected: str, required: bool, text: str, *types: str, **more: Any) -> Form:
    """A form of text and other types; where it is not required, nothing may stand too."""
    if required:
        return Form(what, f"Expected {expected}.", ("string", *types), text, required=True, **more)
    return Form(
        what, f"Expected {expected}, or nothing.", ("string", *types, "null"), f"(?:{text}|{_NOTHING})?", **more
    )


_DIGITS = "[0-9]{1,100}"
_POINT_OR_SPACE = r"[. \u00a0\u202f]"
_PARTS = "[0-9]{1,3}(?:%s[0-9]{3}){1,30}"


def _unsigned(form: str) -> str:
    if form == ",":
        return f"(?:{_DIGITS}|{_PARTS % _POINT_OR_SPACE})(?:,{_DIGITS})?"
    if form == "1,000":
        return rf"(?:{_DIGITS}|{_PARTS % ','})(?:\.[0-9]{{0,100}})?"
    return rf"(?:{_DIGITS}(?:\.[0-9]{{0,100}})?|\.{_DIGITS})(?:[eE][+-]?[0-9]{{1,2}})?"


_EXAMPLE = {".": "1234.5", ",": "1.234,5", "1,000": "1,234.5"}


def number_form(form: str, *, required: bool = False, negative: bool = True, above: float | None = None) -> Form:
    """A finite number, or text that is one in the table's way of writing it."""
    sign = "[+-]?" if negative else r"\+?"
    text = f"{sign}{_unsigned(form)}"
    if form == "1,000":
        money = "(?:[$€£¥] ?|[A-Z]{3} )"
        text = f"(?:{sign}{money}?|{money}{sign}){_unsigned(form)}(?: ?[$€£¥]| [A-Z]{{3}})?"
    words = "a number" if negative else "a number that is not negative"
    least = -LARGEST if negative else 0
    return _cell("number", f"{words} such as {_EXAMPLE[form]}", required, text, "number", least=least, above=above)


def _fraction(form: str, ones: str, sign: str) -> str:
    point = "," if form == "," else r"\."
    return rf"{sign}(?:0(?:{point}[0-9]{{1,15}})?{ones})"


def _discount(form: str) -> Form:
    text = _fraction(form, "" if form == "," else r"|\.[0-9]{1,15}", r"\+?")
    words = "a share of the list price such as 0.15 (15 % is 0.15)"
    return _cell("discount", words, False, text, "number", least=0, most=1, below=1)


def _margin(form: str) -> Form:
    more = "|1" if form == "," else r"|\.[0-9]{1,15}|1(?:\.0{1,15})?"
    words = "a fraction such as 0.78"
    return _cell("margin", words, False, _fraction(form, more, "[+-]?"), "number", least=-1, most=1)


def _truth(what: str) -> Form:
    return _cell(what, "true or false", False, _one_of(TRUE_WORDS | FALSE_WORDS), "number", "boolean", only=(0, 1))


def _words(expected: str) -> Form:
    """Words that have to be there: anything but nothing."""
    return Form("words", f"Expected {expected}.", ("string", "number", "boolean"), r"\S[\s\S]*", required=True)


_CURRENCY: Final = Form(
    "currency",
    "Expected a currency as a code of three letters, such as USD.",
    ("string",),
    # NAN and NAT are among the words for nothing.
    "[A-MO-Za-mo-z][A-Za-z]{2}|[Nn](?:[B-Zb-z][A-Za-z]|[Aa][A-MO-SU-Za-mo-su-z])",
    required=True,
)


def date_form(dates: str, years: Years, *, required: bool) -> Form:
    """A date or moment as the table writes them."""
    counted = counted_text(dates)
    if counted is not None:
        text, least, most = counted
        words = f"{dates} since 1970, such as {least}"
        return _cell("date", words, required, text, "integer", least=least, most=most)
    text, example = date_text(dates, years)
    whole = whole_dates(dates)
    words = f"a date such as {example}, with or without a time of day"
    if whole is None:
        return _cell("date", words, required, text)
    return _cell("date", words, required, text, "integer", least=whole[0], most=whole[1])


def forms_of(name: str, spec: TableSpec, settings: Settings, holds: Mapping[str, Holds]) -> dict[str, Form]:
    """The form of every column of a table that is read as more than words, as `leap.tables.canonical` reads it."""
    found = _of_features(spec, settings, holds)
    for column, form in (*_dates(spec), *_numbers(spec), *_others(name, spec)):
        if column is not None and (column not in found or not found[column].required):
            found[column] = form
    return found


def _of_features(spec: TableSpec, settings: Settings, holds: Mapping[str, Holds]) -> dict[str, Form]:
    form = spec.number_form
    by_kind = {
        "number": number_form(form),
        "boolean": _truth("boolean"),
        "date": date_form("iso", EVER, required=False),
        "discount": _discount(form),
        "margin": _margin(form),
    }
    found = {column: by_kind[kind] for column, kind in holds.items()}
    if spec.discount is not None:
        found[spec.discount] = by_kind["discount"]
    if spec.shape == "attributes" and isinstance(settings.company.gross_margin, str):
        found[settings.company.gross_margin] = by_kind["margin"]
    return found


def _dates(spec: TableSpec) -> list[tuple[str | None, Form]]:
    form = spec.dates
    needed, open_end = date_form(form, REAL, required=True), date_form(form, OPEN_END, required=False)
    optional, ever = date_form(form, EVER, required=False), date_form(form, EVER, required=True)
    known = (spec.known_at, needed)
    if spec.shape == "periods":
        return [known, (spec.start, needed), (spec.end, open_end), (spec.renews, optional), (spec.cancelled, optional)]
    if spec.shape == "market":
        published = [] if spec.role == "rates" else [(spec.published, ever)]
        return [known, (spec.period, ever), *published]
    if spec.role == "deals":
        return [known, (spec.created, needed), (spec.closed, optional)]
    if spec.shape in ("history", "events"):
        return [known, (spec.at_column, needed)]
    return [known, (spec.at, needed)] if spec.shape == "snapshot" else [known]


def _numbers(spec: TableSpec) -> list[tuple[str | None, Form]]:
    form, revenue = spec.number_form, spec.role == "revenue"
    credits = not revenue or (spec.shape == "events" and spec.credit_notes)
    amount = number_form(form, required=revenue or spec.role == "costs", negative=credits)
    if spec.shape == "periods":
        return [(spec.amount, amount)]
    if spec.shape == "events":
        quantity = number_form(form, required=True, negative=credits or spec.price is None)
        if spec.price is not None:
            return [(spec.quantity, quantity), (spec.price, number_form(form, required=True))]
        return [(spec.quantity, quantity), (spec.amount, amount)]
    if spec.shape == "market":
        rates = spec.role == "rates"
        return [(spec.value, number_form(form, required=True, negative=not rates, above=0 if rates else None))]
    if spec.shape != "snapshot":
        return []
    duration = [(spec.duration, number_form(form, negative=False))]
    return [*duration, (spec.outcome, number_form(form))] if spec.outcome_kind == "number" else [*duration]


def _others(name: str, spec: TableSpec) -> list[tuple[str | None, Form]]:
    found: list[tuple[str | None, Form]] = []
    if spec.role == "revenue":
        found.append((spec.currency, _CURRENCY))
    if spec.role == "deals":
        found.append((spec.won, _truth("truth")))
    if spec.role == "notes":
        found.append((spec.note, _words("the words of the note")))
    if spec.shape == "market":
        found.append((spec.indicator, _words("the name of the indicator")))
    if spec.shape == "snapshot" and spec.outcome_kind == "binary" and spec.outcome_positive is None:
        found.append((spec.outcome, _truth("outcome")))
    if name == LINEAGE:
        found += [(spec.key, _words("an account")), (spec.kind, _words("the account that it is known as"))]
    return found

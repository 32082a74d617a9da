"""The guesses as the text of leap.toml: every guess with its reason, every left-out column and file with why."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields

from leap.proposal.company import Company
from leap.proposal.guess import Declared, Guess, by_reason
from leap.proposal.guesses import Guesses

_HEAD = (
    "# Written by `leap init` from the files found. Every line is a guess; what follows # says why.",
    "# Correct what is wrong, first where it says check, then run `leap check`.",
    "# To use a column that was left out, declare it like the others.",
)
_LISTED_ONE_BY_ONE = 60
_WIDE = 118


def toml_text(company: Company, guesses: Guesses, others: Mapping[str, str]) -> str:
    """The whole file; `others` are files that are no tables, with why."""
    lines = [*_HEAD, "", "[company]", f"name = {_quoted(company.name)}"]
    lines += [f'currency = "{company.currency[0]}"{_why(company.currency[1])}', 'timezone = "UTC"']
    until, why = company.data_until
    lines.append(f'data_until = "{until}"{_why(why)}' if until else f"# data_until: {_plain(why)}")
    lines += ["", "[outcome]", f"horizon_months = {company.horizon_months[0]}{_why(company.horizon_months[1])}"]
    if guesses.lineage is not None:
        why = "merged or renamed accounts, by its columns account_id, is_now and from_date"
        lines += ["", "[lineage]", f"source = {_quoted(guesses.lineage.source)}{_why(why)}"]
    for guess in guesses.tables:
        lines += ["", *_table(guess)]
    for name, (file, reason) in guesses.refused.items():
        lines += ["", *_wrapped(f"{name} ({file.source}) is left out: {reason}.")]
    if others:
        lines += ["", "# Other files:", *(f"#   {_plain(name)}: {_plain(why)}" for name, why in others.items())]
    return "\n".join(lines) + "\n"


def _table(guess: Guess) -> list[str]:
    lines = [line for note in guess.notes for line in _wrapped(note)]
    lines += [line for _, _, remedy in guess.file.reading.remarks for line in _wrapped(remedy)]
    lines += [f"[tables.{guess.name}]"]
    lines += [f"{key} = {_value(value)}{_why(why)}" for key, (value, why) in guess.keys.items()]
    lines += [f"# {key} = {_value(value)}{_why(why)}" for key, value, why in guess.instead]
    lines += [f"columns.{_key(column)} = {_declared(said)}" for column, said in guess.columns.items()]
    if guess.left_out:
        lines += ["# left out:", *_left_out(guess.left_out)]
    return lines


def _left_out(columns: Mapping[str, str]) -> list[str]:
    """A line a column; where there are very many, a paragraph a reason."""
    if len(columns) <= _LISTED_ONE_BY_ONE:
        return [f"#   {_plain(column)}: {_plain(why)}" for column, why in columns.items()]
    return [line for why, names in by_reason(columns).items() for line in _wrapped(f"  {why}: {', '.join(names)}")]


def _declared(said: Declared) -> str:
    parts = {field.name: getattr(said, field.name) for field in fields(said)}
    return "{ " + ", ".join(f"{key} = {_value(value)}" for key, value in parts.items() if value is not None) + " }"


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else _quoted(str(value))


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


def _wrapped(text: str) -> list[str]:
    """Text as lines of comment, broken between words."""
    lines, line = [], "#"
    for word in _plain(text).split(" "):
        if len(line) + len(word) >= _WIDE and line != "#":
            lines.append(line)
            line = "#"
        line += " " + word
    return [*lines, line]


def _plain(text: str) -> str:
    """Text for a comment: one line, without control characters."""
    return re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]", " ", text)

"""Text of others, made fit for a page that people read: one line, no marks that turn the reading, and an end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from leap.reports import rendering

NAME = 80
"""Longest name of an account, a team or a person, in characters."""
SENTENCE = 700
"""Longest sentence: what is longer holds a name that nobody reads to its end."""
_OWN = "leap.reports."
_T = TypeVar("_T")


def cut(text: object, most: int = NAME) -> str:
    """One line of at most so many characters, and three points for the rest.

    >>> cut("a\\u202eb\\n  c"), len(cut("x" * 10_000)), cut("x" * 90)[-4:]
    ('a b c', 81, 'xxx…')
    """
    said = rendering.line(text)
    return said if len(said) <= most else f"{said[:most].rstrip()}…"


def readable(value: _T, most: int = SENTENCE) -> _T:
    """The value with every text of a summary in it cut; values of other kinds stay what they are."""
    found: Any = value
    if isinstance(value, str):
        found = cut(value, most)
    elif isinstance(value, tuple):
        found = tuple(readable(one, most) for one in value)
    elif isinstance(value, list):
        found = [readable(one, most) for one in value]
    elif isinstance(value, Mapping):
        found = {name: readable(one, most) for name, one in value.items()}
    elif is_dataclass(value) and type(value).__module__.startswith(_OWN):
        parts = {f.name: readable(getattr(value, f.name), most) for f in fields(value) if f.init}
        found = replace(cast(Any, value), **parts)
    return cast(_T, found)

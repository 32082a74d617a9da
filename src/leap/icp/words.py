"""Parts of the words for a rule, and how text of others stands among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from leap.features.naming import within

LONGEST_LABEL = 90
PLAIN = re.compile(r"[^\W_][\w \-&/’'(),.+:%]*")
_PARTICIPLE = re.compile(r"\w{3,}ed\s|.*\sgiven$", re.IGNORECASE)


class Place(IntEnum):
    """Where a part stands in the words: before "companies", then where, with what, what they do, and whose."""

    HEAD = 0
    IN = 1
    WITH = 2
    THAT = 3
    WHOSE = 4


@dataclass(frozen=True)
class Part:
    """A condition as a part of the words, and its place in them."""

    place: Place
    words: str


def named(label: str) -> str:
    """A label after "whose": one that is no plain noun in quotation marks."""
    plain = PLAIN.fullmatch(label) and "," not in label and not _PARTICIPLE.match(label)
    return within(label) if plain else f"“{label}”"


def clean(text: str, longest: int = LONGEST_LABEL) -> str:
    r"""Words of others on one line without control characters, cut where they go on for too long.

    >>> clean("a\r\n  b\x00"), clean("x" * 9, 5), clean("")
    ('a b', 'xxxx…', '?')
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split()) or "?"
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"

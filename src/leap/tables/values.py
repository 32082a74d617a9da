"""From what stands in a file to values. What cannot be read is missing *and* named by the caller, not guessed."""

from leap.tables.cells import (
    FALSE_WORDS,
    TRUE_WORDS,
    as_text,
    is_missing,
    is_missing_word,
    number_hint,
    numbers,
    rewritten_plainly,
    truths,
)
from leap.tables.date_hints import date_hint
from leap.tables.moments import Moments, is_sentinel, is_unknown, moments, read_moments

__all__ = [
    "FALSE_WORDS",
    "TRUE_WORDS",
    "Moments",
    "as_text",
    "date_hint",
    "is_missing",
    "is_missing_word",
    "is_sentinel",
    "is_unknown",
    "moments",
    "number_hint",
    "numbers",
    "read_moments",
    "rewritten_plainly",
    "truths",
]

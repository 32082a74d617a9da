"""From what stands in a file to values. What cannot be read is missing *and* named by the caller, not guessed."""

from leap.tables.cells import as_text, is_missing, is_missing_word, number_hint, numbers, rewritten_with_point, truths
from leap.tables.date_hints import date_hint
from leap.tables.moments import Moments, is_sentinel, is_unknown, moments, read_moments

__all__ = [
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
    "rewritten_with_point",
    "truths",
]

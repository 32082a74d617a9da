"""Characters that steer how a text is shown and are not seen themselves: in a text of others they make a page lie."""

from __future__ import annotations

import re
from typing import Any

from markupsafe import Markup

STANDS_FOR_IT = "\ufffd"
_STEERING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"  # tab and line ends stay
)


def steady(value: Any) -> Any:
    r"""A text in which nothing turns the line around that it stands in; what is no text, or finished markup, as it is.

    Names and labels that are written by `name` are cut and set apart as well; this is what templates do with every
    text they write, so that none is forgotten.

    >>> steady("abc\u202ecod.exe") == "abc\ufffdcod.exe", steady("a\r\n\tb"), steady(1.5)
    (True, 'a\r\n\tb', 1.5)
    """
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return _STEERING.sub(STANDS_FOR_IT, value) if is_text and not value.isprintable() else value


def as_is(value: object) -> Markup:
    r"""The text of a field that is sent back, with every character that it had, escaped.

    >>> as_is("<\u202e") == Markup("&lt;\u202e"), as_is(None)
    (True, Markup(''))
    """
    return Markup("") if value is None else Markup("{}").format(value)

"""Elements of a picture as text: everything from data is escaped, nothing has a style of its own, nothing can run.

A picture is one `<svg>` with classes that `charts.css` draws light, dark and on paper; its title and description say in
words what it shows, for those who cannot see it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape

from leap.reports import rendering

WIDE, NARROW = 720, 340
"""Widths of drawings, in their own units, which are CSS pixels at full size."""

MOST_SAID = 200
_CUT = "…"
_THIN, _BROAD = frozenset("ijlItf.,:;'|!()[]{}-/ ·’‘"), frozenset("mwMW@%–—…")


def element(name: str, *children: str | Markup, **attributes: Any) -> Markup:
    """One element; text among the children is escaped, an attribute that is None is left out.

    >>> element("text", "a < b", class_="note", x=1.5, stroke_width=None)
    Markup('<text class="note" x="1.5">a &lt; b</text>')
    """
    given = [(key.strip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None]
    written = "".join(f' {key}="{escape(_plain(value))}"' for key, value in given)
    if not children:
        return Markup(f"<{name}{written}/>")  # noqa: S704 (names are the code's, values were escaped)
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")  # noqa: S704 (as above)


def joined(parts: Iterable[str | Markup]) -> Markup:
    """Parts one after the other, each escaped unless it is an element already."""
    return Markup("").join(parts)


def group(*children: str | Markup, says: str | None = None, **attributes: Any) -> Markup:
    """Elements that belong together, with what a pointer reads of them."""
    title = () if says is None else (element("title", short(says)),)
    return element("g", *title, *children, **attributes)


def picture(
    body: Iterable[Markup], width: float, height: float, *, name: str, title: str, describes: str, kind: str
) -> Markup:
    """The whole drawing. `name` tells drawings of one page apart, `kind` is its class."""
    own = f"{re.sub(r'[^A-Za-z0-9-]+', '-', name)[:60]}-{_plain(width)}"
    size = "wide" if width >= WIDE else "narrow"
    return element(
        "svg",
        element("title", short(title), id=f"{own}-title"),
        element("desc", rendering.line(describes), id=f"{own}-about"),
        *body,
        xmlns="http://www.w3.org/2000/svg",
        class_=f"chart {kind} {size}",
        viewBox=f"0 0 {_plain(width)} {_plain(height)}",
        width=width,
        height=height,
        role="img",
        aria_labelledby=f"{own}-title {own}-about",
    )


def label(x: float, y: float, text: str, kind: str = "", anchor: str | None = None) -> Markup:
    """Text that begins at `x`, or is centred on it ("middle"), or ends there ("end"); `y` is its baseline."""
    return element("text", text, class_=kind or None, x=x, y=y, text_anchor=anchor)


def lines(x: float, y: float, texts: Sequence[str], kind: str, height: float) -> list[Markup]:
    """Texts below one another, the first one's baseline at `y`."""
    return [label(x, y + height * i, text, kind) for i, text in enumerate(texts)]


def short(text: object, most: int = MOST_SAID) -> str:
    """Text on one line, cut where it is longer than anyone reads.

    >>> short("a  b" * 3, 8)
    'a ba ba…'
    """
    said = rendering.line(text)
    return said if len(said) <= most else said[: most - 1].rstrip() + _CUT


def fitted(text: object, room: float, size: float = 13, most: int = 2) -> list[str]:
    """Text in at most so many lines of the width `room`, broken between words and, if it must be, inside of them.

    >>> fitted("Days with activity, last 28 days", 140), fitted("x" * 10_000, 60, most=1), fitted("", 60)
    (['Days with activity,', 'last 28 days'], ['xxxxxx…'], [])
    """
    words, found = short(text).split(" "), [""]
    while words and len(found) <= most:
        word = words.pop(0)
        beside = f"{found[-1]} {word}".strip()
        if text_width(beside, size) <= room:
            found[-1] = beside
        elif found[-1]:
            words.insert(0, word)
            found.append("")
        else:
            keep = _fitting(word, room, size)
            found[-1] = word[:keep]
            words.insert(0, word[keep:])
            found.append("")
    found = [one for one in found if one]
    if len(found) > most or words:
        last = [*found, ""][:most][-1] + _CUT
        while text_width(last, size) > room and len(last) > 1:
            last = last[:-2].rstrip() + _CUT
        found = [*found[: most - 1], last]
    return found


def text_width(text: str, size: float) -> float:
    """About how wide text of a size is: no font is at hand, so a little more rather than less."""
    return size * sum(_wide(character) for character in text)


def _wide(character: str) -> float:
    if character in _THIN:
        return 0.36
    if character in _BROAD or character.isupper():
        return 0.92 if character in _BROAD else 0.7
    # Beyond Latin, Greek, Cyrillic, Hebrew and Arabic one character may be as wide as it is high, or wider.
    return 0.58 if ord(character) < 0x0900 else 1.25


def _fitting(word: str, room: float, size: float) -> int:
    """How many of its characters fit, at least one."""
    used = 0.0
    for i, character in enumerate(word):
        used += size * _wide(character)
        if used > room:
            return max(i, 1)
    return len(word)


def _plain(value: Any) -> str:
    """A number of a drawing with two digits at most; text as it is."""
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") if value == value and abs(value) < 1e9 else "0"
    return str(value)

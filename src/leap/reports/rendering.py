"""The templates' surroundings: one Jinja2 environment and how figures, dates and text of others are written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from leap.explanation import wording
from leap.steering import steady

DASH = "–"
_MINUS = "−"
_BAR_MIDDLE, _BAR_HALF = 90.0, 84.0


def render(template: str, **values: object) -> str:
    """A template of this package with its values; text in `.html` is escaped, in `.md` it asks for the filter `md`."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: name is not None and ".html" in name,  # noqa: S701 (Markdown has the filter md)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=steady,
    )
    filters = (
        share,
        points,
        decimals,
        count,
        change,
        rate,
        money,
        exactly,
        heat,
        day,
        md,
        line,
        sentence,
        quoted,
        place,
        auc_place,
    )
    found.filters |= {written.__name__: written for written in filters}
    return found


def share(value: float | None, digits: int = 1) -> str:
    """A fraction in percent.

    >>> share(0.1618), share(-0.0001), share(None)
    ('16.2%', '0.0%', '–')
    """
    number = known(value)
    return DASH if number is None else _signed(100 * number, f",.{digits}f") + "%"


def points(value: float | None, digits: int = 1) -> str:
    """A difference of fractions, in points of a hundred, with its sign.

    >>> points(0.15), points(-0.0816), points(float("nan"))
    ('+15.0', '−8.2', '–')
    """
    number = known(value)
    return DASH if number is None else _signed(100 * number, f"+,.{digits}f")


def decimals(value: float | None, digits: int = 2) -> str:
    """A plain figure.

    >>> decimals(-4.4e-16), decimals(0.6128), decimals(None)
    ('0.00', '0.61', '–')
    """
    number = known(value)
    return DASH if number is None else _signed(number, f",.{digits}f")


def count(value: float | None) -> str:
    """A whole number with separated thousands."""
    number = known(value)
    return DASH if number is None else f"{number:,.0f}"


def change(value: float | None) -> str:
    """A whole number with its sign.

    >>> change(1234.4), change(-0.2), change(-60)
    ('+1,234', '0', '−60')
    """
    number = known(value)
    return DASH if number is None else _signed(number, "+,.0f")


def heat(ratio: float) -> str:
    """How far a ratio is from one, as the class of a cell: b1 to b4 below, g1 to g4 above, in steps of ten points.

    >>> heat(0.55), heat(0.995), heat(1.0), heat(1.13)
    ('b4', 'b1', '', 'g2')
    """
    points_away = round(100 * (ratio - 1), 6)
    step = min(4, 1 + int(abs(points_away) // 10))
    return "" if points_away == 0 else f"{'g' if points_away > 0 else 'b'}{step}"


def rate(value: float | None) -> str:
    """A small probability, as a false-discovery rate.

    >>> rate(0.00025), rate(0.0083), rate(0.41)
    ('under 0.1%', '0.8%', '41.0%')
    """
    number = known(value)
    return "under 0.1%" if number is not None and number < 0.001 else share(number)


def money(amount: float | None, currency: str) -> str:
    """An amount with its currency, or a dash."""
    number = known(amount)
    return DASH if number is None else wording.money(number, currency).replace("-", _MINUS)


def exactly(amount: float | None, currency: str) -> str:
    """An amount to the cent with its currency, or a dash.

    >>> exactly(-1234.5, "USD")
    '−1,234.50 USD'
    """
    number = known(amount)
    return DASH if number is None else f"{_signed(number, ',.2f')} {currency}"


def day(value: object) -> str:
    """A date as in 1 Nov 2026.

    >>> day("2026-11-01"), day(None)
    ('1 Nov 2026', '–')
    """
    if not value:
        return DASH
    try:
        found = date.fromisoformat(str(value)[:10])
    except ValueError:
        return str(value)
    return f"{found.day} {found:%b %Y}"


def md(text: object) -> str:
    r"""Text of others inside Markdown: one line in which nothing is markup.

    >>> md("<b>*a*|\nb")
    '&lt;b&gt;\\*a\\*\\| b'
    """
    escaped = line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", escaped)


def line(text: object) -> str:
    r"""Text on one line, without control characters or marks that reverse the order of reading.

    >>> line("a\r\nb\x00 c")
    'a b c'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def sentence(text: object) -> str:
    """Text that begins with a capital and ends in a period.

    >>> sentence("may be too narrow"), sentence("Why?"), sentence("")
    ('May be too narrow.', 'Why?', '')
    """
    said = line(text)
    said = said[:1].upper() + said[1:]
    return said if not said or said.endswith((".", "!", "?")) else f"{said}."


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Several things as they are said.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["a", "b"], "or")
    ('a', 'a, b and c', 'a or b')
    """
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def quoted(value: object) -> str:
    """A value as a YAML or JSON scalar on one line.

    >>> quoted('a "b"'), quoted(0.5), quoted(float("nan"))
    ('"a \\\\"b\\\\""', '0.5', 'null')
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return json.dumps(line(value) if isinstance(value, str) else value, ensure_ascii=False)


def place(value: float, reach: float) -> str:
    """Where a difference lies on a bar whose zero line is in the middle; beyond the reach it is cut.

    >>> place(0.0, 0.3), place(0.3, 0.3), place(-9, 0.3)
    ('90.0', '174.0', '6.0')
    """
    return f"{_BAR_MIDDLE + _BAR_HALF * min(max(value / reach, -1.0), 1.0):.1f}"


def auc_place(value: float) -> str:
    """Where an AUC lies on a bar from 0.35 to 0.95, whose mark at 30 is chance; beyond it is cut.

    >>> auc_place(0.5), auc_place(0.8), auc_place(0.1)
    ('30.0', '90.0', '4.0')
    """
    return f"{min(max(30.0 + 200 * (value - 0.5), 4.0), 116.0):.1f}"


def known(value: Any) -> float | None:
    """The number, or None for what is missing, NaN or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)


def _signed(number: float, form: str) -> str:
    """Formatted without a negative zero and with a real minus sign."""
    written = format(number, form)
    if not re.search("[1-9]", written):
        written = format(0.0, form).replace("+", "")
    return written.replace("-", _MINUS)

"""Pictures for people: pure functions from values to SVG that is inert, escaped, and the same light, dark and on paper.

Every function gives one `<svg>` as markup for a page that has `style()` in its style sheet; `standalone` makes a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from markupsafe import Markup

from leap.explanation.dependence import Dependence
from leap.explanation.drivers import Driver
from leap.reports.charts.dependence import dependence
from leap.reports.charts.drivers import drivers
from leap.reports.charts.history import Ahead, Line, history
from leap.reports.charts.reasons import reasons
from leap.reports.charts.reliability import reliability
from leap.reports.charts.scales import Form, Scale, of_money, of_points, of_shares
from leap.reports.charts.svg import NARROW, WIDE, element, short
from leap.reports.charts.waterfall import Level, Step, responsive, waterfall

__all__ = [
    "NARROW",
    "WIDE",
    "Ahead",
    "Form",
    "Level",
    "Line",
    "Scale",
    "Step",
    "captioned",
    "dependence",
    "drivers",
    "history",
    "of_drivers",
    "of_money",
    "of_points",
    "of_shares",
    "reasons",
    "reliability",
    "responsive",
    "standalone",
    "style",
    "waterfall",
]


@cache
def style() -> str:
    """The style sheet of all pictures, for a page's own sheet or its `<style>`."""
    return (Path(__file__).parent / "charts.css").read_text(encoding="utf-8")


def of_drivers(found: Iterable[Driver], *, name: str, of: str = "NRR") -> Markup:
    """Drivers of a model, broad and for phones."""
    listed = [driver.to_json() for driver in found]
    return responsive(lambda width: drivers(listed, name=name, width=width, of=of)) if listed else Markup("")


def captioned(found: Dependence, name: str) -> Markup:
    """A driver's picture with its label above it."""
    caption = element("figcaption", element("b", short(found.label)))
    return element("figure", caption, dependence(found, name=name))


def standalone(drawing: Markup) -> str:
    """A drawing as a file of its own, with its style inside and paper behind it."""
    head, _, rest = str(drawing).partition(">")
    # Programs that show pictures need not know light and dark, and this one brings its paper along.
    light = re.sub(r"light-dark\((#\w+), #\w+\)", r"\1", style())
    paper = ".chart { background: var(--chart-paper); padding: 12px; box-sizing: border-box; }"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}><style>{light}{paper}</style>{rest}\n'

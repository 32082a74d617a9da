"""One driver: the usual contribution by value, where 8 in 10 accounts lie, and how many have such values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from leap.explanation import wording
from leap.explanation.dependence import Dependence, Part
from leap.reports import rendering
from leap.reports.charts.scales import Form, Scale, compact, of_points
from leap.reports.charts.svg import element, fitted, group, label, lines, picture, short, text_width

_TOP, _PLOT, _BARS_GAP, _BARS = 26.0, 132.0, 10.0, 30.0
_LEFT, _LANE = 40.0, 46.0
_ROW, _LINE = 10.0, 14.0
SMALL = 310
"""The width of a drawing that stands beside others, in cards."""
_LEAST = 0.01


@dataclass(frozen=True)
class _Column:
    """The part of the drawing that has values, from left to right."""

    scale: Scale
    log: bool

    def place(self, value: float) -> float:
        return self.scale(math.log1p(value) if self.log else value)


def dependence(found: Dependence, *, form: Form | None = None, name: str | None = None, width: int = SMALL) -> Markup:
    """The drawing: dots over an axis of values for numbers, rows for categories; the missing apart in both."""
    form, found = form or of_points(), replace(found, unit=short(found.unit, 40))
    kind = f"dependence-{name or found.feature}"
    title = f"{short(found.label)}: contribution in {form.changes} by value"
    draw = _levels if found.axis == "levels" else _numbers
    body, height = draw(found, form, width)
    return picture(body, width, height, name=kind, title=title, describes=_words(found, form), kind="dependence")


def _numbers(found: Dependence, form: Form, width: int) -> tuple[list[Markup], float]:
    log, lane = found.axis == "log", _LANE if found.missing else 0.0
    ends = [found.span[0], found.span[1], *(part.value for part in found.parts if part.value is not None)]
    warped = [math.log1p(value) if log else value for value in ends]
    column = _Column(Scale.over(warped, _LEFT + 8, width - 8.0 - lane, margin=0.0), log)
    rises = _rises(found, _TOP + _PLOT, _TOP)
    bottom = _TOP + _PLOT
    body = _frame(rises, form, width)
    body += _curve(found.parts, column, rises, form, found.unit)
    body += _bars(found, column, bottom + _BARS_GAP + _BARS)
    if found.missing:
        body += _missing_lane(found, found.missing, rises, form, width, bottom)
    base = bottom + _BARS_GAP + _BARS
    body.append(element("line", class_="axis", x1=_LEFT, x2=width - lane - 2, y1=base, y2=base))
    body += _marks(column, base, found.unit, width - lane - 2)
    unit = short(_unit(found), 48)
    body.append(label((_LEFT + width - lane) / 2, base + 32, unit, "mark", "middle"))
    return body, base + 40


def _rises(found: Dependence, bottom: float, top: float) -> Scale:
    """Contributions from below to above, with zero among them."""
    parts = [*found.parts, *([found.missing] if found.missing else [])]
    reach = [value for part in parts for value in (part.low, part.high, part.points)]
    return Scale.over([0.0, *reach], bottom, top, least=_LEAST, margin=0.05)


def _frame(rises: Scale, form: Form, width: int) -> list[Markup]:
    """Lines at round contributions, zero the strongest."""
    step = rises.step(4)
    drawn = [label(0, 12, form.changes, "head")]
    for tick in rises.ticks(4):
        y = rises(tick)
        drawn.append(element("line", class_="axis" if tick == 0 else "grid", x1=_LEFT, x2=width, y1=y, y2=y))
        drawn.append(label(_LEFT - 5, y + 4, form.mark(tick, step), "mark", "end"))
    return drawn


def _curve(parts: Sequence[Part], column: _Column, rises: Scale, form: Form, unit: str) -> list[Markup]:
    """A band where 8 in 10 lie, a line through the usual contributions, and a dot for each bin."""
    placed = [(column.place(part.value), part) for part in parts if part.value is not None]
    high = [f"{x:.1f},{rises(part.high):.1f}" for x, part in placed]
    low = [f"{x:.1f},{rises(part.low):.1f}" for x, part in reversed(placed)]
    drawn: list[Markup] = []
    if len(placed) > 1:
        drawn.append(element("polygon", class_="band", points=" ".join(high + low)))
        middle = " ".join(f"{x:.1f},{rises(part.points):.1f}" for x, part in placed)
        drawn.append(element("polyline", class_="curve", points=middle))
    elif placed:
        x, part = placed[0]
        drawn.append(element("line", class_="range", x1=x, x2=x, y1=rises(part.low), y2=rises(part.high)))
    for x, part in placed:
        says = f"{wording.measured(float(part.value or 0.0), unit)}: {_said(part, form)}"
        drawn.append(group(_dot(x, rises(part.points), part), says=says))
    return drawn


def _bars(found: Dependence, column: _Column, base: float) -> list[Markup]:
    """How many accounts have such values."""
    most = max(found.counts, default=0)
    if not most:
        return []
    first, last = (column.place(end) for end in found.span)
    step = (last - first) / len(found.counts)
    if step <= 0:
        first, step = first - 4, 8.0
    drawn = []
    for i, count in enumerate(found.counts):
        if count:
            height = max(_BARS * count / most, 1.0)
            shape = {"x": first + step * i, "y": base - height, "width": max(step - 1, 1.0), "height": height}
            drawn.append(element("rect", class_="bar count", **shape, data_value=count))
    return drawn


def _missing_lane(
    found: Dependence, missing: Part, rises: Scale, form: Form, width: int, bottom: float
) -> list[Markup]:
    """What is not known stands beside all values: a lane of its own, its dot without a line to the others."""
    x = width - _LANE / 2 + 2
    share = missing.accounts / max(found.accounts, 1)
    base = bottom + _BARS_GAP + _BARS
    lane = {"x": width - _LANE + 4, "y": _TOP, "width": _LANE - 4, "height": base - _TOP}
    return [
        element("rect", class_="lane", **lane),
        group(
            element("line", class_="range", x1=x, x2=x, y1=rises(missing.low), y2=rises(missing.high)),
            _dot(x, rises(missing.points), missing, "dot missing"),
            says=f"missing ({short(found.missing_words, 80)}): {_said(missing, form)}",
        ),
        label(x, base + 17, "missing", "mark", "middle"),
        label(x, base + 32, rendering.share(share, 0), "mark", "middle"),
    ]


def _marks(column: _Column, base: float, unit: str, end: float) -> list[Markup]:
    """Round values below; where amounts are drawn by their logarithm, powers of ten."""
    scale = column.scale
    if column.log:
        powers = [0.0, *(10.0**k for k in range(13))]
        values = [value for value in powers if scale.low - 1e-9 <= math.log1p(value) <= scale.high + 1e-9]
        step = 1.0
    else:
        values, step = scale.ticks(4), scale.step(4)
    drawn, free = [], -math.inf
    for value in values:
        said, x = _value_mark(value, step, unit), column.place(value)
        half = text_width(said, 11.5) / 2
        at = min(x, end - half)
        if at - half < free:
            continue
        free = at + half + 4
        drawn.append(element("line", class_="grid", x1=x, x2=x, y1=base, y2=base + 4))
        drawn.append(label(at, base + 17, said, "mark", "middle"))
    return drawn


def _value_mark(value: float, step: float, unit: str) -> str:
    """A value on the axis without its unit; a year is no amount, and a part of something is a percentage."""
    if unit == "year":
        return f"{value:.0f}"
    if unit.startswith("of the "):
        return rendering.share(value, 0)
    return compact(value, step)


def _levels(found: Dependence, form: Form, width: int) -> tuple[list[Markup], float]:
    """A row for each level: its name, its dot with where 8 in 10 lie, and how many accounts have it."""
    rows = [(str(part.level), part, "dot") for part in found.parts]
    if found.missing:
        rows.append((f"missing: {found.missing_words}", found.missing, "dot missing"))
    names, counts = 0.4 * width, 52.0
    scale = _rises(found, names + 10, width - counts)
    y, drawn = _TOP - 4, []
    for level, part, kind in rows:
        said = fitted(level, names, 12, most=2)
        height = _LINE * max(len(said), 1) + _ROW
        middle = y + height / 2
        row = lines(0, middle + 4 - _LINE * (len(said) - 1) / 2, said, "level-name", _LINE)
        row += [element("line", class_="range", x1=scale(part.low), x2=scale(part.high), y1=middle, y2=middle)]
        row += [_dot(scale(part.points), middle, part, kind)]
        row += [label(width, middle + 4, rendering.count(part.accounts), "mark", "end")]
        drawn.append(group(*row, says=f"{short(level)}: {_said(part, form)}"))
        y += height
    step = scale.step(4)
    body = [label(names + 10, 12, form.changes, "head"), label(width, 12, "accounts", "head", "end")]
    free = -math.inf
    for tick in scale.ticks(4):
        x, mark = scale(tick), form.mark(tick, step)
        half = text_width(mark, 11.5) / 2
        body.append(element("line", class_="axis" if tick == 0 else "grid", x1=x, x2=x, y1=_TOP - 6, y2=y + 4))
        if x - half >= free:
            body.append(label(x, y + 18, mark, "mark", "middle"))
            free = x + half + 4
    return [*body, *drawn], y + 26


def _dot(x: float, y: float, part: Part, kind: str = "dot") -> Markup:
    return element("circle", class_=kind, cx=x, cy=y, r=4, data_value=repr(part.points))


def _unit(found: Dependence) -> str:
    said = "logarithmic" if found.axis == "log" else ""
    return ", ".join(part for part in (found.unit, said) if part)


def _said(part: Part, form: Form) -> str:
    one = "account" if part.accounts == 1 else "accounts"
    between = f"{form.change(part.low)} and {form.change(part.high)}"
    return f"{form.changed(part.points)}, 8 in 10 between {between} ({part.accounts:,} {one})"


def _words(found: Dependence, form: Form) -> str:
    """The same as sentences."""

    def value(part: Part) -> str:
        return short(part.level, 60) if part.value is None else wording.measured(part.value, found.unit)

    parts = "; ".join(f"{value(part)}: {_said(part, form)}" for part in found.parts) or "no value is known"
    missing = f" Missing ({short(found.missing_words, 80)}): {_said(found.missing, form)}." if found.missing else ""
    return f"{short(found.label)}, by value: {parts}.{missing}"

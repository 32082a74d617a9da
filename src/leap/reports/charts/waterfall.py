"""Steps from one level to another that add up, as bars from left to right, each beginning where the last one ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

from leap.reports.charts.scales import Form, Scale
from leap.reports.charts.svg import NARROW, WIDE, element, fitted, group, label, lines, picture, short, text_width

_LINE, _SMALL = 17.0, 15.0
_GAP = 9.0
_BAR = 14.0
_BETWEEN = 14.0
_MOST_HEAD = 18


@dataclass(frozen=True)
class Level:
    """Where the steps begin or end."""

    label: str
    value: float
    detail: str = ""
    """What is said below the label."""
    beside: str = ""
    """A second figure, such as money, already written."""


@dataclass(frozen=True)
class Step:
    """A change by `value`; `kind` "rest" is what many small ones come to."""

    label: str
    value: float
    detail: str = ""
    beside: str = ""
    kind: Literal["step", "rest"] = "step"

    @property
    def tone(self) -> str:
        """The class of its bar."""
        way = "raises" if self.value > 0 else "lowers" if self.value < 0 else "still"
        return f"{way} rest" if self.kind == "rest" else way


@dataclass(frozen=True)
class _Layout:
    """Where things are, in the units of the drawing; `stacked` has the bar below its label."""

    width: float
    stacked: bool
    room: float
    left: float
    right: float
    figures: float
    beside: float

    @classmethod
    def of(cls, width: int, figures: Sequence[str], beside: Sequence[str]) -> _Layout:
        """Columns as wide as what stands in them; the labels or the bars have what is left."""
        first = max(text_width(text, 13) for text in figures)
        second = max((text_width(text, 13) for text in beside), default=0.0)
        at = width - second - (_BETWEEN if second else 0.0)
        if width < WIDE:
            return cls(float(width), True, at - first - _BETWEEN, 6.0, width - 6.0, at, float(width))
        return cls(float(width), False, 292.0, 312.0, at - first - _BETWEEN, at, float(width))


@dataclass
class _Rows:
    """What was drawn so far, from the top."""

    y: float
    drawn: list[Markup] = field(default_factory=list)


def waterfall(
    start: Level,
    steps: Sequence[Step],
    end: Level,
    form: Form,
    *,
    title: str,
    name: str = "waterfall",
    width: int = WIDE,
    beside: str = "",
    least: float = 0.0,
) -> Markup:
    """The drawing; ValueError where start and steps do not come to the end.

    `beside` heads the column of second figures, `least` is the smallest span of the axis, so that next to nothing is
    not drawn large. The axis need not begin at zero: levels are marks, only changes are bars.
    """
    levels, beside = _levels(start, steps, end), short(beside, _MOST_HEAD)
    figures = [form.level(start.value), *(form.change(step.value) for step in steps), form.level(end.value)]
    seconds = [start.beside, *(step.beside for step in steps), end.beside]
    second = bool(beside) and any(seconds)
    layout = _Layout.of(width, [*figures, short(form.changes, _MOST_HEAD)], [*seconds, beside] if second else [])
    scale = Scale.over(levels, layout.left, layout.right, least=least, margin=0.04)
    rows = _Rows(16.0)
    heads = [label(layout.figures, 12, short(form.changes, _MOST_HEAD), "head", "end")]
    heads += [label(layout.beside, 12, beside, "head", "end")] if second else []
    _level(rows, layout, scale, start, form)
    for step, before in zip(steps, levels[:-1], strict=True):
        _step(rows, layout, scale, step, before, form)
    _level(rows, layout, scale, end, form)
    body = [*_grid(layout, scale, rows.y, form), *heads, *rows.drawn]
    return picture(
        body, width, rows.y + 22, name=name, title=title, describes=_words(start, steps, end, form), kind="waterfall"
    )


def responsive(draw: Callable[[int], Markup]) -> Markup:
    """A drawing for broad pages and paper with the one for phones beside it: the style sheet shows one of them."""
    return element("div", draw(WIDE), draw(NARROW), class_="chart-box")


def _levels(start: Level, steps: Sequence[Step], end: Level) -> list[float]:
    """The level before the first step and after every one."""
    found = [start.value]
    for step in steps:
        found.append(found[-1] + step.value)
    if not math.isclose(found[-1], end.value, rel_tol=1e-6, abs_tol=1e-6):
        raise ValueError(
            f"waterfall: {len(steps)} steps from {start.value} come to {found[-1]}, expected {end.value} ({end.label})."
        )
    return found


def _grid(layout: _Layout, scale: Scale, bottom: float, form: Form) -> list[Markup]:
    """Marks below, and lines through the bars where no text is in their way."""
    about = 4 if layout.stacked else 5
    ticks, step = scale.ticks(about), scale.step(about)
    drawn = [element("line", class_="axis", x1=layout.left, x2=layout.right, y1=bottom, y2=bottom)]
    for tick in ticks:
        x, top = scale(tick), bottom if layout.stacked else 18.0
        drawn.append(element("line", class_="grid", x1=x, x2=x, y1=top, y2=bottom + 4))
        drawn.append(label(x, bottom + 17, form.mark(tick, step), "mark", "middle"))
    return drawn


def _row(rows: _Rows, layout: _Layout, row: Level | Step, figure: str, kind: str) -> tuple[list[Markup], float]:
    """Words and figures of a row, and the middle of its bar; moves on to the next one."""
    top = rows.y + _GAP
    said = fitted(row.label, layout.room, most=3 if layout.stacked else 2)
    detail = fitted(row.detail, layout.room, 11.5)
    height = _LINE * len(said) + _SMALL * len(detail)
    drawn = lines(0, top + 12, said, f"label {kind}", _LINE)
    drawn += lines(0, top + _LINE * len(said) + 11, detail, "detail", _SMALL)
    if layout.stacked:
        middle, height = top + height + 3 + _BAR / 2, height + 3 + _BAR
        lane = element(
            "rect", class_="lane", x=layout.left, y=middle - _BAR / 2, width=layout.right - layout.left, height=_BAR
        )
        drawn.append(lane)
        at = top + 12
    else:
        height = max(height, _BAR + 4)
        middle = top + height / 2 - 1
        at = middle + 4.5
    drawn.append(label(layout.figures, at, figure, f"figure {kind}", "end"))
    if row.beside:
        drawn.append(label(layout.beside, at, row.beside, f"beside {kind}", "end"))
    rows.y = top + height
    return drawn, middle


def _level(rows: _Rows, layout: _Layout, scale: Scale, level: Level, form: Form) -> None:
    drawn, middle = _row(rows, layout, level, form.level(level.value), "total")
    x = scale(level.value)
    mark = element(
        "rect", class_="level", x=x - 1.5, y=middle - 10, width=3, height=20, data_value=repr(float(level.value))
    )
    rows.drawn.append(group(*drawn, mark, says=f"{short(level.label)}: {form.level(level.value)}"))


def _step(rows: _Rows, layout: _Layout, scale: Scale, step: Step, before: float, form: Form) -> None:
    begun = rows.y
    drawn, middle = _row(rows, layout, step, form.change(step.value), step.tone)
    a, b = scale(before), scale(before + step.value)
    # What is nearly nothing keeps a hair, so that a row is never without its bar.
    wide = max(abs(b - a), 1.0)
    x = a if step.value >= 0 else a - wide
    bar = element(
        "rect",
        class_=f"bar {step.tone}",
        x=x,
        y=middle - _BAR / 2,
        width=wide,
        height=_BAR,
        data_value=repr(step.value),
    )
    joint = [] if layout.stacked else [element("line", class_="joint", x1=a, x2=a, y1=begun, y2=middle - _BAR / 2)]
    says = f"{short(step.label)}: {form.changed(step.value)}" + (f", {step.beside}" if step.beside else "")
    rows.drawn.append(group(*drawn, *joint, bar, says=says))


def _words(start: Level, steps: Sequence[Step], end: Level, form: Form) -> str:
    """The same as a sentence."""
    changes = "; ".join(f"{short(step.label, 80)}: {form.changed(step.value)}" for step in steps) or "no steps"
    first, last = (f"{short(level.label, 80)} {form.level(level.value)}" for level in (start, end))
    return f"From {first}: {changes}; to {last}."

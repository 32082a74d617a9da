"""One figure on a line from nothing to the most that is shown: its interval, itself, and what is usual beside it."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from leap.reports.charts.svg import element

WIDTH, HEIGHT = 160.0, 18.0
_EDGE = 5.0


def interval(
    point: float, low: float | None, high: float | None, usual: float | None, ends: tuple[float, float]
) -> Markup:
    """The drawing, which says nothing that does not stand beside it in figures; `ends` are those of the line."""
    first, last = ends
    span = (last - first) or 1.0

    def place(value: float) -> float:
        return _EDGE + (WIDTH - 2 * _EDGE) * min(max((value - first) / span, 0.0), 1.0)

    middle = HEIGHT / 2
    drawn = [element("line", class_="lane", x1=_EDGE, x2=WIDTH - _EDGE, y1=middle, y2=middle)]
    if first < 0 < last:
        drawn.append(element("line", class_="zero", x1=place(0.0), x2=place(0.0), y1=middle - 5, y2=middle + 5))
    if low is not None and high is not None:
        drawn.append(element("line", class_="range", x1=place(low), x2=place(high), y1=middle, y2=middle))
    if usual is not None:
        drawn.append(element("line", class_="usual", x1=place(usual), x2=place(usual), y1=2.0, y2=HEIGHT - 2))
    drawn.append(element("circle", class_="dot", cx=place(point), cy=middle, r=4.0))
    return element(
        "svg", *drawn, class_="strip", viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", width=WIDTH, height=HEIGHT,
        aria_hidden="true",
    )  # fmt: skip


def ends_of(values: Iterable[float | None], *, least: float = 0.0) -> tuple[float, float]:
    """A line that holds all values and zero, and at least reaches so far; no end of it is one of the values.

    >>> ends_of([0.25, None, 1.0]), ends_of([-8.0, 4.0]), ends_of([0.1], least=1.0)
    ((0.0, 1.25), (-10.0, 5.0), (0.0, 1.0))
    """
    given = [1.25 * value for value in values if value is not None]
    return min([0.0, *given]), max([least, *given])

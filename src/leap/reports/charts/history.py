"""One figure over time: what was measured as a line, and after it what is expected, apart and with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from leap.reports import rendering
from leap.reports.charts.scales import Form, Scale
from leap.reports.charts.svg import NARROW, element, group, label, picture, short, text_width

_HEIGHT = 196.0
_TOP, _BOTTOM = 30.0, 24.0
_FEWEST_YEARS, _MOST_YEARS = 2, 7


@dataclass(frozen=True)
class Ahead:
    """What is expected at a day; `low` and `high` where an interval can be given."""

    at: date
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float, float] | None:
        """The interval, if there is one."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class Line:
    """A figure as measured on days, None where it is undefined, so that the line has a gap.

    `expected` comes after it; `said` is what was said of days that the line knows, before they came.
    """

    label: str
    points: Sequence[tuple[date, float | None]]
    expected: Ahead | None = None
    said: Sequence[Ahead] = ()

    @property
    def known(self) -> list[tuple[date, float]]:
        """The points that have a value."""
        return [(day, value) for day, value in self.points if value is not None]

    @property
    def runs(self) -> Iterator[list[tuple[date, float]]]:
        """Points in a row without a gap between."""
        run: list[tuple[date, float]] = []
        for day, value in self.points:
            if value is not None:
                run.append((day, value))
            elif run:
                yield run
                run = []
        if run:
            yield run


@dataclass(frozen=True)
class _Plane:
    """Where days and values are."""

    days: Scale
    values: Scale

    @classmethod
    def of(cls, line: Line, width: float, right: float, left: float, least: float) -> _Plane:
        """Holds everything that is drawn."""
        ahead = [line.expected] if line.expected else []
        days = [day for day, _ in line.known] + [one.at for one in (*line.said, *ahead)]
        values = [value for _, value in line.known] + [one.value for one in (*line.said, *ahead)]
        values += [end for one in ahead for end in one.ends or ()]
        across = Scale.over([day.toordinal() for day in days], left, width - right, least=1.0)
        return cls(across, Scale.over(values, _HEIGHT - _BOTTOM, _TOP, least=least, margin=0.08))

    def __call__(self, day: date, value: float) -> tuple[float, float]:
        return self.days(day.toordinal()), self.values(value)

    def path(self, points: Iterable[tuple[date, float]]) -> str:
        """As the points of a line."""
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in (self(*point) for point in points))


def history(
    line: Line, form: Form, *, title: str, name: str, width: int = NARROW, ahead: str = "expected", least: float = 0.04
) -> Markup:
    """The drawing; nothing where there is neither a point nor anything expected.

    `ahead` names what is expected where it stands; `least` is the smallest span of the axis, so that next to nothing is
    not drawn large.
    """
    if not line.known and line.expected is None:
        return Markup("")
    figures = [form.level(line.expected.value)] if line.expected else []
    right = max([text_width(figure, 13) for figure in figures], default=0.0) + 14
    plane = _Plane.of(line, width, right, 46.0, least)
    body = [*_axes(plane, width - right, form), *_future(plane, line, form, ahead), *_past(plane, line, form)]
    return picture(body, width, _HEIGHT, name=name, title=title, describes=_words(line, form, ahead), kind="history")


def _axes(plane: _Plane, right: float, form: Form) -> Iterator[Markup]:
    step = plane.values.step(4)
    for value in plane.values.ticks(4):
        y = plane.values(value)
        yield element("line", class_="grid", x1=46.0, x2=right, y1=y, y2=y)
        yield label(40.0, y + 4, form.mark(value, step), "mark", "end")
    for day, said in _marks(plane.days):
        x = plane.days(day.toordinal())
        yield element("line", class_="grid", x1=x, x2=x, y1=_HEIGHT - _BOTTOM, y2=_HEIGHT - _BOTTOM + 4)
        yield label(x, _HEIGHT - 6, said, "mark", "middle")


def _marks(days: Scale) -> list[tuple[date, str]]:
    """Where years begin; in a short time, its ends."""
    first, last = date.fromordinal(round(days.low)), date.fromordinal(round(days.high))
    years = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)]
    if len(years) < _FEWEST_YEARS:
        ends = (first, last) if (last - first).days > 60 else (first,)
        return [(day, f"{day:%b %Y}") for day in ends]
    every = -(-len(years) // _MOST_YEARS)
    return [(day, str(day.year)) for day in years[::every]]


def _past(plane: _Plane, line: Line, form: Form) -> Iterator[Markup]:
    for run in line.runs:
        if len(run) > 1:
            yield element("polyline", class_="curve", points=plane.path(run))
    for one in line.said:
        x, y = plane(one.at, one.value)
        mark = element("path", class_="said", d=f"M{x:.2f} {y - 5:.2f} l5 5 -5 5 -5 -5 z", data_value=repr(one.value))
        yield group(mark, says=f"said before of {_told(one, form)}")
    radius = 2.5 if len(line.known) > 1 else 4.0
    for day, value in line.known:
        x, y = plane(day, value)
        dot = element("circle", class_="dot", cx=x, cy=y, r=radius, data_value=repr(float(value)))
        yield group(dot, says=f"{rendering.day(day)}: {form.level(value)}")
    if line.known:
        day, value = line.known[-1]
        x, y = plane(day, value)
        falls = len(line.known) > 1 and line.known[-2][1] > value
        below = falls and y + 18 < _HEIGHT - _BOTTOM
        yield label(x, y + 18 if below else y - 9, form.level(value), "total", "middle" if x > 80 else None)


def _future(plane: _Plane, line: Line, form: Form, ahead: str) -> Iterator[Markup]:
    one = line.expected
    if one is None:
        return
    x, y = plane(one.at, one.value)
    begun = line.known[-1] if line.known else None
    since = x - 24 if begun is None else plane(*begun)[0]
    yield element(
        "rect", class_="lane", x=since, y=_TOP - 12, width=max(x - since, 1.0), height=_HEIGHT - _BOTTOM - _TOP + 12
    )
    yield label(x, 12, ahead, "head", "end")
    if one.ends is not None:
        low, high = (plane.values(end) for end in one.ends)
        if begun is not None:
            corners = [plane(*begun), (x, low), (x, high)]
            yield element("polygon", class_="band", points=" ".join(f"{a:.2f},{b:.2f}" for a, b in corners))
        yield element("line", class_="range", x1=x, x2=x, y1=low, y2=high)
        for end in (low, high):
            yield element("line", class_="range", x1=x - 5, x2=x + 5, y1=end, y2=end)
    if begun is not None:
        yield element("polyline", class_="ahead", points=plane.path([begun, (one.at, one.value)]))
    dot = element("circle", class_="dot missing", cx=x, cy=y, r=4, data_value=repr(float(one.value)))
    yield group(dot, says=f"{ahead} by {_told(one, form)}")
    yield label(x + 9, y + 4.5, form.level(one.value), "total")


def _between(one: Ahead, form: Form) -> str:
    return "" if one.ends is None else f" ({form.level(one.ends[0])} to {form.level(one.ends[1])})"


def _told(one: Ahead, form: Form) -> str:
    return f"{rendering.day(one.at)}: {form.level(one.value)}{_between(one, form)}"


def _words(line: Line, form: Form, ahead: str) -> str:
    """The same as sentences."""
    said = []
    if line.known:
        (first, begun), (last, now) = line.known[0], line.known[-1]
        values = [value for _, value in line.known]
        said.append(f"{short(line.label, 80)}, {rendering.day(last)}: {form.level(now)}.")
        if len(values) > 1:
            said.append(
                f"{len(values)} figures since {rendering.day(first)} ({form.level(begun)}), between "
                f"{form.level(min(values))} and {form.level(max(values))}."
            )
    gaps = len(line.points) - len(line.known)
    said += [f"{gaps} days have no figure."] if gaps else []
    if line.expected is not None:
        one = line.expected
        said.append(
            f"{ahead[:1].upper()}{ahead[1:]} by {rendering.day(one.at)}: {form.level(one.value)}{_between(one, form)}."
        )
    said += [
        f"Said before of {rendering.day(one.at)}: {form.level(one.value)}{_between(one, form)}." for one in line.said
    ]
    return " ".join(said)

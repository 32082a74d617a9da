"""One account through time: the NRR that the present model says of every month with its interval, and the MRR below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from leap.reports import rendering
from leap.reports.charts.scales import Form, Scale, compact, of_shares
from leap.reports.charts.svg import WIDE, element, group, label, picture, short, text_width

_LEFT, _RIGHT, _TOP, _PLOT, _GAP, _BARS = 52.0, 14.0, 22.0, 150.0, 26.0, 62.0


@dataclass(frozen=True)
class Month:
    """A moment: the MRR, and NRR with its interval where there is a score."""

    day: date
    mrr: float
    nrr: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Mark:
    """Something that happened on a day, in words; `tone` raises, lowers or still."""

    day: date
    said: str
    tone: str


def scores_history(
    months: Sequence[Month],
    marks: Sequence[Mark],
    currency: str,
    *,
    of: str,
    form: Form | None = None,
    name: str = "history",
    width: int = WIDE,
) -> Markup:
    """The drawing; nothing for fewer than two days."""
    form = form or of_shares()
    if len({one.day for one in months}) < 2:
        return Markup("")
    first, last = months[0].day, months[-1].day
    time = Scale(float(first.toordinal()), float(last.toordinal()), _LEFT, width - _RIGHT)
    rises = _rises(months)
    bottom, base = _TOP + _PLOT, _TOP + _PLOT + _GAP + _BARS
    body = _levels(rises, width, form)
    for part in _runs(months):
        body += _run(part, time, rises, form)
    body += _marks(marks, time, bottom, first, last)
    body += _mrr(months, time, base, currency, width)
    body += _days(first, last, time, base)
    title = f"NRR and MRR of {short(of, 80)} from {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return picture(
        body, width, base + 24, name=name, title=title, describes=_words(months, currency, form), kind="history"
    )


def _rises(months: Sequence[Month]) -> Scale:
    """NRR upwards, with 100 % on it."""
    values = [value for one in months for value in (one.nrr, one.low, one.high) if value is not None]
    return Scale.over([1.0, *values], _TOP + _PLOT, _TOP, least=0.2, margin=0.04)


def _levels(rises: Scale, width: int, form: Form) -> list[Markup]:
    drawn, step = [label(0, 12, "NRR", "head")], rises.step(4)
    for tick in rises.ticks(4):
        y = rises(tick)
        kind = "axis" if abs(tick - 1) < 1e-9 else "grid"
        drawn.append(element("line", class_=kind, x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y))
        drawn.append(label(_LEFT - 6, y + 4, form.mark(tick, step), "mark", "end"))
    return drawn


def _runs(months: Iterable[Month]) -> list[list[Month]]:
    """Moments with a score that follow one another: over what has none no line goes."""
    found: list[list[Month]] = [[]]
    for one in months:
        if one.nrr is not None:
            found[-1].append(one)
        elif found[-1]:
            found.append([])
    return [part for part in found if part]


def _run(part: Sequence[Month], time: Scale, rises: Scale, form: Form) -> list[Markup]:
    placed = [(time(float(one.day.toordinal())), one) for one in part]
    drawn: list[Markup] = []
    held = [(x, one.low, one.high) for x, one in placed if one.low is not None and one.high is not None]
    if len(held) > 1:
        up = [f"{x:.1f},{rises(high):.1f}" for x, _, high in held]
        down = [f"{x:.1f},{rises(low):.1f}" for x, low, _ in reversed(held)]
        drawn.append(element("polygon", class_="band", points=" ".join(up + down)))
    elif held:
        x, low, high = held[0]
        drawn.append(element("line", class_="range", x1=x, x2=x, y1=rises(low), y2=rises(high)))
    line = " ".join(f"{x:.1f},{rises(one.nrr or 0.0):.1f}" for x, one in placed)
    drawn.append(element("polyline", class_="curve", points=line))
    for i, (x, one) in enumerate(placed):
        dot = element("circle", class_="dot", cx=x, cy=rises(one.nrr or 0.0), r=4.0 if i == len(placed) - 1 else 2.6)
        drawn.append(group(dot, says=_said(one, form)))
    return drawn


def _said(one: Month, form: Form) -> str:
    held = "" if one.low is None or one.high is None else f" ({form.level(one.low)} to {form.level(one.high)})"
    return f"{rendering.day(one.day)}: NRR {form.level(one.nrr or 0.0)}{held}"


def _marks(marks: Sequence[Mark], time: Scale, bottom: float, first: date, last: date) -> list[Markup]:
    """What happened as triangles between both drawings: up for what raises, down for what lowers."""
    drawn = []
    for mark in marks:
        if first <= mark.day <= last:
            x, y = time(float(mark.day.toordinal())), bottom + _GAP / 2 - 2
            up = -1 if mark.tone == "raises" else 1
            points = f"{x - 5:.1f},{y - 4 * up:.1f} {x + 5:.1f},{y - 4 * up:.1f} {x:.1f},{y + 5 * up:.1f}"
            drawn.append(group(element("polygon", class_=f"event {mark.tone}", points=points), says=mark.said))
    return drawn


def _mrr(months: Sequence[Month], time: Scale, base: float, currency: str, width: int) -> list[Markup]:
    """MRR as steps from nothing: it stays until the next moment that is looked at."""
    most = max(one.mrr for one in months)
    rises = Scale(0.0, most or 1.0, base, base - _BARS)
    drawn = [element("line", class_="axis", x1=_LEFT, x2=width - _RIGHT, y1=base, y2=base)]
    drawn.append(label(0, base - _BARS - 3, f"MRR, {short(currency, 12)}", "head"))
    if most > 0:
        drawn.append(label(_LEFT - 6, base - _BARS + 10, compact(most, most / 20), "mark", "end"))
    drawn.append(label(_LEFT - 6, base + 3, "0", "mark", "end"))
    ends = [*(time(float(one.day.toordinal())) for one in months)]
    ends.append(ends[-1] + 3)
    for one, x, until in zip(months, ends, ends[1:], strict=False):
        height = base - rises(one.mrr)
        says = f"{rendering.day(one.day)}: MRR {rendering.money(one.mrr, currency)}"
        bar = element("rect", class_="bar count", x=x, y=base - height, width=max(until - x, 1.0), height=height)
        drawn.append(group(bar, says=says))
    return drawn


def _days(first: date, last: date, time: Scale, base: float) -> list[Markup]:
    """First days of quarters, or of months where there are few of these, as far as they have room."""
    drawn = []
    free = -1.0
    for day in _firsts(first, last):
        said, x = f"{day:%b %Y}", time(float(day.toordinal()))
        half = text_width(said, 11.5) / 2
        if x - half >= free and x + half <= time.end + _RIGHT:
            drawn.append(element("line", class_="grid", x1=x, x2=x, y1=base, y2=base + 4))
            drawn.append(label(x, base + 17, said, "mark", "middle"))
            free = x + half + 10
    return drawn


def _firsts(first: date, last: date) -> list[date]:
    every = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    months = [day for day in every if first <= day <= last]
    quarters = [day for day in months if day.month % 3 == 1]
    return quarters if len(quarters) > 3 else months


def _words(months: Sequence[Month], currency: str, form: Form) -> str:
    scored = [one for one in months if one.nrr is not None]
    ends = f"MRR {rendering.money(months[0].mrr, currency)} at first, {rendering.money(months[-1].mrr, currency)} last."
    if not scored:
        return f"No score at any of {len(months)} dates. {ends}"
    return f"{_said(scored[0], form)}; {_said(scored[-1], form)}; {len(scored)} dates with a score. {ends}"

"""Drivers of a model as bars: their share of all that moves the scores, its interval, and which not to act on yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from leap.explanation.dependence import MOST_DRIVERS
from leap.explanation.drivers import way_words
from leap.reports import rendering
from leap.reports.charts.scales import Scale
from leap.reports.charts.svg import WIDE, element, fitted, group, label, lines, picture, short, text_width
from leap.reports.rendering import known

_LINE, _SMALL, _GAP, _BAR = 17.0, 15.0, 10.0, 14.0
NOT_YET = "do not act yet"


@dataclass(frozen=True)
class DriverBar:
    """One driver as drawn; `low` and `high` are the interval of its share where it is known."""

    label: str
    share: float
    low: float | None
    high: float | None
    way: str
    stable: bool

    @property
    def words(self) -> str:
        """All of it as a sentence without its end."""
        between = "" if self.low is None or self.high is None else f" ({_share(self.low)} to {_share(self.high)})"
        return f"{short(self.label, 80)}: {_share(self.share)}{between}, {self.detail}"

    @property
    def detail(self) -> str:
        """The direction, and whether not to act on it yet."""
        return self.way if self.stable else f"{self.way}; {NOT_YET}"


def drivers(
    found: Iterable[Mapping[str, Any]],
    *,
    name: str = "drivers",
    width: int = WIDE,
    most: int = MOST_DRIVERS,
    of: str = "NRR",
    percent: Callable[[float], str] | None = None,
) -> Markup:
    """The drawing of drivers as `Driver.to_json` gives them, the largest first; nothing where there is none.

    `of` is what they are drivers of, `percent` how shares are written.
    """
    bars = bars_of(found, most, of)
    if not bars:
        return Markup("")
    percent = percent or _share
    figures = [percent(bar.share) for bar in bars]
    figure_room = max(text_width(text, 13) for text in figures)
    stacked = width < WIDE
    left, right = (6.0, width - 6.0) if stacked else (322.0, width - figure_room - 14)
    reach = max([0.05, *(max(bar.share, bar.high or 0.0) for bar in bars)])
    scale, y = Scale(0.0, reach, left, right), 2.0
    rows: list[Markup] = []
    for bar, figure in zip(bars, figures, strict=True):
        drawn, y = _row(bar, figure, scale, width, y, figure_room)
        rows.append(group(*drawn, says=bar.words))
    body = [*_axis(scale, y + 6, stacked, percent), *rows]
    title = f"Drivers of {of}: share of all that moves the scores"
    about = "; ".join(bar.words for bar in bars) + "."
    return picture(body, width, y + 28, name=name, title=title, describes=about, kind="drivers")


def bars_of(found: Iterable[Mapping[str, Any]], most: int, of: str = "NRR") -> list[DriverBar]:
    """What is drawn of drivers, largest share first."""
    ranked = sorted(found, key=lambda driver: -float(driver["share"]))[:most]
    return [
        DriverBar(
            label=driver_label(driver),
            share=float(driver["share"]),
            low=known(driver.get("share_low")),
            high=known(driver.get("share_high")),
            way=way_words(str(driver["direction"]), of, str(driver.get("kind", ""))),
            stable=bool(driver["stable"]),
        )
        for driver in ranked
    ]


def driver_label(driver: Mapping[str, Any]) -> str:
    """The name of a group of features.

    >>> driver_label({"label": "Seats", "features": ["seats_28d", "seats_91d", "seats_share"]})
    'Seats (and 2 more)'
    """
    others = len(driver.get("features") or ()) - 1
    return f"{driver['label']} (and {others} more)" if others > 0 else str(driver["label"])


def _row(
    bar: DriverBar, figure: str, scale: Scale, width: int, y: float, figure_room: float
) -> tuple[list[Markup], float]:
    """One driver from the place `y` on, and the place below it."""
    stacked = width < WIDE
    room = width - figure_room - 14 if stacked else scale.start - 22
    top, said, detail = y + _GAP, fitted(bar.label, room), fitted(bar.detail, room, 11.5)
    height = _LINE * len(said) + _SMALL * len(detail)
    kind = "detail" if bar.stable else "detail doubt"
    drawn = lines(0, top + 12, said, "label", _LINE)
    drawn += lines(0, top + _LINE * len(said) + 11, detail, kind, _SMALL)
    middle = top + height + 3 + _BAR / 2 if stacked else top + height / 2 - 1
    if stacked:
        lane = {"x": scale.start, "y": middle - _BAR / 2, "width": scale.end - scale.start, "height": _BAR}
        drawn.append(element("rect", class_="lane", **lane))
    drawn.append(label(width, top + 12 if stacked else middle + 4.5, figure, "figure", "end"))
    shape = {"x": scale.start, "y": middle - _BAR / 2, "width": scale(bar.share) - scale.start, "height": _BAR}
    drawn.append(
        element("rect", class_=f"bar main{'' if bar.stable else ' doubt'}", **shape, data_value=repr(bar.share))
    )
    if bar.low is not None and bar.high is not None:
        drawn += _interval(scale(bar.low), scale(bar.high), middle)
    return drawn, top + height + (3 + _BAR if stacked else 0)


def _interval(low: float, high: float, y: float) -> list[Markup]:
    ends = [element("line", class_="range", x1=x, x2=x, y1=y - 4, y2=y + 4) for x in (low, high)]
    return [element("line", class_="range", x1=low, x2=high, y1=y, y2=y), *ends]


def _axis(scale: Scale, bottom: float, stacked: bool, percent: Callable[[float], str]) -> Sequence[Markup]:
    about = 4 if stacked else 6
    drawn = [element("line", class_="axis", x1=scale.start, x2=scale.end, y1=bottom, y2=bottom)]
    for tick in scale.ticks(about):
        x = scale(tick)
        top = bottom if stacked else 4.0
        drawn.append(element("line", class_="grid", x1=x, x2=x, y1=top, y2=bottom + 4))
        drawn.append(label(x, bottom + 17, percent(tick), "mark", "start" if tick == 0 and stacked else "middle"))
    return drawn


def _share(value: float) -> str:
    return "under 1%" if 0 < value < 0.005 else rendering.share(value, 0)

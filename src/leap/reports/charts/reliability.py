"""Predicted beside observed: one point a tenth of the rows with its interval, and the line on which all should lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from leap.reports import rendering
from leap.reports.charts.scales import Scale
from leap.reports.charts.svg import NARROW, element, group, label, picture
from leap.reports.rendering import known

_LEFT, _RIGHT_MARGIN, _TOP, _SIDE = 46.0, 14.0, 10.0, 262.0


@dataclass(frozen=True)
class Bin:
    """Rows whose predictions are alike: what was predicted of them, what happened, its interval, and how many."""

    predicted: float
    observed: float
    low: float | None
    high: float | None
    accounts: int

    @property
    def words(self) -> str:
        """As a sentence without its end."""
        between = "" if self.low is None or self.high is None else f" ({_share(self.low)} to {_share(self.high)})"
        return (
            f"predicted {_share(self.predicted)}, observed {_share(self.observed)}{between}, {self.accounts:,} accounts"
        )


def bins_of(found: Sequence[Mapping[str, Any]]) -> list[Bin]:
    """Those of `calibration.deciles` for which both figures are known."""
    return [
        Bin(predicted, observed, known(one.get("low")), known(one.get("high")), int(one["accounts"]))
        for one in found
        if (predicted := known(one["predicted"])) is not None and (observed := known(one["observed"])) is not None
    ]


def reliability(found: Sequence[Mapping[str, Any]], *, name: str, title: str) -> Markup:
    """The drawing of `calibration.deciles`; nothing where no bin is known."""
    bins = bins_of(found)
    if not bins:
        return Markup("")
    reach = max(0.05, *(max(one.predicted, one.observed, one.high or 0.0) for one in bins))
    right, bottom = _LEFT + _SIDE, _TOP + _SIDE
    x, y = Scale(0.0, reach, _LEFT, right), Scale(0.0, reach, bottom, _TOP)
    body = [*_axes(x, y, right, bottom), element("line", class_="joint", x1=x(0), y1=y(0), x2=x(reach), y2=y(reach))]
    body += [_point(one, x, y) for one in bins]
    width = max(float(NARROW), right + _RIGHT_MARGIN)
    about = "; ".join(one.words for one in bins) + "."
    return picture(body, width, bottom + 38, name=name, title=title, describes=about, kind="reliability")


def _point(one: Bin, x: Scale, y: Scale) -> Markup:
    drawn = []
    if one.low is not None and one.high is not None:
        drawn.append(
            element("line", class_="range", x1=x(one.predicted), x2=x(one.predicted), y1=y(one.low), y2=y(one.high))
        )
    drawn.append(element("circle", class_="dot", cx=x(one.predicted), cy=y(one.observed), r=4))
    return group(*drawn, says=one.words)


def _axes(x: Scale, y: Scale, right: float, bottom: float) -> list[Markup]:
    drawn = []
    for tick in y.ticks(5):
        drawn.append(element("line", class_="grid", x1=_LEFT, x2=right, y1=y(tick), y2=y(tick)))
        drawn.append(label(_LEFT - 6, y(tick) + 4, _share(tick), "mark", "end"))
    for tick in x.ticks(5):
        drawn.append(label(x(tick), bottom + 16, _share(tick), "mark", "middle"))
    drawn.append(element("line", class_="axis", x1=_LEFT, x2=right, y1=bottom, y2=bottom))
    drawn.append(label((_LEFT + right) / 2, bottom + 32, "predicted", "mark", "middle"))
    drawn.append(label(_LEFT, _TOP - 1, "observed", "mark", "start"))
    return drawn


def _share(value: float) -> str:
    return rendering.share(value, 0 if value == 0 or value >= 0.1 else 1)

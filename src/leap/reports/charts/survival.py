"""How likely an account is still a customer, month by month: followed so far as a line, beyond as a broken one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from leap.reports.charts.scales import Form, Scale, of_shares
from leap.reports.charts.svg import element, group, label, picture, short

SMALL = 340
_LEFT, _RIGHT, _TOP, _PLOT = 40.0, 16.0, 14.0, 112.0
_MARKED = (3, 6, 12, 24, 36)


def survival(
    curve: Sequence[Mapping[str, Any]], *, of: str, form: Form | None = None, name: str = "survival", width: int = SMALL
) -> Markup:
    """The drawing of `survival` of a score; nothing without a curve."""
    if not curve:
        return Markup("")
    form = form or of_shares()
    months, points = Scale(0.0, float(curve[-1]["months"]), _LEFT, width - _RIGHT), [(0, 1.0, True)]
    points += [(int(one["months"]), float(one["survival"]), bool(one["observed"])) for one in curve]
    bottom = _TOP + _PLOT
    rises = Scale(0.0, 1.0, bottom, _TOP)
    body = _frame(rises, width, form)
    for (a, p, _), (b, q, seen) in pairwise(points):
        ends = {"x1": months(a), "y1": rises(p), "x2": months(b), "y2": rises(q)}
        body.append(element("line", class_="line" if seen else "line beyond", **ends))
    for month, share, seen in points[1:]:
        if month in _MARKED:
            x, kept = months(month), form.level(share)
            dot = element("circle", class_="dot" if seen else "dot missing", cx=x, cy=rises(share), r=3.5)
            says = f"Still a customer after {month} months: {kept}{'' if seen else ', beyond what was followed'}"
            body.append(group(dot, says=says))
    free = -99.0
    for month in (0, *_MARKED):
        x = months(month)
        if month <= curve[-1]["months"] and x - free >= 22:
            body.append(label(x, bottom + 17, str(month), "mark", "middle"))
            free = x
    body.append(label((_LEFT + width - _RIGHT) / 2, bottom + 33, "months from now", "mark", "middle"))
    said = "; ".join(f"after {m} months {form.level(p)}" for m, p, _ in points[1:] if m in _MARKED)
    title = f"How likely {short(of, 80)} is still a customer"
    return picture(body, width, bottom + 40, name=name, title=title, describes=said, kind="survival")


def _frame(rises: Scale, width: int, form: Form) -> list[Markup]:
    drawn = []
    for tick in (0.0, 0.5, 1.0):
        y = rises(tick)
        drawn.append(element("line", class_="axis" if tick == 0 else "grid", x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y))
        drawn.append(label(_LEFT - 5, y + 4, form.mark(tick, 0.5), "mark", "end"))
    return drawn

"""Where the bars and points of the backtest's pictures lie, in the units of their own drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leap.reports.charts.scales import Scale
from leap.reports.rendering import known

_LEFT, _RIGHT = 92.0, 888.0
_TOP, _STEP = 8.0, 34.0
_PLOT_LEFT, _PLOT_RIGHT, _PLOT_TOP, _PLOT_BOTTOM = 44.0, 308.0, 14.0, 158.0


@dataclass(frozen=True)
class Span:
    """A bar from `x` to `x + width`, with what a pointer reads of it."""

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class FoldRow:
    """One fold of the picture: training rows, the gap, tested rows, and the time in which their outcomes came."""

    label: str
    y: float
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class FoldPicture:
    """All folds over one axis of time."""

    rows: tuple[FoldRow, ...]
    ticks: tuple[tuple[float, str], ...]
    width: float
    height: float
    bottom: float


@dataclass(frozen=True)
class SaidPoint:
    """A share of accounts at one lead, with its interval; all in the units of the drawing, None where unknown."""

    label: str
    x: float
    y: float | None
    low: float | None
    high: float | None
    chance: float | None
    stayed: float | None
    title: str


@dataclass(frozen=True)
class SaidChart:
    """Shares of one outcome's accounts that stood among the highest 20 %, by days before the event."""

    title: str
    points: tuple[SaidPoint, ...]
    ticks: tuple[tuple[float, str], ...]
    left: float = _PLOT_LEFT
    right: float = _PLOT_RIGHT
    bottom: float = _PLOT_BOTTOM

    def line(self, of: str) -> str:
        """The points of one kind as an SVG polyline."""
        found = [(point.x, getattr(point, of)) for point in self.points]
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in found if y is not None)


def fold_picture(folds: Sequence[Mapping[str, Any]]) -> FoldPicture | None:
    """Bars of all folds, the earliest first; None where there is none."""
    if not folds:
        return None
    first = min(pd.Timestamp(fold["train_from"]) for fold in folds)
    last = max(pd.Timestamp(fold["outcomes_until"]) for fold in folds)
    scale = Scale(0.0, max((last - first).days, 1), _LEFT, _RIGHT)

    def at(day: str) -> float:
        return round(scale((pd.Timestamp(day) - first).days), 1)

    rows = tuple(_fold_row(fold, number, at) for number, fold in enumerate(folds))
    bottom = _TOP + _STEP * len(rows)
    years = range(first.year + (first.day_of_year > 1), last.year + 1)
    every = 1 if len(years) <= 14 else 2 if len(years) <= 28 else 5
    ticks = tuple((at(f"{year}-01-01"), str(year)) for year in years if year % every == 0)
    return FoldPicture(rows, ticks, 900.0, bottom + 24, bottom)


def _fold_row(fold: Mapping[str, Any], number: int, at: Any) -> FoldRow:
    bounds = [
        ("train", "train_from", "train_until", "trains on rows"),
        ("gap", "train_until", "test_from", "gap: the last training rows' outcomes become known"),
        ("test", "test_from", "test_until", "tests rows"),
        ("after", "test_until", "outcomes_until", "their outcomes become known"),
    ]
    spans = []
    for kind, begin, end, words in bounds:
        x, until = at(fold[begin]), at(fold[end])
        # Rows of one date are a bar too.
        width = max(until - x, 5.0 if kind in ("train", "test") else 0.0)
        spans.append(Span(kind, x, round(width, 1), f"{words}, {fold[begin]} to {fold[end]}"))
    return FoldRow(str(fold["cutoff"]), _TOP + _STEP * number, tuple(spans))


def said_chart(title: str, summary: Sequence[Mapping[str, Any]], top: str = "top_20") -> SaidChart | None:
    """The shares of one outcome at each lead, the longest lead on the left; None where nothing was said."""
    rows = sorted((row for row in summary if row["accounts"]), key=lambda row: -int(row["at_days"]))
    if not rows:
        return None
    reach = max([0.4, *(known(row[top]["high"]) or 0.0 for row in rows)])
    reach = min(1.0, -(-reach // 0.2) * 0.2)
    step = (_PLOT_RIGHT - _PLOT_LEFT) / len(rows)

    scale = Scale(0.0, reach, _PLOT_BOTTOM, _PLOT_TOP)

    def height(share: Any) -> float | None:
        number = known(share)
        return None if number is None else round(scale(number), 1)

    points = tuple(
        SaidPoint(
            label=str(row["at_days"]),
            x=round(_PLOT_LEFT + step * (i + 0.5), 1),
            y=height(row[top]["value"]),
            low=height(row[top]["low"]),
            high=height(row[top]["high"]),
            chance=height(row[top]["chance"]),
            stayed=height(row[top]["stayed"]),
            title=f"{row['at_days']} days before: {100 * (known(row[top]['value']) or 0):.0f}% of {row['accounts']}",
        )
        for i, row in enumerate(rows)
    )
    steps = round(reach / 0.2)
    ticks = tuple((height(0.2 * k) or 0.0, f"{20 * k}%") for k in range(steps + 1))
    return SaidChart(title, points, ticks)

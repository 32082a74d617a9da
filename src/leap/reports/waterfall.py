"""The report of a waterfall: for a terminal, as one HTML page, as Markdown, and as a table with all digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import pandas as pd
from markupsafe import Markup

from leap.reports import charts, rendering
from leap.reports.waterfall_summary import PARTS, Row, Summary, of_features, summarise

__all__ = [
    "Summary", "cells", "frame", "of_features", "picture", "render_html", "render_markdown", "render_text", "summarise",
]  # fmt: skip

_LABEL, _FIGURE, _MONEY = 62, 13, 18
_NOTHING = ""


def render_text(summary: Summary) -> str:
    """The rows as columns that add up, for a terminal."""
    lines = [summary.title, f"  {summary.words}"]
    if summary.rows:
        heads = "".join(f"{head:>{_FIGURE}}" for head in ("NRR points", *PARTS))
        money = f"{summary.currency} a month"
        lines += ["", f"  {'':<{_LABEL}}{heads}{money:>{_MONEY}}", *map(_text_row, summary.rows), ""]
    lines += [f"  {remark}" for remark in summary.remarks]
    return "\n".join([*lines, *([f"  Note: {summary.note}"] if summary.note else [])])


def _text_row(row: Row) -> str:
    depth = {"level": "", "part": "  "}.get(row.kind, "    ")
    figures = [_level(row.points) if row.kind == "level" else _points(row.points)]
    figures += [_points(part) for part in row.parts] if row.parts is not None else [_NOTHING] * len(PARTS)
    money = _NOTHING if row.money is None else _money(row)
    written = "".join(f"{figure:>{_FIGURE}}" for figure in figures)
    label = depth + rendering.line(f"{row.label}, {row.detail}" if row.detail else row.label)
    if len(label) < _LABEL:
        return f"  {label:<{_LABEL}}{written}{money:>{_MONEY}}".rstrip()
    # A long label has a line of its own, so that the figures stand in their columns.
    return f"  {label}\n  {'':<{_LABEL}}{written}{money:>{_MONEY}}".rstrip()


def _points(hundredths: int) -> str:
    return rendering.points(hundredths / 10_000, 2)


def _level(hundredths: int) -> str:
    return rendering.share(hundredths / 10_000, 2)


def _money(row: Row) -> str:
    return rendering.count(row.money) if row.kind == "level" else rendering.change(row.money)


def render_html(summary: Summary) -> str:
    """One file without script or outside request: a waterfall as a picture, and its figures as a table."""
    return rendering.render(
        "waterfall.html",
        report=summary,
        rows=cells(summary),
        parts=PARTS,
        picture=picture(summary),
        style=Markup(charts.style()),  # noqa: S704
    )


def render_markdown(summary: Summary) -> str:
    """The figures as a table."""
    return rendering.render("waterfall.md", report=summary, rows=cells(summary), parts=PARTS)


def cells(summary: Summary) -> list[dict[str, Any]]:
    """The rows with every figure written, for a table."""
    return [_cells(row) for row in summary.rows]


def picture(summary: Summary) -> Markup:
    """The waterfall drawn, broad and for phones; nothing where there are no rows."""
    return charts.responsive(lambda width: _drawn(summary, width)) if summary.rows else Markup("")


def _cells(row: Row) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "label": row.label,
        "detail": row.detail,
        "points": _level(row.points) if row.kind == "level" else _points(row.points),
        "parts": [_points(part) for part in row.parts] if row.parts is not None else [_NOTHING] * len(PARTS),
        "money": _NOTHING if row.money is None else _money(row),
        "sign": (row.points > 0) - (row.points < 0) if row.kind != "level" else 0,
        "features": list(_feature_cells(row)) if len(row.features) > 1 else [],
    }


def _feature_cells(row: Row) -> Iterator[dict[str, Any]]:
    """The features behind a line, rounded to what the line shows."""
    for one, parts, money in of_features(row):
        cells = {"points": _points(sum(parts)), "parts": [_points(part) for part in parts]}
        yield {"label": one["label"], **cells, "money": rendering.change(money)}


def _drawn(summary: Summary, width: int) -> Markup:
    start, *rest, end = summary.rows
    shares = charts.of_shares(level=lambda value: rendering.share(value, 2))
    form = replace(shares, change=lambda value: rendering.points(value, 2))
    return charts.waterfall(
        charts.Level(start.label, start.points / 10_000, start.detail, _amount(start)),
        list(_steps(rest)),
        charts.Level(end.label, end.points / 10_000, end.detail, _amount(end)),
        form,
        title=summary.title,
        width=width,
        beside=f"{summary.currency} a month",
        least=0.02,
    )


def _steps(rows: Sequence[Row]) -> Iterator[charts.Step]:
    """A step a row; the rows of a part stand for it, and say which it is."""
    part = ""
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        if row.kind == "part":
            part = row.label
            if after is not None and after.kind != "part":
                continue
        detail = row.detail if row.kind == "part" else ", ".join(filter(None, (part, row.detail)))
        rest: Literal["rest", "step"] = "rest" if row.kind == "rest" else "step"
        yield charts.Step(row.label, row.points / 10_000, detail, _amount(row), rest)


def _amount(row: Row) -> str:
    return _NOTHING if row.money is None else _money(row)


def frame(document: Mapping[str, Any]) -> pd.DataFrame:
    """One row a feature, and one for what no feature is behind, with all digits: `nrr_points` adds up to the NRR.

    Of a difference it adds up to `difference`; `part` says where a row belongs.
    """
    rows = [] if "reason" in document else list(_rows(document))
    columns = ["part", "group", "label", "feature", "nrr_points", *PARTS, "grr_points", "money", "accounts"]
    return pd.DataFrame(rows, columns=columns)


def _rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if document["kind"] == "dates":
        model, behaviour, mix = (document[name] for name in ("model", "behaviour", "mix"))
        yield _amount_row("model", "base", "Base of the model", model["base"])
        yield from _feature_rows("model", model["lines"])
        yield from _feature_rows("behaviour", behaviour["lines"])
        yield _amount_row("behaviour", "became_leaving", "Became known to be leaving", behaviour["became_leaving"])
        yield _amount_row("behaviour", "no_longer_leaving", "No longer leaving", behaviour["no_longer_leaving"])
        for line in mix["lines"]:
            yield _amount_row("mix", line["group"], line["label"], line)
        return
    if document["kind"] == "portfolio":
        figures = {"nrr_points": document["base"], "grr_points": document["base_grr"], "money": document["base_money"]}
        yield _amount_row("base", "base", "Base of the model", figures)
    yield from _feature_rows("drivers", document["lines"])
    yield _amount_row("leaving", "leaving", "Already leaving", document["leaving"])


def _feature_rows(part: str, lines: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        for one in line["features"]:
            same = {name: one[name] for name in ("label", "feature", "nrr_points", "grr_points", "money")}
            yield {"part": part, "group": line["group"], **same, **one["parts"]}


def _amount_row(part: str, group: str, label: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    same = {name: figures[name] for name in ("nrr_points", "grr_points", "money", "accounts") if name in figures}
    return {"part": part, "group": group, "label": label, "feature": "", **same}

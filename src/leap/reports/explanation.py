"""One account's score as a file: a page with its picture and all reasons in words, or the picture alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from leap.errors import UsageError
from leap.reports import charts, rendering
from leap.reports.charts.reasons import MOST, value_words
from leap.reports.charts.scales import signed
from leap.reports.charts.svg import short
from leap.reports.rendering import known

SUFFIXES = (".html", ".svg")


def render_html(
    score: Mapping[str, Any],
    *,
    company: str,
    currency: str,
    horizon_months: int,
    as_of: object = None,
    version: str | None = None,
    money_note: str | None = None,
) -> str:
    """One file without script or outside request; `score` as `Score.to_json` gives it, with all its reasons."""
    listed = sorted(score.get("reasons") or (), key=lambda reason: -abs(float(reason["nrr_points"])))
    mrr, residual = known(score.get("mrr")), known(score.get("residual"))
    return rendering.render(
        "explanation.html",
        name=score.get("name") or score["account_id"],
        score=score,
        company=company,
        currency=currency,
        horizon=horizon_months,
        as_of=as_of,
        version=version,
        money_note=money_note,
        has_money=mrr is not None,
        picture=charts.responsive(lambda width: charts.reasons(score, currency, width=width)),
        style=Markup(charts.style()),  # noqa: S704 (our own style sheet)
        rows=[_row(reason) for reason in listed],
        others=residual,
        others_money=None if mrr is None or residual is None else signed(mrr * residual),
    )


def _row(reason: Mapping[str, Any]) -> dict[str, Any]:
    """A reason as the table has it."""
    return {
        "label": short(reason.get("label") or reason["feature"]),
        "said": short(value_words(reason) or reason.get("phrase") or "", 300),
        "nrr_points": float(reason["nrr_points"]),
        "money": rendering.DASH if known(reason.get("money")) is None else signed(float(reason["money"])),
    }


def render_svg(score: Mapping[str, Any], *, currency: str, most: int = MOST) -> str:
    """The picture alone; UsageError where there is no score to draw."""
    drawn = charts.reasons(score, currency, most=most)
    if not drawn:
        why = str(score.get("abstained") or "no score").replace("_", " ")
        raise UsageError(f"{score.get('account_id')}: no picture: {why}.")
    return charts.standalone(drawn)


def write(path: Path, score: Mapping[str, Any], *, currency: str, **about: Any) -> None:
    """Write `.html` or `.svg`; `about` as `render_html` takes it."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path.name}: expected a name ending in {' or '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder to write {path.name} into.")
    svg = suffix == ".svg"
    text = render_svg(score, currency=currency) if svg else render_html(score, currency=currency, **about)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}.") from error

"""The retention report: `summarise` into values, then lay out for a terminal or as one HTML page."""

from __future__ import annotations

from leap.reports import rendering
from leap.reports.retention_summary import Bar, RetentionSummary, SegmentRow, Waterfall, summarise
from leap.revenue import StartingYear

__all__ = ["RetentionSummary", "render_html", "render_text", "summarise"]

_CHART = 44
"""Characters of the longest bar in a terminal."""
_NAME = 28
_MOST_COLUMNS = 6


def render_html(summary: RetentionSummary) -> str:
    """One file without script or outside request, for a browser, a mail or paper."""
    return rendering.render("retention.html", report=summary)


def render_text(summary: RetentionSummary) -> str:
    """Figures, waterfalls, starting years and segments for a terminal."""
    found = summary.figures
    title = f"{summary.company}: retention from {summary.start} to {summary.end}, snapshot method "
    lines = [title + f"({summary.definition_hash})"]
    if summary.money_note:
        lines.append(f"Note: {summary.money_note}")
    if summary.undefined:
        lines.append(f"  undefined: {found.reason} ({summary.undefined})")
    else:
        lines += [
            f"  {found.accounts:,} accounts, starting MRR {found.starting_mrr:,.2f} {summary.currency}, ending MRR of "
            f"the same accounts {found.ending_mrr:,.2f}",
            "",
            *(f"  {fact.label:<12} {_share(fact.value):>9}  {fact.about}" for fact in summary.facts),
        ]
    for waterfall in summary.waterfalls:
        lines += ["", *_waterfall_lines(waterfall, summary)]
    if summary.years:
        lines += ["", *_year_lines(summary)]
    if summary.segments:
        lines += ["", *_segment_lines(summary)]
    return "\n".join([*lines, "", *(f"  {remark}" for remark in summary.remarks)])


def _waterfall_lines(waterfall: Waterfall, summary: RetentionSummary) -> list[str]:
    lines = [f"  {waterfall.title}, {summary.currency} a month: {waterfall.about}"]
    return lines + [_bar_line(bar, summary.reach) for bar in waterfall.bars]


def _bar_line(bar: Bar, reach: float) -> str:
    scale = _CHART / reach if reach > 0 else 0.0
    begins, ends = round(bar.low * scale), round(bar.high * scale)
    if bar.low < bar.high:
        begins, ends = min(begins, _CHART - 1), max(ends, begins + 1)
    sign = {"level": "█", "up": "+", "down": "-"}[bar.kind]
    amount = f"{bar.amount:+,.2f}" if bar.kind != "level" and bar.amount else f"{bar.amount or 0.0:,.2f}"
    return f"    {bar.label:<13} {amount:>18}  {' ' * begins}{sign * (ends - begins)}".rstrip()


def _year_lines(summary: RetentionSummary) -> list[str]:
    shown = summary.after_months[:_MOST_COLUMNS]
    heads = "".join(f"{f'{months} months':>15}" for months in shown)
    given = (
        "NRR (accounts kept) after each account's own months"
        if shown
        else "12 months are not yet over for every account of any year"
    )
    more = f" (to {summary.after_months[-1]} months with --out or --json)" if shown != summary.after_months else ""
    return [
        f"  By the year in which accounts first paid: {given}{more}",
        f"    {'year':<6}{'accounts':>9}{'starting MRR':>18}{heads}",
        *(_year_line(year, shown) for year in summary.years),
    ]


def _year_line(year: StartingYear, months: tuple[int, ...]) -> str:
    found = {cell.months: cell for cell in year.after}
    cells = [
        f"{_share(cell.nrr, 1)} ({_share(cell.logo_retention, 0)})" if cell and cell.nrr is not None else "–"
        for cell in map(found.get, months)
    ]
    return f"    {year.year:<6}{year.accounts:>9,}{year.starting_mrr:>18,.2f}" + "".join(f"{c:>15}" for c in cells)


def _segment_lines(summary: RetentionSummary) -> list[str]:
    lines = [
        f"  By {summary.by} at the start",
        f"    {'':<{_NAME}}{'accounts':>9}{'starting MRR':>18}{'NRR':>9}{'GRR':>9}{'logo churn':>12}",
        *map(_segment_line, summary.segments),
    ]
    if summary.segments_left_out:
        lines.append(f"    and {summary.segments_left_out:,} with less starting MRR (--json has all)")
    return lines


def _segment_line(row: SegmentRow) -> str:
    found = row.figures
    name = rendering.line(row.name)
    name = name if len(name) < _NAME else name[: _NAME - 2] + "…"
    ratios = f"{_share(found.nrr):>9}{_share(found.grr):>9}{_share(found.logo_churn):>12}"
    return f"    {name:<{_NAME}}{found.accounts:>9,}{found.starting_mrr:>18,.2f}{ratios}"


def _share(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}%}"

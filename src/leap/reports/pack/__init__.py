"""The quarterly review pack: one page to be forwarded before people go through the ideal customer profiles.

It says what changed, what is to be decided, on what evidence, and how good all of it is. Every figure is one that
another report or answer gives too: here they are put together, and nothing is computed anew.
"""

from __future__ import annotations

from markupsafe import Markup

from leap.reports import charts, rendering, waterfall
from leap.reports.glossary import TERMS
from leap.reports.pack.book import BookNow, Version, book_now
from leap.reports.pack.decisions import Decision, Decisions
from leap.reports.pack.retaining import RetentionQuarter, retention_quarters
from leap.reports.pack.summary import Given, Pack, summarise, to_json

__all__ = [
    "BookNow", "Decision", "Decisions", "Given", "Pack", "RetentionQuarter", "Version", "book_now", "render_html",
    "render_markdown", "render_text", "retention_quarters", "summarise", "to_json",
]  # fmt: skip

_NOT_USED = ("Must, strong, useful", "Rules tried", "Account error", "Payback", "Value of 12 months", "LTV : CAC")
_TERMS = tuple((term, meaning) for term, meaning in TERMS if term not in _NOT_USED)


def render_html(pack: Pack) -> str:
    """One file without script or outside request, for a browser, a mail or paper."""
    return rendering.render(
        "pack.html",
        pack=pack,
        report=pack.icp,
        terms=_TERMS,
        picture=waterfall.picture(pack.waterfall) if pack.waterfall and pack.waterfall.rows else "",
        style=Markup(charts.style()),  # noqa: S704 (our own style sheet)
    )


def render_markdown(pack: Pack) -> str:
    """The same for a wiki or a pull request."""
    rows = waterfall.cells(pack.waterfall) if pack.waterfall else []
    return rendering.render("pack.md", pack=pack, report=pack.icp, r=pack.icp, terms=_TERMS, waterfall_rows=rows)


def render_text(pack: Pack) -> str:
    """What is on its first page, for a terminal."""
    lines = [f"{rendering.line(pack.title)}: {rendering.line(pack.about)}"]
    if pack.icp.money_note:
        lines.append(f"Note: {rendering.line(pack.icp.money_note)}")
    lines += ["", *(f"  {one.lead:<11} {rendering.line(one.text)}" for one in pack.short)]
    if pack.decisions.to_take:
        lines += ["", "To decide"]
        lines += [
            f"  {one.number:>2}. {one.name if one.name == one.key else f'{one.name} [{one.key}]'}: {one.text}"
            for one in pack.decisions.to_take
        ]
    lines += ["", "The whole pack: --out pack.html or pack.md"]
    return "\n".join(lines).replace("−", "-")

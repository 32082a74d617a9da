"""The ideal customer profiles of the live model: to do, the evidence, what people decided, and files to hand over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import StringConstraints

from serving.direct import Body, Deadline, large
from serving.errors import Refused
from serving.live import Served
from serving.pages import icp_shown
from serving.pages.findings import findings, settings_of, told
from serving.pages.route import OfPage, Page, PageQuery

if TYPE_CHECKING:
    from leap.reports.icp_exports import Export

VERSION = r"^([1-9][0-9]{0,8})?$"
"""A version by its number."""

router = APIRouter(route_class=Page)

_EXPORTS = ("salesforce", "hubspot", "qualification", "points")
_KINDS = {
    ".md": "text/markdown; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".sql": "application/sql",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
}
FORMS = (
    ("points.md", "Points card", "what to add up, the bands, and the formula of a Salesforce field"),
    ("points.csv", "Points card as a table", "a row for each condition"),
    ("qualification.md", "Qualification of leads", "what to ask, which tier an answer gives, who takes it"),
    ("icp.sql", "SQL", "a query for each profile, and one for the tier of every account"),
    ("salesforce.md", "Salesforce", "fields to create, list views and SOQL for each profile and tier"),
    ("hubspot.json", "HubSpot", "properties and dynamic lists, as bodies of its API"),
    ("icp.csv", "Table of findings", "a row for each profile and attribute, with its evidence"),
    ("icp.md", "Report as Markdown", "for a wiki or a pull request"),
)
"""What can be taken along: file, name, what is in it."""


class IcpQuery(PageQuery):
    """How the attributes are sorted, and of which version (empty: the live one)."""

    sort: str = ""
    version: Annotated[str, StringConstraints(pattern=VERSION)] = ""


@router.get("/icp")
@large(True)
def icp(query: Annotated[IcpQuery, Query()], view: OfPage, check: Deadline) -> Body:
    """Profiles with their evidence, or why there is none."""
    earlier = query.version if query.version != view.served.version else ""
    found = findings(view.served, earlier or None)
    check()
    return view.show(
        "icp.html",
        r=found.summary,
        cards=icp_shown.cards(found),
        widest=icp_shown.reach(found),
        without_interval=icp_shown.without_interval,
        doing=[icp_shown.doing(todo) for todo in found.summary.monday],
        attributes=icp_shown.attributes(found, query.sort),
        columns=icp_shown.columns(query.sort, earlier),
        change=None if earlier else icp_shown.change(view.served, check),
        earlier=earlier,
        forms=FORMS,
        waiting=bool(found.waiting),
        trouble=told(view, found.trouble),
    )


@router.get("/icp/report.html")
@large(True)
def icp_report(view: OfPage) -> Body:
    """The report as one file that can be forwarded."""
    from leap.reports.icp import render_html

    return _attached(view.served, "report.html", render_html(findings(view.served).summary))


@router.get("/icp/export/{form}")
@large(True)
def icp_export(form: Annotated[str, Path()], view: OfPage) -> Body:
    """Points, rules and filters for other programs, as `leap icp --format` makes them."""
    known = [name for name, _, _ in FORMS]
    if form not in known:
        raise Refused(404, f"There is no such file; expected one of {', '.join(known)}.")
    return _attached(view.served, form, _written(view.served, form))


def _written(served: Served, form: str) -> str:
    from leap.reports import icp as report
    from leap.reports import icp_exports

    stem, _, suffix = form.partition(".")
    if stem in _EXPORTS:
        return icp_exports.render(_export(served), stem, f".{suffix}")
    summary = findings(served).summary
    renderers: dict[str, Callable[[Any], str]] = {
        "csv": report.render_csv,
        "md": report.render_markdown,
        "sql": lambda summary: report.render_sql(summary, band=_export(served).policy.band),
    }
    return renderers[suffix](summary)


def _export(served: Served) -> Export:
    """What exports are made from, without what people rejected."""
    from leap.icp import TierPolicy
    from leap.reports.icp_exports import Export
    from leap.reviews import without_rejected

    bundle = served.scorer.bundle
    search = without_rejected(bundle.icp, findings(served).verdicts)
    tiers_by = TierPolicy.of(bundle.settings.policy)
    return Export(search, settings_of(served), bundle.catalog, served.version, bundle.trained_on, tiers_by)


def _attached(served: Served, name: str, text: str) -> Body:
    """A file to keep; browsers do not show it as a page of this service, so it may have a style of its own."""
    suffix = f".{name.rpartition('.')[2]}"
    stem = "icp" if name.startswith("icp.") else f"icp-{name.partition('.')[0]}"
    whole = f"{stem}-version-{served.version}{suffix}"
    headers = {"Content-Disposition": f'attachment; filename="{whole}"'}
    return Body(text.encode(errors="replace"), media_type=_KINDS[suffix], headers=headers)

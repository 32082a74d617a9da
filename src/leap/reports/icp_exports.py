"""The exports of profiles by the name of their format: pages for people, or data where the file's name says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from leap.reports.crm_lists import (
    Export,
    hubspot_document,
    render_hubspot,
    render_salesforce,
    salesforce_document,
    written,
)
from leap.reports.points_text import points_document, render_points, render_points_csv
from leap.reports.qualification import qualification_document, render_qualification

__all__ = ["FORMATS", "Export", "document", "render"]

_DOCUMENTS: Mapping[str, Callable[[Export], dict[str, Any]]] = {
    "salesforce": salesforce_document,
    "hubspot": hubspot_document,
    "qualification": qualification_document,
    "points": points_document,
}
_PAGES: Mapping[str, Callable[[Export], str]] = {
    "salesforce": lambda export: render_salesforce(salesforce_document(export)),
    "hubspot": lambda export: render_hubspot(hubspot_document(export)),
    "qualification": render_qualification,
    "points": render_points,
}
FORMATS = tuple(_DOCUMENTS)
_AS_DATA = "hubspot"
"""What is sent to an API rather than read: JSON unless the file is named as a page."""


def document(export: Export, kind: str) -> dict[str, Any]:
    """One of `FORMATS` as JSON."""
    return _DOCUMENTS[kind](export)


def render(export: Export, kind: str, suffix: str = "") -> str:
    """One of `FORMATS` as text: JSON in `.json`, a table in `.csv` (points only), else Markdown; of HubSpot JSON
    unless the suffix is `.md`.
    """
    if kind == "points" and suffix == ".csv":
        return render_points_csv(export)
    if suffix == ".json" or (kind == _AS_DATA and suffix not in (".md", ".markdown")):
        return written(document(export, kind)) + "\n"
    return _PAGES[kind](export)

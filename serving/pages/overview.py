"""The first page: how the book stands."""

from __future__ import annotations

from fastapi import APIRouter

from serving.direct import Body
from serving.pages import words
from serving.pages.route import OfPage, Page

router = APIRouter(route_class=Page)


@router.get("/")
def overview(view: OfPage) -> Body:
    """Totals of the live model's accounts."""
    served = view.served
    has_tables = served.scorer.tables is not None
    return view.show("overview.html", has_tables=has_tables, totals=words.totals(served.accounts))

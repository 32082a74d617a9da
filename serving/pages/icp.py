"""The ideal customer profiles of the live model with their evidence."""

from __future__ import annotations

from fastapi import APIRouter

from serving.direct import Body
from serving.pages.route import OfPage, Page

router = APIRouter(route_class=Page)


@router.get("/icp")
def icp(view: OfPage) -> Body:
    """Profiles, or why there is none."""
    return view.show("icp.html", icp=view.served.scorer.icp_document())

"""What moves the scores of the live model, each driver with a picture, and which not to act on yet."""

from __future__ import annotations

from fastapi import APIRouter

from serving.direct import Body
from serving.pages import drawn
from serving.pages.route import OfPage, Page

router = APIRouter(route_class=Page)


@router.get("/drivers")
def drivers(view: OfPage) -> Body:
    """Drivers of both scopes."""
    return view.show("drivers.html", scopes=drawn.drivers(view.served.scorer.drivers_document()))

"""What pages need beside themselves: static files, and the glossary."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.direct import Body, Direct, at_once
from serving.pages import assets, glossary
from serving.pages.route import OfPage, Page

router = APIRouter(route_class=Page)
files = APIRouter(route_class=Direct)


@files.get("/static/{name}", include_in_schema=False)
@at_once
def static(name: Annotated[str, Path()]) -> Body:
    """Style sheets, scripts and the icon."""
    return assets.answer(name)


@router.get("/glossary")
def terms(view: OfPage) -> Body:
    """Every term in a sentence."""
    listed = [(glossary.anchor(name), name, means) for name, means in glossary.meanings().items()]
    return view.show("glossary.html", terms=listed)

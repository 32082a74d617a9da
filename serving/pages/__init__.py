"""Pages for RevOps: profiles with their evidence, accounts by money at risk, one account's reasons, and drivers.

Rendered on the server, with one local style sheet and no script: nothing is asked of any other machine, and names from
data are escaped by the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serving.access import ADMIN
from serving.live import LiveModel, Served
from serving.pages import drawn, words

FOLDER = Path(__file__).parent
MOST_LISTED = 100
EVERY_GROUP = 1_000_000
"""More reasons than any model has groups of features."""
MOST_SEARCHED = 100

STATIC = {"leap.css": "text/css; charset=utf-8", "leap.svg": "image/svg+xml"}
CHARTS = "charts.css"
_KEPT = {"Cache-Control": "public, max-age=3600"}

environment = Environment(
    loader=FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
environment.filters |= {
    "amount": words.amount,
    "percent": words.percent,
    "points": words.points,
    "signed": words.signed_amount,
    "number": words.number,
    "day": words.day,
    "span": words.span,
    "plain": words.plain,
    "size": words.size,
    "spaced": words.spaced,
    "kpis": words.kpis,
    "path": lambda text: quote(str(text), safe=""),
}
environment.globals |= {
    "ahead": words.ahead,
    "bar": words.bar,
    "draw_reasons": drawn.reasons,
    "offer": words.offer,
    "won": words.won,
    "interval": words.interval,
    "reach": words.reach,
}

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, q: str = "") -> Response:
    """Profiles and accounts of the live model."""
    live: LiveModel = request.app.state.live
    served = live.peek()
    if served is None:
        return no_model(request)
    searched = q.strip()[:MOST_SEARCHED]
    found = served.find(searched)
    return page(
        "home.html",
        served,
        request,
        icp=served.scorer.icp_document(),
        totals=words.totals(served.accounts),
        q=searched,
        found=len(found),
        listed=found[:MOST_LISTED],
    )


@router.get("/accounts/{account_id:path}")
def account(request: Request, account_id: str) -> Response:
    """One account with all its reasons; features that say nearly the same are one, as everywhere."""
    live: LiveModel = request.app.state.live
    served = live.peek()
    if served is None:
        return no_model(request)
    scores, _ = served.scorer.by_id([account_id], top=EVERY_GROUP)
    if not scores:
        return page("unknown.html", served, request, status=404, account_id=account_id[:200])
    named = next((one.name for one in served.accounts if one.account_id == account_id), account_id)
    doubted = served.scorer.offers_lost_money
    return page("account.html", served, request, name=named, score=scores[0], doubted=doubted)


@router.get("/drivers")
def drivers(request: Request) -> Response:
    """What moves the scores of the live model, each driver with a picture, and which not to act on yet."""
    live: LiveModel = request.app.state.live
    served = live.peek()
    if served is None:
        return no_model(request)
    return page("drivers.html", served, request, scopes=drawn.drivers(served.scorer.drivers_document()))


@router.get("/static/{name}")
def static(name: str) -> Response:
    """The style sheets and the icon."""
    if name == CHARTS:
        return Response(drawn.style(), media_type=STATIC["leap.css"], headers=_KEPT)
    if name not in STATIC:
        raise HTTPException(404, "No such file.")
    body = (FOLDER / "static" / name).read_bytes()
    return Response(body, media_type=STATIC[name], headers=_KEPT)


def page(template: str, served: Served, request: Request, *, status: int = 200, **values: Any) -> Response:
    """A page about the live model."""
    about: Mapping[str, Any] = {
        "company": served.company,
        "horizon": served.horizon_months,
        "model": served.scorer.model_header(),
        "as_of": served.scorer.as_of,
        "problem": problem_told(request),
    }
    return html(template, status, **about, **values)


def no_model(request: Request) -> Response:
    """The page while nothing is live: being loaded, or why not."""
    return html("no_model.html", 503, problem=problem_told(request))


def problem_told(request: Request) -> str:
    """What is wrong, as far as this reader may know; empty where nothing is."""
    live: LiveModel = request.app.state.live
    problem = live.problem
    return "" if problem is None else problem.told(ADMIN in request.scope["leap.call"].scopes)


def html(template: str, status: int, **values: Any) -> Response:
    """A rendered template."""
    return Response(environment.get_template(template).render(values), status_code=status, media_type="text/html")

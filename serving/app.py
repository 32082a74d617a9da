"""The application: the routes for programs and the pages for people, described by one OpenAPI document."""

from __future__ import annotations

import re

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from leap.errors import LeapError
from serving import pages
from serving.calls import Unwatched, Watch
from serving.direct import State, document
from serving.errors import Refused, breaks_schema, internal, refusal_of
from serving.guard import KnownRoute
from serving.lanes import Lanes
from serving.live import LiveModel
from serving.logs import request_failed
from serving.openapi import openapi_with_examples
from serving.routes import ROUTERS


async def alive(_: Scope, receive: Receive, send: Send) -> None:
    """`/livez`: as BentoML would answer, but past its layers, so that it is quick however busy the service is."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"\n"})


READING = frozenset({"GET", "HEAD"})
ROUTES_BESIDE = (
    KnownRoute("/livez", re.compile(r"^/livez\Z"), READING, alive),
    # Answered by BentoML itself. Its other routes (its own pages and schemas) are not let through.
    KnownRoute("/metrics", re.compile(r"^/metrics\Z"), READING),
)
"""Routes of the service that are none of the application."""

DESCRIPTION = """Scores of customers with their reasons, the worth of prospects, and the profiles they are measured by.

Ratios and probabilities are fractions, dates are ISO 8601, money is in the company's reporting currency; null means not
defined. Every error has one form, and every answer names the version of the model it comes from."""


def create_app(live: LiveModel, lanes: Lanes | None = None, watch: Watch | None = None) -> FastAPI:
    """The application around the holder of the live model."""
    app = FastAPI(
        title="Leap",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Not `include_router`, which hides routes from whoever looks for them: BentoML's mount and our guard do.
        routes=[matching_all_of_a_path(route) for router in (*ROUTERS, *pages.ROUTERS) for route in router.routes],
    )
    app.add_route("/docs.json", docs, methods=["GET"], include_in_schema=False)
    app.state.live = live
    app.state.shared = State(live, lanes or Lanes())
    app.state.watch = watch or Unwatched()
    app.add_exception_handler(LeapError, _leap_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)
    return app


def matching_all_of_a_path(route: BaseRoute) -> BaseRoute:
    """The route, made to match a path to its end and nothing shorter: an id may hold a line feed, at which the pattern
    that Starlette makes stops, or which it leaves out where it comes last.
    """
    if isinstance(route, Route) and route.path_regex.pattern.endswith("$"):
        route.path_regex = re.compile(route.path_regex.pattern.removesuffix("$") + r"\Z", re.DOTALL)
    return route


def docs(request: Request) -> Response:
    """The OpenAPI document; its examples work with the live model."""
    served = request.app.state.live.peek()
    return Response(document(openapi_with_examples(request.app, served)).content, media_type="application/json")


async def _leap_error(_: Request, error: LeapError) -> Response:
    return _response(refusal_of(error))


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    return _response(breaks_schema([{**one, "loc": one["loc"][1:]} for one in error.errors()], "query"))


async def _http_error(_: Request, error: HTTPException) -> Response:
    return _response(Refused(error.status_code, str(error.detail)))


async def _fault(request: Request, error: Exception) -> Response:
    call = request.scope["leap.call"]
    request_failed(call, error)
    return _response(internal(call.request_id))


def _response(refused: Refused) -> Response:
    return Response(refused.document, status_code=refused.status, media_type="application/json")

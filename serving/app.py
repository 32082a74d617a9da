"""The HTTP application: routes that translate and call, one error form, and an OpenAPI document that holds.

Every handler takes the live model once and answers from it alone. Handlers are plain functions: they run on threads, as
many as `SCORING_THREADS`, and the event loop stays free for health checks.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncIterator, Iterable
from datetime import date
from functools import cache
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from leap.errors import LeapError, UnknownAccount
from serving import pages
from serving.guard import CODES, KnownRoute, error_document, internal_message
from serving.live import LiveModel, Served
from serving.schemas import (
    MAX_TEXT,
    AccountAnswer,
    AccountRows,
    ErrorAnswer,
    IcpAnswer,
    ModelAnswer,
    ProspectsRequest,
    Ready,
    ScoreRequest,
    ScoresAnswer,
    Top,
    example_requests,
)

# More threads than processors, so that a request for 1,000 accounts does not hold up those for one.
SCORING_THREADS = min(16, max(4, os.cpu_count() or 1))

# Answered by BentoML itself. Its other routes (its own pages and schemas) are not let through.
BENTOML_ROUTES = [
    KnownRoute(template=path, pattern=re.compile(f"^{path}$"), methods=frozenset({"GET", "HEAD"}))
    for path in ("/livez", "/metrics")
]

DESCRIPTION = """Scores of customers with their reasons, the worth of prospects, and the profiles they are measured by.

Ratios and probabilities are fractions, dates are ISO 8601, money is in the company's reporting currency; null means not
defined. Every error has one form, and every answer names the version of the model it comes from."""


class Json(JSONResponse):
    """JSON written in one pass; an undefined number is null."""

    def render(self, content: Any) -> bytes:
        """The bytes of the body."""
        return to_json(content, inf_nan_mode="null")


def create_app(live: LiveModel) -> FastAPI:
    """The application around the holder of the live model."""
    app = FastAPI(
        title="Leap",
        version="1",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        # Not `include_router`, which hides routes from whoever looks for them: BentoML's mount and our guard do.
        routes=[*api.routes, *pages.router.routes],
    )
    app.state.live = live
    app.add_exception_handler(LeapError, _leap_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)
    return app


@contextlib.asynccontextmanager
async def _lifespan(_: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = SCORING_THREADS
    yield


async def take(request: Request) -> Served:
    """The live model for one whole request."""
    live: LiveModel = request.app.state.live
    return live.take()


Live = Annotated[Served, Depends(take)]


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": ErrorAnswer, "description": CODES[status]} for status in statuses}


_READING = _errors(401, 422, 429, 500, 503)
_SENDING = _errors(400, 401, 408, 413, 415, 422, 429, 500, 503)

api = APIRouter(default_response_class=Json)


@api.post("/v1/score", response_model=ScoresAnswer, responses=_SENDING, summary="Score accounts")
def score(body: ScoreRequest, served: Live) -> Response:
    """Known customers by id, or accounts that bring their features or the rows of their tables."""
    scorer = served.scorer
    as_of, not_found = scorer.as_of, []
    if body.account_ids is not None:
        _same_day(body.as_of, as_of)
        scores, not_found = scorer.by_id(body.account_ids, top=body.top)
    else:
        as_of = body.as_of or as_of
        scores = _scores_of(body.accounts or [], served, as_of, body.top)
    return Json({**_header(served), "as_of": as_of, "scores": scores, "not_found": not_found})


@api.post("/v1/prospects", response_model=ScoresAnswer, responses=_SENDING, summary="Rate prospects")
def prospects(body: ProspectsRequest, served: Live) -> Response:
    """Companies that do not buy yet, by what is true of them before they buy; an attribute of health is refused."""
    asked = [(prospect.id, prospect.attributes) for prospect in body.prospects]
    scores = served.scorer.prospects(asked, top=body.top)
    return Json({**_header(served), "as_of": served.scorer.as_of, "scores": scores, "not_found": []})


@api.get(
    "/v1/accounts/{account_id:path}",
    response_model=AccountAnswer,
    responses={**_READING, **_errors(404)},
    summary="One customer",
)
def account(
    account_id: Annotated[str, Path(min_length=1, max_length=MAX_TEXT)],
    served: Live,
    top: Annotated[Top, Query()] = 5,
) -> Response:
    """The score of one customer of the workspace, with its reasons."""
    return Json({**_header(served), "as_of": served.scorer.as_of, **one_score(served, account_id, top)})


@api.get("/v1/icp", response_model=IcpAnswer, responses=_READING, summary="Ideal customer profiles")
def icp(served: Live) -> Response:
    """The profiles of the live model with their evidence, or why there is none."""
    return Json(served.scorer.icp_document())


@api.get("/v1/model", response_model=ModelAnswer, responses=_READING, summary="The live model")
def model(served: Live) -> Response:
    """Its version and card: metrics with intervals, definitions, and the catalog of features."""
    return Json(served.scorer.model_document())


@api.get("/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "no model is live"}})
async def readyz(request: Request) -> Response:
    """Whether scores can be had, and of which version. Needs no token; then it keeps the reason of a problem back."""
    live: LiveModel = request.app.state.live
    served, problem = live.peek(), live.problem
    trusted = request.scope["leap.call"].trusted
    state = {
        "ready": served is not None,
        "model": served.scorer.model_header() if served else None,
        "as_of": served.scorer.as_of if served else None,
        "stale": served is not None and problem is not None,
        "explained_by": served.explained_by if served else None,
        "problem": None if problem is None else problem.message if trusted else problem.code,
    }
    return Json(state, status_code=200 if served else 503)


@api.get("/docs.json", include_in_schema=False)
def docs(request: Request) -> Response:
    """The OpenAPI document; its examples work with the live model."""
    served = request.app.state.live.peek()
    return Json(openapi_with_examples(request.app, served))


def one_score(served: Served, account_id: str, top: int) -> dict[str, Any]:
    """The score of one customer; UnknownAccount if there is none of this id."""
    scores, not_found = served.scorer.by_id([account_id], top=top)
    if not_found or not scores:
        raise UnknownAccount(
            "No such account among the customers of this workspace.",
            details=[account_id],
            remedy="An account without revenue on that day has no score.",
        )
    return scores[0]


def _header(served: Served) -> dict[str, Any]:
    return {"model": served.scorer.model_header(), "definition_hash": served.scorer.definition_hash}


def _same_day(asked: date | None, scored: date) -> None:
    if asked is not None and asked != scored:
        raise InvalidRequest(
            f"Customers are scored as of {scored}; found `as_of` {asked}.",
            remedy="Leave `as_of` out, send the accounts' own rows, or use `leap score --as-of`.",
        )


class InvalidRequest(LeapError):
    """Well-formed, but asks for what cannot be answered."""

    code = "invalid"


def _scores_of(accounts: list[AccountRows], served: Served, as_of: date, top: int) -> list[dict[str, Any]]:
    """Scores in the order asked, whether an account brought features or rows."""
    scorer = served.scorer
    described = [(one.account_id, one.features) for one in accounts if one.features is not None]
    in_rows = [(one.account_id, one.tables) for one in accounts if one.tables is not None]
    by_features = iter(scorer.by_features(described, top=top) if described else ())
    by_rows = iter(scorer.by_rows(in_rows, as_of=as_of, top=top) if in_rows else ())
    return [next(by_rows if one.features is None else by_features) for one in accounts]


STATUS_OF_CODE = {"no_model": 503, "unknown_account": 404, "bundle": 503, "registry": 503}


async def _leap_error(_: Request, error: LeapError) -> Response:
    return error_response(STATUS_OF_CODE.get(error.code, 422), str(error), code=error.code, details=error.details)


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    """A body or parameter that breaks its schema: 400 if it is no JSON at all, else 422 with each place and reason."""
    found = error.errors()
    if any(problem["type"] == "json_invalid" for problem in found):
        return error_response(400, f"The body is not valid JSON: {found[0].get('ctx', {}).get('error', 'unreadable')}.")
    # The value itself is not repeated: it may be large, or someone's data.
    details = [{"where": _where(problem["loc"]), "problem": problem["msg"]} for problem in found[:20]]
    more = f" (the first 20 of {len(found)})" if len(found) > 20 else ""
    return error_response(422, f"The request does not fit its schema, see details{more}.", details=details)


def _where(location: Iterable[object]) -> str:
    """`body.accounts.0.features.seats`, fit to be printed."""
    joined = ".".join(str(part) for part in location)
    return joined.encode("ascii", "backslashreplace").decode()[:300]


async def _http_error(_: Request, error: HTTPException) -> Response:
    if error.status_code == 400:
        # FastAPI's word for a body that breaks the parser itself, such as brackets nested without end.
        return error_response(400, "The body is not valid JSON, or nested too deeply.")
    return error_response(error.status_code, str(error.detail))


async def _fault(request: Request, _: Exception) -> Response:
    return error_response(500, internal_message(request.scope["leap.call"]))


def error_response(status: int, message: str, *, code: str = "", details: Iterable[object] = ()) -> Response:
    """An answer in the one error form."""
    body = error_document(status, message, code=code, details=details)
    return Response(body, status_code=status, media_type="application/json")


def openapi_with_examples(app: FastAPI, served: Served | None) -> dict[str, Any]:
    """The OpenAPI document with examples drawn from the live model, so that each of them works."""
    document = _openapi(app)
    if served is None:
        return document
    customers = [one.account_id for one in served.accounts[:2]]
    reasons = served.scorer.by_id(customers[:1], top=0)[0][0]["reasons"] if customers else []
    paths = dict(document["paths"])
    for path, examples in example_requests(customers, reasons).items():
        paths[path] = _with_body_examples(paths[path], examples)
    return {**document, "paths": paths}


def _with_body_examples(path_item: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    post = path_item["post"]
    media = {**post["requestBody"]["content"]["application/json"], "examples": examples}
    return {"post": {**post, "requestBody": {**post["requestBody"], "content": {"application/json": media}}}}


@cache
def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with the token and the two routes that BentoML answers."""
    document = app.openapi()
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}, {}]
    document["paths"]["/readyz"]["get"]["security"] = []
    document["paths"]["/livez"] = {"get": _text_route("Livez", "Whether the process runs", open_to_all=True)}
    document["paths"]["/metrics"] = {"get": _text_route("Metrics", "Figures of the service, for Prometheus")}
    return document


def _text_route(name: str, summary: str, *, open_to_all: bool = False) -> dict[str, Any]:
    answer = {"description": "text", "content": {"text/plain": {"schema": {"type": "string"}}}}
    route: dict[str, Any] = {"summary": summary, "operationId": name.lower(), "responses": {"200": answer}}
    return {**route, "security": []} if open_to_all else route

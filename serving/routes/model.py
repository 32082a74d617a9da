"""The live model, whether there is one, and the document of this service."""

from __future__ import annotations

from fastapi import APIRouter

from serving.access import ADMIN
from serving.direct import Body, Direct, Live, Maybe, OfCall, OfLive, at_once, document
from serving.routes.shared import READING, RETRY, errors
from serving.schemas import ModelAnswer, Ready

router = APIRouter(route_class=Direct, tags=["Model"])


@router.get("/v1/model", response_model=ModelAnswer, responses=READING, summary="The live model")
def model(served: Live) -> Body:
    """Its version and card: metrics with intervals, definitions, and the catalog of features."""
    return Body(served.documents.model())


@router.get(
    "/readyz",
    response_model=Ready,
    responses={**errors(422), 503: {"model": Ready, "description": "no model is live", "headers": RETRY}},
    summary="Whether scores can be had",
)
@at_once
def readyz(live: OfLive, served: Maybe, call: OfCall) -> Body:
    """Whether scores can be had, and of which version. Needs no token; then it keeps the reason of a problem back."""
    problem = live.problem
    age = served.freshness() if served else None
    state = {
        "ready": served is not None,
        "model": served.scorer.model_header() if served else None,
        "as_of": served.scorer.as_of if served else None,
        "age_days": age.days if age else None,
        "features_stale": age is not None and age.stale,
        "by_id": served is not None and bool(served.accounts),
        "stale": served is not None and problem is not None,
        "explained_by": served.explained_by if served else None,
        "problem": None if problem is None else problem.message if ADMIN in call.scopes else problem.code,
    }
    return document(state, 200 if served else 503)

"""Ideal customer profiles and what follows from them: key figures, whom to sell to next, what differs by version."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from serving.direct import Body, Deadline, Direct, Live, large
from serving.routes.shared import READING, errors
from serving.schemas import DiffQuery, IcpAnswer, IcpDiffAnswer, KpisAnswer, TargetQuery, TargetsAnswer

router = APIRouter(route_class=Direct, tags=["Profiles"])


@router.get("/v1/icp", response_model=IcpAnswer, responses=READING, summary="Ideal customer profiles")
def icp(served: Live) -> Body:
    """The profiles of the live model with their evidence, or why there is none."""
    return Body(served.documents.icp())


@router.get(
    "/v1/icp/diff",
    response_model=IcpDiffAnswer,
    responses={**READING, **errors(404)},
    summary="What differs between the profiles of two versions",
)
@large(True)
def icp_diff(query: Annotated[DiffQuery, Query()], served: Live, check: Deadline) -> Body:
    """Profiles that entered, left or moved, each with its figures in both versions. Versions are read from verified
    local copies: where there is none and the registry does not answer in time, this is 503.
    """
    return Body(served.documents.icp_diff(query.old, query.new, check))


@router.get("/v1/kpis", response_model=KpisAnswer, responses=READING, summary="Key figures")
@large(True)
def kpis(served: Live) -> Body:
    """Retention of the company, and the figures of every profile and criterion, by quarter too; each figure with its
    interval, or why it has none.
    """
    return Body(served.documents.kpis())


@router.get(
    "/v1/target-list",
    response_model=TargetsAnswer,
    responses={**READING, **errors(404)},
    summary="Whom to sell to next",
)
@large(True)
def target_list(query: Annotated[TargetQuery, Query()], served: Live, check: Deadline) -> Body:
    """Prospects chosen under limits by an integer program, worked on for at most five seconds, with reasons for and
    against each; all others are counted with the reason. What was asked for lately is remembered.
    """
    given = query.model_dump(exclude={"limit"}, exclude_none=True)
    return Body(served.documents.target_list(given, query.limit, check))

"""Ideal customer profiles and what follows from them."""

from __future__ import annotations

from fastapi import APIRouter

from serving.direct import Body, Direct, Live, document
from serving.routes.shared import READING
from serving.schemas import IcpAnswer

router = APIRouter(route_class=Direct, tags=["Profiles"])


@router.get("/v1/icp", response_model=IcpAnswer, responses=READING, summary="Ideal customer profiles")
def icp(served: Live) -> Body:
    """The profiles of the live model with their evidence, or why there is none."""
    return document(served.scorer.icp_document())

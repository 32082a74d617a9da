"""One account: its score, what to do, and all its reasons."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from serving.direct import Body
from serving.pages.route import OfPage, Page

EVERY_GROUP = 1_000_000
"""More reasons than any model has groups of features."""

router = APIRouter(route_class=Page)


@router.get("/accounts/{account_id:path}")
def account(account_id: Annotated[str, Path()], view: OfPage) -> Body:
    """One account with all its reasons; features that say nearly the same are one, as everywhere."""
    served = view.served
    scores, _ = served.scorer.by_id([account_id], top=EVERY_GROUP)
    if not scores:
        because = served.scorer.why_not_found(account_id)
        return view.show("unknown.html", status=404, account_id=account_id, because=because)
    named = next((one.name for one in served.accounts if one.account_id == account_id), account_id)
    doubted = served.scorer.offers_lost_money
    return view.show("account.html", account_name=named, score=scores[0], doubted=doubted)

"""The accounts, largest money at risk first, and those that are looked for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from serving.direct import Body
from serving.pages import words
from serving.pages.route import OfPage, Page, PageQuery

MOST_LISTED = 100

router = APIRouter(route_class=Page)


class AccountsQuery(PageQuery):
    """What is looked for."""

    q: str = ""


@router.get("/accounts")
def accounts(query: Annotated[AccountsQuery, Query()], view: OfPage) -> Body:
    """The accounts of the live model."""
    served = view.served
    found = served.find(query.q)
    return view.show(
        "accounts.html",
        has_tables=served.scorer.tables is not None,
        totals=words.totals(served.accounts),
        q=query.q,
        found=len(found),
        listed=found[:MOST_LISTED],
    )

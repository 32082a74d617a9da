"""The tables behind the live model: what was read, what is wrong with it, how fresh it is, and what figures mean.

Who has a token of scope `read` sees counts, rules and remedies. Cells of the tables (examples of problems, values of
columns) and where tables lie are shown to a token of scope `admin` alone: they may tell of persons, or of machines.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query

from serving.access import ADMIN
from serving.direct import Body, large
from serving.errors import Refused
from serving.live import Served
from serving.pages.route import OfPage, PageQuery, View
from serving.pages.waiting import Waiting

if TYPE_CHECKING:
    from leap.reports.data_live import LiveData
    from leap.tables import AccountTables

WAIT_SECONDS = 1.0
"""How long a request waits while another one makes the report."""

router = APIRouter(route_class=Waiting)
_kept: WeakKeyDictionary[Served, LiveData] = WeakKeyDictionary()
_one = threading.Lock()


class DataQuery(PageQuery):
    """An account whose rows are looked for."""

    account: str = ""


@router.get("/data")
@large(True)
def data(query: Annotated[DataQuery, Query()], view: OfPage) -> Body:
    """The report, made once for each live model and its tables; the rows of one account are counted when asked for."""
    served = view.served
    tables = served.scorer.tables
    if tables is None:
        return view.show("data.html", data=None, definitions=_definitions(view))
    from leap.reports.data_live import rows_of

    found = _made(served, tables)
    return view.show(
        "data.html",
        data=found,
        definitions=found.definitions,
        today=datetime.now(UTC).date(),
        cells=ADMIN in view.call.scopes,
        account=query.account,
        rows=rows_of(tables, query.account) if query.account else (),
        is_customer=any(one.account_id == query.account for one in served.accounts),
        reading=served.reading,
    )


def _made(served: Served, tables: AccountTables) -> LiveData:
    """Made by one at a time, and remembered as long as the model is live; others are asked to come again (429).

    Not by `Served.once`: it takes seconds of millions of rows, and who waits for it holds a thread that others need.
    """
    from leap.reports.data_live import summarise_live

    known = _kept.get(served)
    if known is not None:
        return known
    if not _one.acquire(timeout=WAIT_SECONDS):
        raise Refused(429, "The report on the tables is being made; try again shortly.")
    try:
        if served not in _kept:
            customers = [one.account_id for one in served.accounts]
            _kept[served] = summarise_live(served.scorer.bundle, tables, customers)
        return _kept[served]
    finally:
        _one.release()


def _definitions(view: View) -> Any:
    from leap.reports.data_definitions import definitions_of

    return definitions_of(view.served.scorer.bundle.settings)

"""The tables behind the live model: what was read, what is wrong with it, how fresh it is, and what figures mean.

Who has a token of scope `read` sees counts, rules and remedies. Cells of the tables (examples of problems, values of
columns) and where tables lie are shown to a token of scope `admin` alone: they may tell of persons, or of machines.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from serving.access import ADMIN
from serving.direct import Body, Deadline, large
from serving.pages.route import OfPage, Page, PageQuery, View

if TYPE_CHECKING:
    from leap.reports.data_live import LiveData
    from leap.tables import AccountTables

router = APIRouter(route_class=Page)


class DataQuery(PageQuery):
    """An account whose rows are looked for."""

    account: str = ""


@router.get("/data")
@large(True)
def data(query: Annotated[DataQuery, Query()], view: OfPage, check: Deadline) -> Body:
    """The report, made once for each live model and its tables; the rows of one account are counted when asked for."""
    served = view.served
    tables = served.scorer.tables
    if tables is None:
        return view.show("data.html", data=None, definitions=_definitions(view))
    from leap.reports.data_live import rows_of

    found: LiveData = served.once("data", lambda: _made(view, tables, check))
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


def _made(view: View, tables: AccountTables, check: Deadline) -> LiveData:
    from leap.reports.data_live import summarise_live

    customers = [one.account_id for one in view.served.accounts]
    return summarise_live(view.served.scorer.bundle, tables, customers, check)


def _definitions(view: View) -> Any:
    from leap.reports.data_definitions import definitions_of

    return definitions_of(view.served.scorer.bundle.settings)

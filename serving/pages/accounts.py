"""The accounts, however many: searched, filtered, sorted, page by page, and as a file with exactly what is shown.

Every state is an address: filters and order stand after `?`, what is as usual does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query

from serving.direct import Body, large
from serving.errors import Refused
from serving.live import ListedAccount, Served
from serving.pages.account_filters import NONE, SORTS, STATUS_WORDS, AccountsQuery, chips
from serving.pages.downloads import Download, download
from serving.pages.route import OfPage, View
from serving.pages.waiting import Waiting

if TYPE_CHECKING:
    from leap.scoring.account_index import AccountIndex, Sums

MOST_PAGES_NAMED = 2
"""Pages named on either side of the one that is shown."""


_indexes: WeakKeyDictionary[Served, AccountIndex] = WeakKeyDictionary()


def index_of(served: Served) -> AccountIndex:
    """The index of a live model's accounts, made when it is first asked for."""
    from leap.scoring.account_index import AccountIndex

    if served not in _indexes:
        _indexes[served] = AccountIndex([one.row for one in served.accounts])
    return _indexes[served]


class AccountsFile(Download):
    """The same as a file."""


router = APIRouter(route_class=Waiting)
files = APIRouter(route_class=AccountsFile)


@dataclass(frozen=True)
class Row:
    """An account as the page shows it."""

    account: ListedAccount
    status: str

    @property
    def why_none(self) -> str:
        """Why there is no score, in words."""
        if self.status == "leaving":
            return "Its end is known already"
        return str(self.account.row.get("abstained") or "No score").replace("_", " ")


@dataclass(frozen=True)
class Listing:
    """What is shown of the accounts that were found."""

    served: Served
    query: AccountsQuery

    @cached_property
    def index(self) -> AccountIndex:
        """Of all accounts."""
        return index_of(self.served)

    @cached_property
    def found(self) -> Any:
        """Positions of the accounts that were found, in order."""
        return self.index.found(self.query.wanted, self.query.sort, descending=self.query.descending)

    @cached_property
    def sums(self) -> Sums:
        """Of the accounts that were found."""
        return self.index.sums(self.found)

    @cached_property
    def pages(self) -> int:
        """How many there are, at least one."""
        return max(1, -(-len(self.found) // self.query.per))

    @property
    def page(self) -> int:
        """The one that is shown: the last, where a later one is asked for."""
        return min(self.query.page, self.pages)

    @property
    def first(self) -> int:
        """Position of the first account that is shown, counted from 0."""
        return (self.page - 1) * self.query.per

    @cached_property
    def rows(self) -> list[Row]:
        """The accounts that are shown."""
        shown = self.found[self.first : self.first + self.query.per].tolist()
        return [Row(self.served.accounts[i], self.index.status(i)) for i in shown]

    @property
    def named_pages(self) -> list[int | None]:
        """Pages that have a link: the first, the last, and those around this one; None where some are left out."""
        around = range(self.page - MOST_PAGES_NAMED, self.page + MOST_PAGES_NAMED + 1)
        near = sorted({1, self.pages, *around} & set(range(1, self.pages + 1)))
        named: list[int | None] = []
        for before, one in zip([0, *near], near, strict=False):
            named += [one] if one == before + 1 else [None, one]
        return named

    @property
    def ids(self) -> list[str]:
        """Of all accounts that were found, in order."""
        return [self.served.accounts[i].account_id for i in self.found.tolist()]


@dataclass(frozen=True)
class Choice:
    """A value that can be filtered by."""

    value: str
    label: str
    count: int
    chosen: bool


def choices(index: AccountIndex, query: AccountsQuery, profiles: Mapping[str, str]) -> dict[str, list[Choice]]:
    """What tiers, profiles and statuses there are, in words and with how many accounts."""
    labels: dict[str, Mapping[str, str]] = {"tier": tier_words(), "icp": profiles, "status": STATUS_WORDS}
    offers = [Choice("worth", "Worth an offer to stay", index.worth_an_offer, query.offer == "worth")]
    return {"offer": offers if index.worth_an_offer else []} | {
        name: [
            Choice(value, labels[name].get(value, ""), count, value in getattr(query, name))
            for value, count in index.counts(name).items()  # type: ignore[arg-type]
        ]
        for name in ("tier", "icp", "status")
    }


def tier_words() -> dict[str, str]:
    """Who is in each tier, briefly."""
    from leap.icp.tiers import TIERS

    return {tier: meaning.who.partition(",")[0] for tier, meaning in TIERS.items()} | {NONE: "no tier"}


def profile_words(served: Served) -> dict[str, str]:
    """What is true of accounts of each profile, in the words of its conditions."""
    found = {
        str(one["id"]): "; ".join(str(condition.get("words") or "") for condition in one.get("conditions", ()))
        for one in served.scorer.icp_document()["icps"]
    }
    return found | {NONE: "no profile"}


@router.get("/accounts")
@large(True)
def accounts(query: Annotated[AccountsQuery, Query()], view: OfPage) -> Body:
    """The accounts of the live model that were asked for."""
    served = view.served
    listing = Listing(served, query)
    profiles = profile_words(served)
    return view.show(
        "accounts.html",
        has_tables=served.scorer.tables is not None,
        query=query,
        listing=listing,
        total=len(listing.index),
        choices=choices(listing.index, query, profiles),
        chips=chips(query, served.company.currency),
        tier_words=tier_words(),
        profile_words=profiles,
        sorts=SORTS,
    )


@files.get("/accounts.csv")
@large(True)
def accounts_csv(query: Annotated[AccountsQuery, Query()], view: OfPage) -> Body:
    """The score file of the accounts that were asked for."""
    return _file(query, view, "csv")


@files.get("/accounts.xlsx")
@large(True)
def accounts_xlsx(query: Annotated[AccountsQuery, Query()], view: OfPage) -> Body:
    """The same for spreadsheets."""
    return _file(query, view, "xlsx")


def _file(query: AccountsQuery, view: View, form: str) -> Body:
    from leap.reports.account_files import MEDIA_TYPES, score_file

    served = view.served
    if served.scorer.customers is None:
        raise Refused(404, "There are no tables of customers here: nothing to download.", code="no_tables")
    ids = Listing(served, query).ids
    told = [("Accounts", f"{len(ids):,} of {len(served.accounts):,}"), ("Filters", _filters_told(query, served))]
    pieces: Iterator[bytes] = score_file(served.scorer, ids, form, told)
    return download(pieces, MEDIA_TYPES[form], f"accounts-{served.scorer.as_of.isoformat()}.{form}")


def _filters_told(query: AccountsQuery, served: Served) -> str:
    return "; ".join(chip.words for chip in chips(query, served.company.currency)) or "none"

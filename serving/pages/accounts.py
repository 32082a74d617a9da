"""The accounts, however many: searched, filtered, sorted, page by page, and as a file with exactly what is shown.

Every state is an address: filters and order stand after `?`, what is as usual does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from fastapi import APIRouter, Query
from pydantic import Field, field_validator

from serving.calls import Call
from serving.direct import Body, State, large
from serving.errors import Refused
from serving.live import ListedAccount, Served
from serving.pages import words
from serving.pages.downloads import Download, download
from serving.pages.route import OfPage, Page, PageQuery, View

if TYPE_CHECKING:
    from leap.scoring.account_index import AccountIndex, Sums, Wanted

Sort = Literal["at_risk", "name", "mrr", "churn", "nrr", "value", "tier", "icp", "status"]
Status = Literal["scored", "leaving", "unscored"]
NONE = "none"
STATUS_WORDS: Mapping[str, str] = {"scored": "With a score", "leaving": "Known to leave", "unscored": "Without a score"}
SORTS: Mapping[str, str] = {
    "at_risk": "At risk",
    "name": "Name",
    "tier": "Tier",
    "mrr": "MRR",
    "churn": "Churn",
    "nrr": "NRR",
    "value": "Value, 12 months",
    "icp": "Profile",
    "status": "Score",
}
UPWARDS = frozenset({"name", "tier", "icp", "status"})
"""What is sorted from its least on at first; amounts begin with the largest."""
MANY = 2_000
"""Accounts from which on making the index takes more than a few milliseconds."""
MOST_PAGES_NAMED = 2
"""Pages named on either side of the one that is shown."""


class AccountsQuery(PageQuery):
    """What is looked for, in which order, and which part of it is shown."""

    q: str = ""
    tier: tuple[str, ...] = ()
    icp: tuple[str, ...] = ()
    status: tuple[Status, ...] = ()
    at_risk: float | None = Field(None, allow_inf_nan=False)
    """MRR at risk of at least so much."""
    mrr_min: float | None = Field(None, allow_inf_nan=False)
    mrr_max: float | None = Field(None, allow_inf_nan=False)
    sort: Sort = "at_risk"
    dir: Literal["asc", "desc", ""] = ""
    page: int = Field(1, ge=1, le=10_000_000)
    per: Literal[25, 100, 250] = 100

    @field_validator("tier", "icp", "status", mode="before")
    @classmethod
    def _several(cls, given: object) -> object:
        """A parameter that stands there once, several times or empty."""
        return tuple(one for one in (given if isinstance(given, list | tuple) else [given]) if one != "")

    @field_validator("at_risk", "mrr_min", "mrr_max", "sort", "dir", "page", "per", mode="before")
    @classmethod
    def _one(cls, given: object, info: Any) -> object:
        """The last, where it stands there several times; as usual where it is empty, as forms send it."""
        given = given[-1] if isinstance(given, list) and given else given
        if given == "":
            return cls.model_fields[info.field_name].default
        return (
            int(given)
            if info.field_name == "per" and isinstance(given, str) and given.isascii() and given.isdigit()
            else given
        )

    @property
    def descending(self) -> bool:
        """Whether the largest come first."""
        return self.dir == "desc" or (self.dir == "" and self.sort not in UPWARDS)

    @property
    def wanted(self) -> Wanted:
        """The filters."""
        from leap.scoring.account_index import Wanted

        return Wanted(
            self.q, self.tier, self.icp, self.status, self.at_risk, mrr_from=self.mrr_min, mrr_to=self.mrr_max
        )

    @property
    def filters(self) -> bool:
        """Whether not all accounts are asked for."""
        return bool(self.q or self.tier or self.icp or self.status) or not (
            self.at_risk is None and self.mrr_min is None and self.mrr_max is None
        )

    def address(self, path: str = "/accounts", **changes: Any) -> str:
        """The address of this, or of what differs from it in some ways.

        >>> AccountsQuery(q="a b", tier=("A", "B")).address(page=2)
        '/accounts?q=a+b&tier=A&tier=B&page=2'
        >>> AccountsQuery(sort="mrr", page=3).address(sort="at_risk", page=1)
        '/accounts'
        """
        fields = type(self).model_fields
        asked = {name: value for name, value in {**dict(self), **changes}.items() if value != fields[name].default}
        numbers = {name: f"{value:.15g}" for name, value in asked.items() if isinstance(value, float)}
        return f"{path}?{urlencode({**asked, **numbers}, doseq=True)}" if asked else path

    def sorted_by(self, column: Sort) -> str:
        """The address of the same sorted by a column, the other way round where it is already."""
        turned = self.sort == column
        descending = not self.descending if turned else column not in UPWARDS
        usual = descending == (column not in UPWARDS)
        return self.address(sort=column, dir="" if usual else "desc" if descending else "asc", page=1)

    def aria_sort(self, column: Sort) -> str:
        """`ascending`, `descending` or `none`."""
        if self.sort != column:
            return "none"
        return "descending" if self.descending else "ascending"


_indexes: WeakKeyDictionary[Served, AccountIndex] = WeakKeyDictionary()


def index_of(served: Served) -> AccountIndex:
    """The index of a live model's accounts, made when it is first asked for."""
    from leap.scoring.account_index import AccountIndex

    if served not in _indexes:
        _indexes[served] = AccountIndex([one.row for one in served.accounts])
    return _indexes[served]


class OfAccounts(Page):
    """A page that needs the index: where there are many accounts, making it is no small work."""

    async def _work(self, call: Call, scope: Any, state: State) -> Body:
        served = state.live.peek()
        if served is not None and served not in _indexes and len(served.accounts) > MANY:
            await state.lanes.big(lambda check: index_of(served))
        return await super()._work(call, scope, state)


class AccountsFile(Download):
    """The same as a file."""


router = APIRouter(route_class=OfAccounts)
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


@dataclass(frozen=True)
class Chip:
    """A filter that is set, with the address without it."""

    words: str
    address: str


def choices(index: AccountIndex, query: AccountsQuery, profiles: Mapping[str, str]) -> dict[str, list[Choice]]:
    """What tiers, profiles and statuses there are, in words and with how many accounts."""
    labels: dict[str, Mapping[str, str]] = {"tier": tier_words(), "icp": profiles, "status": STATUS_WORDS}
    return {
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


def chips(query: AccountsQuery, currency: str) -> list[Chip]:
    """The filters that are set, each with the way back."""
    found = [Chip(f"“{query.q}”", query.address(q="", page=1))] if query.q else []
    for name, label in (("tier", "Tier"), ("icp", "Profile"), ("status", "")):
        chosen: Sequence[str] = getattr(query, name)
        for value in chosen:
            said = STATUS_WORDS.get(value, value) if name == "status" else f"{label} {value}"
            said = f"No {label.lower()}" if value == NONE else said
            left = tuple(one for one in chosen if one != value)
            found.append(Chip(said, query.address(**{name: left, "page": 1})))
    for name, said in (("at_risk", "At risk from"), ("mrr_min", "MRR from"), ("mrr_max", "MRR up to")):
        value = getattr(query, name)
        if value is not None:
            amount = f"{said} {words.number(value)} {currency}"
            found.append(Chip(amount, query.address(**{name: None, "page": 1})))
    return found


@router.get("/accounts")
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

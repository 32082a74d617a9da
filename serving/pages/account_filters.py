"""What is asked of the list of accounts: filters, order and page, as an address and in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode

from pydantic import Field, field_validator

from serving.pages import words
from serving.pages.route import PageQuery

if TYPE_CHECKING:
    from leap.scoring.account_index import Wanted

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


class AccountsQuery(PageQuery):
    """What is looked for, in which order, and which part of it is shown."""

    q: str = ""
    tier: tuple[str, ...] = ()
    icp: tuple[str, ...] = ()
    status: tuple[Status, ...] = ()
    offer: Literal["worth", ""] = ""
    """Only accounts that are worth an offer to stay."""
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

    @field_validator("offer", "at_risk", "mrr_min", "mrr_max", "sort", "dir", "page", "per", mode="before")
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
            self.q,
            self.tier,
            self.icp,
            self.status,
            self.at_risk,
            worth_an_offer=self.offer == "worth",
            mrr_from=self.mrr_min,
            mrr_to=self.mrr_max,
        )

    @property
    def filters(self) -> bool:
        """Whether not all accounts are asked for."""
        return bool(self.q or self.tier or self.icp or self.status or self.offer) or not (
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


@dataclass(frozen=True)
class Chip:
    """A filter that is set, with the address without it."""

    words: str
    address: str


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
    if query.offer:
        found.append(Chip("Worth an offer to stay", query.address(offer="", page=1)))
    for name, said in (("at_risk", "At risk from"), ("mrr_min", "MRR from"), ("mrr_max", "MRR up to")):
        value = getattr(query, name)
        if value is not None:
            amount = f"{said} {words.number(value)} {currency}"
            found.append(Chip(amount, query.address(**{name: None, "page": 1})))
    return found

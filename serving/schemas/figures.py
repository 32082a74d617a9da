"""Key figures: of the company, of profiles and criteria, by quarter, of bookings and of the market."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from serving.schemas.answers import Answer, OfCompany
from serving.schemas.profiles import Condition, Funnel, Size, Window


class Figure(Answer):
    """A figure with its 95 % interval over accounts, and why either is missing."""

    value: float | None
    """Shares are fractions, money is in the reporting currency; null where the figure is not defined."""
    low: float | None
    """Lower end of the interval."""
    high: float | None
    """Upper end of the interval."""
    reason: str | None
    """Why the value is null, for example `empty_cohort` or `no_acquisition_costs`."""
    no_interval: Literal["too_few_accounts_or_no_spread", "not_estimated"] | None
    """Why a value has no interval: too few accounts to say (or none that differs), or it is none that has one."""


class Side(Answer):
    """The accounts inside a rule, or all others."""

    accounts: int
    """Accounts that paid at the start of the window."""
    counts: dict[str, Any]
    """What the figures rest on: accounts, deals and amounts by name."""
    figures: dict[str, Figure]
    """By name: `nrr`, `grr`, `logo_churn`, `churn_rate`, `contraction_rate`, `expansion_rate`, `margin`, `cac`,
    `cac_with_lost`, `payback_months`, `payback_months_survival`, `value_12m`, `ltv_to_cac`, `win_rate`,
    `sales_cycle_days`, `deal_size`, `discount`."""


class Compared(Answer):
    """A rule's accounts beside all others over the same window."""

    window: Window | None
    """The last complete window of the horizon; null where nothing was compared."""
    inside: Side | None
    """The accounts that met the rule when they bought."""
    outside: Side | None
    """All others."""
    difference: dict[str, Figure]
    """Inside less outside, by the names of `figures`; the interval is that of the difference."""


class ProfileKpis(Compared):
    """The key figures of one profile."""

    id: str
    """Of the profile, as in `/v1/icp`."""
    kind: Literal["established", "emerging", "negative"]
    """`established` and `emerging` profiles are sold to, `negative` ones left."""
    rejected: bool
    """People rejected it: it gives no tier and chooses nobody."""
    words: str
    """Its conditions in words."""
    statement: str
    """What it says, with its evidence, in one sentence."""
    size: Size
    """Companies that meet it now."""
    penetration: float | None
    """Customers / (customers + prospects) that meet it now; null where there are no prospects."""


class CriterionKpis(Compared):
    """The key figures of one condition of a profile, or of one attribute that held."""

    words: str
    """The condition in words."""
    conditions: list[Condition]
    """The conditions that all hold inside."""


class AfterMonths(Answer):
    """What of a starting year was left after so many months of each account's own."""

    months: int
    """Since each account's first payment."""
    nrr: Figure
    """What the accounts paid then, as a share of what they paid at first."""
    logo_retention: Figure
    """The share of the accounts that still paid."""


class StartingYear(Answer):
    """The accounts that first paid in a calendar year."""

    year: int
    """The calendar year."""
    accounts: int
    """How many."""
    starting_mrr: float
    """What they paid a month when they started."""
    after: list[AfterMonths]
    """What was left of them, every twelve months."""


class Renewals(Answer):
    """Of accounts whose paid term was up for renewal in the window."""

    accounts: int
    """How many."""
    starting_mrr: float
    """What they paid a month at the start."""
    ending_mrr: float
    """What they paid a month at the end."""
    figures: dict[str, Figure]
    """`nrr`, `grr` and `logo_churn`."""


class CompanyRetention(Answer):
    """Retention of everyone over the last complete window, as `leap retention`; only `reason` where there is none."""

    from_: str | None = Field(None, alias="from")
    """The day on which the window begins."""
    to: str | None = None
    """The day on which it ends."""
    accounts: int | None = None
    """Accounts that paid at the start."""
    starting_mrr: float | None = None
    """What they paid a month at the start."""
    ending_mrr: float | None = None
    """What the same accounts paid a month at the end."""
    figures: dict[str, Figure] | None = None
    """`nrr`, `grr`, `logo_churn`, `churn_rate`, `contraction_rate`, `expansion_rate`: exact, every account counts."""
    book_starting_mrr: float | None = None
    """MRR of everyone at the start."""
    book_ending_mrr: float | None = None
    """MRR of everyone at the end, new customers included."""
    movements: dict[str, float] | None = None
    """`new`, `reactivation`, `expansion`, `contraction`, `churn`: they lead from the one to the other."""
    movements_reason: str | None = None
    """Why there are no movements."""
    renewal_eligible: Renewals | None = None
    """Of those that could have left by not renewing."""
    by_starting_year: list[StartingYear] | None = None
    """By the year of the first payment."""
    notes: list[str] | None = None
    """What is to be known of these figures, for example rows set aside."""
    reason: str | None
    """Why there are none: `no_tables`, `no_complete_window`, `empty_cohort`."""


class QuarterKpis(Answer):
    """One quarter of one group; counts are always given."""

    quarter: str
    """As 2026-Q3."""
    new_customers: int
    """Companies that first paid in it."""
    bookings: float
    """The MRR that these began with."""
    deals_decided: int
    """Deals with prospects that closed in it."""
    deals_won: int
    """Those of them that were won."""
    customers_with_cac: int
    """New customers whose acquisition costs are known."""
    accounts_later: int
    """New customers whose first window of the horizon is over."""
    figures: dict[str, Figure]
    """`win_rate`, `sales_cycle_days`, `deal_size`, `cac`, and of the first window of these customers `nrr_later` and
    `churn_later`; null with the reason where one of too few would decide."""


class Quarters(Answer):
    """The last twelve complete quarters."""

    later_months: int
    """Length of the window that `nrr_later` and `churn_later` are of."""
    fewest_customers: int
    """New customers below which a quarter has no figure of them."""
    fewest_deals: int
    """Closed deals below which a quarter has no win rate."""
    groups: dict[str, list[QuarterKpis]]
    """By profile id, and `outside` of all profiles and `everyone`; the oldest quarter first."""


class Booked(Answer):
    """Customers in or outside of the profiles."""

    customers: int
    """How many ever bought."""
    bookings: float
    """The MRR that they began with."""
    accounts_later: int
    """Those whose first window of the horizon is over."""
    nrr_later: Figure
    """Their NRR over that window."""


class BookingsOf(Answer):
    """Bookings of one team or source, parted by whether the company was in a profile when it bought."""

    name: str
    """The team or source; `all` for everyone."""
    inside: Booked
    """In a profile."""
    outside: Booked
    """In none."""
    outside_share: Figure
    """What share of the bookings lies outside."""
    outside_share_last_year: Figure
    """The same of the last year."""
    bookings_last_year: float
    """MRR booked in the last year."""


class Bookings(Answer):
    """What share of the bookings lies outside of the profiles."""

    fewest_customers: int
    """Customers below which there is no later NRR."""
    everyone: BookingsOf
    """All bookings."""
    by: dict[str, list[BookingsOf]]
    """By `team` and `origin`, where deals name them; those with most bookings first."""


class KpisAnswer(OfCompany):
    """Key figures of the company and of its profiles, from the data that the model was trained on; `retention` is of
    the tables as they are now.
    """

    level: float
    """Level of all intervals."""
    retention: CompanyRetention
    """Of the whole company."""
    profiles: list[ProfileKpis]
    """Of every profile, in the order of work."""
    criteria: list[CriterionKpis]
    """Of every condition of a profile and every attribute that held."""
    quarters: Quarters | None
    """How profiles did, quarter by quarter; null where nothing was found."""
    bookings: Bookings | None
    """Null where no profile is to be sold to: then nothing is outside of it."""
    funnel: Funnel | None
    """The size of the market, step by step; null where nothing was found."""
    none_because: str | None
    """Why there is no profile."""

"""A target list: what is asked, and whom to sell to next."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from serving.schemas.answers import Answer, OfCompany

MOST_SHOWN = 1000
USUALLY_SHOWN = 100
_MOST_MONEY = 1e15
_MOST_ACCOUNTS = 10_000_000


class TargetQuery(BaseModel):
    """What may follow `?` for a target list; `[policy]` of the settings holds for what is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    budget: Annotated[float | None, Field(ge=0, le=_MOST_MONEY, allow_inf_nan=False, examples=[50_000])] = None
    """Money for the work on all accounts of the list."""
    capacity: Annotated[int | None, Field(ge=0, le=_MOST_ACCOUNTS)] = None
    """How many accounts can be worked on."""
    quota: Annotated[float | None, Field(ge=0, le=_MOST_MONEY, allow_inf_nan=False)] = None
    """New MRR a month that the list is to reach."""
    per_segment: Annotated[int | None, Field(ge=0, le=_MOST_ACCOUNTS)] = None
    """At most so many accounts of one segment."""
    segment: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None
    """What tells segments apart: a feature of scope `fit` and kind `category`, or the column it comes from. Without
    one: as `[policy]` says, else by what acquisition costs are known, else the first there is."""
    limit: Annotated[int, Field(ge=0, le=MOST_SHOWN, examples=[10])] = USUALLY_SHOWN
    """How many accounts are shown, from the top; which are chosen, and all totals, are the same."""


class Asked(Answer):
    """The limits and wishes that the list was made under; null is no limit."""

    budget: float | None
    """Money for the work on all accounts."""
    capacity: int | None
    """Places on the list."""
    quota: float | None
    """New MRR a month to be reached."""
    emerging_share: float
    """Share of places and money kept for emerging profiles."""
    exploration_share: float
    """Share of places and money kept for a random draw."""
    per_segment: int | None
    """Most accounts of one segment."""
    segment: str | None
    """What tells segments apart."""
    mode: Literal["prioritise", "exclude"]
    """Whether profiles move accounts up and down, or leave out who meets none."""
    seconds: float
    """How long the program may be worked on."""


class Who(Answer):
    """Whom: the fit score, from what is true of a company before it buys."""

    score: float | None
    """What the account is worth if it is won, less what winning costs."""
    nrr: float | None
    """Expected net revenue retention."""
    nrr_low: float | None
    """Lower end of its interval."""
    nrr_high: float | None
    """Upper end of it."""
    value_12m: float | None
    """Account value of twelve months."""
    value_low: float | None
    """Lower end of its interval."""
    value_high: float | None
    """Upper end of it."""
    icp_id: str | None
    """The profile that it belongs to."""
    icp_tier: str | None
    """Its tier."""
    reasons: list[str]
    """The drivers behind the score, in words."""
    reason: str | None
    """Why there is no score."""


class When(Answer):
    """When: the buying signals of the last year."""

    score: float | None
    """0 without any, 0.5 for one of today, 0.75 for two."""
    reasons: list[str]
    """The signals, in words."""
    reason: str | None
    """Why there is no score."""


class Target(Answer):
    """One account of the list."""

    rank: int
    """Its place, by expected gain."""
    account_id: str
    """As in the tables."""
    name: str | None
    """Of the company."""
    part: Literal["value", "emerging", "exploration", "override"]
    """Why it is on the list: its figures, an emerging profile, the draw, or somebody's word."""
    who: Who
    """Whom."""
    when: When
    """When."""
    win_probability: float | None
    """Probability that it is won; null where nothing is known of deals."""
    worth_if_won: float | None
    """What it brings once won, before the cost of winning it."""
    cost: float | None
    """What working on it costs, won or not."""
    expected_gain: float | None
    """Win probability times worth, less cost."""
    expected_new_mrr: float | None
    """New MRR a month to be expected."""
    propensity: float
    """The chance it had to be on the list: 1 where figures or an owner decided."""
    for_: list[str] = Field(alias="for")
    """What speaks for it, in words."""
    against: list[str]
    """What speaks against it, in words."""
    override: dict[str, str] | None
    """Who keeps it on the list, and why."""


class Totals(Answer):
    """Of the whole list, whatever is shown of it."""

    accounts: int
    """On the list."""
    cost: float
    """Of working on all of them."""
    expected_gain: float
    """Of all of them."""
    expected_new_mrr: float
    """New MRR a month of all of them."""
    quota_short: float | None
    """By how much that falls short of the quota; null without one."""
    by_part: dict[str, int]
    """Accounts by why they are on it."""


class Program(Answer):
    """How well it is known that no other list gains more."""

    status: Literal["optimal", "not_proven", "time_limit", "greedy"]
    """`optimal`: proven best. Else `gap` says what may be missing."""
    gap: float | None
    """The share of `bound` that the list may lack."""
    gain: float
    """What it gains."""
    bound: float | None
    """What no list exceeds."""
    time_limit_seconds: float
    """How long it may be worked on."""
    emerging_short: int
    """Accounts of emerging profiles that are missing."""
    exploration_short: int
    """Accounts of the draw that are missing."""


class WhyNot(Answer):
    """Prospects left out for one reason."""

    reason: str
    """For programs."""
    accounts: int
    """How many."""
    words: str
    """For people."""


class LeftOut(Answer):
    """Everyone who is not on the list."""

    accounts: int
    """How many."""
    by_reason: list[WhyNot]
    """Why."""


class TargetsAnswer(OfCompany):
    """Whom to sell to next under these limits, all others counted with the reason. As `leap targets --json`."""

    version: str
    """Of the model."""
    seed: int
    """Of the random draw."""
    asked: Asked
    """What it was made under."""
    basis: dict[str, str]
    """What every figure is made of, in words."""
    totals: Totals
    """Of the whole list."""
    program: Program
    """How well it is known to be the best."""
    shown: int
    """How many accounts are listed here."""
    targets: list[Target]
    """The accounts, by expected gain."""
    left_out: LeftOut
    """All other prospects."""
    prospects: int
    """How many there are to choose from."""
    notes: list[str]
    """What is to be known of the list."""

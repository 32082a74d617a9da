"""Whose accounts these are, what is predicted, what to do with scores, and how they are served."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from leap.config.frozen import Frozen


class Company(Frozen):
    """Whose accounts these are and in which money and time they are reported."""

    name: str = "Company"
    """Shown on every report; also names the experiment in the registry."""
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    """Reporting currency, ISO 4217."""
    timezone: str = "UTC"
    """Zone of dates and times without one of their own."""
    gross_margin: float | str | None = None
    """A fraction of revenue, or a column of the accounts table; without it account value is null."""
    discount_rate: float = Field(0.10, ge=0, lt=5)
    """A year, for account value."""
    data_until: str | None = None
    """Exclusive end of the data; default: the day after the latest moment of the revenue table."""
    money_note: str = ""
    """Shown wherever money is shown, for example that fees are assumed."""

    @model_validator(mode="after")
    def _margin_is_a_fraction(self) -> Company:
        if isinstance(self.gross_margin, float) and not -1 <= self.gross_margin <= 1:
            raise ValueError(f"gross_margin is a fraction such as 0.78, found {self.gross_margin}")
        return self


class OutcomeSettings(Frozen):
    """What is predicted: the change of an account's MRR over the horizon."""

    horizon_months: Literal[3, 6, 12] = 12
    """How far ahead an outcome is looked for. A snapshot younger than this has no label yet."""
    grace_days: int = Field(0, ge=0, le=366)
    """E is the first positive MRR within these days after the end of the window."""
    max_gap_days: int | None = Field(None, ge=1)
    """A longer gap without revenue inside the window is churn; default none."""
    as_of_every: Literal["month", "quarter"] = "month"
    """How often a training row is taken; always on the first of a month."""
    min_uplift: float = Field(0.0, ge=0)
    """An account expanded if it grew by more than this share (only the label of the propensity)."""


class Policy(Frozen):
    """What to do with scores."""

    mode: Literal["prioritise", "exclude"] = "prioritise"
    """Whether the ICP orders the target list (default) or also leaves accounts out of it."""
    save_rate: float = Field(0.3, ge=0, le=1)
    """Share of the churning accounts that an offer keeps."""
    save_rate_evidence: float = Field(20.0, gt=0)
    """How many past offers the save rate is known from: alpha + beta of its Beta distribution."""
    offer_share: float = Field(0.05, ge=0, le=1)
    """What an offer that is taken up costs, as a share of the account's value."""
    contact_cost: float = Field(0.0, ge=0)
    """Cost of contacting one account, in the reporting currency."""
    capacity: int | None = Field(None, ge=1)
    """How many accounts the team can work on in a quarter."""
    icp_min_accounts: int = Field(500, ge=0)
    """Fewer matching accounts and prospects than this: the profile may be too narrow. A rule of thumb of account-based
    marketing: below about 500 companies a segment gives too few deals a quarter to tell whether it works."""
    icp_max_share: float = Field(0.4, gt=0, le=1)
    """A profile matching more of the market than this may be too broad."""
    icp_opens_next_at: float = Field(0.5, gt=0, le=1)
    """Share of the first profile's accounts and prospects that are customers from which the next profile is opened:
    from half on fewer are left to win in it than were won."""
    icp_max_accounts: int = Field(1_000_000, ge=1)
    """A profile matching more companies than this may be too broad: no team works through a million."""
    market_size: int | None = Field(None, ge=1)
    """How many companies there are to sell to (TAM), if known from elsewhere; default: those in the tables."""
    market_source: str = ""
    """Where `market_size` comes from; shown wherever it is."""
    review_every_months: int = Field(3, ge=1, le=60)
    """How often people go through profiles and drivers (`leap review`): so many months after the last verdict."""
    tier_band: float = Field(0.1, ge=0, le=0.5)
    """How far from a bound of a profile, as a share of the bound, an account misses it narrowly (tier B), and keeps the
    tier it had. Head counts and revenues of data providers differ by several percent from one look to the next
    although nothing happened; a company that is 10 % smaller or larger did change."""

    # target list
    budget: float | None = Field(None, ge=0)
    """Money for winning new accounts, in the reporting currency: the costs of a target list do not exceed it."""
    quota: float | None = Field(None, ge=0)
    """New MRR that a target list is expected to reach; where it cannot, it says by how much it falls short."""
    account_cost: float | None = Field(None, ge=0)
    """What working on one prospect costs, won or not; default: what winning one usually costs (CAC) times the share
    of deals that are won, since the costs of lost deals are part of CAC."""
    target_months: Literal[12, 36] = 36
    """How long what a new account brings is set against the cost of winning it: CAC is seldom back within a year."""
    emerging_share: float = Field(0.1, ge=0, le=1)
    """Part of a target list kept for emerging profiles: by value alone they lose to what the base already is."""
    exploration_share: float = Field(0.1, ge=0, le=1)
    """Part of a target list drawn at random: a model that only ever sees whom it chose cannot find out that it errs."""
    targets_per_segment: int | None = Field(None, ge=0)
    """At most so many accounts of one segment on a target list."""
    targets_segment: str | None = None
    """The fit category that tells segments apart; default: the one by which acquisition costs are told apart."""
    solve_seconds: float = Field(10.0, gt=0, le=600)
    """After this time the best target list found so far is taken, with how far it may be from the best there is."""

    @model_validator(mode="after")
    def _market_has_a_source(self) -> Policy:
        if self.market_size is not None and not self.market_source.strip():
            raise ValueError("market_size goes with market_source: where the number comes from, in words")
        return self


class ServingSettings(Frozen):
    """What a service tells of its scores, and how it keeps up with the workspace."""

    refresh_minutes: int = Field(60, ge=0, le=10_080)
    """How often tables are read again that come from a database, which does not tell when its rows change; 0 is never.
    Files are read again whenever they have changed."""
    stale_after_days: int = Field(45, ge=1, le=3660)
    """Features older than this are called stale in answers, metrics and the log: a month of data, and two weeks in
    which the next may arrive. Their age is counted from their date to today (UTC)."""

"""Scores, as `ScoreTable.to_json` forms them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from serving.schemas.answers import Answer, Headed


class Churn(Answer):
    """Losing the account within the horizon."""

    p: float | None
    """Probability of losing the account within the horizon."""
    margin: float | None = None
    """What the model adds up before calibration, in log-odds of churn."""


class Contraction(Answer):
    """Expected loss of revenue, given that the account stays, as a share of its MRR."""

    rate: float | None
    """Expected loss as a share of MRR, if the account stays."""


class Expansion(Answer):
    """Expected growth, given that the account stays, as a share of its MRR, and the probability of growing."""

    rate: float | None
    """Expected growth as a share of MRR, if the account stays."""
    p: float | None = None
    """Probability of growing, if the account stays."""


class Nrr(Answer):
    """Net revenue retention, with the interval in which the account's own ratio is expected."""

    point: float | None
    """`1 - p - (1 - p) * contraction + (1 - p) * expansion`."""
    low: float | None = None
    """Lower end of where the account's own ratio is expected."""
    high: float | None = None
    """Upper end of it."""
    level: float | None = None
    """With which probability it is expected between these."""
    coverage: float | None = None
    """The share that was inside in the past, out of time."""
    direct: float | None = None
    """What a model of NRR itself says, beside the composition."""


class Worth(Answer):
    """An amount in the reporting currency."""

    point: float | None
    """The amount; null where it is not defined."""
    reason: str | None = None
    """Why it is null, for example `no_gross_margin`."""


class Money(Worth):
    """An amount in the reporting currency, with its interval."""

    low: float | None = None
    """Lower end of its interval."""
    high: float | None = None
    """Upper end of it."""


class Left(Answer):
    """The chance that an account is still a customer after some months."""

    months: int
    """From the day of the score on."""
    survival: float
    """The chance that it is still a customer then."""
    observed: bool
    """Whether accounts were followed that far ahead; beyond, the curve goes on as in its last year."""


class IcpMatch(Answer):
    """How the account compares with the ideal customer profiles."""

    id: str | None = None
    """The profile that it belongs to, if any."""
    tier: str | None = None
    """A: meets a profile, B: meets none, D: meets a negative one; null if there are no profiles."""
    matched: list[Any] = Field(default_factory=list)
    """Conditions that it meets, in words."""
    missed: list[Any] = Field(default_factory=list)
    """Conditions that it does not meet, in words."""
    disqualified_by: list[Any] = Field(default_factory=list)
    """Conditions of the negative profile that it meets."""
    near: list[Any] = Field(default_factory=list)
    """Of an account in tier B: each profile of which it lacks one condition, with the distance."""


class Parts(Answer):
    """A reason's points of NRR by what they come through; they add up to `nrr_points`."""

    churn: float
    """Through the probability of leaving."""
    contraction: float
    """Through paying less."""
    expansion: float
    """Through paying more."""


class Member(Answer):
    """One feature of a group, with its own points of NRR."""

    feature: str
    """Its name in the catalog."""
    label: str | None = None
    """In words."""
    value: Any = None
    """Its value; null where it is missing."""
    nrr_points: float | None = None
    """Points of NRR, as a fraction."""


class Reason(Answer):
    """One driver of a score, and what it adds in every unit: a feature, or a group of features that say the same.

    With `top` 0 every feature stands on its own. Else features of one group are one reason: its figures are the
    group's sums, and `feature`, `label` and `value` those of the member that moves the score most.
    """

    feature: str
    """Its name in the catalog."""
    label: str | None = None
    """In words."""
    value: Any = None
    """Its value; null where it is missing."""
    phrase: str | None = None
    """The reason in one sentence: its value, what is usual among comparable accounts, what goes with it."""
    scope: Literal["fit", "health"] | None = None
    """`fit` is true before a company buys, `health` exists only for customers."""
    probability_points: float | None = None
    """Points of churn probability, as a fraction."""
    margin: float | None = None
    """Log-odds of churn before calibration."""
    nrr_points: float | None = None
    """Points of NRR, as a fraction."""
    money: float | None = None
    """MRR a month in the reporting currency: `nrr_points` times the account's MRR; null where that is not known."""
    parts: Parts | None = None
    """`nrr_points` by what they come through."""
    direction: Literal["lowers", "raises"] | None = None
    """Whether it lowers or raises NRR."""
    actionable: bool | None = None
    """Whether the company can move it."""
    nature: Literal["actionable", "fixed", "consequence"] | None = None
    """`consequence`: it follows from a decision already taken, so moving it moves nothing."""
    group: str | None = None
    """The group of features that say the same, by its name."""
    members: list[Member] = Field(default_factory=list)
    """All features of the group, the most moving first; empty where the feature stands alone."""


class Action(Answer):
    """Whether to contact an account with an offer to stay, by `[policy]` of the settings."""

    contact: bool | None = None
    """The expected gain is positive and the account comes before the policy's capacity ends."""
    expected_gain: float | None = None
    """What contacting it is expected to earn, in money."""
    threshold_p: float | None = None
    """The churn probability above which contacting it earns more than it costs."""
    value: float | None = None
    """What the account is worth if it is kept."""
    value_is: Literal["value_12m_if_kept", "mrr_x_12"] | None = None
    """Its account value without churn, or MRR x 12 where no gross margin is known."""
    reason: str | None = None
    """Why something is null, or `beyond_capacity`."""


class Win(Answer):
    """Winning a deal with a prospect."""

    p: float | None
    """Probability that a deal with it is won."""
    reason: str | None = None
    """Why it is null: `no_win_model`."""


class Base(Answer):
    """What the model says of an account of which nothing is known, in every unit; null where it abstains."""

    nrr: float | None = None
    """Net revenue retention."""
    churn_probability: float | None = None
    """Probability of leaving."""
    margin: float | None = None
    """Log-odds of churn before calibration."""
    money: float | None = None
    """MRR a month: `nrr` times the account's MRR; null where that is not known."""


class Residuals(Answer):
    """What base and listed reasons leave of the score in the other units; about 0 with `top` 0."""

    probability_points: float | None = None
    """Of `churn.p`."""
    margin: float | None = None
    """Of `churn.margin`."""
    money: float | None = None
    """Of `nrr.point` times `mrr`."""


class Score(Answer):
    """One account's score. In every unit base, listed reasons and residual add up to it.

    `base.nrr`, all `nrr_points` and `residual` are `nrr.point`; `base.churn_probability`, all `probability_points` and
    `residuals.probability_points` are `churn.p`; `margin` is `churn.margin`; `money` is `nrr.point` times `mrr`.
    """

    account_id: str
    """As it was asked for."""
    name: str | None = None
    """Of the company, where the tables have it."""
    scope: Literal["fit", "health"] | None = None
    """`health` for customers, `fit` for prospects."""
    mrr: float | None = None
    """What the account pays a month; of a prospect what new customers of the last two years paid at first (median)."""
    churn: Churn | None = None
    """Losing the account."""
    contraction: Contraction | None = None
    """Paying less."""
    expansion: Expansion | None = None
    """Paying more."""
    grr: float | None = None
    """Gross revenue retention: `(1 - p) * (1 - contraction)`."""
    nrr: Nrr | None = None
    """Net revenue retention."""
    value_12m: Money | None = None
    """Expected gross margin of twelve months, discounted, less the cost to serve."""
    action: Action | None = None
    """Whether an offer to stay is worth it."""
    value_36m: Worth | None = None
    """The same as `value_12m` of thirty-six months."""
    survival: list[Left] | None = None
    """How likely it is still a customer after some months."""
    cac: float | None = None
    """What winning it cost, on the basis that `cac_basis` names; `reason` says of every null why it is one."""
    cac_basis: str | None = None
    """What `cac` is taken from."""
    payback_months: float | None = None
    """After how many months that is back."""
    payback_months_survival: int | None = None
    """The same, counting that some leave before."""
    ltv_to_cac: float | None = None
    """Lifetime value over what winning it cost."""
    reason: dict[str, str] | None = None
    """Of `cac`, `payback_months`, `payback_months_survival` and `ltv_to_cac`: why they are null."""
    win: Win | None = None
    """Of prospects only."""
    icp: IcpMatch | None = None
    """How it compares with the profiles."""
    reasons: list[Reason] = Field(default_factory=list)
    """The drivers of the score, by points of NRR, the largest first."""
    base: Base | None = None
    """Where the sum begins."""
    residual: float | None = None
    """Points of NRR that are not listed."""
    residuals: Residuals | None = None
    """What is not listed, in the other units."""
    abstained: str | None = None
    """Why there is no score, for example `already_leaving`."""
    abstained_because: str | None = None
    """Of a prospect like no customer: in words, which of its values none of them has."""


class Aged(Headed):
    """What an answer with scores begins with."""

    age_days: int
    """How many days before today `as_of` lies."""
    features_stale: bool
    """That is longer than `serving.stale_after_days` of the settings: newer data should have come."""


class BadRow(Answer):
    """One row that breaks a rule."""

    account_id: str
    """Whose row it is."""
    table: str
    """By its name in leap.toml."""
    row: int
    """Its place among the account's rows of that table, from 1."""
    column: str | None = None
    """The column that breaks it; null where it is the row as a whole."""
    rule: str
    """The rule, as `leap check` names it, for example `end_before_start` or `duplicate_row`."""
    found: str
    """What stands there, of long text the beginning."""
    expected: str
    """What is expected, or what to do."""


class RefusedAccount(Answer):
    """An account that came with rows of which no score can be made; the others do not depend on it."""

    account_id: str
    """As it was asked for."""
    code: Literal["table", "no_mrr", "revenue"]
    """`table`: rows break rules, see `details`; `no_mrr`: it pays nothing on that day; `revenue`: its amounts cannot be
    added up."""
    message: str
    """In words, with what to do."""
    details: list[BadRow] = Field(default_factory=list)
    """The first rows that break a rule."""


class ScoresAnswer(Aged):
    """Scores of one model version as of one day.

    Every account asked for is in exactly one of `scores`, `not_found` and `refused`, each in the order asked.
    """

    scores: list[Score]
    """In the order asked for."""
    not_found: list[str] = Field(default_factory=list)
    """Ids asked for that are no customers of the workspace."""
    not_found_because: dict[str, str] = Field(default_factory=dict)
    """Of each, in words, why it has no score: not known, or without revenue on that day and since when."""
    refused: list[RefusedAccount] = Field(default_factory=list)
    """Accounts that came with rows which are as the tables ask, but contradict themselves or each other, break a rule
    (an end before the start, a negative amount, a currency without a rate), or hold no MRR on that day."""


class AccountAnswer(Score, Aged):
    """One account's score, with the model and day it is of."""

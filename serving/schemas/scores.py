"""Scores, as `ScoreTable.to_json` forms them."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from serving.schemas.answers import Answer, ModelHeader


class Churn(Answer):
    """Losing the account within the horizon."""

    p: float | None
    margin: float | None = None
    """What the model adds up before calibration, in log-odds of churn."""


class Contraction(Answer):
    """Expected loss of revenue, given that the account stays, as a share of its MRR."""

    rate: float | None


class Expansion(Answer):
    """Expected growth, given that the account stays, as a share of its MRR, and the probability of growing."""

    rate: float | None
    p: float | None = None


class Nrr(Answer):
    """Net revenue retention, with the interval in which the account's own ratio is expected."""

    point: float | None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    coverage: float | None = None
    """The share that was inside in the past, out of time."""
    direct: float | None = None
    """What a model of NRR itself says, beside the composition."""


class Worth(Answer):
    """An amount in the reporting currency."""

    point: float | None
    reason: str | None = None
    """Why it is null, for example `no_gross_margin`."""


class Money(Worth):
    """An amount in the reporting currency, with its interval."""

    low: float | None = None
    high: float | None = None


class Left(Answer):
    """The chance that an account is still a customer after some months."""

    months: int
    survival: float
    observed: bool
    """Whether accounts were followed that far ahead; beyond, the curve goes on as in its last year."""


class IcpMatch(Answer):
    """How the account compares with the ideal customer profiles."""

    id: str | None = None
    tier: str | None = None
    matched: list[Any] = Field(default_factory=list)
    missed: list[Any] = Field(default_factory=list)
    disqualified_by: list[Any] = Field(default_factory=list)
    near: list[Any] = Field(default_factory=list)
    """Of an account in tier B: each profile of which it lacks one condition, with the distance."""


class Parts(Answer):
    """A reason's points of NRR by what they come through; they add up to `nrr_points`."""

    churn: float
    contraction: float
    expansion: float


class Member(Answer):
    """One feature of a group, with its own points of NRR."""

    feature: str
    label: str | None = None
    value: Any = None
    nrr_points: float | None = None


class Reason(Answer):
    """One driver of a score, and what it adds in every unit: a feature, or a group of features that say the same.

    With `top` 0 every feature stands on its own. Else features of one group are one reason: its figures are the
    group's sums, and `feature`, `label` and `value` those of the member that moves the score most.
    """

    feature: str
    label: str | None = None
    value: Any = None
    phrase: str | None = None
    scope: Literal["fit", "health"] | None = None
    probability_points: float | None = None
    """Points of churn probability, as a fraction."""
    margin: float | None = None
    """Log-odds of churn before calibration."""
    nrr_points: float | None = None
    """Points of NRR, as a fraction."""
    money: float | None = None
    """MRR a month in the reporting currency: `nrr_points` times the account's MRR; null where that is not known."""
    parts: Parts | None = None
    direction: Literal["lowers", "raises"] | None = None
    """Whether it lowers or raises NRR."""
    actionable: bool | None = None
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
    reason: str | None = None
    """Why it is null: `no_win_model`."""


class Base(Answer):
    """What the model says of an account of which nothing is known, in every unit; null where it abstains."""

    nrr: float | None = None
    churn_probability: float | None = None
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
    name: str | None = None
    scope: Literal["fit", "health"] | None = None
    """`health` for customers, `fit` for prospects."""
    mrr: float | None = None
    churn: Churn | None = None
    contraction: Contraction | None = None
    expansion: Expansion | None = None
    grr: float | None = None
    nrr: Nrr | None = None
    value_12m: Money | None = None
    action: Action | None = None
    value_36m: Worth | None = None
    survival: list[Left] | None = None
    """How likely it is still a customer after some months."""
    cac: float | None = None
    """What winning it cost, on the basis that `cac_basis` names; `reason` says of every null why it is one."""
    cac_basis: str | None = None
    payback_months: float | None = None
    payback_months_survival: int | None = None
    ltv_to_cac: float | None = None
    reason: dict[str, str] | None = None
    win: Win | None = None
    """Of prospects only."""
    icp: IcpMatch | None = None
    reasons: list[Reason] = Field(default_factory=list)
    base: Base | None = None
    residual: float | None = None
    """Points of NRR that are not listed."""
    residuals: Residuals | None = None
    abstained: str | None = None
    """Why there is no score, for example `already_leaving`."""
    abstained_because: str | None = None
    """Of a prospect like no customer: in words, which of its values none of them has."""


class ScoresAnswer(Answer):
    """Scores of one model version as of one day."""

    model: ModelHeader
    definition_hash: str
    as_of: dt.date
    scores: list[Score]
    not_found: list[str] = Field(default_factory=list)
    """Ids asked for that are no customers of the workspace."""


class AccountAnswer(Score):
    """One account's score, with the model and day it is of."""

    model: ModelHeader
    definition_hash: str
    as_of: dt.date

"""Bodies of requests and answers, as types: what is refused, and what `/docs.json` promises.

Requests are checked against these types. Answers are written from the plain values of `leap.scoring` without a second
pass over them; the tests hold them against these types instead.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

MAX_ACCOUNTS = 1000
MAX_TABLE_ROWS = 10_000
MAX_TEXT = 1000


def _scalar(value: object) -> object:
    """One cell. Nothing nested, nothing endless: what is let through here reaches the encoder of features."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise PydanticCustomError("text_too_long", "text of at most {most} characters expected", {"most": MAX_TEXT})
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise PydanticCustomError("text_not_unicode", "valid Unicode text expected")
        return value
    if isinstance(value, int | float):
        if (isinstance(value, float) and not math.isfinite(value)) or abs(value) > 1e300:
            raise PydanticCustomError("not_finite", "a finite number expected; leave it out or send null if unknown")
        return value
    raise PydanticCustomError("not_scalar", "text, a number, true, false or null expected, found a list or an object")


Scalar = Annotated[
    Any,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean", "null"], "maxLength": MAX_TEXT}),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TEXT)]
Top = Annotated[
    int,
    Field(
        ge=0,
        le=1000,
        description="How many reasons a score, largest first; features that say the same are one. 0: every feature.",
    ),
]


class _Request(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AccountRows(_Request):
    """One account to be scored, described by its features or by the rows of its tables."""

    account_id: Name
    """Any name; it comes back with the score."""
    features: dict[Name, Scalar] | None = None
    """Features by their names in the catalog (`/v1/model`); one left out counts as missing."""
    tables: dict[Name, list[dict[Name, Scalar]]] | None = None
    """Raw rows by the names of tables and columns in leap.toml; they become features as in training."""

    @model_validator(mode="after")
    def _described_once(self) -> AccountRows:
        if (self.features is None) == (self.tables is None):
            raise PydanticCustomError("features_or_tables", "either `features` or `tables` expected")
        return self


class ScoreRequest(_Request):
    """Accounts to be scored: known ones by id, or others with their features or rows. Up to 1,000."""

    account_ids: list[Name] | None = Field(None, min_length=1, max_length=MAX_ACCOUNTS)
    """Customers of the workspace."""
    accounts: list[AccountRows] | None = Field(None, min_length=1, max_length=MAX_ACCOUNTS)
    """Accounts that bring their own data."""
    as_of: dt.date | None = None
    """The day the score is for; what is known at or after it does not count. Default: the end of the data."""
    top: Top = 5

    @model_validator(mode="after")
    def _one_kind(self) -> ScoreRequest:
        if (self.account_ids is None) == (self.accounts is None):
            raise PydanticCustomError("ids_or_accounts", "either `account_ids` or `accounts` expected")
        rows = sum(len(table) for account in self.accounts or () for table in (account.tables or {}).values())
        if rows > MAX_TABLE_ROWS:
            raise PydanticCustomError(
                "too_many_rows",
                "at most {most} rows of tables in one request expected, found {found}",
                {"most": MAX_TABLE_ROWS, "found": rows},
            )
        return self


class Prospect(_Request):
    """A company that does not buy yet."""

    id: Name
    """Any name; it comes back with the score."""
    attributes: dict[Name, Scalar]
    """Features of scope `fit` (`/v1/model`): what is true of a company before it buys."""


class ProspectsRequest(_Request):
    """Companies to be rated before they buy. Up to 1,000."""

    prospects: list[Prospect] = Field(min_length=1, max_length=MAX_ACCOUNTS)
    top: Top = 5


class _Answer(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True, protected_namespaces=())


class ModelHeader(_Answer):
    """Which model answered."""

    name: str
    version: str
    trained_on: str | None = None


class Churn(_Answer):
    """Losing the account within the horizon."""

    p: float | None
    margin: float | None = None
    """What the model adds up before calibration, in log-odds of churn."""


class Contraction(_Answer):
    """Expected loss of revenue, given that the account stays, as a share of its MRR."""

    rate: float | None


class Expansion(_Answer):
    """Expected growth, given that the account stays, as a share of its MRR, and the probability of growing."""

    rate: float | None
    p: float | None = None


class Nrr(_Answer):
    """Net revenue retention, with the interval in which the account's own ratio is expected."""

    point: float | None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    coverage: float | None = None
    """The share that was inside in the past, out of time."""
    direct: float | None = None
    """What a model of NRR itself says, beside the composition."""


class Worth(_Answer):
    """An amount in the reporting currency."""

    point: float | None
    reason: str | None = None
    """Why it is null, for example `no_gross_margin`."""


class Money(Worth):
    """An amount in the reporting currency, with its interval."""

    low: float | None = None
    high: float | None = None


class Left(_Answer):
    """The chance that an account is still a customer after some months."""

    months: int
    survival: float
    observed: bool
    """Whether accounts were followed that far ahead; beyond, the curve goes on as in its last year."""


class IcpMatch(_Answer):
    """How the account compares with the ideal customer profiles."""

    id: str | None = None
    tier: str | None = None
    matched: list[Any] = Field(default_factory=list)
    missed: list[Any] = Field(default_factory=list)
    disqualified_by: list[Any] = Field(default_factory=list)
    near: list[Any] = Field(default_factory=list)
    """Of an account in tier B: each profile of which it lacks one condition, with the distance."""


class Parts(_Answer):
    """A reason's points of NRR by what they come through; they add up to `nrr_points`."""

    churn: float
    contraction: float
    expansion: float


class Member(_Answer):
    """One feature of a group, with its own points of NRR."""

    feature: str
    label: str | None = None
    value: Any = None
    nrr_points: float | None = None


class Reason(_Answer):
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


class Action(_Answer):
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


class Win(_Answer):
    """Winning a deal with a prospect."""

    p: float | None
    reason: str | None = None
    """Why it is null: `no_win_model`."""


class Base(_Answer):
    """What the model says of an account of which nothing is known, in every unit; null where it abstains."""

    nrr: float | None = None
    churn_probability: float | None = None
    margin: float | None = None
    """Log-odds of churn before calibration."""
    money: float | None = None
    """MRR a month: `nrr` times the account's MRR; null where that is not known."""


class Residuals(_Answer):
    """What base and listed reasons leave of the score in the other units; about 0 with `top` 0."""

    probability_points: float | None = None
    """Of `churn.p`."""
    margin: float | None = None
    """Of `churn.margin`."""
    money: float | None = None
    """Of `nrr.point` times `mrr`."""


class Score(_Answer):
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


class ScoresAnswer(_Answer):
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


class Evidence(_Answer):
    """What a profile did on other accounts, later, than it was found on."""

    accounts: int | None = None
    support: float | None = None
    inside: float | None = None
    outside: float | None = None
    lift: float | None = None
    low: float | None = None
    high: float | None = None
    tried: int | None = None
    q_value: float | None = None


class Condition(_Answer):
    """One condition on a feature of scope `fit`."""

    feature: str
    op: str
    value: Any = None
    label: str | None = None
    words: str | None = None


class Icp(_Answer):
    """One ideal customer profile, or (negative) one to leave."""

    id: str
    kind: Literal["established", "emerging", "negative"]
    statement: str
    conditions: list[Condition]
    evidence: Evidence
    size: Any = None
    kpis: dict[str, Any] | None = None
    rejected: bool = False
    """People rejected it: it is shown, gives no tier and chooses nobody."""


class IcpAnswer(_Answer):
    """All profiles of the live model; without any, why there is none."""

    icps: list[Icp]
    none_because: str | None = None


class ModelAnswer(_Answer):
    """The live model: its card with metrics, definitions and the catalog of features."""

    version: str


class Ready(_Answer):
    """Whether scores can be had, and of which model."""

    ready: bool
    model: ModelHeader | None = None
    as_of: dt.date | None = None
    stale: bool = False
    """A newer champion could not be loaded, the last good one stays in use."""
    explained_by: str | None = None
    """What computes contributions: the exact kernel, or LightGBM, slower, where the kernel is not to be trusted."""
    problem: str | None = None


class ErrorBody(_Answer):
    """What went wrong: a code for programs, a sentence for people, and where it is."""

    code: str
    message: str
    details: list[Any]


class ErrorAnswer(_Answer):
    """The one form of every error."""

    error: ErrorBody


def example_requests(customers: list[str], reasons: list[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Bodies that work with the live model, by route: real ids, real features with values that occur."""
    named = {reason["feature"]: reason["value"] for reason in reasons[:3]}
    before = {reason["feature"]: reason["value"] for reason in reasons if reason.get("scope") == "fit"}
    ids = {"account_ids": customers[:2] or ["a1"], "top": 3}
    features = {"accounts": [{"account_id": "example", "features": named}], "top": 0}
    prospects = {"prospects": [{"id": "example", "attributes": dict(list(before.items())[:3])}]}
    return {
        "/v1/score": {
            "known": {"summary": "Customers by id", "value": ids},
            "features": {"summary": "An account with its features", "value": features},
        },
        "/v1/prospects": {"attributes": {"summary": "A company that does not buy yet", "value": prospects}},
    }

"""Ideal customer profiles with their evidence."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from serving.schemas.answers import Answer, OfCompany

Kind = Literal["established", "emerging", "negative"]


class Condition(Answer):
    """One condition on a feature of scope `fit`."""

    feature: str
    """Its name in the catalog (`/v1/model`)."""
    op: Literal["==", "!=", "in", "not in", ">=", ">", "<=", "<", "between"]
    """`between` is `[low, high)`: the lower end belongs to it, the upper does not."""
    value: Any
    """A number, text, true or false; of `in`, `not in` and `between` a list."""
    label: str
    """The feature in words."""
    words: str
    """The condition in words."""
    signal: str | None = None
    """What kind of signal it is: `fit`, `buying`, `economic`, .."""
    party: str | None = None
    """Who knows it: `first` (the company itself) or `third`."""


class Plain(Answer):
    """What was seen, before anything is shrunk or compared within periods: it looks better than it is."""

    inside: float
    """Of accounts that meet the rule."""
    outside: float
    """Of all others."""
    lift: float
    """Inside less outside."""


class Measured(Answer):
    """A figure inside and outside of a rule, as fresh accounts would show it."""

    inside: float | None
    """Of accounts that meet the rule."""
    outside: float | None
    """Of all others."""
    lift: float | None
    """Inside less outside."""
    low: float | None
    """Lower end of the 95 % interval of the lift, over accounts."""
    high: float | None
    """Upper end of it."""
    ratio: float | None
    """Inside over outside; null where outside is zero."""
    observed: Plain | None = None
    """The plain figures of the accounts measured."""


class Evidence(Measured):
    """What a rule did on other accounts, later, than it was found on. The figures on top are those of `metric`."""

    metric: Literal["nrr", "churn", "expansion_rate", "contraction_rate"]
    """Which figure decides."""
    accounts: int
    """Accounts it was measured on."""
    matched: int
    """Those of them that met it."""
    support: float
    """Their share."""
    churn: Measured | None = None
    """Share of the accounts lost."""
    nrr: Measured | None = None
    """Net revenue retention."""
    expansion_rate: Measured | None = None
    """Growth as a share of MRR."""
    contraction_rate: Measured | None = None
    """Loss of accounts that stay, as a share of MRR."""
    found_on: dict[str, Any]
    """Where the rule was looked for: `from`, `to`, `accounts`, `rows`, `halves`."""
    measured_on: dict[str, Any]
    """Where it was measured: `from`, `to`, `accounts`, `rows`."""
    tried: int
    """How many rules were looked at."""
    q_value: float
    """False-discovery rate among all rules that were measured."""
    folds_same_sign: str | None = None
    """In how many periods it pointed the same way."""
    by_year: list[dict[str, Any]]
    """The figure by calendar year: `year`, `inside`, `outside`, `accounts_inside`, `accounts_outside`."""
    beyond: str | None
    """What it adds beyond rules that overlap with it, in words, where that was looked at."""


class Size(Answer):
    """Companies that meet a rule now."""

    customers: int
    """Customers."""
    prospects: int
    """Companies that never paid."""
    former: int | None = None
    """Former customers, who are in neither."""
    market: int | None = None
    """All customers and prospects known."""
    note: str | None = None
    """A word on too few or too many."""


class Window(Answer):
    """A window of the horizon."""

    from_: str = Field(alias="from")
    """The day on which it begins."""
    months: int
    """How long it is."""


class Pooled(Answer):
    """NRR expected of a part of the accounts: what was seen, drawn towards the whole as its history is short."""

    accounts: int
    """Accounts of the part."""
    seen: float
    """What was seen of them."""
    whole: float
    """NRR of all accounts."""
    nrr: float
    """What is expected."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of it."""
    weight: float
    """How much the part's own history counts: 1 alone, 0 not at all."""


class Profile(Answer):
    """What names a profile."""

    id: str
    """Its id in this version: ids are numbers in an order and may change with the version."""
    kind: Kind
    """`established` and `emerging` profiles are sold to, `negative` ones left."""
    words: str
    """Its conditions in words."""
    statement: str
    """What it says, with its evidence, in one sentence."""
    conditions: list[Condition]
    """All of them hold of an account that meets it."""
    size: Size
    """Companies that meet it now."""


class Icp(Profile):
    """One ideal customer profile, or (negative) one to leave."""

    status: Literal["measured"]
    """Its rule was measured on later accounts; what was not stands under `hypotheses`."""
    because: str
    """Why it is of its kind."""
    evidence: Evidence
    """What it did on other accounts, later, than it was found on."""
    kpis: dict[str, Any]
    """Its figures of the last complete window; `/v1/kpis` has them in one form."""
    penetration: float | None
    """Customers / (customers + prospects) that meet it now; null where there are no prospects."""
    pooled: Pooled | None
    """The NRR expected of its accounts."""
    shares: dict[str, Any] | None
    """Its share of customers, of those won lately and of prospects."""
    rank: dict[str, Any] | None
    """What its place in the order of work is made of: reach times win rate times value."""
    segment: dict[str, Any] | None
    """The segment of accounts that it describes, if it does."""
    saturation: dict[str, Any] | None
    """How far it is used up: `verdict`, `words`, and how the newest of its customers do."""
    price: dict[str, Any] | None = None
    """Of a negative one: what selling to such accounts costs."""
    rejected: bool
    """People rejected it: it is shown, gives no tier and chooses nobody."""


class MeasuredAttribute(Answer):
    """A rule that was measured, whether it held or not."""

    words: str
    """Its conditions in words."""
    conditions: list[Condition]
    """The conditions."""
    verdict: Literal["stays", "leaves", "not shown"]
    """Whether accounts that meet it stay or leave; `not shown` where neither could be shown."""
    grade: Literal["must", "strong", "useful"] | None
    """How strong it is; null if not shown."""
    why_not: str | None
    """What keeps it from being shown."""
    category: str
    """Its kind of signal."""
    layer: str | None = None
    """What kind of knowledge about a company it needs."""
    layers: list[str]
    """The same of all its conditions."""
    evidence: Evidence
    """What it did on other accounts, later, than it was found on."""
    driver: dict[str, Any]
    """The driver it came from: `rank` and `share`."""
    alike: list[str]
    """Rules that say nearly the same, in words."""
    tried: int
    """How many rules were looked at."""


class Hypothesis(Answer):
    """A profile that something suggests and nothing has measured: it chooses nobody."""

    id: str
    """Its id in this version."""
    status: Literal["hypothesis"]
    """Not measured."""
    source: Literal["segment", "best customers"]
    """What suggests it."""
    words: str
    """Its conditions in words."""
    statement: str
    """What speaks for it and what is missing."""
    conditions: list[Condition]
    """The conditions."""
    accounts: int
    """Accounts that bought and met it."""
    pooled: Pooled
    """What followed among them, seen on the accounts that it was drawn from."""


class Note(Answer):
    """What somebody noted: a hypothesis beside the evidence, never a feature."""

    on: str
    """The day."""
    account_id: str
    """Of which account; empty: of all."""
    text: str
    """What was noted."""
    owner: str
    """By whom."""
    about: str
    """About which feature or column, if any."""


class CardLine(Answer):
    """A line of the points card."""

    points: int
    """Above zero if such accounts stay, below if not."""
    words: str
    """The condition in words."""
    conditions: list[Condition]
    """The conditions, all of which must hold."""


class PointsCard(Answer):
    """Whole points for a CRM that can only add. It counts nothing that people rejected."""

    lines: list[CardLine]
    """What is added up; empty where no card can be stood by."""
    a_from: int | None
    """Band A from so many points on."""
    c_to: int | None
    """Band C up to so many points; B lies between."""
    shares: dict[str, float]
    """The share of accounts in each band."""
    agreement: dict[str, Any] | None
    """How near the card comes to the model on accounts that neither was fitted on."""
    why_not: str | None
    """Why there are no lines."""


class Level(Answer):
    """Companies of one step of the market, by what they are now."""

    name: str
    """`TAM`, `ICP`, the id of a profile, or `target list`."""
    accounts: int
    """All of them."""
    customers: int
    """Customers."""
    prospects: int
    """Companies that never paid."""
    former: int
    """Former customers."""
    free: int
    """Companies that use it and do not pay."""
    share: float | None
    """Of all companies known."""
    estimated: int | None
    """The share carried over to the market that the settings state; null where they state none."""
    note: str | None
    """A word on too few or too many."""


class Funnel(Answer):
    """The size of the market: TAM, ICP, segments, target list, each inside of the one before."""

    tam: Level
    """Everyone in the tables."""
    icp: Level | None
    """Who meets a profile that is sold to."""
    segments: list[Level]
    """By profile; an account may meet several."""
    target_list: Level | None
    """Prospects in a profile with a buying signal."""
    targets: dict[str, int]
    """These by profile."""
    signals: list[str]
    """What counts as a buying signal."""
    market_size: int | None
    """The market as the settings state it."""
    market_source: str
    """Where that is from."""
    reasons: dict[str, str]
    """Why a step is null."""
    notes: list[str]
    """What is to be known of it."""


class IcpAnswer(OfCompany):
    """All profiles of the live model with their evidence; without any, why there is none. As `leap icp --json`."""

    version: str
    """Of the model."""
    icps: list[Icp]
    """In the order of work: an account that meets several belongs to the first."""
    attributes: list[MeasuredAttribute]
    """Every rule that was measured, whether it held or not."""
    none_because: str | None
    """Why there is no profile."""
    notes: list[Note]
    """What people noted."""
    hypotheses: list[Hypothesis]
    """What is suggested and not measured."""
    order_of_work: dict[str, Any] | None
    """Which profile to work on first, which is next, and whether that is due; `words` say it in a sentence."""
    best_customers: dict[str, Any] | None
    """The best fifth of the customers, and what tells those that grew from those that left."""
    card: PointsCard | None
    """A points card made of what held."""
    criteria: list[dict[str, Any]]
    """Conditions with their figures; `/v1/kpis` has them in one form."""
    front: dict[str, Any] | None
    """Which profiles no other one beats in retention, expansion and margin at once."""
    quarters: dict[str, Any] | None
    """How profiles did by quarter; `/v1/kpis` has it in one form."""
    bookings: dict[str, Any] | None
    """What is booked outside of profiles; `/v1/kpis` has it in one form."""
    funnel: Funnel | None
    """The size of the market, step by step."""

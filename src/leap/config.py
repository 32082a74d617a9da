"""`leap.toml` as frozen, typed settings that refuse unknown keys.

Each field's docstring is its help. Paths are relative to the file's folder.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from leap.errors import SettingsError
from leap.known_keys import known_keys

Shape = Literal["attributes", "history", "periods", "events", "market", "snapshot"]
Role = Literal["revenue", "deals", "costs", "rates", "notes"]
ScopeName = Literal["fit", "health"]
SignalName = Literal["fit", "economic", "retention", "buying", "disqualification"]
Party = Literal["first", "third"]
LayerName = Literal["firmographic", "technographic", "behavioural", "environmental"]
DateFormat = Literal[
    "iso", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "MM-DD-YYYY", "DD-MM-YYYY", "YYYY/MM/DD", "YYYYMMDD",
    "YYYY-MM", "YYYYMM",
    "seconds", "milliseconds", "microseconds",
]  # fmt: skip
NumberForm = Literal[".", ",", "1,000"]
AmountPer = Literal["month", "quarter", "half-year", "year", "week", "day"]

SETTINGS_FILE = "leap.toml"
_LONGEST_FIELD = 80


def _as_list(value: object) -> object:
    return [value] if isinstance(value, int) else value


def holds_password(source: str) -> bool:
    """Whether an address such as postgresql://… holds a password; where it may, the answer is yes.

    >>> holds_password("postgresql://ann:secret@db/crm#subs"), holds_password("postgresql://db:5432/crm#subs")
    (True, False)
    """
    address = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/{1,2}(.*)", source, re.DOTALL)
    if address is None:
        return False
    return re.search(r":.*@", address[1]) is not None or re.search(r"(?i)passw(or)?d=", address[1]) is not None


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Company(_Frozen):
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


class OutcomeSettings(_Frozen):
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


class Policy(_Frozen):
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


class ServingSettings(_Frozen):
    """What a service tells of its scores, and how it keeps up with the workspace."""

    refresh_minutes: int = Field(60, ge=0, le=10_080)
    """How often tables are read again that come from a database, which does not tell when its rows change; 0 is never.
    Files are read again whenever they have changed."""
    stale_after_days: int = Field(45, ge=1, le=3660)
    """Features older than this are called stale in answers, metrics and the log: a month of data, and two weeks in
    which the next may arrive. Their age is counted from their date to today (UTC)."""


class CrmFields(_Frozen):
    """What features are called in a CRM where they stand there already; the others get names of their own."""

    salesforce: dict[str, str] = Field(default_factory=dict)
    """By feature, the API name of a field of Account, such as NumberOfEmployees or Tier__c."""
    hubspot: dict[str, str] = Field(default_factory=dict)
    """By feature, the internal name of a company property, such as numberofemployees."""

    @model_validator(mode="after")
    def _names_are_legal_and_hold_one_feature(self) -> CrmFields:
        forms = (
            ("salesforce", self.salesforce, r"[A-Za-z](_{0,2}[A-Za-z0-9])*", "an API name such as Employees__c"),
            ("hubspot", self.hubspot, r"[a-z][a-z0-9_]*", "an internal name such as numberofemployees"),
        )
        for crm, fields, legal, example in forms:
            seen: dict[str, str] = {}
            for feature, field in fields.items():
                if len(field) > _LONGEST_FIELD or not re.fullmatch(legal, field):
                    raise ValueError(f"{crm}.{feature}: expected {example}, found {field!r}")
                other = seen.setdefault(field.casefold(), feature)
                if other != feature:
                    raise ValueError(f"{crm}: {other!r} and {feature!r} are both called {field!r}; a field holds one")
        return self


class Salesforce(_Frozen):
    """Where scores go in Salesforce."""

    object: str = Field("Account", pattern=r"^[A-Za-z](_{0,2}[A-Za-z0-9])*$")
    """API name of the object that holds companies."""
    id_field: str = Field("Leap_Account_Id__c", pattern=r"^[A-Za-z](_{0,2}[A-Za-z0-9])*$")
    """Its field, an external id and unique, with the account's id in our tables."""


class Hubspot(_Frozen):
    """Where scores go in HubSpot."""

    object: str = Field("companies", pattern=r"^[a-z][a-z0-9_-]*$")
    """The object that holds companies."""
    id_property: str = Field("leap_account_id", pattern=r"^[a-z][a-z0-9_]*$")
    """Its property with unique values, with the account's id in our tables."""


class Sync(_Frozen):
    """What `leap sync` may do."""

    prospects: bool = True
    """Whether prospects are sent too, not only customers."""
    create: bool = True
    """Whether an account that the CRM does not have is created there; else it is counted and left out."""
    max_changes_share: float = Field(0.5, gt=0, le=1)
    """Share of the records sent before that may change in one run (figures, not dates): more is refused unless
    `--max-changes` allows it, since a wrong model or table shows first as a mass of changes."""


class Crm(_Frozen):
    """How exports for a CRM name things, and what is sent there."""

    fields: CrmFields = Field(default_factory=CrmFields)
    """By CRM, the fields that features stand in."""
    salesforce: Salesforce = Field(default_factory=Salesforce)
    hubspot: Hubspot = Field(default_factory=Hubspot)
    sync: Sync = Field(default_factory=Sync)


class Alerts(_Frozen):
    """What `leap sync` tells by webhook and Slack; their addresses come from the environment, never from here."""

    tier_changes: bool = True
    """Whether accounts whose published tier changed are told."""
    alarms: bool = True
    """Whether what goes wrong is told: a sync that failed or was refused, stale features, a model of other
    definitions."""
    retry_days: int = Field(7, ge=1, le=90)
    """How long an alert that could not be delivered is tried again by later runs."""


class MarketMove(_Frozen):
    """Where a market figure goes in a scenario: to a value, or by a change; by segment where `segments` name it."""

    change: float | None = Field(None, gt=-1, le=10)
    """As a share of the latest published value: -0.1 is 10 % less."""
    value: float | None = None
    """The value itself."""
    segments: dict[str, MarketMove] = Field(default_factory=dict)
    """By segment of the market table, in place of what holds for all others."""

    @model_validator(mode="before")
    @classmethod
    def _a_number_is_a_change(cls, given: Any) -> Any:
        return {"change": given} if isinstance(given, int | float) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def _says_one_thing(self) -> MarketMove:
        if self.change is not None and self.value is not None:
            raise ValueError("a market figure has a `change` or a `value`, found both")
        if self.change is None and self.value is None and not self.segments:
            raise ValueError("a market figure goes to a `value` or by a `change` (a share such as -0.1), found neither")
        return self


class Lineage(_Frozen):
    """Merged or renamed accounts."""

    source: str
    """CSV with account_id, is_now, from_date."""


class Leaks(_Frozen):
    """What the leakage audit may not leave out."""

    keep_columns: list[str] = Field(default_factory=list)
    """`table.column`: use although the audit names it; noted in the model card."""


class ColumnSpec(_Frozen):
    """One column that may become features."""

    label: str | None = None
    unit: str | None = None
    scope: ScopeName | None = None
    signal: SignalName | None = None
    party: Party | None = None
    layer: LayerName | None = None
    """Kind of knowledge about a company; default: as the table says."""
    available: Literal["before", "after"] = "before"
    """`after`: known only after the outcome, never a feature."""
    actionable: bool | None = None
    """Whether the company can move it: a lever, which "what if" may turn. Default: as the table says."""
    consequence: bool = False
    """Whether it follows from the decision to leave or stay (a cancellation form asked for): a sign, never a lever."""
    direction: Literal["none", "up", "down"] = "none"
    """Known direction on retention."""


class TableSpec(_Frozen):
    """Where a table lies and how its rows become facts in time."""

    shape: Shape
    source: str
    role: Role | None = None
    key: str = "account_id"
    known_at: str | None = None
    """Column with the moment at which a row could be known; default: the row's own time."""
    scope: ScopeName = "health"
    signal: SignalName = "retention"
    party: Party = "first"
    layer: LayerName | None = None
    """firmographic (what it is), technographic (what it uses), behavioural (what it does), environmental (its market);
    default: by shape - attributes and history, periods, events, market."""
    dates: DateFormat = "iso"
    """How dates are written where they are not ISO 8601; a time of day may follow. A month stands for its first day,
    and the last three count from 1970."""
    decimal: Literal[".", ","] = "."
    """The decimal sign of numbers; with "," a point or space may part thousands."""
    thousands: Literal["", ","] = ""
    """With "," numbers are written as 1,234.50, and a sign of a currency may stand before or after them."""
    columns: dict[str, ColumnSpec] = Field(default_factory=dict)
    actionable: bool = False
    """Whether the company can move what the table says (usage, support): levers, unless a column says otherwise."""
    # history, events, snapshot
    at: str | None = None
    # periods
    start: str = "started_on"
    end: str = "ended_on"
    product: str | None = None
    renews: str | None = None
    cancelled: str | None = None
    # periods, events
    kind: str | None = None
    actionable_kinds: list[str] = Field(default_factory=list)
    """Values of the `kind` column that the company can move, whatever is said of the others."""
    consequence_kinds: list[str] = Field(default_factory=list)
    """Values of the `kind` column that follow from a decision already taken, such as requests to cancel."""
    amount: str | None = None
    amount_per: AmountPer = "month"
    """What the amount of a period covers; it is turned into an amount a month (year / 12, week * 52 / 12)."""
    currency: str | None = None
    # events
    quantity: str | None = None
    price: str | None = None
    """Money of one unit, where no column holds the amount: an event's amount is its quantity times its price."""
    windows_days: Annotated[list[int], BeforeValidator(_as_list)] = Field(default_factory=lambda: [28, 91, 365])
    trailing_months: int = Field(3, ge=1, le=24)
    credit_notes: bool = False
    # deals
    created: str = "created_at"
    closed: str = "closed_at"
    won: str = "won"
    team: str | None = None
    """Column with who sold: bookings outside the ICP are told by team."""
    origin: str | None = None
    """Column with where a deal came from (its lead source): the same by source."""
    discount: str | None = None
    """Column with the share of the list price that was let off, such as 0.15."""
    # notes
    note: str = "note"
    owner: str = "owner"
    about: str | None = None
    """The feature or column that a note is a hypothesis about."""
    # market, rates
    indicator: str = "indicator"
    period: str = "period"
    published: str = "published_at"
    value: str = "value"
    segment: str | None = None
    # snapshot
    outcome: str | None = None
    outcome_kind: Literal["binary", "number"] = "binary"
    outcome_positive: str | int | float | bool | None = None
    duration: str | None = None
    """Months until the outcome or, where it has not happened, until the row was last seen."""

    @field_validator("source")
    @classmethod
    def _source_holds_no_password(cls, source: str) -> str:
        if holds_password(source):
            raise ValueError(
                "the address holds a password, and this file is no place for one: remove it, and give it by PGPASSWORD "
                "or a password file (PGPASSFILE)"
            )
        return source

    @model_validator(mode="after")
    def _role_fits_shape(self) -> TableSpec:
        allowed = {
            "revenue": ("periods", "events"),
            "deals": ("events",),
            "costs": ("events",),
            "rates": ("market",),
            "notes": ("events",),
        }
        if self.role is not None and self.shape not in allowed[self.role]:
            raise ValueError(
                f"role {self.role!r} goes with shape {' or '.join(allowed[self.role])}, found {self.shape!r}"
            )
        if self.role == "revenue" and self.amount is None and self.price is None:
            raise ValueError("a revenue table names its `amount` column (the MRR of a period, the money of an event)")
        if self.price is not None and (self.shape != "events" or self.quantity is None or self.amount is not None):
            raise ValueError("`price` goes with `quantity`, on events that name no `amount`")
        of_deals = [name for name in ("team", "origin", "discount") if getattr(self, name) is not None]
        if of_deals and self.role != "deals":
            raise ValueError(f"{', '.join(of_deals)}: columns of deals, found role {self.role!r}")
        if self.amount_per != "month" and self.shape != "periods":
            raise ValueError(f"amount_per is of periods, found shape {self.shape!r}")
        if self.thousands and self.decimal == ",":
            raise ValueError('thousands = "," goes with a decimal point, found decimal = ","')
        if self.shape == "snapshot" and self.outcome is None:
            raise ValueError("a snapshot table names its `outcome` column")
        if self.duration is not None and (self.shape != "snapshot" or self.outcome_kind != "binary"):
            raise ValueError("`duration` goes with the binary outcome of a snapshot table")
        self._kinds_are_told_apart()
        if any(days <= 0 for days in self.windows_days):
            raise ValueError(f"windows_days are positive numbers of days, found {self.windows_days}")
        return self

    def _kinds_are_told_apart(self) -> None:
        both = sorted(set(self.actionable_kinds) & set(self.consequence_kinds))
        if both:
            raise ValueError(
                f"a kind is a lever (actionable_kinds) or a sign of a decision already taken (consequence_kinds), "
                f"found in both: {', '.join(map(repr, both))}"
            )
        if (self.actionable_kinds or self.consequence_kinds) and (
            self.kind is None or self.shape not in ("periods", "events")
        ):
            raise ValueError(
                "actionable_kinds and consequence_kinds name values of the `kind` column of periods or events, found "
                f"shape {self.shape!r} and {f'kind {self.kind!r}' if self.kind else 'no kind'}"
            )

    @property
    def number_form(self) -> NumberForm:
        """How numbers are written: plainly, with a decimal comma, or with commas that part thousands."""
        return "," if self.decimal == "," else "1,000" if self.thousands else "."

    @property
    def at_column(self) -> str:
        """The column of the moment of a history or events row."""
        return self.at or ("observed_at" if self.shape == "history" else "occurred_at")


class Settings(_Frozen):
    """All of `leap.toml`, and the folder it lies in."""

    company: Company = Field(default_factory=Company)
    outcome: OutcomeSettings = Field(default_factory=OutcomeSettings)
    policy: Policy = Field(default_factory=Policy)
    serving: ServingSettings = Field(default_factory=ServingSettings)
    crm: Crm = Field(default_factory=Crm)
    alerts: Alerts = Field(default_factory=Alerts)
    lineage: Lineage | None = None
    leaks: Leaks = Field(default_factory=Leaks)
    tables: dict[str, TableSpec] = Field(default_factory=dict)
    scenarios: dict[str, dict[str, MarketMove]] = Field(default_factory=dict)
    """By name (low, base, high or another) and indicator, where the market goes (`leap scenario`)."""
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _table_names_are_plain(self) -> Settings:
        for name in self.tables:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                raise ValueError(f"table names are letters, digits and _, found {name!r}")
        revenue = [name for name, table in self.tables.items() if table.role == "revenue"]
        if len(revenue) > 1:
            raise ValueError(f"at most one table has role 'revenue', found {revenue}")
        return self

    def with_role(self, role: Role) -> list[str]:
        """Names of the tables that have this role."""
        return [name for name, table in self.tables.items() if table.role == role]


def load_settings(workspace: Path) -> Settings:
    """The settings of a workspace folder; SettingsError names the key, the nearest known one and the file."""
    path = workspace / SETTINGS_FILE
    try:
        document = _document(workspace, path)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid TOML: {error}.") from error
    except RecursionError as error:
        raise SettingsError(f"{path}: not valid TOML: lists or tables are nested too deep.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}.") from error
    return parse_settings(document, folder=workspace, origin=str(path))


def _document(workspace: Path, path: Path) -> dict[str, Any]:
    if not workspace.is_dir():
        raise SettingsError(f"{workspace}: no such folder.", remedy="Name the folder that holds leap.toml.")
    if not path.is_file():
        raise SettingsError(
            f"{workspace}: no {SETTINGS_FILE} there; expected a workspace folder with one.",
            remedy=f"`leap init {workspace}` writes one from the files found; `leap demo DIR` makes an example.",
        )
    return tomllib.loads(path.read_text(encoding="utf-8-sig"))


def parse_settings(document: dict[str, Any], *, folder: Path = Path(), origin: str = SETTINGS_FILE) -> Settings:
    """Settings from an already parsed document.

    >>> parse_settings({"company": {"nam": "Acme"}})
    Traceback (most recent call last):
    ...
    leap.errors.SettingsError: leap.toml: company.nam: unknown key; did you mean 'name'?
    """
    if "folder" in document:
        raise SettingsError(f"{origin}: folder: unknown key.")
    try:
        return Settings.model_validate({**document, "folder": folder})
    except ValidationError as error:
        problems = [_in_words(problem) for problem in error.errors()]
        raise SettingsError(f"{origin}: {'; '.join(problems)}", details=problems) from None


def _in_words(problem: Any) -> str:
    location = [str(part) for part in problem["loc"]]
    where = ".".join(location)
    if problem["type"] == "extra_forbidden":
        known = [name for name in known_keys(Settings, location[:-1]) if name != "folder"]
        near = difflib.get_close_matches(location[-1], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(sorted(known))}."
        return f"{where}: unknown key; {hint}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" if where else message

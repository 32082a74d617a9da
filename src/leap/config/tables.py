"""Where tables lie, and what their columns mean."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from leap.config.frozen import Frozen

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


class ColumnSpec(Frozen):
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


class TableSpec(Frozen):
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


class Lineage(Frozen):
    """Merged or renamed accounts."""

    source: str
    """CSV with account_id, is_now, from_date."""


class Leaks(Frozen):
    """What the leakage audit may not leave out."""

    keep_columns: list[str] = Field(default_factory=list)
    """`table.column`: use although the audit names it; noted in the model card."""

"""What the ICP report says of one profile: who, on what evidence, how many, how they do, and how far it is used up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from leap.config import Settings
from leap.icp import ICPProfile, Rule
from leap.icp.funnel import Funnel
from leap.icp.phrases import who
from leap.icp.ranking import Rank, Shares
from leap.icp.statements import seen
from leap.reports.icp_evidence import EvidenceSummary, evidence_summary
from leap.reports.rendering import day, known, listed

KPIS = (
    ("nrr", "NRR", "share"),
    ("grr", "GRR", "share"),
    ("logo_churn", "Logo churn", "share"),
    ("contraction_rate", "Contraction", "share"),
    ("expansion_rate", "Expansion", "share"),
    ("margin", "Margin", "share"),
    ("value_12m", "Value of 12 months", "money"),
    ("cac", "CAC", "money"),
    ("payback_months", "Payback", "months"),
    ("payback_months_survival", "Payback, with churn", "months"),
    ("ltv_to_cac", "LTV : CAC", "times"),
    ("win_rate", "Win rate", "share"),
    ("sales_cycle_days", "Sales cycle", "days"),
    ("deal_size", "Deal size", "money"),
    ("discount", "Discount", "share"),
)
"""The figures of a profile's year in their order; a document may have fewer."""
_NEEDS: Mapping[str, Literal["costs", "deals"]] = {
    "cac": "costs",
    "win_rate": "deals",
    "payback_months": "costs",
    "ltv_to_cac": "costs",
}
_WHY = {
    "no_acquisition_costs": "no acquisition cost of these accounts is known",
    "no_closed_deals": "no deal of these accounts was closed",
    "no_won_deals": "no deal of these accounts was won",
    "no_new_customers": "nobody of them ever became a customer",
    "no_amounts": "no deal of these accounts has an amount",
    "no_discounts": "no discount of their deals is known",
    "no_gross_margin": "no gross margin is known",
    "empty_cohort": "no account paid at the start of the year",
}
OF_ALL_YEARS = frozenset(
    ("cac", "payback_months", "payback_months_survival", "ltv_to_cac", "win_rate", "sales_cycle_days", "deal_size",
     "discount")
)  # fmt: skip
"""Figures of every customer won and every deal closed so far; the others are of the last year."""
_OF_TWELVE_MONTHS = {"margin": "margin", "value_12m": "value"}
_KINDS = {"established": "Established profile", "emerging": "Emerging profile", "negative": "Negative profile"}
OWN_DATA = "own data"
_PARTIES = {"first": OWN_DATA, "third": "third-party data"}
_MOVED = 2.0
"""A condition that holds now this many times as often as before the purchase, or as rarely, is said to move."""


@dataclass(frozen=True)
class ConditionSummary:
    """A condition in words, with its signal category and where the data come from."""

    words: str
    signal: str
    party: str
    layer: str = ""
    who: str = ""
    """The companies that meet it, as a statement says them."""


@dataclass(frozen=True)
class Size:
    """How many customers and prospects meet the conditions now, of how many; `note` if too few or too many."""

    customers: int
    prospects: int
    market: int
    note: str | None

    @property
    def share(self) -> float | None:
        """Share of all accounts and prospects."""
        return (self.customers + self.prospects) / self.market if self.market else None

    @property
    def too_broad(self) -> bool:
        """Whether so many meet the conditions that these alone are no choice."""
        return self.note is not None and self.note.startswith("may be too broad")


@dataclass(frozen=True)
class Kpi:
    """A figure of the last year inside and outside with their intervals, where they have one; `why` says why one is
    missing, `apart` whether the interval of the difference leaves zero out.
    """

    name: str
    label: str
    unit: str
    inside: float | None
    outside: float | None
    why: str
    inside_ends: tuple[float, float] | None = None
    outside_ends: tuple[float, float] | None = None
    apart: bool = False


@dataclass(frozen=True)
class Price:
    """What an account of a negative profile pays less a year than the others would, with the interval of its NRR."""

    lost: float | None
    low: float | None
    high: float | None
    won_last_year: int
    currency: str
    spent: float | None = None
    """What was spent to win those of the last year, where known."""
    prospects: int | None = None
    """Prospects that meet it now."""
    open_deals: int | None = None
    open_amount: float | None = None

    @property
    def shown(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.low > 0


@dataclass(frozen=True)
class Verdict:
    """What people decided about a profile, beside the evidence; `counts` if it changes tiers and lists."""

    state: str
    words: str
    counts: bool

    @property
    def rejected(self) -> bool:
        """Rejected, so that it gives no tier and chooses no account."""
        return self.state == "rejected" and self.counts


@dataclass(frozen=True)
class ProfileSummary:
    """Everything a report says of one profile."""

    id: str
    kind: str
    kind_words: str
    statement: str
    rule: Rule
    conditions: tuple[ConditionSummary, ...]
    evidence: EvidenceSummary
    size: Size | None
    moved: bool
    kpis: tuple[Kpi, ...]
    kpis_from: str
    kpis_months: int
    price: Price | None
    who: str
    """The companies that meet it, as a statement says them, without a capital."""
    seen: str
    """What was seen of them, as a statement says it."""
    because: str = ""
    """Why it is of its kind."""
    shares: Shares | None = None
    rank: Rank | None = None
    saturation: str = ""
    """How far it is used up, in a sentence; empty where not looked at."""
    used_up: bool = False
    penetration: float | None = None
    to_work_on: Size | None = None
    """The size without those that meet a negative profile too, which are left."""
    verdict: Verdict | None = None

    @property
    def rejected(self) -> bool:
        """Whether people rejected it."""
        return self.verdict is not None and self.verdict.rejected

    @property
    def opposed(self) -> bool:
        """Whether some that meet it meet a negative profile too."""
        return self.to_work_on != self.size

    @property
    def costs(self) -> bool:
        """Whether it is shown in money that such accounts pay less."""
        return self.price is not None and self.price.shown and self.price.lost is not None

    @property
    def missing(self) -> tuple[tuple[str, str], ...]:
        """Labels of figures that are missing for the same reason, and the reason."""
        reasons = dict.fromkeys(kpi.why for kpi in self.kpis if kpi.why)
        return tuple((listed([kpi.label for kpi in self.kpis if kpi.why == why]), why) for why in reasons)

    @property
    def kpis_of(self) -> str:
        """Which time the figures are of, in a sentence."""
        known = {kpi.name for kpi in self.kpis if kpi.inside is not None or kpi.outside is not None}
        parts = [f"Retention and growth are of the {self.kpis_months} months from {day(self.kpis_from)}"]
        year = [words for name, words in _OF_TWELVE_MONTHS.items() if name in known]
        parts += [f"{listed(year)} of the last 12 months"] if year else []
        return f"{', '.join(parts)}{'; costs and deals are of all years' if known & OF_ALL_YEARS else ''}."

    @property
    def shows_money(self) -> bool:
        """Whether an amount of money stands among the figures."""
        return any(kpi.unit == "money" and (kpi.inside is not None or kpi.outside is not None) for kpi in self.kpis)


def profile_summary(profile: ICPProfile, settings: Settings, funnel: Funnel | None = None) -> ProfileSummary:
    """A profile as the report has it."""
    evidence = evidence_summary(profile.evidence)
    size = (
        Size(**{name: profile.size[name] for name in ("customers", "prospects", "market", "note")})
        if profile.size
        else None
    )
    now = size.share if size else None
    return ProfileSummary(
        id=profile.id,
        kind=profile.kind,
        kind_words=_KINDS.get(profile.kind, profile.kind),
        statement=profile.statement,
        rule=profile.rule,
        conditions=tuple(
            ConditionSummary(
                c.words,
                str(c.feature.signal),
                _PARTIES.get(c.feature.party, c.feature.party),
                str(c.feature.layer),
                who(Rule((c,))),
            )
            for c in profile.rule.conditions
        ),
        evidence=evidence,
        size=size,
        to_work_on=_to_work_on(profile, size, funnel),
        moved=now is not None and not (evidence.support / _MOVED <= now <= evidence.support * _MOVED),
        kpis=_kpis(profile.kpis, settings),
        kpis_from=str(profile.kpis.get("window", {}).get("from", "")),
        kpis_months=int(profile.kpis.get("window", {}).get("months", settings.outcome.horizon_months)),
        price=_price(profile),
        who=who(profile.rule),
        seen=seen(profile.evidence, settings.outcome.horizon_months),
        because=profile.because,
        shares=profile.shares,
        rank=profile.rank,
        saturation=profile.saturation.words if profile.saturation else "",
        used_up=profile.saturation is not None and profile.saturation.verdict == "saturated",
        penetration=known(profile.penetration),
    )


def _to_work_on(profile: ICPProfile, size: Size | None, funnel: Funnel | None) -> Size | None:
    """The size less those that meet a negative profile too: these are not to be worked on."""
    level = next((level for level in funnel.segments if level.name == profile.id), None) if funnel else None
    if size is None or level is None:
        return size
    return replace(size, customers=level.customers, prospects=level.prospects)


def verdict_of(review: Mapping[str, Any] | None) -> Verdict | None:
    """What people decided, from `review` of a profile's JSON; None while it is open."""
    if not review or review["state"] == "open":
        return None
    return Verdict(review["state"], review["words"], bool(review["counts"]))


def _kpis(figures: Mapping[str, Any], settings: Settings) -> tuple[Kpi, ...]:
    if not figures:
        return ()
    inside, outside = figures["inside"], figures["outside"]
    found = []
    for name, label, unit in KPIS:
        if name in inside:
            a, b = known(inside[name]), known(outside[name])
            why = _why_missing(name, figures, "inside" if a is None else "outside", settings) if None in (a, b) else ""
            of_inside, of_outside = (_ends(figures, part, name) for part in ("inside", "outside"))
            found.append(Kpi(name, label, unit, a, b, why, of_inside, of_outside, _apart(figures, name)))
    return tuple(found)


def _ends(figures: Mapping[str, Any], part: str, name: str) -> tuple[float, float] | None:
    ends = figures.get("intervals", {}).get(part, {}).get(name)
    return (float(ends[0]), float(ends[1])) if ends and None not in ends else None


def _apart(figures: Mapping[str, Any], name: str) -> bool:
    difference = figures.get("difference", {}).get(name)
    if not difference or difference["low"] is None:
        return False
    return not difference["low"] <= 0 <= difference["high"]


def _why_missing(name: str, figures: Mapping[str, Any], part: str, settings: Settings) -> str:
    role = _NEEDS.get(name)
    if role and not settings.with_role(role):
        return f"no table of {role}"
    said = figures.get("why_null", {}).get(part, {}).get(name)
    if said:
        return _WHY.get(said, str(said).replace("_", " "))
    if role:
        return _WHY["no_acquisition_costs" if role == "costs" else "no_closed_deals"]
    return "the year is not complete" if figures[part]["accounts"] is None else _WHY["empty_cohort"]


def _price(profile: ICPProfile) -> Price | None:
    found = profile.price
    if found is None:
        return None
    lost, nrr = known(found["yearly_revenue_lost_per_account"]), profile.evidence.figures["nrr"]
    low, high = known(found.get("low")), known(found.get("high"))
    if "low" not in found and lost is not None and nrr.lift:
        low, high = known(lost * nrr.high / nrr.lift), known(lost * nrr.low / nrr.lift)
    next_ones = found.get("disqualify") or {}
    return Price(
        lost,
        low,
        high,
        found["won_last_year"],
        found["currency"],
        known(found.get("cac_last_year")),
        next_ones.get("prospects"),
        next_ones.get("open_deals"),
        known(next_ones.get("open_amount")),
    )

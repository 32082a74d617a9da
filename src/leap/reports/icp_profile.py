"""What the ICP report says of one profile: who, on what evidence, how many, how they do, and how far it is used up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leap.config import Settings
from leap.icp import ICPProfile, Rule
from leap.icp.phrases import who
from leap.icp.ranking import Rank, Shares
from leap.reports.icp_evidence import EvidenceSummary, evidence_summary
from leap.reports.rendering import known

KPIS = (
    ("nrr", "NRR", "share"),
    ("grr", "GRR", "share"),
    ("logo_churn", "Logo churn", "share"),
    ("expansion_rate", "Expansion", "share"),
    ("cac", "CAC", "money"),
    ("win_rate", "Win rate", "share"),
)
_KINDS = {"established": "Established profile", "emerging": "Emerging profile", "negative": "Negative profile"}
_PARTIES = {"first": "own data", "third": "third-party data"}
_MOVED = 2.0
"""A condition that holds now this many times as often as before the purchase, or as rarely, is said to move."""


@dataclass(frozen=True)
class ConditionSummary:
    """A condition in words, with its signal category and where the data come from."""

    words: str
    signal: str
    party: str
    layer: str = ""


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


@dataclass(frozen=True)
class Kpi:
    """A figure of the last year inside and outside; `why` says why one is missing."""

    label: str
    unit: str
    inside: float | None
    outside: float | None
    why: str


@dataclass(frozen=True)
class Price:
    """What an account of a negative profile pays less a year than the others would, with the interval of its NRR."""

    lost: float | None
    low: float | None
    high: float | None
    won_last_year: int
    currency: str

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
    price: Price | None
    who: str
    """The companies that meet it, as a statement says them, without a capital."""
    because: str = ""
    """Why it is of its kind."""
    shares: Shares | None = None
    rank: Rank | None = None
    saturation: str = ""
    """How far it is used up, in a sentence; empty where not looked at."""
    used_up: bool = False
    penetration: float | None = None
    verdict: Verdict | None = None

    @property
    def rejected(self) -> bool:
        """Whether people rejected it."""
        return self.verdict is not None and self.verdict.rejected

    @property
    def seen(self) -> str:
        """What was seen, as the statement says it: between who and how sure."""
        told = self.statement.split(" (seen later", 1)[0]
        return told.split(": ", 1)[-1] if ": " in told else told.split(" – ", 1)[-1]

    @property
    def shows_money(self) -> bool:
        """Whether an amount of money stands among the figures."""
        return any(kpi.unit == "money" and (kpi.inside is not None or kpi.outside is not None) for kpi in self.kpis)


def profile_summary(profile: ICPProfile, settings: Settings, review: Mapping[str, Any] | None = None) -> ProfileSummary:
    """A profile as the report has it, with the `review` of its JSON beside the evidence where there is one."""
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
                c.words, str(c.feature.signal), _PARTIES.get(c.feature.party, c.feature.party), str(c.feature.layer)
            )
            for c in profile.rule.conditions
        ),
        evidence=evidence,
        size=size,
        moved=now is not None and not (evidence.support / _MOVED <= now <= evidence.support * _MOVED),
        kpis=_kpis(profile.kpis, settings),
        kpis_from=str(profile.kpis.get("window", {}).get("from", "")),
        price=_price(profile),
        who=who(profile.rule),
        because=profile.because,
        shares=profile.shares,
        rank=profile.rank,
        saturation=profile.saturation.words if profile.saturation else "",
        used_up=profile.saturation is not None and profile.saturation.verdict == "saturated",
        penetration=known(profile.penetration),
        verdict=_verdict(review),
    )


def _verdict(review: Mapping[str, Any] | None) -> Verdict | None:
    if not review or review["state"] == "open":
        return None
    return Verdict(review["state"], review["words"], bool(review["counts"]))


def _kpis(figures: Mapping[str, Any], settings: Settings) -> tuple[Kpi, ...]:
    if not figures:
        return ()
    inside, outside = figures["inside"], figures["outside"]
    found = []
    for name, label, unit in KPIS:
        a, b = known(inside[name]), known(outside[name])
        why = _why_missing(name, inside if a is None else outside, settings) if a is None or b is None else ""
        found.append(Kpi(label, unit, a, b, why))
    return tuple(found)


def _why_missing(name: str, part: Mapping[str, Any], settings: Settings) -> str:
    if name == "cac":
        return "no acquisition cost of these accounts is known" if settings.with_role("costs") else "no table of costs"
    if name == "win_rate":
        return "no deal of these accounts was closed" if settings.with_role("deals") else "no table of deals"
    if part["accounts"] is None:
        return "the year is not complete"
    return "no account paid at the start of the year"


def _price(profile: ICPProfile) -> Price | None:
    if profile.price is None:
        return None
    lost, nrr = known(profile.price["yearly_revenue_lost_per_account"]), profile.evidence.figures["nrr"]
    low = high = None
    if lost is not None and nrr.lift:
        low, high = known(lost * nrr.high / nrr.lift), known(lost * nrr.low / nrr.lift)
    return Price(lost, low, high, profile.price["won_last_year"], profile.price["currency"])

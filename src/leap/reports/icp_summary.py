"""What the ICP report says, as plain values: profiles, everything measured, drivers and how good the models are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.config import Settings
from leap.features import Feature, Scope
from leap.icp import Attribute, Evidence, ICPProfile, ICPSearch, Measured, Note, Rule
from leap.reports.quality import DriverSummary, OutcomeSummary, PortfolioSummary, drivers, outcomes, portfolio
from leap.reports.rendering import known
from leap.revenue import definition_hash

METRICS = {"nrr": "NRR", "churn": "Churn", "expansion_rate": "Expansion"}
KPIS = (
    ("nrr", "NRR", "share"),
    ("grr", "GRR", "share"),
    ("logo_churn", "Logo churn", "share"),
    ("expansion_rate", "Expansion", "share"),
    ("cac", "CAC", "money"),
    ("win_rate", "Win rate", "share"),
)
_KINDS = {"established": "Established profile", "emerging": "Emerging profile", "negative": "Negative profile"}
_VERDICTS = {"stays": "did better", "leaves": "did worse", "not shown": "no difference shown"}
_PARTIES = {"first": "own data", "third": "third-party data"}
_MOVED = 2.0
"""A condition that holds now this many times as often as before the purchase, or as rarely, is said to move."""


@dataclass(frozen=True)
class EvidenceRow:
    """A figure inside and outside of a rule, the 95 % interval of the difference; `decides` marks the headline."""

    metric: str
    label: str
    inside: float | None
    outside: float | None
    difference: float | None
    low: float | None
    high: float | None
    decides: bool

    @property
    def tone(self) -> str:
        """good or bad if the interval leaves zero out, else open."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "open"
        return "good" if (self.low > 0) != (self.metric == "churn") else "bad"


@dataclass(frozen=True)
class Accounts:
    """The accounts something was found or measured on: how many, with how many yearly rows, between which dates."""

    accounts: int
    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class YearRow:
    """Churn inside and outside among the rows of one year: whether the association holds in each."""

    year: int
    inside: float | None
    outside: float | None
    accounts_inside: int
    accounts_outside: int


@dataclass(frozen=True)
class EvidenceSummary:
    """What a rule did on other accounts, later, than it was found on."""

    rows: tuple[EvidenceRow, ...]
    matched: int
    accounts: int
    support: float
    found_on: Accounts
    measured_on: Accounts
    tried: int
    false_discovery_rate: float
    years: tuple[YearRow, ...]

    @property
    def headline(self) -> EvidenceRow:
        """The figure that decided."""
        return next(row for row in self.rows if row.decides)


@dataclass(frozen=True)
class ConditionSummary:
    """A condition in words, with its signal category and where the data come from."""

    words: str
    signal: str
    party: str


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

    @property
    def shows_money(self) -> bool:
        """Whether an amount of money stands among the figures."""
        return any(kpi.unit == "money" and (kpi.inside is not None or kpi.outside is not None) for kpi in self.kpis)


@dataclass(frozen=True)
class AttributeSummary:
    """A condition or pair that was measured, whether it held or not; `profile` if it became one."""

    words: str
    verdict: str
    verdict_words: str
    profile: str | None
    evidence: EvidenceSummary
    driver_rank: int
    driver_share: float

    @property
    def tone(self) -> str:
        """good, bad or open, by the verdict: an interval without zero may still be luck among many rules."""
        return {"stays": "good", "leaves": "bad"}.get(self.verdict, "open")


@dataclass(frozen=True)
class Hypothesis:
    """What somebody believes and noted; `evidence` is what was measured of the thing it is about, in words."""

    on: str
    account_id: str
    text: str
    owner: str
    about: str
    evidence: str


@dataclass(frozen=True)
class IcpSummary:
    """The whole report as values. Drivers, outcomes and portfolios are empty where no model belongs to it."""

    company: str
    version: str | None
    data_until: str | None
    as_of_range: tuple[str, str] | None
    horizon_months: int
    definition_hash: str
    currency: str
    money_note: str
    accounts: int | None
    profiles: tuple[ProfileSummary, ...]
    attributes: tuple[AttributeSummary, ...]
    hypotheses: tuple[Hypothesis, ...]
    none_because: str | None
    drivers: tuple[DriverSummary, ...]
    fit_drivers: tuple[DriverSummary, ...]
    outcomes: tuple[OutcomeSummary, ...]
    fit_outcomes: tuple[OutcomeSummary, ...]
    portfolio: PortfolioSummary | None
    fit_portfolio: PortfolioSummary | None
    notes: tuple[str, ...]

    @property
    def reach(self) -> float:
        """The largest difference or end of an interval shown, rounded up to tenths: one scale for all bars."""
        rows = [row for p in self.profiles for row in p.evidence.rows] + [a.evidence.headline for a in self.attributes]
        largest = max((abs(end) for row in rows for end in (row.low, row.high) if end is not None), default=0.1)
        return max(-(-round(largest, 9) // 0.1) * 0.1, 0.1)


def summarise(bundle: ModelBundle, version: str | None = None) -> IcpSummary:
    """What the report says of a bundle."""
    trained = bundle.trained
    first, last = trained["as_of_range"]
    return IcpSummary(
        **_heading(bundle.settings),
        **_found(bundle.icp, bundle.settings),
        version=version,
        data_until=bundle.trained_on,
        as_of_range=(first, last),
        accounts=trained["accounts"],
        drivers=drivers(bundle, bundle.drivers),
        fit_drivers=drivers(bundle, bundle.fit_drivers),
        outcomes=outcomes(bundle, Scope.HEALTH),
        fit_outcomes=outcomes(bundle, Scope.FIT),
        portfolio=portfolio(bundle, Scope.HEALTH),
        fit_portfolio=portfolio(bundle, Scope.FIT),
        notes=tuple(note for note in trained["notes"] if note != bundle.settings.company.money_note),
    )


def summarise_alone(
    found: ICPSearch, settings: Settings, *, data_until: str | None = None, notes: Iterable[str] = ()
) -> IcpSummary:
    """What the report says without models: of a training that was declined, or of an earlier end of the data."""
    return IcpSummary(
        **_heading(settings),
        **_found(found, settings),
        version=None,
        data_until=data_until,
        as_of_range=None,
        accounts=None,
        drivers=(),
        fit_drivers=(),
        outcomes=(),
        fit_outcomes=(),
        portfolio=None,
        fit_portfolio=None,
        notes=tuple(notes),
    )


def _heading(settings: Settings) -> dict[str, Any]:
    company = settings.company
    return {
        "company": company.name,
        "horizon_months": settings.outcome.horizon_months,
        "definition_hash": definition_hash(settings),
        "currency": company.currency,
        "money_note": company.money_note,
    }


def _found(found: ICPSearch, settings: Settings) -> dict[str, Any]:
    profiles = {profile.rule: profile.id for profile in found.profiles}
    attributes = sorted(found.attributes, key=lambda a: (a.verdict == "not shown", a.evidence.q_value))
    return {
        "profiles": tuple(_profile(profile, settings) for profile in found.profiles),
        "attributes": tuple(_attribute(attribute, profiles.get(attribute.rule)) for attribute in attributes),
        "hypotheses": tuple(_hypothesis(note, attributes) for note in found.notes),
        "none_because": found.none_because,
    }


def _profile(profile: ICPProfile, settings: Settings) -> ProfileSummary:
    evidence = _evidence(profile.evidence)
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
            ConditionSummary(c.words, str(c.feature.signal), _PARTIES.get(c.feature.party, c.feature.party))
            for c in profile.rule.conditions
        ),
        evidence=evidence,
        size=size,
        moved=now is not None and not (evidence.support / _MOVED <= now <= evidence.support * _MOVED),
        kpis=_kpis(profile.kpis, settings),
        kpis_from=str(profile.kpis.get("window", {}).get("from", "")),
        price=_price(profile),
    )


def _hypothesis(note: Note, attributes: Sequence[Attribute]) -> Hypothesis:
    """A note beside the measured conditions on the feature that it names by column, kind, name or label."""
    about = note.about.casefold()
    measured = [
        f"{attribute.rule.words}: {_VERDICTS[attribute.verdict]}"
        for attribute in attributes
        if about and any(about in _names_of(condition.feature) for condition in attribute.rule.conditions)
    ]
    evidence = "; ".join(measured) or ("not measured" if about else "names no attribute")
    return Hypothesis(note.on, note.account_id, note.text, note.owner, note.about, evidence)


def _names_of(feature: Feature) -> set[str]:
    """What a note may call a feature."""
    recipe = feature.recipe
    parts = [part for part in (recipe.column, recipe.kind) if part]
    names = (feature.name, feature.label, *parts, *(f"{recipe.table}.{part}" for part in parts))
    return {name.casefold() for name in names}


def _attribute(attribute: Attribute, profile: str | None) -> AttributeSummary:
    return AttributeSummary(
        words=attribute.rule.words,
        verdict=attribute.verdict,
        verdict_words=_VERDICTS[attribute.verdict],
        profile=profile,
        evidence=_evidence(attribute.evidence),
        driver_rank=attribute.driver_rank,
        driver_share=attribute.driver_share,
    )


def _evidence(evidence: Evidence) -> EvidenceSummary:
    rows = [_row(name, evidence.figures[name], evidence.metric) for name in METRICS if name in evidence.figures]
    return EvidenceSummary(
        rows=tuple(rows),
        matched=evidence.matched,
        accounts=evidence.accounts,
        support=evidence.support,
        found_on=_accounts(evidence.found_on),
        measured_on=_accounts(evidence.measured_on),
        tried=evidence.tried,
        false_discovery_rate=evidence.q_value,
        years=tuple(YearRow(**year) for year in evidence.by_year),
    )


def _row(metric: str, figure: Measured, decides: str) -> EvidenceRow:
    return EvidenceRow(
        metric=metric,
        label=METRICS[metric],
        inside=known(figure.inside),
        outside=known(figure.outside),
        difference=known(figure.lift),
        low=known(figure.low),
        high=known(figure.high),
        decides=metric == decides,
    )


def _accounts(counted: Mapping[str, Any]) -> Accounts:
    return Accounts(counted["accounts"], counted["rows"], counted["from"], counted["to"])


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

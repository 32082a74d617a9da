"""The ICP report: profiles with their evidence, everything else that was measured, and how good the models are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.config import Settings
from leap.exports import inert
from leap.features import Scope
from leap.icp import Evidence, ICPProfile, ICPSearch, Rule
from leap.icp.profiles import Attribute
from leap.icp.rules import Measured
from leap.reports import query, rendering
from leap.reports.glossary import TERMS
from leap.reports.quality import DriverSummary, OutcomeSummary, PortfolioSummary, drivers, outcomes, portfolio
from leap.reports.rendering import known
from leap.revenue import definition_hash

_METRICS = {"nrr": "NRR", "churn": "Churn", "expansion_rate": "Expansion"}
_KPIS = (
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
    """What a rule did on later accounts than it was found on."""

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
    rows = [_row(name, evidence.figures[name], evidence.metric) for name in _METRICS if name in evidence.figures]
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
        label=_METRICS[metric],
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
    for name, label, unit in _KPIS:
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


def render_html(summary: IcpSummary) -> str:
    """One file without script or outside request, for a browser, a mail or paper."""
    return rendering.render("icp.html", report=summary, terms=TERMS)


def render_markdown(summary: IcpSummary) -> str:
    """The same for a wiki or a pull request."""
    return rendering.render("icp.md", report=summary, terms=TERMS)


def render_csv(summary: IcpSummary) -> str:
    """A row for each profile and each other attribute measured; no cell is a formula."""
    import pandas as pd

    rows = [_profile_cells(profile, summary) for profile in summary.profiles]
    rows += [_attribute_cells(attribute) for attribute in summary.attributes if attribute.profile is None]
    columns = list(_profile_columns())
    frame = pd.DataFrame([[row.get(name) for name in columns] for row in rows], columns=columns).convert_dtypes()
    return inert(frame).to_csv(index=False, lineterminator="\n")


def _profile_columns() -> list[str]:
    ends = ("inside", "outside", "difference", "low", "high")
    return [
        "id", "kind", "verdict", "conditions", "statement", "metric",
        *(f"{metric}_{end}" for metric in _METRICS for end in ends),
        "accounts_measured", "accounts_matched", "share_matched", "measured_from", "measured_to",
        "accounts_found_on", "found_from", "found_to", "rules_tried", "false_discovery_rate",
        "customers_now", "prospects_now", "market_now", "size_note",
        *(f"last_year_{name}_{part}" for name, _, _ in _KPIS for part in ("inside", "outside")),
        "yearly_revenue_lost_per_account", "won_last_year", "currency", "money_note",
    ]  # fmt: skip


def _profile_cells(profile: ProfileSummary, summary: IcpSummary) -> dict[str, Any]:
    cells = _evidence_cells(profile.evidence) | {
        "id": profile.id,
        "kind": profile.kind,
        "verdict": "leaves" if profile.kind == "negative" else "stays",
        "conditions": profile.rule.words,
        "statement": profile.statement,
        "currency": summary.currency,
        "money_note": summary.money_note or None,
    }
    if profile.size:
        cells |= {f"{name}_now": getattr(profile.size, name) for name in ("customers", "prospects", "market")}
        cells["size_note"] = profile.size.note
    for (name, _, _), kpi in zip(_KPIS, profile.kpis, strict=False):
        cells |= {f"last_year_{name}_inside": kpi.inside, f"last_year_{name}_outside": kpi.outside}
    if profile.price:
        cells |= {"yearly_revenue_lost_per_account": profile.price.lost, "won_last_year": profile.price.won_last_year}
    return cells


def _attribute_cells(attribute: AttributeSummary) -> dict[str, Any]:
    about = {"kind": "attribute", "verdict": attribute.verdict, "conditions": attribute.words}
    return _evidence_cells(attribute.evidence) | about


def _evidence_cells(evidence: EvidenceSummary) -> dict[str, Any]:
    cells: dict[str, Any] = {
        f"{row.metric}_{end}": getattr(row, end)
        for row in evidence.rows
        for end in ("inside", "outside", "difference", "low", "high")
    }
    return cells | {
        "metric": evidence.headline.metric,
        "accounts_measured": evidence.accounts,
        "accounts_matched": evidence.matched,
        "share_matched": evidence.support,
        "measured_from": evidence.measured_on.first,
        "measured_to": evidence.measured_on.last,
        "accounts_found_on": evidence.found_on.accounts,
        "found_from": evidence.found_on.first,
        "found_to": evidence.found_on.last,
        "rules_tried": evidence.tried,
        "false_discovery_rate": evidence.false_discovery_rate,
    }


def render_sql(summary: IcpSummary, table: str = "features") -> str:
    """One query a profile, over a table with the features as columns; comments say which is which."""
    lines = [
        f"-- {rendering.line(_title(summary))}",
        "-- Standard SQL over a table with a row an account and the feature columns, as `leap features` writes it.",
    ]
    if not summary.profiles:
        lines.append(f"-- No profile: {rendering.line(summary.none_because or 'none was found')}")
    for profile in summary.profiles:
        lines += ["", f"-- {profile.id}: {rendering.line(profile.statement)}"]
        lines += [query.select(profile.rule, table)]
    return "\n".join(lines) + "\n"


def render_text(summary: IcpSummary) -> str:
    """Statements and evidence for a terminal."""
    lines = [_title(summary)]
    if summary.money_note:
        lines.append(f"Note: {summary.money_note}")
    lines += [line for profile in summary.profiles for line in ("", *_profile_lines(profile))]
    if not summary.profiles:
        lines += ["", f"No profile: {summary.none_because or 'none was found'}"]
    if summary.attributes:
        lines += ["", "Everything measured (difference inside less outside; false-discovery rate)"]
        lines += [_attribute_line(attribute) for attribute in summary.attributes]
    lines += [f"Note: {note}" for note in summary.notes]
    return "\n".join(lines)


def _title(summary: IcpSummary) -> str:
    parts = [f"{summary.company}: ideal customer profiles"]
    parts += [f"version {summary.version}"] if summary.version else []
    parts += [f"data until {summary.data_until}"] if summary.data_until else []
    return ", ".join([*parts, f"horizon {summary.horizon_months} months ({summary.definition_hash})"])


def _profile_lines(profile: ProfileSummary) -> list[str]:
    evidence, later, earlier = profile.evidence, profile.evidence.measured_on, profile.evidence.found_on
    lines = [f"{profile.id}: {profile.statement}"]
    for row in evidence.rows:
        figures = f"inside {_plain_share(row.inside)}, outside {_plain_share(row.outside)}, {_plain_difference(row)}"
        lines.append(f"  {row.label:<10} {figures}{' (decides)' if row.decides else ''}")
    lines.append(
        f"  measured on {evidence.matched:,} of {evidence.accounts:,} later accounts ({later.first} to {later.last}), "
        f"found on {earlier.accounts:,} earlier ones ({earlier.first} to {earlier.last}); {evidence.tried} rules tried, "
        f"false-discovery rate {rendering.rate(evidence.false_discovery_rate)}"
    )
    if evidence.years:
        years = (f"{y.year} {_plain_share(y.inside)} against {_plain_share(y.outside)}" for y in evidence.years)
        lines.append(f"  churn by year: {', '.join(years)}")
    if size := profile.size:
        note = f"; {size.note}" if size.note else ""
        lines.append(f"  now {size.customers:,} customers and {size.prospects:,} prospects of {size.market:,}{note}")
    if profile.price and profile.price.lost is not None:
        price = profile.price
        lines.append(
            f"  price: {rendering.money(price.lost, price.currency)} less revenue a year for each such account "
            f"(95 % interval {rendering.money(price.low, price.currency)} to {rendering.money(price.high, price.currency)}); "
            f"{price.won_last_year:,} won in the last year"
        )
    return [line.replace("−", "-") for line in lines]


def _attribute_line(attribute: AttributeSummary) -> str:
    row, rate = attribute.evidence.headline, rendering.rate(attribute.evidence.false_discovery_rate)
    said = f"{attribute.verdict_words:<20} {attribute.words}: {row.label} {_plain_difference(row)}; {rate}"
    return f"  {said}{f' ({attribute.profile})' if attribute.profile else ''}"


def _plain_difference(row: EvidenceRow) -> str:
    low, high = rendering.points(row.low), rendering.points(row.high)
    return f"{rendering.points(row.difference)} points [{low}, {high}]".replace("−", "-")


def _plain_share(value: float | None) -> str:
    return rendering.share(value).replace("−", "-")

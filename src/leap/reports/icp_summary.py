"""What the ICP report says, as plain values: profiles, everything measured, drivers and how good the models are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.config import ColumnSpec, Settings
from leap.features import LAYERS, Feature, Layer, Scope, Signal
from leap.icp import Attribute, ICPSearch, Note, Rule
from leap.icp.best_customers import BestCustomers
from leap.icp.hypotheses import ProfileHypothesis
from leap.icp.points import PointsCard
from leap.reports import icp_monday
from leap.reports.icp_evidence import EvidenceSummary, evidence_summary
from leap.reports.icp_figures import NONE as NO_FIGURES
from leap.reports.icp_figures import FigureSections, figure_sections
from leap.reports.icp_monday import Todo
from leap.reports.icp_places import PlaceToChange, places
from leap.reports.icp_profile import ProfileSummary, profile_summary, verdict_of
from leap.reports.quality import DriverSummary, OutcomeSummary, PortfolioSummary, drivers, outcomes, portfolio
from leap.revenue import definition_hash

_GRADES = ("must", "strong", "useful")
_MOST_NOT_SHOWN = 3
_NOT_RANKED = {
    "no_gross_margin": "no gross margin is known",
    "no_events_with_a_quantity": "no table of events, such as usage, names a quantity",
    "no_customers_with_a_year": "no customer has a whole year behind it",
}
_VERDICTS = {"stays": "did better", "leaves": "did worse", "not shown": "no difference shown"}


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
    grade: str = ""
    """must, strong or useful; empty where no difference is shown."""
    why_not: str = ""
    category: str = ""
    layers: str = ""
    alike: tuple[str, ...] = ()

    conditions: int = 1
    rule: Rule | None = None

    @property
    def why_else(self) -> str:
        """What keeps it from being shown beside its false-discovery rate, which has a column; of a rate that its
        interval seems to contradict, where it comes from.
        """
        if not self.why_not.startswith("false-discovery rate"):
            return self.why_not
        if self.evidence.headline.tone == "open":
            return ""
        if 2 * self.evidence.same < self.evidence.periods:
            return "the earlier accounts, which it was found on, pointed the other way"
        return "not shown that each condition adds to the rest" if self.conditions > 1 else ""

    @property
    def shown(self) -> bool:
        """Whether a difference is shown."""
        return self.verdict != "not shown"

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
    instead: tuple[Todo, ...] = ()
    """What to do where no profile was found."""
    order_of_work: str = ""
    """Which profile is opened after the first, and when."""
    figures: FigureSections = NO_FIGURES
    suggested: tuple[ProfileHypothesis, ...] = ()
    """Profiles that something suggests and nothing has measured."""
    best: BestCustomers | None = None
    card: PointsCard | None = None
    review_due: str = ""

    @property
    def monday(self) -> tuple[Todo, ...]:
        """What to do first, in three to five lines."""
        if not self.profiles:
            return self.instead
        gone = any(profile.rejected and profile.id in self.order_of_work for profile in self.profiles)
        return icp_monday.with_profiles(
            self.profiles,
            next_words="" if gone else self.order_of_work,
            unshown=len(self.not_shown),
            unmeasured=len(self.suggested),
            shaky_drivers=sum(not driver.stable for driver in self.fit_drivers),
        )

    @staticmethod
    def why_not_ranked(reason: str) -> str:
        """Why the best customers are not ranked by something, in words."""
        return _NOT_RANKED.get(reason, reason)

    @property
    def places(self) -> tuple[PlaceToChange, ...]:
        """The seven places that an ICP must change; empty where nothing counts."""
        return places(self.profiles)

    @property
    def shows_price(self) -> bool:
        """Whether a price stands among what to do on Monday."""
        return any(p.price and p.price.shown and not p.rejected for p in self.profiles)

    @property
    def shown(self) -> tuple[AttributeSummary, ...]:
        """Attributes with a difference, by category and then by grade and size."""
        return tuple(a for a in self.attributes if a.shown)

    @property
    def not_shown(self) -> tuple[AttributeSummary, ...]:
        """Attributes measured without one."""
        return tuple(a for a in self.attributes if not a.shown)

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
    judged = outcomes(bundle, Scope.FIT)
    left = next(((o.events, o.accounts) for o in judged if o.label == "Churn"), None)
    driven = drivers(bundle, bundle.fit_drivers)
    layers = frozenset(str(f.layer) for f in bundle.catalog.of_scope(Scope.FIT).features)
    return IcpSummary(
        **_heading(bundle.settings),
        **_found(bundle.icp, bundle.settings),
        instead=_instead(bundle.icp, layers, left, has_model=True),
        version=version,
        data_until=bundle.trained_on,
        as_of_range=(first, last),
        accounts=trained["accounts"],
        drivers=drivers(bundle, bundle.drivers),
        fit_drivers=driven,
        outcomes=outcomes(bundle, Scope.HEALTH),
        fit_outcomes=judged,
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
        instead=_instead(found, _declared_layers(settings), None, has_model=False),
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


def with_reviews(summary: IcpSummary, document: Mapping[str, Any], due: str = "") -> IcpSummary:
    """The summary with what people decided beside the evidence: `review` of each profile in the JSON of `icp`; `due`
    says when they should look again.
    """
    reviews = {profile["id"]: profile.get("review") for profile in document["icps"]}
    profiles = tuple(replace(p, verdict=verdict_of(reviews.get(p.id))) for p in summary.profiles)
    return replace(summary, profiles=profiles, review_due=due)


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
    ids = {profile.rule: profile.id for profile in found.profiles}
    attributes = sorted(found.attributes, key=_attribute_order)
    order = found.order_of_work
    return {
        "profiles": tuple(profile_summary(p, settings, found.funnel) for p in found.profiles),
        "attributes": tuple(_attribute(attribute, ids.get(attribute.rule)) for attribute in attributes),
        "hypotheses": tuple(_hypothesis(note, attributes) for note in found.notes),
        "none_because": found.none_because,
        "order_of_work": order.words if order and (order.next or order.used_up) else "",
        "figures": figure_sections(found),
        "suggested": found.hypotheses,
        "best": found.best_customers,
        "card": found.card,
    }


def _instead(
    found: ICPSearch, layers: frozenset[str] | None, left: tuple[int, int] | None, *, has_model: bool
) -> tuple[Todo, ...]:
    because = found.none_because or "No profile was found."
    lines = icp_monday.without_profiles(because, found.attributes, layers, left, has_model=has_model)
    return (*lines, icp_monday.to_try(found.hypotheses[0].rule)) if found.hypotheses else lines


def _declared_layers(settings: Settings) -> frozenset[str]:
    """The layers of the columns declared as known before a purchase, where no catalog says which were used."""
    declared = [
        column.layer or table.layer or LAYERS.get(table.shape, Layer.FIRMOGRAPHIC)
        for table in settings.tables.values()
        for column in table.columns.values() or [ColumnSpec()] * (table.shape in LAYERS)
        if Scope(column.scope or table.scope) == Scope.FIT and column.available == "before"
    ]
    return frozenset(map(str, declared))


def _attribute_order(attribute: Attribute) -> tuple[bool, int, int, float]:
    """Those shown first, by category and grade; then the surest."""
    shown = attribute.verdict != "not shown"
    category = list(Signal).index(attribute.category) if shown else 0
    grade = _GRADES.index(attribute.grade) if attribute.grade else len(_GRADES)
    return not shown, category, grade, attribute.evidence.q_value


def _hypothesis(note: Note, attributes: Sequence[Attribute]) -> Hypothesis:
    """A note beside the measured conditions on the feature that it names by column, kind, name or label."""
    about = note.about.casefold()
    measured = [
        attribute
        for attribute in attributes
        if about and any(about in _names_of(condition.feature) for condition in attribute.rule.conditions)
    ]
    evidence = _measured_of(measured) or ("not measured" if about else "names no attribute")
    return Hypothesis(note.on, note.account_id, note.text, note.owner, note.about, evidence)


def _measured_of(attributes: Sequence[Attribute]) -> str:
    """What was shown of each; of the rest the plainest first, and how many more."""
    told = [f"{a.rule.words}: {_VERDICTS[a.verdict]}" for a in attributes if a.verdict != "not shown"]
    rest = sorted((a for a in attributes if a.verdict == "not shown"), key=lambda a: len(a.rule.conditions))
    more = len(rest) - _MOST_NOT_SHOWN
    if rest:
        words = "; ".join(a.rule.words for a in rest[:_MOST_NOT_SHOWN])
        told.append(f"{_VERDICTS['not shown']}: {words}{f' and {more} more' if more > 0 else ''}")
    return "; ".join(told)


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
        evidence=evidence_summary(attribute.evidence),
        driver_rank=attribute.driver_rank,
        driver_share=attribute.driver_share,
        grade=attribute.grade or "",
        why_not=attribute.why_not or "",
        category=str(attribute.category),
        layers=" and ".join(attribute.layers),
        alike=attribute.alike,
        conditions=len(attribute.rule.conditions),
        rule=attribute.rule,
    )

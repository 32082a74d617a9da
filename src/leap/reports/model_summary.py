"""How far a model can be trusted, as plain values: what the model card tells, for a page that people read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.features import Scope
from leap.reports import wins
from leap.reports.card_parts import CardParts, parts
from leap.reports.money import at_stake, list_rows, offer_rows
from leap.reports.quality import OutcomeSummary, PortfolioSummary, outcomes, portfolio
from leap.reports.quality_words import held_words, portfolio_words, sentences
from leap.uncertainty import Intervals

_SCOPES = (
    (Scope.HEALTH, "customers", "Customers", "customers"),
    (Scope.FIT, "before", "Before the purchase", "accounts, by what they were when they bought"),
)
SAID_BEFORE = "said_before"
"""The part of `quality.health` that says what was said before known events; bundles of before lack it."""


@dataclass(frozen=True)
class ScopeSummary:
    """The models of one scope: figures, and the same in sentences that need no statistics."""

    key: str
    title: str
    outcomes: tuple[OutcomeSummary, ...]
    said: tuple[tuple[str, tuple[str, ...]], ...]
    portfolio: PortfolioSummary
    intervals: Intervals
    held: str
    features: int


@dataclass(frozen=True)
class SaidRow:
    """What was said so many days before accounts left: how many of them stood among the highest, beside chance and
    beside those that stayed.
    """

    days: int
    accounts: int
    top_10: Mapping[str, Any]
    top_20: Mapping[str, Any]
    probability: float | None
    base_rate: float | None


@dataclass(frozen=True)
class ModelSummary:
    """Everything the page of the model shows of a bundle; `said_before` is empty where the bundle does not hold it."""

    scopes: tuple[ScopeSummary, ...]
    lists: tuple[Mapping[str, Any], ...]
    offers: tuple[Mapping[str, Any], ...]
    at_stake: str
    more: CardParts
    said_before: tuple[SaidRow, ...]
    said_note: str
    deals: tuple[str, ...]
    notes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def churn(self) -> OutcomeSummary:
        """Churn of customers: what is asked for first."""
        return next(outcome for outcome in self.scopes[0].outcomes if outcome.name == "churn")

    def with_gate(self, bundle: ModelBundle, gate: Sequence[Mapping[str, Any]] | None) -> CardParts:
        """The optional parts with the checks that the version was put to."""
        return parts(bundle, gate)


def summarise(bundle: ModelBundle) -> ModelSummary:
    """What the page says of a bundle."""
    churn = bundle.quality[Scope.HEALTH]["outcomes"]["churn"]
    said = bundle.quality[Scope.HEALTH].get(SAID_BEFORE) or {}
    return ModelSummary(
        scopes=tuple(_scope(bundle, *one) for one in _SCOPES),
        lists=tuple(sorted(list_rows(churn), key=lambda row: row["baseline"])),
        offers=tuple(offer_rows(churn)),
        at_stake=at_stake(churn["money"]) if offer_rows(churn) else "",
        more=parts(bundle),
        said_before=tuple(_said(row) for row in said.get("summary", ()) if _counts(row)),
        said_note=str(said.get("note") or ""),
        deals=tuple(wins.lines(bundle.quality)),
        notes=tuple(bundle.trained["notes"]),
        facts=tuple(_facts(bundle)),
    )


def _scope(bundle: ModelBundle, scope: Scope, key: str, title: str, who: str) -> ScopeSummary:
    months, found = bundle.settings.outcome.horizon_months, outcomes(bundle, scope)
    everyone = portfolio(bundle, scope)
    told = [(outcome.label, sentences(outcome, months)) for outcome in found]
    told.append(("Together", tuple(filter(None, [portfolio_words(everyone, f"all {who}")]))))
    return ScopeSummary(
        key=key,
        title=title,
        outcomes=found,
        said=tuple((label, said) for label, said in told if said),
        portfolio=everyone,
        intervals=bundle.intervals if scope == Scope.HEALTH else bundle.fit_intervals,
        held=held_words(everyone, who),
        features=len(bundle.catalog.of_scope(scope).features),
    )


def _counts(row: Mapping[str, Any]) -> bool:
    """Whether a row is of accounts that left and that a model had ranked."""
    return bool(row["outcome"] == "churn" and row["accounts"])


def _said(row: Mapping[str, Any]) -> SaidRow:
    return SaidRow(
        days=int(row["at_days"]),
        accounts=int(row["accounts"]),
        top_10=row["top_10"],
        top_20=row["top_20"],
        probability=row["mean_probability"],
        base_rate=row["mean_base_rate"],
    )


def _facts(bundle: ModelBundle) -> list[tuple[str, str]]:
    trained, outcome = bundle.trained, bundle.settings.outcome
    first, last = trained["as_of_range"]
    libraries = ", ".join(f"{name} {number}" for name, number in trained["libraries"].items())
    return [
        ("Learned from", f"{trained['rows']:,} rows of {trained['accounts']:,} accounts, {first} to {last}"),
        ("Data until", bundle.trained_on),
        ("Horizon", f"{outcome.horizon_months} months, {outcome.grace_days} days of grace"),
        ("Features", f"{len(bundle.catalog.features):,}, catalog {bundle.fingerprint}"),
        ("Definitions", bundle.definition_hash),
        ("Seed, trials", f"{trained['seed']}, {trained['trials']}"),
        ("Made with", libraries),
    ]

"""The model card of a bundle as Markdown, in the order of Mitchell et al. (2019), "Model Cards for Model Reporting"."""

from __future__ import annotations

from typing import Any

from leap.bundle.model_bundle import ModelBundle
from leap.features import Scope
from leap.reports import rendering, wins
from leap.reports.quality import OutcomeSummary, drivers, outcomes, portfolio
from leap.reports.rendering import known

_SCOPES = ((Scope.HEALTH, "customers"), (Scope.FIT, "before the purchase"))


def render(bundle: ModelBundle) -> str:
    """The card: YAML front matter, then what the models are for, what they learned from and how good they are."""
    judged = [(words, outcomes(bundle, scope), portfolio(bundle, scope)) for scope, words in _SCOPES]
    return rendering.render(
        "model_card.md",
        bundle=bundle,
        trained=bundle.trained,
        company=bundle.settings.company,
        outcome=bundle.settings.outcome,
        judged=judged,
        learners=sorted({name for _, found, _ in judged for outcome in found for name in outcome.losses}),
        folds=[(words, fold) for scope, words in _SCOPES for fold in bundle.quality[scope]["folds"]],
        intervals=[("customers", bundle.intervals), ("before the purchase", bundle.fit_intervals)],
        drivers=drivers(bundle, bundle.drivers, most=10),
        deals=wins.lines(bundle.quality),
        scopes={words: len(bundle.catalog.of_scope(scope).features) for scope, words in _SCOPES},
        results=[result for words, found, _ in judged for outcome in found for result in _results(words, outcome)],
    )


def _results(scope: str, outcome: OutcomeSummary) -> list[dict[str, Any]]:
    """Rows of the front matter's `model-index`: what is known, with its interval."""
    if outcome.is_base_rate:
        return []
    return [
        {"name": f"{outcome.label}, {scope}: {figure.label}", "type": figure.name, "value": known(figure.value)}
        for figure in outcome.figures.values()
        if known(figure.value) is not None
    ]

"""The model card as Markdown and HTML, in the order of Mitchell et al. (2019), "Model Cards for Model Reporting"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markupsafe import Markup

from leap.bundle import files
from leap.bundle.model_bundle import ModelBundle
from leap.explanation.dependence import Dependence
from leap.features import Scope
from leap.reports import charts, markdown_page, rendering, wins
from leap.reports.card_parts import parts
from leap.reports.money import at_stake, list_rows, offer_rows
from leap.reports.quality import OutcomeSummary, drivers, outcomes, portfolio
from leap.reports.rendering import known

_MOST_DRAWN = 6
_SCOPES = ((Scope.HEALTH, "customers"), (Scope.FIT, "before the purchase"))


def render(
    bundle: ModelBundle, *, gate: Sequence[Mapping[str, Any]] | None = None, bundle_hash: str | None = None
) -> str:
    """The card: YAML front matter, then what the models are for, what they learned from and how good they are.

    `gate` are the checks that the new model was put to, and `bundle_hash` names its files; sections of what is not
    known are left out.
    """
    churn = bundle.quality[Scope.HEALTH]["outcomes"]["churn"]
    judged = [(words, outcomes(bundle, scope), portfolio(bundle, scope)) for scope, words in _SCOPES]
    return rendering.render(
        "model_card.md",
        bundle=bundle,
        bundle_hash=bundle_hash,
        leap_version=version("leap"),
        more=parts(bundle, gate),
        trained=bundle.trained,
        stopped_by_time=bool((bundle.trained.get("tuning") or {}).get("stopped_by_time")),
        company=bundle.settings.company,
        outcome=bundle.settings.outcome,
        judged=judged,
        learners=sorted({name for _, found, _ in judged for outcome in found for name in outcome.losses}),
        folds=[(words, fold) for scope, words in _SCOPES for fold in bundle.quality[scope]["folds"]],
        lists=list_rows(churn),
        offers=offer_rows(churn),
        offer=(churn.get("money") or {}).get("offer"),
        at_stake=at_stake(churn["money"]) if offer_rows(churn) else None,
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


PICTURES = {
    "folds.png": "What each fold trained on and was tested on",
    "calibration.png": "Predicted and observed, out of time",
    "lift.png": "Events found among those ranked highest, out of time",
    "shap_summary.png": "What moves the scores of customers",
    "shap_summary_fit.png": "What moves the scores before the purchase",
}


def drawings(bundle: ModelBundle) -> list[tuple[str, list[Markup]]]:
    """Drivers of both scopes, and how contributions go with values of the largest, for the card's page."""
    found = []
    for scope, words in _SCOPES:
        listed = bundle.drivers if scope == Scope.HEALTH else bundle.fit_drivers
        if listed:
            shown = [charts.of_drivers(listed, name=f"drivers-{scope}")]
            shown += [charts.captioned(one, f"{scope}-{i}") for i, one in _largest(bundle, scope)]
            found.append((f"Drivers, {words}", shown))
    return found


def _largest(bundle: ModelBundle, scope: Scope) -> list[tuple[int, Dependence]]:
    return list(enumerate(bundle.dependence.get(scope, ())[:_MOST_DRAWN]))


def write(text: str, folder: Path, drawn: Sequence[tuple[str, Sequence[Markup]]] = ()) -> list[Path]:
    """The card as `model_card.md` and, with drawings and the pictures that lie beside it, as `model_card.html`."""
    card, page = folder / "model_card.md", folder / "model_card.html"
    card.write_text(text, encoding="utf-8")
    pictures = [(words, folder / name) for name, words in PICTURES.items()]
    page.write_text(markdown_page.page(text, pictures, drawn), encoding="utf-8")
    return [card, page]


def hash_of(bundle_folder: Path) -> str | None:
    """SHA-256 of a saved bundle's manifest, which holds the checksums of all its files: as the registry names it."""
    manifest = bundle_folder / files.MANIFEST
    return files.sha256(manifest.read_bytes()) if manifest.is_file() else None

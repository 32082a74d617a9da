"""What is said of a flat table's model: the JSON of `train`, text, the run in the registry, its files and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from leap.bundle.flat_bundle import FlatBundle
from leap.evaluation import OutcomeQuality
from leap.evaluation.money import found_at
from leap.explanation import pictures, wording
from leap.explanation.dependence import thinned
from leap.explanation.drivers import way_words
from leap.explanation.shap_pictures import short_label
from leap.features import families
from leap.flat.choosing import WHICH
from leap.flat.frame import HELD_WORDS
from leap.flat.judging import FlatQuality, HeldOut
from leap.metrics import Figure
from leap.reports import charts, model_card, rendering, training
from leap.reports.artifacts import Artifacts
from leap.reports.card_parts import gate_part
from leap.reports.quality import LEARNERS, caution, held, share_line
from leap.scoring.flat_scores import FlatScores

_NO_PORTFOLIO = {
    **dict.fromkeys(("nrr_predicted", "nrr_observed", "nrr_direct", "headline")),
    "reason": "flat_table",
}
_FIGURES = {
    "auc": "AUC",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "log_loss": "Log loss",
    "mae": "Mean absolute error",
    "r2": "R2 against the mean",
    "spearman": "Rank correlation",
}


def document(
    bundle: FlatBundle, version: str, promoted: bool, seconds: Mapping[str, float], replaces: str | None
) -> dict[str, Any]:
    """The JSON of `train`."""
    return {
        "trained": True,
        "reason": None,
        "company": bundle.company,
        "version": version,
        "promoted": promoted,
        "replaces_model_of": replaces,
        "as_of_range": bundle.trained["as_of_range"],
        "held_out": bundle.trained["held_out"],
        "outcomes": bundle.quality["outcomes"],
        "fit_outcomes": {},
        "portfolio": _NO_PORTFOLIO,
        "folds": bundle.quality["folds"],
        "new_accounts": bundle.quality["new_accounts"],
        "survival": bundle.quality.get("survival"),
        "drivers": [driver.to_json() for driver in bundle.drivers],
        "icps": 0,
        "notes": list(bundle.trained["notes"]),
        "definition_hash": bundle.definition_hash,
        "seconds": dict(seconds),
    }


def declined_document(
    reason: str, seconds: Mapping[str, float], notes: tuple[str, ...] = (), quality: FlatQuality | None = None
) -> dict[str, Any]:
    """The JSON of a `train` that makes no claim."""
    return {
        "trained": False,
        "reason": reason,
        "version": None,
        "promoted": False,
        "held_out": quality.held if quality else None,
        "outcomes": quality.outcomes_json() if quality else {},
        "fit_outcomes": {},
        "portfolio": _NO_PORTFOLIO,
        "survival": quality.survival if quality else None,
        "drivers": [],
        "notes": list(notes),
        "seconds": dict(seconds),
    }


def declined_text(company: str, reason: str, notes: tuple[str, ...] = ()) -> str:
    """Why there is no model."""
    lines = [f"No model for {company}: {reason}", "No champion was made or changed."]
    return "\n".join([*lines, *(f"Note: {note}" for note in notes)])


def text(bundle: FlatBundle, quality: FlatQuality, version: str, promoted: bool, replaces: str | None) -> str:
    """The findings for a terminal."""
    lines = [f"{bundle.company}: version {version} is the {'champion' if promoted else 'challenger'}."]
    if replaces:
        verb = "It replaced" if promoted else "Promoting it would replace"
        lines.append(f"{verb} the model of another company: {replaces}.")
    lines += ["", f"How good, {HELD_WORDS[quality.held]} (95 % interval over accounts; baseline beside it)"]
    lines += [
        quality_line(quality),
        *list_lines(quality),
        *training.survival_lines(quality.survival),
        "",
        f"What {bundle.outcome.words} is associated with",
    ]
    lines += driver_lines(bundle)
    lines += [_note(note) for note in bundle.trained["notes"]]
    return "\n".join(lines)


def quality_line(quality: FlatQuality) -> str:
    """The figures in a line."""
    found = quality.figures
    observed, predicted = found.calibration["mean_observed"], found.calibration["mean_predicted"]
    if quality.outcome.is_binary:
        auc, skill = found.metrics["auc"], found.metrics["brier_skill"]
        parts = [
            f"AUC {_with_interval(auc)} (chance 0.50, plain logistic {found.linear_baseline['auc']:.3f})",
            f"Brier skill {_with_interval(skill)}",
            f"predicted {predicted:.1%}, observed {observed:.1%}",
        ]
        counted = f"{found.n_events:,} of {found.n_accounts:,} accounts"
    else:
        mae, r2 = found.metrics["mae"], found.metrics["r2"]
        parts = [
            f"mean absolute error {_with_interval(mae)} (mean of all {mae.baseline:.3g})",
            f"R2 {_with_interval(r2)} (plain linear {found.linear_baseline['r2']:.3f})",
            f"predicted {predicted:.4g}, observed {observed:.4g} on average",
        ]
        counted = f"{found.n_accounts:,} accounts"
    slope, said = found.calibration["slope"], found.calibration.get("verdict")
    parts += [] if slope is None else [f"calibration slope {slope:.2f}"]
    parts += [said] if said else []
    return f"  {quality.outcome.column}: {'; '.join(parts)} ({counted}; {LEARNERS.get(found.learner, found.learner)})"


def list_lines(quality: FlatQuality) -> list[str]:
    """What the tenth of accounts ranked highest held of those with the outcome."""
    held = found_at(quality.figures.lift, "10%", "accounts")
    if held is None:
        return []
    shown = f"{held['value']:.0%} [{held['low']:.0%}, {held['high']:.0%}]"
    return [
        f"  In use: the 10% of accounts ranked highest held {shown} of those with {quality.outcome.words} (chance 10%, "
        f"best possible {held['best']:.0%})"
    ]


def driver_lines(bundle: FlatBundle, most: int = 8) -> list[str]:
    """The largest drivers with share, direction and whether to act yet."""
    lines = []
    for driver in bundle.drivers[:most]:
        what = f"probability of {bundle.outcome.words}" if bundle.outcome.is_binary else bundle.outcome.words
        said = way_words(driver.direction, what, driver.kind)
        lines.append(f"{share_line(driver)}: {said}{caution(driver)}")
    return lines


def run_fields(bundle: FlatBundle, quality: FlatQuality) -> dict[str, Any]:
    """Parameters, metrics, tags and description of the run in the registry."""
    column, found = bundle.outcome.column, quality.figures
    main = "auc" if bundle.outcome.is_binary else "r2"
    said = f"{column}: {_FIGURES[main]} {_with_interval(found.metrics[main])} {HELD_WORDS[quality.held]}"
    until = f", data until {bundle.trained_on}" if bundle.trained_on else ""
    return {
        "params": {
            "kind": "flat",
            "outcome": column,
            "outcome_kind": bundle.outcome.kind,
            "held_out": quality.held,
            "seed": bundle.trained["seed"],
            "trials": bundle.trained["trials"],
            "features": len(bundle.catalog.features),
            "learner": bundle.model.component.learner_name,
        },
        "metrics": _metrics(column, found),
        "tags": {
            "company": bundle.company,
            "kind": "flat",
            "catalog_fingerprint": bundle.fingerprint,
            "definition_hash": bundle.definition_hash,
            "trained_on": bundle.trained_on or "",
        },
        "description": f"{bundle.company}{until}, a flat table: {said}.",
    }


def _metrics(column: str, found: OutcomeQuality) -> dict[str, float]:
    column = families.slug(column)
    known = {name: value for name, value in found.calibration.items() if isinstance(value, float)}
    flat = {f"flat.{column}.calibration.{name}": value for name, value in known.items()}
    for name, figure in found.metrics.items():
        for part in ("value", "low", "high", "baseline"):
            flat[f"flat.{column}.{name}{'' if part == 'value' else f'.{part}'}"] = getattr(figure, part)
    return {name: value for name, value in flat.items() if np.isfinite(value)}


def write_files(bundle: FlatBundle, found: HeldOut, quality: FlatQuality, folder: Path) -> list[Path]:
    """Plots, the table of drivers and the model card of a training; paths of the files written."""
    column, how = bundle.outcome.words, HELD_WORDS[quality.held]
    made = Artifacts(folder)
    if bundle.outcome.is_binary:
        of_calibration, of_lift = f"{column}: predicted and observed, {how}", f"{column}: events found, {how}"
        made.draw("calibration.png", pictures.calibration_picture, found.outcome, found.predicted, of_calibration)
        made.draw("lift.png", pictures.lift_picture, found.outcome, found.predicted, of_lift)
    sample = thinned(found.frame.latest(), 1000)
    contributions, _ = bundle.model.attribute(bundle.model.encoder.encode(sample))
    scale, unit = (100, "points of its probability") if bundle.outcome.is_binary else (1, "its own unit")
    made.draw_contributions("", scale * contributions, sample, f"contribution to {short_label(column)}, {unit}")
    made.write_drivers([(column, bundle.drivers)])
    return [*made.close(), *write_card(bundle, folder)]


def write_card(bundle: FlatBundle, folder: Path, gate: Sequence[Mapping[str, Any]] | None = None) -> list[Path]:
    """The model card of a training beside its bundle and pictures; with the gate's table once it has judged."""
    what = bundle.outcome.words
    of = f"probability of {what}" if bundle.outcome.is_binary else what
    drawn = [("Drivers", [charts.of_drivers(bundle.drivers, name="drivers", of=of)])] if bundle.drivers else []
    return model_card.write(render_card(bundle, model_card.hash_of(folder / "bundle"), gate), folder, drawn)


def render_card(
    bundle: FlatBundle, bundle_hash: str | None = None, gate: Sequence[Mapping[str, Any]] | None = None
) -> str:
    """The model card as Markdown."""
    figures = bundle.quality["outcomes"][bundle.outcome.column]
    return rendering.render(
        "flat_model_card.md",
        bundle=bundle,
        bundle_hash=bundle_hash,
        leap_version=version("leap"),
        trained=bundle.trained,
        more=gate_part(gate),
        outcome=bundle.outcome,
        table=next(iter({feature.recipe.table for feature in bundle.catalog.features})),
        horizon=bundle.settings.outcome.horizon_months,
        how=HELD_WORDS[bundle.trained["held_out"]],
        quality=figures,
        figures=[
            (label, name, figures["metrics"][name]) for name, label in _FIGURES.items() if name in figures["metrics"]
        ],
        folds=bundle.quality["folds"],
        new_accounts=bundle.quality["new_accounts"],
        drivers=bundle.drivers[:10],
        held=held,
    )


def score_text(scores: FlatScores, out: Path) -> str:
    """Counts, which rows, and the highest scores with their main reason."""
    outcome = scores.bundle.outcome
    lines = [
        f"{len(scores):,} rows scored: {WHICH[scores.which]} ({scores.abstentions} abstained) by version "
        f"{scores.version} -> {out}"
    ]
    if len(scores):
        known = scores.prediction[[scores.abstained(i) is None for i in range(len(scores))]]
        mean = float(known.mean()) if len(known) else float("nan")
        lines.append(f"{outcome.key} on average: {f'{mean:.1%}' if outcome.is_binary else wording.number(mean)}")
        lines.append("The highest:")
    for i in scores.highest(5):
        lines += account_lines(scores, i, reasons=1)
    return "\n".join(lines)


def account_lines(scores: FlatScores, i: int, reasons: int = 5) -> list[str]:
    """One score in words; with `reasons` 0 all of its reasons."""
    outcome = scores.bundle.outcome
    dated = f", {scores.as_of[i]}" if scores.as_of[i] else ""
    if scores.abstained(i):
        return [f"  {scores.keys[i]}{dated}: no score, {scores.abstained(i)}"]
    value = float(scores.prediction[i])
    said = f"{value:.1%}" if outcome.is_binary else wording.number(value)
    return [
        f"  {scores.keys[i]}{dated}: {outcome.key} {said}",
        *[f"    - {reason['phrase']}" for reason in scores.reasons(i, reasons)],
    ]


def _note(note: str) -> str:
    return note if note.startswith("Warning") else f"Note: {note}"


def _with_interval(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"

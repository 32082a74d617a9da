"""What a training says: the JSON of `train`, the text on the screen, the run in the registry and its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from leap.bundle.make import summary_metrics
from leap.bundle.model_bundle import ModelBundle
from leap.evaluation import OutcomeQuality, OutOfTime, Quality
from leap.evaluation.fold_figures import fold_spans
from leap.explanation import pictures
from leap.explanation.dependence import thinned
from leap.explanation.drivers import way_words
from leap.metrics import Figure
from leap.models.frames import ScopeFrame
from leap.reports import wins as of_deals
from leap.reports.artifacts import Artifacts
from leap.reports.money import list_lines, offer_lines
from leap.reports.quality import LEARNERS, caution, share_line, verdict_shown
from leap.wins import Wins

_OUTCOME_WORDS = {"churn": "Churn", "contraction": "Contraction", "expansion": "Expansion", "nrr": "NRR"}
_MOST_DOTS = 1000
_DID = {
    "churn": " churned",
    "contraction": " contracted",
    "expansion": " expanded",
    "nrr": " pay more or less than before",
}


def document(
    bundle: ModelBundle,
    quality: Quality,
    fit_quality: Quality,
    version: str,
    promoted: bool,
    seconds: Mapping[str, float],
    replaces: str | None,
) -> dict[str, Any]:
    """The JSON of `train`."""
    found = quality.to_json()
    return {
        "trained": True,
        "reason": None,
        "company": bundle.company,
        "version": version,
        "promoted": promoted,
        "replaces_model_of": replaces,
        "as_of_range": bundle.trained["as_of_range"],
        "outcomes": found["outcomes"],
        "fit_outcomes": {**fit_quality.to_json()["outcomes"], **_win(bundle.quality)},
        "climb": bundle.quality.get("climb"),
        "portfolio": found["portfolio"],
        "survival": bundle.quality["health"].get("survival"),
        "intervals": found["intervals"],
        "fit_intervals": fit_quality.to_json()["intervals"],
        "folds": found["folds"],
        "drivers": [driver.to_json() for driver in bundle.drivers],
        "icps": len(bundle.icp.profiles),
        "notes": list(bundle.trained["notes"]),
        "definition_hash": bundle.definition_hash,
        "model_hash": bundle.trained["model_hash"],
        "tuning": dict(bundle.trained["tuning"]),
        "seconds": dict(seconds),
    }


def declined_document(
    reason: str,
    seconds: Mapping[str, float],
    quality: Quality | None = None,
    fit_quality: Quality | None = None,
    wins: Wins | None = None,
) -> dict[str, Any]:
    """The JSON of a `train` that makes no claim."""
    deals = wins.to_json() if wins else {}
    return {
        "trained": False,
        "reason": reason,
        "version": None,
        "promoted": False,
        "outcomes": quality.to_json()["outcomes"] if quality else {},
        "fit_outcomes": {**(fit_quality.to_json()["outcomes"] if fit_quality else {}), **_win(deals)},
        "climb": deals.get("climb"),
        "portfolio": dict(quality.portfolio) if quality else {},
        "drivers": [],
        "seconds": dict(seconds),
    }


def _win(quality: Mapping[str, Any]) -> dict[str, Any]:
    return {"win": quality["win"]} if "win" in quality else {}


def declined_text(company: str, reason: str) -> str:
    """Why there is no model."""
    return f"No model for {company}: {reason}\nNo champion was made or changed; no drivers and no ICP are shown."


def text(
    bundle: ModelBundle, quality: Quality, fit_quality: Quality, version: str, promoted: bool, replaces: str | None
) -> str:
    """The findings for a terminal."""
    lines = [f"{bundle.company}: version {version} is the {'champion' if promoted else 'challenger'}."]
    if replaces:
        verb = "It replaced" if promoted else "Promoting it would replace"
        lines.append(f"{verb} the model of another company: {replaces}.")
    lines += ["", "How good, out of time (95 % interval over accounts; baseline beside it)"]
    lines += [quality_line(name, found) for name, found in quality.outcomes.items()]
    lines += list_lines(quality.outcomes["churn"]) + offer_lines(
        quality.outcomes["churn"], bundle.settings.company.currency
    )
    lines += survival_lines(bundle.quality["health"].get("survival"))
    lines += ["  before the purchase (fit models):"]
    lines += [quality_line(name, found) for name, found in fit_quality.outcomes.items() if name == "churn"]
    lines += [f"  {line}" for line in of_deals.lines(bundle.quality)]
    lines += [
        "",
        portfolio_line(quality),
        *interval_lines(quality),
        "",
        "Top drivers of NRR (share of what moves it, and its range over other draws of the accounts)",
    ]
    lines += driver_lines(bundle)
    lines += ["", "ICPs"]
    lines += [f"  {profile.id}: {profile.statement}" for profile in bundle.icp.profiles] or [
        f"  none: {bundle.icp.none_because}"
    ]
    lines += [f"Note: {note}" for note in bundle.trained["notes"]]
    return "\n".join(lines)


def quality_line(name: str, found: OutcomeQuality) -> str:
    """One outcome's figures in a line."""
    figures = found.metrics
    parts = []
    if found.learner == "base_rate":
        parts.append("base rate (no skill shown)")
    if "auc" in figures and found.learner != "base_rate":
        plain = found.linear_baseline.get("auc")
        beside = "chance 0.50" + (f", plain logistic {plain:.2f}" if plain is not None else "")
        parts.append(f"AUC {_with_interval(figures['auc'])} ({beside})")
        skill = figures["brier_skill"]
        parts.append(f"Brier skill {_with_interval(skill)}")
    if name == "nrr":
        parts.append(f"account error {_with_interval(figures['mae'])} (baseline {figures['mae'].baseline:.2f})")
    observed, predicted = found.calibration["mean_observed"], found.calibration["mean_predicted"]
    said = verdict_shown(found.learner, found.calibration)
    if name != "nrr":
        parts.append(f"predicted {predicted:.1%}, observed {observed:.1%}" + (f", {said}" if said else ""))
    counted = f"{found.n_events:,} of {found.n_accounts:,} accounts{_DID[name]}"
    learner = "" if found.learner in ("base_rate", "composition") else f"; {LEARNERS.get(found.learner, found.learner)}"
    return f"  {_OUTCOME_WORDS[name]:<12} {'; '.join(parts)} ({counted}{learner})"


def portfolio_line(quality: Quality) -> str:
    """Portfolio NRR, predicted out of time against what followed, and how past books fared in their intervals."""
    p = quality.portfolio
    line = (
        f"Portfolio NRR out of time: predicted {p['nrr_predicted']:.1%}, observed {p['nrr_observed']:.1%}, "
        f"direct model {p['nrr_direct']:.1%} (nearer: {p['headline']})"
    )
    if p.get("nrr_low") is None:
        return f"{line}."
    line += f"; {p['level']:.0%} interval {p['nrr_low']:.1%} to {p['nrr_high']:.1%}"
    count = p["interval_folds"]
    return f"{line}; {round(p['coverage'] * count)} of {count} past books lay in theirs." if count else f"{line}."


def interval_lines(quality: Quality) -> list[str]:
    """What the intervals of accounts held, of NRR and of value, and by segment."""
    coverage, level = quality.coverage, quality.intervals.level
    value = coverage.value
    why = (coverage.value_reason or "").replace("gross_margin", "gross margin given").replace("_", " ")
    said = f"of value {_share(value)}" if value else f"of value: not known ({why})"
    lines = [
        f"Intervals of accounts (wanted {level:.0%}) held of what followed: of NRR {_share(coverage.figure)}, {said}; "
        f"mean width {coverage.width:.2f}"
    ]
    if len(coverage.segments) < 2:
        return lines
    by_coverage = sorted(coverage.segments, key=lambda segment: segment["coverage"])
    least, most = (
        f"{one['coverage']:.0%} ({one['by']} {one['value']}, {one['n_accounts']:,} accounts)"
        for one in (by_coverage[0], by_coverage[-1])
    )
    return [*lines, f"  of {len(by_coverage)} segments least {least}, most {most}; the model card has all"]


def _share(figure: Figure) -> str:
    return f"{figure.value:.0%} [{figure.low:.0%}, {figure.high:.0%}]"


def survival_lines(found: Mapping[str, Any] | None) -> list[str]:
    """How good the survival curves were, beside Kaplan-Meier; nothing where none could be judged."""
    if not found or found["c_index"] is None:
        return []
    order, error = Figure(**found["c_index"]), Figure(**found["ibs"])
    return [
        f"  {'Survival':<12} C-index {_with_interval(order)} (chance 0.50); integrated Brier score "
        f"{error.value:.3f} [{error.low:.3f}, {error.high:.3f}] (Kaplan-Meier {error.baseline:.3f}) over "
        f"{found['months']} months ({found['n_events']:,} of {found['n_accounts']:,} accounts left)"
    ]


def driver_lines(bundle: ModelBundle, most: int = 8) -> list[str]:
    """The largest drivers with share, direction and whether to act yet."""
    lines = []
    for driver in bundle.drivers[:most]:
        said = way_words(driver.direction, kind=driver.kind)
        lines.append(f"{share_line(driver)}: {said}{caution(driver)}")
    return lines


def _with_interval(figure: Figure) -> str:
    value, low, high = (_two_digits(part) for part in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]"


def _two_digits(value: float) -> str:
    """Without a minus before nothing.

    >>> _two_digits(-0.002), _two_digits(-0.31)
    ('0.00', '-0.31')
    """
    return f"{value:z.2f}"


def run_fields(bundle: ModelBundle, quality: Quality, fit_quality: Quality) -> dict[str, Any]:
    """Parameters, metrics, tags and description of the run in the registry."""
    outcome = bundle.settings.outcome.model_dump()
    churn = quality.outcomes["churn"].metrics.get("auc")
    skill = f"churn AUC {_with_interval(churn)} out of time" if churn else "no churn skill"
    return {
        "params": {
            **{f"outcome.{name}": value for name, value in outcome.items()},
            "seed": bundle.trained["seed"],
            "trials": bundle.trained["trials"],
            "features": len(bundle.catalog.features),
            **{f"health.{name}.learner": found.learner for name, found in quality.outcomes.items()},
            **{f"fit.{name}.learner": found.learner for name, found in fit_quality.outcomes.items()},
        },
        "metrics": summary_metrics({"health": quality, "fit": fit_quality}),
        "tags": {
            "company": bundle.company,
            "catalog_fingerprint": bundle.fingerprint,
            "definition_hash": bundle.definition_hash,
            "model_hash": bundle.trained["model_hash"],
            "trained_on": bundle.trained_on,
            "icp_profiles": str(len(bundle.icp.profiles)),
        },
        "description": (
            f"{bundle.company}, data until {bundle.trained_on}: {skill}; {len(bundle.icp.profiles)} ICP profiles."
        ),
    }


def write_files(bundle: ModelBundle, health: ScopeFrame, fit: ScopeFrame, found: OutOfTime, folder: Path) -> list[Path]:
    """Plots, the table of drivers, the ICP report and the model card of a training; paths of the files written."""
    from leap.reports import icp

    keep = ~found.leaving
    outcome, probability = found.labels.churned[keep], found.prediction.p[keep]
    made = Artifacts(folder)
    title = "Churn: predicted and observed, out of time"
    made.draw("calibration.png", pictures.calibration_picture, outcome, probability, title)
    made.draw("lift.png", pictures.lift_picture, outcome, probability, "Churn: events found, out of time")
    for model, frame, end in ((bundle.health, health, ""), (bundle.fit, fit, "_fit")):
        sample = thinned(frame.latest(), _MOST_DOTS)
        contributions = 100 * model.encoder.by_feature(model.attribute(model.encoder.encode(sample)).nrr)
        made.draw_contributions(end, contributions, sample, "contribution to NRR, points")
    made.draw("folds.png", pictures.folds_picture, fold_spans(health))
    made.write_drivers([("customers", bundle.drivers), ("before the purchase", bundle.fit_drivers)])
    report = folder / "icp_report.html"
    report.write_text(icp.render_html(icp.summarise(bundle)), encoding="utf-8")
    return [*made.close(), report, *write_card(bundle, folder)]


def write_card(bundle: ModelBundle, folder: Path, gate: Sequence[Mapping[str, Any]] | None = None) -> list[Path]:
    """The model card of a training beside its bundle and pictures; with the gate's table once it has judged."""
    from leap.reports import model_card

    text = model_card.render(bundle, gate=gate, bundle_hash=model_card.hash_of(folder / "bundle"))
    return model_card.write(text, folder, model_card.drawings(bundle))

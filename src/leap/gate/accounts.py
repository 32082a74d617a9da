"""The gate of a model of accounts with revenue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leap.bundle.model_bundle import ModelBundle
from leap.evaluation import OutOfTime, Quality
from leap.gate.baselines import calibration_checks, claim_check, plain_regression_checks
from leap.gate.champion import (
    Learned,
    any_better,
    difference_checks,
    money_differences,
    not_compared,
    outcome_differences,
    standing_check,
    stored_difference,
)
from leap.gate.check import Check, Gate
from leap.gate.comparison import Comparison, compare
from leap.gate.held_out import Judged, carries_claim, judged_component
from leap.gate.incumbent import Incumbent, stranger
from leap.gate.paired import Resamples
from leap.gate.running import golden_check, latency_check
from leap.gate.slices import Reference, slice_checks, slice_labels
from leap.metrics import Figure
from leap.models.composition import COMPONENTS
from leap.models.frames import ScopeFrame
from leap.tables import AccountTables


@dataclass(frozen=True)
class Challenger:
    """A new model of accounts with all that its training made; `tuned` and `seed` are what it was trained with."""

    tables: AccountTables
    frame: ScopeFrame
    found: OutOfTime
    quality: Quality
    bundle: ModelBundle
    tuned: Mapping[str, Any] | None = None
    seed: int = 0


def gate_of_accounts(new: Challenger, incumbent: Incumbent | None, registered: Path) -> Gate:
    """Every check, beside the champion where it is this company's; `registered` is the new version's own folder."""
    judged = [judged_component(new.found, name) for name in COMPONENTS if _counts(new.quality, name)]
    judged = [one for one in judged if one.enough]
    auc = new.quality.outcomes["churn"].metrics.get("auc")
    checks = [claim_check(new.quality.claimed, new.quality.reason, auc, 0.5, "AUC of churn out of time")]
    against, comparison = _against_champion(new, incumbent)
    checks += against
    checks += plain_regression_checks(judged)
    checks += calibration_checks(judged)
    checks += slice_checks(_references(new, comparison))
    compared = incumbent if comparison is not None else None
    champion = compared.bundle if compared is not None else None
    checks += [golden_check(registered, new.bundle), latency_check(new.bundle, champion)]
    return Gate(tuple(checks), compared.version if compared is not None else None)


def _counts(quality: Quality, name: str) -> bool:
    """Churn always counts; contraction and expansion where they claim skill: else they predict their base rate."""
    return name == "churn" or carries_claim(quality.outcomes[name])


def _against_champion(new: Challenger, incumbent: Incumbent | None) -> tuple[list[Check], Comparison | None]:
    if incumbent is None:
        return [not_compared(None)], None
    strange = stranger(incumbent, new.bundle.company, new.bundle.catalog)
    if strange is None and incumbent.bundle is None:
        strange = f"{incumbent.words}, cannot be loaded ({incumbent.trouble})"
    if strange is None and not isinstance(incumbent.bundle, ModelBundle):
        strange = f"{incumbent.words}, is of a flat table"
    if strange is not None or not isinstance(incumbent.bundle, ModelBundle):
        return [not_compared(incumbent, strange)], None
    champion = incumbent.bundle
    comparison = compare(new.tables, new.frame, new.found, new.bundle, champion, tuned=new.tuned, seed=new.seed)
    checks: list[Check] = []
    if comparison.on_rows:
        better, checks = _paired(new.found, comparison)
    else:
        stored = stored_difference(_auc(new.bundle), _auc(champion))
        differences = {"auc_at_training": stored} if stored is not None else {}
        better, checks = any_better(differences), difference_checks(differences)
    standing = standing_check(
        incumbent, comparison.words,
        Learned.of(new.bundle.trained_on, new.bundle.health.churn),
        Learned.of(champion.trained_on, champion.health.churn),
        better,
    )  # fmt: skip
    return [standing, *checks], comparison


def _paired(found: OutOfTime, comparison: Comparison) -> tuple[bool, list[Check]]:
    labels, keep = found.labels.where(comparison.keep), comparison.keep
    resamples = Resamples.of(found.accounts[keep])
    ours, theirs = comparison.ours, comparison.theirs
    differences = outcome_differences(labels.churned, ours["p"], theirs["p"], comparison.fold, resamples)
    money, squared = money_differences(labels.ratio, labels.starting, ours["nrr"], theirs["nrr"], resamples)
    differences |= money
    return any_better(differences, squared), difference_checks(differences, squared)


def _auc(bundle: ModelBundle) -> Figure | None:
    found = bundle.quality["health"]["outcomes"]["churn"]["metrics"].get("auc")
    if found is None or any(found.get(name) is None for name in Figure.__dataclass_fields__):
        return None
    return Figure(**{name: float(found[name]) for name in Figure.__dataclass_fields__})


def _references(new: Challenger, comparison: Comparison | None) -> list[Reference]:
    """Slices beside the base rate, and beside the champion where both predicted the same rows."""
    churn: Judged = judged_component(new.found, "churn")
    kept = np.flatnonzero(~new.found.leaving)
    labels = slice_labels(new.frame, new.found.rows[kept])
    references = [
        Reference("slice", "the base rate", churn.outcome, churn.predicted, churn.baseline, churn.accounts, labels)
    ]
    if comparison is not None and comparison.on_rows:
        found, keep = new.found, comparison.keep
        references.append(
            Reference(
                "slice_champion",
                "the champion",
                found.labels.churned[keep],
                comparison.ours["p"],
                comparison.theirs["p"],
                found.accounts[keep],
                slice_labels(new.frame, found.rows[keep]),
            )
        )
    return references

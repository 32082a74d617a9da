"""A bundle from what training found: economics of new customers, provenance and golden rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from leap.bundle.found_drivers import scope_drivers
from leap.bundle.model_bundle import ModelBundle
from leap.evaluation import Leak, OutOfTime, Quality, left_out, notes_of
from leap.explanation.dependence import dependence
from leap.explanation.groups import Groups
from leap.explanation.novelty import Novelty
from leap.explanation.peers import Peers
from leap.features import FeatureFrame
from leap.icp import ICPSearch
from leap.models.composition import ScopeModel
from leap.models.frames import ScopeFrame
from leap.models.hazard.figures import NOBODY_FOLLOWED, NOBODY_LOST, SurvivalFigures, not_judged
from leap.revenue import definition_hash
from leap.tables import AccountTables
from leap.tables.counted import counted
from leap.value import acquisition_of
from leap.wins import Wins

_GOLDEN_ROWS = 20
LIBRARIES = ("lightgbm", "numpy", "pandas", "scikit-learn", "shap")


def make_bundle(
    tables: AccountTables,
    health: tuple[ScopeFrame, ScopeModel, OutOfTime, Quality],
    fit: tuple[ScopeFrame, ScopeModel, OutOfTime, Quality],
    icp: ICPSearch,
    *,
    leaks: Sequence[Leak],
    seed: int,
    trials: int,
    wins: Wins | None = None,
    survival: SurvivalFigures | None = None,
    tuning: Mapping[str, Any] | None = None,
    said: Mapping[str, Any] | None = None,
) -> ModelBundle:
    """Everything that goes live together; each scope gives its frame, final model, predictions out of time and
    quality. `survival` says how good the curves of customers were, `tuning` what the studies found, `said` what was
    said before accounts churned.
    """
    frame, model, found, quality = health
    none = NOBODY_FOLLOWED if model.hazard is None else NOBODY_LOST
    fit_frame, fit_model, fit_found, fit_quality = fit
    groups, fit_groups = Groups.of(frame.features), Groups.of(fit_frame.features)
    bundle = ModelBundle(
        settings=tables.settings,
        catalog=frame.features.catalog,
        health=model,
        fit=fit_model,
        intervals=quality.intervals,
        fit_intervals=fit_quality.intervals,
        icp=icp,
        drivers=scope_drivers(frame, model, found, groups, seed),
        fit_drivers=scope_drivers(fit_frame, fit_model, fit_found, fit_groups, seed),
        groups=groups,
        fit_groups=fit_groups,
        peers=Peers.of(frame.latest(), frame.latest_mrr),
        fit_peers=Peers.of(fit_frame.latest()),
        quality={
            "health": {
                **quality.to_json(),
                "survival": survival.to_json() if survival else not_judged(none),
                **({"said_before": dict(said)} if said else {}),
            },
            "fit": fit_quality.to_json(),
            **(wins.to_json() if wins else {}),
        },
        economics=acquisition_of(tables).to_json(),
        trained=_provenance(tables, frame, _warnings(quality, fit_quality, wins), leaks, seed, trials),
        golden={},
        win=wins.model if wins else None,
        novelty=_novelty(tables, fit_frame, fit_groups),
    )
    of_health = dependence(model, frame.latest(), bundle.drivers)
    of_fit = dependence(fit_model, fit_frame.latest(), bundle.fit_drivers)
    bundle = replace(bundle, dependence={"health": of_health, "fit": of_fit})
    bundle = replace(bundle, trained={**bundle.trained, "tuning": dict(tuning or {}), "model_hash": bundle.model_hash})
    return bundle.with_golden(spread(frame.features), spread(fit_frame.features))


def _novelty(tables: AccountTables, frame: ScopeFrame, groups: Groups) -> Novelty:
    """What customers were when they bought, one row each; deals and revenue come with being one."""
    first = np.zeros(len(frame.rows.accounts), dtype=bool)
    first[np.unique(frame.rows.accounts, return_index=True)[1]] = True
    told = [table.name for role in ("deals", "revenue") for table in tables.with_role(role)]
    return Novelty.of(frame.features.where(first), groups, told)


def _warnings(quality: Quality, fit_quality: Quality, wins: Wins | None) -> list[str]:
    return quality.warnings + fit_quality.warnings + list(wins.notes if wins else ())


_NOTED = ("unit_change", "retyped", "ended_together")
"""Warnings about the tables that may turn what is learned from them upside down; the others `check` alone tells."""


def _provenance(
    tables: AccountTables, frame: ScopeFrame, warnings: list[str], leaks: Sequence[Leak], seed: int, trials: int
) -> dict[str, Any]:
    as_of = frame.snapshots.rows["as_of"]
    notes = list(warnings)
    if frame.record_begins is not None:
        notes.append(
            f"Rows before {frame.record_begins:%Y-%m-%d} are left out: hardly any account churned in "
            f"them, so those that left "
            "earlier seem to be missing."
        )
    notes += [f"{problem.where}: {problem.remedy}" for problem in tables.problems if problem.rule in _NOTED]
    notes += notes_of(leaks, tables.settings.leaks.keep_columns)
    if tables.settings.company.money_note:
        notes.append(tables.settings.company.money_note)
    return {
        "trained_on": f"{tables.data_until:%Y-%m-%d}",
        "as_of_range": [f"{as_of.min():%Y-%m-%d}", f"{as_of.max():%Y-%m-%d}"],
        "definition_hash": definition_hash(tables.settings),
        "seed": seed,
        "trials": trials,
        "rows": len(frame.rows.accounts),
        "accounts": len(np.unique(frame.rows.accounts)),
        "libraries": {name: version(name) for name in LIBRARIES},
        "notes": notes,
        "problems": [problem.to_json() for problem in tables.problems],
        "tables": {name: one.to_json() for name, one in counted(tables).items()},
        "leaks": [leak.to_json() for leak in left_out(leaks)],
    }


def spread(frame: FeatureFrame) -> FeatureFrame:
    """Rows evenly spread over a frame, as golden rows."""
    n = len(frame.frame)
    keep = np.zeros(n, dtype=bool)
    keep[np.linspace(0, n - 1, min(_GOLDEN_ROWS, n)).astype(int)] = True
    return frame.where(keep)


def summary_metrics(quality: Mapping[str, Quality]) -> dict[str, float]:
    """Flat names and values for the run in the registry, such as `health.churn.auc` and `health.churn.auc.low`."""
    flat: dict[str, float] = {}
    for scope, judged in quality.items():
        for outcome, found in judged.outcomes.items():
            for name, figure in found.metrics.items():
                for part in ("value", "low", "high", "baseline"):
                    suffix = "" if part == "value" else f".{part}"
                    flat[f"{scope}.{outcome}.{name}{suffix}"] = getattr(figure, part)
            for name, value in found.calibration.items():
                if isinstance(value, float):
                    flat[f"{scope}.{outcome}.calibration.{name}"] = value
        for name, number in judged.portfolio.items():
            if isinstance(number, float):
                flat[f"{scope}.portfolio.{name}"] = number
    return {name: value for name, value in flat.items() if np.isfinite(value)}

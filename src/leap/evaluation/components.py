"""Churn, contraction and expansion, each judged beside a baseline with intervals over accounts."""

from __future__ import annotations

from typing import Any

import numpy as np

from leap import metrics
from leap.evaluation.calibration_report import calibration_report
from leap.evaluation.money import Stakes, lift_report, money_report, no_money
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.outcome_quality import OutcomeQuality
from leap.features import Scope
from leap.metrics import Figure
from leap.models.composition import COMPONENTS, ScopeModel


def rows_of_component(
    found: OutOfTime, name: str, keep: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, prediction and baseline of one component's rows, and which rows they are."""
    part = keep if name == "churn" else keep & found.labels.retained
    source = {"churn": "p", "contraction": "q_contraction", "expansion": "q"}[name]
    outcome = found.labels.propensity(name)[part]
    return outcome, getattr(found.prediction, source)[part], getattr(found.baseline, source)[part], part


def judge_component(
    model: ScopeModel, found: OutOfTime, name: str, keep: np.ndarray, draws: int, stakes: Stakes | None = None
) -> OutcomeQuality:
    """Skill, calibration and, of churn, what the ranking is worth: lists of any scope, money where `stakes` are."""
    component = model.component(name)
    outcome, predicted, baseline, part = rows_of_component(found, name, keep)
    accounts = found.accounts[part]
    figures: dict[str, Figure] = {}
    resamples = metrics.account_bootstrap(accounts, draws) if len(accounts) else np.zeros((0, 0))
    if 0 < outcome.sum() < len(outcome):
        base_brier = metrics.brier(outcome, baseline, np.ones(len(outcome)))

        def skill(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
            reference = metrics.brier(y, baseline, w)
            return 1 - metrics.brier(y, p, w) / reference if reference > 0 else float("nan")

        figures = {
            "auc": metrics.with_interval(
                metrics.AucWithin(found.fold[part]), outcome, predicted, resamples, baseline=0.5
            ),
            "brier": metrics.with_interval(metrics.brier, outcome, predicted, resamples, baseline=base_brier),
            "brier_skill": metrics.with_interval(skill, outcome, predicted, resamples, baseline=0.0),
            "log_loss": metrics.with_interval(metrics.log_loss, outcome, predicted, resamples, baseline=baseline),
        }
        if name != "churn":
            amount = found.labels.amount(name)[part]
            source = "d" if name == "contraction" else "u"
            expected, usual = getattr(found.prediction, source)[part], getattr(found.baseline, source)[part]
            figures["mae"] = metrics.with_interval(metrics.mae, amount, expected, resamples, baseline=usual)
            figures["spearman"] = metrics.with_interval(metrics.spearman, amount, expected, resamples, baseline=0.0)
    one = np.ones(len(outcome))
    linear = {}
    if figures:
        plain = found.linear[name][part]
        linear = {
            "auc": metrics.AucWithin(found.fold[part])(outcome, plain, one),
            "brier": metrics.brier(outcome, plain, one),
        }
    return OutcomeQuality(
        learner=component.learner_name,
        n_rows=len(outcome),
        n_accounts=len(np.unique(accounts)),
        n_events=len(np.unique(accounts[outcome > 0])),
        base_rate=float(outcome.mean()) if len(outcome) else float("nan"),
        metrics=figures,
        calibration=calibration_report(outcome, predicted, accounts, found.fold[part], resamples, component.n_events),
        losses=component.losses,
        linear_baseline=linear,
        **(_worth(model, found, keep, resamples, stakes) if name == "churn" else {}),
    )


def _worth(
    model: ScopeModel, found: OutOfTime, keep: np.ndarray, resamples: np.ndarray, stakes: Stakes | None
) -> dict[str, dict[str, Any]]:
    capacity = stakes.offer.capacity if stakes else None
    worth = {"lift": lift_report(found, keep, model.scope, capacity, resamples)}
    if stakes is not None:
        return {**worth, "money": money_report(found, keep, stakes, resamples)}
    return {**worth, "money": no_money("offers_are_for_customers" if model.scope == Scope.FIT else "no_offer_given")}


def judge_fold(found: OutOfTime, number: int) -> dict[str, Any]:
    keep = (found.fold == number) & ~found.leaving
    document: dict[str, Any] = {
        "cutoff": f"{found.cutoffs[number]:%Y-%m-%d}",
        "n_rows": int(keep.sum()),
        "outcomes": {},
    }
    for name in COMPONENTS:
        outcome, predicted, _, _ = rows_of_component(found, name, keep)
        one = np.ones(len(outcome))
        if not len(outcome):
            continue
        document["outcomes"][name] = {
            "auc": metrics.auc(outcome, predicted, one),
            "mean_predicted": float(predicted.mean()),
            "mean_observed": float(outcome.mean()),
        }
    return document

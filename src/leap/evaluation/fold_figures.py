"""Every fold with figures of its own, and whether the skill changes from fold to fold beyond chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leap import metrics
from leap.evaluation.components import judge_component, rows_of_component
from leap.evaluation.nrr import judge_nrr
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.slices import MIN_EVENTS, observed_over_predicted
from leap.metrics import Figure
from leap.models.composition import COMPONENTS
from leap.models.frames import ScopeFrame

_UNKNOWN = Figure(float("nan"), float("nan"), float("nan"), float("nan"))
_DAYS_A_YEAR = 365.25


def fold_spans(frame: ScopeFrame) -> list[dict[str, Any]]:
    """When each fold trains and tests: dates of the first and last rows, and how many rows and accounts they are.

    Between `train_until` and `cutoff` lies the horizon in which the last training rows' outcomes became known; what
    followed the last tested rows was known at `outcomes_until`.
    """
    return [
        {
            "cutoff": _day(fold.cutoff),
            "train_from": _day(frame.rows.as_of[fold.train].min()),
            "train_until": _day(frame.rows.as_of[fold.train].max()),
            "test_from": _day(frame.rows.as_of[fold.test].min()),
            "test_until": _day(frame.rows.as_of[fold.test].max()),
            "outcomes_until": _day(frame.rows.known_at[fold.test].max()),
            "n_train_rows": int(fold.train.sum()),
            "n_train_accounts": len(np.unique(frame.rows.accounts[fold.train])),
        }
        for fold in frame.folds
    ]


def fold_figures(found: OutOfTime, frame: ScopeFrame, draws: int = 200) -> list[dict[str, Any]]:
    """One entry a fold: its span, `outcomes` in the form of `train`, `portfolio` and `new_accounts`; 95 % intervals.

    `metrics` have `calibration_ratio` besides: observed over predicted. `new_accounts` had no training row.
    """
    return [{**span, **_figures(found, frame, number, draws)} for number, span in enumerate(fold_spans(frame))]


def _figures(found: OutOfTime, frame: ScopeFrame, number: int, draws: int) -> dict[str, Any]:
    inside = found.fold == number
    kept = inside & ~found.leaving
    outcomes = {name: _of_component(found, name, number, kept, draws) for name in COMPONENTS if kept.any()}
    if kept.any():
        nrr = judge_nrr(found, kept, _UNKNOWN, draws).to_json()
        outcomes["nrr"] = {**nrr, "metrics": {k: v for k, v in nrr["metrics"].items() if k != "coverage"}}
    return {
        "n_rows": int(kept.sum()),
        "n_accounts": len(np.unique(found.accounts[kept])),
        "outcomes": outcomes,
        "portfolio": _portfolio(found, inside, draws),
        "new_accounts": _of_new_accounts(found, frame, number, kept, draws),
    }


def _of_component(found: OutOfTime, name: str, number: int, kept: np.ndarray, draws: int) -> dict[str, Any]:
    judged = judge_component(found.models[number], found, name, kept, draws).to_json()
    happened, predicted, _, rows = rows_of_component(found, name, kept)
    if happened.any():
        ratio = _ratio(happened, predicted, found.accounts[rows], draws)
        judged["metrics"] = {**judged["metrics"], "calibration_ratio": ratio.to_json()}
    return judged


def _ratio(happened: np.ndarray, predicted: np.ndarray, accounts: np.ndarray, draws: int) -> Figure:
    resamples = metrics.account_bootstrap(accounts, draws)
    return metrics.with_interval(observed_over_predicted, happened, predicted, resamples, baseline=1.0)


def _portfolio(found: OutOfTime, inside: np.ndarray, draws: int) -> dict[str, Any]:
    """NRR of everyone in the fold, those whose end was already known as ended: ratios of sums, and their difference."""
    weight, ratio, leaving = found.labels.starting[inside], found.labels.ratio[inside], found.leaving[inside]
    predicted = np.where(leaving, 0.0, found.prediction.nrr[inside])
    baseline = np.where(leaving, 0.0, found.baseline_nrr[inside])
    resamples = metrics.account_bootstrap(found.accounts[inside], draws)
    observed = metrics.with_interval(metrics.mean, ratio, ratio, resamples, baseline=1.0, weight=weight)
    error = metrics.with_interval(
        metrics.portfolio_error, ratio, predicted, resamples, baseline=baseline, weight=weight
    )
    return {
        "nrr_predicted": observed.value + error.value,
        "nrr_observed": observed.value,
        "nrr_observed_low": observed.low,
        "nrr_observed_high": observed.high,
        "error": error.to_json(),
    }


def _of_new_accounts(found: OutOfTime, frame: ScopeFrame, number: int, kept: np.ndarray, draws: int) -> dict[str, Any]:
    """Churn of the accounts that the fold's model had never seen; AUC and ratio are None where too few churned."""
    new = kept & ~np.isin(found.accounts, frame.rows.accounts[frame.folds[number].train])
    churned, p, accounts = found.labels.churned[new], found.prediction.p[new], found.accounts[new]
    n_events = len(np.unique(accounts[churned > 0]))
    auc, ratio = None, None
    if n_events >= MIN_EVENTS and len(np.unique(accounts[churned == 0])) >= MIN_EVENTS:
        resamples = metrics.account_bootstrap(accounts, draws)
        one_time = metrics.AucWithin(np.zeros(len(churned), dtype=np.int64))
        auc = metrics.with_interval(one_time, churned, p, resamples, baseline=0.5).to_json()
        ratio = _ratio(churned, p, accounts, draws).to_json()
    return {
        "n_rows": int(new.sum()),
        "n_accounts": len(np.unique(accounts)),
        "n_events": n_events,
        "auc": auc,
        "calibration_ratio": ratio,
    }


def drift_of_skill(found: OutOfTime, draws: int = 400) -> dict[str, dict[str, Any]]:
    """By outcome, how the AUC changes from fold to fold, a year; with what 95 % interval, and what that says.

    A straight line through the folds' AUCs, from the first in which a learner beat the base rate on, each weighing by
    its accounts with the event. Accounts are drawn together
    with all their rows, so that one tested in several folds moves them together. What shakes all accounts of a fold at
    once is not in the interval.
    """
    return {name: _drift(found, name, draws) for name in COMPONENTS}


def _drift(found: OutOfTime, name: str, draws: int) -> dict[str, Any]:
    happened, predicted, _, rows = rows_of_component(found, name, ~found.leaving)
    fold, accounts = found.fold[rows], found.accounts[rows]
    mixed = [k for k in np.unique(fold) if 0 < happened[fold == k].sum() < (fold == k).sum()]
    ranked = [k for k in mixed if found.models[k].component(name).learner_name != "base_rate"]
    # Before the first ranking there was too little to learn from: what comes after it is no rise of skill.
    mixed = [k for k in mixed if ranked and k >= ranked[0]]
    if len(mixed) < 2:
        verdict = "one fold with a ranking" if ranked else "base rates only: no skill that could change"
        return {"per_year": None, "folds": len(mixed), "verdict": verdict}
    years = np.array([_years(found.cutoffs[k]) for k in mixed])
    events = np.array([len(np.unique(accounts[(fold == k) & (happened > 0)])) for k in mixed], dtype=float)
    figures = [metrics.AucWithin(fold[fold == k]).prepare(happened[fold == k], predicted[fold == k]) for k in mixed]

    def slope(weight: np.ndarray) -> float:
        auc = np.array([figure(weight[fold == k]) for figure, k in zip(figures, mixed, strict=True)])
        return float(np.polyfit(years, auc, 1, w=np.sqrt(events))[0]) if np.isfinite(auc).all() else float("nan")

    drawn = np.array([slope(times) for times in metrics.account_bootstrap(accounts, draws)])
    low, high = np.quantile(drawn[np.isfinite(drawn)], [0.025, 0.975]) if np.isfinite(drawn).any() else (np.nan,) * 2
    figure = Figure(slope(np.ones(len(happened))), float(low), float(high), 0.0)
    verdict = "falls" if figure.high < 0 else "rises" if figure.low > 0 else "no change that can be told from chance"
    return {"per_year": figure.to_json(), "folds": len(mixed), "verdict": verdict}


def _years(moment: pd.Timestamp) -> float:
    return float((moment - pd.Timestamp("2000-01-01")).days / _DAYS_A_YEAR)


def _day(moment: object) -> str:
    return f"{pd.Timestamp(str(moment)):%Y-%m-%d}"

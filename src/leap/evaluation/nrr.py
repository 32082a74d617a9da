"""NRR of accounts and of the portfolio, composed and direct, against what followed."""

from __future__ import annotations

import numpy as np

from leap import metrics
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.outcome_quality import OutcomeQuality
from leap.metrics import Figure


def judge_nrr(found: OutOfTime, keep: np.ndarray, coverage: Figure, draws: int) -> OutcomeQuality:
    ratio, predicted = found.labels.ratio[keep], found.prediction.nrr[keep]
    baseline, weight = found.baseline_nrr[keep], found.labels.starting[keep]
    accounts = found.accounts[keep]
    resamples = metrics.account_bootstrap(accounts, draws)
    figures = {
        "mae": metrics.with_interval(metrics.mae, ratio, predicted, resamples, baseline=baseline),
        "spearman": metrics.with_interval(metrics.spearman, ratio, predicted, resamples, baseline=0.0),
        "portfolio_error": metrics.with_interval(
            metrics.portfolio_error, ratio, predicted, resamples, baseline=baseline, weight=weight
        ),
        "coverage": coverage,
    }
    share = weight / weight.sum()
    return OutcomeQuality(
        learner="composition",
        n_rows=len(ratio),
        n_accounts=len(np.unique(accounts)),
        n_events=len(np.unique(accounts[np.abs(ratio - 1) > 1e-9])),
        base_rate=float(share @ ratio),
        metrics=figures,
        calibration={
            "slope": _slope(ratio, predicted),
            "mean_predicted": float(share @ predicted),
            "mean_observed": float(share @ ratio),
        },
        losses={},
    )


def _slope(observed: np.ndarray, predicted: np.ndarray) -> float:
    variance = predicted.var()
    return float(np.cov(observed, predicted)[0, 1] / variance) if variance > 1e-12 else float("nan")


def portfolio(found: OutOfTime) -> dict[str, float | str | None]:
    """Ratios of sums over all test rows; accounts whose end was already known count as ended."""
    weight = found.labels.starting
    nrr = np.where(found.leaving, 0.0, found.prediction.nrr)
    direct = np.where(found.leaving, 0.0, found.prediction.direct)
    observed = float((weight * found.labels.ratio).sum() / weight.sum())
    composed, straight = float((weight * nrr).sum() / weight.sum()), float((weight * direct).sum() / weight.sum())
    better = "composition" if abs(composed - observed) <= abs(straight - observed) else "direct"
    one = np.ones(len(nrr))
    return {
        "nrr_predicted": composed,
        "nrr_observed": observed,
        "nrr_direct": straight,
        "headline": better,
        "account_error": metrics.mae(found.labels.ratio, nrr, one),
        "account_error_direct": metrics.mae(found.labels.ratio, direct, one),
    }

"""NRR of accounts and of the portfolio, composed and direct, against what followed."""

from __future__ import annotations

from typing import Any

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


def portfolio(found: OutOfTime) -> dict[str, Any]:
    """Ratios of sums over all test rows and in each fold; accounts whose end was already known count as ended.

    `headline` says whose portfolio was nearer, `headline_account` whose single accounts were, by the root mean square:
    the mean absolute error stands beside it, but of ratios that mostly are 1 it rewards whoever sees nobody leave.
    """
    direct, composed, baseline = (
        np.where(found.leaving, 0.0, values)
        for values in (found.prediction.direct, found.prediction.nrr, found.baseline_nrr)
    )
    ratio, one = found.labels.ratio, np.ones(len(found.rows))
    document: dict[str, Any] = _rates(found, np.ones(len(found.rows), dtype=bool))
    gaps = {name: abs(document[f"nrr_{name}"] - document["nrr_observed"]) for name in ("predicted", "direct")}
    document["headline"] = "composition" if gaps["predicted"] <= gaps["direct"] else "direct"
    for name, values in (("", composed), ("_direct", direct), ("_baseline", baseline)):
        document[f"account_error{name}"] = metrics.mae(ratio, values, one)
        document[f"account_rmse{name}"] = float(np.sqrt(metrics.brier(ratio, values, one)))
    nearer = document["account_rmse"] <= document["account_rmse_direct"]
    document["headline_account"] = "composition" if nearer else "direct"
    document["folds"] = [
        {"cutoff": f"{cutoff:%Y-%m-%d}", "n_rows": int((found.fold == number).sum())}
        | _rates(found, found.fold == number)
        for number, cutoff in enumerate(found.cutoffs)
    ]
    return document


def _rates(found: OutOfTime, part: np.ndarray) -> dict[str, float]:
    """Rates of some rows in money, as `retention` calls them: predicted, by the direct model, the baseline, observed.

    `nrr = 1 - churn_rate - contraction_rate + expansion_rate`, of what was predicted and of what was observed.
    """
    labels, predicted, leaving = found.labels.where(part), found.prediction, found.leaving[part]
    share = labels.starting / labels.starting.sum()

    def of(values: np.ndarray, ended: float = 0.0) -> float:
        return float(share @ np.where(leaving, ended, values[part]))

    churned = labels.churned > 0
    return {
        "nrr_predicted": of(predicted.nrr),
        "nrr_observed": float(share @ labels.ratio),
        "nrr_direct": of(predicted.direct),
        "nrr_baseline": of(found.baseline_nrr),
        "grr_predicted": of(predicted.grr),
        "grr_observed": float(share @ np.minimum(labels.ratio, 1.0)),
        "churn_rate_predicted": of(predicted.p, ended=1.0),
        "churn_rate_observed": float(share[churned].sum()),
        "contraction_rate_predicted": of((1 - predicted.p) * predicted.d),
        "contraction_rate_observed": float(share @ np.where(churned, 0.0, labels.amount("contraction"))),
        "expansion_rate_predicted": of((1 - predicted.p) * predicted.u),
        "expansion_rate_observed": float(share @ labels.amount("expansion")),
        "known_leavers_share": float(share[leaving].sum()),
    }

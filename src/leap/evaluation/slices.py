"""Quality within parts of the accounts: what companies are, what they pay, how long they are customers."""

from __future__ import annotations

from typing import Any

import numpy as np

from leap import metrics
from leap.evaluation.components import rows_of_component
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.parts import Part, parts_of
from leap.metrics import Figure
from leap.models.composition import COMPONENTS
from leap.models.frames import ScopeFrame

MIN_ACCOUNTS = 20
"""A value with fewer accounts is counted among the others."""

MIN_EVENTS = 5
"""Accounts with the event, and without it, that an AUC is given for; the ratio is given for as few."""

_MANY_ROWS = 20_000


def slices(found: OutOfTime, frame: ScopeFrame, draws: int | None = None) -> list[dict[str, Any]]:
    """One entry a part of the accounts and outcome, of the rows predicted out of time.

    Keys: `by` (a fit category's feature, `mrr` or `tenure_months`), `label`, `value`, `low` and `high` (of thirds,
    else None), `outcome`, `n_rows`, `n_accounts`, `n_events` (accounts), `mean_predicted`, `mean_observed`, `auc` and
    `ratio` (observed over predicted): figures with `value`, `low`, `high` (95 % over accounts) and `baseline`, or None
    where too few accounts had the event. Accounts whose end was already known are left out, as in all figures.
    """
    draws = draws or (200 if len(found.rows) <= _MANY_ROWS else 100)
    return [
        _judged(found, part, outcome, draws)
        for part in parts_of(found, frame, ~found.leaving, MIN_ACCOUNTS)
        for outcome in COMPONENTS
        if rows_of_component(found, outcome, part.keep)[0].size
    ]


def _judged(found: OutOfTime, part: Part, outcome: str, draws: int) -> dict[str, Any]:
    happened, predicted, _, rows = rows_of_component(found, outcome, part.keep)
    accounts = found.accounts[rows]
    n_events = len(np.unique(accounts[happened > 0]))
    told = n_events >= MIN_EVENTS
    resamples = metrics.account_bootstrap(accounts, draws) if told else np.zeros((0, len(happened)))
    ranked = told and len(np.unique(accounts[happened == 0])) >= MIN_EVENTS
    ranking = metrics.AucWithin(found.fold[rows])
    auc = metrics.with_interval(ranking, happened, predicted, resamples, baseline=0.5) if ranked else None
    ratio = metrics.with_interval(observed_over_predicted, happened, predicted, resamples, baseline=1.0)
    return {
        "by": part.by, "label": part.label, "value": part.value, "low": part.low, "high": part.high,
        "outcome": outcome, "n_rows": len(happened), "n_accounts": len(np.unique(accounts)), "n_events": n_events,
        "mean_predicted": float(predicted.mean()), "mean_observed": float(happened.mean()),
        "auc": _json(auc), "ratio": _json(ratio if told else None),
    }  # fmt: skip


def observed_over_predicted(outcome: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
    """How many events there were for each that was expected; 1 is right, above 1 too few were expected.

    >>> observed_over_predicted(np.array([1.0, 1.0]), np.array([0.5, 0.5]), np.ones(2))
    2.0
    """
    expected = float(weight @ predicted)
    return float(weight @ outcome) / expected if expected > 0 else float("nan")


def _json(figure: Figure | None) -> dict[str, float] | None:
    return None if figure is None else figure.to_json()

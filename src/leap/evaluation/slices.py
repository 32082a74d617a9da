"""Quality within parts of the accounts: what companies are, what they pay, how long they are customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap import metrics
from leap.evaluation.components import rows_of_component
from leap.evaluation.out_of_time import OutOfTime
from leap.features import Scope
from leap.metrics import Figure
from leap.models.composition import COMPONENTS
from leap.models.frames import ScopeFrame

MIN_ACCOUNTS = 20
"""A value with fewer accounts is counted among the others."""

MIN_EVENTS = 5
"""Accounts with the event, and without it, that an AUC is given for; the ratio is given for as few."""

_MOST_FEATURES = 8
_MANY_ROWS = 20_000
_MOST_VALUES = 12
_THIRDS = ("lowest third", "middle third", "highest third")
OTHERS, MISSING = "(others)", "(not known)"


@dataclass(frozen=True)
class _Part:
    """Rows that share a value; `low` and `high` are the ends of a third, both inclusive."""

    by: str
    label: str
    value: str
    keep: np.ndarray
    low: float | None = None
    high: float | None = None


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
        for part in _parts(found, frame)
        for outcome in COMPONENTS
        if rows_of_component(found, outcome, part.keep)[0].size
    ]


def _parts(found: OutOfTime, frame: ScopeFrame) -> Iterator[_Part]:
    kept = ~found.leaving
    categories = [f for f in frame.features.catalog.features if f.scope == Scope.FIT and f.kind == "category"]
    for feature in categories[:_MOST_FEATURES]:
        column = frame.features.frame[feature.name].iloc[found.rows]
        for value, inside in _by_value(column, found.accounts, kept):
            yield _Part(feature.name, feature.label, value, inside)
    rows = frame.snapshots.rows.iloc[found.rows]
    for by, label in (("mrr", "MRR"), ("tenure_months", "Months as a customer")):
        yield from _thirds(by, label, rows[by].to_numpy(dtype=float), kept)


def _by_value(column: pd.Series, accounts: np.ndarray, kept: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The values with enough accounts, the most frequent first, and all others together."""
    text = column.astype(object).where(column.notna(), MISSING).astype(str).to_numpy()
    counted = pd.Series(accounts[kept]).groupby(text[kept]).nunique()
    large = counted[counted >= MIN_ACCOUNTS].sort_index().sort_values(ascending=False, kind="stable")
    named = [str(value) for value in large.index[:_MOST_VALUES]]
    for value in named:
        yield value, kept & (text == value)
    rest = kept & ~np.isin(text, named)
    if rest.any():
        yield OTHERS, rest


def _thirds(by: str, label: str, values: np.ndarray, kept: np.ndarray) -> Iterator[_Part]:
    known = kept & ~np.isnan(values)
    if not known.any():
        return
    third = np.searchsorted(np.quantile(values[known], [1 / 3, 2 / 3]), values, side="left")
    for number, name in enumerate(_THIRDS):
        inside = known & (third == number)
        if inside.any():
            yield _Part(by, label, name, inside, float(values[inside].min()), float(values[inside].max()))


def _judged(found: OutOfTime, part: _Part, outcome: str, draws: int) -> dict[str, Any]:
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

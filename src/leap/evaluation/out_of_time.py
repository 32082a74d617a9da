"""Predictions of rows by models that knew nothing after their fold's cutoff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.errors import NotEnoughData
from leap.features import Scope
from leap.models.composition import COMPONENTS, Labels, Prediction, ScopeModel, TrainingRows, train_scope
from leap.models.encoding import Encoder
from leap.models.frames import ScopeFrame
from leap.models.selection import LEVEL_HALF_LIFE_MONTHS, OpenRows, plain_logistic, recency
from leap.splits import Fold


@dataclass(frozen=True)
class OutOfTime:
    """Predictions of rows by models that knew nothing after their fold's cutoff, and what followed.

    `rows` are positions in the training frame; `baseline` are the training rows' means of each fold; `models` one
    per fold.
    Rows whose end was already known (`leaving`) have a prediction, but only the portfolio counts them, as ended.
    """

    rows: np.ndarray
    fold: np.ndarray
    prediction: Prediction
    baseline: Prediction
    baseline_nrr: np.ndarray
    linear: Mapping[str, np.ndarray]
    labels: Labels
    accounts: np.ndarray
    leaving: np.ndarray
    as_of: np.ndarray
    known_at: np.ndarray
    cutoffs: tuple[pd.Timestamp, ...]
    models: tuple[ScopeModel, ...]


def out_of_time(
    scope: Scope,
    encoder: Encoder,
    rows: TrainingRows,
    folds: list[Fold],
    leaving: np.ndarray,
    *,
    open_rows: Sequence[OpenRows | None] | None = None,
    tuned: Sequence[Mapping[str, Any] | None] | None = None,
    only: str | None = None,
    seed: int = 0,
) -> OutOfTime:
    """Train on each fold's past and predict what follows its cutoff; `open_rows` are those of each fold's cutoff, and
    `tuned` the settings found in each fold's past.
    """
    parts: list[dict[str, np.ndarray]] = []
    models = []
    for number, fold in enumerate(folds):
        past = rows.where(fold.train, open_rows[number] if open_rows else None)
        model = train_scope(scope, encoder, past, tuned[number] if tuned else None, only, seed=seed)
        models.append(model)
        test = np.flatnonzero(fold.test)
        predicted = model.predict(rows.matrix[test])
        part = {name: getattr(predicted, name) for name in Prediction.__dataclass_fields__}
        part |= {f"base_{k}": np.full(len(test), v) for k, v in _base_means(past).items()}
        part |= {f"linear_{name}": plain_logistic(past.of(name)).predict(rows.matrix[test]) for name in COMPONENTS}
        parts.append({**part, "rows": test, "fold": np.full(len(test), number)})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    positions = joined["rows"]
    fields = Prediction.__dataclass_fields__
    return OutOfTime(
        rows=positions,
        fold=joined["fold"],
        prediction=Prediction(**{name: joined[name] for name in fields}),
        baseline=Prediction(**{name: joined[f"base_{name}"] for name in fields}),
        baseline_nrr=joined["base_nrr"],
        linear={name: joined[f"linear_{name}"] for name in COMPONENTS},
        labels=rows.labels.where(positions),
        accounts=rows.accounts[positions],
        leaving=leaving[positions],
        as_of=rows.as_of[positions],
        known_at=rows.known_at[positions],
        cutoffs=tuple(fold.cutoff for fold in folds),
        models=tuple(models),
    )


def predict_folds(
    frame: ScopeFrame,
    *,
    tuned: Sequence[Mapping[str, Any] | None] | None = None,
    only: str | None = None,
    seed: int = 0,
) -> OutOfTime:
    """`out_of_time` over the folds of a frame."""
    return out_of_time(
        frame.scope, frame.encoder, frame.rows, frame.folds, frame.leaving,
        open_rows=frame.open_at_folds, tuned=tuned, only=only, seed=seed,
    )  # fmt: skip


def require_folds(frame: ScopeFrame) -> None:
    """NotEnoughData if no fold can be trained and tested without overlap."""
    if frame.folds:
        _require_someone_kept(frame)
        return
    as_of = frame.snapshots.rows["as_of"]
    horizon = round((frame.rows.known_at[0] - frame.rows.as_of[0]) / np.timedelta64(1, "D") / 30.4375)
    begins = (
        ""
        if frame.record_begins is None
        else (
            f" (rows before {frame.record_begins:%Y-%m-%d} are left out: hardly any account churned in them, so "
            "those that left earlier seem to be missing)"
        )
    )
    raise NotEnoughData(
        f"The history is too short to judge a model: complete snapshots lie between {as_of.min():%Y-%m-%d} and "
        f"{as_of.max():%Y-%m-%d}{begins}; training and test must lie a whole horizon apart, so about "
        f"{2 * horizon + min(6, horizon)} months of revenue are needed for a horizon of {horizon}.",
        remedy="Give more history" + (", or choose a shorter outcome.horizon_months." if horizon > 3 else "."),
    )


def _require_someone_kept(frame: ScopeFrame) -> None:
    """NotEnoughData if a fold trains on rows in which everyone churned: there is nothing to tell them apart from."""
    for fold in frame.folds:
        labels = frame.rows.labels.where(fold.train)
        if not labels.retained.any():
            accounts = len(np.unique(frame.rows.accounts[fold.train]))
            raise NotEnoughData(
                f"All {accounts:,} accounts in the rows that train before {pd.Timestamp(fold.cutoff):%Y-%m-%d} "
                "churned: nobody stayed to tell them apart from.",
                remedy="Compare `leap retention` with what you know: the end, the amount or the months of the revenue "
                "table may be named wrongly.",
            )


def _base_means(rows: TrainingRows) -> dict[str, float]:
    """Means of the training rows, recent ones weighing as they do for the models."""
    labels, weight = rows.labels, recency(rows.as_of, LEVEL_HALF_LIFE_MONTHS)
    kept, kept_weight = labels.where(labels.retained), weight[labels.retained]

    def mean(values: np.ndarray) -> float:
        return float(np.average(values, weights=kept_weight)) if len(values) else 0.0

    money = labels.starting * weight
    nrr = float((labels.ratio * money).sum() / money.sum())
    return {
        "p": float(np.average(labels.churned, weights=weight)),
        "d": mean(kept.amount("contraction")),
        "u": mean(kept.amount("expansion")),
        "q": mean(kept.propensity("expansion")),
        "q_contraction": mean(kept.propensity("contraction")),
        "direct": nrr,
        "nrr": nrr,
    }

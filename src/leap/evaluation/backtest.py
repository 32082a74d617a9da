"""Folds as they would have been trained at their cutoffs: columns, levels and accounts are those known by then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leap.evaluation.out_of_time import OutOfTime, out_of_time
from leap.features import FeatureCatalog, FeatureFrame, discover_features
from leap.models.composition import Prediction
from leap.models.encoding import Encoder
from leap.models.frames import ScopeFrame
from leap.splits import Fold
from leap.tables import AccountTables


def predict_as_known(
    tables: AccountTables, frame: ScopeFrame, *, tuned: Mapping[str, Any] | None = None, seed: int = 0
) -> OutOfTime:
    """Predictions of all folds, each by a model of which nothing depends on rows known at its cutoff or later.

    Training fits one encoder for all folds; here each fold has its own, of the features that the tables offered at its
    cutoff, and its accounts are numbered among themselves, so that a row added later changes nothing that was said.
    """
    return _joined(frame, [_one(tables, frame, fold, tuned, seed) for fold in frame.folds])


def _one(tables: AccountTables, frame: ScopeFrame, fold: Fold, tuned: Mapping[str, Any] | None, seed: int) -> OutOfTime:
    features = known_columns(frame.features, offered_at(tables, frame.features.catalog, fold.cutoff))
    own = frame.rows.accounts[fold.train]
    encoder = Encoder.fit(features.where(fold.train), own)
    rows = replace(frame.rows, matrix=encoder.encode(features), accounts=_renumbered(frame.rows.accounts, own))
    return out_of_time(frame.scope, encoder, rows, [fold], frame.leaving, tuned=tuned, seed=seed)


def offered_at(tables: AccountTables, catalog: FeatureCatalog, cutoff: pd.Timestamp) -> FeatureCatalog:
    """Those of a catalog's features that the tables offered with what was known before a cutoff."""
    offered = set(discover_features(tables.known_before(cutoff)).names)
    return catalog.with_features(name for name in catalog.names if name in offered)


def known_columns(features: FeatureFrame, catalog: FeatureCatalog) -> FeatureFrame:
    """A frame with the columns of a smaller catalog only."""
    return replace(features, frame=features.frame[list(catalog.names)], catalog=catalog)


def _renumbered(accounts: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Accounts in the same order, those of `own` numbered from zero and all others after them."""
    first = np.unique(own)
    others = np.setdiff1d(accounts, first)
    number = np.empty(int(accounts.max()) + 1, dtype=np.int64)
    number[np.concatenate([first, others])] = np.arange(len(first) + len(others))
    return np.asarray(number[accounts])


def _joined(frame: ScopeFrame, parts: list[OutOfTime]) -> OutOfTime:
    """The folds' predictions behind each other, as `out_of_time` gives them for several folds."""
    rows = np.concatenate([part.rows for part in parts])

    def predictions(name: str) -> Prediction:
        found = [getattr(part, name) for part in parts]
        fields = Prediction.__dataclass_fields__
        return Prediction(**{field: np.concatenate([getattr(one, field) for one in found]) for field in fields})

    return replace(
        parts[0],
        rows=rows,
        fold=np.concatenate([np.full(len(part.rows), number) for number, part in enumerate(parts)]),
        prediction=predictions("prediction"),
        baseline=predictions("baseline"),
        baseline_nrr=np.concatenate([part.baseline_nrr for part in parts]),
        linear={name: np.concatenate([part.linear[name] for part in parts]) for name in parts[0].linear},
        labels=frame.rows.labels.where(rows),
        accounts=frame.rows.accounts[rows],
        leaving=frame.leaving[rows],
        cutoffs=tuple(cutoff for part in parts for cutoff in part.cutoffs),
        models=tuple(model for part in parts for model in part.models),
    )

"""Folds as they would have been trained at their cutoffs: columns, levels and accounts are those known by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from leap.evaluation.out_of_time import OutOfTime, out_of_time
from leap.features import FeatureCatalog, FeatureFrame, discover_features
from leap.models.begun import begun
from leap.models.encoding import Encoder
from leap.models.frames import ScopeFrame
from leap.models.rows import OpenRows
from leap.splits import Fold
from leap.tables import AccountTables


def predict_as_known(
    tables: AccountTables, frame: ScopeFrame, *, tuned: Sequence[Mapping[str, Any] | None] = (), seed: int = 0
) -> OutOfTime:
    """Predictions of all folds of customers, each by a model that depends on no row known at its cutoff or later.

    Training fits one encoder for all folds; here each fold has its own, of the features that the tables offered at its
    cutoff, and its accounts are numbered among themselves, so that a row added later changes nothing that was said.
    `tuned` are the settings found in each fold's past.
    """
    settings = tuned or [None] * len(frame.folds)
    pairs = zip(frame.folds, settings, strict=True)
    return _joined(frame, [_one(tables, frame, fold, own, seed) for fold, own in pairs])


def _one(tables: AccountTables, frame: ScopeFrame, fold: Fold, tuned: Mapping[str, Any] | None, seed: int) -> OutOfTime:
    features = known_columns(frame.features, offered_at(tables, frame.features.catalog, fold.cutoff))
    encoder = Encoder.fit(features.where(fold.train), frame.rows.accounts[fold.train])
    number = _numbers(frame.rows.accounts, frame.rows.as_of < fold.cutoff.to_datetime64())
    rows = replace(frame.rows, matrix=encoder.encode(features), accounts=number[frame.rows.accounts])
    young = _open_at(tables, frame, rows.matrix, fold.cutoff)
    young = None if young is None else replace(young, accounts=number[young.accounts])
    return out_of_time(frame.scope, encoder, rows, [fold], frame.leaving, open_rows=[young], tuned=[tuned], seed=seed)


def _open_at(tables: AccountTables, frame: ScopeFrame, matrix: np.ndarray, cutoff: pd.Timestamp) -> OpenRows | None:
    """The rows whose outcome had only begun to show, told from the rows and outcomes known before the cutoff alone."""
    before = frame.rows.as_of < cutoff.to_datetime64()
    outcomes = frame.outcomes.where(before)
    outcomes = replace(outcomes, complete=outcomes.complete & (outcomes.known_at <= cutoff.to_datetime64()))
    return begun(tables, frame.snapshots.where(before), outcomes, matrix[before]).at(cutoff)


def offered_at(tables: AccountTables, catalog: FeatureCatalog, cutoff: pd.Timestamp) -> FeatureCatalog:
    """Those of a catalog's features that the tables offered with what was known before a cutoff."""
    offered = set(discover_features(tables.known_before(cutoff)).names)
    return catalog.with_features(name for name in catalog.names if name in offered)


def known_columns(features: FeatureFrame, catalog: FeatureCatalog) -> FeatureFrame:
    """A frame with the columns of a smaller catalog only."""
    return replace(features, frame=features.frame[list(catalog.names)], catalog=catalog)


def _numbers(accounts: np.ndarray, before: np.ndarray) -> np.ndarray:
    """A number for each code of an account: those with a row `before` come first, in their order."""
    first = np.unique(accounts[before])
    others = np.setdiff1d(accounts, first)
    number = np.empty(int(accounts.max()) + 1, dtype=np.int64)
    number[np.concatenate([first, others])] = np.arange(len(first) + len(others))
    return number


def _joined(frame: ScopeFrame, parts: list[OutOfTime]) -> OutOfTime:
    """The folds' predictions behind each other, as `out_of_time` gives them for several folds."""
    together = {field: _one_after_another([getattr(part, field) for part in parts]) for field in _FIELDS}
    return OutOfTime(
        **together
        | {
            "fold": np.concatenate([np.full(len(part.rows), number) for number, part in enumerate(parts)]),
            "labels": frame.rows.labels.where(together["rows"]),
            "accounts": frame.rows.accounts[together["rows"]],
        }
    )


_FIELDS = [field for field in OutOfTime.__dataclass_fields__ if field != "labels"]


def _one_after_another(values: list[Any]) -> Any:
    """Arrays, tuples, and what holds arrays by name, joined in order."""
    first = values[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(values)
    if isinstance(first, tuple):
        return tuple(item for value in values for item in value)
    if isinstance(first, Mapping):
        return {name: _one_after_another([value[name] for value in values]) for name in first}
    names = list(type(first).__dataclass_fields__)
    return type(first)(**{name: _one_after_another([getattr(value, name) for value in values]) for name in names})

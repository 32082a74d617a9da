"""Which rows a new model and the champion are compared on, and what both would have said of them.

Three ways, the first that is possible:

1. *direct*: rows of dates on or after the end of the champion's data. Neither the row nor any overlapping outcome of
   the same account was known to it, so its own predictions are honest. (A row a little older has no outcome known to
   the champion either, but the account may have left before the champion was trained, and other rows of it told so.)
   The new model answers with its out-of-time predictions; where their fold was cut earlier than the champion was
   trained, with a model of the same recipe fitted on what was known when the champion was trained: otherwise it would
   be blamed for months that only the champion had seen. At least MIN_EVENTS accounts must have churned in these rows.
2. *recipe*: the champion has seen too much of the rows. Its recipe (features, and the kind of learner of each
   component) is refitted in the folds of the new model, so that both are honest on all rows. If the features and kinds
   are the same there is nothing to refit: it is a refresh.
3. *figures*: its features cannot be built from these tables, or its outcome is defined otherwise. Then only the AUC
   that each was given out of time is left; the error of their difference is that of two samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import LeapError
from leap.evaluation import OutOfTime, out_of_time
from leap.features import FeatureFrame, build_features
from leap.gate.held_out import events
from leap.models.begun import begun
from leap.models.composition import COMPONENTS, Prediction, train_scope
from leap.models.encoding import Encoder
from leap.models.frames import ScopeFrame
from leap.models.selection import MIN_EVENTS
from leap.tables import AccountTables

Way = Literal["direct", "recipe", "same_recipe", "figures"]
_REFITTED = {"base_rate": "base_rate", "linear": "linear", "boosted": "boosted", "tuned": "boosted"}


@dataclass(frozen=True)
class Comparison:
    """What both say of the same rows; `keep` marks them among the rows predicted out of time.

    `ours` and `theirs` hold `p` and `nrr` by name, shape (keep.sum(),), and are empty where no rows are compared.
    """

    way: Way
    words: str
    keep: np.ndarray
    fold: np.ndarray
    ours: Mapping[str, np.ndarray]
    theirs: Mapping[str, np.ndarray]

    @property
    def on_rows(self) -> bool:
        """Whether both predicted the same rows."""
        return bool(self.theirs)


def compare(
    tables: AccountTables,
    frame: ScopeFrame,
    found: OutOfTime,
    new: ModelBundle,
    champion: ModelBundle,
    *,
    tuned: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Comparison:
    """The first of the three ways that is possible."""
    if new.definition_hash != champion.definition_hash:
        words = (
            f"its outcome is defined otherwise ({champion.definition_hash}, here {new.definition_hash}), so that the "
            "rows have no common outcome"
        )
        return _nothing(found, "figures", words)
    if new.fingerprint == champion.fingerprint:
        theirs: FeatureFrame | None = frame.features
    else:
        theirs = _features_of(tables, frame, champion)
    if theirs is None:
        return _nothing(found, "figures", "its features cannot be built from these tables")
    end = np.datetime64(champion.trained_on, "us")
    later = ~found.leaving & (frame.rows.as_of[found.rows] >= end)
    n_events = events(found.labels.churned[later], found.accounts[later])
    if n_events >= MIN_EVENTS:
        return _direct(tables, frame, found, champion, theirs, later, end, n_events, tuned, seed)
    seen = f"{n_events} accounts churned in rows after its data ({champion.trained_on}); {MIN_EVENTS} are needed"
    if new.fingerprint == champion.fingerprint and _kinds(new) == _kinds(champion):
        words = f"not comparable on later rows yet ({seen}), and its recipe is the same: a refresh"
        return _nothing(found, "same_recipe", words)
    return _by_recipe(tables, frame, found, champion, theirs, seen, seed)


def _nothing(found: OutOfTime, way: Way, words: str) -> Comparison:
    return Comparison(way, words, np.zeros(len(found.rows), dtype=bool), found.fold[:0], {}, {})


def _features_of(tables: AccountTables, frame: ScopeFrame, champion: ModelBundle) -> FeatureFrame | None:
    """The champion's features of our rows; None if these tables do not have what they are made of."""
    catalog = champion.health.encoder.catalog
    if {f.recipe.table for f in catalog.features if f.recipe.table} - set(tables.tables):
        return None
    try:
        return build_features(tables, frame.snapshots, catalog)
    except (LeapError, KeyError):
        return None


def _direct(
    tables: AccountTables,
    frame: ScopeFrame,
    found: OutOfTime,
    champion: ModelBundle,
    features: FeatureFrame,
    later: np.ndarray,
    end: np.datetime64,
    n_events: int,
    tuned: Mapping[str, Any] | None,
    seed: int,
) -> Comparison:
    rows = np.zeros(len(frame.rows.accounts), dtype=bool)
    rows[found.rows[later]] = True
    order = np.searchsorted(np.flatnonzero(rows), found.rows[later])
    theirs = champion.health.predict(champion.health.encoder.encode(features.where(rows)))
    ours, fold = _caught_up(tables, frame, found, later, end, tuned, seed)
    words = (
        f"compared on {int(later.sum())} rows dated after its data ({champion.trained_on}), {n_events} churned accounts"
    )
    return Comparison("direct", words, later, fold, ours, _parts(theirs, order))


def _caught_up(
    tables: AccountTables,
    frame: ScopeFrame,
    found: OutOfTime,
    later: np.ndarray,
    end: np.datetime64,
    tuned: Mapping[str, Any] | None,
    seed: int,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Our predictions of later rows by models that knew at least what the champion could, and their fold."""
    ours, fold = _parts(found.prediction, later), found.fold[later].copy()
    cut = np.array([np.datetime64(cutoff, "us") for cutoff in found.cutoffs])
    behind = cut[fold] < end
    past = frame.outcomes.trainable & (frame.rows.known_at <= end)
    if not behind.any() or not past.any():
        return ours, fold
    # What had begun to show by then is complete by now, or no later row would be.
    shown = begun(tables, frame.snapshots, frame.outcomes, frame.rows.matrix).at(pd.Timestamp(end))
    model = train_scope(frame.scope, frame.encoder, frame.rows.where(past, shown), tuned, seed=seed)
    predicted = model.predict(frame.rows.matrix[found.rows[later][behind]])
    for name, values in _parts(predicted).items():
        ours[name][behind] = values
    fold[behind] = len(found.cutoffs)
    return ours, fold


def _by_recipe(
    tables: AccountTables,
    frame: ScopeFrame,
    found: OutOfTime,
    champion: ModelBundle,
    features: FeatureFrame,
    seen: str,
    seed: int,
) -> Comparison:
    encoder = Encoder.fit(features, frame.rows.accounts)
    rows = replace(frame.rows, matrix=encoder.encode(features))
    shown = begun(tables, frame.snapshots, frame.outcomes, rows.matrix)
    at_folds = [shown.at(fold.cutoff) for fold in frame.folds]
    kinds = {name: _REFITTED.get(kind) for name, kind in _kinds(champion).items()}
    by_kind = {
        kind: out_of_time(
            frame.scope, encoder, rows, frame.folds, frame.leaving, open_rows=at_folds, only=kind, seed=seed
        ).prediction
        for kind in sorted(set(kinds.values()), key=str)
    }
    p, d, u = by_kind[kinds["churn"]].p, by_kind[kinds["contraction"]].d, by_kind[kinds["expansion"]].u
    keep = ~found.leaving
    theirs = {"p": p[keep], "nrr": ((1 - p) * (1 - d + u))[keep]}
    learners = ", ".join(f"{name} {kind}" for name, kind in _kinds(champion).items())
    words = (
        f"not comparable on later rows yet ({seen}), so its recipe ({len(features.catalog.features)} features; "
        f"{learners}) was refitted in the same folds: {int(keep.sum())} rows, "
        f"{events(found.labels.churned[keep], found.accounts[keep])} churned accounts"
    )
    return Comparison("recipe", words, keep, found.fold[keep], _parts(found.prediction, keep), theirs)


def _parts(prediction: Prediction, where: np.ndarray | None = None) -> dict[str, np.ndarray]:
    pick = slice(None) if where is None else where
    return {"p": np.array(prediction.p[pick]), "nrr": np.array(prediction.nrr[pick])}


def _kinds(bundle: ModelBundle) -> dict[str, str]:
    return {name: bundle.health.component(name).learner_name for name in COMPONENTS}

"""What is learned from: rows with a known outcome, encoded, and the folds in which it is judged."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from leap.errors import NotEnoughData
from leap.features import FeatureFrame
from leap.flat.notes import notes_of
from leap.flat.rows import FlatOutcome, FlatRows, declare, feature_frame, known_at, unused
from leap.models.encoding import Encoder
from leap.models.selection import MIN_EVENTS, Rows, recency
from leap.splits import temporal_folds

_ACCOUNT_FOLDS = 5
_MANY_VALUES = 100
_AGREEING = 0.95

Held = Literal["out_of_time", "out_of_sample"]
HELD_WORDS: dict[str, str] = {"out_of_time": "out of time", "out_of_sample": "in held-out folds of other accounts"}


@dataclass(frozen=True)
class FlatFold:
    """Masks over rows; `name` is the cutoff of a fold in time, else its number."""

    name: str
    train: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class FlatFrame:
    """Rows with a known outcome, sorted by account and date, aligned. `held` says what the folds are.

    `accounts` are whose rows they are; in `rows` accounts whose rows are copies of each other are one, so that no copy
    is tested by a model that has seen it, and copies narrow no interval.
    """

    outcome: FlatOutcome
    accounts: np.ndarray
    features: FeatureFrame
    encoder: Encoder
    rows: Rows
    folds: tuple[FlatFold, ...]
    held: Held
    dated: bool
    notes: tuple[str, ...]

    @property
    def as_of_range(self) -> list[str] | None:
        """First and last date of the rows, None where they have none."""
        if not self.dated:
            return None
        return [f"{pd.Timestamp(moment):%Y-%m-%d}" for moment in (self.rows.as_of.min(), self.rows.as_of.max())]

    def latest(self) -> FeatureFrame:
        """The features of each account's last row: what drivers and usual values are counted over."""
        last = np.append(self.accounts[1:] != self.accounts[:-1], True)
        return self.features.where(last)


def flat_frame(rows: FlatRows) -> FlatFrame:
    """The rows to learn from; NotEnoughData if there are too few of them, of events or of features."""
    _require_outcomes(rows)
    seen, catalog = rows.where(rows.labelled), declare(rows)
    features = feature_frame(seen, catalog)
    accounts = pd.factorize(seen.keys, sort=True)[0].astype(np.int64)
    owners = accounts if rows.dated else _copies_as_one(seen.keys, features)
    encoder = Encoder.fit(features, accounts)
    _require_columns(rows, encoder)
    training = Rows(
        matrix=encoder.encode(features),
        outcome=seen.outcome,
        weight=recency(seen.at),
        accounts=owners,
        as_of=seen.at,
        known_at=known_at(seen.at, rows.settings),
        task="binary" if rows.outcome_of.is_binary else "number",
    )
    _require_events(rows, training)
    folds, held = _folds(seen, training)
    copies = _copies(accounts, owners, seen.outcome)
    notes = notes_of(rows, copies, held == "out_of_time", unused(rows, catalog))
    return FlatFrame(rows.outcome_of, accounts, features, encoder, training, folds, held, rows.dated, notes)


def part(rows: Rows, keep: np.ndarray) -> Rows:
    """The rows that a mask keeps, the newest of them with weight 1."""
    kept = rows.where(keep)
    return replace(kept, weight=recency(kept.as_of)) if len(kept.outcome) else kept


def _require_outcomes(rows: FlatRows) -> None:
    if rows.labelled.any():
        return
    late, months = int(rows.young.sum()), rows.settings.outcome.horizon_months
    young = f" {late} are younger than {months} months at the end of the data." if late else ""
    refused, kind = rows.table.rows_quarantined, "numbers" if not rows.outcome_of.is_binary else "yes or no"
    wrong = f" {refused} of {rows.table.rows_read} rows were refused by the checks." if refused else ""
    unlike = f" `leap check` says why rows were refused: outcomes are read as {kind} (outcome_kind)." if refused else ""
    raise NotEnoughData(
        f"{rows.table.name}: no row has a known outcome in {rows.outcome_of.column} ({len(rows)} rows).{young}{wrong}",
        remedy=f"Fill in the outcomes that are known; rows without one are only scored.{unlike}",
    )


def _require_columns(rows: FlatRows, encoder: Encoder) -> None:
    if encoder.width:
        return
    name, declared = rows.table.name, ", ".join(rows.table.spec.columns) or "none"
    raise NotEnoughData(
        f"{name}: no column that can be a feature varies over the {int(rows.labelled.sum())} rows with an outcome; "
        f"declared: {declared}.",
        remedy=f"Declare other columns under [tables.{name}.columns].",
    )


def _require_events(rows: FlatRows, training: Rows) -> None:
    name, column = rows.table.name, rows.outcome_of.column
    n, events = training.n_accounts, training.n_events
    if not rows.outcome_of.is_binary:
        if events < MIN_EVENTS:
            raise NotEnoughData(
                f"{name}: {events} of {n} accounts have a {column} other than the most frequent one; at least "
                f"{MIN_EVENTS} are needed to learn and judge anything.",
                remedy="Give more rows with an outcome.",
            )
        return
    without = training.n_without
    if events < MIN_EVENTS or without < MIN_EVENTS:
        raise NotEnoughData(
            f"{name}: {rows.outcome_of.words} in {events} of {n} accounts and not in {without}; at least {MIN_EVENTS} "
            "of each are needed to learn and judge anything.",
            remedy="Give more rows with an outcome, or check outcome_positive.",
        )


def _folds(seen: FlatRows, rows: Rows) -> tuple[tuple[FlatFold, ...], Held]:
    """Folds in time, purged by the horizon, where the dates allow any; else five folds of accounts."""
    if seen.dated:
        every = np.ones(len(seen), dtype=bool)
        found = temporal_folds(rows.as_of, rows.known_at, every, every)
        if found:
            return tuple(FlatFold(f"{fold.cutoff:%Y-%m-%d}", fold.train, fold.test) for fold in found), "out_of_time"
    return account_folds(seen.keys, rows.accounts), "out_of_sample"


def account_folds(keys: np.ndarray, accounts: np.ndarray) -> tuple[FlatFold, ...]:
    """Five folds of accounts, by a checksum of the key: neither the order of rows nor another account moves one."""
    _, first, group = np.unique(accounts, return_index=True, return_inverse=True)
    dealt = np.array([zlib.crc32(str(key).encode()) % _ACCOUNT_FOLDS for key in keys[first]])[group]
    folds = [FlatFold(str(k + 1), dealt != k, dealt == k) for k in range(_ACCOUNT_FOLDS)]
    return tuple(fold for fold in folds if fold.train.any() and fold.test.any())


def _copies(accounts: np.ndarray, owners: np.ndarray, outcome: np.ndarray) -> int:
    """Rows that repeat another account's; none where what followed differs: those are alike by chance, no copies."""
    rows = pd.DataFrame({"account": accounts, "outcome": outcome}).groupby(owners)
    repeats = (rows["account"].transform("first") != accounts).to_numpy()
    if not repeats.any():
        return 0
    of_first = rows["outcome"].transform("first").to_numpy()
    return int(repeats.sum()) if (outcome == of_first)[repeats].mean() >= _AGREEING else 0


def _copies_as_one(keys: np.ndarray, features: FeatureFrame) -> np.ndarray:
    """Codes of accounts in the order of their keys, those with the same value in every feature as the first of them.

    Only where a number has so many values that equal rows are copies and no coincidence: tables are often balanced by
    repeating rows, and a copy on both sides of a fold makes any model look good.
    """
    numbers = [feature.name for feature in features.catalog.features if feature.kind == "number"]
    fine = any(features.frame[name].nunique() >= _MANY_VALUES for name in numbers)
    if not fine:
        return pd.factorize(keys, sort=True)[0].astype(np.int64)
    content = pd.util.hash_pandas_object(features.frame, index=False).to_numpy()
    first = pd.Series(keys).groupby(content).transform("min")
    return pd.factorize(first.to_numpy(dtype=object), sort=True)[0].astype(np.int64)

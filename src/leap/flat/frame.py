"""What is learned from: rows with a known outcome, encoded, and the folds in which it is judged."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from leap.errors import NotEnoughData
from leap.features import FeatureFrame
from leap.flat.rows import FlatOutcome, FlatRows, declare, feature_frame, known_at, negatives, unused
from leap.models.encoding import Encoder
from leap.models.selection import MIN_EVENTS, Rows, recency
from leap.splits import temporal_folds

_ACCOUNT_FOLDS = 5

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
    """Rows with a known outcome, sorted by account and date, aligned. `held` says what the folds are."""

    outcome: FlatOutcome
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
        last = np.append(self.rows.accounts[1:] != self.rows.accounts[:-1], True)
        return self.features.where(last)


def flat_frame(rows: FlatRows) -> FlatFrame:
    """The rows to learn from; NotEnoughData if there are too few of them, of events or of features."""
    _require_outcomes(rows)
    outcome, seen = rows.outcome_of, rows.where(rows.labelled)
    catalog = declare(rows)
    if not catalog.features:
        raise NotEnoughData(
            f"{rows.table.name}: no column can be a feature; declared: {', '.join(rows.table.spec.columns) or 'none'}.",
            remedy=f"Declare columns with values under [tables.{rows.table.name}.columns].",
        )
    accounts = pd.factorize(seen.keys, sort=True)[0].astype(np.int64)
    features = feature_frame(seen, catalog)
    encoder = Encoder.fit(features, accounts)
    task: Literal["binary", "number"] = "binary" if outcome.is_binary else "number"
    known = known_at(seen.at, rows.settings)
    if not encoder.width:
        raise NotEnoughData(
            f"{rows.table.name}: no declared column varies over the {len(seen)} rows with an outcome.",
            remedy=f"Declare other columns under [tables.{rows.table.name}.columns].",
        )
    training = Rows(encoder.encode(features), seen.outcome, recency(seen.at), accounts, seen.at, known, task)
    _require_events(rows, training)
    folds, held = _folds(seen, training)
    notes = (*_notes_of_rows(rows), *_notes_of_folds(rows, held), *_notes_of_columns(rows, unused(rows, catalog)))
    return FlatFrame(outcome, features, encoder, training, folds, held, rows.dated, notes)


def part(rows: Rows, keep: np.ndarray) -> Rows:
    """The rows that a mask keeps, the newest of them with weight 1."""
    kept = rows.where(keep)
    return replace(kept, weight=recency(kept.as_of)) if len(kept.outcome) else kept


def _require_outcomes(rows: FlatRows) -> None:
    if rows.labelled.any():
        return
    late, months = int(rows.young.sum()), rows.settings.outcome.horizon_months
    young = f" {late} are younger than {months} months at the end of the data." if late else ""
    raise NotEnoughData(
        f"{rows.table.name}: no row has a known outcome in {rows.outcome_of.column} ({len(rows)} rows).{young}",
        remedy="Fill in the outcomes that are known; rows without one are only scored.",
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
    # By a checksum of the key: neither the order of rows nor another account moves an account to another fold.
    dealt = np.array([zlib.crc32(str(key).encode()) % _ACCOUNT_FOLDS for key in seen.keys])
    folds = [FlatFold(str(k + 1), dealt != k, dealt == k) for k in range(_ACCOUNT_FOLDS)]
    return tuple(fold for fold in folds if fold.train.any() and fold.test.any()), "out_of_sample"


def _notes_of_folds(rows: FlatRows, held: Held) -> list[str]:
    table, months = rows.table.name, rows.settings.outcome.horizon_months
    if held == "out_of_time":
        return [
            f"{table}: the outcome of a row is taken as known {months} months after its date (outcome.horizon_months); "
            "each fold trains only on outcomes known at its cutoff."
        ]
    if rows.dated:
        seen = rows.at[rows.labelled]
        why = (
            f"its dates ({pd.Timestamp(seen.min()):%Y-%m-%d} to {pd.Timestamp(seen.max()):%Y-%m-%d}) leave no fold "
            f"that can be trained and tested a horizon of {months} months apart"
        )
    else:
        why = "it has no dates (at), so nothing says that its columns were known before the outcome"
    return [
        f"Warning: {table}: {why}. Figures are out_of_sample, of other accounts at the same time, and no claim about "
        "later times: expect less in use."
    ]


def _notes_of_rows(rows: FlatRows) -> list[str]:
    notes, spec = [], rows.table.spec
    labelled, column = rows.labelled, rows.outcome_of.column
    if rows.young.any():
        notes.append(
            f"{int(rows.young.sum())} filled outcomes are younger than {rows.settings.outcome.horizon_months} months "
            "at the end of the data: not known then, so these rows are not trained on."
        )
    early = _filled_early(rows)
    if early:
        notes.append(
            f"{early} outcomes are of rows less than {rows.settings.outcome.horizon_months} months before the latest "
            "date, and known because they are filled in: state company.data_until if some were still open."
        )
    if (~labelled).any():
        notes.append(
            f"{int((~labelled).sum())} of {len(rows)} rows have no known {column}: never trained on, only scored."
        )
    if rows.outcome_of.is_binary and spec.outcome_positive is not None:
        words = negatives(rows)
        shown = ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
        notes.append(f"What is learned is {column} = {spec.outcome_positive}; {shown} count as not.")
    if spec.key == "_row":
        notes.append(
            "Rows are numbered, each an account of its own: rows of one company may stand on both sides of a fold."
        )
    return notes


def _filled_early(rows: FlatRows) -> int:
    """Known outcomes of rows whose horizon was not over at the table's latest date."""
    if not rows.dated:
        return 0
    return int((rows.labelled & (known_at(rows.at, rows.settings) > rows.at.max())).sum())


def _notes_of_columns(rows: FlatRows, columns: list[str]) -> list[str]:
    own = {rows.table.spec.key, rows.table.spec.at, rows.table.spec.known_at}
    notes = []
    if rows.outcome_of.column in columns:
        notes.append(f"{rows.outcome_of.column} is declared as a column too; the outcome is never a feature.")
    shown = [column for column in columns if column != rows.outcome_of.column]
    if shown:
        kinds = (
            "keys or dates of the rows" if set(shown) <= own else "no values, dates, or as many values as an identifier"
        )
        notes.append(f"Declared and not used ({kinds}): {', '.join(shown)}.")
    others = [name for name in rows.settings.tables if name != rows.table.name]
    if others:
        notes.append(f"Tables beside the flat one are not used: {', '.join(others)}.")
    return notes

"""Simulated companies whose drivers are known: accounts seen each quarter, what followed within six months, and folds.

`usage` (of the month) and `kind` move who leaves, `size` who grows; everything else means nothing. It is made without
tables, so that a test may train it several times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.found_drivers import scope_drivers
from leap.evaluation.out_of_time import out_of_time
from leap.explanation.drivers import Driver
from leap.explanation.groups import Groups
from leap.features import FeatureFrame, Scope
from leap.models.composition import Labels, ScopeModel, TrainingRows, train_scope
from leap.models.encoding import Encoder
from leap.splits import Fold, temporal_folds
from tests.worlds import a_frame

MONTHS, HORIZON, EVERY, NOISE = 45, 6, 3, 12
_START = pd.Timestamp("2020-01-01")


@dataclass(frozen=True)
class Driven:
    """What drivers are found from: as `ScopeFrame` has it."""

    features: FeatureFrame
    rows: TrainingRows
    encoder: Encoder
    folds: list[Fold]

    @property
    def trainable(self) -> TrainingRows:
        return self.rows

    def latest(self) -> FeatureFrame:
        return self.features.where(self.rows.as_of == self.rows.as_of.max())

    def with_columns(self, columns: Mapping[str, Any]) -> Driven:
        """The same company with more features."""
        return of_columns({**self.features.frame, **columns}, self.rows)

    def shuffled(self, seed: int) -> Driven:
        """What followed is dealt to other accounts of the same date."""
        rng, order, labels = np.random.default_rng(seed), np.arange(len(self.rows.as_of)), self.rows.labels
        for date in np.unique(self.rows.as_of):
            order[self.rows.as_of == date] = rng.permutation(np.flatnonzero(self.rows.as_of == date))
        dealt = replace(labels, churned=labels.churned[order], ratio=labels.ratio[order])
        return replace(self, rows=replace(self.rows, labels=dealt))


def company(
    accounts: int = 400,
    seed: int = 0,
    *,
    usage: float = -1.0,
    kind: float = 1.0,
    size: float = 1.2,
    flips: float = 0.0,
    hazard: float = 0.02,
    noise: int = NOISE,
) -> Driven:
    """A company; `usage`, `kind` and `size` are effects on log hazards, and `flips` is one that turns round halfway."""
    rng = np.random.default_rng([seed, accounts])
    level, big = rng.normal(size=accounts), rng.normal(size=accounts)
    kinds, turns = rng.choice(["a", "b", "c", "d"], accounts), rng.normal(size=accounts)
    used = level + 0.5 * rng.normal(size=(MONTHS, accounts))
    begin = np.where(rng.random(accounts) < 0.5, 0, rng.integers(0, MONTHS - HORIZON, accounts))
    end, grown = np.full(accounts, MONTHS + 99), np.zeros((MONTHS + 1, accounts))
    for month in range(MONTHS):
        turned = flips * turns * (1 if month < MONTHS // 2 else -1)
        leaves = rng.random(accounts) < _chance(hazard, usage * used[month] + kind * (kinds == "a") + turned)
        end = np.where((begin < month) & (end > month) & leaves, month, end)
        grown[month + 1] = grown[month] + (rng.random(accounts) < _chance(0.02, size * big))
    account, month = np.nonzero((begin[:, None] <= np.arange(MONTHS)) & (end[:, None] > np.arange(MONTHS)))
    seen = (month % EVERY == 0) & (month + HORIZON < MONTHS)
    account, month = account[seen], month[seen]
    churned = (end[account] <= month + HORIZON).astype(float)
    ratio = np.where(churned > 0, 0.0, 1.3 ** (grown[month + HORIZON, account] - grown[month, account]))
    as_of = np.array([_START + pd.DateOffset(months=int(m)) for m in range(MONTHS + HORIZON)], dtype="datetime64[us]")
    labels = Labels(churned, ratio, np.full(len(account), 100.0))
    rows = TrainingRows(np.zeros((len(account), 0)), labels, account, as_of[month], as_of[month + HORIZON])
    columns: dict[str, Any] = {"usage": used[month, account], "kind": kinds[account], "size": big[account]}
    if flips:
        columns["turns"] = turns[account]
    for i in range(noise):
        static = rng.choice(["p", "q", "r"], accounts) if i % 4 == 3 else rng.normal(size=accounts)
        columns[f"noise_{i}"] = static[account] if i % 2 else rng.normal(size=len(account))
    return of_columns(columns, rows)


def of_columns(columns: Mapping[str, Any], rows: TrainingRows) -> Driven:
    """Encoded rows of a company with these features."""
    features = a_frame({name: list(values) for name, values in columns.items()})
    encoder = Encoder.fit(features, rows.accounts)
    rows = replace(rows, matrix=encoder.encode(features), bins=None)
    everyone = np.ones(len(rows.as_of), dtype=bool)
    return Driven(features, rows, encoder, temporal_folds(rows.as_of, rows.known_at, everyone, everyone))


def fit(world: Driven, only: str | None = None) -> ScopeModel:
    return train_scope(Scope.HEALTH, world.encoder, world.rows, only=only)


def drivers_of(world: Driven, only: str | None = None) -> list[Driver]:
    """What `leap train` says of a company's drivers, whether or not it would claim to know anything of it."""
    nobody = np.zeros(len(world.rows.as_of), dtype=bool)
    found = out_of_time(Scope.HEALTH, world.encoder, world.rows, world.folds, nobody, only=only)
    return list(scope_drivers(world, fit(world, only), found, Groups.of(world.features)))  # type: ignore[arg-type]


def _chance(hazard: float, log_effect: np.ndarray) -> np.ndarray:
    return np.minimum(hazard * np.exp(log_effect), 0.5)

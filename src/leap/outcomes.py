"""What followed a snapshot: churned, contraction, expansion and NRR over the horizon. Immature rows have none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.revenue import PARTS, Revenue, add_months, window_ends
from leap.snapshots import Snapshots, known_as
from leap.tables import AccountTables


@dataclass(frozen=True)
class Outcomes:
    """Aligned with the rows of `Snapshots`; entries are missing where `complete` is false.

    `starting` and `ending` are MRR (S and E); `ratio` is E / S, so churned = 0; `known_at` is the moment from which the
    outcome can be known (`as_of + horizon + grace`). `trainable` leaves out the accounts whose end was already known.
    """

    complete: np.ndarray
    trainable: np.ndarray
    known_at: np.ndarray
    starting: np.ndarray
    ending: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """E / S, shape (n,); missing where the outcome is not complete."""
        return np.asarray(self.ending / self.starting)

    @property
    def churned(self) -> np.ndarray:
        """1.0 where E = 0, else 0.0; missing where not complete."""
        return np.where(self.complete, (self.ending == 0).astype(float), np.nan)

    @property
    def retained(self) -> np.ndarray:
        """Complete rows with E > 0."""
        return self.complete & (self.ending > 0)

    @property
    def contraction(self) -> np.ndarray:
        """max(1 - E/S, 0) of retained rows, else missing."""
        return np.where(self.retained, np.maximum(1 - self.ratio, 0.0), np.nan)

    @property
    def expansion(self) -> np.ndarray:
        """max(E/S - 1, 0) of retained rows, else missing."""
        return np.where(self.retained, np.maximum(self.ratio - 1, 0.0), np.nan)

    def where(self, keep: np.ndarray) -> Outcomes:
        """The rows that a mask keeps."""
        return Outcomes(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def observe(tables: AccountTables, snapshots: Snapshots) -> Outcomes:
    """The outcome of every snapshot; complete only if `as_of + horizon + grace < data_until`.

    A snapshot younger than this has no outcome yet: leaving it in would count it as retained. An account that was
    renamed meanwhile has not left; accounts that became one share what that one pays.
    """
    revenue = Revenue(tables)
    settings = tables.settings.outcome
    rows = snapshots.rows
    ending = np.full(len(rows), np.nan)
    known_at = np.full(len(rows), np.datetime64("NaT", "us"))
    codes = rows["code"].to_numpy()
    for as_of, positions in snapshots.by_moment():
        known = add_months(as_of, settings.horizon_months) + pd.Timedelta(days=settings.grace_days)
        known_at[positions] = known.to_datetime64()
        if known < tables.data_until:
            now = known_as(tables, codes[positions], as_of)
            ending[positions] = window_ends(revenue, tables.settings, as_of)[now] / PARTS
    complete = ~np.isnan(ending)
    trainable = complete & ~rows["leaving"].to_numpy(dtype=bool)
    return Outcomes(complete, trainable, known_at, rows["mrr"].to_numpy(dtype=float), ending)


def realised_paths(tables: AccountTables, snapshots: Snapshots, months: int = 12) -> np.ndarray:
    """MRR of each snapshot's account 1 .. `months` months later, shape (n, months); missing where not yet known."""
    revenue = Revenue(tables)
    rows = snapshots.rows
    paths = np.full((len(rows), months), np.nan)
    codes = rows["code"].to_numpy()
    for as_of, positions in snapshots.by_moment():
        if add_months(as_of, months) < tables.data_until:
            now = known_as(tables, codes[positions], as_of)
            paths[positions] = revenue.mrr_path(as_of, months)[now] / PARTS
    return paths

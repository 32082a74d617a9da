"""Rows whose outcome has only begun to show at a cutoff: as of less than a horizon ago, never counted as retained.

They say how many have left since, which the level of a model needs when rates drift: outcomes that are complete are a
year old. A row as of 2024-07-01 at the cutoff 2024-10-01 has shown three months of its year; of those that leave within
a year, say 30 % have left after three months. So of 100 such rows with a churn probability of 0.2, six should be gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.models.rows import OpenRows
from leap.outcomes import Outcomes
from leap.revenue import Revenue, add_months
from leap.snapshots import Snapshots, known_as
from leap.tables import AccountTables

_DATES = 12
"""Dates at which it is counted when within the horizon accounts left: what they say changes slowly."""

_PRIOR = 20.0
"""Rows that left evenly over the horizon, which few observed ones are drawn to."""


@dataclass(frozen=True)
class Begun:
    """Snapshots of one frame with their encoded features, complete or not, and when those that churned had gone.

    `gone_after` holds, for rows of some dates that churned, the first month after which they never paid again before
    the end of the horizon; 0 for all other rows.
    """

    tables: AccountTables
    snapshots: Snapshots
    matrix: np.ndarray
    known_at: np.ndarray
    leaving: np.ndarray
    gone_after: np.ndarray

    def at(self, cutoff: pd.Timestamp) -> OpenRows | None:
        """The rows open at a cutoff, with what was known then; None if there is none."""
        rows, moment = self.snapshots.rows, cutoff.to_datetime64()
        elapsed = _whole_months(rows["as_of"], cutoff)
        inside = (elapsed >= 1) & (self.known_at > moment) & ~self.leaving
        if not inside.any():
            return None
        codes = rows["code"].to_numpy()[inside]
        paying = Revenue(self.tables).mrr_at(cutoff)[known_as(self.tables, codes, cutoff)] > 0
        share = self._share_gone(self.known_at <= moment)
        return OpenRows(
            self.matrix[inside],
            (~paying).astype(float),
            share[np.minimum(elapsed[inside], len(share) - 1)],
            rows["as_of"].to_numpy()[inside],
            codes,
        )

    def _share_gone(self, known: np.ndarray) -> np.ndarray:
        """Of rows that churn, the share that has gone after 0 .. horizon months; drawn to even leaving."""
        horizon = self.tables.settings.outcome.horizon_months
        after = self.gone_after[known & (self.gone_after > 0)]
        months = np.arange(horizon + 1)
        gone = np.array([(after <= month).sum() for month in months])
        return np.asarray((gone + _PRIOR * months / horizon) / (len(after) + _PRIOR))


def begun(tables: AccountTables, snapshots: Snapshots, outcomes: Outcomes, matrix: np.ndarray) -> Begun:
    """From all snapshots of a frame, complete or not, with their encoded features, shape (n, width)."""
    return Begun(
        tables,
        snapshots,
        matrix,
        outcomes.known_at,
        snapshots.rows["leaving"].to_numpy(dtype=bool),
        _gone_after(tables, snapshots, outcomes),
    )


def _gone_after(tables: AccountTables, snapshots: Snapshots, outcomes: Outcomes) -> np.ndarray:
    revenue, horizon = Revenue(tables), tables.settings.outcome.horizon_months
    codes = snapshots.rows["code"].to_numpy()
    churned = outcomes.complete & (outcomes.churned == 1)
    found = np.zeros(len(codes), dtype=np.int64)
    for as_of, positions in _spread(list(snapshots.where(churned).by_moment())):
        rows = np.flatnonzero(churned)[positions]
        paying = np.column_stack(
            [
                revenue.mrr_at(later)[known_as(tables, codes[rows], later)] > 0
                for later in (add_months(as_of, month) for month in range(1, horizon))
            ]
        )
        last = np.where(paying.any(axis=1), paying.shape[1] - np.argmax(paying[:, ::-1], axis=1), 0)
        found[rows] = last + 1
    return found


def _spread(moments: Sequence[tuple[pd.Timestamp, np.ndarray]]) -> list[tuple[pd.Timestamp, np.ndarray]]:
    if not moments:
        return []
    chosen = np.unique(np.linspace(0, len(moments) - 1, min(_DATES, len(moments))).astype(int))
    return [moments[i] for i in chosen]


def _whole_months(as_of: pd.Series, cutoff: pd.Timestamp) -> np.ndarray:
    """Whole months from each date to the cutoff, negative for later dates."""
    months = (cutoff.year - as_of.dt.year) * 12 + cutoff.month - as_of.dt.month
    return np.asarray(months - (as_of.dt.day > cutoff.day))

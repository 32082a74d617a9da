"""How well a column alone tells an event, however it is coded: by its value, its level, or by being filled at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.features import Kind
from leap.metrics import AucWithin

FEWEST = 8
"""Events, and non-events, below which nothing is said."""
_DEVIATIONS = 1.645


@dataclass(frozen=True)
class Telling:
    """An AUC in whichever direction it is above one half, and its lower 95 % bound (Hanley and McNeil 1982)."""

    auc: float
    low: float

    @classmethod
    def nothing(cls) -> Telling:
        """What a column tells that tells nothing."""
        return cls(0.5, 0.0)

    def at_least(self, auc: float) -> bool:
        """Whether it tells this much, and not by the luck of few accounts."""
        return self.auc >= auc and self.low >= auc - 0.1


def tells(
    values: np.ndarray, kind: Kind, event: np.ndarray, accounts: np.ndarray, stratum: np.ndarray | None = None
) -> Telling:
    """How well one column tells an event of 0 and 1, over pairs of rows of one stratum; all arrays of shape (n,).

    Levels of a category are scored by the rate of the *other* accounts that have them: by its own rows a level of
    one account would tell everything. Precision counts accounts, not rows.
    """
    groups = np.zeros(len(event), dtype=np.int64) if stratum is None else stratum
    missing = pd.isna(values)
    if kind == "category":
        by_value = _one_way(event, _rate_of_others(values, event, accounts), accounts, groups)
    else:
        number = values.astype(float)
        middle = float(np.nanmedian(number)) if not missing.all() else 0.0
        by_value = _either_way(event, np.where(missing, middle, number), accounts, groups)
    # A column filled only for those who leave tells by being there at all, whatever it says.
    by_presence = _either_way(event, missing.astype(float), accounts, groups)
    return max(by_value, by_presence, key=lambda telling: telling.auc)


def _rate_of_others(values: np.ndarray, event: np.ndarray, accounts: np.ndarray) -> np.ndarray:
    rows = pd.DataFrame({"level": pd.factorize(pd.Series(values))[0], "account": accounts, "event": event})
    level = rows.groupby("level")["event"].agg(["sum", "count"])
    own = rows.groupby(["level", "account"])["event"].agg(["sum", "count"])
    keys = pd.MultiIndex.from_frame(rows[["level", "account"]])
    events = level["sum"].reindex(rows["level"]).to_numpy() - own["sum"].reindex(keys).to_numpy()
    count = level["count"].reindex(rows["level"]).to_numpy() - own["count"].reindex(keys).to_numpy()
    # One more row of the average keeps rare levels near it.
    return np.asarray((events + event.mean()) / (count + 1))


def _either_way(event: np.ndarray, score: np.ndarray, accounts: np.ndarray, groups: np.ndarray) -> Telling:
    up = _one_way(event, score, accounts, groups)
    down = _one_way(event, -score, accounts, groups)
    return up if up.auc >= down.auc else down


def _one_way(event: np.ndarray, score: np.ndarray, accounts: np.ndarray, groups: np.ndarray) -> Telling:
    n_events, n_others = len(np.unique(accounts[event == 1])), len(np.unique(accounts[event == 0]))
    if min(n_events, n_others) < FEWEST:
        return Telling.nothing()
    area = AucWithin(groups)(event, score, np.ones(len(event)))
    if not np.isfinite(area):
        return Telling.nothing()
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    spread = area * (1 - area) + (n_events - 1) * (q1 - area**2) + (n_others - 1) * (q2 - area**2)
    # A perfect separation of few accounts has no spread of its own: one account on the wrong side is allowed for.
    least = 1 / min(n_events, n_others) / 2
    return Telling(area, area - _DEVIATIONS * max(np.sqrt(max(spread, 0) / (n_events * n_others)), least))

"""The leakage audit: columns that know the outcome, or look as if they did."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap import metrics
from leap.errors import NotEnoughData, RevenueError
from leap.features import Feature, FeatureFrame, discover_features
from leap.models.frames import ScopeFrame, health_frame
from leap.snapshots import as_of_dates
from leap.tables import AccountTables, without_columns

_LEAK_AUC = 0.97
_TELLING = re.compile(r"churn|cancel|terminat|left_|lost_|closed?_reason|is_active|^status$|^closed", re.IGNORECASE)


@dataclass(frozen=True)
class Leak:
    """A column that knows the outcome, or looks as if it did."""

    table: str
    column: str
    why: str

    def to_json(self) -> dict[str, str]:
        """As in the JSON of `check`."""
        return dict(self.__dict__)


def telling_names(tables: AccountTables) -> list[Leak]:
    """Declared columns whose names tell what happened, unless their table is a history, which says when it was
    known.
    """
    found = []
    for name, table in tables.tables.items():
        for column, spec in table.spec.columns.items():
            if spec.available == "after" or table.spec.shape in ("history", "market"):
                continue
            if _TELLING.search(column):
                found.append(
                    Leak(name, column, "its name says that it describes the end, and no date says when it was known")
                )
    return _not_kept(tables, found)


def near_perfect(tables: AccountTables, frame: FeatureFrame, churned: np.ndarray) -> list[Leak]:
    """Columns of which one feature alone tells who churns almost perfectly (AUC of at least 0.97)."""
    found = {}
    for feature in frame.catalog.features:
        column = frame.frame[feature.name]
        codes = pd.factorize(column)[0] if feature.kind == "category" else column.to_numpy(dtype=float)
        if feature.kind == "category":
            rate = pd.Series(churned).groupby(codes).transform("mean").to_numpy()
            counted = pd.Series(churned).groupby(codes).transform("size").to_numpy()
            score = np.where(counted >= 20, rate, churned.mean())
        else:
            score = np.where(np.isnan(codes), np.nanmean(codes) if not np.isnan(codes).all() else 0.0, codes)
        # A column filled only for those who leave tells by being there at all, whatever it says.
        area = max(_telling(churned, score), _telling(churned, column.isna().to_numpy(dtype=float)))
        if area >= _LEAK_AUC and feature.recipe.table:
            key = (feature.recipe.table, _source(feature))
            found[key] = Leak(*key, f"alone it tells who churns with AUC {area:.3f} ({feature.name})")
    return _not_kept(tables, list(found.values()))


def _telling(churned: np.ndarray, score: np.ndarray) -> float:
    """AUC in whichever direction it is above one half; one half where it is undefined."""
    area = metrics.auc(churned, score, np.ones(len(churned)))
    return max(area, 1 - area) if np.isfinite(area) else 0.5


def _source(feature: Feature) -> str:
    """What a feature is made from: a column, a kind, or all rows of its table."""
    return str(feature.recipe.column or feature.recipe.kind or feature.recipe.operation)


def without_telling_names(tables: AccountTables) -> tuple[AccountTables, list[Leak]]:
    """The tables without the columns whose names tell, and what was left out."""
    leaks = telling_names(tables)
    return without_columns(tables, [(leak.table, leak.column) for leak in leaks]), leaks


def without_near_perfect(
    tables: AccountTables, frame: ScopeFrame, leaks: list[Leak]
) -> tuple[AccountTables, ScopeFrame, list[Leak]]:
    """Tables and frame without what alone tells who churns, in all its windows, and all that was left out."""
    train = frame.outcomes.trainable
    churned = frame.outcomes.churned[train]
    if not 0 < churned.sum() < len(churned):
        return tables, frame, leaks
    found = near_perfect(tables, frame.features.where(train), churned)
    if not found:
        return tables, frame, leaks
    left_out = {(leak.table, leak.column) for leak in found}
    tables = without_columns(tables, left_out)
    catalog = discover_features(tables)
    kept = [f.name for f in catalog.features if (f.recipe.table, _source(f)) not in left_out]
    return tables, health_frame(tables, catalog.with_features(kept)), leaks + found


def _not_kept(tables: AccountTables, leaks: list[Leak]) -> list[Leak]:
    kept = set(tables.settings.leaks.keep_columns)
    return [leak for leak in leaks if f"{leak.table}.{leak.column}" not in kept]


def audit(tables: AccountTables) -> list[Leak]:
    """Columns that training would leave out: by name, and by what one feature alone tells where there are outcomes."""
    tables, leaks = without_telling_names(tables)
    if not any(len(table.rows) for table in tables.with_role("revenue")) or not as_of_dates(tables):
        return leaks
    try:
        frame = health_frame(tables, discover_features(tables))
    except (NotEnoughData, RevenueError):
        return leaks
    train = frame.outcomes.trainable
    churned = frame.outcomes.churned[train]
    if not 0 < churned.sum() < len(churned):
        return leaks
    return leaks + near_perfect(tables, frame.features.where(train), churned)

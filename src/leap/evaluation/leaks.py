"""The leakage audit: columns that know the outcome, or look as if they did."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap import metrics
from leap.errors import NotEnoughData, RevenueError
from leap.features import Feature, FeatureFrame, discover_features
from leap.features.attributes import compute_attributes, declare_attributes
from leap.models.frames import ScopeFrame, health_frame
from leap.revenue import Revenue
from leap.snapshots import as_of_dates
from leap.tables import AccountTables, without_columns

_LEAK_AUC = 0.97
_RETROSPECTIVE_AUC = 0.85
_MIN_LEFT = 20
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


def retrospective(tables: AccountTables) -> list[Leak]:
    """Undated account columns that tell which accounts have left by the end of the data (AUC of at least 0.85).

    Such a column can have been filled in afterwards, and no date says that it was not. A row's own outcome cannot show
    it: the column is the same in all rows of an account, those long before the end as well.
    """
    if not tables.with_role("revenue"):
        return []
    revenue = Revenue(tables)
    ever = revenue.first_paid().notna().to_numpy()
    left = (revenue.mrr_at(tables.data_until) == 0).astype(float)
    if min(left[ever].sum(), (1 - left[ever]).sum()) < _MIN_LEFT:
        return []
    found = []
    for name, table in tables.tables.items():
        if table.spec.shape != "attributes" or table.spec.known_at is not None:
            continue
        for feature in declare_attributes(table):
            values = _values_by_account(tables, feature)
            area = _tells(values[ever], feature, left[ever])
            if area >= _RETROSPECTIVE_AUC:
                why = f"it tells which accounts have left by now (AUC {area:.2f}), and no date says when it was known"
                found.append(Leak(name, str(feature.recipe.column), why))
    return _not_kept(tables, found)


def _values_by_account(tables: AccountTables, feature: Feature) -> np.ndarray:
    view = tables.view(feature.recipe.table, tables.data_until)
    return compute_attributes(view, [feature], len(tables.accounts))[feature.name]


def near_perfect(tables: AccountTables, frame: FeatureFrame, churned: np.ndarray) -> list[Leak]:
    """Columns of which one feature alone tells who churns almost perfectly (AUC of at least 0.97)."""
    found = {}
    for feature in frame.catalog.features:
        area = _tells(frame.frame[feature.name].to_numpy(), feature, churned)
        if area >= _LEAK_AUC and feature.recipe.table:
            key = (feature.recipe.table, _source(feature))
            found[key] = Leak(*key, f"alone it tells who churns with AUC {area:.3f} ({feature.name})")
    return _not_kept(tables, list(found.values()))


def _tells(values: np.ndarray, feature: Feature, event: np.ndarray) -> float:
    """AUC of one column alone, by its value or by being filled at all; of a category by the rate of frequent levels."""
    missing = pd.isna(values)
    if feature.kind == "category":
        codes = pd.factorize(pd.Series(values))[0]
        groups = pd.Series(event).groupby(codes)
        score = np.where(groups.transform("size") >= _MIN_LEFT, groups.transform("mean"), event.mean())
    else:
        number = values.astype(float)
        score = np.where(missing, np.nanmean(number) if not missing.all() else 0.0, number)
    # A column filled only for those who leave tells by being there at all, whatever it says.
    return max(_telling(event, score), _telling(event, missing.astype(float)))


def _telling(churned: np.ndarray, score: np.ndarray) -> float:
    """AUC in whichever direction it is above one half; one half where it is undefined."""
    area = metrics.auc(churned, score, np.ones(len(churned)))
    return max(area, 1 - area) if np.isfinite(area) else 0.5


def _source(feature: Feature) -> str:
    """What a feature is made from: a column, a kind, or all rows of its table."""
    return str(feature.recipe.column or feature.recipe.kind or feature.recipe.operation)


def without_telling_names(tables: AccountTables) -> tuple[AccountTables, list[Leak]]:
    """The tables without the columns whose names, or whose undated values, tell who has left; and what was left out."""
    leaks = telling_names(tables)
    named = {(leak.table, leak.column) for leak in leaks}
    leaks += [leak for leak in retrospective(tables) if (leak.table, leak.column) not in named]
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

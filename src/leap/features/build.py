"""The one feature path: training, batch and service all come through `build_features`."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from leap.features import attributes, events, families, market, periods
from leap.features.spec import Feature, FeatureCatalog, Recipe, Scope, Signal
from leap.snapshots import Snapshots
from leap.tables import AccountTables, Table, TableView

TENURE = "tenure_months"
_FEW_ROWS = 2_000
_MANY = 3_000_000
"""Rows times moments from which on a pass over all moments is faster than one for each."""


@dataclass(frozen=True)
class FeatureFrame:
    """Features of snapshots: `frame` has the catalog's columns in its order, one row per snapshot.

    Numbers and booleans are float64 (missing: NaN), categories are text (missing: None). `observed_late` marks rows
    whose fit features were first observed only after the purchase they stand for.
    """

    frame: pd.DataFrame
    catalog: FeatureCatalog
    observed_late: np.ndarray

    @cached_property
    def arrays(self) -> dict[str, np.ndarray]:
        """The columns by name, looked up once; of few rows the numbers as one block, since each look-up costs more."""
        if len(self.frame) > _FEW_ROWS:
            return {str(name): column.to_numpy() for name, column in self.frame.items()}
        numbers = [name for name, kind in zip(self.frame, self.frame.dtypes, strict=True) if kind == np.float64]
        found = dict(zip(numbers, self.frame[numbers].to_numpy().T, strict=True))
        return {str(name): found[name] if name in found else self.frame[name].to_numpy() for name in self.frame}

    def where(self, keep: np.ndarray) -> FeatureFrame:
        """The rows that a mask keeps."""
        return FeatureFrame(self.frame[keep].reset_index(drop=True), self.catalog, self.observed_late[keep])


def discover_features(tables: AccountTables) -> FeatureCatalog:
    """Every feature that the declared tables offer, in order of table and column, plus the months as a customer."""
    features: list[Feature] = []
    for table in tables.tables.values():
        features += families.distinct(_declare(table))
    features.append(
        Feature(
            TENURE, Recipe("", "snapshot", "tenure"), "Months as a customer", "months", Scope.HEALTH, Signal.RETENTION,
            "first", "number", "not a customer yet", "tenure",
        )
    )  # fmt: skip
    return FeatureCatalog(tuple(families.distinct(_unique(features))))


def _declare(table: Table) -> list[Feature]:
    match table.spec.shape:
        case "attributes":
            return attributes.declare_attributes(table)
        case "history":
            return attributes.declare_history(table)
        case "periods":
            return periods.declare(table)
        case "events":
            return events.declare(table)
        case "market":
            return market.declare(table)
        case _:
            return []


def _unique(features: list[Feature]) -> list[Feature]:
    """Names that two tables share get the table's name in front."""
    seen: dict[str, int] = defaultdict(int)
    for feature in features:
        seen[feature.name] += 1
    renamed = []
    for feature in features:
        if seen[feature.name] > 1 and feature.recipe.table:
            feature = Feature(**{**feature.__dict__, "name": f"{feature.recipe.table}_{feature.name}"})
        renamed.append(feature)
    return renamed


def build_features(tables: AccountTables, snapshots: Snapshots, catalog: FeatureCatalog) -> FeatureFrame:
    """The features of a catalog for snapshots, from what was known before each snapshot's moment.

    Snapshots at purchase also use what became known on the very day, and where an account was observed only later
    its first observation, which is flagged; not in rows of a date before it, since who leaves early is never observed.
    """
    rows = snapshots.rows
    columns = {f.name: families.empty(f.kind, len(rows)) for f in catalog.features}
    codes = rows["code"].to_numpy()
    together = _many_moments(tables, snapshots, catalog)
    for features in together.values():
        columns |= _at_many_moments(tables, snapshots, features)
    one_by_one = catalog.with_features(f.name for f in catalog.features if f.recipe.table not in together)
    for moment, positions in snapshots.by_moment("features_at"):
        at = _Moment(tables, moment, snapshots.at_purchase)
        values = at.compute(one_by_one)
        for name, by_account in values.items():
            columns[name][positions] = by_account[codes[positions]]
    late = np.zeros(len(rows), dtype=bool)
    if snapshots.at_purchase:
        late = _fill_first_observed(tables, snapshots, catalog, columns)
    if TENURE in columns:
        columns[TENURE] = rows["tenure_months"].fillna(0.0).to_numpy(dtype=float)
    return FeatureFrame(pd.DataFrame(columns, index=range(len(rows))), catalog, late)


def _many_moments(tables: AccountTables, snapshots: Snapshots, catalog: FeatureCatalog) -> dict[str, list[Feature]]:
    """The tables, with their features, whose windows are worth computing for all moments in one pass.

    Few rows at few moments, such as a request to the service, are done before the kernels would be loaded. Where
    accounts become others over time (lineage), each moment has its own.
    """
    moments = snapshots.rows["features_at"].nunique()
    if tables.lineage is not None:
        return {}
    return {
        name: features
        for name, features in _by_table(catalog).items()
        if name in tables.tables and events.has_windows(tables.tables[name].spec)
        and len(tables.tables[name].rows) * moments >= _MANY
    }  # fmt: skip


def _at_many_moments(tables: AccountTables, snapshots: Snapshots, features: list[Feature]) -> dict[str, np.ndarray]:
    """Window features of one table by snapshot: of each distinct pair of an account and a moment once."""
    rows = snapshots.rows
    moments = rows["features_at"].to_numpy()
    view = tables.view(features[0].recipe.table, pd.Timestamp(moments.max()), include_moment=snapshots.at_purchase)
    ahead = view.limit - moments.max().astype("datetime64[us]")  # a day, where the moment's own day counts too
    limits = (moments.astype("datetime64[us]") + ahead).astype(np.int64)
    codes = rows["code"].to_numpy()
    order = np.lexsort((limits, codes))
    codes, limits = codes[order], limits[order]
    first = np.append(True, (codes[1:] != codes[:-1]) | (limits[1:] != limits[:-1]))
    of_row = np.empty(len(order), dtype=np.int64)
    of_row[order] = np.cumsum(first) - 1
    values = events.compute_pairs(view, features, codes[first], limits[first], len(tables.accounts))
    return {name: by_pair[of_row] for name, by_pair in values.items()}


def _by_table(catalog: FeatureCatalog) -> dict[str, list[Feature]]:
    by_table: dict[str, list[Feature]] = defaultdict(list)
    for feature in catalog.features:
        if feature.recipe.family != "snapshot":
            by_table[feature.recipe.table].append(feature)
    return by_table


def _fill_first_observed(
    tables: AccountTables, snapshots: Snapshots, catalog: FeatureCatalog, columns: dict[str, np.ndarray]
) -> np.ndarray:
    """First observations known before a row's date, put where none was known at the purchase; the rows with any."""
    codes, as_of = snapshots.rows["code"].to_numpy(), snapshots.rows["as_of"].to_numpy()
    late = np.zeros(len(codes), dtype=bool)
    for feature in catalog.features:
        if feature.recipe.operation not in ("value", "latest") or feature.recipe.table not in tables.tables:
            continue
        view = tables.view(feature.recipe.table, tables.data_until)
        first, known = attributes.first_observed(view, feature, len(tables.accounts))
        filled = pd.isna(columns[feature.name]) & (known[codes] < as_of)
        columns[feature.name][filled] = first[codes][filled]
        late |= filled
    return late


def feature_matrix(tables: AccountTables, snapshots: Snapshots, catalog: FeatureCatalog) -> pd.DataFrame:
    """`account_id`, `as_of` and one column a feature, as `leap features` writes it."""
    keys = snapshots.rows[["account_id", "as_of"]].reset_index(drop=True)
    return pd.concat([keys, build_features(tables, snapshots, catalog).frame], axis=1)


class _Moment:
    """All features of all accounts as known before one moment."""

    def __init__(self, tables: AccountTables, moment: pd.Timestamp, at_purchase: bool):
        self.tables, self.moment, self.at_purchase = tables, moment, at_purchase
        self.n_accounts = len(tables.accounts)

    def view(self, name: str) -> TableView:
        return self.tables.view(name, self.moment, include_moment=self.at_purchase)

    def compute(self, catalog: FeatureCatalog) -> dict[str, np.ndarray]:
        values: dict[str, np.ndarray] = {}
        for name, features in _by_table(catalog).items():
            if name in self.tables.tables:
                values |= self._table(self.view(name), features)
        return values

    def _table(self, view: TableView, features: list[Feature]) -> dict[str, np.ndarray]:
        match view.spec.shape:
            case "attributes":
                return attributes.compute_attributes(view, features, self.n_accounts)
            case "history":
                return attributes.compute_history(view, features, self.n_accounts)
            case "periods":
                return periods.compute(view, features, self.n_accounts)
            case "events":
                return events.compute(view, features, self.n_accounts)
            case _:
                return market.compute(view, features, self._segment(view.spec.segment), self.n_accounts)

    def _segment(self, column: str | None) -> np.ndarray | None:
        """Each account's segment as known before the moment, from the attributes or history table that has the
        column.
        """
        if column is None:
            return None
        for name, table in self.tables.tables.items():
            if table.spec.shape in ("attributes", "history") and column in table.rows:
                view = self.view(name)
                found = families.latest(view, view.everything, column, "category", self.n_accounts)
                return np.array(["" if value is None else value for value in found], dtype=object)
        return np.full(self.n_accounts, "", dtype=object)

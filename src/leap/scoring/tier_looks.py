"""A look at everyone: customers and prospects of a date with the features that profiles ask for, and their tiers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leap.errors import CatalogError
from leap.features import FeatureCatalog, build_features
from leap.icp import Fit, ICPProfile, TierPolicy, Tiers
from leap.scoring.batch import Batch
from leap.snapshots import Snapshots, as_of_dates, customer_snapshots, known_as, prospect_snapshots
from leap.tables import AccountTables


@dataclass(frozen=True)
class Look:
    """Everyone with a score at `as_of`, in rows data known before `data_until`; `mrr` is NaN for prospects.

    `columns` are the fit features that profiles ask for, one array each, shape (n,).
    """

    as_of: str
    data_until: str
    account_ids: tuple[str, ...]
    names: Mapping[str, str]
    mrr: np.ndarray
    columns: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.account_ids)

    def fit(self, profiles: Sequence[ICPProfile]) -> Fit:
        """How these rows meet profiles."""
        return Fit.of(profiles, self.columns, len(self))

    def tiers(self, profiles: Sequence[ICPProfile], policy: TierPolicy) -> Tiers:
        """Their tiers by the rule alone."""
        return self.fit(profiles).tiers(policy)

    def money(self, i: int) -> float | None:
        """The MRR of a row; None for a prospect."""
        return None if np.isnan(self.mrr[i]) else float(self.mrr[i])

    def known_as(self, tables: AccountTables) -> Look:
        """The same rows under the ids that the accounts have at the end of later tables.

        Of accounts that have become one, the one that paid most goes on.
        """
        if tables.lineage is None:
            return self
        codes = tables.codes_of(pd.Series(self.account_ids, dtype=object), tables.data_until)
        ids = [self.account_ids[i] if code < 0 else str(tables.accounts[code]) for i, code in enumerate(codes)]
        kept: dict[str, int] = {}
        for i in np.argsort(-np.nan_to_num(self.mrr, nan=-1.0), kind="stable").tolist():
            kept.setdefault(ids[i], i)
        rows = sorted(kept.values())
        names = {ids[i]: self.names[self.account_ids[i]] for i in rows}
        columns = {name: column[rows] for name, column in self.columns.items()}
        return replace(self, account_ids=tuple(ids[i] for i in rows), names=names, mrr=self.mrr[rows], columns=columns)


def look(tables: AccountTables, catalog: FeatureCatalog, as_of: pd.Timestamp | None = None) -> Look:
    """Customers, then prospects, at a date (default: the end of the data), with the features of a catalog."""
    moment = tables.data_until if as_of is None else as_of
    missing = sorted({f.recipe.table for f in catalog.features if f.recipe.table} - set(tables.tables))
    if missing:
        raise CatalogError(
            f"The profiles need table(s) {missing}; the workspace has {sorted(tables.tables)}.",
            remedy="Declare them in leap.toml as when the versions were trained, or compare with --profiles-only.",
        )
    parts = [customer_snapshots(tables, [moment]), prospect_snapshots(tables, moment)]
    columns = [_columns(tables, part, catalog) for part in parts]
    ids = tuple(str(account) for part in parts for account in part.rows["account_id"])
    mrr = np.concatenate([parts[0].rows["mrr"].to_numpy(dtype=float), np.full(len(parts[1]), np.nan)])
    joined = {name: np.concatenate([part[name] for part in columns]) for name in catalog.names}
    names = {account: str(tables.names.get(account, account)) for account in ids}
    return Look(f"{moment:%Y-%m-%d}", f"{tables.data_until:%Y-%m-%d}", ids, names, mrr, joined)


def look_of(batch: Batch, tables: AccountTables) -> Look:
    """Everyone of a batch of scores, with the features that its profiles ask for: no feature is computed again."""
    parts = (batch.customers, batch.prospects)
    wanted = features_of(batch.customers.bundle.icp.counted)
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in sorted(wanted)}
    names = {account: name for part in parts for account, name in zip(part.account_ids, part.names, strict=True)}
    mrr = np.concatenate([batch.customers.mrr, np.full(len(batch.prospects), np.nan)])
    ids = tuple(account for part in parts for account in part.account_ids)
    moments = [moment for part in parts for moment in part.as_of]
    until = f"{tables.data_until:%Y-%m-%d}"
    return Look(moments[0] if moments else until, until, ids, names, mrr, columns)


def features_of(profiles: Iterable[ICPProfile]) -> frozenset[str]:
    """Names of the features that profiles ask for."""
    return frozenset(name for profile in profiles for name in profile.rule.features)


def catalog_of(*searches: Sequence[ICPProfile]) -> FeatureCatalog:
    """The features that any of several sets of profiles asks for, as the latest of them declares each."""
    found = {c.feature.name: c.feature for profiles in searches for p in profiles for c in p.rule.conditions}
    return FeatureCatalog(tuple(found[name] for name in sorted(found)))


def looks_before(
    tables: AccountTables, profiles: Sequence[ICPProfile], as_of: pd.Timestamp, most: int = 12
) -> list[Look]:
    """Looks at the latest dates before one at which the company looks at its accounts anyway, the earliest first."""
    dates = [date for date in as_of_dates(tables) if date < as_of][-most:]
    catalog = catalog_of(profiles)
    return [look(tables, catalog, date).known_as(tables) for date in dates] if profiles else []


def _columns(tables: AccountTables, snapshots: Snapshots, catalog: FeatureCatalog) -> dict[str, Any]:
    try:
        built = build_features(tables, snapshots, catalog).frame
    except KeyError as error:
        raise CatalogError(
            f"The profiles need a column that the workspace does not declare any more: {error.args[0]!r}.",
            remedy="Declare it in leap.toml as when the versions were trained, or compare with --profiles-only.",
        ) from error
    return {name: built[name].to_numpy() for name in catalog.names}


def ids_now(tables: AccountTables, account_ids: Sequence[str], moment: pd.Timestamp) -> list[str]:
    """What accounts are known as at a moment; ids that no table has stay as they are."""
    codes = tables.codes_of(pd.Series(list(account_ids), dtype=object))
    now = known_as(tables, np.where(codes < 0, 0, codes), moment)
    return [a if code < 0 else str(tables.accounts[n]) for a, code, n in zip(account_ids, codes, now, strict=True)]

"""What the win model and the win rates are learned from: deals with the account's fit features as of their creation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.errors import NotEnoughData
from leap.evaluation import Leak, left_out, near_perfect
from leap.evaluation.leaks.leak import source_of, without
from leap.evaluation.leaks.telling import tells
from leap.features import TENURE, FeatureCatalog, FeatureFrame, Scope, build_features
from leap.models.encoding import Encoder
from leap.models.selection import MIN_EVENTS, Rows, recency
from leap.snapshots import Snapshots
from leap.splits import Fold, temporal_folds
from leap.tables import AccountTables
from leap.wins.deals import Deals, end_of
from leap.wins.unknown import about_companies, drawn, usual_values

_FILLED_AFTERWARDS_AUC = 0.75
"""From which on being filled at all tells who was won too well for a column without dates to be of before the deal."""


@dataclass(frozen=True)
class Training:
    """Deals as rows of a binary outcome, won; their encoder, and the usual value of each feature that was observed."""

    rows: Rows
    encoder: Encoder
    usual: Mapping[str, float | str]


@dataclass(frozen=True)
class WinFrame:
    """Deals with a result, aligned with features of their account that were known before the day they were created.

    `everyone` has also the open ones, which are only counted; `leaks` are columns left out of the features.
    """

    deals: Deals
    everyone: Deals
    features: FeatureFrame
    until: np.datetime64
    leaks: tuple[Leak, ...]

    def training(self, moment: np.datetime64) -> Training:
        """What is learned from at a moment: the deals whose result counts as known, and nothing that came later."""
        counted = self.deals.counted_from(self.deals.cycle(moment))
        keep = counted <= moment
        known, created = self.features.where(keep), self.deals.created[keep]
        features, accounts = drawn(known), self.deals.accounts[keep]
        encoder = Encoder.fit(features, accounts)
        rows = Rows(
            matrix=encoder.encode(features),
            outcome=self.deals.won[keep],
            weight=recency(created) if len(created) else np.ones(0),
            accounts=accounts,
            as_of=created,
            known_at=counted[keep],
            task="binary",
        )
        return Training(rows, encoder, usual_values(known))

    def folds(self) -> list[Fold]:
        """Folds in time over the deals: trained on results that count as known at the cutoff, tested on deals created
        from it on. Those with fewer than 20 accounts won, or lost, to train on are left out.
        """
        deals, cycle = self.deals, self.deals.cycle(self.until)
        if not len(deals):
            return []
        earliest = deals.created + np.maximum(cycle, np.timedelta64(1, "D")).astype("timedelta64[us]")
        complete = deals.counted_from(cycle) <= self.until
        found = []
        for fold in temporal_folds(deals.created, earliest, complete, complete):
            train = deals.known_at(np.datetime64(fold.cutoff, "us"))
            if fewest(deals, train) >= MIN_EVENTS and fold.test.any():
                found.append(Fold(fold.cutoff, train, fold.test))
        return found


def fewest(deals: Deals, part: np.ndarray) -> int:
    """Accounts with a deal won, or with one lost, among the deals of a mask: the smaller number of the two."""
    won, lost = (np.unique(deals.accounts[part & (deals.won == result)]) for result in (1.0, 0.0))
    return min(len(won), len(lost))


def win_frame(tables: AccountTables, fit: FeatureCatalog) -> WinFrame:
    """Deals with a result and their features; NotEnoughData says why nothing can be learned from them.

    `fit` are the fit features that may be used. None of a table of deals or revenue is: what a deal's own row says (its
    stage, its amount) changes until it closes, and earlier deals of a prospect are not counted for new ones.
    """
    if not tables.with_role("deals"):
        raise NotEnoughData(
            "No table of deals (role deals) is given.", remedy="Give one: created, closed, won, amount."
        )
    everyone = Deals.of(tables)
    deals = everyone.where(np.flatnonzero(~np.isnan(everyone.won)))
    _require_both(everyone, deals)
    catalog = usable(tables, fit)
    leaks: tuple[Leak, ...] = ()
    features = features_of(tables, deals, catalog)
    leaks = tuple(left_out(_leaks(tables, features, deals)))
    if leaks:
        features = _only(features, without(tables, catalog, leaks))
    if not any(features.frame[name].nunique(dropna=False) > 1 for name in features.catalog.names):
        raise NotEnoughData(
            f"No fit feature that was known before their creation tells {len(deals)} deals apart.",
            remedy="Declare attributes of accounts with scope fit, known before the deals.",
        )
    return WinFrame(deals, everyone, features, end_of(tables), leaks)


def usable(tables: AccountTables, fit: FeatureCatalog) -> FeatureCatalog:
    """The fit features of the company itself, not of its deals, terms, time as a customer or of being observed."""
    told = {table.name for role in ("deals", "revenue") for table in tables.with_role(role)}
    kept = [f.name for f in fit.features if f.scope == Scope.FIT and f.name != TENURE and f.recipe.table not in told]
    return about_companies(fit.with_features(kept))


def features_of(tables: AccountTables, deals: Deals, catalog: FeatureCatalog) -> FeatureFrame:
    """Features of each deal's account as known before the day of its creation."""
    day = deals.created.astype("datetime64[D]").astype("datetime64[us]")
    rows = pd.DataFrame(
        {
            "account_id": tables.accounts[deals.codes],
            "code": deals.codes,
            "as_of": day,
            "mrr": np.nan,
            "leaving": False,
            "features_at": day,
            "tenure_months": 0.0,
        }
    )
    return build_features(tables, Snapshots(rows), catalog)


def _only(features: FeatureFrame, catalog: FeatureCatalog) -> FeatureFrame:
    return FeatureFrame(features.frame[catalog.names], catalog, features.observed_late)


def _require_both(everyone: Deals, deals: Deals) -> None:
    won, lost = int((deals.won == 1).sum()), int((deals.won == 0).sum())
    if won and lost:
        return
    which = "won" if won else "lost"
    said = (
        f"All {len(deals)} closed deals of prospects were {which}" if len(deals) else "No deal of a prospect is closed"
    )
    raise NotEnoughData(
        f"{said} ({len(everyone) - len(deals)} are open{_of_left_out(everyone)}): there is nothing to tell apart.",
        remedy="Give won and lost deals alike; one that is still open has no closing date.",
    )


def _of_left_out(deals: Deals) -> str:
    words = {
        "of_customers": "of accounts that paid already",
        "closed_before_created": "closed before they were created",
        "without_result": "closed without a result",
    }
    counts = [
        f"{getattr(deals.left_out, name)} {said}" for name, said in words.items() if getattr(deals.left_out, name)
    ]
    return "".join(f", {count}" for count in counts)


def _leaks(tables: AccountTables, features: FeatureFrame, deals: Deals) -> Sequence[Leak]:
    """Columns that alone all but tell who was won, and undated ones that are filled in only for those."""
    found = [
        Leak(leak.table, leak.column, leak.why.replace("who churns", "which deals were won"), leak.kept)
        for leak in near_perfect(tables, features, deals.won, deals.accounts)
    ]
    kept = set(tables.settings.leaks.keep_columns)
    for feature in features.catalog.features:
        spec = tables.tables[feature.recipe.table].spec if feature.recipe.table in tables.tables else None
        if spec is None or spec.shape != "attributes" or spec.known_at is not None:
            continue
        missing = features.frame[feature.name].isna().to_numpy().astype(float)
        if 0 < missing.sum() < len(missing) and tells(missing, "number", deals.won, deals.accounts).at_least(
            _FILLED_AFTERWARDS_AUC
        ):
            column = source_of(feature)
            why = "it has no date and is filled in for deals that were won and hardly for the others, or the reverse"
            found.append(Leak(feature.recipe.table, column, why, f"{feature.recipe.table}.{column}" in kept))
    return found

"""Why a score differs from what it was: the same account at two dates, decomposed exactly over what changed.

The difference of NRR is that of the contributions of features, group by group (and, with another model at the first
date, what that model says otherwise of the same row). Money is `S * NRR`, parted by midpoints between both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import UsageError
from leap.explanation.changes import GroupChange, group_changes
from leap.revenue import Revenue
from leap.scoring.batch import Batch
from leap.scoring.reasons import plain
from leap.scoring.scored import require_same_tables, score
from leap.scoring.standing import Standing, code_of, standing, was
from leap.scoring.table import ScoreTable
from leap.snapshots import customer_snapshots, day_of, known_as
from leap.tables import AccountTables

REASONS = 3
"""How many changes a score file tells."""


@dataclass(frozen=True)
class ModelChange:
    """What another model says of the same row: the later model's NRR less the earlier one's, as fractions.

    `features` are the differences of contributions by name, largest first; with `base` they are `nrr_points`.
    """

    from_version: str
    version: str
    nrr_points: float
    probability_points: float
    base: float
    features: tuple[tuple[str, str, float], ...]

    def to_json(self, mrr: float) -> dict[str, Any]:
        """`model` of `why_changed`."""
        return {
            "from_version": self.from_version,
            "version": self.version,
            "nrr_points": self.nrr_points,
            "probability_points": self.probability_points,
            "money": self.nrr_points * mrr,
            "base": self.base,
            "features": [
                {"feature": name, "label": label, "nrr_points": points} for name, label, points in self.features
            ],
        }


@dataclass(frozen=True)
class AccountChange:
    """An account's score at two dates and what the difference is made of.

    `changes` (and `model`, where the first date was scored by another) add up to the difference of NRR and of churn;
    without a score at either date there are none, and `note` says what the account was.
    """

    account_id: str
    name: str
    version: str
    currency: str
    before: Standing
    after: Standing
    changes: tuple[GroupChange, ...] = ()
    model: ModelChange | None = None
    note: str | None = None

    @property
    def nrr_points(self) -> float | None:
        """By how much NRR differs, as a fraction."""
        if self.before.nrr is None or self.after.nrr is None:
            return None
        return self.after.nrr - self.before.nrr

    @cached_property
    def mean_mrr(self) -> float:
        """Mean of the MRR at both dates: what a point of NRR is worth between them."""
        return (self.before.mrr + self.after.mrr) / 2

    @property
    def money_by_mrr(self) -> float | None:
        """The part of the difference of money that the change of MRR itself makes."""
        if self.before.nrr is None or self.after.nrr is None:
            return None
        return (self.after.mrr - self.before.mrr) * (self.before.nrr + self.after.nrr) / 2

    @property
    def money_by_nrr(self) -> float | None:
        """The part that the change of NRR makes; both parts are the difference of money."""
        return None if self.nrr_points is None else self.nrr_points * self.mean_mrr

    def to_json(self) -> dict[str, Any]:
        """`why_changed` of the JSON of `explain`."""
        before, after = self.before, self.after
        known = before.churn is not None and after.churn is not None
        churn = float(after.churn or 0.0) - float(before.churn or 0.0) if known else None
        money = None if before.money is None or after.money is None else after.money - before.money
        return {
            "account_id": self.account_id,
            "name": self.name,
            "version": self.version,
            "before": before.to_json(),
            "after": after.to_json(),
            "nrr_points": self.nrr_points,
            "probability_points": churn,
            "money": {"change": money, "by_mrr": self.money_by_mrr, "by_nrr": self.money_by_nrr},
            "changes": [change.to_json(self.mean_mrr, self.currency) for change in self.changes],
            "model": None if self.model is None else self.model.to_json(self.mean_mrr),
            "note": self.note,
        }


@dataclass(frozen=True)
class Earlier:
    """Another version of the model, for the first date."""

    bundle: ModelBundle
    version: str


def account_change(
    bundle: ModelBundle,
    tables: AccountTables,
    account_id: str,
    since: str | pd.Timestamp,
    until: str | pd.Timestamp | None = None,
    *,
    version: str = "",
    earlier: Earlier | None = None,
) -> AccountChange:
    """One account between two dates (the second: by default the end of the data).

    UsageError for dates that are not in order or not in the data, UnknownAccount for an id that no table has.
    """
    first, last = dates_of(tables, since, until)
    require_same_tables(bundle, tables)
    code = code_of(tables, account_id, last)
    codes = was(tables, code, last, first)
    then = _scored(bundle, tables, first, codes, version)
    now = _scored(bundle, tables, last, np.array([code]), version)
    after = standing(tables, np.array([code]), last, now)
    currency, name = bundle.settings.company.currency, tables.names.get(account_id, account_id)
    if earlier is None:
        before = standing(tables, codes, first, then)
    else:
        _require_same_outcome(bundle, earlier)
        other = _scored(earlier.bundle, tables, first, codes, earlier.version)
        before = standing(tables, codes, first, other)
    if not (before.is_scored and after.is_scored):
        return AccountChange(account_id, name, version, currency, before, after, note=_note(before, after))
    changes = changes_between(then, 0, now, 0)
    model = None if earlier is None else _model_change(other, then)
    return AccountChange(account_id, name, version, currency, before, after, changes, model)


def changes_between(then: ScoreTable, i: int, now: ScoreTable, j: int) -> tuple[GroupChange, ...]:
    """What the difference of two scores of one model is made of: row i of the one table, row j of the other."""
    features = now.model.encoder.catalog.features
    nrr = _by_feature(now, j, "nrr") - _by_feature(then, i, "nrr")
    probability = _by_feature(now, j, "probability") - _by_feature(then, i, "probability")
    values = [{f.name: plain(table.columns[f.name][k]) for f in features} for table, k in ((then, i), (now, j))]
    return group_changes(features, now.bundle.groups, values[0], values[1], nrr, probability)


def with_changes(frame: pd.DataFrame, batch: Batch, tables: AccountTables, since: str) -> pd.DataFrame:
    """A score file with what each customer's NRR was at an earlier date, the difference, and what it is made of.

    Empty for prospects and for accounts without a score at either date, or that were several accounts then.
    """
    now = batch.customers
    until = pd.Timestamp(now.as_of[0]) if len(now) else tables.data_until
    first, last = dates_of(tables, since, until)
    then = score(now.bundle, tables, customer_snapshots(tables, [first]), now.version)
    before = np.full(len(frame), np.nan)
    reasons = [[""] * len(frame) for _ in range(REASONS)]
    for j, i in _pairs(then, now, tables, last):
        before[j] = then.prediction.nrr[i]
        mrr = (float(then.mrr[i]) + float(now.mrr[j])) / 2
        told = [change for change in changes_between(then, i, now, j) if change.is_worth_telling()]
        for column, change in zip(reasons, told, strict=False):
            column[j] = change.phrase(mrr, now.bundle.settings.company.currency)
    columns = {f"change_reason_{k + 1}": column for k, column in enumerate(reasons)}
    return frame.assign(nrr_before=before, nrr_change=frame["nrr"].to_numpy() - before, **columns)


def _pairs(then: ScoreTable, now: ScoreTable, tables: AccountTables, until: pd.Timestamp) -> list[tuple[int, int]]:
    """Positions (now, then) of every account with a score at both dates; customers stand first in a score file."""
    codes = tables.codes_of(pd.Series(then.account_ids, dtype=object))
    became = [str(tables.accounts[code]) for code in known_as(tables, codes, until)]
    position: dict[str, list[int]] = {}
    for i, account in enumerate(became):
        position.setdefault(account, []).append(i)
    found = []
    for j, account in enumerate(now.account_ids):
        own = position.get(account, [])
        if len(own) == 1 and not now.abstained(j) and not then.abstained(own[0]):
            found.append((j, own[0]))
    return found


def dates_of(
    tables: AccountTables, since: str | pd.Timestamp, until: str | pd.Timestamp | None
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Both dates; UsageError if they are not in order, or outside the data."""
    first, last = day_of(str(since)), tables.data_until if until is None else day_of(str(until))
    if last > tables.data_until:
        raise UsageError(
            f"{last:%Y-%m-%d} lies after the end of the data, {tables.data_until:%Y-%m-%d} (exclusive).",
            remedy="Choose an earlier date, or load newer tables.",
        )
    if first >= last:
        raise UsageError(
            f"Expected a first date before the second; found {first:%Y-%m-%d} and {last:%Y-%m-%d}.",
            remedy="Choose an earlier --since.",
        )
    begin = Revenue(tables).first_moment
    if first < begin:
        raise UsageError(
            f"{first:%Y-%m-%d} lies before the first revenue, {begin:%Y-%m-%d}: there was nobody to score.",
            remedy="Choose a later --since.",
        )
    return first, last


def _scored(
    bundle: ModelBundle, tables: AccountTables, moment: pd.Timestamp, codes: np.ndarray, version: str
) -> ScoreTable:
    snapshots = customer_snapshots(tables, [moment])
    return score(bundle, tables, snapshots.where(np.isin(snapshots.rows["code"].to_numpy(), codes)), version)


def _by_feature(table: ScoreTable, i: int, unit: str) -> np.ndarray:
    """Contributions of a row by feature, shape (n_features,)."""
    row = getattr(table.attribution, unit)[i : i + 1]
    return np.asarray(table.model.encoder.by_feature(row)[0])


def _require_same_outcome(bundle: ModelBundle, earlier: Earlier) -> None:
    one, other = earlier.bundle.settings.outcome.horizon_months, bundle.settings.outcome.horizon_months
    if one != other:
        raise UsageError(
            f"Version {earlier.version} predicts {one} months ahead, the other {other}: their NRR cannot be compared.",
            remedy="Name a version of the same horizon.",
        )


def _model_change(other: ScoreTable, then: ScoreTable) -> ModelChange:
    """What the later model says of the row of the first date, less what the earlier one does; features by name."""
    require_one = (other, then)
    points: dict[str, float] = {}
    labels: dict[str, str] = {}
    for sign, table in zip((-1.0, 1.0), require_one, strict=True):
        features = table.model.encoder.catalog.features
        for feature, own in zip(features, _by_feature(table, 0, "nrr").tolist(), strict=True):
            points[feature.name] = points.get(feature.name, 0.0) + sign * own
            labels[feature.name] = feature.label
    ranked = sorted(((n, labels[n], p) for n, p in points.items() if p != 0.0), key=lambda one: (-abs(one[2]), one[0]))
    return ModelChange(
        other.version,
        then.version,
        float(then.prediction.nrr[0] - other.prediction.nrr[0]),
        float(then.prediction.p[0] - other.prediction.p[0]),
        then.attribution.base_nrr - other.attribution.base_nrr,
        tuple(ranked),
    )


def _note(before: Standing, after: Standing) -> str:
    """Why nothing is decomposed: what the account was where it has no score."""
    said = [f"on {one.as_of} {one.said}" for one in (before, after) if not one.is_scored]
    return f"There is no change of a score to explain: {'; '.join(said)}."

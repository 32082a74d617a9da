"""The one scoring path: features in, scores with intervals, reasons and ICP match out; batch, service and commands
use it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import CatalogError, UnknownAccount, UsageError
from leap.explanation import wording
from leap.features import TENURE, Feature, FeatureFrame, Scope, build_features
from leap.icp.profiles import Match, match
from leap.models.composition import Attribution, Prediction, ScopeModel
from leap.models.encoding import plain_value
from leap.snapshots import Snapshots, customer_snapshots, day_of, prospect_snapshots
from leap.tables import AccountTables, tables_from_records
from leap.uncertainty import Intervals
from leap.value import ValueTerms, account_value, margins, service_cost_a_year

ALREADY_LEAVING = "already_leaving"
REASONS_IN_FILE = 5


@dataclass(frozen=True)
class ScoreTable:
    """Scores of rows of one scope, all computed at once; `to_json(i)` is the only form of a single score."""

    bundle: ModelBundle
    model: ScopeModel
    version: str
    account_ids: Sequence[str]
    names: Sequence[str]
    as_of: Sequence[str]
    mrr: np.ndarray
    leaving: np.ndarray
    margin: np.ndarray
    cost: np.ndarray
    columns: Mapping[str, np.ndarray]
    matrix: np.ndarray

    def __len__(self) -> int:
        return len(self.account_ids)

    @property
    def scope(self) -> Scope:
        """health for customers, fit for prospects."""
        return self.model.scope

    @cached_property
    def prediction(self) -> Prediction:
        """p, d, u, q and their composition."""
        return self.model.predict(self.matrix)

    @cached_property
    def attribution(self) -> Attribution:
        """Contributions by encoded column."""
        return self.model.attribute(self.matrix)

    @cached_property
    def _nrr_by_feature(self) -> np.ndarray:
        return self.model.encoder.by_feature(self.attribution.nrr)

    @cached_property
    def _probability_by_feature(self) -> np.ndarray:
        return self.model.encoder.by_feature(self.attribution.probability)

    @cached_property
    def _interval(self) -> tuple[np.ndarray, np.ndarray]:
        return self._intervals.ratio(self.prediction)

    @property
    def _intervals(self) -> Intervals:
        return self.bundle.intervals if self.scope == Scope.HEALTH else self.bundle.fit_intervals

    @cached_property
    def _terms(self) -> ValueTerms:
        return ValueTerms.of(self.bundle.settings)

    @cached_property
    def value(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Value of twelve months less its cost (to serve; to win, for prospects) and its interval in money; NaN
        where unknown.
        """
        found = self.prediction
        point = account_value(self.mrr, found.p, found.d, found.u, self.margin, self._terms) - self.cost
        low, high = self._intervals.value(found, point + self.cost, self.mrr * self.margin, self._terms)
        return point, low - self.cost, high - self.cost

    @cached_property
    def matches(self) -> list[Match]:
        """The ICP match of every row."""
        return match(self.bundle.icp.profiles, self.columns, len(self))

    def abstained(self, i: int) -> str | None:
        """Why there is no score, or None."""
        return ALREADY_LEAVING if self.leaving[i] else None

    def reasons(self, i: int, top: int) -> list[dict[str, Any]]:
        """The largest contributions to NRR, largest first; all of them with `top` 0."""
        order = np.argsort(-np.abs(self._nrr_by_feature[i]), kind="stable")
        features = self.model.encoder.catalog.features
        chosen = [j for j in order if self._nrr_by_feature[i, j] != 0.0 or self._probability_by_feature[i, j] != 0.0]
        chosen = chosen if top == 0 else [j for j in chosen if features[j].name != TENURE or self.scope == Scope.HEALTH]
        return [self._reason(i, int(j), features[j]) for j in (chosen if top == 0 else chosen[:top])]

    def _reason(self, i: int, j: int, feature: Feature) -> dict[str, Any]:
        points = float(self._nrr_by_feature[i, j])
        money = None if math.isnan(self.mrr[i]) else points * float(self.mrr[i])
        value = _plain(self.columns[feature.name][i])
        company = self.bundle.settings.company
        return {
            "feature": feature.name,
            "label": feature.label,
            "value": _as_kind(feature, value),
            "phrase": wording.phrase(
                feature, value, self.bundle.typical.get(feature.name), points, money, company.currency
            ),
            "scope": str(feature.scope),
            "probability_points": float(self._probability_by_feature[i, j]),
            "nrr_points": points,
            "money": money,
            "direction": "lowers" if points < 0 else "raises",
            "actionable": feature.actionable,
        }

    def to_json(self, i: int, top: int = 5) -> dict[str, Any]:
        """One score as `scores[]` of the HTTP answer."""
        abstained = self.abstained(i)
        found, (low, high), value = self.prediction, self._interval, self.value

        def number(array: np.ndarray) -> float | None:
            return None if abstained else _plain(float(array[i]))

        reasons = [] if abstained else self.reasons(i, top)
        listed = sum(reason["nrr_points"] for reason in reasons)
        nrr = number(found.nrr)
        residual = None if nrr is None else nrr - self.attribution.base_nrr - listed
        return {
            "account_id": self.account_ids[i],
            "name": self.names[i],
            "mrr": _plain(float(self.mrr[i])),
            "churn": {"p": number(found.p)},
            "contraction": {"rate": number(found.d)},
            "expansion": {"rate": number(found.u), "p": number(found.q)},
            "grr": number(found.grr),
            "nrr": {
                "point": nrr,
                "low": number(low),
                "high": number(high),
                "level": self._intervals.level,
                "coverage": self._intervals.coverage,
                "direct": number(found.direct),
            },
            "value_12m": {
                "point": number(value[0]),
                "low": number(value[1]),
                "high": number(value[2]),
                "reason": self._no_value(i),
            },
            "icp": self.matches[i].to_json(),
            "reasons": reasons,
            "base": {"nrr": self.attribution.base_nrr},
            "residual": residual,
            "abstained": abstained,
            "scope": str(self.scope),
        }

    def _no_value(self, i: int) -> str | None:
        if math.isnan(self.margin[i]):
            return "no_gross_margin"
        return "no_expected_mrr" if math.isnan(self.mrr[i]) else None

    def frame(self, *, prospects: bool = False) -> pd.DataFrame:
        """The columns of a score file, one row each."""
        kept = np.where(self.leaving, np.nan, 1.0)
        found, (low, high), (value, value_low, value_high) = self.prediction, self._interval, self.value
        numbers = {
            "churn_probability": found.p,
            "contraction_rate": found.d,
            "expansion_rate": found.u,
            "expansion_probability": found.q,
            "nrr": found.nrr,
            "nrr_low": low,
            "nrr_high": high,
            "nrr_direct": found.direct,
            "grr": found.grr,
        }
        values = {"value_12m": value, "value_12m_low": value_low, "value_12m_high": value_high}
        phrases = [
            [] if self.leaving[i] else [r["phrase"] for r in self.reasons(i, REASONS_IN_FILE)] for i in range(len(self))
        ]
        status = "prospect" if prospects else "customer"
        columns: dict[str, Any] = {
            "account_id": list(self.account_ids),
            "name": list(self.names),
            "as_of": list(self.as_of),
            "mrr": np.full(len(self), np.nan) if prospects else self.mrr,
            **{name: array * kept for name, array in numbers.items()},
            "status": ["leaving" if leaves else status for leaves in self.leaving],
            **{name: array * kept for name, array in values.items()},
            "icp_id": [m.icp_id for m in self.matches],
            "icp_tier": [m.tier for m in self.matches],
            **{
                f"reason_{k + 1}": [phrase[k] if k < len(phrase) else "" for phrase in phrases]
                for k in range(REASONS_IN_FILE)
            },
            "abstained": [self.abstained(i) or "" for i in range(len(self))],
            "model_version": self.version,
            "definition_hash": self.bundle.definition_hash,
        }
        return pd.DataFrame(columns)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _as_kind(feature: Feature, value: Any) -> Any:
    return bool(value) if feature.kind == "boolean" and value is not None else value


def score(bundle: ModelBundle, tables: AccountTables, snapshots: Snapshots, version: str) -> ScoreTable:
    """Score customers at their snapshots, through the one feature path."""
    frame = build_features(tables, snapshots, bundle.health.encoder.catalog)
    rows = snapshots.rows
    as_of = pd.Timestamp(rows["as_of"].iloc[0]) if len(rows) else tables.data_until
    return _table(bundle, bundle.health, tables, snapshots, frame, rows["mrr"].to_numpy(dtype=float), as_of, version)


def score_prospects(bundle: ModelBundle, tables: AccountTables, as_of: pd.Timestamp, version: str) -> ScoreTable:
    """Score the accounts without any revenue by the fit models; expected MRR is what new customers usually pay."""
    snapshots = prospect_snapshots(tables, as_of)
    frame = build_features(tables, snapshots, bundle.fit.encoder.catalog)
    mrr = np.full(len(snapshots), _or_nan(bundle.economics.get("new_mrr")))
    return _table(bundle, bundle.fit, tables, snapshots, frame, mrr, as_of, version)


def _table(
    bundle: ModelBundle,
    model: ScopeModel,
    tables: AccountTables,
    snapshots: Snapshots,
    frame: FeatureFrame,
    mrr: np.ndarray,
    as_of: pd.Timestamp,
    version: str,
) -> ScoreTable:
    rows = snapshots.rows
    codes = rows["code"].to_numpy()
    ids = [str(account) for account in rows["account_id"]]
    return ScoreTable(
        bundle=bundle,
        model=model,
        version=version,
        account_ids=ids,
        names=[tables.names.get(account, account) for account in ids],
        as_of=[f"{moment:%Y-%m-%d}" for moment in rows["as_of"]],
        mrr=mrr,
        leaving=rows["leaving"].to_numpy(dtype=bool),
        margin=margins(tables, ValueTerms.of(bundle.settings))[codes],
        cost=service_cost_a_year(tables, as_of)[codes]
        if model.scope == Scope.HEALTH
        else np.full(len(ids), _cac(bundle)),
        columns={name: frame.frame[name].to_numpy() for name in frame.catalog.names},
        matrix=model.encoder.encode(frame),
    )


def _cac(bundle: ModelBundle) -> float:
    """What winning a customer usually costs; nothing where no costs are given."""
    return float(bundle.economics.get("cac") or 0.0)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)


class Scorer:
    """A bundle and the accounts it can score, computed once; immutable, safe for threads, swapped as one.

    A request by id reads a row that is ready; a request with features encodes plain values, without pandas.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        version: str,
        tables: AccountTables | None,
        as_of: pd.Timestamp,
        table: ScoreTable | None,
    ):
        self.bundle, self.version = bundle, version
        self._tables, self._as_of, self._table = tables, as_of, table
        self._position = {} if table is None else {account: i for i, account in enumerate(table.account_ids)}

    @classmethod
    def build(
        cls, bundle: ModelBundle, version: str, tables: AccountTables | None, as_of: pd.Timestamp | None = None
    ) -> Scorer:
        """Score every customer at `as_of` (default: the end of the data) once; CatalogError if the tables do not
        fit.
        """
        if tables is None:
            return cls(bundle, version, None, as_of or pd.Timestamp(bundle.trained_on), None)
        moment = as_of or tables.data_until
        require_same_tables(bundle, tables)
        table = score(bundle, tables, customer_snapshots(tables, [moment]), version)
        for ready in (
            table.value,
            table.matches,
            table.prediction,
            table._nrr_by_feature,
            table._probability_by_feature,
        ):
            del ready
        return cls(bundle, version, tables, moment, table)

    @property
    def as_of(self) -> date:
        """The date that the features are of."""
        return self._as_of.date()

    @property
    def definition_hash(self) -> str:
        """The definitions behind every number."""
        return self.bundle.definition_hash

    @property
    def customers(self) -> ScoreTable | None:
        """The scores of all customers."""
        return self._table

    def model_header(self) -> dict[str, Any]:
        """`model` of the HTTP answer."""
        return {"name": self.bundle.name, "version": self.version, "trained_on": self.bundle.trained_on}

    def by_id(self, ids: Sequence[str], top: int = 5) -> tuple[list[dict[str, Any]], list[str]]:
        """Scores of known customers in the order asked, and the ids that are none."""
        found = [account for account in ids if account in self._position]
        missing = [account for account in ids if account not in self._position]
        if self._table is None:
            return [], missing
        return [self._table.to_json(self._position[account], top) for account in found], missing

    def explain(self, account_id: str, top: int = 5) -> dict[str, Any]:
        """One customer's score; UnknownAccount with what it is instead."""
        scores, _ = self.by_id([account_id], top)
        if scores:
            return scores[0]
        known = self._tables is not None and account_id in self._tables.accounts
        why = f"it has no MRR at {self.as_of}" if known else "no table has it"
        raise UnknownAccount(
            f"{account_id}: no customer to explain: {why}.", remedy="Ids are case sensitive; see the score file."
        )

    def by_features(self, accounts: Sequence[tuple[str, Mapping[str, object]]], top: int = 5) -> list[dict[str, Any]]:
        """Scores of accounts given as feature values; what is not given is missing, an unknown name is refused."""
        table = self._plain_table(self.bundle.health, accounts, self._given_mrr([values for _, values in accounts]))
        return [table.to_json(i, top) for i in range(len(table))]

    def prospects(self, prospects: Sequence[tuple[str, Mapping[str, object]]], top: int = 5) -> list[dict[str, Any]]:
        """Scores of companies that are not customers, by fit attributes only; a health attribute is refused."""
        for _, attributes in prospects:
            self.bundle.catalog.require(attributes)
            later = [name for name in attributes if self.bundle.catalog.by_name[name].scope != Scope.FIT]
            if later:
                raise CatalogError(
                    f"{', '.join(map(repr, later))} exists only once a company is a customer (scope health); "
                    "prospects are scored by fit attributes alone.",
                    details=later,
                )
        mrr = np.full(len(prospects), _or_nan(self.bundle.economics.get("new_mrr")))
        given = [(name, {**attributes, TENURE: 0.0}) for name, attributes in prospects]
        table = self._plain_table(self.bundle.fit, given, mrr, _cac(self.bundle))
        return [table.to_json(i, top) for i in range(len(table))]

    def by_rows(
        self,
        accounts: Sequence[tuple[str, Mapping[str, Sequence[Mapping[str, object]]]]],
        as_of: str | None = None,
        top: int = 5,
    ) -> list[dict[str, Any]]:
        """Scores of accounts given as raw rows of the workspace's tables, through the same checks and features as
        files.

        Market tables that are not given are the workspace's own.
        """
        moment = self._as_of if as_of is None else pd.Timestamp(as_of)
        settings = self.bundle.settings
        until = f"{max(moment, self._as_of):%Y-%m-%d %H:%M:%S}"
        result = []
        for account_id, tables in accounts:
            records = {
                name: [
                    {**row, settings.tables[name].key: account_id} if name in settings.tables else dict(row)
                    for row in rows
                ]
                for name, rows in tables.items()
            }
            built = self._with_market(tables_from_records(settings, records, data_until=until))
            snapshots = customer_snapshots(built, [moment]) if settings.with_role("revenue") else None
            if snapshots is None or not len(snapshots):
                raise UnknownAccount(
                    f"{account_id}: the rows given hold no MRR at {moment:%Y-%m-%d}; nothing to score."
                )
            table = score(self.bundle, built, snapshots, self.version)
            result.append(table.to_json(0, top))
        return result

    def listing(self) -> list[dict[str, Any]]:
        """Every customer in one line, as pages and lists show it."""
        table = self._table
        if table is None:
            return []
        rows = []
        for i in range(len(table)):
            abstained = table.abstained(i)
            reason = table.reasons(i, 1) if not abstained else []
            rows.append(
                {
                    "account_id": table.account_ids[i],
                    "name": table.names[i],
                    "mrr": _plain(float(table.mrr[i])),
                    "churn_probability": None if abstained else float(table.prediction.p[i]),
                    "nrr": None if abstained else float(table.prediction.nrr[i]),
                    "value_12m": None if abstained else _plain(float(table.value[0][i])),
                    "icp_id": table.matches[i].icp_id,
                    "icp_tier": table.matches[i].tier,
                    "reason_1": reason[0]["phrase"] if reason else "",
                    "abstained": abstained,
                }
            )
        return rows

    def icp_document(self) -> dict[str, Any]:
        """As `leap icp --json`."""
        return {**self.bundle.icp_document(), "version": self.version}

    def model_document(self) -> dict[str, Any]:
        """As `GET /v1/model`."""
        return {**self.model_header(), **self.bundle.card(), "as_of": self.as_of.isoformat()}

    def _given_mrr(self, given: Sequence[Mapping[str, object]]) -> np.ndarray:
        """MRR from the feature that holds the revenue table's active amount; NaN where it is not given."""
        revenue = self.bundle.settings.with_role("revenue")
        names = [
            f.name for f in self.bundle.catalog.features if f.recipe.table in revenue and f.recipe.operation == "amount"
        ]
        found = [values.get(names[0]) if names else None for values in given]
        return np.array([float(v) if isinstance(v, int | float) and not isinstance(v, bool) else np.nan for v in found])

    def _plain_table(
        self,
        model: ScopeModel,
        accounts: Sequence[tuple[str, Mapping[str, object]]],
        mrr: np.ndarray,
        cost: float = 0.0,
    ) -> ScoreTable:
        catalog = model.encoder.catalog
        values = [dict(given) for _, given in accounts]
        for given in values:
            unknown = set(given) - set(self.bundle.catalog.by_name)
            self.bundle.catalog.require(sorted(unknown))
        known = [{name: v for name, v in given.items() if name in catalog.by_name} for given in values]
        matrix = [model.encoder.encode_one(given) for given in known]
        columns = {}
        for feature in self.bundle.catalog.features:
            parsed = [plain_value(feature, given.get(feature.name)) for given in values]
            kind: Any = object if feature.kind == "category" else float
            columns[feature.name] = np.array([np.nan if v is None and kind is float else v for v in parsed], dtype=kind)
        terms = ValueTerms.of(self.bundle.settings)
        n = len(accounts)
        return ScoreTable(
            bundle=self.bundle,
            model=model,
            version=self.version,
            account_ids=[account for account, _ in accounts],
            names=[account for account, _ in accounts],
            as_of=[self.as_of.isoformat()] * n,
            mrr=mrr,
            leaving=np.zeros(n, dtype=bool),
            margin=np.full(n, terms.gross_margin),
            cost=np.full(n, cost),
            columns=columns,
            matrix=np.vstack(matrix) if matrix else np.zeros((0, model.encoder.width)),
        )

    def _with_market(self, built: AccountTables) -> AccountTables:
        if self._tables is None:
            return built
        own = {
            name: table
            for name, table in self._tables.tables.items()
            if table.spec.shape == "market" and not len(built.tables[name].rows)
        }
        return AccountTables(
            built.settings, {**built.tables, **own}, built.data_until, built.problems, built.quarantine
        )


@dataclass(frozen=True)
class Batch:
    """All scores of a workspace at one date: customers, then prospects."""

    customers: ScoreTable
    prospects: ScoreTable

    def frame(self) -> pd.DataFrame:
        """A score file: one row per customer with MRR, then one per prospect."""
        parts = [self.customers.frame(), self.prospects.frame(prospects=True)]
        filled = [part for part in parts if len(part)]
        return pd.concat(filled, ignore_index=True) if filled else parts[0]

    @property
    def abstained(self) -> int:
        """Rows without a score."""
        return int(self.customers.leaving.sum())

    def most_at_risk(self, count: int = 10) -> list[dict[str, Any]]:
        """Customers by the MRR expected to be lost, largest first."""
        at_risk = np.where(self.customers.leaving, -np.inf, self.customers.mrr * (1 - self.customers.prediction.nrr))
        order = [int(i) for i in np.argsort(-at_risk, kind="stable")[:count] if np.isfinite(at_risk[i])]
        return [self.customers.to_json(i, 1) for i in order]


def score_all(bundle: ModelBundle, tables: AccountTables, version: str, as_of: str | None = None) -> Batch:
    """Score every customer and prospect at a date (default: the end of the data)."""
    moment = day_of(as_of) if as_of else tables.data_until
    if moment > tables.data_until:
        raise UsageError(
            f"--as-of {moment:%Y-%m-%d} lies after the end of the data, {tables.data_until:%Y-%m-%d} (exclusive).",
            remedy="Choose an earlier date, or load newer tables.",
        )
    require_same_tables(bundle, tables)
    customers = score(bundle, tables, customer_snapshots(tables, [moment]), version)
    return Batch(customers, score_prospects(bundle, tables, moment, version))


def require_same_tables(bundle: ModelBundle, tables: AccountTables) -> None:
    """CatalogError if a table that the model's features come from is not there."""
    missing = {f.recipe.table for f in bundle.catalog.features if f.recipe.table} - set(tables.tables)
    if missing:
        raise CatalogError(
            f"The model of {bundle.company} needs table(s) {sorted(missing)}; the workspace has "
            f"{sorted(tables.tables)}.",
            remedy="Score a workspace with the same tables, or train a model for this one.",
        )


def portfolio(table: ScoreTable) -> dict[str, float | None]:
    """NRR, GRR and churn expected of all customers together; accounts that are leaving count with their known end."""
    paid = table.mrr
    if not len(table) or paid.sum() <= 0:
        return {"nrr": None, "grr": None, "churn": None, "mrr": 0.0}
    stays = ~table.leaving
    return {
        "nrr": float((paid * np.where(stays, table.prediction.nrr, 0.0)).sum() / paid.sum()),
        "grr": float((paid * np.where(stays, table.prediction.grr, 0.0)).sum() / paid.sum()),
        "churn": float((paid * np.where(stays, table.prediction.p, 1.0)).sum() / paid.sum()),
        "mrr": float(paid.sum()),
    }


__all__ = ["ALREADY_LEAVING", "Batch", "ScoreTable", "Scorer", "portfolio", "score", "score_all", "score_prospects"]

"""A model version with the accounts it scores, for the service and for commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.errors import CatalogError, UnknownAccount, UsageError
from leap.evaluation.money import loses_money
from leap.features import TENURE, Scope
from leap.models.composition import ScopeModel
from leap.models.encoding import plain_value
from leap.revenue import Revenue
from leap.scoring.action import EVERYONE, Reach
from leap.scoring.answers import Answers, Check, chunks, never
from leap.scoring.given_rows import GivenRows, Rows
from leap.scoring.inputs import input_schema
from leap.scoring.reasons import plain
from leap.scoring.standing import Unpaid, code_of
from leap.scoring.table import ScoreTable, or_nan, require_same_tables, score, score_prospects, usual_cac
from leap.scoring.won import Won
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables
from leap.value import ValueTerms


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
        fit, UsageError for a date after the end of the data.
        """
        if tables is None:
            return cls(bundle, version, None, as_of or pd.Timestamp(bundle.trained_on), None)
        moment = as_of or tables.data_until
        if moment > tables.data_until:
            raise UsageError(
                f"{moment:%Y-%m-%d} lies after the end of the data, {tables.data_until:%Y-%m-%d} (exclusive).",
                remedy="Choose an earlier date, or load newer tables.",
            )
        require_same_tables(bundle, tables)
        table = score(bundle, tables, customer_snapshots(tables, [moment]), version).ready()
        return cls(bundle, version, tables, moment, table)

    @property
    def as_of(self) -> date:
        """The date that the features are of."""
        return self._as_of.date()

    @property
    def tables(self) -> AccountTables | None:
        """The workspace's tables, where there are any."""
        return self._tables

    @cached_property
    def prospect_table(self) -> ScoreTable | None:
        """The scores of all prospects, made when first asked for; None without tables."""
        if self._tables is None:
            return None
        return score_prospects(self.bundle, self._tables, self._as_of, self.version)

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
        raise self._unknown(account_id)

    def _unknown(self, account_id: str) -> UnknownAccount:
        if self._tables is None:
            return UnknownAccount(f"{account_id!r}: no customer to explain: there are no tables.")
        try:
            code = code_of(self._tables, account_id, self._as_of)
        except UnknownAccount as error:
            return error
        return UnknownAccount(
            f"{account_id}: no customer to explain: on {self.as_of} {self._without_mrr(self._tables, code)[1]}.",
            remedy="--as-of names another date; prospects are in the score file.",
        )

    def _without_mrr(self, tables: AccountTables, code: int) -> tuple[str, str]:
        """Status and words of an account of the workspace without MRR."""
        moment = self._as_of
        unpaid = tables.remembered(f"unpaid at {moment}", lambda: Unpaid.of(Revenue(tables), moment))
        return unpaid.standing(np.array([code]))

    def why_not_found(self, account_id: str) -> str:
        """Why an id has no score among the customers, in words; cheap, so that it can be asked of a thousand ids."""
        if self._tables is None:
            return "there are no tables of customers"
        try:
            code = code_of(self._tables, account_id, self._as_of)
        except UnknownAccount as error:
            found = error.message.partition(": no customer to explain: ")[2]
            return found.rstrip(".") or error.message
        status, why = self._without_mrr(self._tables, code)
        return f"on {self.as_of} {why}{'; POST /v1/prospects rates such companies' if status == 'prospect' else ''}"

    def by_features(self, accounts: Sequence[tuple[str, Mapping[str, object]]], top: int = 5) -> list[dict[str, Any]]:
        """Scores of accounts given as feature values; what is not given is missing, an unknown name is refused.

        What no feature holds (name, margin, cost to serve, an end already known) is the workspace's, if it has the id.
        """
        table = self._plain_table(self.bundle.health, accounts, self._given_mrr([values for _, values in accounts]))
        table = self._with_known(table)
        return [table.to_json(i, top) for i in range(len(table))]

    def row_of(self, account_id: str) -> tuple[ScoreTable, int]:
        """The scores of all customers with the position of one; UnknownAccount if it is none."""
        if self._table is None or account_id not in self._position:
            raise self._unknown(account_id)
        return self._table, self._position[account_id]

    def values_of(self, account_id: str) -> dict[str, Any]:
        """The feature values of a customer as `by_features` takes them; UnknownAccount if it is none."""
        table, i = self.row_of(account_id)
        return {name: plain(column[i]) for name, column in table.columns.items()}

    def supposing(self, account_id: str, rows: Sequence[Mapping[str, object]]) -> ScoreTable:
        """Scores of a customer if its features had these values; its MRR is its own unless that feature differs."""
        values, name = self.values_of(account_id), self.mrr_feature
        table, i = self.row_of(account_id)
        differs = np.array([name is not None and row.get(name) != values[name] for row in rows], dtype=bool)
        mrr = np.where(differs, self._given_mrr(rows), table.mrr[i])
        return self._with_known(self._plain_table(self.bundle.health, [(account_id, row) for row in rows], mrr))

    def _with_known(self, table: ScoreTable) -> ScoreTable:
        own = self._table
        table = replace(table, reach=self._reach)
        if own is None:
            return table
        names, margin, cost, leaving = list(table.names), table.margin.copy(), table.cost.copy(), table.leaving.copy()
        known = [self._position.get(account, -1) for account in table.account_ids]
        for i, account in enumerate(table.account_ids):
            j = self._position.get(account)
            if j is not None:
                names[i], margin[i], cost[i], leaving[i] = own.names[j], own.margin[j], own.cost[j], own.leaving[j]
        won = table.won.with_known(own.won, np.array(known, dtype=np.int64))
        return replace(table, names=names, margin=margin, cost=cost, leaving=leaving, won=won)

    @property
    def _reach(self) -> Reach:
        """How far the capacity goes in the list of all customers."""
        return EVERYONE if self._table is None else self._table.actions.reach

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
        mrr = np.full(len(prospects), or_nan(self.bundle.economics.get("new_mrr")))
        given = [(name, {**attributes, TENURE: 0.0}) for name, attributes in prospects]
        table = self._plain_table(self.bundle.fit, given, mrr, usual_cac(self.bundle))
        return [table.to_json(i, top) for i in range(len(table))]

    def by_rows(
        self, accounts: Sequence[tuple[str, Rows]], as_of: str | date | None = None, top: int = 5
    ) -> list[dict[str, Any]]:
        """Scores of accounts given as raw rows of the workspace's tables, in the order asked, through the same checks
        and features as files.

        Market tables that are not given are the workspace's own.
        """
        return [table.to_json(i, top) for table, i in self._given.scored(accounts, as_of)]

    @cached_property
    def _given(self) -> GivenRows:
        own = {} if self._tables is None else self._tables.tables
        market = {name: table for name, table in own.items() if table.spec.shape == "market"}
        return GivenRows(self.bundle, self.version, self._as_of, market, self._reach)

    def answers_by_id(self, ids: Sequence[str], top: int = 5) -> Answers:
        """As `by_id`, finished."""
        return Answers.of(*self.by_id(ids, top))

    def answers_by_features(
        self, accounts: Sequence[tuple[str, Mapping[str, object]]], top: int = 5, check: Check = never
    ) -> Answers:
        """As `by_features`, finished."""
        return Answers.of(one for part in chunks(accounts, check) for one in self.by_features(part, top))

    def answers_by_rows(
        self,
        accounts: Sequence[tuple[str, Rows]],
        as_of: str | date | None = None,
        top: int = 5,
        check: Check = never,
    ) -> Answers:
        """As `by_rows`, finished."""
        scored = self._given.scored(accounts, as_of, check)
        return Answers.of(table.to_json(i, top) for part in chunks(scored, check) for table, i in part)

    def answers_of_prospects(
        self, prospects: Sequence[tuple[str, Mapping[str, object]]], top: int = 5, check: Check = never
    ) -> Answers:
        """As `prospects`, finished."""
        return Answers.of(one for part in chunks(prospects, check) for one in self.prospects(part, top))

    def listing(self) -> list[dict[str, Any]]:
        """Every customer in one line, as pages and lists show it."""
        table = self._table
        if table is None:
            return []
        rows = []
        for i in range(len(table)):
            abstained = table.abstained(i)
            reason = table.main_reason(i) if not abstained else None
            rows.append(
                {
                    "account_id": table.account_ids[i],
                    "name": table.names[i],
                    "mrr": plain(float(table.mrr[i])),
                    "churn_probability": None if abstained else float(table.prediction.p[i]),
                    "nrr": None if abstained else float(table.prediction.nrr[i]),
                    "value_12m": None if abstained else plain(float(table.value[0][i])),
                    "icp_id": table.matches[i].icp_id,
                    "icp_tier": table.matches[i].tier,
                    "reason_1": reason["phrase"] if reason else "",
                    "abstained": abstained,
                }
            )
        return rows

    def icp_document(self) -> dict[str, Any]:
        """As `leap icp --json`, with `rejected` for what people decided: such a profile gives no tier."""
        document, gone = self.bundle.icp_document(), self.bundle.icp.rejected
        icps = [{**profile, "rejected": profile["id"] in gone} for profile in document["icps"]]
        return {**document, "icps": icps, "version": self.version}

    def drivers_document(self) -> dict[str, Any]:
        """Drivers of both scopes, largest first, with how contributions go with values, and labels of features."""
        labels = {feature.name: feature.label for feature in self.bundle.catalog.features}
        return {
            scope: {
                "drivers": [driver.to_json() for driver in found],
                "dependence": [one.to_json() for one in self.bundle.dependence.get(scope, ())],
                "labels": labels,
            }
            for scope, found in (("health", self.bundle.drivers), ("fit", self.bundle.fit_drivers))
        }

    @property
    def offers_lost_money(self) -> bool:
        """Whether offers by this model would have lost money out of time: its expected gains mislead."""
        return loses_money(self.bundle.quality["health"]["outcomes"]["churn"].get("money"))

    def model_document(self) -> dict[str, Any]:
        """As `GET /v1/model`."""
        return {**self.model_header(), **self.bundle.card(), "as_of": self.as_of.isoformat()}

    def input_schema(self) -> dict[str, Any]:
        """What may be given for accounts and prospects, as JSON Schema."""
        return input_schema(self.bundle, self.mrr_feature)

    @property
    def mrr_feature(self) -> str | None:
        """The feature that holds the revenue table's active amount, if there is one."""
        revenue = self.bundle.settings.with_role("revenue")
        names = [
            f.name for f in self.bundle.catalog.features if f.recipe.table in revenue and f.recipe.operation == "amount"
        ]
        return names[0] if names else None

    def _given_mrr(self, given: Sequence[Mapping[str, object]]) -> np.ndarray:
        """MRR from the feature that holds the revenue table's active amount; NaN where it is not given."""
        name = self.mrr_feature
        found = [values.get(name) if name else None for values in given]
        mrr = np.array([float(v) if isinstance(v, int | float) and not isinstance(v, bool) else np.nan for v in found])
        if (mrr < 0).any():
            raise CatalogError(f"{name}: MRR is not negative; found {mrr[mrr < 0][0]:g}.", details=[name])
        return mrr

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
            win=self.bundle.win.of_values(known) if self.bundle.win is not None and model.scope == Scope.FIT else None,
            won=Won.unknown(n) if model.scope == Scope.HEALTH else Won.usual(self.bundle.economics, n),
        )

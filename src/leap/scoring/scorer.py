"""A model version with the accounts it scores, for the service and for commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from leap.models.plain_values import Reader, Values, alone
from leap.revenue import Revenue
from leap.scoring.action import EVERYONE, Reach
from leap.scoring.answers import TOP, Answers, Check, Given, Naming, RefusedAccount, bands_of, chunks, finished, never
from leap.scoring.fragments import Fragments
from leap.scoring.given_rows import GivenRows, Rows, told_together
from leap.scoring.inputs import input_schema
from leap.scoring.prepared import Prepared
from leap.scoring.reasons import plain
from leap.scoring.scored import or_nan, require_same_tables, score, score_prospects, usual_cac
from leap.scoring.standing import Unpaid, code_of
from leap.scoring.table import ScoreTable
from leap.scoring.won import Won
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables


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
        self._prepared = {scope: Prepared(bundle, scope) for scope in Scope}
        self._reader = Reader(bundle.catalog)
        self._fragments = Fragments(lambda rows: () if table is None else map(finished, table.documents(rows)))

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

    @cached_property
    def as_of(self) -> date:
        """The date that the features are of."""
        return self._as_of.date()

    @property
    def moment(self) -> pd.Timestamp:
        """The same to the second: what was known before it is what scores are made of."""
        return self._as_of

    @property
    def latest_day(self) -> date:
        """The last day that accounts which bring their own data may be scored as of."""
        return self._given.latest.date()

    def require_day(self, as_of: date) -> None:
        """UsageError for a day that is ahead."""
        self._given.moment(as_of)

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
        rows, missing = self._rows_of(ids)
        return [] if self._table is None else list(self._table.documents(rows, top)), missing

    def _rows_of(self, ids: Sequence[str]) -> tuple[list[int], list[str]]:
        """Positions of known customers, and the ids that are none."""
        found = [(account, self._position.get(account)) for account in ids]
        return [i for _, i in found if i is not None], [account for account, i in found if i is None]

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

        What no feature holds (name, margin, cost to serve, an end already known, the MRR where it is made of events) is
        the workspace's, if it has the id.
        """
        return list(self._of_features(accounts, Naming(accounts)).documents(range(len(accounts)), top))

    def _of_features(self, accounts: Sequence[Given], named: Naming) -> ScoreTable:
        rows = [values for _, values in accounts]
        mrr = self._given_mrr(rows, named)
        return self._plain_table(
            Scope.HEALTH, [account for account, _ in accounts], self._reader.read(rows, named), mrr
        )

    def row_of(self, account_id: str) -> tuple[ScoreTable, int]:
        """The scores of all customers with the position of one; UnknownAccount if it is none."""
        if self._table is None or account_id not in self._position:
            raise self._unknown(account_id)
        return self._table, self._position[account_id]

    def values_of(self, account_id: str) -> dict[str, Any]:
        """The feature values of a customer as `by_features` takes them; UnknownAccount if it is none."""
        return _values_in(*self.row_of(account_id))

    def supposing(self, account_id: str, rows: Sequence[Mapping[str, object]]) -> ScoreTable:
        """Scores of a customer if its features had these values; its MRR is its own unless that feature differs."""
        values, name = self.values_of(account_id), self.mrr_feature
        table, i = self.row_of(account_id)
        differs = np.array([name is not None and row.get(name) != values[name] for row in rows], dtype=bool)
        mrr = np.where(differs, self._given_mrr(rows), table.mrr[i])
        return self._plain_table(Scope.HEALTH, [account_id] * len(rows), self._reader.read(rows), mrr)

    @property
    def _reach(self) -> Reach:
        """How far the capacity goes in the list of all customers."""
        return EVERYONE if self._table is None else self._table.actions.reach

    def prospects(self, prospects: Sequence[tuple[str, Mapping[str, object]]], top: int = 5) -> list[dict[str, Any]]:
        """Scores of companies that are not customers, by fit attributes only; a health attribute is refused."""
        return list(self._of_prospects(prospects, Naming(prospects)).documents(range(len(prospects)), top))

    def _of_prospects(self, prospects: Sequence[Given], named: Naming) -> ScoreTable:
        for i, (_, attributes) in enumerate(prospects):
            if not attributes.keys() <= self._of_fit:
                self._refuse(attributes, named(i))
        mrr = np.full(len(prospects), or_nan(self.bundle.economics.get("new_mrr")))
        values = self._reader.read([{**attributes, TENURE: 0.0} for _, attributes in prospects], named)
        return self._plain_table(Scope.FIT, [name for name, _ in prospects], values, mrr)

    def _refuse(self, attributes: Mapping[str, object], whose: str) -> None:
        self._reader.require([attributes], lambda _: whose)
        later = [name for name in attributes if name not in self._of_fit]
        raise CatalogError(
            f"{whose}{', '.join(map(repr, later))} exists only once a company is a customer (scope health); "
            "prospects are scored by fit attributes alone.",
            details=later,
        )

    @cached_property
    def _of_fit(self) -> frozenset[str]:
        return frozenset(f.name for f in self.bundle.catalog.features if f.scope == Scope.FIT)

    def by_rows(
        self, accounts: Sequence[tuple[str, Rows]], as_of: str | date | None = None, top: int = 5
    ) -> list[dict[str, Any]]:
        """Scores of accounts given as raw rows of the workspace's tables, in the order asked, through the same checks
        and features as files.

        Market tables that are not given are the workspace's own.
        """
        return self._given.documents(accounts, as_of, top)

    @cached_property
    def _given(self) -> GivenRows:
        own = {} if self._tables is None else self._tables.tables
        market = {name: table for name, table in own.items() if table.spec.shape == "market"}
        prepared = self._prepared[Scope.HEALTH]
        return GivenRows(self.bundle, self.version, self._as_of, market, self._reach, prepared)

    def answers_by_id(self, ids: Sequence[str], top: int = TOP, check: Check = never) -> Answers:
        """As `by_id`, finished; those with the usual number of reasons are kept once made."""
        rows, missing = self._rows_of(ids)
        table, found = self._table, list[bytes]()
        if table is None:
            return Answers([], missing)
        for part in chunks(rows, check):
            found += self._fragments.of(part) if top == TOP else map(finished, table.documents(part, top))
        return Answers.counted(found, missing, self._bands[rows], map(table.abstained, rows))

    @cached_property
    def _bands(self) -> np.ndarray:
        """The tenth of churn probability of every customer."""
        table = self._table
        return np.zeros(0) if table is None else bands_of(np.where(table.silent, np.nan, table.prediction.p))

    def warm_answers(self, seconds: float) -> int:
        """Make scores ahead, the largest money at risk first, for so long at most; how many are kept.

        Whoever is about to make this scorer live calls it before; what is not made is made when asked for.
        """
        table = self._table
        if table is None:
            return 0
        at_risk = np.where(table.silent, np.nan, table.mrr * (1 - table.prediction.nrr))
        return self._fragments.make_ahead(np.argsort(-at_risk, kind="stable").tolist(), seconds)

    def answers_by_features(self, accounts: Sequence[Given], top: int = TOP, check: Check = never) -> Answers:
        """As `by_features`, finished."""
        return Answers.of(self._in_parts(self._of_features, accounts, top, check))

    def _in_parts(
        self, scored: Callable[[Sequence[Given], Naming], ScoreTable], given: Sequence[Given], top: int, check: Check
    ) -> Iterator[dict[str, Any]]:
        first = 0
        for part in chunks(given, check):
            yield from scored(part, Naming(given, first)).documents(range(len(part)), top)
            first += len(part)

    def answers_by_rows(
        self,
        accounts: Sequence[tuple[str, Rows]],
        as_of: str | date | None = None,
        top: int = 5,
        check: Check = never,
    ) -> Answers:
        """As `by_rows`, finished; accounts whose own rows allow no score are in `refused`.

        TableError where tables or cells are not as `input_schema` says.
        """
        found = self._given.each(accounts, as_of, check)
        scored = {i: one for i, one in enumerate(found) if not isinstance(one, RefusedAccount)}
        answers = Answers.of(told_together(list(scored.values()), top, check))
        answers = answers.without([one for one in found if isinstance(one, RefusedAccount)])
        return replace(answers, values=lambda place: _values_in(*scored[place]))

    def answers_of_prospects(self, prospects: Sequence[Given], top: int = TOP, check: Check = never) -> Answers:
        """As `prospects`, finished."""
        return Answers.of(self._in_parts(self._of_prospects, prospects, top, check))

    def listing(self) -> list[dict[str, Any]]:
        """Every customer in one line, as pages and lists show it."""
        table = self._table
        if table is None:
            return []
        return [self._listed(table, i, phrase) for i, phrase in enumerate(table.main_phrases())]

    def _listed(self, table: ScoreTable, i: int, phrase: str) -> dict[str, Any]:
        abstained = table.abstained(i)
        return {
            "account_id": table.account_ids[i],
            "name": table.names[i],
            "mrr": plain(float(table.mrr[i])),
            "churn_probability": None if abstained else float(table.prediction.p[i]),
            "nrr": None if abstained else float(table.nrr[i]),
            "value_12m": None if abstained else plain(float(table.value[0][i])),
            "icp_id": table.matches[i].icp_id,
            "icp_tier": table.matches[i].tier,
            "reason_1": phrase,
            "abstained": abstained,
            "contact": bool(table.actions.contact[i]) and not self.offers_lost_money,
        }

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
        return input_schema(self.bundle, self.mrr_feature, self._given.columns, self._given.forms)

    @cached_property
    def mrr_feature(self) -> str | None:
        """The feature that holds the revenue table's active amount, if there is one."""
        revenue = self.bundle.settings.with_role("revenue")
        names = [
            f.name for f in self.bundle.catalog.features if f.recipe.table in revenue and f.recipe.operation == "amount"
        ]
        return names[0] if names else None

    def _given_mrr(self, given: Sequence[Mapping[str, object]], named: Callable[[int], str] = alone) -> np.ndarray:
        """MRR from the feature that holds the revenue table's active amount; NaN where it is not given."""
        name = self.mrr_feature
        found = [values.get(name) if name else None for values in given]
        mrr = np.array([_finite_or_nan(value) for value in found], dtype=float)
        if (mrr < 0).any():
            i = int(np.argmax(mrr < 0))
            raise CatalogError(f"{named(i)}{name}: MRR is not negative; found {mrr[i]:g}.", details=[name])
        return mrr

    def _plain_table(self, scope: Scope, ids: Sequence[str], values: Values, mrr: np.ndarray) -> ScoreTable:
        """Scores of plain values; of customers what no feature holds is the workspace's, if it has the id."""
        prepared, n, customers = self._prepared[scope], len(ids), scope == Scope.HEALTH
        names, leaving = list(ids), np.zeros(n, dtype=bool)
        margin = np.full(n, prepared.terms.gross_margin)
        cost = np.full(n, 0.0 if customers else usual_cac(self.bundle))
        won = Won.unknown(n) if customers else Won.usual(self.bundle.economics, n)
        own = self._table
        if customers and own is not None:
            place = np.array([self._position.get(account, -1) for account in ids], dtype=np.int64)
            known = np.flatnonzero(place >= 0)
            if self.mrr_feature is None:
                mrr = mrr.copy()
                mrr[known] = own.mrr[place[known]]
            for i in known:
                j = place[i]
                names[i], margin[i], cost[i], leaving[i] = own.names[j], own.margin[j], own.cost[j], own.leaving[j]
            won = won.with_known(own.won, place)
        return ScoreTable(
            bundle=self.bundle,
            model=prepared.model,
            version=self.version,
            account_ids=ids,
            names=names,
            as_of=[self.as_of.isoformat()] * n,
            mrr=mrr,
            leaving=leaving,
            margin=margin,
            cost=cost,
            columns=values.columns,
            matrix=prepared.model.encoder.encode_values(values),
            win=self.bundle.win.of_plain(values) if self.bundle.win is not None and not customers else None,
            won=won,
            reach=self._reach if customers else None,
            prepared=prepared,
        )


def _finite_or_nan(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")


def _values_in(table: ScoreTable, i: int) -> dict[str, Any]:
    return {name: plain(column[i]) for name, column in table.columns.items()}

"""The tables behind a live model: what `leap check` reports of them, how fresh they are, and what changed since.

All of it is computed from tables that are read already; the audit for leaks, which takes as long as a small training,
is that of the training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.config import TableSpec
from leap.evaluation import Leak
from leap.reports.data import DataReport, TableSummary, cut, summarise
from leap.reports.data_definitions import Definition, definitions_of
from leap.reports.data_found import verdict, with_odd, without_features
from leap.tables import AccountTables, Problem, Table
from leap.tables.account_tables import LINEAGE
from leap.tables.canonical import KEY
from leap.tables.counted import Counted, counted, moments_of

_LOOKED_AT_DAYS = 365
_FEWEST_DAYS = 4
_MOST_FEATURES = 40
_LEFT_OUT = "Left out as a possible leak: "

PURPOSE_OF_ROLE = {
    "revenue": "What customers pay: it makes MRR, and with it every outcome that is predicted.",
    "deals": "Deals won, lost and still open: which prospects are won, how often and how fast.",
    "costs": "What winning and keeping accounts costs: CAC, payback and account value.",
    "rates": "Exchange rates into the reporting currency.",
    "notes": "What people noted about accounts: hypotheses to be tried.",
}
PURPOSE_OF_SHAPE = {
    "attributes": "What an account is, one row each.",
    "history": "What was known of an account from a day on: the latest row before a date counts.",
    "periods": "What an account had for some time, with a start and an end.",
    "events": "What happened at an account, with its day: counted over the days before a date.",
    "market": "Figures of the market, by period and segment, as they were published.",
    "snapshot": "One row an account with what followed.",
}


@dataclass(frozen=True)
class Rhythm:
    """How often a table has had new rows: days from one day with rows to the next, over its last year."""

    usual_days: int
    longest_days: int


@dataclass(frozen=True)
class LiveTable:
    """One table as the live model uses it. Shares are fractions; None where a figure has no meaning for the table."""

    summary: TableSummary
    purpose: str
    known_at: str
    latest: date | None
    rhythm: Rhythm | None
    behind_days: int | None
    """From the latest moment to the end of the data."""
    accounts: int | None
    """How many have a row."""
    customers_share: float | None
    features: tuple[str, ...]
    """Labels of the live model's features that are made of it."""
    then: Counted | None
    """As it was when the model was trained."""
    added: bool
    """Whether it was not there at the training; False where that is not known."""

    @property
    def shown_features(self) -> tuple[str, ...]:
        """The first of them."""
        return self.features[:_MOST_FEATURES]

    def age_days(self, today: date) -> int | None:
        """Since the latest moment."""
        return None if self.latest is None else max(0, (today - self.latest).days)

    @property
    def is_behind(self) -> bool:
        """Whether it ended longer before the end of the data than it was ever silent in its last year."""
        return self.rhythm is not None and self.behind_days is not None and self.behind_days > self.rhythm.longest_days

    def is_overdue(self, today: date) -> bool:
        """Whether new rows should have come by now."""
        age = self.age_days(today)
        return self.rhythm is not None and age is not None and age > self.rhythm.longest_days


@dataclass(frozen=True)
class LiveData:
    """All that the page of data shows; `examples` of problems and values of columns quote cells of the tables."""

    report: DataReport
    tables: tuple[LiveTable, ...]
    data_until: date
    until_is_set: bool
    """Whether leap.toml fixes the end of the data, so that newer rows are never read."""
    accounts: int
    customers: int
    trained_on: date
    counts_known: bool
    """Whether the model says what its tables were when it was trained."""
    new_problems: tuple[str, ...]
    """Where and which rule, of problems that the training did not have."""
    gone_problems: tuple[str, ...]
    gone_tables: tuple[str, ...]
    definitions: tuple[Definition, ...]


def summarise_live(bundle: ModelBundle, tables: AccountTables, customers: Sequence[str]) -> LiveData:
    """The values of the page; what is wrong with the tables is looked for once, whichever model is live."""
    of_rules = tables.remembered("problems with what is odd", lambda: with_odd(tables))
    idle = tables.remembered("columns without features", lambda: without_features(tables))
    new, gone = _since(bundle, of_rules)
    problems, leaks = [*of_rules, *idle], leaks_of(bundle)
    report = summarise(tables, problems, leaks, {}, verdict(problems, leaks))
    then = {name: Counted.from_json(one) for name, one in (bundle.trained.get("tables") or {}).items()}
    now, summaries = counted(tables), {one.name: one for one in report.tables}
    codes = tables.codes_of(pd.Series(list(customers), dtype=object)) if len(customers) else np.zeros(0, dtype=int)
    return LiveData(
        report=report,
        tables=tuple(
            _live_table(table, summaries[name], tables, bundle, codes, now[name], then)
            for name, table in tables.everything_read.items()
        ),
        data_until=tables.data_until.date(),
        until_is_set=tables.settings.company.data_until is not None,
        accounts=len(tables.accounts),
        customers=len(customers),
        trained_on=date.fromisoformat(bundle.trained_on[:10]),
        counts_known=bool(then),
        new_problems=new,
        gone_problems=gone,
        gone_tables=tuple(sorted(set(then) - set(now))),
        definitions=definitions_of(tables.settings),
    )


def leaks_of(bundle: ModelBundle) -> tuple[Leak, ...]:
    """What the audit of the training left out; of bundles that only note it, as noted."""
    if "leaks" in bundle.trained:
        return tuple(Leak(one["table"], one["column"], one["why"]) for one in bundle.trained["leaks"])
    noted = [str(note).removeprefix(_LEFT_OUT) for note in bundle.trained["notes"] if str(note).startswith(_LEFT_OUT)]
    return tuple(_noted(note) for note in noted)


def _noted(note: str) -> Leak:
    """
    >>> _noted("usage.closed (it tells).")
    Leak(table='usage', column='closed', why='it tells', kept=False)
    """
    name, _, why = note.partition(" (")
    table, _, column = name.partition(".")
    return Leak(table, column, why.removesuffix(")."))


def _since(bundle: ModelBundle, problems: Sequence[Problem]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Problems that the training did not have, and those that it had."""
    now = {_key(problem.to_json()) for problem in problems}
    then = {_key(one) for one in bundle.trained.get("problems") or ()}
    return tuple(sorted(now - then)), tuple(sorted(then - now))


def _key(problem: Mapping[str, Any]) -> str:
    table, column = str(problem["table"]), problem.get("column")
    where = table if column is None else str(column) if str(column).startswith(f"{table}.") else f"{table}.{column}"
    return f"{cut(where)}: {str(problem['rule']).replace('_', ' ')}"


def _live_table(
    table: Table,
    summary: TableSummary,
    tables: AccountTables,
    bundle: ModelBundle,
    customers: np.ndarray,
    now: Counted,
    then: Mapping[str, Counted],
) -> LiveTable:
    latest = None if now.latest is None else date.fromisoformat(now.latest)
    accounts, share = _coverage(table, tables, customers)
    return LiveTable(
        summary=summary,
        purpose=purpose_of(table.name, table.spec),
        known_at=_known_at(table.spec),
        latest=latest,
        rhythm=rhythm_of(moments_of(table)),
        behind_days=None if latest is None else max(0, (tables.data_until.date() - latest).days - 1),
        accounts=accounts,
        customers_share=share,
        features=tuple(f.label for f in bundle.catalog.features if f.recipe.table == table.name),
        then=then.get(table.name),
        added=bool(then) and table.name not in then,
    )


def purpose_of(name: str, spec: TableSpec) -> str:
    """What a table is for, in words for who sees it for the first time."""
    if name == LINEAGE:
        return "Which accounts are known as another one, and from which day on."
    if spec.role is not None:
        return PURPOSE_OF_ROLE[spec.role]
    of_whom = (
        "Known of companies before they buy, so of prospects too." if spec.scope == "fit" else "Known of customers."
    )
    signal = " It says when a company may buy." if spec.signal == "buying" else ""
    return f"{PURPOSE_OF_SHAPE[spec.shape]} {of_whom}{signal}"


def _known_at(spec: TableSpec) -> str:
    if spec.known_at is not None:
        return f"known from {spec.known_at} on"
    if spec.shape == "attributes":
        return "taken as always known"
    return "known from its publication on" if spec.shape == "market" else "known from its own day on"


def rhythm_of(moments: pd.Series) -> Rhythm | None:
    """How often new rows came in the last year before the latest; None with too few days to tell.

    >>> rhythm_of(pd.Series(pd.to_datetime(["2026-01-01", "2026-01-08", "2026-01-15", "2026-01-29"])))
    Rhythm(usual_days=7, longest_days=14)
    """
    if not len(moments):
        return None
    days = np.unique(moments.to_numpy().astype("datetime64[D]"))
    days = days[days > days[-1] - np.timedelta64(_LOOKED_AT_DAYS, "D")]
    if len(days) < _FEWEST_DAYS:
        return None
    gaps = np.diff(days).astype(int)
    return Rhythm(int(np.median(gaps)), int(gaps.max()))


def _coverage(table: Table, tables: AccountTables, customers: np.ndarray) -> tuple[int | None, float | None]:
    """How many accounts have a row, and which share of the customers; None where rows are of no account."""
    if KEY not in table.rows or table.spec.shape == "market":
        return None, None
    found = tables.codes_of(pd.Series(table.rows[KEY].unique()), tables.data_until)
    known = np.unique(found[found >= 0])
    share = float(np.isin(customers, known).mean()) if len(customers) else None
    return len(known), share


@dataclass(frozen=True)
class RowsOfAccount:
    """Where rows of one account are: used, and quarantined by rule."""

    table: str
    used: int
    first: str | None
    last: str | None
    quarantined: int
    rules: tuple[str, ...]


def rows_of(tables: AccountTables, account_id: str) -> tuple[RowsOfAccount, ...]:
    """By table that has accounts, the rows that name one; its own rows, not those of accounts that became it."""
    return tuple(
        _rows_of(table, tables, account_id) for name, table in tables.tables.items() if table.spec.shape != "market"
    )


def _rows_of(table: Table, tables: AccountTables, account_id: str) -> RowsOfAccount:
    used = np.zeros(0, dtype=int)
    if KEY in table.rows and account_id in tables.accounts:
        view = tables.view(table.name, tables.data_until)
        used = np.flatnonzero(view.source.codes == tables.accounts.get_loc(account_id))
        moments = moments_of(Table(table.name, table.spec, view.source.rows.iloc[used]))
    else:
        moments = pd.Series(dtype="datetime64[us]")
    refused = tables.quarantine.get(table.name)
    rules: tuple[str, ...] = ()
    n = 0
    if refused is not None and table.spec.key in refused:
        own = refused[table.spec.key].astype(str).str.strip() == account_id
        n, rules = int(own.sum()), tuple(str(rule).replace("_", " ") for rule in refused["rule"][own].unique())
    return RowsOfAccount(
        table.name,
        len(used),
        f"{moments.min():%Y-%m-%d}" if len(moments) else None,
        f"{moments.max():%Y-%m-%d}" if len(moments) else None,
        n,
        rules,
    )

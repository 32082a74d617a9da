"""Accounts scored from the raw rows that a request brings: all at once, and each as if it came alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.config import TableSpec
from leap.errors import LeapError, RevenueError, TableError
from leap.features import Feature
from leap.revenue import Revenue
from leap.scoring.action import Reach
from leap.scoring.answers import TOP, Check, chunks, never
from leap.scoring.freshness import require_not_ahead
from leap.scoring.prepared import Prepared
from leap.scoring.standing import Unpaid
from leap.scoring.table import ScoreTable, score
from leap.snapshots import customer_snapshots, day_of
from leap.tables import AccountTables, Table
from leap.tables.account_tables import LINEAGE
from leap.tables.assemble import named_columns
from leap.tables.given import GivenRow, Holds, Reading, RefusedRow, cell_text
from leap.tables.lineage import sources_of
from leap.tables.names import OF_NAMES

Rows = Mapping[str, Sequence[Mapping[str, object]]]
"""The rows of one account by table."""
_SHOWN: Final = 20
_MOST_LOOKS: Final = 200
"""Names of columns in one request that are compared with the declared ones."""
_NEAR: Final = 0.8
_NUMBERS: Final = ("change", "growth", "mean")
_AS_THEY_ARE: Final = ("value", "latest", "latest_active")


@dataclass(frozen=True)
class GivenRows:
    """Scores accounts by their own rows, with one model and the market tables of one workspace.

    Rows go through the checks and features of files, except that a row that a file would set aside is refused with its
    place, and so is a cell that says nothing of what is read from it.
    """

    bundle: ModelBundle
    version: str
    as_of: pd.Timestamp
    market: Mapping[str, Table] = field(default_factory=dict)
    reach: Reach | None = None
    prepared: Prepared | None = None

    def documents(
        self,
        accounts: Sequence[tuple[str, Rows]],
        as_of: str | date | None = None,
        top: int = TOP,
        check: Check = never,
    ) -> list[dict[str, Any]]:
        """The score of every account in the order asked, as `ScoreTable.to_json` has it."""
        return told_together(self.scored(accounts, as_of, check), top, check)

    def scored(
        self, accounts: Sequence[tuple[str, Rows]], as_of: str | date | None = None, check: Check = never
    ) -> list[tuple[ScoreTable, int]]:
        """For every account, in order, a table of scores and its position there.

        TableError names every bad row, or every account without MRR at the date; UsageError a date that is ahead.
        """
        moment = self.as_of if as_of is None else self._moment(as_of)
        try:
            return _Request(self, accounts).scored(moment, check)
        except RevenueError as error:
            if len(accounts) == 1:
                raise _of_revenue(accounts[0][0], error) from None
            # What cannot be added up is a fault of some account, not of all that came with it.
            return [self._alone(account, moment, check) for account in accounts]

    def _moment(self, as_of: str | date) -> pd.Timestamp:
        moment = day_of(str(as_of))
        require_not_ahead(moment.date(), self.as_of.date())
        return moment

    def _alone(self, account: tuple[str, Rows], moment: pd.Timestamp, check: Check) -> tuple[ScoreTable, int]:
        check()
        try:
            return _Request(self, [account]).scored(moment, check)[0]
        except RevenueError as error:
            raise _of_revenue(account[0], error) from None

    @cached_property
    def reading(self) -> Reading:
        """How the tables of this model's company are read."""
        holds: dict[str, dict[str, Holds]] = {}
        for feature in self.bundle.catalog.features:
            kind = _held(feature)
            if kind is not None and feature.recipe.column is not None:
                holds.setdefault(feature.recipe.table, {})[feature.recipe.column] = kind
        return Reading(self.bundle.settings, holds, self.market)

    @cached_property
    def sources(self) -> Mapping[str, TableSpec]:
        """Every table that rows may be given of."""
        return sources_of(self.bundle.settings)

    @cached_property
    def columns(self) -> Mapping[str, frozenset[str]]:
        """The columns of each table from which something is read."""
        margin = self.bundle.settings.company.gross_margin
        more = {*OF_NAMES, *([margin] if isinstance(margin, str) else [])}
        return {
            name: frozenset(named_columns(spec)) | (more if spec.shape == "attributes" else set()) | {spec.key}
            for name, spec in self.sources.items()
        }


def _held(feature: Feature) -> Holds | None:
    operation = feature.recipe.operation
    if operation in _NUMBERS:
        return "number"
    if operation == "share":
        return "boolean"
    if operation == "days_since":
        return "date"
    return feature.kind if operation in _AS_THEY_ARE and feature.kind != "category" else None


def told_together(scored: Sequence[tuple[ScoreTable, int]], top: int, check: Check) -> list[dict[str, Any]]:
    """The scores of rows in the order given, those of one table formed together."""
    found: dict[int, dict[str, Any]] = {}
    places: dict[int, tuple[ScoreTable, list[tuple[int, int]]]] = {}
    for i, (table, row) in enumerate(scored):
        places.setdefault(id(table), (table, []))[1].append((i, row))
    for table, rows in places.values():
        for part in chunks(rows, check):
            asked, own = zip(*part, strict=True)
            found |= zip(asked, table.documents(own, top), strict=True)
    return [found[i] for i in range(len(scored))]


class _Request:
    """The accounts of one request, those together that look at one market: mostly all of them."""

    def __init__(self, given: GivenRows, accounts: Sequence[tuple[str, Rows]]):
        self._given, self._accounts = given, accounts
        self._looks = _MOST_LOOKS
        self._known_sets: dict[tuple[str, frozenset[str]], tuple[str, str] | None] = {}
        self.refused: list[RefusedRow] = []
        self._groups: dict[str, dict[str, list[GivenRow]]] = {}
        self._members: dict[str, list[int]] = {}
        for i, (account, tables) in enumerate(accounts):
            self._add(i, account, tables)

    def _add(self, i: int, account: str, tables: Rows) -> None:
        sources = self._given.sources
        unknown = sorted(set(tables) - set(sources))
        if unknown:
            raise TableError(
                f"{account}: unknown table(s) {unknown}; expected some of {sorted(sources)}.",
                details=[account, *unknown],
            )
        market = {name: rows for name, rows in tables.items() if sources[name].shape == "market" and rows}
        group = repr([(name, [sorted(row.items()) for row in market[name]]) for name in sorted(market)])
        first = group not in self._groups
        rows_of = self._groups.setdefault(group, {})
        self._members.setdefault(group, []).append(i)
        own = account.strip()
        former = _former(own, tables.get(LINEAGE, ())) if LINEAGE in sources else {own}
        for name, rows in tables.items():
            spec = sources[name]
            if not rows or (spec.shape == "market" and not first):
                continue
            given = rows_of.setdefault(name, [])
            for number, row in enumerate(rows, start=1):
                given.append(self._row(i, own, former, name, spec, row, number))

    def _row(
        self, i: int, own: str, former: set[str], name: str, spec: TableSpec, cells: Mapping[str, object], number: int
    ) -> GivenRow:
        said = "" if spec.shape == "market" else cell_text(cells.get(spec.key)).strip()
        if name == LINEAGE and (target := cell_text(cells.get("is_now")).strip()):
            cells = {**cells, "is_now": _key(i, target)}
        # Whose lineage it is, a row has to say itself.
        row = GivenRow("" if name == LINEAGE and not said else _key(i, said or own), cells, i, number)
        if said and said not in former:
            expected = f"Expected {own!r} or nothing: the rows of an account are its own."
            self.refused.append(RefusedRow(row, name, spec.key, "other_account", said, expected))
        near = self._misspelt(name, frozenset(cells))
        if near is not None:
            expected = f"Expected a column {near[1]!r}; is it misspelt?"
            self.refused.append(RefusedRow(row, name, near[0], "unknown_column", near[0], expected))
        return row

    def _misspelt(self, table: str, there: frozenset[str]) -> tuple[str, str] | None:
        """A column that nothing is read from beside the one it seems to stand for, which is not there."""
        known = self._given.columns[table]
        if there <= known:
            return None
        if (table, there) not in self._known_sets:
            # The key and a name may be left out.
            absent = sorted(known - there - {*OF_NAMES, self._given.sources[table].key})
            self._known_sets[table, there] = next(self._near(sorted(there - known), absent), None)
        return self._known_sets[table, there]

    def _near(self, unknown: list[str], absent: list[str]) -> Iterator[tuple[str, str]]:
        lower = {name.lower(): name for name in absent}
        for name in unknown:
            self._looks -= 1
            if self._looks < 0:
                return
            near = difflib.get_close_matches(name.lower()[:100], lower, n=1, cutoff=_NEAR)
            if near:
                yield name, lower[near[0]]

    def scored(self, moment: pd.Timestamp, check: Check) -> list[tuple[ScoreTable, int]]:
        until = max(moment, self._given.as_of)
        read: dict[str, AccountTables] = {}
        for group, rows in self._groups.items():
            check()
            read[group], refused = self._given.reading.tables(rows, until)
            self.refused += refused
        if self.refused:
            raise _of_rows(self.refused, self._accounts)
        found: dict[int, tuple[ScoreTable, int]] = {}
        silent: dict[int, str] = {}
        for group, tables in read.items():
            check()
            own, without = self._of_group(tables, self._members[group], moment)
            found |= own
            silent |= without
        if silent:
            raise self._nothing_to_score(silent, moment)
        return [found[i] for i in range(len(self._accounts))]

    def _of_group(
        self, tables: AccountTables, members: list[int], moment: pd.Timestamp
    ) -> tuple[dict[int, tuple[ScoreTable, int]], dict[int, str]]:
        """Scores of the accounts with MRR, and why the others have none."""
        given, ids = self._given, [self._accounts[i][0] for i in members]
        keys = [_key(i, account.strip()) for i, account in zip(members, ids, strict=True)]
        codes = tables.accounts.get_indexer(pd.Index(keys, dtype=object))
        snapshots = customer_snapshots(tables, [moment])
        place = {int(code): row for row, code in enumerate(snapshots.rows["code"])}
        paying = np.array([int(code) in place for code in codes], dtype=bool)
        if not paying.all():
            unpaid = Unpaid.of(Revenue(tables), moment)
            return {}, {members[j]: _why_none(unpaid, int(codes[j])) for j in np.flatnonzero(~paying)}
        order = np.array([place[int(code)] for code in codes], dtype=np.int64)
        own = replace(snapshots, rows=snapshots.rows.iloc[order].reset_index(drop=True))
        table = replace(
            score(given.bundle, tables, own, given.version, apart=True),
            account_ids=ids,
            names=[tables.names.get(key, account) for key, account in zip(keys, ids, strict=True)],
            reach=given.reach,
            prepared=given.prepared,
        )
        return {i: (table, row) for row, i in enumerate(members)}, {}

    def _nothing_to_score(self, silent: Mapping[int, str], moment: pd.Timestamp) -> LeapError:
        named = {self._accounts[i][0]: why for i, why in sorted(silent.items())}
        shown = "; ".join(f"{account}: {why}" for account, why in list(named.items())[:_SHOWN])
        more = f"; and {len(named) - _SHOWN:,} more" if len(named) > _SHOWN else ""
        return TableError(
            f"The rows of {len(named):,} of {len(self._accounts):,} accounts hold no MRR at {moment:%Y-%m-%d}, so "
            f"there is nothing to score: {shown}{more}.",
            details=list(named),
            remedy="Leave these accounts out, or choose a date on which they pay; /v1/prospects rates who does not.",
        )


def _key(i: int, account: str) -> str:
    """The key of an account in the tables of a request: in the order asked, apart from any other of its name."""
    return f"{i:06d} {account}|"


def _former(own: str, lineage: Sequence[Mapping[str, object]]) -> set[str]:
    """The account with all that it was known as, by the rows of its lineage."""
    steps = [(cell_text(row.get("account_id")).strip(), cell_text(row.get("is_now")).strip()) for row in lineage]
    found = {own}
    while more := {account for account, now in steps if now in found and account} - found:
        found |= more
    return found


def _why_none(unpaid: Unpaid, code: int) -> str:
    return "no rows" if code < 0 else unpaid.standing(np.array([code]))[1]


def _of_revenue(account: str, error: RevenueError) -> TableError:
    return TableError(f"{account}: {error.message}", details=[account], remedy=error.remedy)


def _of_rows(refused: Sequence[RefusedRow], accounts: Sequence[tuple[str, Rows]]) -> TableError:
    """Names the first bad row and, in its details, the first of all, in the order of the request."""
    places = {(one.row.owner, one.table, one.row.number, one.column): one for one in reversed(refused)}
    ordered = [places[place] for place in sorted(places, key=lambda place: (*place[:3], place[3] or ""))]
    documents = [
        {
            "account_id": accounts[one.row.owner][0],
            "table": one.table,
            "row": one.row.number,
            "column": one.column,
            "rule": one.rule,
            "found": one.found[:100],
            "expected": one.expected,
        }
        for one in ordered[:_SHOWN]
    ]
    first, more = documents[0], f" (the first of {len(ordered):,}; see details)" if len(ordered) > 1 else ""
    column = f", column {first['column']}" if first["column"] else ""
    return TableError(
        f"{first['account_id']}: {first['table']}, row {first['row']}{column}: {first['rule']}, "
        f"found {first['found']!r}{more}.",
        details=documents,
        remedy=str(first["expected"]),
    )

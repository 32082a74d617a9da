"""The accounts of one request with their rows: read together, and scored where nothing of theirs is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from leap.config import TableSpec
from leap.revenue import Revenue
from leap.scoring.answers import Check
from leap.scoring.row_check import require_known
from leap.scoring.row_refusals import Rows
from leap.scoring.scored import score
from leap.scoring.standing import Unpaid
from leap.scoring.table import ScoreTable
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables
from leap.tables.account_tables import LINEAGE
from leap.tables.given import GivenRow, RefusedRow, cell_text
from leap.tables.names import OF_NAMES

if TYPE_CHECKING:
    from leap.scoring.given_rows import GivenRows

Scored = tuple[ScoreTable, int]
"""A table of scores, and the position of an account there."""
MOST_LOOKS: Final = 200
"""Names of columns in one request that are compared with the declared ones."""
_NEAR: Final = 0.8


class GivenRequest:
    """The accounts of one request, those together that look at one market: mostly all of them."""

    def __init__(self, given: GivenRows, accounts: Sequence[tuple[str, Rows]], looks: int = MOST_LOOKS):
        self._given, self.accounts = given, accounts
        self.looks = looks
        """Names of columns that may still be compared with the declared ones."""
        self._known_sets: dict[tuple[str, frozenset[str]], tuple[str, str] | None] = {}
        self.refused: list[RefusedRow] = []
        self._groups: dict[str, dict[str, list[GivenRow]]] = {}
        self._members: dict[str, list[int]] = {}
        self._group_of: list[str] = []
        for i, (account, tables) in enumerate(accounts):
            self._add(i, account, tables)

    def _add(self, i: int, account: str, tables: Rows) -> None:
        sources = self._given.sources
        require_known(account, tables, sources)
        market = {name: rows for name, rows in tables.items() if sources[name].shape == "market" and rows}
        group = repr([(name, [sorted(row.items()) for row in market[name]]) for name in sorted(market)])
        first = group not in self._groups
        rows_of = self._groups.setdefault(group, {})
        self._members.setdefault(group, []).append(i)
        self._group_of.append(group)
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
            self.looks -= 1
            if self.looks < 0:
                return
            near = difflib.get_close_matches(name.lower()[:100], lower, n=1, cutoff=_NEAR)
            if near:
                yield name, lower[near[0]]

    def read(self, until: pd.Timestamp, check: Check) -> dict[str, AccountTables]:
        """The tables of each group; where a row broke a rule (see `refused`) they are incomplete."""
        read: dict[str, AccountTables] = {}
        for group, rows in self._groups.items():
            check()
            read[group], refused = self._given.reading.tables(rows, until)
            self.refused += refused
        return read

    def refused_by_account(self) -> dict[int, list[RefusedRow]]:
        """The rows that broke a rule by the position of whom they concern: those of a market all who look at it."""
        found: dict[int, list[RefusedRow]] = {}
        for one in self.refused:
            shared = self._given.sources[one.table].shape == "market"
            for i in self._members[self._group_of[one.row.owner]] if shared else [one.row.owner]:
                own = one if i == one.row.owner else replace(one, row=replace(one.row, owner=i))
                found.setdefault(i, []).append(own)
        return found

    def scored(
        self, read: Mapping[str, AccountTables], moment: pd.Timestamp, check: Check
    ) -> tuple[dict[int, Scored], dict[int, str]]:
        """By position the scores of the accounts with MRR, and why the others have none."""
        found: dict[int, Scored] = {}
        silent: dict[int, str] = {}
        for group, tables in read.items():
            check()
            own, without = self._of_group(tables, self._members[group], moment)
            found |= own
            silent |= without
        return found, silent

    def _of_group(
        self, tables: AccountTables, members: list[int], moment: pd.Timestamp
    ) -> tuple[dict[int, Scored], dict[int, str]]:
        """Scores of the accounts with MRR, and why the others have none."""
        given, ids = self._given, [self.accounts[i][0] for i in members]
        keys = [_key(i, account.strip()) for i, account in zip(members, ids, strict=True)]
        codes = tables.accounts.get_indexer(pd.Index(keys, dtype=object))
        snapshots = customer_snapshots(tables, [moment])
        place = {int(code): row for row, code in enumerate(snapshots.rows["code"])}
        paying = np.array([int(code) in place for code in codes], dtype=bool)
        silent: dict[int, str] = {}
        if not paying.all():
            unpaid = Unpaid.of(Revenue(tables), moment)
            silent = {members[j]: _why_none(unpaid, int(codes[j])) for j in np.flatnonzero(~paying)}
            members, ids, keys = [*compress(members, paying)], [*compress(ids, paying)], [*compress(keys, paying)]
            codes = codes[paying]
        if not members:
            return {}, silent
        order = np.array([place[int(code)] for code in codes], dtype=np.int64)
        own = replace(snapshots, rows=snapshots.rows.iloc[order].reset_index(drop=True))
        table = replace(
            score(given.bundle, tables, own, given.version, apart=True),
            account_ids=ids,
            names=[tables.names.get(key, account) for key, account in zip(keys, ids, strict=True)],
            reach=given.reach,
            prepared=given.prepared,
        )
        return {i: (table, row) for row, i in enumerate(members)}, silent


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

"""All tables of a company and the only place that cuts them in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from leap.config import Role, Settings, TableSpec
from leap.tables.canonical import AT, CANCELLED, CLOSED, END, KEY, KIND, KNOWN, ROW, WON
from leap.tables.known_as import KnownAs
from leap.tables.problems import Problem

LINEAGE = "lineage"
"""The name under which the rows of merged and renamed accounts are counted."""
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Table:
    """One table in canonical rows; `rows_read = rows_used + rows_quarantined`."""

    name: str
    spec: TableSpec
    rows: pd.DataFrame
    rows_read: int = 0
    rows_quarantined: int = 0
    left_out: tuple[str, ...] = ()
    """Columns of the file that are not declared."""

    @property
    def rows_used(self) -> int:
        """Rows that passed every rule."""
        return self.rows_read - self.rows_quarantined

    @cached_property
    def of_no_account(self) -> _SortedTable:
        """In order of time; of a table whose rows are of no account, so that it is the same beside any accounts."""
        return _SortedTable(self, pd.Index([], dtype=object))


@dataclass(frozen=True)
class AccountTables:
    """The tables of one company as known before `data_until` (exclusive), sorted, with one index of accounts.

    `accounts` has every account of every table, sorted; a row's position in it is its code. Accounts that are known as
    others keep their codes: `lineage` says whose rows count for whom at a moment.
    """

    settings: Settings
    tables: Mapping[str, Table]
    data_until: pd.Timestamp
    problems: tuple[Problem, ...] = ()
    quarantine: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    lineage_table: Table | None = None
    """Rows "account (key) is known as (kind) from (at)"; None where leap.toml names no lineage."""

    @cached_property
    def accounts(self) -> pd.Index:
        """Every account of every table, and those that others are known as, sorted; a note about all has none."""
        keys = [table.rows[KEY] for table in self.tables.values() if KEY in table.rows]
        if self.lineage_table is not None and len(self.lineage_table.rows):
            keys.append(self.lineage_table.rows[KIND])
        return (
            pd.Index(sorted(set().union(*[set(k.unique()) for k in keys]) - {""}), dtype=object)
            if keys
            else pd.Index([], dtype=object)
        )

    @cached_property
    def lineage(self) -> KnownAs | None:
        """Which account every account is known as at a moment; None where no account was ever merged or renamed."""
        if self.lineage_table is None or not len(self.lineage_table.rows):
            return None
        rows = self.lineage_table.rows
        codes, targets = self.codes_of(rows[KEY]), self.codes_of(rows[KIND])
        there = codes >= 0
        since = rows[AT].to_numpy().astype("datetime64[us]")
        return KnownAs(codes[there], targets[there], since[there], len(self.accounts)) if there.any() else None

    @property
    def everything_read(self) -> dict[str, Table]:
        """All tables and, where there is one, the lineage: what `check` counts."""
        return dict(self.tables) if self.lineage_table is None else {**self.tables, LINEAGE: self.lineage_table}

    def codes_of(self, keys: pd.Series, known_as_at: pd.Timestamp | None = None) -> np.ndarray:
        """Positions of account keys in `accounts`, shape (n,); -1 for an unknown one.

        With a moment: of the accounts that they are known as then.
        """
        codes = _codes(self.accounts, keys)
        if known_as_at is None or self.lineage is None:
            return codes
        return np.where(codes >= 0, self.lineage.now(known_as_at)[codes], -1)

    def of_rows(self) -> np.ndarray:
        """Codes of the accounts that have a row of their own in some table."""
        keys = [self.codes_of(table.rows[KEY]) for table in self.tables.values() if KEY in table.rows]
        return np.unique(np.concatenate(keys)) if keys else np.zeros(0, dtype=np.int64)

    def remembered(self, name: str, make: Callable[[], _Found]) -> _Found:
        """What is computed from these tables once, however often it is asked for under this name."""
        if name not in self._memory:
            self._memory[name] = make()
        found: _Found = self._memory[name]
        return found

    @cached_property
    def _memory(self) -> dict[str, Any]:
        return {}

    @cached_property
    def names(self) -> dict[str, str]:
        """Display names of accounts, from the column `name` of an attributes table; else nothing."""
        for table in self.tables.values():
            if table.spec.shape == "attributes" and "name" in table.rows:
                return dict(zip(table.rows[KEY], table.rows["name"].astype(str), strict=True))
        return {}

    def with_role(self, role: Role) -> list[Table]:
        """The tables that have this role."""
        return [table for table in self.tables.values() if table.spec.role == role]

    def known_before(self, moment: pd.Timestamp) -> AccountTables:
        """What was known before a moment: later rows do not exist, later ends and results are still open.

        The end of a period is known when it happens, or from its cancellation on; a deal's result from its closing on.
        """
        cut = {name: _cut(table, moment) for name, table in self.tables.items()}
        until = min(moment, self.data_until)
        lineage = self.lineage_table
        if lineage is not None:
            lineage = _cut(lineage, moment)
        return replace(self, tables=cut, data_until=until, lineage_table=lineage)

    @cached_property
    def _sorted(self) -> dict[str, _SortedTable]:
        return {
            name: _SortedTable(table, self.accounts) if KEY in table.rows else table.of_no_account
            for name, table in self.tables.items()
        }

    def of_accounts(self, codes: np.ndarray) -> AccountTables:
        """The rows of some accounts alone, by their codes, beside those of no account: markets, rates."""
        tables = {
            name: replace(
                one.table, rows=one.rows.iloc[np.flatnonzero(np.isin(one.codes, codes))].reset_index(drop=True)
            )
            if KEY in one.rows
            else one.table
            for name, one in self._sorted.items()
        }
        lineage = self.lineage_table
        if lineage is not None:
            own = np.isin(self.codes_of(lineage.rows[KEY]), codes)
            lineage = replace(lineage, rows=lineage.rows[own].reset_index(drop=True))
        return replace(self, tables=tables, problems=(), quarantine={}, lineage_table=lineage)

    def view(self, name: str, moment: pd.Timestamp, *, include_moment: bool = False) -> TableView:
        """One table as it was known before a moment, for the feature families.

        With `include_moment` what became known on that very day counts too (the day of the first payment).
        """
        limit = moment + pd.Timedelta(days=1) if include_moment else moment
        return TableView(self._sorted[name], limit, self.lineage)


def _cut(table: Table, moment: pd.Timestamp) -> Table:
    """What was known of a table before a moment: itself, with all that was made of it, where that is everything."""
    return table if _is_known(table.rows, moment) else replace(table, rows=_known_before(table, moment))


def _is_known(rows: pd.DataFrame, moment: pd.Timestamp) -> bool:
    """Whether `_known_before` would change nothing."""
    limit = np.datetime64(moment, "us")
    if not (rows[KNOWN].to_numpy() < limit).all():
        return False
    if END in rows:
        end, cancelled = rows[END].to_numpy(), rows[CANCELLED].to_numpy()
        if ((end >= limit) & ~(cancelled < limit)).any() or (cancelled >= limit).any():
            return False
    if CLOSED in rows:
        closed = rows[CLOSED].to_numpy()
        return not ((closed >= limit) | (np.isnat(closed) & rows[WON].notna().to_numpy())).any()
    return True


def _known_before(table: Table, moment: pd.Timestamp) -> pd.DataFrame:
    rows = table.rows[table.rows[KNOWN] < moment]
    if END in rows:
        known_end = (rows[END] < moment) | (rows[CANCELLED] < moment)
        rows = rows.assign(
            **{
                END: rows[END].where(known_end),
                CANCELLED: rows[CANCELLED].where(rows[CANCELLED] < moment),
            }
        )
    if CLOSED in rows:
        known_result = rows[CLOSED] < moment
        rows = rows.assign(**{CLOSED: rows[CLOSED].where(known_result), WON: rows[WON].where(known_result)})
    return rows


def _codes(accounts: pd.Index, keys: pd.Series) -> np.ndarray:
    """Positions of keys in the index, -1 for an unknown one: both are text, held as objects."""
    return accounts.get_indexer(pd.Index(keys.to_numpy(dtype=object), dtype=object))


class _SortedTable:
    """A table sorted by its own time, then by when it was known; `codes` are positions in the index of accounts."""

    def __init__(self, table: Table, accounts: pd.Index):
        rows = table.rows
        self.table = table
        self.rows = _in_order(table)
        self.codes = _codes(accounts, self.rows[KEY]) if KEY in rows else np.zeros(len(rows), dtype=np.int64)
        self.known = self.rows[KNOWN].to_numpy().astype("datetime64[us]")
        self.at = self.rows[AT].to_numpy().astype("datetime64[us]") if AT in rows else self.known
        self.never_late = bool(AT in rows and (self.known == self.at).all())
        self.columns: dict[str, np.ndarray] = {}


def _in_order(table: Table) -> pd.DataFrame:
    """Rows by time; those of one moment by what they say, so that the order of a file changes no latest value.

    Nothing that may become known later decides. Events are only counted and summed: their order does not matter.
    """
    rows = table.rows
    times = [column for column in (AT, KNOWN) if column in rows]
    keys = [rows[column].to_numpy() for column in times]
    order = np.lexsort([rows[ROW].to_numpy(), *reversed(keys)])
    if table.spec.shape != "events" and _any_together([key[order] for key in keys], len(rows)):
        said = [column for column in rows if column not in (END, CANCELLED, ROW, *times)]
        keys += [pd.factorize(rows[column].astype(str), sort=True)[0] for column in said]
        order = np.lexsort([rows[ROW].to_numpy(), *reversed(keys)])
    if (order == np.arange(len(rows))).all():
        return rows if isinstance(rows.index, pd.RangeIndex) else rows.reset_index(drop=True)
    return rows.iloc[order].reset_index(drop=True)


def _any_together(ordered: list[np.ndarray], n: int) -> bool:
    """Whether two rows, in order of their times, have all of these in common."""
    same = np.ones(max(n - 1, 0), dtype=bool)
    for times in ordered:
        same &= times[1:] == times[:-1]
    return bool(same.any())


@dataclass(frozen=True)
class TableView:
    """One table as known before `moment`. Families compute from views only: they never see what came later.

    Every method returns arrays over the same positions, sorted by the rows' own time.
    """

    source: _SortedTable
    moment: pd.Timestamp
    lineage: KnownAs | None = None

    @property
    def spec(self) -> TableSpec:
        """The table's declaration."""
        return self.source.table.spec

    @cached_property
    def limit(self) -> np.datetime64:
        """The moment; rows known at or after it do not exist."""
        return np.datetime64(self.moment, "us")

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The canonical rows known before the moment, with unknown ends and results still open."""
        return _known_before(replace(self.source.table, rows=self.source.rows), self.moment)

    @cached_property
    def everything(self) -> np.ndarray:
        """Positions of all rows known before the moment.

        What an account itself says comes after what those say that are known as it now, so that the last value is its
        own: among the rows of one moment in a history, among all in a table without time.
        """
        positions = np.flatnonzero(self.source.known < self.limit)
        if self._known_as is None or self.spec.shape not in ("attributes", "history"):
            return positions
        raw = self.source.codes[positions]
        own = self._known_as[raw] == raw
        if self.spec.shape == "attributes":
            return positions[np.argsort(own, kind="stable")]
        return positions[np.lexsort((own, self.source.at[positions]))]

    @cached_property
    def _known_as(self) -> np.ndarray | None:
        """The account that each account was known as before the moment; None where all were themselves."""
        return None if self.lineage is None else self.lineage.before(self.moment)

    def window(self, days: int, *, before_days: int = 0) -> np.ndarray:
        """Positions of the rows with their own time in `[moment - before - days, moment - before)`, known before
        the moment.
        """
        at = self.source.at
        upper = self.limit - np.timedelta64(before_days, "D")
        stop = int(np.searchsorted(at, upper, side="left"))
        start = int(np.searchsorted(at, upper - np.timedelta64(days, "D"), side="left"))
        positions = np.arange(start, stop)
        return positions if self.source.never_late else positions[self.source.known[start:stop] < self.limit]

    def codes(self, positions: np.ndarray) -> np.ndarray:
        """The account codes of rows: of the accounts that those of the rows were known as before the moment."""
        codes = np.asarray(self.source.codes[positions])
        return codes if self._known_as is None else self._known_as[codes]

    def values(self, column: str, positions: np.ndarray) -> np.ndarray:
        """A column of rows, as typed in the canonical table."""
        cache = self.source.columns
        if column not in cache:
            cache[column] = self.source.rows[column].to_numpy()
        return np.asarray(cache[column][positions])

    def moments(self, column: str, positions: np.ndarray) -> np.ndarray:
        """A moment column of rows; ends, cancellations and results that were not known before the moment are
        missing.
        """
        moments = self.values(column, positions).astype("datetime64[us]")
        if column == END:
            cancelled = self.values(CANCELLED, positions).astype("datetime64[us]")
            return np.where((moments < self.limit) | (cancelled < self.limit), moments, np.datetime64("NaT", "us"))
        if column in (CANCELLED, CLOSED):
            return np.where(moments < self.limit, moments, np.datetime64("NaT", "us"))
        return moments

    def derived(self, key: str, make: Callable[[pd.DataFrame], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
        """A column computed once from each row by itself (a parsed number, a day), then read by position."""
        cache = self.source.columns
        if key not in cache:
            cache[key] = make(self.source.rows)
        return lambda positions: cache[key][positions]

"""All tables of a company and the only place that cuts them in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from leap.config import Role, Settings, TableSpec
from leap.tables.canonical import AT, CANCELLED, CLOSED, END, KEY, KNOWN, ROW, WON
from leap.tables.problems import Problem


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


@dataclass(frozen=True)
class AccountTables:
    """The tables of one company as known before `data_until` (exclusive), sorted, with one index of accounts.

    `accounts` has every account of every table, sorted; a row's position in it is its code.
    """

    settings: Settings
    tables: Mapping[str, Table]
    data_until: pd.Timestamp
    problems: tuple[Problem, ...] = ()
    quarantine: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @cached_property
    def accounts(self) -> pd.Index:
        """Every account of every table, sorted; a note about the whole market has none."""
        keys = [table.rows[KEY] for table in self.tables.values() if KEY in table.rows]
        return (
            pd.Index(sorted(set().union(*[set(k.unique()) for k in keys]) - {""}), dtype=object)
            if keys
            else pd.Index([], dtype=object)
        )

    def codes_of(self, keys: pd.Series) -> np.ndarray:
        """Positions of account keys in `accounts`, shape (n,); -1 for an unknown one."""
        return self.accounts.get_indexer(pd.Index(keys))

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
        cut = {name: replace(table, rows=_known_before(table, moment)) for name, table in self.tables.items()}
        until = min(moment, self.data_until)
        return replace(self, tables=cut, data_until=until)

    @cached_property
    def _sorted(self) -> dict[str, _SortedTable]:
        return {name: _SortedTable(table, self.accounts) for name, table in self.tables.items()}

    def view(self, name: str, moment: pd.Timestamp, *, include_moment: bool = False) -> TableView:
        """One table as it was known before a moment, for the feature families.

        With `include_moment` what became known on that very day counts too (the day of the first payment).
        """
        limit = moment + pd.Timedelta(days=1) if include_moment else moment
        return TableView(self._sorted[name], limit)


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


class _SortedTable:
    """A table sorted by its own time, then by when it was known; `codes` are positions in the index of accounts."""

    def __init__(self, table: Table, accounts: pd.Index):
        rows = table.rows
        self.table = table
        self.rows = _in_order(table)
        self.codes = (
            accounts.get_indexer(pd.Index(self.rows[KEY])) if KEY in rows else np.zeros(len(rows), dtype=np.int64)
        )
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
    if table.spec.shape != "events":
        said = [column for column in rows if column not in (END, CANCELLED, ROW, *times)]
        keys += [pd.factorize(rows[column].astype(str), sort=True)[0] for column in said]
    return rows.iloc[np.lexsort([rows[ROW].to_numpy(), *reversed(keys)])].reset_index(drop=True)


@dataclass(frozen=True)
class TableView:
    """One table as known before `moment`. Families compute from views only: they never see what came later.

    Every method returns arrays over the same positions, sorted by the rows' own time.
    """

    source: _SortedTable
    moment: pd.Timestamp

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
        """Positions of all rows known before the moment."""
        return np.flatnonzero(self.source.known < self.limit)

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
        """The account codes of rows."""
        return np.asarray(self.source.codes[positions])

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

"""What all families share: naming, declaring from a table's columns, and the column arrays by account."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leap.config import ColumnSpec, TableSpec
from leap.features.spec import Feature, Kind, Recipe, Scope, Signal
from leap.tables import Table, TableView, values

_INITIALS = frozenset({"mrr", "arr", "nps", "csat", "id"})
_MAX_KINDS = 12
_MIN_KIND_ACCOUNTS = 10


def slug(text: str) -> str:
    """A name of letters, digits and underscores.

    >>> slug("Observability & Analysis")
    'observability_analysis'
    """
    return re.sub(r"[^0-9a-zA-Z]+", "_", text).strip("_").lower() or "x"


def words(text: str) -> str:
    """A column name as people would write it.

    >>> words("end_user")
    'End user'
    """
    spaced = re.sub(r"[_\s]+", " ", text).strip()
    if spaced.lower() in _INITIALS:
        return spaced.upper()
    return spaced[:1].upper() + spaced[1:]


@dataclass(frozen=True)
class Declared:
    """A table, and how its columns are declared; makes features with the table's defaults."""

    table: Table

    def feature(
        self,
        name: str,
        operation: str,
        label: str,
        unit: str,
        missing: str,
        *,
        family: str | None = None,
        column: str | None = None,
        kind: str | None = None,
        window_days: int | None = None,
        value: Kind = "number",
        group: str | None = None,
    ) -> Feature:
        """A feature of this table; what a declared column does not say, the table says."""
        spec: TableSpec = self.table.spec
        own: ColumnSpec = spec.columns.get(column or (spec.kind if kind else None) or "", ColumnSpec())
        return Feature(
            name=name,
            recipe=Recipe(self.table.name, family or spec.shape, operation, column, kind, window_days),
            label=label,
            unit=unit,
            scope=Scope(own.scope or spec.scope),
            signal=Signal(own.signal or spec.signal),
            party=own.party or spec.party,
            kind=value,
            missing=missing,
            group=group or slug(column or kind or self.table.name),
            direction=own.direction,
            actionable=own.actionable,
        )

    def columns(self) -> Iterable[tuple[str, ColumnSpec, Kind]]:
        """The declared columns that may be features, with what they hold.

        Declaring the column of the kind or the quantity gives their features a label and a unit, and no feature more.
        Ends and cancellations are no features either: as plain columns they would be known from the start.
        """
        table = self.table.spec
        named = [table.kind, table.quantity] if table.shape != "attributes" else []
        if table.shape == "periods":
            named += [table.end, table.cancelled]
        for column, spec in self.table.spec.columns.items():
            if spec.available == "after" or column not in self.table.rows or column in named:
                continue
            kind = kind_of(self.table.rows[column], self.table.rows.get("_account_id"))
            if kind is not None:
                yield column, spec, kind

    def label(self, column: str) -> str:
        """The declared label of a column, else its name in words."""
        spec = self.table.spec.columns.get(column)
        return (spec.label if spec else None) or words(column)

    def unit(self, column: str) -> str:
        """The declared unit of a column."""
        spec = self.table.spec.columns.get(column)
        return (spec.unit if spec else None) or ""

    def kind_label(self, kind: str) -> str:
        """What a kind is called: the label of the kind's column (else of the table) and the kind."""
        column = self.table.spec.kind
        declared = column is not None and column in self.table.spec.columns
        return f"{self.label(str(column)) if declared else words(self.table.name)}: {kind}"

    def kinds(self, column: str = "_kind") -> list[str]:
        """The kinds that enough accounts have, most frequent first, at most twelve."""
        if column not in self.table.rows:
            return []
        counts = self.table.rows.groupby(column)["_account_id"].nunique()
        counts = counts[(counts >= _MIN_KIND_ACCOUNTS) & (counts.index != "")]
        ranked = counts.reset_index().sort_values(["_account_id", column], ascending=[False, True])
        return [str(kind) for kind in ranked[column].head(_MAX_KINDS)]


def kind_of(column: pd.Series, accounts: pd.Series | None = None) -> Kind | None:
    """What a column holds; None if it has no values, or so many that it can only be an identifier or free text.

    >>> [kind_of(pd.Series(cells)) for cells in (["True", "False", ""], ["1", "2.5"], ["a", "b", "a", "a"])]
    ['boolean', 'number', 'category']
    """
    present = column[~values.is_missing(column)]
    if present.empty:
        return None
    text = values.as_text(present).str.lower()
    if set(text.unique()) <= {"true", "false"}:
        return "boolean"
    parsed, bad = values.numbers(present)
    if bad.mean() <= 0.01 and parsed.notna().any():
        return "number"
    distinct = text.nunique()
    owners = accounts[present.index].nunique() if accounts is not None else len(present)
    return "category" if distinct <= max(2, min(0.5 * owners, 1000)) else None


def typed(view: TableView, column: str, kind: Kind) -> Any:
    """A declared column by position: float64 for numbers and booleans, text (empty = missing) for categories."""

    def make(rows: pd.DataFrame) -> np.ndarray:
        if kind == "boolean":
            return values.truths(rows[column])[0].to_numpy(dtype=float)
        if kind == "number":
            return values.numbers(rows[column])[0].to_numpy(dtype=float)
        return values.as_text(rows[column]).to_numpy(dtype=object)

    return view.derived(f"{kind}:{column}", make)


def empty(kind: Kind, n_accounts: int) -> np.ndarray:
    """A column in which nothing is known: NaN, or None for categories."""
    if kind == "category":
        return np.full(n_accounts, None, dtype=object)
    return np.full(n_accounts, np.nan)


def latest(view: TableView, positions: np.ndarray, column: str, kind: Kind, n_accounts: int) -> np.ndarray:
    """The last present value per account among rows sorted by time, shape (n_accounts,)."""
    result = empty(kind, n_accounts)
    found = typed(view, column, kind)(positions)
    present = found != "" if kind == "category" else ~np.isnan(found)
    # Assignment with repeated positions keeps the last one: rows are sorted by time.
    result[view.codes(positions)[present]] = found[present]
    return result

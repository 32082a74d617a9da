"""What all families share: features declared from a table's columns, and the columns that make none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from leap.config import ColumnSpec, TableSpec
from leap.features.columns import DAY, days_since, empty, has_offset, holds_dates, is_date, kind_of, latest, typed
from leap.features.naming import distinct, is_plural, since, slug, slugs, value_words, within, words
from leap.features.spec import LAYERS, Feature, Kind, Layer, Nature, Recipe, Scope, Signal
from leap.tables import Table, values
from leap.tables.canonical import CURRENCY, KEY

__all__ = [
    "DAY", "Declared", "days_since", "distinct", "empty", "is_plural", "kind_of", "latest", "since", "slug",
    "typed", "undelivered", "within", "words",
]  # fmt: skip

_MAX_KINDS = 12
_MIN_ACCOUNTS = 10
_OVERWRITTEN = re.compile(r"last|latest|recent|next|previous|modified|updated|changed|until|expir", re.IGNORECASE)


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
        like: str | None = None,
        directed: bool = True,
    ) -> Feature:
        """A feature of this table; what a declared column does not say, the table says.

        `like` is the declared column whose words count where the feature is not made of that column itself; without
        `directed` the direction declared of the column says nothing of this feature, such as the age of its value.
        """
        spec: TableSpec = self.table.spec
        own: ColumnSpec = spec.columns.get(like or column or (spec.kind if kind else None) or "", ColumnSpec())
        nature = self._nature(own, column, kind)
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
            group=group or self.slug(column or kind or self.table.name),
            direction=own.direction if directed else "none",
            actionable=nature == "actionable",
            consequence=nature == "consequence",
            layer=Layer(own.layer or spec.layer or LAYERS.get(spec.shape, Layer.FIRMOGRAPHIC)),
        )

    def _nature(self, own: ColumnSpec, column: str | None, kind: str | None) -> Nature:
        """What may be done with a feature: what is said of its kind counts first, then of its column, then the table's.

        What is counted over all kinds is told by the quantity's column, where there is one.
        """
        spec = self.table.spec
        if kind is not None and kind in spec.consequence_kinds:
            return "consequence"
        if kind is not None and kind in spec.actionable_kinds:
            return "actionable"
        if column is None and kind is None and spec.quantity is not None:
            own = spec.columns.get(spec.quantity, own)
        if own.consequence:
            return "consequence"
        return "actionable" if (spec.actionable if own.actionable is None else own.actionable) else "fixed"

    def columns(self) -> Iterable[tuple[str, ColumnSpec, Kind]]:
        """The declared columns that may be features, with what they hold.

        Declaring the column of the kind or the quantity gives their features a label and a unit, and no feature more.
        Ends and cancellations are no features either: as plain columns they would be known from the start.
        """
        for column, spec in self._candidates():
            kind = kind_of(self.table.rows[column], self.table.rows.get(KEY))
            if kind is not None:
                yield column, spec, kind

    def dates(self) -> Iterable[str]:
        """The declared columns of dates from which days may be counted.

        An account's row without a moment of its own says of a "last" or "next" date what was known at the export.
        """
        for column, _ in self._candidates():
            if is_date(self.table.rows[column]) and not self._is_overwritten(column):
                yield column

    def _candidates(self) -> Iterable[tuple[str, ColumnSpec]]:
        table = self.table.spec
        named = [table.kind, table.quantity] if table.shape != "attributes" else []
        if table.shape == "periods":
            named += [table.end, table.cancelled]
        if table.shape == "history":
            named += [table.at_column, table.known_at]
        for column, spec in table.columns.items():
            if spec.available == "before" and column in self.table.rows and column not in named:
                yield column, spec

    def _is_overwritten(self, column: str) -> bool:
        undated = self.table.spec.shape == "attributes" and self.table.spec.known_at is None
        return undated and _OVERWRITTEN.search(column) is not None

    def label(self, column: str) -> str:
        """The declared label of a column, else its name in words."""
        spec = self.table.spec.columns.get(column)
        return (spec.label if spec else None) or words(column) or "Unnamed column"

    def unit(self, column: str | None) -> str:
        """The declared unit of a column."""
        spec = self.table.spec.columns.get(column) if column else None
        return (spec.unit if spec else None) or ""

    @property
    def currency(self) -> str:
        """The currency of all of the table's amounts; empty where none is known, or several are."""
        codes: list[object] = list(self.table.rows[CURRENCY].unique()) if CURRENCY in self.table.rows else []
        return str(codes[0]) if len(codes) == 1 else ""

    def kind_label(self, kind: str) -> str:
        """What a kind is called: the label of the kind's column (else of the table) and the kind."""
        column = self.table.spec.kind
        declared = column is not None and column in self.table.spec.columns
        return f"{self.label(str(column)) if declared else words(self.table.name)}: {value_words(kind)}"

    def kinds(self, column: str = "_kind", rows: pd.DataFrame | None = None) -> list[str]:
        """The kinds that enough accounts have (in these rows, else in all), most frequent first, at most twelve."""
        rows = self.table.rows if rows is None else rows
        if column not in rows:
            return []
        counts = rows.groupby(column)[KEY].nunique()
        counts = counts[(counts >= _MIN_ACCOUNTS) & (counts.index != "")]
        ranked = counts.reset_index().sort_values([KEY, column], ascending=[False, True])
        return [str(kind) for kind in ranked[column].head(_MAX_KINDS)]

    def slug(self, text: str) -> str:
        """The name of a column or kind, unlike that of any other declared column or kind of the table."""
        return self._column_slugs.get(text) or self._kind_slugs.get(text) or slug(text)

    @cached_property
    def _column_slugs(self) -> dict[str, str]:
        return slugs(self.table.spec.columns)

    @cached_property
    def _kind_slugs(self) -> dict[str, str]:
        return slugs(self.kinds())

    def varies(self, column: str) -> bool:
        """Whether enough accounts have two values of a column or more, so that its changes can say something."""
        rows = self.table.rows
        present = ~values.is_missing(rows[column])
        distinct_values = values.as_text(rows.loc[present, column]).groupby(rows.loc[present, KEY]).nunique()
        return int((distinct_values > 1).sum()) >= _MIN_ACCOUNTS

    def observed_apart(self, column: str) -> bool:
        """Whether a column is observed on occasions of its own: it is filled in at most half of the rows."""
        return bool(values.is_missing(self.table.rows[column]).mean() >= 0.5)


def undelivered(table: Table) -> list[tuple[str, str]]:
    """The declared columns that make no feature, or one that says nothing, each with the reason in words.

    Columns that only give their label and unit to others, such as the kind of events, are delivered; those declared
    as known only after the outcome are not meant to be, and are not named.
    """
    from leap.features.build import _declare  # the families that it knows are built on this module

    if table.rows.empty:
        return []
    features = _declare(table)
    found = []
    for column, spec in table.spec.columns.items():
        if spec.available == "before" and column in table.rows:
            why = _why_not(Declared(table), column, features)
            if why is not None:
                found.append((column, why))
    return found


def _why_not(declared: Declared, column: str, features: list[Feature]) -> str | None:
    spec, cells = declared.table.spec, declared.table.rows[column]
    present = cells[~values.is_missing(cells)]
    makes_some = any(column == feature.recipe.column for feature in features)
    if not makes_some and spec.shape != "snapshot":
        if spec.role is not None and not features:
            return f"no features are made of a table with role {spec.role}"
        if column in _gives_words(spec):
            kinds = any(feature.recipe.kind is not None for feature in features)
            return (
                None if column != spec.kind or kinds else f"none of its values is of {_MIN_ACCOUNTS} accounts or more"
            )
        why = _own_column(spec, column)
        if why is not None:
            return why
    if present.empty:
        return "every value is empty"
    if makes_some:
        return _says_nothing(cells, present)
    return _not_readable(declared, column, present) or _says_nothing(cells, present) or _not_of_shape(spec)


def _gives_words(spec: TableSpec) -> list[str | None]:
    """The columns whose label and unit others take over."""
    return [spec.value, spec.segment] if spec.shape == "market" else [spec.kind, spec.quantity, spec.price]


def _own_column(spec: TableSpec, column: str) -> str | None:
    """Why a column that the table uses for something else makes no feature by itself."""
    if spec.shape == "periods" and column in (spec.end, spec.cancelled):
        return "an end is not known before it happens; as a plain column it would be known from the start"
    of_shape: dict[str, list[str | None]] = {
        "periods": [spec.start, spec.renews],
        "market": [spec.indicator, spec.period, spec.published],
        "events": [spec.at_column, spec.created, spec.closed, spec.won] if spec.role == "deals" else [spec.at_column],
        "history": [spec.at_column],
    }
    if column in [spec.key, spec.known_at, spec.currency, *of_shape.get(spec.shape, [])]:
        return "it says when a row holds or whose it is; what that says of an account is in the table's own features"
    return "the features of a market are its indicators" if spec.shape == "market" else None


def _says_nothing(cells: pd.Series, present: pd.Series) -> str | None:
    text = values.as_text(present)
    if text.nunique() > 1:
        return None
    rest = "" if len(present) == len(cells) else "; all it can say is whether it is filled"
    return f"one value only: {text.iloc[0]!r}{rest}"


def _not_readable(declared: Declared, column: str, present: pd.Series) -> str | None:
    """Why no numbers, categories or dates can be read from a column."""
    shape = declared.table.spec.shape
    if holds_dates(present):
        if shape not in ("attributes", "history"):
            return "days are counted from declared dates only in tables of shape attributes and history"
        if has_offset(present):
            return "its times have an offset from UTC; write plain dates such as 2024-05-31"
        return (
            "its name says that its dates are overwritten, and no date says when each was known; give the table a "
            "known_at, or make it a history"
        )
    accounts = declared.table.rows.get(KEY)
    if kind_of(declared.table.rows[column], accounts) is not None:
        return None
    parsed, bad = values.numbers(present)
    if parsed.notna().sum() > bad.sum():
        example = values.as_text(present[bad]).iloc[0]
        return f"{int(bad.sum()):,} of {len(present):,} values are no plain numbers, for example {example!r}"
    owners = accounts[present.index].nunique() if accounts is not None else len(present)
    many = values.as_text(present).str.lower().nunique()
    return f"an identifier or free text: {many:,} different values in {owners:,} accounts are too many for categories"


def _not_of_shape(spec: TableSpec) -> str | None:
    if spec.shape == "snapshot":
        return None
    if spec.role == "deals":
        return "deals are counted by their results; their columns make no features"
    return "words of an event are counted only in the column that the table names as its `kind`"

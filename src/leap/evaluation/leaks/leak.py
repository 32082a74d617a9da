"""One finding of the audit, and which features it takes away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from leap.features import Feature, FeatureCatalog
from leap.tables import AccountTables
from leap.tables.canonical import KIND


@dataclass(frozen=True)
class Leak:
    """A column that knows the outcome, or looks as if it did.

    `column` is a column, a kind of event or period or, where the whole table tells, the column of its key. `kept`: the
    settings say to use it all the same (`leaks.keep_columns`).
    """

    table: str
    column: str
    why: str
    kept: bool = False

    @property
    def name(self) -> str:
        """As `leaks.keep_columns` names it."""
        return f"{self.table}.{self.column}"

    def to_json(self) -> dict[str, str]:
        """As in the JSON of `check`."""
        return {"table": self.table, "column": self.column, "why": self.why}


def marked(tables: AccountTables, leaks: Iterable[Leak]) -> list[Leak]:
    """One finding a column, the first; those that the settings keep are marked."""
    keep = set(tables.settings.leaks.keep_columns)
    first: dict[str, Leak] = {}
    for leak in leaks:
        first.setdefault(leak.name, replace(leak, kept=leak.name in keep))
    return list(first.values())


def left_out(leaks: Iterable[Leak]) -> list[Leak]:
    """The findings that are not kept."""
    return [leak for leak in leaks if not leak.kept]


def notes_of(leaks: Iterable[Leak], keep_columns: Iterable[str]) -> list[str]:
    """What a model card says: what was left out, and what was used although the audit names it."""
    found = list(leaks)
    notes = [f"Left out as a possible leak: {leak.name} ({leak.why})." for leak in left_out(found)]
    notes += [
        f"Used by leaks.keep_columns although the audit names it: {leak.name} ({leak.why})."
        for leak in found
        if leak.kept
    ]
    unnamed = sorted(set(keep_columns) - {leak.name for leak in found})
    return notes + [f"leaks.keep_columns keeps {name}, which the audit does not name." for name in unnamed]


def source_of(feature: Feature) -> str:
    """What a feature is made from: a column, a kind, or all rows of its table."""
    return str(feature.recipe.column or feature.recipe.kind or feature.recipe.operation)


def without(tables: AccountTables, catalog: FeatureCatalog, leaks: Iterable[Leak]) -> FeatureCatalog:
    """The catalog without every feature, in all its windows, that is made from what was found.

    Where a kind was found, what is made from the rows of all kinds goes too, since it counts that kind as well.
    """
    found = {(leak.table, leak.column) for leak in left_out(leaks)}
    whole = {table for table, column in found if table in tables.tables and column == tables.tables[table].spec.key}
    mixed = {table for table, name in found if _is_kind(tables, table, name)}
    kept = [
        f.name
        for f in catalog.features
        if f.recipe.table not in whole
        and not sources(f) & found
        and (f.recipe.kind is not None or f.recipe.table not in mixed)
    ]
    return catalog.with_features(kept)


def _is_kind(tables: AccountTables, table: str, name: str) -> bool:
    if table not in tables.tables or name in tables.tables[table].spec.columns:
        return False
    rows = tables.tables[table].rows
    return KIND in rows and bool((rows[KIND] == name).any())


def sources(feature: Feature) -> set[tuple[str, str]]:
    """Every (table, column or kind) that a finding may name to take this feature away."""
    parts = (feature.recipe.column, feature.recipe.kind, source_of(feature))
    return {(feature.recipe.table, str(part)) for part in parts if part}

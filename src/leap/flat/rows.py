"""The rows of a flat table: whose they are, of when, what followed, and their features as they stand in the row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from leap.config import Settings, TableSpec
from leap.errors import CatalogError, TableError
from leap.features import Feature, FeatureCatalog, FeatureFrame, families
from leap.features.families import Declared
from leap.flat.workspace import flat_table, flat_tables
from leap.tables import AccountTables, Table, values
from leap.tables.canonical import AT, KEY, VALUE
from leap.tables.problems import Problem, examples_of

_EMPTY = ("", "null", "nan", "na", "n/a")
_MOST_UNREADABLE = 0.1
_UNDATED = np.datetime64("1970-01-01", "us")


@dataclass(frozen=True)
class FlatOutcome:
    """What is learned: its column, whether it happens or not (`binary`) or is a `number`, and its name in sentences."""

    column: str
    kind: Literal["binary", "number"]
    words: str

    @classmethod
    def of(cls, spec: TableSpec) -> FlatOutcome:
        """As a table declares it; where yes is not simply yes, the words say what it is.

        >>> declared = {"shape": "snapshot", "source": "f.csv", "outcome": "retained"}
        >>> FlatOutcome.of(TableSpec(**declared, outcome_positive=False)).words
        'retained = false'
        """
        column, positive = str(spec.outcome), spec.outcome_positive
        text = str(positive).lower() if isinstance(positive, bool) else str(positive)
        plainly = spec.outcome_kind == "number" or positive is None or values.truths(pd.Series([text]))[0].iloc[0] == 1
        return cls(column, spec.outcome_kind, column if plainly else f"{column} = {text}")

    @property
    def key(self) -> str:
        """Its name in files and JSON: OUTCOME_probability, or OUTCOME for a number."""
        return f"{self.column}_probability" if self.kind == "binary" else self.column

    @property
    def event(self) -> str:
        """What an account has where it happened, in sentences.

        >>> FlatOutcome("won", "binary", "won").event, FlatOutcome("won", "binary", "won = no").event
        ('won = true', 'won = no')
        """
        return self.words if self.words != self.column else f"{self.column} = true"

    @property
    def is_binary(self) -> bool:
        """Whether it happens or not."""
        return self.kind == "binary"


@dataclass(frozen=True)
class FlatRows:
    """Rows sorted by account and date, aligned; `outcome` is NaN where it is empty or not known yet.

    `at` is the same for all rows of an undated table. `young` marks filled outcomes that were not known at the end of
    the data given.
    """

    table: Table
    settings: Settings
    outcome_of: FlatOutcome
    cells: pd.DataFrame
    keys: np.ndarray
    at: np.ndarray
    dated: bool
    outcome: np.ndarray
    young: np.ndarray
    end: pd.Timestamp | None
    """The end of the data (exclusive), where the dates or the settings say one; the clock never does."""

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def labelled(self) -> np.ndarray:
        """Rows whose outcome is known."""
        return np.asarray(~np.isnan(self.outcome))

    def where(self, keep: np.ndarray) -> FlatRows:
        """The rows that a mask keeps."""
        arrays = {name: getattr(self, name)[keep] for name in ("keys", "at", "outcome", "young")}
        return replace(self, cells=self.cells[keep].reset_index(drop=True), **arrays)

    def as_of(self) -> list[str]:
        """The date of every row as text: its own, else the end of the data, else nothing."""
        if self.dated:
            return [_iso(pd.Timestamp(moment)) for moment in self.at]
        return [f"{self.end:%Y-%m-%d}" if self.end is not None else ""] * len(self)


def _iso(moment: pd.Timestamp) -> str:
    """The day; with the time of day where there is one."""
    return f"{moment:%Y-%m-%d}" if moment == moment.normalize() else moment.isoformat(timespec="seconds")


def flat_rows(tables: AccountTables, *, until_given: bool) -> FlatRows:
    """The rows of the workspace's flat table, TableError if its outcomes cannot be read.

    `until_given`: the end of the data was stated (`--data-until`, `company.data_until`) and is not the default, the day
    after the latest row. A filled outcome of a row whose horizon is not over by a stated end was not known then.
    """
    table = tables.tables[str(flat_table(tables.settings))]
    broken = outcome_problems(table)
    if broken:
        raise TableError("; ".join(map(str, broken)), details=[problem.to_json() for problem in broken])
    dated = table.spec.at is not None and AT in table.rows
    by = [KEY, AT] if dated else [KEY]
    cells = table.rows.sort_values(by, kind="stable").reset_index(drop=True)
    at = cells[AT].to_numpy().astype("datetime64[us]") if dated else np.full(len(cells), _UNDATED)
    outcome = outcome_values(table.spec, cells[VALUE]) if VALUE in cells else np.full(len(cells), np.nan)
    young = np.zeros(len(cells), dtype=bool)
    if dated and until_given:
        end = np.datetime64(tables.data_until, "us")
        young = ~np.isnan(outcome) & (known_at(at, tables.settings) >= end)
        outcome = np.where(young, np.nan, outcome)
    return FlatRows(
        table=table,
        settings=tables.settings,
        outcome_of=FlatOutcome.of(table.spec),
        cells=cells,
        keys=cells[KEY].to_numpy(dtype=object),
        at=at,
        dated=dated,
        outcome=outcome,
        young=young,
        end=tables.data_until if dated or until_given else None,
    )


def known_at(at: np.ndarray, settings: Settings) -> np.ndarray:
    """When the outcomes of rows of these dates are taken as known: a horizon later, shape (n,)."""
    months = pd.DateOffset(months=settings.outcome.horizon_months)
    dates, place = np.unique(at, return_inverse=True)
    later = np.array([np.datetime64(pd.Timestamp(date) + months, "us") for date in dates], dtype="datetime64[us]")
    return later[place] if len(at) else at


def outcome_values(spec: TableSpec, text: pd.Series) -> np.ndarray:
    """1.0 or 0.0 (binary) or the number; NaN where the cell is empty, shape (n,).

    >>> spec = TableSpec(shape="snapshot", source="f.csv", outcome="left", outcome_positive="Yes")
    >>> outcome_values(spec, pd.Series(["Yes", "No", ""])).tolist()
    [1.0, 0.0, nan]
    """
    positive = spec.outcome_positive
    if spec.outcome_kind == "number":
        return values.numbers(text)[0].to_numpy(dtype=float)
    if positive is None or isinstance(positive, bool):
        truth = values.truths(text)[0].to_numpy(dtype=float)
        return truth if positive is not False else 1 - truth
    if isinstance(positive, str):
        found, empty = text == positive.strip(), text.str.lower().isin(_EMPTY)
    else:
        numbers = values.numbers(text)[0]
        found, empty = numbers == float(positive), numbers.isna()
    return np.where(empty, np.nan, found.to_numpy(dtype=float))


def outcome_problems(table: Table) -> list[Problem]:
    """What makes the outcomes unreadable: an `outcome_positive` that stands nowhere, cells of another type than it."""
    spec, positive = table.spec, table.spec.outcome_positive
    if VALUE not in table.rows or positive is None or spec.outcome_kind == "number":
        return []
    text = table.rows[VALUE]
    filled = text[~text.str.lower().isin(_EMPTY)]

    def problem(rule: str, where: pd.Series, remedy: str) -> list[Problem]:
        shown = examples_of(where.value_counts().index)
        share = len(where) / max(table.rows_read, 1)
        return [Problem("fail", table.name, spec.outcome, rule, len(where), share, shown, remedy)]

    if not isinstance(positive, str):
        _, bad = values.truths(filled) if isinstance(positive, bool) else values.numbers(filled)
        if bad.any():
            kind = "true or false" if isinstance(positive, bool) else "a number"
            why = f"outcome_positive is {positive!r}, so every outcome is {kind}; else name the word for yes in quotes."
            return problem("bad_outcome", filled[bad], why)
    if len(filled) and not (outcome_values(spec, filled) == 1).any():
        remedy = f"No outcome is {positive!r}; name one that is there."
        if filled.nunique() == 1:
            remedy = f"Every outcome is {filled.iloc[0]!r} and none {positive!r}: give rows of both, or both words."
        return problem("outcome_positive_not_found", filled, remedy)
    return []


def checked(tables: AccountTables) -> AccountTables:
    """The tables with what is wrong with the outcomes of flat ones among their problems."""
    found = [problem for name in flat_tables(tables.settings) for problem in outcome_problems(tables.tables[name])]
    return replace(tables, problems=(*tables.problems, *found)) if found else tables


def negatives(rows: FlatRows) -> list[str]:
    """The words that count as "did not happen", most frequent first."""
    if not rows.outcome_of.is_binary or not len(rows):
        return []
    text = rows.cells[VALUE][rows.outcome == 0]
    return [str(word) for word in text.value_counts().sort_index().sort_values(ascending=False, kind="stable").index]


def declare(rows: FlatRows) -> FeatureCatalog:
    """A feature for every declared column, its kind by the rows whose outcome is known (if there are any).

    Key, date, outcome and duration (which knows the outcome) are none, nor is a column without values or with as many
    as an identifier.
    """
    spec = rows.table.spec
    seen = rows.where(rows.labelled) if rows.labelled.any() else rows
    declared = Declared(replace(rows.table, rows=seen.cells))
    named = {spec.key, spec.at, spec.outcome, spec.known_at, spec.duration}
    features: list[Feature] = []
    for column, _, kind in declared.columns():
        if column in named:
            continue
        name = _free(families.slug(column), [feature.name for feature in features])
        features.append(
            declared.feature(
                name, "value", declared.label(column), declared.unit(column), "not recorded", column=column, value=kind
            )
        )
    return FeatureCatalog(tuple(features))


def unused(rows: FlatRows, catalog: FeatureCatalog) -> list[str]:
    """Columns declared as features that are none."""
    used = {feature.recipe.column for feature in catalog.features}
    return [c for c, spec in rows.table.spec.columns.items() if spec.available == "before" and c not in used]


def feature_frame(rows: FlatRows, catalog: FeatureCatalog) -> FeatureFrame:
    """The catalog's features of rows; CatalogError if their columns are not there or hold something else."""
    require_columns(rows.table, catalog)
    columns = {feature.name: _typed(rows, feature) for feature in catalog.features}
    return FeatureFrame(pd.DataFrame(columns, index=range(len(rows))), catalog, np.zeros(len(rows), dtype=bool))


def require_columns(table: Table, catalog: FeatureCatalog) -> None:
    """CatalogError unless the table has the name and declares the columns that the features come from."""
    names = {feature.recipe.table for feature in catalog.features}
    if names - {table.name}:
        raise CatalogError(
            f"The model needs the flat table {', '.join(sorted(names))}; the workspace has {table.name}.",
            remedy="Score a workspace with the same table, or train a model for this one.",
        )
    missing = (
        [f.recipe.column for f in catalog.features if f.recipe.column not in table.rows] if len(table.rows) else []
    )
    if missing:
        raise CatalogError(
            f"{table.name}: the model needs the column(s) {missing}; the workspace declares "
            f"{list(table.spec.columns)}.",
            details=missing,
            remedy="Declare them under columns, or train a model for this workspace.",
        )


def _typed(rows: FlatRows, feature: Feature) -> np.ndarray:
    if not len(rows):
        return families.empty(feature.kind, 0)
    cells = rows.cells[str(feature.recipe.column)]
    if feature.kind == "category":
        text = values.as_text(cells).to_numpy(dtype=object, copy=True)
        text[text == ""] = None
        return np.asarray(text)
    read, bad = values.truths(cells) if feature.kind == "boolean" else values.numbers(cells)
    if bad.sum() > _MOST_UNREADABLE * max(int((read.notna() | bad).sum()), 1):
        kind = "true or false" if feature.kind == "boolean" else "numbers"
        raise CatalogError(
            f"{rows.table.name}.{feature.recipe.column}: expected {kind} as in training; found otherwise in "
            f"{int(bad.sum())} of {len(cells)} rows, for example {', '.join(examples_of(cells[bad]))}.",
            remedy="Write them as when the model was trained, or train it anew.",
        )
    return read.to_numpy(dtype=float)


def _free(name: str, taken: Iterable[str]) -> str:
    """A name that no other feature has.

    >>> _free("size", ["size", "size_2"])
    'size_3'
    """
    used, number, free = set(taken), 1, name
    while free in used:
        number += 1
        free = f"{name}_{number}"
    return free

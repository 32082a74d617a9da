"""`attributes` (the value as last known) and `history` (as observed: latest value, its age, its changes).

A change over a window compares the latest value with the one observed before the window began, both as known at the
moment: a figure corrected in between counts corrected on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.columns import DAY, days_since, moments_of
from leap.features.families import Declared
from leap.features.spec import CHANGE, Feature, Kind
from leap.tables import Table, TableView, values
from leap.tables.canonical import AT

_YEAR, _QUARTER = 365, 91


def declare_attributes(table: Table) -> list[Feature]:
    """One feature per declared column: its value as last known before the moment; days since a date."""
    declared = Declared(table)
    features = [
        declared.feature(
            declared.slug(column), "value", declared.label(column), declared.unit(column), "not recorded",
            column=column, value=kind,
        )
        for column, _, kind in declared.columns()
    ]  # fmt: skip
    return families.distinct(features + list(_dates(declared)))


def declare_history(table: Table) -> list[Feature]:
    """Latest known value of every declared column with its changes, and how old the latest observation is."""
    declared = Declared(table)
    features: list[Feature] = []
    apart: list[Feature] = []
    for column, _, kind in declared.columns():
        name, label, unit = declared.slug(column), declared.label(column), declared.unit(column)
        features.append(declared.feature(name, "latest", label, unit, "never observed", column=column, value=kind))
        features += _changes_of_number(declared, column) if kind == "number" else _changes(declared, column, kind)
        if declared.observed_apart(column):
            apart.append(_age(declared, f"{name}_age_days", label, column))
    features += [*_dates(declared), *apart]
    if features:
        features.append(_age(declared, f"{table.name}_age_days", families.words(table.name), None))
    return families.distinct(features)


def _changes_of_number(declared: Declared, column: str) -> Iterator[Feature]:
    name, label, unit = declared.slug(column), declared.label(column), declared.unit(column)
    for days, before in ((_QUARTER, "91 days"), (_YEAR, "a year")):
        yield declared.feature(
            f"{name}_change_{days}d", "change", f"{label}, change over {days} days", unit,
            f"not observed both now and {before} before", column=column, window_days=days,
        )  # fmt: skip
    # Of a score that may be below zero, such as a net promoter score, a share says nothing.
    if bool((values.numbers(declared.table.rows[column])[0].dropna() >= 0).all()):
        yield declared.feature(
            f"{name}_growth_{_YEAR}d", "growth", f"{label}, growth over {_YEAR} days", CHANGE,
            "not observed both now and a year before, or nothing then", column=column, window_days=_YEAR,
        )  # fmt: skip


def _changes(declared: Declared, column: str, kind: Kind) -> Iterator[Feature]:
    if not declared.varies(column):
        return
    name, label = declared.slug(column), declared.label(column)
    yield declared.feature(
        f"{name}_changed_{_YEAR}d", "changed", f"{label}: changed in the last {_YEAR} days", "", "never observed",
        column=column, window_days=_YEAR, value="boolean", directed=False,
    )  # fmt: skip
    if kind == "category":
        yield declared.feature(
            f"{name}_changes", "changes", f"{label}: changes so far", "changes", "never observed",
            column=column, directed=False,
        )  # fmt: skip


def _dates(declared: Declared) -> Iterator[Feature]:
    for column in declared.dates():
        label = f"Time since {families.since(declared.label(column))}"
        yield declared.feature(
            f"{declared.slug(column)}_days", "days_since", label, "days",
            "no date recorded, or one still ahead", column=column, directed=False,
        )  # fmt: skip


def _age(declared: Declared, name: str, label: str, column: str | None) -> Feature:
    group = None if column else f"{declared.table.name}_age"
    return declared.feature(
        name, "age", f"{label}: time since last observed", "days", "never observed",
        column=column, directed=False, group=group,
    )  # fmt: skip


def compute_attributes(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each; of several rows of an account the last known counts."""
    rows = view.everything
    return {
        f.name: _days(view, f, n_accounts)
        if f.recipe.operation == "days_since"
        else families.latest(view, rows, str(f.recipe.column), f.kind, n_accounts)
        for f in features
    }


def compute_history(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Latest values, changes and ages by account, shape (n_accounts,) each."""
    rows = view.everything
    result = {}
    for feature in features:
        column = str(feature.recipe.column)
        match feature.recipe.operation:
            case "change" | "growth":
                value = _change(view, feature, n_accounts)
            case "changed" | "changes":
                value = _steps(view, feature, n_accounts)
            case "days_since":
                value = _days(view, feature, n_accounts)
            case "age":
                value = _observed_days_ago(view, feature.recipe.column, n_accounts)
            case _:
                value = families.latest(view, rows, column, feature.kind, n_accounts)
        result[feature.name] = value
    return result


def _change(view: TableView, feature: Feature, n_accounts: int) -> np.ndarray:
    """The latest number less the latest of those observed before the window, or as a share of it where positive."""
    rows, column = view.everything, str(feature.recipe.column)
    now = families.latest(view, rows, column, "number", n_accounts)
    begin = view.limit - int(feature.recipe.window_days or _YEAR) * DAY
    then = families.latest(view, rows[view.moments(AT, rows) < begin], column, "number", n_accounts)
    if feature.recipe.operation == "change":
        return np.asarray(now - then)
    share: np.ndarray = np.divide(now, then, out=np.full(n_accounts, np.nan), where=then > 0)
    return share - 1


def _steps(view: TableView, feature: Feature, n_accounts: int) -> np.ndarray:
    """How often a value differed from the one observed before it; with a window, whether it did since it began.

    Of several rows observed at one moment the last known counts: a correction is no change.
    """
    by_account = view.derived("by_account", lambda rows: np.argsort(view.source.codes, kind="stable"))
    rows = by_account(np.arange(len(view.source.codes)))
    value = _coded(view, str(feature.recipe.column))(rows)
    kept = (view.source.known[rows] < view.limit) & (value >= 0)
    rows, value = rows[kept], value[kept]
    # Steps are counted within the history of each account as written: two that were merged do not alternate.
    codes, own, at = view.codes(rows), view.source.codes[rows], view.moments(AT, rows)
    corrected = np.append((own[1:] == own[:-1]) & (at[1:] == at[:-1]), False)[: len(rows)]
    codes, own, at, value = codes[~corrected], own[~corrected], at[~corrected], value[~corrected]
    ever = np.bincount(codes, minlength=n_accounts) > 0
    changed = (own[1:] == own[:-1]) & (value[1:] != value[:-1])
    if feature.recipe.window_days is not None:
        changed &= at[1:] >= view.limit - feature.recipe.window_days * DAY
    times = np.bincount(codes[1:][changed], minlength=n_accounts)
    counted = times > 0 if feature.recipe.operation == "changed" else times
    return np.where(ever, counted.astype(float), np.nan)


def _coded(view: TableView, column: str) -> Callable[[np.ndarray], np.ndarray]:
    """A column's values as numbers that are equal where the values are (in any case), -1 where they are missing."""

    def make(rows: pd.DataFrame) -> np.ndarray:
        text = values.as_text(rows[column]).str.lower()
        return pd.factorize(text.where(text != "", None))[0]

    return view.derived(f"codes:{column}", make)


def _days(view: TableView, feature: Feature, n_accounts: int) -> np.ndarray:
    """Days from the date last known to the moment; missing where it is still ahead."""
    rows = view.everything
    dates = moments_of(view, str(feature.recipe.column))(rows)
    present = ~np.isnat(dates)
    last = np.full(n_accounts, np.datetime64("NaT", "us"))
    last[view.codes(rows)[present]] = dates[present]
    return days_since(view, last)


def _observed_days_ago(view: TableView, column: str | None, n_accounts: int) -> np.ndarray:
    """Days since the last observation of an account, or since the last that has a value of a column."""
    rows = view.everything
    if column is not None:
        rows = rows[_coded(view, column)(rows) >= 0]
    last = np.full(n_accounts, np.datetime64("NaT", "us"))
    last[view.codes(rows)] = view.moments(AT, rows)
    return days_since(view, last)


def first_observed(view: TableView, feature: Feature, n_accounts: int) -> tuple[np.ndarray, np.ndarray]:
    """The first value ever observed of each account and when it was known, shape (n_accounts,) each.

    It stands in for "before it bought" where nothing older is known. Only the fit frame of `build_features` asks for
    it, uses it in rows of a later date than it was known at, and flags them.
    """
    latest_first = np.argsort(view.source.known, kind="stable")[::-1]
    value = families.latest(view, latest_first, str(feature.recipe.column), feature.kind, n_accounts)
    found = families.typed(view, str(feature.recipe.column), feature.kind)(latest_first)
    present = latest_first[found != "" if feature.kind == "category" else ~np.isnan(found)]
    known = np.full(n_accounts, np.datetime64("NaT", "us"))
    known[view.codes(present)] = view.source.known[present]
    return value, known

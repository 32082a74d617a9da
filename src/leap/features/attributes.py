"""`attributes` (one row per account: the value) and `history` (as observed: latest value, its age, its change)."""

from __future__ import annotations

import numpy as np

from leap.features import families
from leap.features.families import Declared
from leap.features.spec import Feature
from leap.tables import Table, TableView
from leap.tables.canonical import AT

_CHANGE_DAYS = 365


def declare_attributes(table: Table) -> list[Feature]:
    """One feature per declared column: its value, if known before the moment."""
    declared = Declared(table)
    return [
        declared.feature(
            families.slug(column), "value", declared.label(column), declared.unit(column), "not recorded",
            column=column, value=kind,
        )
        for column, _, kind in declared.columns()
    ]  # fmt: skip


def declare_history(table: Table) -> list[Feature]:
    """Latest known value of every declared column, the change of numbers over a year."""
    declared = Declared(table)
    features = []
    for column, _, kind in declared.columns():
        name, label, unit = families.slug(column), declared.label(column), declared.unit(column)
        features.append(declared.feature(name, "latest", label, unit, "never observed", column=column, value=kind))
        if kind == "number":
            features.append(
                declared.feature(
                    f"{name}_change_365d", "change", f"{label}, change over 365 days", unit,
                    "not observed both now and a year before", column=column, window_days=_CHANGE_DAYS,
                )
            )  # fmt: skip
    return features


def compute_attributes(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each."""
    rows = view.everything
    return {f.name: families.latest(view, rows, str(f.recipe.column), f.kind, n_accounts) for f in features}


def compute_history(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Latest values and changes by account, shape (n_accounts,) each."""
    rows = view.everything
    result = {}
    for feature in features:
        column = str(feature.recipe.column)
        value = families.latest(view, rows, column, feature.kind, n_accounts)
        if feature.recipe.operation == "change":
            days = np.timedelta64(int(feature.recipe.window_days or _CHANGE_DAYS), "D")
            before = rows[view.moments(AT, rows) < view.limit - days]
            value = value - families.latest(view, before, column, "number", n_accounts)
        result[feature.name] = value
    return result


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

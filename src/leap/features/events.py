"""`events`: counts, sums, means, active days, breadth and recency over windows, trend between windows; deals by
result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.families import Declared
from leap.features.spec import Feature
from leap.tables import Table, TableView
from leap.tables.canonical import AMOUNT, AT, CLOSED, KIND, QUANTITY, WON

_DAY = np.timedelta64(1, "D")


def declare(table: Table) -> list[Feature]:
    """The features of a table of events; deals have results instead of windows, costs and revenue have none here."""
    if table.spec.role in ("costs", "revenue", "notes"):
        return []
    return _declare_deals(table) if table.spec.role == "deals" else _declare_windows(table)


def _declare_windows(table: Table) -> list[Feature]:
    declared, spec = Declared(table), table.spec
    name, what = table.name, families.words(table.name)
    never = f"no {name} were ever recorded"
    kinds = declared.kinds()
    features = []
    for days in spec.windows_days:
        last = f"last {days} days"
        features += [
            declared.feature(
                f"{name}_count_{days}d", "count", f"{what}, {last}", declared.unit(spec.quantity or "") or "events",
                never, window_days=days, group=name,
            ),
            declared.feature(
                f"{name}_active_days_{days}d", "active_days", f"Days with {name}, {last}", "days", never,
                window_days=days, group=name,
            ),
        ]  # fmt: skip
        if spec.kind is not None and len(kinds) > 1:
            label = f"Kinds of {name}, {last}"
            features.append(
                declared.feature(
                    f"{name}_breadth_{days}d", "breadth", label, "kinds", never, window_days=days, group=name
                )
            )
        for kind in kinds:
            label, slug = f"{declared.kind_label(kind)}, {last}", f"{name}_{families.slug(kind)}_count_{days}d"
            unit = declared.unit(spec.quantity) if spec.quantity else ""
            features.append(declared.feature(slug, "kind_sum", label, unit, never, kind=kind, window_days=days))
        if spec.amount is not None:
            label, slug = f"{declared.label(spec.amount)}, {last}", f"{name}_{families.slug(spec.amount)}_sum_{days}d"
            features.append(
                declared.feature(
                    slug, "amount_sum", label, declared.unit(spec.amount), never, column=spec.amount, window_days=days
                )
            )
        for column, _, kind_of_column in declared.columns():
            if kind_of_column != "category" and column not in (spec.amount, spec.quantity):
                operation = "mean" if kind_of_column == "number" else "share"
                label, slug = (
                    f"{declared.label(column)}, {operation} of the {last}",
                    f"{name}_{families.slug(column)}_{operation}_{days}d",
                )
                missing = f"no value in the {last}"
                features.append(
                    declared.feature(
                        slug, operation, label, declared.unit(column), missing, column=column, window_days=days
                    )
                )
    features.append(
        declared.feature(f"{name}_recency_days", "recency", f"Days since the last of {name}", "days", never, group=name)
    )
    if len(spec.windows_days) > 1:
        short, long = sorted(spec.windows_days)[:2]
        label = f"{what}: daily rate of the last {short} days against that of {long} days"
        features.append(
            declared.feature(
                f"{name}_trend_{short}d", "trend", label, "times", f"none in {long} days", window_days=short, group=name
            )
        )
    return features


def _declare_deals(table: Table) -> list[Feature]:
    declared, name = Declared(table), table.name
    return [
        declared.feature(
            f"{name}_{result}_count", result, f"{families.words(name)} {result}", "deals", "no deals yet", group=name
        )
        for result in ("open", "won", "lost")
    ]  # fmt: skip


def compute(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each; missing before the first event of an account."""
    if view.spec.role == "deals":
        return _deals(view, features, n_accounts)
    everything = view.everything
    ever = np.bincount(view.codes(everything), minlength=n_accounts) > 0
    windows = {f.recipe.window_days: view.window(f.recipe.window_days) for f in features if f.recipe.window_days}
    result = {}
    for feature in features:
        rows = windows[feature.recipe.window_days] if feature.recipe.window_days else everything
        result[feature.name] = np.where(ever, _one(view, feature, rows, n_accounts), np.nan)
    return result


def _one(view: TableView, feature: Feature, rows: np.ndarray, n_accounts: int) -> np.ndarray:
    recipe = feature.recipe
    codes = view.codes(rows)
    match recipe.operation:
        case "count":
            return np.bincount(codes, weights=view.values(QUANTITY, rows), minlength=n_accounts)
        case "kind_sum":
            code_of = _kind_codes(view)
            chosen = rows[code_of(rows) == _kind_code(view, str(recipe.kind))]
            return np.bincount(view.codes(chosen), weights=view.values(QUANTITY, chosen), minlength=n_accounts)
        case "amount_sum":
            amounts = np.nan_to_num(view.values(AMOUNT, rows).astype(float))
            return np.bincount(codes, weights=amounts, minlength=n_accounts)
        case "active_days":
            return _distinct(codes, _days(view)(rows), n_accounts)
        case "breadth":
            return _distinct(codes, _kind_codes(view)(rows), n_accounts)
        case "mean" | "share":
            found = families.typed(view, str(recipe.column), "number" if recipe.operation == "mean" else "boolean")(
                rows
            )
            present = ~np.isnan(found)
            count = np.bincount(codes[present], minlength=n_accounts)
            total = np.bincount(codes[present], weights=found[present], minlength=n_accounts)
            return _ratio(total, count)
        case "recency":
            last = np.full(n_accounts, np.datetime64("NaT", "us"))
            last[codes] = view.moments(AT, rows)
            return np.asarray((view.limit - last) / _DAY)
        case _:
            short = int(recipe.window_days or 28)
            long = sorted(view.spec.windows_days)[1]
            recent = np.bincount(codes, weights=view.values(QUANTITY, rows), minlength=n_accounts)
            longer = view.window(long)
            base = np.bincount(view.codes(longer), weights=view.values(QUANTITY, longer), minlength=n_accounts)
            return _ratio(recent / short, base / long)


def _deals(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    rows = view.everything
    codes = view.codes(rows)
    closed = ~np.isnat(view.moments(CLOSED, rows))
    won = view.values(WON, rows).astype(float) == 1.0
    ever = np.bincount(codes, minlength=n_accounts) > 0
    chosen = {"open": ~closed, "won": closed & won, "lost": closed & ~won}
    return {
        f.name: np.where(ever, np.bincount(codes[chosen[f.recipe.operation]], minlength=n_accounts), np.nan)
        for f in features
    }


def _days(view: TableView) -> Callable[[np.ndarray], np.ndarray]:
    return view.derived("day", lambda rows: rows[AT].to_numpy().astype("datetime64[D]").astype(np.int64))


def _kind_vocabulary(view: TableView) -> list[str]:
    cache = view.source.columns
    if "kinds" not in cache:
        cache["kinds"] = np.array(sorted(set(view.source.rows[KIND])), dtype=object)
    return list(cache["kinds"])


def _kind_codes(view: TableView) -> Callable[[np.ndarray], np.ndarray]:
    return view.derived("kind_codes", lambda rows: pd.Index(_kind_vocabulary(view)).get_indexer(pd.Index(rows[KIND])))


def _kind_code(view: TableView, kind: str) -> int:
    vocabulary = _kind_vocabulary(view)
    return vocabulary.index(kind) if kind in vocabulary else -1


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, missing where below is not positive."""
    result = np.full(len(below), np.nan)
    np.divide(above, below, out=result, where=below > 0)
    return result


def _distinct(codes: np.ndarray, of: np.ndarray, n_accounts: int) -> np.ndarray:
    """How many distinct values each account has, shape (n_accounts,)."""
    if not len(codes):
        return np.zeros(n_accounts)
    low = of.min()
    width = int(of.max() - low) + 1
    pairs = np.unique(codes.astype(np.int64) * width + (of - low))
    return np.bincount(pairs // width, minlength=n_accounts).astype(float)

"""`periods`: active count and amount, what is and has been active, tenure, changes, time to renewal."""

from __future__ import annotations

import numpy as np

from leap.features import families
from leap.features.families import Declared
from leap.features.spec import Feature
from leap.tables import Table, TableView
from leap.tables.canonical import AMOUNT, CANCELLED, END, KIND, RENEWS, START

_YEAR = 365
_DAY = np.timedelta64(1, "D")


def declare(table: Table) -> list[Feature]:
    """The features of a table of periods."""
    declared = Declared(table)
    spec = table.spec
    name, what = table.name, families.words(table.name)
    features = [
        declared.feature(f"{name}_active_count", "active_count", f"{what} active", "", "none active", group=name),
        declared.feature(
            f"{name}_ever", "ever", f"{what}: has or has had any", "", "never any", value="boolean", group=name
        ),
        declared.feature(
            f"{name}_tenure_days", "tenure_days", f"{what}: age of the first", "days", "never any",
            group=f"{name}_tenure",
        ),
        declared.feature(
            f"{name}_changes_365d", "changes", f"{what}: begun or ended, last 365 days", "", "never any",
            window_days=_YEAR, group=f"{name}_changes",
        ),
    ]  # fmt: skip
    for kind in declared.kinds():
        slug = f"{name}_{families.slug(kind)}"
        features.append(
            declared.feature(
                f"{slug}_active", "kind_active", declared.kind_label(kind), "", "never any", kind=kind, value="boolean"
            )
        )
    if spec.amount is not None:
        amount, unit = families.slug(spec.amount), declared.unit(spec.amount)
        label = declared.label(spec.amount)
        features.append(
            declared.feature(
                f"{name}_{amount}", "amount", f"{label} now", unit, "none active", column=spec.amount, group=amount
            )
        )
        features.append(
            declared.feature(
                f"{name}_{amount}_change_365d", "amount_change", f"{label}, change over 365 days as a share", "",
                "nothing active a year ago", column=spec.amount, window_days=_YEAR, group=amount,
            )
        )  # fmt: skip
    if spec.renews is not None:
        features.append(
            declared.feature(
                f"{name}_{families.slug(spec.renews)}_days", "renews_days", "Days to the next renewal", "days",
                "no renewal date", column=spec.renews,
            )
        )  # fmt: skip
    for column, _, kind in declared.columns():
        if column == spec.amount:
            continue
        features.append(
            declared.feature(
                f"{name}_{families.slug(column)}", "latest_active", declared.label(column), declared.unit(column),
                "none active", column=column, value=kind,
            )
        )  # fmt: skip
    return features


def compute(view: TableView, features: list[Feature], n_accounts: int) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each. Ends not known before the moment count as open."""
    rows = view.everything
    rows = rows[np.argsort(view.moments(START, rows), kind="stable")]
    codes, start, end = view.codes(rows), view.moments(START, rows), view.moments(END, rows)
    is_open = np.isnat(end)
    active = (start < view.limit) & (is_open | (end >= view.limit))
    ever = np.bincount(codes, minlength=n_accounts) > 0
    year = _YEAR * _DAY

    def known(values: np.ndarray) -> np.ndarray:
        return np.where(ever, values, np.nan)

    result: dict[str, np.ndarray] = {}
    for feature in features:
        recipe = feature.recipe
        match recipe.operation:
            case "active_count":
                value = np.bincount(codes[active], minlength=n_accounts).astype(float)
            case "ever":
                value = ever.astype(float)
            case "tenure_days":
                first = np.full(n_accounts, np.datetime64("NaT", "us"))
                first[codes[::-1]] = start[::-1]
                value = (view.limit - first) / _DAY
            case "changes":
                begun = start >= view.limit - year
                ended = (end < view.limit) & (end >= view.limit - year)
                value = known(np.bincount(codes, weights=begun.astype(float) + ended, minlength=n_accounts))
            case "kind_active":
                of_kind = active & (view.values(KIND, rows) == recipe.kind)
                value = (np.bincount(codes[of_kind], minlength=n_accounts) > 0).astype(float)
            case "amount" | "amount_change":
                amounts = view.values(AMOUNT, rows).astype(float)
                value = np.bincount(codes[active], weights=amounts[active], minlength=n_accounts)
                if recipe.operation == "amount_change":
                    then = (start < view.limit - year) & (is_open | (end >= view.limit - year))
                    before = np.bincount(codes[then], weights=amounts[then], minlength=n_accounts)
                    value = np.divide(value, before, out=np.full(n_accounts, np.nan), where=before > 0) - 1
            case "renews_days":
                value = np.full(n_accounts, np.nan)
                renews = view.moments(RENEWS, rows)
                ahead = active & (renews >= view.limit) & np.isnat(view.moments(CANCELLED, rows))
                value[codes[ahead]] = (renews[ahead] - view.limit) / _DAY
            case _:
                value = families.latest(view, rows[active], str(recipe.column), feature.kind, n_accounts)
        result[feature.name] = value
    return result

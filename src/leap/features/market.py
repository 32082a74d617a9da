"""`market`: the latest value published before the moment and its change over a year, by segment where there is one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from leap.features import families
from leap.features.families import Declared
from leap.features.spec import Feature
from leap.tables import Table, TableView
from leap.tables.canonical import INDICATOR, PERIOD, SEGMENT, VALUE

_YEAR = pd.Timedelta(days=365)


def declare(table: Table) -> list[Feature]:
    """Level and yearly change of every indicator; rates of exchange are no features."""
    if table.spec.role == "rates":
        return []
    declared = Declared(table)
    features = []
    for indicator in sorted(set(table.rows[INDICATOR])):
        name, label = f"{table.name}_{families.slug(indicator)}", families.words(indicator)
        features += [
            declared.feature(name, "level", f"{label}, latest published", "", "nothing published yet", kind=indicator),
            declared.feature(
                f"{name}_change_365d", "change", f"{label}, change over a year", "", "no figure of a year before",
                kind=indicator, window_days=365,
            ),
        ]  # fmt: skip
    return features


def compute(
    view: TableView, features: list[Feature], segment: np.ndarray | None, n_accounts: int
) -> dict[str, np.ndarray]:
    """Values by account, shape (n_accounts,) each; `segment` holds each account's segment where the table has one."""
    rows = view.everything
    frame = pd.DataFrame(
        {
            "indicator": view.values(INDICATOR, rows),
            "period": view.moments(PERIOD, rows),
            "value": view.values(VALUE, rows).astype(float),
            "segment": view.values(SEGMENT, rows) if view.spec.segment else "",
        }
    )
    # Rows are sorted by place in the file: of a figure published twice for one period the later row counts.
    frame = frame.sort_values(["indicator", "segment", "period"], kind="stable")
    levels: dict[tuple[str, str], tuple[float, float]] = {}
    for (indicator, name), group in frame.groupby(["indicator", "segment"]):
        last = group.iloc[-1]
        year_ago = group[group["period"] <= last["period"] - _YEAR]
        base = float(year_ago["value"].iloc[-1]) if len(year_ago) else np.nan
        level = float(last["value"])
        levels[(str(indicator), str(name))] = (level, level / base - 1 if base else np.nan)
    segments = np.full(n_accounts, "", dtype=object) if segment is None else segment
    result = {}
    for feature in features:
        which = 0 if feature.recipe.operation == "level" else 1
        by_segment = {name: value[which] for (ind, name), value in levels.items() if ind == feature.recipe.kind}
        result[feature.name] = np.array([by_segment.get(s, np.nan) for s in segments], dtype=float)
    return result

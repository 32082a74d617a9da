"""Parts of the accounts that figures are given for: what companies are, what they pay, how long they are customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leap.evaluation.out_of_time import OutOfTime
from leap.features import Scope
from leap.models.frames import ScopeFrame

_MOST_FEATURES = 8
_MOST_VALUES = 12
_THIRDS = ("lowest third", "middle third", "highest third")
OTHERS, MISSING = "(others)", "(not known)"


@dataclass(frozen=True)
class Part:
    """Rows of `OutOfTime` that share a value; `low` and `high` are the ends of a third, both inclusive."""

    by: str
    label: str
    value: str
    keep: np.ndarray
    low: float | None = None
    high: float | None = None


def parts_of(found: OutOfTime, frame: ScopeFrame, among: np.ndarray, min_accounts: int) -> Iterator[Part]:
    """Values of fit categories that enough accounts have, all others together, and thirds by MRR and tenure.

    Of the rows in `among`, shape (n,).
    """
    categories = [f for f in frame.features.catalog.features if f.scope == Scope.FIT and f.kind == "category"]
    for feature in categories[:_MOST_FEATURES]:
        column = frame.features.frame[feature.name].iloc[found.rows]
        for value, inside in _by_value(column, found.accounts, among, min_accounts):
            yield Part(feature.name, feature.label, value, inside)
    rows = frame.snapshots.rows.iloc[found.rows]
    for by, label in (("mrr", "MRR"), ("tenure_months", "Months as a customer")):
        yield from _thirds(by, label, rows[by].to_numpy(dtype=float), among)


def _by_value(
    column: pd.Series, accounts: np.ndarray, kept: np.ndarray, min_accounts: int
) -> Iterator[tuple[str, np.ndarray]]:
    """The values with enough accounts, the most frequent first, and all others together."""
    text = column.astype(object).where(column.notna(), MISSING).astype(str).to_numpy()
    counted = pd.Series(accounts[kept]).groupby(text[kept]).nunique()
    large = counted[counted >= min_accounts].sort_index().sort_values(ascending=False, kind="stable")
    named = [str(value) for value in large.index[:_MOST_VALUES]]
    for value in named:
        yield value, kept & (text == value)
    rest = kept & ~np.isin(text, named)
    if rest.any():
        yield OTHERS, rest


def _thirds(by: str, label: str, values: np.ndarray, kept: np.ndarray) -> Iterator[Part]:
    known = kept & ~np.isnan(values)
    if not known.any():
        return
    third = np.searchsorted(np.quantile(values[known], [1 / 3, 2 / 3]), values, side="left")
    for number, name in enumerate(_THIRDS):
        inside = known & (third == number)
        if inside.any():
            yield Part(by, label, name, inside, float(values[inside].min()), float(values[inside].max()))

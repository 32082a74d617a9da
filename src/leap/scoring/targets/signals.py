"""When to sell: what companies did lately that goes before buying, with dates, and a number from one stated rule.

It comes from what is declared as a buying signal and from nothing else, so it says nothing of whom a company is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.bundle.model_bundle import ModelBundle
from leap.explanation import wording
from leap.explanation.novelty import QUANTILES, Novelty
from leap.features import Feature, Scope, Signal
from leap.features.naming import value_words, words
from leap.tables import AccountTables
from leap.tables.canonical import KIND

HALF_LIFE_DAYS = 91
RULE = (
    f"Each buying signal counts one on its day and half as much every {HALF_LIFE_DAYS} days; together they make the "
    "score 1 - 0.5^sum: 0 without any, 0.5 for one of today, 0.75 for two."
)
NO_SIGNALS = "no_buying_signals"
_OF_EVENTS = ("count", "events", "kind_sum")
_UPPER_QUARTER = QUANTILES.index(0.75)
_MOST_TOLD = 3


@dataclass(frozen=True)
class Fact:
    """A buying signal that is no event: a yes, or a number that only one in four customers had when they bought."""

    feature: Feature
    holds: np.ndarray
    column: np.ndarray

    def words(self, i: int) -> str:
        """Of row i, where it holds."""
        shown = f"{self.feature.label}: {wording.value_of(self.feature, self.column[i])}"
        return shown if self.feature.kind == "boolean" else f"{shown}, more than three in four customers had"


@dataclass(frozen=True)
class Signals:
    """Of n companies at a moment. Events are sorted by company: `row`, `what`, `days` ago and `window` of their table.

    `declared` is False where no feature has the signal `buying`: then there is no score.
    """

    n: int
    moment: pd.Timestamp
    declared: bool
    row: np.ndarray
    what: np.ndarray
    days: np.ndarray
    windows: Sequence[int]
    facts: tuple[Fact, ...] = ()

    @classmethod
    def of(
        cls, bundle: ModelBundle, tables: AccountTables, ids: Sequence[str], columns: Any, moment: pd.Timestamp
    ) -> Signals:
        """Of companies with these ids and fit features."""
        declared = [f for f in bundle.catalog.features if f.scope == Scope.FIT and f.signal == Signal.BUYING]
        events = [f for f in declared if f.recipe.family == "events" and f.recipe.operation in _OF_EVENTS]
        position = np.full(len(tables.accounts) + 1, -1)
        position[tables.accounts.get_indexer(pd.Index(list(ids)))] = np.arange(len(ids))
        parts = []
        windows: set[int] = set()
        for name in sorted({f.recipe.table for f in events}):
            own = [f for f in events if f.recipe.table == name]
            lasting = {f.recipe.window_days for f in own if f.recipe.window_days}
            windows |= lasting
            parts.append(_events(tables, name, own, max(lasting), position, moment))
        row, what, days = (np.concatenate(part) for part in zip(*parts, strict=True)) if parts else _nothing()
        order = np.lexsort((what.astype(str), days, row))
        facts = tuple(
            fact
            for f in declared
            if f.recipe.family != "events" and f.name in columns
            and (fact := _fact(f, np.asarray(columns[f.name]), bundle.novelty)) is not None
        )  # fmt: skip
        return cls(len(ids), moment, bool(declared), row[order], what[order], days[order], sorted(windows), facts)

    @cached_property
    def score(self) -> np.ndarray:
        """How much speaks for now, by RULE, from 0 to under 1, shape (n,); NaN where no signal is declared."""
        total = np.bincount(self.row, weights=0.5 ** (self.days / HALF_LIFE_DAYS), minlength=self.n)
        for fact in self.facts:
            total = total + fact.holds
        return np.where(self.declared, 1 - 0.5**total, np.nan)

    def reasons(self, i: int) -> list[str]:
        """What speaks for row i now, the latest kind of event first."""
        first, last = np.searchsorted(self.row, [i, i + 1])
        found: dict[str, list[float]] = {}
        for what, days in zip(self.what[first:last], self.days[first:last], strict=True):
            found.setdefault(str(what), []).append(float(days))
        told = [self._words(what, days) for what, days in found.items()]
        return (told + [fact.words(i) for fact in self.facts if fact.holds[i]])[:_MOST_TOLD]

    def _words(self, what: str, days: list[float]) -> str:
        """Events of one kind in the shortest window that has any: "2 x funding in the last 91 days, latest …"."""
        window = next(w for w in self.windows if w > days[0] or w == self.windows[-1])
        count = sum(1 for ago in days if ago <= window)
        latest = self.moment - pd.Timedelta(days=days[0])
        return f"{count} × {what} in the last {window} days, latest on {latest:%Y-%m-%d}"

    @property
    def silence(self) -> str:
        """What is said of a company without any."""
        if not self.declared:
            return 'No buying signals are declared (signal = "buying" in leap.toml)'
        return f"No buying signal in the last {self.windows[-1]} days" if self.windows else "No buying signal known"


def _events(
    tables: AccountTables, name: str, features: list[Feature], days: int, position: np.ndarray, moment: pd.Timestamp
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a table within its longest window: position of the company, what happened, days ago (whole)."""
    view = tables.view(name, moment)
    at = view.window(days)
    row = position[view.codes(at)]
    ago = ((view.limit - view.source.at[at]) / np.timedelta64(1, "D")).astype(float)
    kinds = {f.recipe.kind for f in features} - {None}
    if KIND in view.source.rows:
        kind = view.values(KIND, at).astype(str)
        named = {level: value_words(level) for level in set(kind)}
        what = np.array([named[level] for level in kind], dtype=object)
        every = any(f.recipe.kind is None for f in features)
        keep = (row >= 0) & (every | np.isin(kind, sorted(map(str, kinds))))
    else:
        what = np.full(len(at), words(name).lower(), dtype=object)
        keep = row >= 0
    return row[keep], what[keep], np.ceil(ago[keep])


def _nothing() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros(0, dtype=int), np.zeros(0, dtype=object), np.zeros(0)


def _fact(feature: Feature, column: np.ndarray, novelty: Novelty | None) -> Fact | None:
    if feature.kind == "boolean":
        return Fact(feature, np.nan_to_num(column.astype(float)) >= 0.5, column)
    seen = None if novelty is None else novelty.seen.get(feature.name)
    if feature.kind != "number" or seen is None or not seen.quantiles:
        return None
    return Fact(feature, np.nan_to_num(column.astype(float), nan=-np.inf) > seen.quantiles[_UPPER_QUARTER], column)

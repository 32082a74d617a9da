"""Whether a company is like any customer: what values customers had when they bought, and how rare another's are.

A model says something of every row; of a company unlike all those it has seen that is a guess. What customers had is
kept as a summary (levels that three of them share, quantiles), never as their rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from leap.explanation import wording
from leap.explanation.figures import percent
from leap.explanation.groups import Groups
from leap.features import TENURE, Feature, FeatureCatalog, FeatureFrame, Scope, Signal

NO_CUSTOMERS_LIKE_THIS = "no_customers_like_this"
TOO_LITTLE_KNOWN = "too_little_known"

REFUSED = 0.01
"""Share of left-out customers that may be called unlike all the others: where the limit is drawn."""
QUANTILES = (0.0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 1.0)
_SHARES = np.array(QUANTILES)
_COMMON = 0.05
"""A value that one customer in twenty has, or goes as far as, is no news of a company."""
_RARE = math.log10(_COMMON / REFUSED)
"""A value outside of all customers counts as such where at most one in a hundred could be expected to be."""
_SHARED_BY = 3
"""Fewer customers than this share no level worth naming."""
_FOLDS = 10
_FEWEST = 20
"""Of fewer customers nothing can be said to be unlike."""
_FACTS = ("attributes", "history")
_STATES: Mapping[str, tuple[str, ...]] = {
    "attributes": ("value",),
    "history": ("latest",),
    "periods": ("active_count", "kind_active", "amount"),
    "events": ("count", "events", "kind_sum", "amount_sum", "breadth"),
}
"""What a company is and does. How that changed lately, and since when it was watched, makes no other company of it."""
_LEAST_KNOWN = 0.1
_MOST_TOLD = 3
_TOLD = 0.3
"""Powers of ten beyond one in twenty from which on a value is worth telling: one customer in forty."""
_MOSTLY = 0.5


@dataclass(frozen=True)
class Seen:
    """The values of one feature among customers: how many knew one, `levels` with their counts, or QUANTILES."""

    known: int
    levels: tuple[tuple[str, int], ...] = ()
    quantiles: tuple[float, ...] = ()

    @classmethod
    def of(cls, feature: Feature, values: np.ndarray) -> Seen:
        """From the known values of customers, one each."""
        if feature.kind == "number":
            numbers = values.astype(float)
            return cls(len(numbers), quantiles=tuple(np.quantile(numbers, QUANTILES).tolist()) if len(numbers) else ())
        counts = pd.Series(_levels(feature, values)).value_counts()
        kept = sorted((str(level), int(n)) for level, n in counts.items() if n >= _SHARED_BY)
        return cls(len(values), levels=tuple(kept))

    def rarity(self, feature: Feature, values: np.ndarray) -> np.ndarray:
        """Powers of ten by which each known value is rarer than one in twenty, at least 0, shape (n,).

        A level has its share of customers; one that fewer than three have shares that of all such levels. A number
        has the share of customers that lie as far out; beyond all of them it gains a power of ten with ten times their
        spread.
        """
        if not self.known:
            return np.zeros(len(values))
        share, beyond = (
            self._of_numbers(values) if feature.kind == "number" else (self._of_levels(feature, values), 0.0)
        )
        return np.asarray(np.maximum(np.log10(_COMMON / share), 0.0) + beyond)

    def outside(self, feature: Feature, values: np.ndarray) -> np.ndarray:
        """Values that hardly any customer has: no shared level, a number beyond all of theirs; shape (n,)."""
        if not self.known:
            return np.zeros(len(values), dtype=bool)
        if feature.kind == "number":
            return np.asarray((values < self.quantiles[0]) | (values > self.quantiles[-1]))
        shared = self._counts
        return np.array([level not in shared for level in _levels(feature, values)], dtype=bool)

    @cached_property
    def _unshared(self) -> int:
        return self.known - sum(n for _, n in self.levels)

    @cached_property
    def _counts(self) -> dict[str, int]:
        return dict(self.levels)

    def _of_levels(self, feature: Feature, values: np.ndarray) -> np.ndarray:
        counts, unshared = self._counts, self._unshared
        found = [counts.get(level, unshared) for level in _levels(feature, values)]
        return (np.array(found, dtype=float) + 0.5) / (self.known + 1)

    def _of_numbers(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        edges, shares = self._edges, _SHARES
        low, high, last = edges[0], edges[-1], len(edges) - 1
        below = np.minimum(np.maximum(edges.searchsorted(values, side="left") - 1, 0), last - 1)
        above = np.minimum(np.maximum(edges.searchsorted(values, side="right"), 1), last)
        upper = 1 - _between(values, edges, shares, below, np.zeros(len(values)))
        lower = _between(values, edges, shares, above - 1, np.ones(len(values)))
        share = np.maximum(np.minimum(upper, lower), 1 / (self.known + 1))
        far = np.maximum(np.maximum(values - high, low - values), 0.0)
        return share, np.log10(1 + far / self._spread)

    @cached_property
    def _edges(self) -> np.ndarray:
        return np.array(self.quantiles)

    @cached_property
    def _spread(self) -> float:
        """Nine tenths of the customers lie within; where all are the same a tenth of their value, or one."""
        for low, high in ((4, 10), (0, -1)):
            if self.quantiles[high] > self.quantiles[low]:
                return self.quantiles[high] - self.quantiles[low]
        return 0.1 * abs(self.quantiles[0]) or 1.0

    def words(self, feature: Feature, value: object) -> str:
        """A rare value beside what customers had."""
        shown = f"{feature.label}: {wording.value_of(feature, value)}"
        if feature.kind != "number":
            few = (
                "no customer has" if not self._unshared else f"fewer than {_SHARED_BY} of {self.known:,} customers have"
            )
            counted = dict(self.levels).get(_levels(feature, np.array([value], dtype=object))[0])
            return f"{shown}, which {few if counted is None else f'{counted:,} of {self.known:,} customers have'}"
        number, edges = float(str(value)), self.quantiles
        if edges[0] <= number <= edges[-1]:
            side = "more" if number < edges[7] else "less"
            share = _COMMON / 10 ** float(self.rarity(feature, np.array([number]))[0])
            return f"{shown}; {percent(1 - share)} of customers had {side} when they bought"
        if edges[0] == edges[-1]:
            return f"{shown}; all customers had {wording.value_of(feature, edges[0])}"
        span = f"{wording.value_of(feature, edges[0])} to {wording.value_of(feature, edges[-1])}"
        return f"{shown}; customers had {span} when they bought"

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "known": self.known,
            "levels": [list(level) for level in self.levels],
            "quantiles": list(self.quantiles),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Seen:
        """The inverse of `to_json`."""
        quantiles = tuple(float(value) for value in document["quantiles"])
        if len(quantiles) not in (0, len(QUANTILES)):
            raise ValueError(f"expected {len(QUANTILES)} quantiles, found {len(quantiles)}")
        return cls(int(document["known"]), tuple((str(a), int(n)) for a, n in document["levels"]), quantiles)


@dataclass(frozen=True)
class Unlike:
    """What rows of companies are against customers: `distance` and `known` facts of each, and who gets no score."""

    novelty: Novelty
    columns: Mapping[str, np.ndarray]
    distance: np.ndarray
    novel: np.ndarray
    little: np.ndarray

    @property
    def refused(self) -> np.ndarray:
        """Rows without a score, shape (n,)."""
        return np.asarray(self.novel | self.little)

    def reason(self, i: int) -> str | None:
        """Why row i has no score; None where it has one."""
        if self.little[i]:
            return TOO_LITTLE_KNOWN
        return NO_CUSTOMERS_LIKE_THIS if self.novel[i] else None

    def rare(self, i: int, most: int = _MOST_TOLD) -> list[str]:
        """The values of row i that hardly any customer has, the rarest first, one of each group of features."""
        return self.novelty.rare({name: column[i] for name, column in self.columns.items()}, most)

    def because(self, i: int) -> str | None:
        """The reason in words, with the values that are unlike or what would have to be known."""
        if self.little[i]:
            return f"Too little known: give {self.novelty.wanted}."
        if not self.novel[i]:
            return None
        values = {name: column[i] for name, column in self.columns.items()}
        told = self.novelty.rare(values, least=_TOLD) or self.novelty.rare(values, least=0.0)
        return f"No or hardly any customers like this: {'; '.join(told)}."


@dataclass(frozen=True)
class Novelty:
    """What customers were when they bought, and from which distance on a company is like none of them.

    The distance is the sum over groups of features of the rarest known value of each (`Seen.rarity`), so values that
    are unusual add up and what is missing adds nothing; features are taken one by one, as in a histogram-based outlier
    score (Goldstein and Dengel 2012), so a new combination of usual values is no novelty. The limit is the distance
    that one customer in a hundred exceeds, each measured against the customers of other folds. Where at least half of
    what is known lies outside of all customers a company is unlike them too, however little that adds up to.
    """

    catalog: FeatureCatalog
    seen: Mapping[str, Seen]
    group: Mapping[str, str]
    limit: float
    accounts: int
    refused: float
    """Share of left-out customers that would have been refused."""

    @classmethod
    def of(cls, frame: FeatureFrame, groups: Groups, leave_out: Iterable[str] = ()) -> Novelty:
        """From one row of fit features for each customer; features of tables to leave out (deals) play no part."""
        told = set(leave_out)
        names = [f.name for f in frame.catalog.features if _of_company(f) and f.recipe.table not in told]
        catalog = frame.catalog.with_features(names)
        columns = {name: frame.frame[name].to_numpy() for name in names}
        group = {name: groups.group_of(name) for name in names}
        n = len(frame.frame)
        everyone = cls._from(catalog, columns, group, np.ones(n, dtype=bool))
        if n < _FEWEST:
            return everyone
        distance, share = np.zeros(n), np.zeros(n)
        for fold in range(_FOLDS):
            out = np.arange(n) % _FOLDS == fold
            left = {name: column[out] for name, column in columns.items()}
            distance[out], share[out] = cls._from(catalog, columns, group, ~out)._distance(left, int(out.sum()))
        limit = float(np.quantile(distance, 1 - REFUSED, method="higher"))
        refused = float(((distance > limit) | (share >= _MOSTLY)).mean())
        return cls(catalog, everyone.seen, group, limit, n, refused)

    @classmethod
    def _from(
        cls, catalog: FeatureCatalog, columns: Mapping[str, np.ndarray], group: Mapping[str, str], keep: np.ndarray
    ) -> Novelty:
        seen = {}
        for feature in catalog.features:
            values = columns[feature.name][keep]
            seen[feature.name] = Seen.of(feature, values[~pd.isna(values)])
        return cls(catalog, seen, group, math.inf, int(keep.sum()), 0.0)

    def judge(self, columns: Mapping[str, np.ndarray], n: int) -> Unlike:
        """Of n rows of fit features; a feature that is not given is missing."""
        given = {f.name: columns[f.name] for f in self.catalog.features if f.name in columns}
        if math.isinf(self.limit):
            return Unlike(self, given, np.zeros(n), np.zeros(n, dtype=bool), np.zeros(n, dtype=bool))
        distance, share = self._distance(given, n)
        novel = (distance > self.limit) | (share >= _MOSTLY)
        return Unlike(self, given, distance, novel, self._little(given, n))

    def _distance(self, columns: Mapping[str, np.ndarray], n: int) -> tuple[np.ndarray, np.ndarray]:
        """The distance of rows, and which share of the groups known of them lies outside of all customers."""
        members: dict[str, list[Feature]] = {}
        for feature in self.catalog.features:
            if feature.name in columns:
                members.setdefault(self.group[feature.name], []).append(feature)
        total, known, outside = np.zeros(n), np.zeros(n), np.zeros(n)
        for features in members.values():
            parts = [self._of_feature(feature, columns[feature.name]) for feature in features]
            rarity, beyond, there = (
                part[0] if len(part) == 1 else np.max(part, axis=0) for part in zip(*parts, strict=True)
            )
            total, outside, known = total + rarity, outside + beyond, known + there
        # Rounded, so that the same company has the same distance in whatever company it comes.
        return np.round(total, 9), outside / np.maximum(known, 1)

    def _of_feature(self, feature: Feature, column: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        there = _known(column)
        rarity, outside = np.zeros(len(column)), np.zeros(len(column))
        values = column[there].astype(float) if feature.kind == "number" else column[there]
        found = self.seen[feature.name]
        rarity[there] = found.rarity(feature, values)
        outside[there] = found.outside(feature, values) & (rarity[there] >= _RARE)
        return rarity, outside, there.astype(float)

    @cached_property
    def facts(self) -> tuple[Feature, ...]:
        """What is usually known of a company: attributes and observations that most customers have."""
        return tuple(
            f
            for f in self.catalog.features
            if f.recipe.family in _FACTS and 2 * self.seen[f.name].known >= self.accounts
        )

    @property
    def wanted(self) -> str:
        """Some of the facts, for whoever has to find them."""
        labels = list(dict.fromkeys(f.label for f in self.facts or self.catalog.features))
        more = f" or {len(labels) - _MOST_TOLD} more" if len(labels) > _MOST_TOLD else ""
        return ", ".join(labels[:_MOST_TOLD]) + more

    def _little(self, columns: Mapping[str, np.ndarray], n: int) -> np.ndarray:
        """Rows of which fewer than a tenth of the facts is known, or nothing at all."""
        if not self.catalog.features:
            return np.zeros(n, dtype=bool)

        def count(features: Sequence[Feature]) -> np.ndarray:
            counted = np.zeros(n)
            for feature in features:
                if feature.name in columns:
                    counted += _known(columns[feature.name])
            return counted

        least = max(1, math.ceil(_LEAST_KNOWN * len(self.facts))) if self.facts else 0
        return np.asarray((count(self.facts) < least) | (count(self.catalog.features) == 0))

    def rare(self, values: Mapping[str, Any], most: int = _MOST_TOLD, least: float = 1.0) -> list[str]:
        """The rare values of one company in words, the rarest first, one of each group of features.

        Rare are values outside of all customers, and those rarer than one in twenty by `least` powers of ten.
        """
        best: dict[str, tuple[float, str, Feature]] = {}
        for name, value in values.items():
            feature = self.catalog.by_name[name]
            rarity, outside, _ = self._of_feature(feature, np.array([value], dtype=object))
            if outside[0] or rarity[0] > least:
                best[self.group[name]] = max(best.get(self.group[name], (0.0, "", feature)), (rarity[0], name, feature),
                                             key=lambda one: one[0])  # fmt: skip
        ranked = sorted(best.values(), key=lambda one: (-one[0], one[1]))[:most]
        return [self.seen[name].words(feature, values[name]) for _, name, feature in ranked if name]

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "features": {name: seen.to_json() for name, seen in self.seen.items()},
            "groups": dict(self.group),
            "limit": None if math.isinf(self.limit) else self.limit,
            "accounts": self.accounts,
            "refused": self.refused,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any], catalog: FeatureCatalog) -> Novelty:
        """The inverse of `to_json`, with the bundle's whole catalog."""
        own = catalog.with_features(document["features"])
        seen = {f.name: Seen.from_json(document["features"][f.name]) for f in own.features}
        limit = math.inf if document["limit"] is None else float(document["limit"])
        return cls(own, seen, dict(document["groups"]), limit, int(document["accounts"]), float(document["refused"]))


def _known(column: np.ndarray) -> np.ndarray:
    """Where a column has a value, shape (n,)."""
    return np.asarray(~(np.isnan(column) if column.dtype == np.float64 else pd.isna(column)))


def _between(
    values: np.ndarray, edges: np.ndarray, shares: np.ndarray, at: np.ndarray, on_edge: np.ndarray
) -> np.ndarray:
    """Shares at values between two edges; on an edge, where many may lie, that of the end given (0 lower, 1 upper)."""
    low, high = edges[at], edges[at + 1]
    inside = (values > low) & (values < high)
    part = np.where(inside, (values - low) / np.where(high > low, high - low, 1.0), on_edge)
    return np.asarray(shares[at] + part * (shares[at + 1] - shares[at]))


def _of_company(feature: Feature) -> bool:
    """Whether a feature says who a company is: not of its market, and no buying signal, which says when to sell."""
    state = feature.recipe.operation in _STATES.get(feature.recipe.family, ())
    return feature.scope == Scope.FIT and feature.name != TENURE and feature.signal != Signal.BUYING and state


def _levels(feature: Feature, values: np.ndarray) -> list[str]:
    name: Callable[[Any], str] = (lambda v: "yes" if float(v) >= 0.5 else "no") if feature.kind == "boolean" else str
    return [name(value) for value in values]

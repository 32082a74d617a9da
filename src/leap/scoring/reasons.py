"""Which features, and groups of features that say the same, moved the score of a row most, in every unit at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np

from leap.explanation.groups import Groups
from leap.features import Feature

REASONS_IN_FILE = 5
ROWS_AT_ONCE = 100
"""Rows whose reasons are ranked together: enough to share the fixed costs, few enough to stay in the cache."""


class _Part(NamedTuple):
    """A group with its features, and where they stand in the order of groups."""

    group: str
    features: Sequence[Feature]
    places: range


class Reason(NamedTuple):
    """A feature, or a group that its most moving feature speaks for, with what it adds in every unit.

    `points` are in the order of the units. `members` are all features of the group with their points in the first unit,
    the most moving first; none where the feature stands alone.
    """

    feature: Feature
    value: Any
    group: str
    points: Sequence[float]
    members: Sequence[tuple[Feature, float]] = ()


@dataclass(frozen=True)
class Layout:
    """The features of a model in groups, the same for all rows.

    `never_among` are features that are no reason where some are left out.
    """

    features: Sequence[Feature]
    groups: Groups
    never_among: frozenset[str] = frozenset()

    @cached_property
    def parts(self) -> list[_Part]:
        """The groups in the order of their first features, and where each begins in the order of groups."""
        of_group: dict[str, list[Feature]] = {}
        for feature in self.features:
            if feature.name not in self.never_among:
                of_group.setdefault(self.groups.group_of(feature.name), []).append(feature)
        ends = accumulate(len(features) for features in of_group.values())
        return [
            _Part(group, features, range(end - len(features), end))
            for (group, features), end in zip(of_group.items(), ends, strict=True)
        ]

    @cached_property
    def order(self) -> np.ndarray:
        """The positions of features in the order of groups."""
        position = {feature.name: j for j, feature in enumerate(self.features)}
        return np.array([position[f.name] for part in self.parts for f in part.features], dtype=np.intp)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each group begins in the order of groups."""
        return np.array([part.places.start for part in self.parts], dtype=np.intp)


class _Grouped(NamedTuple):
    """Some rows with what moves them: of groups in every unit (rows, units, groups), of features in the first one."""

    rows: Sequence[int]
    sums: np.ndarray
    own: list[list[float]]


@dataclass(frozen=True)
class Reasons:
    """The reasons of rows, made for the rows that are asked for.

    `points` gives what every feature adds to some rows, shape (rows, units, features); the first unit ranks, and `unit`
    is its name.
    """

    unit: str
    layout: Layout
    columns: Mapping[str, np.ndarray]
    points: Callable[[Sequence[int]], np.ndarray]

    def each(self, i: int) -> Iterator[Reason]:
        """Every feature that moves row i on its own, the largest first, so that nothing is left out."""
        points = self.points([i])
        for j, own in zip(*_ranked(points, None)[0], strict=True):
            feature = self.layout.features[j]
            yield Reason(feature, self._value(feature, i), self.layout.groups.group_of(feature.name), own)

    def grouped(self, i: int, top: int | None = None) -> Iterator[Reason]:
        """Groups of features, the largest first."""
        return iter(next(self.of_rows([i], top)))

    def of_rows(self, rows: Sequence[int], top: int | None = None) -> Iterator[list[Reason]]:
        """The same for each of some rows."""
        if not self.layout.parts:
            yield from ([] for _ in rows)
            return
        for start in range(0, len(rows), ROWS_AT_ONCE):
            found = self._grouped(rows[start : start + ROWS_AT_ONCE])
            for k, (groups, points) in enumerate(_ranked(found.sums, top)):
                yield [self._reason(found, k, g, own) for g, own in zip(groups, points, strict=True)]

    def main(self, rows: Sequence[int], lowering: Sequence[bool]) -> Iterator[Reason | None]:
        """Of each row the group that moves it most; where `lowering` the one that lowers it most, if any does."""
        if not self.layout.parts:
            yield from (None for _ in rows)
            return
        for start in range(0, len(rows), ROWS_AT_ONCE):
            found = self._grouped(rows[start : start + ROWS_AT_ONCE])
            lowest = found.sums[:, 0].argmin(axis=1)
            for k, (groups, points) in enumerate(_ranked(found.sums, 1)):
                g = int(lowest[k])
                if lowering[start + k] and found.sums[k, 0, g] < 0:
                    yield self._reason(found, k, g, found.sums[k, :, g].tolist())
                else:
                    yield self._reason(found, k, groups[0], points[0]) if groups else None

    def to_json(self, i: int, reason: Reason, phrase: str, figures: Mapping[str, Any]) -> dict[str, Any]:
        """A reason of row i as in `reasons[]` of a score; members have their points in the unit that ranks alone."""
        feature, value, group, points, members = reason
        return {
            "feature": feature.name,
            "label": feature.label,
            "value": bool(value) if feature.kind == "boolean" and value is not None else value,
            "phrase": phrase,
            "scope": str(feature.scope),
            **figures,
            "direction": "lowers" if points[0] < 0 else "raises",
            "actionable": feature.actionable,
            "nature": feature.nature,
            "group": group,
            "members": self._members(i, members),
        }

    def _members(self, i: int, members: Sequence[tuple[Feature, float]]) -> list[dict[str, Any]]:
        told, columns, unit = [], self.columns, self.unit
        for feature, points in members:
            name = feature.name
            value = columns[name].item(i)
            if value.__class__ is float:
                value = None if not math.isfinite(value) else bool(value) if feature.kind == "boolean" else value
            told.append({"feature": name, "label": feature.label, "value": value, unit: points})
        return told

    def _grouped(self, rows: Sequence[int]) -> _Grouped:
        points = self.points(rows).take(self.layout.order, axis=2)
        return _Grouped(rows, np.add.reduceat(points, self.layout.starts, axis=2), points[:, 0].tolist())

    def _reason(self, found: _Grouped, k: int, g: int, sums: Sequence[float]) -> Reason:
        group, features, places = self.layout.parts[g]
        members: Sequence[tuple[Feature, float]] = ()
        if len(features) > 1:
            # The sort is stable when reversed too: of equals the earlier one stays first.
            own = zip(features, found.own[k][places.start : places.stop], strict=True)
            members = sorted(own, key=_size, reverse=True)
        leading = members[0][0] if members else features[0]
        return Reason(leading, self._value(leading, found.rows[k]), group, sums, members)

    def _value(self, feature: Feature, i: int) -> Any:
        value = self.columns[feature.name].item(i)
        return None if value.__class__ is float and not math.isfinite(value) else value


def _size(member: tuple[Feature, float]) -> float:
    return abs(member[1])


def _ranked(points: np.ndarray, top: int | None) -> list[tuple[list[int], list[list[float]]]]:
    """Of each row the positions along the last axis of what moves anything, and its points, the largest by the first
    unit first, the earlier of equals.

    >>> _ranked(np.array([[[0.1, 0.0, -0.4, 0.1], [0.0, 0.0, 3.0, 0.0]]]), 2)
    [([2, 0], [[-0.4, 3.0], [0.1, 0.0]])]
    """
    moved = points.any(axis=1)
    size = np.where(moved, np.abs(points[:, 0]), -1.0)
    order = np.argsort(-size, axis=1, kind="stable")[:, :top]
    among = points[np.arange(len(points))[:, None], :, order]
    count = np.minimum(moved.sum(axis=1), order.shape[1]).tolist()
    pairs = zip(order.tolist(), among.tolist(), count, strict=True)
    return [(places[:n], own[:n]) for places, own, n in pairs]


def residual(point: float | None, base: float, listed: Iterable[Mapping[str, Any]], unit: str) -> float | None:
    """What base and listed reasons leave of a score in one unit; None where there is no score.

    >>> residual(0.875, 0.75, [{"nrr_points": 0.25}], "nrr_points")
    -0.125
    """
    return None if point is None else point - base - sum(reason[unit] for reason in listed)


def plain(value: Any) -> Any:
    """A value as JSON holds it: None where it is not finite."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value

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
class Reasons:
    """The reasons of rows, made for the row that is asked for.

    `points` gives what every feature adds to a row, shape (n_units, n_features); the first unit ranks, and `unit` is
    its name. `never_among` are features that are no reason where some are left out.
    """

    unit: str
    features: Sequence[Feature]
    groups: Groups
    columns: Mapping[str, np.ndarray]
    points: Callable[[int], np.ndarray]
    never_among: frozenset[str] = frozenset()

    def each(self, i: int) -> Iterator[Reason]:
        """Every feature that moves row i on its own, the largest first, so that nothing is left out."""
        for j, own in _ranked(self.points(i), None):
            feature = self.features[j]
            yield Reason(feature, self._value(feature, i), self.groups.group_of(feature.name), own)

    def grouped(self, i: int, top: int | None = None) -> Iterator[Reason]:
        """Groups of features, the largest first."""
        if not self._parts:
            return
        points = np.take(self.points(i), self._order, axis=1)
        own = points[0].tolist()
        size = [abs(figure) for figure in own]
        for g, sums in _ranked(np.add.reduceat(points, self._starts, axis=1), top):
            group, features, places = self._parts[g]
            members: Sequence[tuple[Feature, float]] = ()
            if len(features) > 1:
                ranked = sorted(places, key=size.__getitem__, reverse=True)
                members = [(features[k - places.start], own[k]) for k in ranked]
            leading = members[0][0] if members else features[0]
            yield Reason(leading, self._value(leading, i), group, sums, members)

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
            "members": [self._member(i, own, figure) for own, figure in members],
        }

    def _member(self, i: int, feature: Feature, points: float) -> dict[str, Any]:
        value = self._value(feature, i)
        if feature.kind == "boolean" and value is not None:
            value = bool(value)
        return {"feature": feature.name, "label": feature.label, "value": value, self.unit: points}

    @cached_property
    def _parts(self) -> list[_Part]:
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
    def _order(self) -> np.ndarray:
        position = {feature.name: j for j, feature in enumerate(self.features)}
        return np.array([position[f.name] for part in self._parts for f in part.features], dtype=np.intp)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.array([part.places.start for part in self._parts], dtype=np.intp)

    def _value(self, feature: Feature, i: int) -> Any:
        return plain(self.columns[feature.name].item(i))


def _ranked(points: np.ndarray, top: int | None) -> list[tuple[int, list[float]]]:
    """Positions along the last axis of what moves anything with its points, the largest by the first row first, the
    earlier of equals.

    >>> _ranked(np.array([[0.1, 0.0, -0.4, 0.1], [0.0, 0.0, 3.0, 0.0]]), 2)
    [(2, [-0.4, 3.0]), (0, [0.1, 0.0])]
    """
    size = np.abs(points[0])
    among = np.arange(len(size))
    if top is not None and top < len(size):
        among = np.flatnonzero(size >= np.partition(size, len(size) - top)[len(size) - top])
    found = [pair for pair in zip(among.tolist(), points[:, among].T.tolist(), strict=True) if any(pair[1])]
    found.sort(key=lambda pair: -abs(pair[1][0]))
    return found[:top]


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

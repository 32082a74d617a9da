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
    group: str
    features: Sequence[Feature]
    start: int


class Member(NamedTuple):
    """One feature of a group: its value and its own points, in the unit that ranks."""

    feature: Feature
    value: Any
    points: float


@dataclass(frozen=True)
class Reason:
    """A feature, or a group that its most moving feature speaks for, with what it adds in every unit.

    `members` are all features of the group, the most moving first; none where the feature stands alone.
    """

    feature: Feature
    value: Any
    group: str
    points: Mapping[str, float]
    """By unit; the first is the one that ranks."""
    members: tuple[Member, ...] = ()

    def to_json(self, phrase: str, figures: Mapping[str, Any]) -> dict[str, Any]:
        """As in `reasons[]` of a score, with its figures by unit; those of members are in the one that ranks."""
        feature = self.feature
        unit, size = next(iter(self.points.items()))
        return {
            "feature": feature.name,
            "label": feature.label,
            "value": _of_kind(feature, self.value),
            "phrase": phrase,
            "scope": str(feature.scope),
            **figures,
            "direction": "lowers" if size < 0 else "raises",
            "actionable": feature.actionable,
            "nature": feature.nature,
            "group": self.group,
            "members": [
                {"feature": own.name, "label": own.label, "value": _of_kind(own, value), unit: points}
                for own, value, points in self.members
            ],
        }


@dataclass(frozen=True)
class Reasons:
    """The reasons of rows, made for the row that is asked for.

    `points` gives what every feature adds to a row, shape (n_units, n_features); the first unit ranks. `never_among`
    are features that are no reason where some are left out.
    """

    units: tuple[str, ...]
    features: Sequence[Feature]
    groups: Groups
    columns: Mapping[str, np.ndarray]
    points: Callable[[int], np.ndarray]
    never_among: frozenset[str] = frozenset()

    def each(self, i: int) -> Iterator[Reason]:
        """Every feature that moves row i on its own, the largest first, so that nothing is left out."""
        points = self.points(i)
        for j, own in _ranked(points, None):
            feature = self.features[j]
            yield Reason(feature, self._value(feature, i), self.groups.group_of(feature.name), self._by_unit(own))

    def grouped(self, i: int, top: int | None = None) -> Iterator[Reason]:
        """Groups of features, the largest first."""
        if not self._parts:
            return
        points = np.take(self.points(i), self._order, axis=1)
        own = points[0].tolist()
        for g, sums in _ranked(np.add.reduceat(points, self._starts, axis=1), top):
            yield self._group(i, self._parts[g], self._by_unit(sums), own)

    def _group(self, i: int, part: _Part, by_unit: Mapping[str, float], own: Sequence[float]) -> Reason:
        """The reason of a group from its sums and the points of all features in the order of groups."""
        members = [
            Member(feature, self._value(feature, i), own[k]) for k, feature in enumerate(part.features, start=part.start)
        ]
        members.sort(key=lambda member: -abs(member.points))
        leading = members[0]
        return Reason(leading.feature, leading.value, part.group, by_unit, tuple(members) if len(members) > 1 else ())

    @cached_property
    def _parts(self) -> list[_Part]:
        """The groups in the order of their first features, and where each begins in the order of groups."""
        of_group: dict[str, list[Feature]] = {}
        for feature in self.features:
            if feature.name not in self.never_among:
                of_group.setdefault(self.groups.group_of(feature.name), []).append(feature)
        starts = accumulate((len(features) for features in of_group.values()), initial=0)
        return [_Part(group, features, start) for (group, features), start in zip(of_group.items(), starts, strict=False)]

    @cached_property
    def _order(self) -> np.ndarray:
        position = {feature.name: j for j, feature in enumerate(self.features)}
        return np.array([position[f.name] for part in self._parts for f in part.features], dtype=np.intp)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.array([part.start for part in self._parts], dtype=np.intp)

    def _by_unit(self, points: Sequence[float]) -> Mapping[str, float]:
        return dict(zip(self.units, points, strict=True))

    def _value(self, feature: Feature, i: int) -> Any:
        return plain(self.columns[feature.name][i])


def _of_kind(feature: Feature, value: Any) -> Any:
    """A value as JSON shows it: a boolean is held as a number."""
    return bool(value) if feature.kind == "boolean" and value is not None else value


def _ranked(points: np.ndarray, top: int | None) -> Iterable[tuple[int, list[float]]]:
    """Positions along the last axis of what moves anything with its points, the largest by the first row first, the
    earlier of equals.

    >>> list(_ranked(np.array([[0.1, 0.0, -0.4, 0.1], [0.0, 0.0, 3.0, 0.0]]), 2))
    [(2, [-0.4, 3.0]), (0, [0.1, 0.0])]
    """
    moving = np.flatnonzero(points.any(axis=0))
    size = np.abs(points[0, moving])
    if top is not None and top < len(size):
        enough = size >= np.partition(size, len(size) - top)[len(size) - top]
        moving, size = moving[enough], size[enough]
    chosen = moving[np.argsort(-size, kind="stable")][:top]
    return zip(chosen.tolist(), points[:, chosen].T.tolist(), strict=True)


def residual(
    point: float | None, base: float, listed: Iterable[Mapping[str, Any]], unit: str
) -> float | None:
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

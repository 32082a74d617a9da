"""Why one account's score differs between two moments: what each feature adds at both, group by group, exactly.

The base of a model is the same at both moments, so the differences of contributions are the difference of the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from leap.explanation import wording
from leap.explanation.groups import Groups
from leap.features import Feature

LEAST_POINTS = 0.0005
"""Of NRR as a fraction: less than this is 0.0 points in words."""
Values = Mapping[str, Any]
"""One account's plain feature values by name; None is missing."""


@dataclass(frozen=True)
class FeatureChange:
    """A feature's plain value at both moments (None is missing), and by how much its contribution differs, as fractions
    of NRR and of churn probability.
    """

    feature: Feature
    before: object
    now: object
    nrr_points: float
    probability_points: float

    @property
    def moved(self) -> bool:
        """Whether the value differs; missing at both moments is the same."""
        return self.before != self.now

    def to_json(self) -> dict[str, Any]:
        """One feature of a group of `changes`."""
        return {
            "feature": self.feature.name,
            "label": self.feature.label,
            "before": as_kind(self.feature, self.before),
            "now": as_kind(self.feature, self.now),
            "moved": self.moved,
            "nrr_points": self.nrr_points,
            "probability_points": self.probability_points,
        }


@dataclass(frozen=True)
class GroupChange:
    """Features that say the same, the one that tells most first: of those that moved, the largest contribution.

    A group in which no value moved can still weigh differently, beside others that did.
    """

    group: str
    features: tuple[FeatureChange, ...]

    @property
    def nrr_points(self) -> float:
        """By how much all of them together differ, as a fraction of NRR."""
        return sum(change.nrr_points for change in self.features)

    @property
    def probability_points(self) -> float:
        """By how much all of them together differ, as a fraction of churn probability."""
        return sum(change.probability_points for change in self.features)

    @property
    def moved(self) -> bool:
        """Whether any value differs."""
        return any(change.moved for change in self.features)

    @property
    def leading(self) -> FeatureChange:
        """The feature that stands for the group."""
        return self.features[0]

    def is_worth_telling(self) -> bool:
        """Whether a value moved and the points do not round to nothing."""
        return self.moved and abs(self.nrr_points) >= LEAST_POINTS

    def phrase(self, mrr: float | None, currency: str) -> str:
        """The group's change in words; `mrr` is the account's, which its money is counted by."""
        money = None if mrr is None else self.nrr_points * mrr
        leading, related = self.leading, sum(change.moved for change in self.features[1:])
        said: str = wording.change_phrase(
            leading.feature, leading.before, leading.now, self.nrr_points, money, currency, related=related
        )
        return said

    def to_json(self, mrr: float | None, currency: str) -> dict[str, Any]:
        """One entry of `changes`."""
        return {
            "group": self.group,
            "label": self.leading.feature.label,
            "moved": self.moved,
            "nrr_points": self.nrr_points,
            "probability_points": self.probability_points,
            "money": None if mrr is None else self.nrr_points * mrr,
            "phrase": self.phrase(mrr, currency),
            "features": [change.to_json() for change in self.features],
        }


def group_changes(
    features: Sequence[Feature],
    groups: Groups,
    before: Values,
    now: Values,
    nrr_points: np.ndarray,
    probability_points: np.ndarray,
) -> tuple[GroupChange, ...]:
    """Every group in which a value or a contribution differs, largest first; points are of `features`, (n_features,).

    The sum over all of them is the sum of the points: what is left out is zero.
    """
    members: dict[str, list[FeatureChange]] = {}
    for feature, nrr, probability in zip(features, nrr_points.tolist(), probability_points.tolist(), strict=True):
        name = feature.name
        change = FeatureChange(feature, _plain(before.get(name)), _plain(now.get(name)), nrr, probability)
        if change.moved or nrr != 0.0 or probability != 0.0:
            members.setdefault(groups.group_of(name), []).append(change)
    found = [GroupChange(group, tuple(sorted(changes, key=_rank))) for group, changes in members.items()]
    return tuple(sorted(found, key=lambda one: (-abs(one.nrr_points), one.group)))


def _rank(change: FeatureChange) -> tuple[bool, float, str]:
    return not change.moved, -abs(change.nrr_points), change.feature.name


def as_kind(feature: Feature, value: object) -> object:
    """A plain value as JSON shows it: a boolean is true or false."""
    return bool(value) if feature.kind == "boolean" and value is not None else value


def _plain(value: Any) -> object:
    return None if value is None or value != value else value

"""Accounts that do alike for the same reasons: clusters of what the fit model adds, and what followed in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from leap.explanation.groups import Groups
from leap.features import Feature, FeatureFrame, Scope
from leap.icp.pooling import Pooled
from leap.icp.rules import Columns, Rule
from leap.models.composition import ScopeModel

_LEAST_OF_SPACE = 0.1
"""A group that adds less than this part of what the second largest adds tells nobody apart."""
_FARTHEST = 2.5
"""Standard deviations at which an account's contribution stops counting: a few far out are no segment."""
_NOTHING = 1e-9
_MOST_SEGMENTS = 8
_MOST_POINTS = 1500
_NAMED_BY = 3


@dataclass(frozen=True)
class Described:
    """The segments that a rule describes better than any other rule: of `accounts` in them the rule holds for `recall`,
    and of those for which the rule holds `precision` are in them; `f1` is their harmonic mean. `by` are the labels of
    the features whose contributions tell them from the others, most first. `pooled` is what followed in them.
    """

    segments: tuple[int, ...]
    accounts: int
    f1: float
    precision: float
    recall: float
    by: tuple[str, ...]
    pooled: Pooled

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of a profile, under `segment`."""
        return {**asdict(self), "segments": list(self.segments), "by": list(self.by), "pooled": self.pooled.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Described:
        """The inverse of `to_json`."""
        pooled = Pooled.from_json(document["pooled"])
        lists = {name: tuple(document[name]) for name in ("segments", "by")}
        return cls(**{**document, **lists, "pooled": pooled})


@dataclass(frozen=True)
class Space:
    """What groups of fit features add to NRR, a point an account: shape (n, n_groups), each group limited in spread.

    `leading` is the feature that names each group.
    """

    points: np.ndarray
    leading: tuple[Feature, ...]

    @classmethod
    def of(cls, model: ScopeModel, frame: FeatureFrame, groups: Groups) -> Space | None:
        """From a fit model and the accounts' features; None if no fit feature tells accounts apart."""
        added = model.encoder.by_feature(model.attribute(model.encoder.encode(frame)).nrr)
        by_group = groups.sum(added, frame.catalog.names)
        features = [frame.catalog.by_name[group] for group in groups.ids]
        ordered = np.sort(by_group, axis=0)
        middle, spread = ordered.mean(axis=0), ordered.std(axis=0)
        fit = np.array([feature.scope == Scope.FIT for feature in features], dtype=bool)
        if not (fit & (spread > _NOTHING)).any():
            return None
        kept = np.flatnonzero(fit & (spread > max(_LEAST_OF_SPACE * _most(spread[fit]), _NOTHING)))
        away = np.clip(by_group[:, kept] - middle[kept], -_FARTHEST * spread[kept], _FARTHEST * spread[kept])
        return cls(away * limits(np.sort(away, axis=0).std(axis=0)), tuple(features[i] for i in kept))


def limits(spread: np.ndarray) -> np.ndarray:
    """What to multiply each dimension with so that none counts for more than the second largest, shape (n,).

    One group that dominates the model would else be what every segment is about.

    >>> limits(np.array([10.0, 1.0, 0.5])).tolist()
    [0.1, 1.0, 1.0]
    """
    most = _most(spread)
    return np.asarray(np.minimum(most / np.maximum(spread, 1e-300), 1.0))


def _most(spread: np.ndarray) -> float:
    """The second largest of several, else the only one."""
    return float(np.sort(spread)[-2 if len(spread) > 1 else -1])


@dataclass(frozen=True)
class Segments:
    """A partition of accounts: `labels` count from 0, shape (n,), and `centres` are where each lies in the space."""

    space: Space
    centres: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, space: Space, bought: np.ndarray) -> Segments:
        """Ward's clusters (1963, "Hierarchical grouping to optimize an objective function") of those that bought; all
        others join the nearest. The order of accounts is no matter.

        As many as part them best by Calinski & Harabasz (1974, "A dendrite method for cluster analysis").
        """
        points = space.points[bought]
        points = points[np.lexsort(np.round(points, 9).T)]
        points = points[np.unique(np.linspace(0, len(points) - 1, _MOST_POINTS).round().astype(int))]
        centres = _centres(points)
        distance = ((space.points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
        return cls(space, centres, np.argmin(np.round(distance, 12), axis=1))

    @property
    def parts(self) -> list[np.ndarray]:
        """A mask for each segment."""
        return [self.labels == number for number in range(len(self.centres))]

    def told_by(self, part: np.ndarray) -> tuple[Feature, ...]:
        """The features whose groups' contributions tell a part of the accounts from the mean of all, most first."""
        points = self.space.points
        away = np.round(np.abs(points[part].mean(axis=0) - points.mean(axis=0)), 6)
        order = sorted(range(len(away)), key=lambda i: (-away[i], self.space.leading[i].name))
        return tuple(self.space.leading[i] for i in order[:_NAMED_BY] if away[i] > _LEAST_OF_SPACE * away.max())


def _centres(points: np.ndarray) -> np.ndarray:
    from scipy.cluster.hierarchy import fcluster, linkage

    everyone: np.ndarray = np.asarray(points.mean(axis=0, keepdims=True))
    if len(points) < 3 or not np.ptp(points, axis=0).any():
        return everyone
    tree = linkage(points, method="ward")
    best, centres = -1.0, everyone
    for count in range(2, min(_MOST_SEGMENTS, len(points) - 1) + 1):
        labels = fcluster(tree, count, criterion="maxclust")
        found = np.array([points[labels == label].mean(axis=0) for label in np.unique(labels)])
        if len(found) < count:
            break
        between = float((((found - everyone) ** 2).sum(axis=1) * np.bincount(labels)[1:]).sum())
        inside = float(sum(((points[labels == i + 1] - centre) ** 2).sum() for i, centre in enumerate(found)))
        told = (between / (count - 1)) / max(inside / (len(points) - count), 1e-12)
        if told > best * (1 + 1e-9):
            best, centres = told, found
    return centres


def fits(rule: Rule, columns: Columns, part: np.ndarray, among: np.ndarray) -> tuple[float, float, float]:
    """How well a rule says who is in a part, of the accounts that count: F1, precision and recall."""
    meets = rule.matches(columns) & among
    both = int((meets & part).sum())
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / int(meets.sum()), both / int((part & among).sum())
    return 2 * precision * recall / (precision + recall), precision, recall


def best_of(rules: Sequence[Rule], columns: Columns, part: np.ndarray, among: np.ndarray) -> Rule | None:
    """The rule that says best who is in a part; of equal ones the shorter, then the first."""
    return max(
        rules,
        key=lambda rule: (round(fits(rule, columns, part, among)[0], 9), -len(rule.conditions)),
        default=None,
    )

"""Groups of features: what one family declares and what says the same are one thing to whoever reads a driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from leap.errors import CatalogError
from leap.explanation.sameness import SAME, sameness
from leap.features import Feature, FeatureFrame

_COPY = 0.95
"""From here on a feature is a copy of another, perhaps with noise."""

_OF_TWO_TIMES = frozenset({"change", "changed", "growth", "trend"})


@dataclass(frozen=True)
class Groups:
    """A partition of all features of a catalog; each group is named by its leading feature, which stands first.

    Two features are together if they are of one family (table and `group` of the declaration) or say the same; never
    across scopes. A family of several joins another thing if most of it says the same as that, or if one of it is a
    copy: a year of usage that goes with the time as a customer makes usage no part of it. Groups stand in the order of
    their names.
    """

    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, frame: FeatureFrame) -> Groups:
        """The groups of a frame's features, whatever the order of its rows and columns.

        What says the same is found by complete linkage: all of it is alike in pairs, so no chain of weak links joins
        what its ends would not (Sneath & Sokal 1973, "Numerical taxonomy").
        """
        features = sorted(frame.catalog.features, key=lambda feature: feature.name)
        alike = sameness(frame, features)
        labels = _joined(_families(features), _alike(alike), alike)
        parts = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        named = [_leading_first(members, features, alike) for members in parts]
        return cls(tuple(sorted(named)))

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the groups, in order."""
        return tuple(members[0] for members in self.parts)

    @cached_property
    def _group_of(self) -> dict[str, str]:
        return {name: members[0] for members in self.parts for name in members}

    def group_of(self, name: str) -> str:
        """The group of a feature; CatalogError if it is of another catalog."""
        if name not in self._group_of:
            raise CatalogError(f"{name}: in none of the {len(self.parts)} groups of this catalog.", details=[name])
        return self._group_of[name]

    def members(self, group: str) -> tuple[str, ...]:
        """The features of a group, the leading one first."""
        position = self._position.get(group)
        if position is None:
            raise CatalogError(f"{group}: none of the {len(self.parts)} groups of this catalog.", details=[group])
        return self.parts[position]

    @cached_property
    def _position(self) -> dict[str, int]:
        return {group: position for position, group in enumerate(self.ids)}

    def positions(self, features: Sequence[str]) -> np.ndarray:
        """For each feature the position of its group in `ids`, shape (n_features,)."""
        return np.array([self._position[self.group_of(name)] for name in features], dtype=int)

    def sum(self, contributions: np.ndarray, features: Sequence[str]) -> np.ndarray:
        """What each group adds to each row, shape (n, n_groups) in the order of `ids`, from what its features add.

        `features` names the columns of `contributions`, shape (n, n_features). A row's sum stays what it was.
        """
        result = np.zeros((len(contributions), len(self.parts)))
        np.add.at(result.T, self.positions(features), contributions.T)
        return result

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle: the features of each group by its name."""
        return {members[0]: list(members) for members in self.parts}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Groups:
        """The inverse of `to_json`; ValueError if a feature stands in two groups or a group does not lead itself."""
        parts = tuple((str(group), tuple(str(name) for name in members)) for group, members in document.items())
        names = [name for _, members in parts for name in members]
        if len(names) != len(set(names)) or any(members[:1] != (group,) for group, members in parts):
            raise ValueError("groups: every feature stands in one group, and each group's first one names it")
        return cls(tuple(sorted(members for _, members in parts)))


def _families(features: Sequence[Feature]) -> np.ndarray:
    keys = [(feature.recipe.table, feature.group, str(feature.scope)) for feature in features]
    numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([numbers[key] for key in keys], dtype=int)


def _alike(alike: np.ndarray) -> np.ndarray:
    """Labels of what says the same, all of it in pairs."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(alike) < 2:
        return np.zeros(len(alike), dtype=int)
    tree = linkage(squareform(1 - alike, checks=False), method="complete")
    return np.asarray(fcluster(tree, 1 - SAME + 1e-12, criterion="distance"))


def _joined(families: np.ndarray, clusters: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Labels of families of which some are joined by what says the same, shape (n,)."""
    from scipy.sparse.csgraph import connected_components

    size = np.bincount(families)
    told, most = np.zeros((len(size), len(size)), dtype=int), np.zeros((len(size), len(size)))
    for cluster in np.unique(clusters):
        members = np.flatnonzero(clusters == cluster)
        of, count = np.unique(families[members], return_counts=True)
        told[np.ix_(of, of)] += count[:, None]
        pairs = families[members]
        np.maximum.at(most, (pairs[:, None], pairs[None, :]), alike[np.ix_(members, members)])
    alone = size == 1
    joined = (told > 0) & alone[:, None] & alone[None, :]
    joined |= (2 * told > size[:, None]) & ~alone[:, None]
    joined |= most >= _COPY
    return np.asarray(connected_components(joined, directed=False)[1][families])


def _leading_first(members: np.ndarray, features: Sequence[Feature], alike: np.ndarray) -> tuple[str, ...]:
    """Names, first the one that says the same as most of the others, the shortest of several.

    What compares two times leads only where nothing else does: a group is not named by the change of what it is about.
    """
    told = (alike[np.ix_(members, members)] >= SAME).sum(axis=1)
    ranked = sorted(
        zip(members, told, strict=True),
        key=lambda item: (_compares(features[item[0]]), -item[1], *_short(features[item[0]].name)),
    )
    leader = features[ranked[0][0]].name
    return (leader, *(features[m].name for m in members if features[m].name != leader))


def _compares(feature: Feature) -> bool:
    """Whether it is a difference, growth or trend between two times."""
    return not _OF_TWO_TIMES.isdisjoint(feature.recipe.operation.split("_"))


def _short(name: str) -> tuple[int, str]:
    return len(name), name

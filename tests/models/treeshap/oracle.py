"""TreeSHAP from LightGBM's text alone, slow and obviously right; it shares no code with what is tested.

The game of one tree and one row: a set of features is known, and a decision on one that is not goes both ways, weighted
by the counts of training rows (path-dependent TreeSHAP: Lundberg et al. 2020, "From local explanations to global
understanding with explainable AI for trees", Algorithm 1). `by_subsets` plays every set of it. `by_leaves` takes the
leaves one by one: a leaf's game is a product over the features of its path, whose Shapley values are sums over the
sizes of sets.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

ZERO = float(np.float32(1e-35))
"""A number no further from 0 than this is 0: LightGBM leaves it out of the rows that it walks."""
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_IS_ZERO, _MISSING_IS_NAN = 1, 2, 4, 8


@dataclass(frozen=True)
class Tree:
    """One tree as written: a child below 0 is the leaf `-1 - child`."""

    feature: list[int]
    threshold: list[float]
    decision: list[int]
    left: list[int]
    right: list[int]
    count: list[int]
    leaf_value: list[float]
    leaf_count: list[int]
    boundaries: list[int]
    words: list[int]

    def goes_left(self, node: int, value: float) -> bool:
        """The decision as LightGBM's `Tree::Decision` takes it."""
        kind = self.decision[node]
        if kind & _CATEGORICAL:
            return self._is_member(node, value)
        if abs(value) <= ZERO or (math.isnan(value) and not kind & _MISSING_IS_NAN):
            value = 0.0
        missing = math.isnan(value) or (bool(kind & _MISSING_IS_ZERO) and value == 0)
        return bool(kind & _DEFAULT_LEFT) if missing else value <= self.threshold[node]

    def _is_member(self, node: int, value: float) -> bool:
        if math.isnan(value) or not -1 < value < 2**31:
            return False
        category, which = int(value), int(self.threshold[node])  # cut towards 0: -0.5 is category 0
        words = self.words[self.boundaries[which] : self.boundaries[which + 1]]
        return category // 32 < len(words) and bool(words[category // 32] >> category % 32 & 1)

    def covers(self, child: int) -> int:
        """How many training rows came to a child."""
        return self.count[child] if child >= 0 else self.leaf_count[-1 - child]

    def expected(self, row: np.ndarray, known: Collection[int], child: int = 0) -> float:
        """The expected value below a child where only some features are known."""
        if child < 0 or not self.feature:
            return self.leaf_value[-1 - child if child < 0 else 0]
        left, right = self.left[child], self.right[child]
        if self.feature[child] in known:
            goes_left = self.goes_left(child, float(row[self.feature[child]]))
            return self.expected(row, known, left if goes_left else right)
        here = self.covers(child)
        return sum(self.covers(side) / here * self.expected(row, known, side) for side in (left, right))

    def paths(self, child: int = 0) -> Iterator[tuple[float, list[tuple[int, bool]]]]:
        """Every leaf's value with the nodes above it and whether its path goes left there."""
        if child < 0 or not self.feature:
            yield self.leaf_value[-1 - child if child < 0 else 0], []
            return
        for goes_left, side in ((True, self.left[child]), (False, self.right[child])):
            for value, path in self.paths(side):
                yield value, [(child, goes_left), *path]


def trees_of(text: str) -> list[Tree]:
    """The trees of a text model."""
    found = []
    for part in text.split("end of trees")[0].split("Tree=")[1:]:
        fields = dict(line.split("=", 1) for line in part.split("\n") if "=" in line)

        def numbers(name: str, kind: type, fields: dict[str, str] = fields) -> list:
            return [kind(word) for word in fields.get(name, "").split()]

        found.append(
            Tree(
                feature=numbers("split_feature", int),
                threshold=numbers("threshold", float),
                decision=numbers("decision_type", int),
                left=numbers("left_child", int),
                right=numbers("right_child", int),
                count=numbers("internal_count", int),
                leaf_value=numbers("leaf_value", float),
                leaf_count=numbers("leaf_count", int),
                boundaries=numbers("cat_boundaries", int),
                words=numbers("cat_threshold", int),
            )
        )
    return found


def base(text: str) -> float:
    """The expected margin when nothing is known."""
    return math.fsum(tree.expected(np.zeros(0), ()) for tree in trees_of(text))


def margins(text: str, matrix: np.ndarray) -> np.ndarray:
    """The margin when everything is known, shape (n,)."""
    everything, trees = range(matrix.shape[1]), trees_of(text)
    return np.array([math.fsum(tree.expected(row, everything) for tree in trees) for row in matrix])


def by_subsets(text: str, matrix: np.ndarray) -> np.ndarray:
    """Shapley values from every set of the features that a tree asks, shape (n, width)."""
    found = np.zeros(matrix.shape)
    for tree in trees_of(text):
        asked = sorted(set(tree.feature))
        for i, row in enumerate(matrix):
            worth = {
                known: tree.expected(row, known)
                for size in range(len(asked) + 1)
                for known in combinations(asked, size)
            }
            for known, value in worth.items():
                for feature in set(asked) - set(known):
                    more = worth[tuple(sorted((*known, feature)))]
                    found[i, feature] += _share(len(known), len(asked)) * (more - value)
    return found


def by_leaves(text: str, matrix: np.ndarray) -> np.ndarray:
    """Shapley values leaf by leaf, shape (n, width): the same numbers, at a cost that larger trees allow."""
    found = np.zeros(matrix.shape)
    for tree in trees_of(text):
        left = np.array(
            [[tree.goes_left(node, float(row[f])) for node, f in enumerate(tree.feature)] for row in matrix]
        ).reshape(len(matrix), len(tree.feature))
        for value, path in tree.paths():
            _add_leaf(found, tree, left, value, path)
    return found


def _add_leaf(found: np.ndarray, tree: Tree, left: np.ndarray, value: float, path: list[tuple[int, bool]]) -> None:
    """A leaf is worth `value` times, for every feature of its path, 1 or 0 where known and a share of rows where not."""
    known: dict[int, np.ndarray] = {}
    unknown: dict[int, float] = {}
    for node, goes_left in path:
        feature, side = tree.feature[node], tree.left[node] if goes_left else tree.right[node]
        known[feature] = known.get(feature, np.ones(len(left), dtype=bool)) & (left[:, node] == goes_left)
        unknown[feature] = unknown.get(feature, 1.0) * tree.covers(side) / tree.covers(node)
    for feature in known:
        others = [one for one in known if one != feature]
        # sums[s]: over all sets of s of the other features, the product of what they are worth
        sums = np.zeros((len(others) + 1, len(left)))
        sums[0] = 1.0
        for k, other in enumerate(others):
            sums[1 : k + 2] = sums[1 : k + 2] * unknown[other] + sums[: k + 1] * known[other]
            sums[0] *= unknown[other]
        shares = np.array([_share(size, len(known)) for size in range(len(known))])
        found[:, feature] += value * (known[feature] - unknown[feature]) * (shares @ sums)


def _share(size: int, players: int) -> float:
    """How much one set of `size` counts in a game of so many players: `s! (m - s - 1)! / m!`."""
    return 1 / (players * math.comb(players - 1, size))

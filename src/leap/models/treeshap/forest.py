"""LightGBM's text model as arrays: nodes with the columns of bins that they ask, leaves with their values.

A *column* is a feature under one treatment of missing values, cut at the thresholds of its nodes: a node goes left
where the row's bin lies below its *boundary*. With numbers, bin k holds what k thresholds are below. A missing value is
bin 0 of a column whose nodes send it left, and the highest bin of one whose nodes send it right. Each set of categories
is a column of its own, with bin 0 for its members.

The text must have passed `bundle.structure`: what is checked here is only what these loops can do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from leap.compiled.signature import Flags, Floats, Integers

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2
MOST_THRESHOLDS = 255


class Unsupported(ValueError):
    """A model that LightGBM can explain and these loops cannot."""


class Columns(NamedTuple):
    """How rows become bins.

    Column c bins feature `feature[c]` by `thresholds[threshold_start[c]:threshold_start[c + 1]]`, in order; for a set
    of categories these are its members and `categorical[c]` is true. `missing[c]` says what counts as missing, and
    `missing_bin[c]` where that goes.
    """

    feature: Integers
    categorical: Flags
    missing: Integers
    missing_bin: Integers
    thresholds: Floats
    threshold_start: Integers


@dataclass(frozen=True)
class Forest:
    """Trees joined: those of a node are `left` and `right`, other nodes or, below zero, leaf `-1 - child`.

    Tree t has the nodes `node_start[t]:node_start[t + 1]` and the leaves `leaf_start[t]:leaf_start[t + 1]`; a tree
    without nodes has one leaf. `base` is the expected margin, by counts.
    """

    n_features: int
    columns: Columns
    node_start: np.ndarray
    leaf_start: np.ndarray
    column: np.ndarray
    boundary: np.ndarray
    left: np.ndarray
    right: np.ndarray
    count: np.ndarray
    leaf_value: np.ndarray
    leaf_count: np.ndarray
    base: float


def forest_of(text: str) -> Forest:
    """The trees of a text model; Unsupported where they are more than sums of trees of plain splits."""
    head, _, rest = text.partition("\n\n")
    header = _fields(head)
    if int(header.get("num_class", 1)) != 1 or int(header.get("num_tree_per_iteration", 1)) != 1:
        raise Unsupported("The model has several classes; contributions are computed for one.")
    if "average_output" in header:
        raise Unsupported("The model averages its trees (random forest); contributions are computed for sums.")
    parts = (part.strip("\n") for part in rest.partition("\nend of trees")[0].split("\n\n"))
    trees = [_fields(part) for part in parts if part.startswith("Tree=")]
    return _joined([_Tree.of(tree) for tree in trees], int(header["max_feature_idx"]) + 1)


def _fields(part: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in part.split("\n"))


def _numbers(tree: Mapping[str, str], name: str, kind: type) -> np.ndarray:
    return np.array(tree.get(name, "").split(), dtype=kind)


@dataclass(frozen=True)
class _Tree:
    feature: np.ndarray
    threshold: np.ndarray
    decision: np.ndarray
    left: np.ndarray
    right: np.ndarray
    count: np.ndarray
    leaf_value: np.ndarray
    leaf_count: np.ndarray
    category_start: np.ndarray
    category_bits: np.ndarray

    @classmethod
    def of(cls, tree: Mapping[str, str]) -> _Tree:
        if int(tree.get("is_linear", 0)):
            raise Unsupported("The model has linear leaves; contributions are computed for constant ones.")
        values = _numbers(tree, "leaf_value", np.float64)
        counts = _numbers(tree, "leaf_count", np.float64)
        return cls(
            feature=_numbers(tree, "split_feature", np.int64),
            threshold=_numbers(tree, "threshold", np.float64),
            decision=_numbers(tree, "decision_type", np.int64),
            left=_numbers(tree, "left_child", np.int64),
            right=_numbers(tree, "right_child", np.int64),
            count=_numbers(tree, "internal_count", np.float64),
            leaf_value=values,
            # A tree of one leaf may come without its count, which nothing needs.
            leaf_count=counts if len(counts) else np.zeros(len(values)),
            category_start=_numbers(tree, "cat_boundaries", np.int64),
            category_bits=_numbers(tree, "cat_threshold", np.uint32),
        )

    @property
    def base(self) -> float:
        """The expected value, by counts."""
        return float(self.leaf_value[0] if not len(self.count) else self.leaf_count / self.count[0] @ self.leaf_value)

    def categories(self, node: int) -> tuple[int, ...]:
        """The categories that go left."""
        which = int(self.threshold[node])
        words = self.category_bits[self.category_start[which] : self.category_start[which + 1]]
        return tuple(np.flatnonzero(np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little")).tolist())


def _joined(trees: list[_Tree], n_features: int) -> Forest:
    node_start = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    leaf_start = np.cumsum([0, *(len(tree.leaf_value) for tree in trees)])
    children = [
        tuple(np.where(side >= 0, side + nodes, side - leaves) for side in (tree.left, tree.right))
        for tree, nodes, leaves in zip(trees, node_start[:-1], leaf_start[:-1], strict=True)
    ]
    columns, column, boundary = _columns(trees)
    return Forest(
        n_features=n_features,
        columns=columns,
        node_start=node_start,
        leaf_start=leaf_start,
        column=column,
        boundary=boundary,
        left=_concatenated([left for left, _ in children], np.int64),
        right=_concatenated([right for _, right in children], np.int64),
        count=_concatenated([tree.count for tree in trees], np.float64),
        leaf_value=_concatenated([tree.leaf_value for tree in trees], np.float64),
        leaf_count=_concatenated([tree.leaf_count for tree in trees], np.float64),
        base=float(sum(tree.base for tree in trees)),
    )


def _concatenated(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.ascontiguousarray(np.concatenate([np.zeros(0, dtype=kind), *parts]))


def _columns(trees: list[_Tree]) -> tuple[Columns, np.ndarray, np.ndarray]:
    """The columns of all nodes, and of each node its column and boundary."""
    feature = _concatenated([tree.feature for tree in trees], np.int64)
    threshold = _concatenated([tree.threshold for tree in trees], np.float64)
    decision = _concatenated([tree.decision for tree in trees], np.int64)
    categorical = decision & _CATEGORICAL > 0
    missing = np.where(categorical, MISSING_NONE, (decision >> 2) & 3)
    # Where nothing counts as missing, it does not matter where that would go.
    left = (decision & _DEFAULT_LEFT > 0) | (missing == MISSING_NONE)
    column, boundary = np.zeros(len(feature), dtype=np.int64), np.ones(len(feature), dtype=np.int64)
    found: list[tuple[int, bool, int, bool, np.ndarray]] = []
    keys = np.column_stack([feature, missing, left])
    for key in np.unique(keys[~categorical], axis=0):
        nodes = np.flatnonzero(~categorical & (keys == key).all(axis=1))
        cuts = np.unique(threshold[nodes])
        for part in range(0, len(cuts), MOST_THRESHOLDS):
            own = cuts[part : part + MOST_THRESHOLDS]
            here = nodes[(threshold[nodes] >= own[0]) & (threshold[nodes] <= own[-1])]
            column[here], boundary[here] = len(found), np.searchsorted(own, threshold[here]) + 1
            found.append((int(key[0]), False, int(key[1]), bool(key[2]), own))
    sets: dict[tuple[int, tuple[int, ...]], int] = {}
    first = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    for node in np.flatnonzero(categorical):
        tree = int(np.searchsorted(first, node, side="right")) - 1
        members = (int(feature[node]), trees[tree].categories(int(node - first[tree])))
        if members not in sets:
            sets[members] = len(found)
            found.append((members[0], True, MISSING_NONE, True, np.array(members[1], dtype=float)))
        column[node] = sets[members]
    return _binned_by(found), column, boundary


def _binned_by(found: list[tuple[int, bool, int, bool, np.ndarray]]) -> Columns:
    return Columns(
        feature=np.array([one[0] for one in found], dtype=np.int64),
        categorical=np.array([one[1] for one in found], dtype=bool),
        missing=np.array([one[2] for one in found], dtype=np.int64),
        missing_bin=np.array([0 if one[3] else len(one[4]) for one in found], dtype=np.int64),
        thresholds=_concatenated([one[4] for one in found], np.float64),
        threshold_start=np.cumsum([0, *(len(one[4]) for one in found)]).astype(np.int64),
    )

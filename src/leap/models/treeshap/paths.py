"""What each leaf asks of the features on its path.

An *element* is a feature on the path of a leaf, however often the path splits on it: `weight` is the product of the
shares of rows that went on along the path at its splits, and it is satisfied by a row whose bin lies in
`[low, high)` for each of its conditions (one; more where a feature has several columns).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leap.compiled import compiled
from leap.models.treeshap.forest import Forest, Unsupported

ABOVE_ALL = 256


class Paths(NamedTuple):
    """Leaf i has the elements `element_start[i]:element_start[i + 1]`, element e the conditions
    `condition_start[e]:condition_start[e + 1]`; leaves stand in the order of their tree, left before right.
    """

    value: np.ndarray
    element_start: np.ndarray
    feature: np.ndarray
    weight: np.ndarray
    condition_start: np.ndarray
    column: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def longest(self) -> int:
        """The most features on one path."""
        return int(np.diff(self.element_start).max(initial=0))

    @property
    def most_conditions(self) -> int:
        """The most conditions on one path."""
        return int(np.diff(self.condition_start[self.element_start]).max(initial=0))


class Tables(NamedTuple):
    """Table g has the steps `step_start[g]:step_start[g + 1]`, the features `feature_start[g]:feature_start[g + 1]`
    and the cells `cell_start[g]:cell_start[g + 1]`: those of all its features in state 0, then in state 1, and so on.
    A row's steps add up to where the cells of its state begin. `alone` are the leaves with more states than a table may
    have.
    """

    states: np.ndarray
    step_start: np.ndarray
    step_column: np.ndarray
    step_boundary: np.ndarray
    step_size: np.ndarray
    feature_start: np.ndarray
    feature: np.ndarray
    cell_start: np.ndarray
    cell: np.ndarray
    alone: np.ndarray


def paths_of(forest: Forest) -> Paths:
    """The leaves of all trees that split at all; Unsupported where no row could ever meet what one of them asks.

    No tree that grew on rows has such a leaf, and tables rely on it: a leaf has a state for each pattern of elements.
    """
    paths = Paths(
        *_paths(
            forest.node_start,
            forest.leaf_start,
            forest.column,
            forest.boundary,
            forest.left,
            forest.right,
            forest.count,
            forest.leaf_value,
            forest.leaf_count,
            forest.columns.feature,
        )
    )
    if (paths.low >= paths.high).any():
        raise Unsupported("A tree has a leaf that no row can reach.")
    return paths


@compiled
def _paths(
    node_start: np.ndarray,
    leaf_start: np.ndarray,
    column: np.ndarray,
    boundary: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    count: np.ndarray,
    leaf_value: np.ndarray,
    leaf_count: np.ndarray,
    column_feature: np.ndarray,
) -> tuple[np.ndarray, ...]:
    n_leaves, n_nodes = len(leaf_value), len(column)
    parent, leaf_parent = np.full(n_nodes, -1), np.full(n_leaves, -1)
    for node in range(n_nodes):
        for child in (left[node], right[node]):
            if child >= 0:
                parent[child] = node
            else:
                leaf_parent[-1 - child] = node
    order, stack, done = np.zeros(n_leaves, dtype=np.int64), np.zeros(n_nodes + n_leaves + 1, dtype=np.int64), 0
    length = 0
    for tree in range(len(node_start) - 1):
        if node_start[tree] == node_start[tree + 1]:
            continue
        stack[0], waiting = node_start[tree], 1
        while waiting:
            waiting -= 1
            at = stack[waiting]
            if at < 0:
                order[done] = -1 - at
                done += 1
                up = leaf_parent[-1 - at]
                while up >= 0:
                    length += 1
                    up = parent[up]
            else:
                stack[waiting], stack[waiting + 1] = right[at], left[at]
                waiting += 2
    value, element_start = np.zeros(done), np.zeros(done + 1, dtype=np.int64)
    feature, weight = np.zeros(length, dtype=np.int64), np.zeros(length)
    condition_start = np.zeros(length + 1, dtype=np.int64)
    conditions = np.zeros((3, length), dtype=np.int64)
    own = np.zeros((4, length + 1), dtype=np.int64)
    n_elements = n_conditions = 0
    for i in range(done):
        leaf = order[i]
        value[i] = leaf_value[leaf]
        child, rows, at, found = -1 - leaf, leaf_count[leaf], leaf_parent[leaf], 0
        first = n_elements
        while at >= 0:
            goes_left = left[at] == child
            f = column_feature[column[at]]
            element = first
            while element < n_elements and feature[element] != f:
                element += 1
            if element == n_elements:
                feature[element], weight[element] = f, 1.0
                n_elements += 1
            weight[element] *= rows / count[at] if count[at] > 0 else 0.0
            k = 0
            while k < found and own[0, k] != column[at]:
                k += 1
            if k == found:
                own[0, k], own[1, k], own[2, k], own[3, k] = column[at], 0, ABOVE_ALL, element
                found += 1
            if goes_left:
                own[2, k] = min(own[2, k], boundary[at])
            else:
                own[1, k] = max(own[1, k], boundary[at])
            child, rows, at = at, count[at], parent[at]
        for element in range(first, n_elements):
            for k in range(found):
                if own[3, k] == element:
                    for row in range(3):
                        conditions[row, n_conditions] = own[row, k]
                    n_conditions += 1
            condition_start[element + 1] = n_conditions
        element_start[i + 1] = n_elements
    return (
        value,
        element_start,
        feature[:n_elements].copy(),
        weight[:n_elements].copy(),
        condition_start[: n_elements + 1].copy(),
        conditions[0, :n_conditions].copy(),
        conditions[1, :n_conditions].copy(),
        conditions[2, :n_conditions].copy(),
    )

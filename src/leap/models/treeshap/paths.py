"""What each leaf asks of the features on its path.

An *element* is a feature on the path of a leaf, however often the path splits on it: `weight` is the product of the
shares of rows that went on along the path at its splits, and it is satisfied by a row whose bin lies in
`[low, high)` for each of its conditions (one; more where a feature has several columns).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leap.compiled import compiled
from leap.compiled.signature import Bytes, Codes, Floats, Integers, IntegerTable, Shorts
from leap.models.treeshap.forest import Forest, Unsupported

ABOVE_ALL = 256


class Paths(NamedTuple):
    """Leaf i has the elements `element_start[i]:element_start[i + 1]`, element e the conditions
    `condition_start[e]:condition_start[e + 1]`; leaves stand in the order of their tree, left before right.
    """

    value: Floats
    element_start: Integers
    feature: Integers
    weight: Floats
    condition_start: Integers
    column: Integers
    low: Integers
    high: Integers

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

    states: Integers
    step_start: Integers
    step_column: Codes
    step_boundary: Bytes
    step_size: Shorts
    """Of four bytes each where tables are wide."""
    feature_start: Integers
    feature: Codes
    cell_start: Integers
    cell: Floats
    alone: Integers


def paths_of(forest: Forest) -> Paths:
    """The leaves of all trees that split at all; Unsupported where no row could ever meet what one of them asks.

    No tree that grew on rows has such a leaf, and tables rely on it: a leaf has a state for each pattern of elements.
    """
    paths = _paths(forest)
    if (paths.low >= paths.high).any():
        raise Unsupported("A tree has a leaf that no row can reach.")
    return paths


def _paths(forest: Forest) -> Paths:
    n_leaves, n_nodes = len(forest.leaf_value), len(forest.column)
    parent, leaf_parent, order = (np.full(n, -1, dtype=np.int64) for n in (n_nodes, n_leaves, n_leaves))
    found, stack = np.zeros(3, dtype=np.int64), np.zeros(n_nodes + n_leaves + 1, dtype=np.int64)
    _order(forest.node_start, forest.left, forest.right, parent, leaf_parent, order, stack, found)
    done, length, longest = map(int, found)
    element_start, condition_start = np.zeros(done + 1, dtype=np.int64), np.zeros(length + 1, dtype=np.int64)
    feature, weight = np.zeros(length, dtype=np.int64), np.zeros(length)
    conditions, own = np.zeros((3, length), dtype=np.int64), np.zeros((4, longest + 1), dtype=np.int64)
    _elements(
        order[:done], forest.column, forest.boundary, forest.left, forest.count, forest.leaf_count,
        forest.columns.feature, parent, leaf_parent, own, element_start, feature, weight, condition_start, conditions,
    )  # fmt: skip
    n_elements = int(element_start[-1])
    n_conditions = int(condition_start[n_elements])
    return Paths(
        forest.leaf_value[order[:done]],
        element_start,
        feature[:n_elements].copy(),
        weight[:n_elements].copy(),
        condition_start[: n_elements + 1].copy(),
        *(row[:n_conditions].copy() for row in conditions),
    )


@compiled
def _order(
    node_start: Integers, left: Integers, right: Integers, parent: Integers, leaf_parent: Integers, order: Integers,
    stack: Integers, found: Integers,
) -> None:  # fmt: skip
    """Write the parents of nodes and leaves and the order of leaves; found: how many leaves of trees that split, how
    many nodes all their paths have, and the longest one. `stack` has room for all nodes and leaves.
    """
    done = length = longest = 0
    for node in range(len(left)):
        for child in (left[node], right[node]):
            if child >= 0:
                parent[child] = node
            else:
                leaf_parent[-1 - child] = node
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
                up, before = leaf_parent[-1 - at], length
                while up >= 0:
                    length += 1
                    up = parent[up]
                longest = max(longest, length - before)
            else:
                stack[waiting], stack[waiting + 1] = right[at], left[at]
                waiting += 2
    found[0], found[1], found[2] = done, length, longest


@compiled
def _elements(
    order: Integers, column: Integers, boundary: Integers, left: Integers, count: Floats, leaf_count: Floats,
    column_feature: Integers, parent: Integers, leaf_parent: Integers, own: IntegerTable, element_start: Integers,
    feature: Integers, weight: Floats, condition_start: Integers, conditions: IntegerTable,
) -> None:  # fmt: skip
    """Write the elements and conditions (column, low, high) of the leaves in their order; `own` has room for those of
    one path.
    """
    n_elements = n_conditions = 0
    for i in range(len(order)):
        leaf = order[i]
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

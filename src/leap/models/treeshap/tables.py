"""Leaves beside each other joined into tables of contributions, indexed by the bins that they tell apart.

A run of leaves parts the bins of each column into *classes*: bins that no condition of its leaves tells apart. A
*state* is a class of each column, and the table of a run holds the contributions of its features in every state. A
row's state is a sum of steps: at each boundary between classes a bin adds what the state changes by, so no look-up per
column is needed. How leaves are cut into runs is the shortest path by what a run costs a row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from leap.compiled import called, compiled
from leap.compiled.signature import BitTable, Flags, Floats, Integers, IntegerTable
from leap.models.treeshap.forest import Unsupported
from leap.models.treeshap.kernels import pattern_contributions
from leap.models.treeshap.paths import ABOVE_ALL, Paths, Tables

NARROW, WIDE = 256, 16_384
"""The most states of a table: a pattern of eight features, and where a path asks more than eight."""

MOST_CELLS = 2**25
"""The most numbers in all tables, a quarter of a gigabyte: very deep trees get smaller tables, and more leaves none."""

MOST_ALONE = 1000
"""The most leaves without a table: each costs a row as much as dozens of look-ups."""

_MOST_LEAVES = 63
_OF_STEP, _OF_TABLE, _OF_CELL, _ALONE = 0.08, 0.5, 0.0008, 100.0
"""About what a step, a table, a cell of it and an element without a table cost a row beside one look-up. That of a
cell, tried from 0.0002 to 0.002, moves times by a few percent: it is memory that it saves."""


def tables_of(paths: Paths, points: np.ndarray, weights: np.ndarray) -> Tables:
    """The tables of all leaves; `points` and `weights` are those of the Shapley integral.

    Unsupported where so many leaves have none that LightGBM is the faster.
    """
    most = NARROW if paths.longest <= 8 else WIDE
    room = paths.most_conditions + 16
    until, cells, without = _runs(paths, most, room)
    while cells > MOST_CELLS and most > NARROW:
        most //= 4
        until, cells, without = _runs(paths, most, room)
    if without > MOST_ALONE:
        raise Unsupported(
            f"{without:,} of {len(paths.value):,} leaves ask for more features than a table can hold; at most "
            f"{MOST_ALONE:,} may. Trees at most 6 deep have none."
        )
    states, step_start, column, boundary, size, feature_start, feature, cell_start, cell, alone = _filled(
        paths, until, most, room, int(cells), points, weights
    )
    return Tables(
        states=states,
        step_start=step_start,
        step_column=column.astype(np.int32),
        step_boundary=boundary.astype(np.uint8),
        # A step down is one over the end of what counts the cells.
        step_size=size.astype(np.uint16 if most <= NARROW else np.uint32),
        feature_start=feature_start,
        feature=feature.astype(np.int32),
        cell_start=cell_start,
        cell=cell,
        alone=alone,
    )


class _Run(NamedTuple):
    """The columns of a run of leaves. Segment k of a column begins at bin `bounds[k]`; bit i of its mask says whether
    the run's leaf i wants it. Segments with equal masks are one class, numbered as they appear: bin 0 is in class 0.
    """

    column: Integers
    segments: Integers
    bounds: IntegerTable
    masks: BitTable
    classes: Integers
    of_class: BitTable
    stride: Integers


def _empty(room: int) -> _Run:
    longest = 2 * _MOST_LEAVES + 3
    return _Run(
        np.zeros(room, dtype=np.int64),
        np.zeros(room, dtype=np.int64),
        np.zeros((room, longest), dtype=np.int64),
        np.zeros((room, longest), dtype=np.uint64),
        np.zeros(room, dtype=np.int64),
        np.zeros((room, longest), dtype=np.uint64),
        np.zeros(room, dtype=np.int64),
    )


@called
def _split(bounds: np.ndarray, masks: np.ndarray, n: int, boundary: int) -> int:
    """Cut the segment that holds a boundary in two; how many segments there are then."""
    if boundary <= 0 or boundary >= ABOVE_ALL:
        return n
    k = n - 1
    while bounds[k] > boundary:
        k -= 1
    if bounds[k] == boundary:
        return n
    for m in range(n, k + 1, -1):
        bounds[m], masks[m] = bounds[m - 1], masks[m - 1]
    bounds[k + 1], masks[k + 1] = boundary, masks[k]
    return n + 1


@called
def _add_leaf(run: _Run, n_columns: int, paths: Paths, leaf: int, place: int) -> int:
    """Let the conditions of a leaf cut the columns of a run; how many columns it has then."""
    a, b = paths.element_start[leaf], paths.element_start[leaf + 1]
    for c in range(paths.condition_start[a], paths.condition_start[b]):
        low, high, k = paths.low[c], paths.high[c], 0
        while k < n_columns and run.column[k] != paths.column[c]:
            k += 1
        if k == n_columns:
            run.column[k], run.segments[k], run.bounds[k, 0], run.masks[k, 0] = paths.column[c], 1, 0, np.uint64(0)
            n_columns += 1
        run.segments[k] = _split(run.bounds[k], run.masks[k], run.segments[k], low)
        run.segments[k] = _split(run.bounds[k], run.masks[k], run.segments[k], high)
        for m in range(run.segments[k]):
            if low <= run.bounds[k, m] < high:
                run.masks[k, m] |= np.uint64(1) << np.uint64(place)
    return n_columns


@called
def _count(run: _Run, n_columns: int) -> tuple[float, int]:
    """Number the classes of the columns; how many states they have, and how many steps between them."""
    states, steps = 1.0, 0
    for k in range(n_columns):
        run.stride[k], run.classes[k] = np.int64(min(states, 1e9)), 0
        for m in range(run.segments[k]):
            c = _class_of(run, k, run.masks[k, m])
            if c == run.classes[k]:
                run.of_class[k, c] = run.masks[k, m]
                run.classes[k] += 1
            steps += m > 0 and run.masks[k, m] != run.masks[k, m - 1]
        states *= run.classes[k]
    return states, steps


@called
def _class_of(run: _Run, k: int, mask: int) -> int:
    c = 0
    while c < run.classes[k] and run.of_class[k, c] != mask:
        c += 1
    return c


@called
def _add_features(features: np.ndarray, first: int, last: int, paths: Paths, leaf: int) -> int:
    """Let a leaf's features join those in `features[first:last]`; where they then end."""
    for e in range(paths.element_start[leaf], paths.element_start[leaf + 1]):
        k = first
        while k < last and features[k] != paths.feature[e]:
            k += 1
        if k == last:
            features[k] = paths.feature[e]
            last += 1
    return last


def _runs(paths: Paths, most: int, room: int) -> tuple[np.ndarray, float, int]:
    """The ends of the runs, in order: the cheapest way to cut the leaves, each run with `most` states or one leaf.

    With it how many cells their tables have, and how many leaves have none.
    """
    n = len(paths.value)
    cheapest, cells = np.full(n + 1, np.inf), np.zeros(n + 1)
    come_from, alone = np.zeros(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    features = np.zeros(len(paths.feature) + 1, dtype=np.int64)
    _cheapest_runs(paths, most, room, _empty(room), features, cheapest, come_from, cells, alone)
    ends, at = [], n
    while at > 0:
        ends.append(at)
        at = int(come_from[at])
    return np.array(ends[::-1], dtype=np.int64), float(cells[n]), int(alone[n])


@compiled
def _cheapest_runs(
    paths: Paths, most: int, room: int, run: _Run, features: Integers, cheapest: Floats, come_from: Integers,
    cells: Floats, alone: Integers,
) -> None:  # fmt: skip
    """Write, of the leaves before each: the least that a row costs, where the last run begins, cells, leaves alone."""
    n = len(paths.value)
    cheapest[0] = 0.0
    for first in range(n):
        n_columns = n_features = 0
        for leaf in range(first, min(first + _MOST_LEAVES, n)):
            a, b = paths.element_start[leaf], paths.element_start[leaf + 1]
            if n_columns + paths.condition_start[b] - paths.condition_start[a] > room:
                break
            n_columns = _add_leaf(run, n_columns, paths, leaf, leaf - first)
            states, steps = _count(run, n_columns)
            if states > most and leaf > first:
                break
            n_features = _add_features(features, 0, n_features, paths, leaf)
            cost = cheapest[first] + _OF_TABLE + steps * _OF_STEP + n_features * (1.0 + _OF_CELL * states)
            if states > most:
                cost = cheapest[first] + n_features * _ALONE
            if cost < cheapest[leaf + 1]:
                cheapest[leaf + 1], come_from[leaf + 1] = cost, first
                cells[leaf + 1] = cells[first] + (n_features * states if states <= most else 0.0)
                alone[leaf + 1] = alone[first] + (states > most)
            if states > most:
                break


class _Filled(NamedTuple):
    """What `Tables` holds, with room: the first so many of each are written, as the starts say."""

    states: Integers
    alone: Integers
    step_start: Integers
    feature_start: Integers
    cell_start: Integers
    steps: IntegerTable
    feature: Integers
    cell: Floats


class _Work(NamedTuple):
    """Room to work in: `failed` as `_Run.of_class`, `digit` by column, the others by element of a path."""

    failed: IntegerTable
    digit: Integers
    row: Integers
    holds: Flags
    of_pattern: Floats


def _filled(
    paths: Paths, until: np.ndarray, most: int, room: int, cells: int, points: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, ...]:
    """The tables of the runs that end at `until`, as `Tables` holds them, and the leaves alone."""
    n, longest = len(until), paths.longest
    kept = np.zeros(2, dtype=np.int64)
    states, alone, feature = (np.zeros(size, dtype=np.int64) for size in (n, n, len(paths.feature)))
    starts = [np.zeros(n + 1, dtype=np.int64) for _ in range(3)]
    steps = np.zeros((3, 2 * len(paths.column)), dtype=np.int64)
    written = _Filled(states, alone, starts[0], starts[1], starts[2], steps, feature, np.zeros(cells))
    run, in_table = _empty(room), min(longest, most.bit_length())
    work = _Work(
        np.zeros(run.of_class.shape, dtype=np.int64), np.zeros(room, dtype=np.int64),
        np.zeros(longest, dtype=np.int64), np.zeros(longest, dtype=np.bool_), np.zeros(in_table << in_table),
    )  # fmt: skip
    _fill(paths, until, most, run, points, weights, work, written, kept)
    found, n_alone = map(int, kept)
    step_start, feature_start, cell_start = (start[: found + 1].copy() for start in starts)
    return (
        states[:found].copy(),
        step_start,
        *(part[: step_start[-1]].copy() for part in steps),
        feature_start,
        feature[: feature_start[-1]].copy(),
        cell_start,
        written.cell,
        alone[:n_alone].copy(),
    )


@compiled
def _fill(
    paths: Paths, until: Integers, most: int, run: _Run, points: Floats, weights: Floats, work: _Work, into: _Filled,
    kept: Integers,
) -> None:  # fmt: skip
    """Write the tables of the runs that end at `until`; `kept`: how many tables, and how many leaves alone."""
    found = n_alone = n_steps = n_features = n_cells = first = 0
    for last in until:
        n_columns = 0
        for leaf in range(first, last):
            n_columns = _add_leaf(run, n_columns, paths, leaf, leaf - first)
        states, _ = _count(run, n_columns)
        if states > most:
            into.alone[n_alone] = first
            n_alone += 1
        else:
            begins, n_states = n_features, int(states)
            for leaf in range(first, last):
                n_features = _add_features(into.feature, begins, n_features, paths, leaf)
            n_steps = _write_steps(run, n_columns, n_features - begins, into.steps, n_steps)
            size = (n_features - begins) * n_states
            own, here = into.cell[n_cells : n_cells + size], into.feature[begins:n_features]
            for leaf in range(first, last):
                _write_cells(run, n_columns, paths, leaf, leaf - first, here, points, weights, n_states, own, work)
            into.states[found] = n_states
            n_cells += size
            found += 1
            into.step_start[found], into.feature_start[found], into.cell_start[found] = n_steps, n_features, n_cells
        first = last
    kept[0], kept[1] = found, n_alone


@called
def _write_steps(run: _Run, n_columns: int, n_features: int, steps: np.ndarray, n: int) -> int:
    """Write column, boundary and size in cells of each step between the states of a run; how many there are then."""
    for k in range(n_columns):
        before = 0
        for m in range(run.segments[k]):
            c = _class_of(run, k, run.masks[k, m])
            if c != before:
                steps[0, n], steps[1, n], steps[2, n] = (
                    run.column[k],
                    run.bounds[k, m],
                    (c - before) * run.stride[k] * n_features,
                )
                n += 1
            before = c
    return n


@called
def _write_cells(
    run: _Run, n_columns: int, paths: Paths, leaf: int, place: int, features: np.ndarray, points: np.ndarray,
    weights: np.ndarray, n_states: int, cell: np.ndarray, work: _Work,
) -> None:  # fmt: skip
    """Add what a leaf contributes in every state of its run to the cells, state by state one of each feature."""
    a, d = paths.element_start[leaf], paths.element_start[leaf + 1] - paths.element_start[leaf]
    if (d << d) > len(work.of_pattern):
        return  # Cannot be, by `paths_of`; and wrong numbers are found out, which memory written over is not.
    failed, digit, row, of_pattern = work.failed, work.digit, work.row, work.of_pattern
    pattern_contributions(paths.value[leaf], paths.weight[a : a + d], points, weights, work.holds, of_pattern)
    bit, width = np.uint64(1) << np.uint64(place), len(features)
    for k in range(n_columns):
        digit[k] = 0
        for m in range(run.classes[k]):
            failed[k, m] = 0  # which elements each class of each column leaves unsatisfied, as bits
    for e in range(a, a + d):
        row[e - a] = 0
        while features[row[e - a]] != paths.feature[e]:
            row[e - a] += 1
        for c in range(paths.condition_start[e], paths.condition_start[e + 1]):
            k = 0
            while run.column[k] != paths.column[c]:
                k += 1
            for m in range(run.classes[k]):
                if run.of_class[k, m] & bit == 0:
                    failed[k, m] |= 1 << (e - a)
    everything = (1 << d) - 1
    for state in range(n_states):
        missed = 0
        for k in range(n_columns):
            missed |= failed[k, digit[k]]
        pattern = everything & ~missed
        for j in range(d):
            cell[state * width + row[j]] += of_pattern[pattern * d + j]
        k = 0
        while k < n_columns:
            digit[k] += 1
            if digit[k] < run.classes[k]:
                break
            digit[k] = 0
            k += 1

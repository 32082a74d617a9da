"""The loops over rows: bins, look-ups in tables, and the Shapley integral of what has no table.

With `o` 1 for a satisfied element of a leaf and 0 for another, `z` its weight and `v` the value of the leaf, the
contribution of element j is `v (o_j - z_j)` times the integral over t in [0, 1] of the product over the others of
`z (1 - t) + o t`: t is the chance that another feature is known, and the integral over it weighs sets of any size as
Shapley does. The integrand is a polynomial, so n points are exact to 2n elements. Of elements that are not satisfied
the factor `z (1 - t)` cancels `z`: all of a leaf get the same.

Compiled loops allocate nothing: `bins`, `found`, `state`, `places`, `holds` and `added` are room to work in, whatever
they hold; the last two have the length of the longest path.
"""

from __future__ import annotations

import numpy as np

from leap.compiled import ArrayOf, called, compiled
from leap.compiled.signature import ByteTable, Flags, Floats, FloatTable, Integers, Shorts
from leap.models.treeshap.forest import MISSING_NONE, MISSING_ZERO, Columns
from leap.models.treeshap.paths import Paths, Tables

Array = np.ndarray
_ZERO = float(np.float32(1e-35))  # LightGBM takes a number no further from 0 as 0
_INT_MOST = 2147483647.0


@called
def bin_of(value: float, c: int, columns: Columns) -> int:
    """The bin of a value in column c, so that nodes decide as LightGBM's."""
    first, last = columns.threshold_start[c], columns.threshold_start[c + 1]
    thresholds = columns.thresholds
    if columns.categorical[c]:
        if -1.0 < value <= _INT_MOST:
            whole = np.trunc(value)
            for k in range(first, last):
                if thresholds[k] == whole:
                    return 0
        return 1
    kind = columns.missing[c]
    if np.isnan(value):
        if kind != MISSING_NONE:
            return int(columns.missing_bin[c])
        value = 0.0
    if -_ZERO <= value <= _ZERO:
        if kind == MISSING_ZERO:
            return int(columns.missing_bin[c])
        value = 0.0
    low, width = first, last - first
    while width > 1:
        half = width // 2
        low += half if thresholds[low + half - 1] < value else 0
        width -= half
    return int(low - first + (1 if thresholds[low] < value else 0))


def _many(
    matrix: FloatTable, out: FloatTable, bins: ByteTable, found: FloatTable, state: Shorts, holds: Flags, added: Floats,
    columns: Columns, tables: Tables, paths: Paths, points: Floats, weights: Floats,
) -> None:  # fmt: skip
    """Write the contributions of all leaves to the margin of each row, shape (n, n_features) as the matrix.

    `bins` (n_columns, block), `found` (n_features, block) and `state` (block,) say how many rows go together.
    """
    n, width = out.shape
    n_columns, block = bins.shape
    none = state.dtype.type(0)
    for begin in range(0, n, block):
        m = min(block, n - begin)
        for c in range(n_columns):
            into, f = bins[c], columns.feature[c]
            for r in range(m):
                into[r] = bin_of(matrix[begin + r, f], c, columns)
        found[:] = 0.0
        for g in range(len(tables.states)):
            state[:] = none
            for s in range(tables.step_start[g], tables.step_start[g + 1]):
                at, boundary, size = bins[tables.step_column[s]], tables.step_boundary[s], tables.step_size[s]
                for r in range(m):
                    state[r] += size if at[r] >= boundary else none
            first = tables.feature_start[g]
            for k in range(first, tables.feature_start[g + 1]):
                begins = tables.cell_start[g] + k - first
                cell, into = tables.cell[begins : tables.cell_start[g + 1]], found[tables.feature[k]]
                for r in range(m):
                    into[r] += cell[state[r]]
        for leaf in tables.alone:
            _leaf_of_rows(leaf, bins, m, paths, points, weights, found, holds, added)
        for r in range(m):
            for f in range(width):
                out[begin + r, f] = found[f, r]


@called
def _leaf_of_rows(
    leaf: int, bins: Array, m: int, paths: Paths, points: Array, weights: Array, found: Array, holds: Array,
    added: Array,
) -> None:  # fmt: skip
    """Add the contributions of one leaf without a table to those of a block of rows, shape (n_features, block)."""
    a, b = paths.element_start[leaf], paths.element_start[leaf + 1]
    for r in range(m):
        for e in range(a, b):
            kept = True
            for c in range(paths.condition_start[e], paths.condition_start[e + 1]):
                at = bins[paths.column[c], r]
                kept &= paths.low[c] <= at < paths.high[c]
            holds[e - a] = kept
        integrate(paths.value[leaf], paths.weight[a:b], holds, points, weights, added)
        for e in range(a, b):
            found[paths.feature[e], r] += added[e - a]


@called
def integrate(value: float, z: Array, holds: Array, points: Array, weights: Array, added: Array) -> None:
    """The contributions of the elements of one leaf, shape (d,) as `z` and `holds`, written to `added`."""
    d = len(z)
    for j in range(d):
        added[j] = 0.0
    unknown = 0.0
    for q in range(len(points)):
        t, product = points[q], weights[q] * value
        for j in range(d):
            product *= z[j] * (1.0 - t) + (t if holds[j] else 0.0)
        unknown -= product / (1.0 - t)
        for j in range(d):
            if holds[j]:
                added[j] += product / (z[j] * (1.0 - t) + t)
    for j in range(d):
        added[j] = added[j] * (1.0 - z[j]) if holds[j] else unknown


@called
def pattern_contributions(
    value: float, z: Array, points: Array, weights: Array, holds: Array, of_pattern: Array
) -> None:
    """Write the contributions of a leaf's d elements by pattern of satisfied ones (bit j: element j), d of each in a
    row: the first 2 ** d * d numbers of `of_pattern`.
    """
    d = len(z)
    for pattern in range(1 << d):
        for j in range(d):
            holds[j] = (pattern >> j) & 1 == 1
        integrate(value, z, holds, points, weights, of_pattern[pattern * d : (pattern + 1) * d])


def _one(
    row: FloatTable, out: FloatTable, bins: ByteTable, places: Integers, holds: Flags, added: Floats,
    columns: Columns, tables: Tables, paths: Paths, points: Floats, weights: Floats,
) -> None:  # fmt: skip
    """Write the contributions of all leaves to the margin of one row (1, n_features), shape (n_features, 1).

    `bins` is (n_columns, 1), `places` (n_tables,).
    """
    for c in range(len(bins)):
        bins[c, 0] = bin_of(row[0, columns.feature[c]], c, columns)
    # Steps down are written as steps over the end of what counts cells.
    counted = (1 << (8 * tables.step_size.itemsize)) - 1
    # All places first, then a touch of each: the tables are larger than any cache, and only loads that wait for nothing
    # else are under way together.
    for g in range(len(tables.states)):
        state = 0
        for s in range(tables.step_start[g], tables.step_start[g + 1]):
            passed = bins[tables.step_column[s], 0] >= tables.step_boundary[s]
            state += tables.step_size[s] if passed else 0
        places[g] = tables.cell_start[g] + (state & counted)
    touched = 0.0
    for g in range(len(tables.states)):
        touched += (
            tables.cell[places[g]] + tables.cell[places[g] + tables.feature_start[g + 1] - tables.feature_start[g] - 1]
        )
    for f in range(len(out)):
        out[f, 0] = 0.0 * touched
    for g in range(len(tables.states)):
        at = places[g]
        for k in range(tables.feature_start[g], tables.feature_start[g + 1]):
            out[tables.feature[k], 0] += tables.cell[at]
            at += 1
    for leaf in tables.alone:
        _leaf_of_rows(leaf, bins, 1, paths, points, weights, out, holds, added)


many, one = compiled(_many), compiled(_one)
_LONG = {"tables.step_size": ArrayOf("u4"), "state": ArrayOf("u4")}
many_of_wide, one_of_wide = compiled(_many, _LONG), compiled(_one, _LONG)
"""The same for tables of so many states that their steps take four bytes."""

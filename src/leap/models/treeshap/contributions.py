"""The contributions of a boosted model to its margin, for one row or many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise

import numpy as np

from leap.models.treeshap import kernels
from leap.models.treeshap.forest import Forest, forest_of
from leap.models.treeshap.paths import Paths, Tables, paths_of
from leap.models.treeshap.tables import tables_of

_BLOCK = 4096
"""Rows at once: enough to share the reading of the tables, few enough for their contributions to stay in the cache."""


class TreeContributions:
    """Exact TreeSHAP values of one LightGBM model; immutable and safe for threads.

    `base` is the expected margin: a row's contributions and it are the margin. Tables are made when first needed.
    """

    def __init__(self, forest: Forest) -> None:
        self.base = forest.base
        self.n_features = forest.n_features
        self._columns = forest.columns
        self._paths: Paths = paths_of(forest)
        self._longest = self._paths.longest
        points, weights = np.polynomial.legendre.leggauss(max(1, -(-self._longest // 2)))
        self._points, self._weights = (points + 1) / 2, weights / 2
        self._own = threading.local()

    @classmethod
    def of(cls, text: str) -> TreeContributions:
        """From LightGBM's text; Unsupported where it is more than one sum of trees of plain splits."""
        return cls(forest_of(text))

    @cached_property
    def _tables(self) -> Tables:
        return tables_of(self._paths, self._points, self._weights)

    @cached_property
    def _many(self) -> Callable[..., None]:
        """The loop over many rows, with everything of the model handed over once for all."""
        loop = kernels.many_of_wide if self._is_wide else kernels.many
        return loop.given(self._columns, self._tables, self._paths, self._points, self._weights)

    @property
    def _one(self) -> Callable[..., None]:
        """The loop over one row, with everything of the model and room to work in that is this thread's own."""
        if not hasattr(self._own, "one"):
            loop = kernels.one_of_wide if self._is_wide else kernels.one
            bins = np.empty((len(self._columns.feature), 1), dtype=np.uint8)
            places = np.empty(len(self._tables.states), dtype=np.int64)
            model = (self._columns, self._tables, self._paths, self._points, self._weights)
            self._own.one = loop.given(bins, places, *self._room(), *model)
        return self._own.one  # type: ignore[no-any-return]

    @property
    def _is_wide(self) -> bool:
        return self._tables.step_size.dtype == np.uint32

    def contributions(self, matrix: np.ndarray, threads: int = 1) -> np.ndarray:
        """Contributions to the margin, shape (n, n_features) as the matrix, whose NaN are missing values.

        Many rows are shared out to so many threads. ValueError if the matrix has another width.
        """
        rows = matrix
        if type(rows) is not np.ndarray or rows.dtype != np.float64 or not rows.flags.carray:
            rows = np.require(matrix, dtype=np.float64, requirements=["C", "W", "A", "E"])
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ValueError(f"expected rows of {self.n_features} features, found an array of shape {rows.shape}.")
        if len(rows) == 1:
            out = np.empty((self.n_features, 1))
            self._one(rows, out)
            return out.reshape(rows.shape)
        out = np.zeros(rows.shape)
        if threads > 1 and len(rows) > 2 * _BLOCK:
            cuts = np.linspace(0, len(rows), threads + 1).astype(int)
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(self._write, *zip(*((rows[a:b], out[a:b]) for a, b in pairwise(cuts)), strict=True)))
        else:
            self._write(rows, out)
        return out

    def _write(self, rows: np.ndarray, out: np.ndarray) -> None:
        block = max(1, min(_BLOCK, len(rows)))
        bins = np.empty((len(self._columns.feature), block), dtype=np.uint8)
        state = np.empty(block, dtype=self._tables.step_size.dtype)
        self._many(rows, out, bins, np.empty((self.n_features, block)), state, *self._room())

    def _room(self) -> tuple[np.ndarray, np.ndarray]:
        return np.empty(self._longest, dtype=np.bool_), np.empty(self._longest)

"""Rows like those of the product, and models grown on them, for `benchmarks/contributions.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODELS: Mapping[str, int] = {"depth_6": 6, "free_depth": -1}
"""Names of models and LightGBM's `max_depth`."""


def rows_of(n: int, width: int, seed: int) -> Any:
    """Encoded rows, shape (n, width): the same ten kinds of columns again and again, a few with missing values."""
    import numpy as np

    rng = np.random.default_rng(seed)
    matrix = np.empty((n, width))
    for begin in range(0, width, 10):
        own = rng.normal(size=(n, 2))
        group = rng.integers(0, 4, n)
        kinds = [
            np.floor(np.exp(own[:, 0] + 1.5)),
            np.floor(rng.gamma(0.6, 9.0, n)),
            np.exp(own[:, 1] + 6.0),
            np.exp(rng.normal(3.0, 1.2, n)).round(2),
            np.where(rng.random(n) < 0.3, np.nan, np.floor(rng.exponential(40.0, n))),
            np.where(rng.random(n) < 0.1, np.nan, own[:, 0] - own[:, 1] + rng.normal(0, 0.4, n)),
            (rng.random(n) < 0.3).astype(float),
            *((group == which).astype(float) for which in range(3)),
        ]
        for offset, values in enumerate(kinds[: width - begin]):
            matrix[:, begin + offset] = values
    return matrix


def outcome_of(matrix: Any, seed: int) -> Any:
    """What happened to the rows, shape (n,): some columns and their products tell it."""
    import numpy as np

    rng = np.random.default_rng(1_000 + seed)
    z = (matrix - np.nanmean(matrix, axis=0)) / (np.nanstd(matrix, axis=0) + 1e-9)
    z = np.nan_to_num(z).clip(-3, 3)
    which = rng.permutation(matrix.shape[1])
    margin = z[:, which[:10]] @ rng.normal(0, 0.5, 10) - 1.0
    for first, second in zip(which[:10:2], which[1:10:2], strict=True):
        margin += z[:, first] * z[:, second] * rng.normal(0, 0.5)
    return (rng.random(len(matrix)) < 1 / (1 + np.exp(-margin))).astype(float)


def grow(name: str, *, trees: int, rows: int, width: int, seed: int = 0) -> str:
    """The text of a model with the product's settings, but 31 leaves, and a depth of its own."""
    import lightgbm

    from leap.models.boosting import options_of

    matrix = rows_of(rows, width, 100 + seed)
    options = options_of({"learning_rate": 0.05, "num_leaves": 31, "lambda_l2": 1.0}, "binary", 1.0, seed)
    data = lightgbm.Dataset(matrix, outcome_of(matrix, seed))
    return str(lightgbm.train({**options, "max_depth": MODELS[name]}, data, trees).model_to_string())

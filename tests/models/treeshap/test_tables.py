"""Tables of contributions: how large they may become, and that less room changes no number."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from leap.models.treeshap import TreeContributions, Unsupported, tables


@pytest.fixture(scope="module")
def deep() -> tuple[str, np.ndarray, np.ndarray]:
    """A model with many features on its paths, rows, and LightGBM's contributions."""
    random = np.random.default_rng(3)
    matrix = random.normal(size=(4000, 24))
    target = matrix[:, :12].sum(axis=1) + np.prod(np.sign(matrix[:, 12:18]), axis=1)
    options = {"num_leaves": 63, "min_data_in_leaf": 5, "num_threads": 1, "verbosity": -1, "extra_trees": True}
    text = lightgbm.train(options, lightgbm.Dataset(matrix, target), 12).model_to_string()
    expected = lightgbm.Booster(model_str=text).predict(matrix[:50], pred_contrib=True, num_threads=1)
    return text, matrix[:50], np.asarray(expected)[:, :-1]


def size(found: TreeContributions) -> int:
    return len(found._tables.cell)


def test_with_less_room_for_tables_the_numbers_are_the_same(deep, monkeypatch: pytest.MonkeyPatch) -> None:
    text, rows, expected = deep
    free = TreeContributions.of(text)
    assert free._paths.longest > 8
    monkeypatch.setattr(tables, "MOST_CELLS", size(free) // 3)
    tight = TreeContributions.of(text)
    assert size(tight) < size(free) and len(tight._tables.alone) > len(free._tables.alone)
    for found in (free, tight):
        np.testing.assert_allclose(found.contributions(rows), expected, atol=1e-12)


def test_where_lightgbm_would_be_the_faster_the_kernel_declines(deep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_CELLS", 1)
    monkeypatch.setattr(tables, "MOST_ALONE", 10)
    with pytest.raises(Unsupported, match=r"of \d+ leaves ask for more features .* at most 10 may"):
        TreeContributions.of(deep[0]).contributions(deep[1])

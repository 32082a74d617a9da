"""The kernel explains a model only after it has given LightGBM's numbers on it; whatever goes wrong, LightGBM answers."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.errors import UsageError
from leap.models import engines
from leap.models.boosting import Boosted
from leap.models.engines import KERNEL, LIGHTGBM, SWITCH, engine_of, of_lightgbm, probes
from tests.models.treeshap import oracle
from tests.models.treeshap.made import RECIPES, Made, made

Contributions = Callable[[np.ndarray], np.ndarray]
MODEL = made("plain")


def boosted(model: Made = MODEL) -> Boosted:
    return Boosted(model.text, model.explained()[1])


@pytest.fixture
def stands_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Contributions], None]:
    """Another kernel in place of the real one."""

    def put(kernel: Contributions) -> None:
        monkeypatch.setattr(engines, "_kernel", lambda text: kernel)

    return put


def own(rows: np.ndarray) -> np.ndarray:
    """LightGBM's numbers for the plain model."""
    return of_lightgbm(MODEL.booster)(rows)


@pytest.mark.parametrize("name", RECIPES)
def test_the_kernel_proves_itself_on_every_kind_of_model(name: str, caplog: pytest.LogCaptureFixture):
    model = made(name)
    learner = boosted(model)
    assert learner.engine().reason == "" and learner.engine().name == KERNEL
    expected, _ = model.explained()
    scale = max(np.abs(expected).max(initial=0), 1e-12)
    np.testing.assert_allclose(learner.contributions(model.rows), expected, rtol=0, atol=1e-9 * scale)
    assert learner.contributions(model.rows[:0]).shape == (0, model.rows.shape[1])
    assert not caplog.records


FAULTS: dict[str, Contributions] = {
    "a number": lambda rows: own(rows) * (1 + 1e-6),
    "a row among many": lambda rows: own(rows) + 1e-3 * (np.arange(len(rows)) == 40)[:, None],
    "a row alone": lambda rows: own(rows) + 1e-3 * (len(rows) == 1),
    "where a value is missing": lambda rows: own(np.nan_to_num(rows, nan=0.0)),
    "at a threshold": lambda rows: own(np.nextafter(rows, -np.inf)),
    "just above a threshold": lambda rows: own(np.nextafter(rows, np.inf)),
    "infinite values": lambda rows: own(np.clip(rows, -1e9, 1e9)) * np.where(np.isinf(rows), 1.001, 1),
    "not a number": lambda rows: own(rows) * np.nan,
    "one column less": lambda rows: own(rows)[:, 1:],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_kernel_that_differs_anywhere_is_not_believed(fault: str, stands_in, caplog: pytest.LogCaptureFixture):
    stands_in(FAULTS[fault])
    learner = boosted()
    np.testing.assert_array_equal(learner.contributions(MODEL.rows), own(MODEL.rows))
    assert learner.engine().name == LIGHTGBM
    assert len(caplog.records) == 1 and caplog.records[0].levelno == logging.WARNING


def test_a_kernel_that_differs_on_the_bundles_rows_alone_is_not_believed(stands_in, caplog: pytest.LogCaptureFixture):
    seen = np.array([[0.123, 4.0, 5.0, 6.0, 7.0, 8.0]])
    stands_in(lambda rows: own(rows) + (rows[:, :1] == 0.123))
    assert boosted().engine().name == KERNEL
    found = boosted().engine("the model health churn", lambda: seen)
    assert found.name == LIGHTGBM and "row 64 of 65" in found.reason
    assert "the model health churn" in caplog.text and "row 64 of 65" in caplog.text


@pytest.mark.parametrize(
    "error", [ImportError("no numba"), OSError(28, "No space left"), RuntimeError("LLVM"), MemoryError()]
)
def test_whatever_a_kernel_raises_lightgbm_answers_and_one_warning_says_why(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(text: str) -> Any:
        raise error

    monkeypatch.setattr(engines, "_kernel", broken)
    learner = boosted()
    for _ in range(3):
        np.testing.assert_array_equal(learner.contributions(MODEL.rows), own(MODEL.rows))
    (told,) = caplog.records
    assert type(error).__name__ in told.getMessage() and str(error) in told.getMessage()


def test_without_numba_and_without_code_on_disk_lightgbm_answers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name in [name for name in sys.modules if name.startswith(("leap.models.treeshap", "leap.compiled"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    monkeypatch.setitem(sys.modules, "numba", None)
    learner = boosted()
    np.testing.assert_array_equal(learner.contributions(MODEL.rows), own(MODEL.rows))
    assert "numba" in caplog.text


def test_the_switch_means_lightgbm_without_a_warning_and_without_the_kernel(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv(SWITCH, "LightGBM")
    monkeypatch.setattr(engines, "_kernel", lambda text: pytest.fail("was asked"))
    learner = boosted()
    np.testing.assert_array_equal(learner.contributions(MODEL.rows), own(MODEL.rows))
    assert (learner.engine().name, learner.engine().reason) == (LIGHTGBM, "LEAP_CONTRIBUTIONS=lightgbm")
    assert not caplog.records


def test_a_switch_that_says_something_else_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SWITCH, "shap")
    with pytest.raises(UsageError, match="'kernel' or 'lightgbm', found 'shap'"):
        boosted().contributions(MODEL.rows)


def test_requests_at_once_choose_once_and_all_get_the_same(monkeypatch: pytest.MonkeyPatch):
    chosen: list[int] = []
    at_once = threading.Barrier(8)

    def counted(*given: Any) -> engines.Engine:
        chosen.append(1)
        return engine_of(*given)

    monkeypatch.setattr("leap.models.boosting.engine_of", counted)
    learner = boosted()
    found: list[np.ndarray] = []

    def ask() -> None:
        at_once.wait()
        found.append(learner.contributions(MODEL.rows))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(chosen) == 1 and len(found) == 8
    for one in found[1:]:
        np.testing.assert_array_equal(one, found[0])


WITH_SHORT_PATHS = [
    name for name in RECIPES if name not in ("no tree", "nothing to find", "one column") and "on a path" not in name
]


@pytest.mark.parametrize("name", [*WITH_SHORT_PATHS, "two columns, each many times on a path"])
def test_rows_made_up_lie_on_both_sides_of_thresholds_and_reach_most_leaves(name: str):
    model = made(name)
    rows = probes(model.text)
    assert rows.shape[1] == model.rows.shape[1] and np.isnan(rows).any() and np.isinf(rows).any()
    np.testing.assert_array_equal(rows, probes(model.text))
    leaves = np.asarray(model.booster.predict(rows, pred_leaf=True))
    trees = oracle.trees_of(model.text)
    reached = sum(len(np.unique(leaves[:, t])) for t in range(len(trees)))
    assert reached > 0.25 * sum(len(tree.leaf_value) for tree in trees)
    numeric = {tree.threshold[n] for tree in trees for n, kind in enumerate(tree.decision) if not kind & 1}
    apart = {value for value in numeric if abs(value) > oracle.ZERO}
    assert not apart or apart & set(rows.ravel().tolist())

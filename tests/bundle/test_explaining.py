"""A bundle's models are ready to explain, proven on its golden rows, before anybody waits for an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leap.bundle.explaining import Explaining, ready_to_explain
from leap.bundle.model_bundle import ModelBundle
from leap.models import engines
from leap.models.boosting import Boosted
from leap.models.composition import Sizing
from leap.models.engines import KERNEL, LIGHTGBM
from leap.models.learners import BaseRate, boosted_of, fit_boosted
from tests.worlds import TrainedWorld


@pytest.fixture(scope="module")
def folder(planted: TrainedWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted company's bundle, its churn and the size of its expansions told by trees."""
    rows, health = planted.health.rows, planted.bundle.health
    trees = []
    for outcome in (rows.labels.churned.astype(float), np.log1p(rows.labels.amount("expansion"))):
        booster = fit_boosted(rows.matrix, outcome, np.ones(len(outcome)), "ratio", {"num_leaves": 15}, 15, 4.0)
        trees.append(boosted_of(booster, rows.matrix, 15))
    churn = replace(health.churn, learner=trees[0])
    expansion = replace(health.expansion, sizing=Sizing("factor", trees[1], 0.7))
    few = np.arange(len(rows.accounts)) % 97 == 0
    bundle = replace(planted.bundle, health=replace(health, churn=churn, expansion=expansion)).with_golden(
        planted.health.features.where(few), planted.fit.features.where(np.arange(len(planted.fit.rows.accounts)) < 3)
    )
    path = tmp_path_factory.mktemp("explained") / "bundle"
    bundle.save(path)
    return path


@pytest.fixture
def bundle(folder: Path) -> ModelBundle:
    """As loaded: nothing is chosen yet."""
    return ModelBundle.load(folder)


def trees(bundle: ModelBundle) -> Iterator[Boosted]:
    """The two that were put in."""
    yield bundle.health.churn.explained_trees()["propensity"]
    yield bundle.health.expansion.explained_trees()["size"]


def test_every_model_with_trees_is_explained_by_the_kernel_and_ready(bundle: ModelBundle, monkeypatch):
    assert ready_to_explain(bundle) == Explaining({}) and ready_to_explain(bundle).engine == KERNEL
    monkeypatch.setattr("leap.models.boosting.engine_of", lambda *_: pytest.fail("is chosen already"))
    assert [one.engine().name for one in trees(bundle)] == [KERNEL, KERNEL]
    bundle.check_golden()


def test_a_kernel_that_is_wrong_on_golden_rows_alone_is_not_believed(bundle: ModelBundle, monkeypatch, caplog):
    real, golden = engines._kernel, bundle.golden["health"]["rows"]
    known = bundle.health.encoder.encode_one(golden[1])

    def kernel(text: str):
        exact = real(text)
        return lambda rows: exact(rows) + 1e-6 * np.isclose(rows, known, equal_nan=True).all(axis=1)[:, None]

    monkeypatch.setattr(engines, "_kernel", kernel)
    found = ready_to_explain(bundle)
    assert found.engine == LIGHTGBM
    assert set(found.reasons) >= {"health churn propensity", "health expansion size"}
    assert "the model health churn propensity" in caplog.text
    bundle.check_golden()


def test_what_a_bundle_explains_is_the_same_by_either_engine(bundle: ModelBundle, folder: Path, monkeypatch, planted):
    rows = planted.health.rows.matrix[:200]
    by_kernel = bundle.health.attribute(rows).nrr
    monkeypatch.setenv(engines.SWITCH, "lightgbm")
    slow = ModelBundle.load(folder)
    assert ready_to_explain(slow).engine == LIGHTGBM
    np.testing.assert_allclose(by_kernel, slow.health.attribute(rows).nrr, rtol=0, atol=1e-12)


def test_a_model_without_trees_is_never_asked_about(demo_bundle: ModelBundle, monkeypatch):
    monkeypatch.setattr(Boosted, "engine", lambda *_: pytest.fail("there is nothing to choose"))
    base = replace(demo_bundle.health.churn, learner=BaseRate(-2.0), sizing=None)
    scopes = {
        scope: replace(getattr(demo_bundle, scope), churn=base, contraction=base, expansion=base)
        for scope in ("health", "fit")
    }
    assert ready_to_explain(replace(demo_bundle, **scopes)) == Explaining({})


def test_the_child_that_checks_a_bundle_imports_no_compiler(folder: Path):
    """Its memory is limited, and compiling would take its time."""
    code = (
        "import runpy, sys; sys.argv = ['preflight', sys.argv[1]]\n"
        "try: runpy.run_module('leap.bundle.preflight', run_name='__main__')\n"
        "except SystemExit as end: print(end.code, 'numba' in sys.modules, 'lightgbm' in sys.modules)"
    )
    source = str(Path(__file__).parents[2] / "src")
    environment = {**os.environ, "PYTHONPATH": source}
    done = subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "False", "True"], done.stderr
    assert done.stderr == ""

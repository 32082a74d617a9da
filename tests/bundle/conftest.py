"""The planted bundle with trees in it, for tests of what happens to their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.models.composition import Sizing
from leap.models.learners import boosted_of, fit_boosted
from tests.worlds import TrainedWorld


@pytest.fixture(scope="session")
def sized(planted: TrainedWorld) -> ModelBundle:
    """The planted bundle, its expansions with a size by trees and its direct model by trees."""
    rows = planted.health.rows
    outcome = np.log1p(rows.labels.amount("expansion"))
    booster = fit_boosted(rows.matrix, outcome, np.ones(len(outcome)), "ratio", {"num_leaves": 7}, 15, 4.0)
    trees = boosted_of(booster, rows.matrix, 15)
    health = planted.bundle.health
    expansion = replace(health.expansion, size=0.3, sizing=Sizing("factor", trees, 0.7))
    scope = replace(health, expansion=expansion, direct=replace(health.direct, learner=trees, stays=trees))
    scored = ModelBundle.with_golden(
        replace(planted.bundle, health=scope), planted.health.features.where(np.arange(len(outcome)) % 97 == 0),
        planted.fit.features.where(np.arange(len(planted.fit.rows.accounts)) < 3),
    )  # fmt: skip
    assert np.ptp(scope.expansion.sizes(rows.matrix)) > 0
    return scored


@pytest.fixture(scope="session")
def sized_folder(sized: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sized") / "bundle"
    sized.save(path)
    return path

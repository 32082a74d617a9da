"""Trees of a size and of the direct model have files of their own, which every rung of the ladder reads."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.bundle import files, ladder
from leap.bundle.model_bundle import DOCUMENT, ModelBundle
from leap.errors import BundleError
from leap.models.composition import Prediction, Sizing
from leap.models.learners import boosted_of, fit_boosted
from tests.worlds import TrainedWorld

SIZE_FILE = "models/health_expansion_size.txt"


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def folder(sized: ModelBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sized") / "bundle"
    sized.save(path)
    return path


def test_it_predicts_the_same_bits_from_its_files(sized: ModelBundle, folder: Path, planted: TrainedWorld):
    assert {SIZE_FILE, "models/health_direct.txt", "models/health_direct_stays.txt"} <= files.read_folder(folder).keys()
    assert b"tree_sizes" not in (folder / DOCUMENT).read_bytes()
    again, matrix = ModelBundle.load(folder), planted.health.rows.matrix
    for name in Prediction.__dataclass_fields__:
        one, two = (getattr(bundle.health.predict(matrix), name) for bundle in (sized, again))
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(again.health.attribute(matrix).nrr, sized.health.attribute(matrix).nrr)


def test_it_climbs_the_whole_ladder(folder: Path):
    ladder.verify(folder)


def rewritten(folder: Path, tmp_path: Path, name: str, old: str, new: str) -> Path:
    """A copy with one text changed, its checksums made right again and its seal removed, as a careful forger would."""
    content = dict(files.read_folder(folder))
    text = content[name].decode()
    assert old in text
    content[name] = text.replace(old, new, 1).encode()
    content[DOCUMENT] = unsealed(json.loads(content[DOCUMENT]))
    content.pop("manifest.json", None)
    files.write_folder(tmp_path / "forged", content)
    return tmp_path / "forged"


def unsealed(document: dict[str, Any]) -> bytes:
    document.pop("seal")
    return json.dumps(document).encode()


def test_a_damaged_tree_of_a_size_is_refused_before_lightgbm_reads_it(folder: Path, tmp_path: Path):
    text = (folder / SIZE_FILE).read_text()
    line = next(line for line in text.splitlines() if line.startswith("left_child="))
    with pytest.raises(BundleError, match=r"'structure'.*health_expansion_size"):
        ladder.verify(rewritten(folder, tmp_path, SIZE_FILE, line, line.replace("=", "=999 ", 1)))


def test_trees_are_read_from_their_own_file_only(folder: Path, tmp_path: Path):
    """Another file's text might never have been checked."""
    own = json.dumps(SIZE_FILE)
    forged = rewritten(folder, tmp_path, DOCUMENT, own, json.dumps("models/health_direct.txt"))
    with pytest.raises(BundleError, match="stand in models/health_expansion_size.txt"):
        ModelBundle.load(forged)


@pytest.mark.parametrize("key", ["size", "slope", "level"])
def test_a_changed_digit_of_a_size_or_the_direct_level_is_seen_by_the_golden_rows(
    folder: Path, tmp_path: Path, key: str
):
    document = json.loads((folder / DOCUMENT).read_text())
    health = document["health"]
    part = {"size": health["expansion"], "slope": health["expansion"]["sizing"], "level": health["direct"]}[key]
    part[key] += 1e-6
    content = dict(files.read_folder(folder)) | {DOCUMENT: unsealed(document)}
    content.pop("manifest.json", None)
    files.write_folder(tmp_path / "forged", content)
    with pytest.raises(BundleError, match="Golden rows"):
        ModelBundle.load(tmp_path / "forged").check_golden()

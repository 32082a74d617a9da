"""Trees of a size and of the direct model have files of their own, which every rung of the ladder reads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.bundle import files, ladder
from leap.bundle.model_bundle import DOCUMENT, ModelBundle
from leap.errors import BundleError
from leap.models.composition import Prediction
from tests.worlds import TrainedWorld

SIZE_FILE = "models/health_expansion_size.txt"


def test_it_predicts_the_same_bits_from_its_files(sized: ModelBundle, sized_folder: Path, planted: TrainedWorld):
    assert {SIZE_FILE, "models/health_direct.txt", "models/health_direct_stays.txt"} <= files.read_folder(
        sized_folder
    ).keys()
    assert b"tree_sizes" not in (sized_folder / DOCUMENT).read_bytes()
    again, matrix = ModelBundle.load(sized_folder), planted.health.rows.matrix
    for name in Prediction.__dataclass_fields__:
        one, two = (getattr(bundle.health.predict(matrix), name) for bundle in (sized, again))
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(again.health.attribute(matrix).nrr, sized.health.attribute(matrix).nrr)


def test_it_climbs_the_whole_ladder(sized_folder: Path):
    ladder.verify(sized_folder)


def rewritten(sized_folder: Path, tmp_path: Path, name: str, old: str, new: str) -> Path:
    """A copy with one text changed, its checksums made right again and its seal removed, as a careful forger would."""
    content = dict(files.read_folder(sized_folder))
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


def test_a_damaged_tree_of_a_size_is_refused_before_lightgbm_reads_it(sized_folder: Path, tmp_path: Path):
    text = (sized_folder / SIZE_FILE).read_text()
    line = next(line for line in text.splitlines() if line.startswith("left_child="))
    with pytest.raises(BundleError, match=r"'structure'.*health_expansion_size"):
        ladder.verify(rewritten(sized_folder, tmp_path, SIZE_FILE, line, line.replace("=", "=999 ", 1)))


def test_trees_are_read_from_their_own_file_only(sized_folder: Path, tmp_path: Path):
    """Another file's text might never have been checked."""
    own = json.dumps(SIZE_FILE)
    forged = rewritten(sized_folder, tmp_path, DOCUMENT, own, json.dumps("models/health_direct.txt"))
    with pytest.raises(BundleError, match="stand in models/health_expansion_size.txt"):
        ModelBundle.load(forged)


@pytest.mark.parametrize("key", ["size", "slope", "level"])
def test_a_changed_digit_of_a_size_or_the_direct_level_is_seen_by_the_golden_rows(
    sized_folder: Path, tmp_path: Path, key: str
):
    document = json.loads((sized_folder / DOCUMENT).read_text())
    health = document["health"]
    part = {"size": health["expansion"], "slope": health["expansion"]["sizing"], "level": health["direct"]}[key]
    part[key] += 1e-6
    content = dict(files.read_folder(sized_folder)) | {DOCUMENT: unsealed(document)}
    content.pop("manifest.json", None)
    files.write_folder(tmp_path / "forged", content)
    with pytest.raises(BundleError, match="Golden rows"):
        ModelBundle.load(tmp_path / "forged").check_golden()

"""A bundle is what was trained, to the bit, wherever it is loaded; a changed digit does not get in."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.bundle import ladder
from leap.bundle.model_bundle import DOCUMENT, ModelBundle
from leap.errors import BundleError, LeapError
from leap.models.composition import Prediction
from tests.worlds import TrainedWorld


@pytest.fixture
def copy(demo_bundle_folder: Path, tmp_path: Path) -> Path:
    """A bundle that a test may damage."""
    return Path(shutil.copytree(demo_bundle_folder, tmp_path / "bundle"))


def changed(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The folder with its document changed, its checksums made right again and its seal removed, as a careful forger
    would."""
    path, manifest_path = folder / DOCUMENT, folder / "manifest.json"
    document = json.loads(path.read_text())
    document.pop("seal", None)
    change(document)
    path.write_text(json.dumps(document))
    manifest = json.loads(manifest_path.read_text())
    content = path.read_bytes()
    manifest["files"][DOCUMENT] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    manifest_path.write_text(json.dumps(manifest))
    return folder


# --- round trip


def test_a_loaded_bundle_predicts_the_same_bits(demo_bundle_folder: Path, planted: TrainedWorld):
    again = ModelBundle.load(demo_bundle_folder)
    for scope, frame in (("health", planted.health), ("fit", planted.fit)):
        model, loaded = getattr(planted.bundle, scope), getattr(again, scope)
        matrix = loaded.encoder.encode(frame.features)
        np.testing.assert_array_equal(matrix, frame.rows.matrix)
        for name in Prediction.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(loaded.predict(matrix), name), getattr(model.predict(matrix), name))
        np.testing.assert_array_equal(loaded.attribute(matrix).nrr, model.attribute(matrix).nrr)


def test_a_bundle_saved_again_is_the_same_files(demo_bundle_folder: Path, tmp_path: Path):
    ModelBundle.load(demo_bundle_folder).save(tmp_path / "again")
    first, again = (
        {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (demo_bundle_folder, tmp_path / "again")
    )
    assert first.keys() == again.keys()
    for name, content in first.items():
        assert again[name] == content, name


def test_everything_that_people_read_survives(demo_bundle_folder: Path, demo_bundle: ModelBundle):
    again = ModelBundle.load(demo_bundle_folder)
    assert json.loads(json.dumps(again.icp_document())) == json.loads(json.dumps(demo_bundle.icp_document()))
    assert again.drivers == demo_bundle.drivers
    assert again.settings == demo_bundle.settings
    assert (again.fingerprint, again.definition_hash) == (demo_bundle.fingerprint, demo_bundle.definition_hash)
    assert (again.trained_on, again.company) == (demo_bundle.trained_on, demo_bundle.company)


def test_a_bundle_is_data_and_holds_no_pickle(demo_bundle_folder: Path):
    names = {path.name for path in demo_bundle_folder.rglob("*") if path.is_file()}
    assert all(name.endswith((".json", ".txt")) for name in names)


# --- golden rows


def test_golden_rows_of_an_untouched_bundle_hold(demo_bundle_folder: Path):
    ModelBundle.load(demo_bundle_folder).check_golden()


def first_number(value: Any, nudge: float) -> bool:
    """Change the first number that is not zero inside lists; whether there was one."""
    for i, item in enumerate(value):
        if isinstance(item, float) and item:
            value[i] = item * (1 + nudge)
            return True
    return False


def linear_scope(document: dict[str, Any]) -> dict[str, Any]:
    """The first linear learner of the bundle, alone or in a blend."""
    learners = (document[scope][part]["learner"] for scope in ("health", "fit") for part in ("churn", "expansion"))
    return next(found for each in learners if (found := each.get("linear", each))["kind"] == "linear")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: first_number(linear_scope(d)["coefficient"], 1e-5),
        lambda d: d["health"]["churn"].update(calibration=[d["health"]["churn"]["calibration"][0] + 1e-6, d["health"]["churn"]["calibration"][1]]),
        lambda d: d["health"]["expansion"].update(size=d["health"]["expansion"]["size"] + 1e-6),
        lambda d: d["health"]["encoder"]["source"].reverse(),
        lambda d: d["golden"]["health"]["expected"]["nrr"].__setitem__(0, 0.5),
        lambda d: d["golden"]["health"]["rows"][0].update(employees=1e9),
    ],
    ids=["coefficient", "calibration", "size", "order of columns", "expected", "row"],
)  # fmt: skip
def test_a_changed_digit_is_seen_by_the_golden_rows(copy: Path, change: Callable[[dict[str, Any]], None]):
    with pytest.raises(BundleError, match="Golden rows"):
        ModelBundle.load(changed(copy, change)).check_golden()


def test_a_changed_digit_without_a_new_checksum_is_not_even_read(copy: Path):
    path = copy / DOCUMENT
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(BundleError, match="checksum"):
        ModelBundle.load(copy)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_none_is_refused(copy: Path, constant: str):
    def put(document: dict[str, Any]) -> None:
        document["health"]["churn"]["size"] = "HERE"

    changed(copy, put)
    path = copy / DOCUMENT
    text = path.read_text().replace('"HERE"', constant)
    path.write_text(text)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"][DOCUMENT] = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "bytes": len(text.encode())}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="no number"):
        ModelBundle.load(copy)


def test_a_coefficient_that_is_null_does_not_pass(copy: Path):
    """Null becomes NaN in an array: a score that is not finite is refused."""

    def put(document: dict[str, Any]) -> None:
        linear_scope(document)["coefficient"][0] = None

    with pytest.raises(BundleError):
        ModelBundle.load(changed(copy, put)).check_golden()


def test_a_condition_on_a_health_feature_does_not_get_in(copy: Path):
    def put(document: dict[str, Any]) -> None:
        condition = {"feature": "usage_count_91d", "op": ">=", "value": 3.0}
        profile = {
            "id": "established-1", "kind": "established", "conditions": [condition], "statement": "", "size": {}, "kpis": {},
            "evidence": {"accounts": 1, "matched": 1, "metric": "nrr", "found_on": {}, "measured_on": {}, "tried": 1, "q_value": 0.0},
        }  # fmt: skip
        document["icp"]["icps"] = [profile]

    with pytest.raises(LeapError, match="fit feature"):
        ModelBundle.load(changed(copy, put))


@pytest.mark.parametrize("key", ["health", "catalog", "golden", "intervals"])
def test_a_missing_part_is_named(copy: Path, key: str):
    with pytest.raises(BundleError, match=key):
        ModelBundle.load(changed(copy, lambda document: document.pop(key)))


# --- the ladder, in a real child process


def test_a_real_bundle_climbs_the_whole_ladder(demo_bundle_folder: Path):
    ladder.verify(demo_bundle_folder)


def test_a_bundle_whose_scores_changed_stops_at_the_golden_rows(copy: Path):
    def change(document: dict[str, Any]) -> None:
        document["health"]["expansion"]["size"] += 1e-6

    with pytest.raises(BundleError, match="'golden rows'.*differs"):
        ladder.verify(changed(copy, change))

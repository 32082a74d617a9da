"""A flat bundle is what was trained, to the bit; a damaged one, or one of the other kind, does not get in."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leap.bundle import ladder
from leap.bundle.document import DOCUMENT
from leap.bundle.explaining import ready_to_explain
from leap.bundle.flat_bundle import FlatBundle
from leap.bundle.loading import load_bundle
from leap.bundle.model_bundle import ModelBundle
from leap.errors import BundleError
from leap.reports.flat import render_card
from tests.flat.conftest import TrainedFlat


@pytest.fixture
def copy(boosted_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(boosted_folder, tmp_path / "bundle"))


def forged(folder: Path, name: str, content: bytes) -> Path:
    """A file exchanged and the checksums made right again, as a careful forger would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    document = json.loads((folder / DOCUMENT).read_text())
    document.pop("seal", None)  # as a careful forger would
    change(document)
    return forged(folder, DOCUMENT, json.dumps(document).encode())


def test_a_loaded_bundle_predicts_the_same_bits(boosted: TrainedFlat, boosted_folder: Path) -> None:
    again = load_bundle(boosted_folder)
    assert isinstance(again, FlatBundle)
    matrix = again.model.encoder.encode(boosted.frame.features)
    np.testing.assert_array_equal(matrix, boosted.frame.rows.matrix)
    np.testing.assert_array_equal(again.model.predict(matrix), boosted.model.predict(matrix))
    np.testing.assert_array_equal(again.model.attribute(matrix)[0], boosted.model.attribute(matrix)[0])
    assert (again.settings, again.catalog, again.outcome) == (
        boosted.bundle.settings,
        boosted.bundle.catalog,
        boosted.bundle.outcome,
    )
    assert again.drivers == boosted.bundle.drivers


@pytest.mark.parametrize("name", ["linear", "boosted", "number"])
def test_a_bundle_saved_again_is_the_same_files(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    trained: TrainedFlat = request.getfixturevalue(name)
    trained.bundle.save(tmp_path / "first")
    FlatBundle.load(tmp_path / "first").save(tmp_path / "again")
    first, again = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "first", tmp_path / "again")
    )
    assert first == again
    assert {path.suffix for path in first} <= {".json", ".txt"}


def test_the_whole_ladder_holds(boosted_folder: Path) -> None:
    ladder.verify(boosted_folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["model"]["component"].update(calibration=[1.01, 0.0]),
        lambda d: d["model"]["encoder"]["source"].reverse(),
        lambda d: d["golden"]["expected"]["predicted"].__setitem__(0, 0.5),
        lambda d: d["golden"]["rows"][0].update(usage=-9.0),
        lambda d: d["golden"].update(rows=[]),
        lambda d: d["golden"]["expected"].pop("moved"),
    ],
    ids=["calibration", "order of columns", "expected", "row", "no rows", "no figure"],
)
def test_a_changed_digit_is_seen_by_the_golden_rows(copy: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(BundleError, match="Golden rows"):
        FlatBundle.load(changed(copy, change)).check_golden()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.pop("model"),
        lambda d: d.update(format=2),
        lambda d: d.update(kind="other"),
        lambda d: d["model"]["outcome"].update(kind="ratio"),
        lambda d: d["model"]["component"]["learner"].update(file="models/none.txt"),
        lambda d: d["model"]["encoder"].update(features=["no such"]),
        lambda d: d["settings"].update(unknown=1),
    ],
)
def test_a_document_that_is_no_flat_bundle_is_refused_in_words(copy: Path, change: Callable[[Any], Any]) -> None:
    with pytest.raises(BundleError, match="refused at the step"):
        ladder.verify(changed(copy, change))


def test_damage_without_new_checksums_is_not_even_read(copy: Path) -> None:
    path = copy / "models" / "flat_outcome.txt"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BundleError, match="cut off"):
        FlatBundle.load(copy)


def test_trees_of_another_width_are_refused_before_they_are_loaded(copy: Path) -> None:
    def wider(document: dict[str, Any]) -> None:
        encoder = document["model"]["encoder"]
        encoder["source"].append(0)
        encoder["level"].append(None)

    with pytest.raises(BundleError, match="feature"):
        FlatBundle.load(changed(copy, wider))


def test_either_kind_is_refused_where_the_other_is_meant(boosted_folder: Path, demo_bundle_folder: Path) -> None:
    with pytest.raises(BundleError, match="found a model of a flat table") as flat:
        ModelBundle.load(boosted_folder)
    assert "role 'revenue'" in flat.value.remedy
    with pytest.raises(BundleError, match="found a model of accounts with revenue"):
        FlatBundle.load(demo_bundle_folder)
    assert isinstance(load_bundle(demo_bundle_folder), ModelBundle)


def test_the_card_says_that_nothing_is_claimed_about_later_times(linear: TrainedFlat, number: TrainedFlat) -> None:
    card = render_card(linear.bundle)
    assert "Out of sample, not out of time." in card and "Warning" in card and "| AUC |" in card
    assert "Flat & Co" not in card.split("# Model card")[1]  # escaped for Markdown
    assert "R2 against the mean" in render_card(number.bundle)


def test_definitions_are_named_by_what_counts_as_yes() -> None:
    from leap.bundle.flat_bundle import flat_definition_hash
    from leap.config import parse_settings
    from tests.flat.worlds import customers, settings_of

    def named(**more: Any) -> str:
        return flat_definition_hash(parse_settings(settings_of(customers(3), **more)), "flat")

    assert len({named(), named(outcome_positive=1), named(outcome_positive="1"), named(outcome_positive=True)}) == 4
    assert named() == named(document={"outcome": {"horizon_months": 12}})  # undated: no horizon plays a part


def test_numbers_are_explained_the_same_by_either_engine(number: TrainedFlat, tmp_path: Path, monkeypatch) -> None:
    number.bundle.save(tmp_path / "bundle")
    matrix, found = number.frame.rows.matrix[:50], {}
    for engine in ("kernel", "lightgbm"):
        monkeypatch.setenv("LEAP_CONTRIBUTIONS", engine)
        bundle = FlatBundle.load(tmp_path / "bundle")
        assert bool(ready_to_explain(bundle).reasons) == (engine == "lightgbm")
        bundle.check_golden()
        found[engine] = bundle.model.attribute(matrix)[0]
    np.testing.assert_allclose(found["kernel"], found["lightgbm"], rtol=0, atol=1e-9 * np.abs(found["kernel"]).max())


def test_golden_numbers_in_money_may_differ_by_rounding_and_no_more(number: TrainedFlat) -> None:
    """What another engine of contributions rounds otherwise grows with the numbers: a fixed 1e-9 would refuse it."""

    def with_moved(factor: float) -> FlatBundle:
        money = {name: [1e6 * one for one in values] for name, values in number.bundle.golden["expected"].items()}
        scored = {name: [one * factor for one in values] for name, values in money.items()}
        monkeypatch.setattr("leap.bundle.flat_bundle._scored", lambda model, rows: scored)
        return replace(number.bundle, golden={"rows": number.bundle.golden["rows"], "expected": money})

    with pytest.MonkeyPatch.context() as monkeypatch:
        with_moved(1 + 1e-14).check_golden()
        with pytest.raises(BundleError, match="differs by up to"):
            with_moved(1 + 1e-7).check_golden()

"""A champion served from a folder of its own: no store, the ladder climbed here too, damage told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.bundle.packed import CHAMPION, RECORD, WORKSPACE, Packed
from leap.errors import BundleError, SourceError
from serving import packed as packing
from serving.live import LiveModel
from serving.packed import PackedDeployment, deployment
from serving.watcher import ChampionWatcher
from serving.wiring import Deployment


@pytest.fixture
def packed(demo_bundle_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "packed"
    shutil.copytree(demo_bundle_folder, folder / CHAMPION)
    Packed.seal(folder, "7", [])
    return folder


@pytest.fixture
def climbs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the child process, which has tests of its own and one below."""
    monkeypatch.setattr("leap.bundle.ladder.verify", lambda folder: None)


def test_what_was_packed_is_what_is_read(packed: Path) -> None:
    found = Packed.read(packed)
    assert (found.version, found.rejected, found.tables) == ("7", [], {})
    assert found.bundle() == packed / CHAMPION


def test_without_tables_features_and_prospects_are_scored_as_by_the_bundle(
    packed: Path, demo_bundle: ModelBundle
) -> None:
    from leap.scoring import Scorer

    live = LiveModel()
    ChampionWatcher(live, PackedDeployment(packed)).look()
    served = live.take()
    assert served.version == "7" and not served.accounts and live.problem is None
    own = Scorer.build(demo_bundle, "7", None)
    row = demo_bundle.golden["health"]["rows"][0]
    assert served.scorer.by_features([("a", row)], top=0) == own.by_features([("a", row)], top=0)
    assert served.scorer.prospects([("p", {})]) == own.prospects([("p", {})])
    assert served.scorer.by_id(["a1"]) == ([], ["a1"])


def test_profiles_that_were_rejected_give_no_tier(packed: Path, demo_bundle: ModelBundle, climbs_at_once: None) -> None:
    ids = [profile.id for profile in demo_bundle.icp.profiles][:1]
    Packed.seal(packed, "7", ids)
    built = PackedDeployment(packed).build()
    assert built.served is not None
    assert sorted(built.served.scorer.bundle.icp.rejected) == ids


def test_a_damaged_bundle_is_refused_with_the_reason(packed: Path) -> None:
    model = next((packed / CHAMPION / "models").iterdir())
    model.write_bytes(model.read_bytes()[:-40])
    live = LiveModel()
    ChampionWatcher(live, PackedDeployment(packed)).look()
    assert live.peek() is None and live.problem is not None
    assert live.problem.code == "bundle" and f"{model.name} is cut off" in live.problem.message


def test_a_bundle_that_was_exchanged_as_a_whole_is_refused(packed: Path) -> None:
    record = json.loads((packed / RECORD).read_text())
    (packed / RECORD).write_text(json.dumps({**record, "champion": "0" * 64}))
    with pytest.raises(BundleError, match="not the files that were packed"):
        Packed.read(packed).bundle()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "expected format 1"),
        ('{"format": 2, "version": "7", "champion": "", "rejected": [], "tables": {}}', "expected format 1"),
        ('{"format": 1, "version": "7", "version": "8"}', "not JSON"),
    ],
)
def test_a_damaged_record_is_told(packed: Path, text: str, said: str) -> None:
    (packed / RECORD).write_text(text)
    with pytest.raises(BundleError, match=said):
        PackedDeployment(packed).look()


def test_tables_that_were_changed_are_not_scored(packed: Path, climbs_at_once: None) -> None:
    (packed / WORKSPACE).mkdir()
    (packed / WORKSPACE / "leap.toml").write_text('[company]\nname = "Nordlicht"\n')
    (packed / WORKSPACE / "usage.csv").write_text("account_id,at\na1,2026-01-01\n")
    Packed.seal(packed, "7", [])
    Packed.read(packed).require_tables()
    (packed / WORKSPACE / "usage.csv").write_text("account_id,at\na1,2026-01-02\n")
    (packed / WORKSPACE / "more.csv").write_text("")
    with pytest.raises(SourceError, match=r"2 file\(s\) are not as they were packed: more.csv, usage.csv"):
        PackedDeployment(packed).build()


def test_a_copy_beside_the_code_or_a_named_one_comes_before_any_store(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(deployment({"LEAP_STORE": "store"}), Deployment)
    named = deployment({"LEAP_BUNDLE": str(packed), "LEAP_STORE": "store", "LEAP_WORKSPACE": "tables"})
    assert isinstance(named, PackedDeployment) and named.workspace == Path("tables")
    monkeypatch.setattr(packing, "__file__", str(packed.parent / "serving" / "packed.py"))
    beside = deployment({"LEAP_STORE": "store"})
    assert isinstance(beside, PackedDeployment) and (beside.folder, beside.workspace) == (packed.resolve(), None)
    (packed / RECORD).unlink()
    with pytest.raises(BundleError, match="leap bento"):
        deployment({"LEAP_STORE": "store"}).look()

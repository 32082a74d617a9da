"""Versions read while somebody waits: from verified copies, without the registry, or not at all with the reason."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from leap.bundle.files import identity_of, read_folder
from leap.errors import UnknownVersion
from leap.registry import Store
from leap.registry.records import ChampionRecord
from leap.registry.versions import LocalVersions, RegistryAway, UnreadableVersion
from tests.registry.stores import opened


class NoStore:
    """A store whose registry must not be asked: only its folder is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the registry was asked: {name}")


class AskedStore(NoStore):
    """A store whose registry answers by a function, and counts how often."""

    def __init__(self, folder: Path, answer: Callable[[], Any]) -> None:
        super().__init__(folder)
        self._answer, self.asked = answer, 0

    def load(self, version: str) -> Any:
        self.asked += 1
        return self._answer()

    def aliases(self) -> Any:
        self.asked += 1
        return self._answer()


def kept(folder: Path, bundle: Path, version: str) -> Path:
    """The bundle as the verified copy of a version."""
    copy = folder / "bundles" / f"{version}-{identity_of(read_folder(bundle))[:16]}"
    shutil.copytree(bundle, copy)
    copy.with_name(f"{copy.name}.verified").write_text("{}")
    return copy


def champion(folder: Path, version: str, previous: str | None) -> None:
    record = ChampionRecord(version, previous, "bundles/x", "0" * 64, "passed", False, "2026-11-01", True)
    (folder / "champion.json").write_text(json.dumps(asdict(record)))


def test_a_verified_copy_is_read_without_the_registry_and_kept(tmp_path: Path, demo_bundle_folder: Path) -> None:
    kept(tmp_path, demo_bundle_folder, "3")
    versions = LocalVersions(NoStore(tmp_path))  # type: ignore[arg-type]
    first = versions.bundle("3")
    shutil.rmtree(tmp_path / "bundles")
    assert versions.bundle("3") is first


def test_no_more_bundles_are_kept_than_said(tmp_path: Path, demo_bundle_folder: Path) -> None:
    for version in ("1", "2", "3"):
        kept(tmp_path, demo_bundle_folder, version)
    versions = LocalVersions(NoStore(tmp_path), kept=2)  # type: ignore[arg-type]
    first, second = versions.bundle("1"), versions.bundle("2")
    versions.bundle("1")
    versions.bundle("3")
    assert versions.bundle("1") is first and versions.bundle("2") is not second


@pytest.mark.parametrize("damage", ["changed", "not verified", "another's name"])
def test_a_copy_that_is_not_as_verified_is_not_read(tmp_path: Path, demo_bundle_folder: Path, damage: str) -> None:
    copy = kept(tmp_path, demo_bundle_folder, "3")
    if damage == "changed":
        (copy / "bundle.json").write_bytes((copy / "bundle.json").read_bytes() + b" ")
    elif damage == "not verified":
        copy.with_name(f"{copy.name}.verified").unlink()
    else:
        other = copy.with_name(f"3-{'0' * 16}")
        copy.rename(other)
        other.with_name(f"{other.name}.verified").write_text("{}")

    def gone() -> Any:
        raise UnknownVersion("there is no version 3 in /a/place.")

    with pytest.raises(UnknownVersion) as raised:
        LocalVersions(AskedStore(tmp_path, gone)).bundle("3")  # type: ignore[arg-type]
    assert "/a/place" not in str(raised.value)


def test_a_registry_that_does_not_answer_is_waited_for_shortly_and_asked_once(tmp_path: Path) -> None:
    release = threading.Event()
    store = AskedStore(tmp_path, release.wait)
    versions = LocalVersions(store, wait_seconds=0.05)  # type: ignore[arg-type]
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(RegistryAway, match="within 0.05 seconds"):
            versions.bundle("3")
    assert store.asked == 1 and time.monotonic() - began < 2
    with pytest.raises(RegistryAway, match="within"):
        versions.bundle("4")
    with pytest.raises(RegistryAway, match="busy"):
        versions.bundle("5")
    release.set()


def test_what_the_registry_says_late_is_there_for_the_next_one(tmp_path: Path, demo_bundle_folder: Path) -> None:
    class Copy:
        folder = demo_bundle_folder

    def late() -> Any:
        time.sleep(0.2)
        return Copy

    versions = LocalVersions(AskedStore(tmp_path, late), wait_seconds=0.01)  # type: ignore[arg-type]
    with pytest.raises(RegistryAway):
        versions.bundle("3")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert versions.bundle("3").trained_on
            return
        except RegistryAway:
            time.sleep(0.05)
    raise AssertionError("the late answer never came")


def test_a_version_of_another_kind_cannot_be_read_and_says_so(tmp_path: Path) -> None:
    from leap.bundle.files import write_folder

    write_folder(tmp_path / "other", {"bundle.json": b'{"format": 1, "kind": "flat"}'})
    kept(tmp_path, tmp_path / "other", "3")
    with pytest.raises(UnreadableVersion, match="Version 3 cannot be read") as raised:
        LocalVersions(NoStore(tmp_path)).bundle("3")  # type: ignore[arg-type]
    assert raised.value.code == "unreadable_version"


def test_the_previous_champion_is_the_one_decided_with_this_champion(tmp_path: Path) -> None:
    champion(tmp_path, "4", "2")
    assert LocalVersions(NoStore(tmp_path)).previous("4") == "2"  # type: ignore[arg-type]
    store = AskedStore(tmp_path, lambda: {"champion": "5", "challenger": None, "previous": "4"})
    versions = LocalVersions(store)  # type: ignore[arg-type]
    assert [versions.previous("5"), versions.previous("5")] == ["4", "4"] and store.asked == 1


def test_the_first_champion_has_no_previous_one(tmp_path: Path) -> None:
    champion(tmp_path, "1", None)
    with pytest.raises(UnknownVersion, match="No version was champion before"):
        LocalVersions(NoStore(tmp_path)).previous("1")  # type: ignore[arg-type]


def test_a_registry_that_holds_nothing_is_away_since_a_version_from_it_is_live(tmp_path: Path) -> None:
    nothing = dict.fromkeys(("champion", "challenger", "previous"))
    with pytest.raises(RegistryAway, match="not where it was"):
        LocalVersions(AskedStore(tmp_path, lambda: nothing)).previous("4")  # type: ignore[arg-type]
    gone = LocalVersions(opened(tmp_path / "never made"), wait_seconds=20)
    for ask in (gone.bundle, gone.previous):
        with pytest.raises(RegistryAway, match="not where it was"):
            ask("4")


def test_a_real_store_that_holds_nothing_knows_no_version(store: Store) -> None:
    with pytest.raises(UnknownVersion, match="There is no version 9"):
        LocalVersions(store, wait_seconds=20).bundle("9")


def test_versions_are_listed_as_the_registry_glances_at_them_each_time_anew(tmp_path: Path) -> None:
    class Growing(NoStore):
        asked = 0

        def glance(self) -> list[str]:
            self.asked += 1
            return [str(number) for number in range(self.asked, 0, -1)]

    versions = LocalVersions(Growing(tmp_path))  # type: ignore[arg-type]
    assert versions.listed() == ["1"]
    time.sleep(0.05)  # whoever asks at the same moment is given the same answer
    assert versions.listed() == ["2", "1"]


def test_a_registry_that_cannot_be_listed_names_no_place_of_this_machine(tmp_path: Path) -> None:
    class Broken(NoStore):
        def glance(self) -> list[str]:
            raise OSError("/a/place/mlflow.db: input/output error")

    with pytest.raises(RegistryAway) as raised:
        LocalVersions(Broken(tmp_path)).listed()  # type: ignore[arg-type]
    assert "/a/place" not in str(raised.value)

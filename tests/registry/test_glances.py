"""What a service asks of a store again and again: quick, never failing, and only what is sound is believed."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from leap.errors import BundleError
from leap.registry import Store
from leap.registry.champion_file import read_champion
from tests.registry.stores import client, name_of, opened, training


@pytest.fixture
def two(store: Store, tmp_path: Path) -> Store:
    """Two versions, of which the second is the champion."""
    for name in ("first", "second"):
        store.log_training(training(tmp_path, name))
    for version in ("1", "2"):
        store.promote(version, by_hand=True, gate="")
    return store


def test_a_new_store_has_no_champion_and_no_trouble(store: Store, tmp_path: Path) -> None:
    assert store.seen() == opened(store.folder).seen()
    assert (store.seen().version, store.seen().trouble) == (None, "")
    assert "not there" in opened(tmp_path / "nowhere").seen().trouble


def test_signs_change_with_every_promotion_and_stay_while_nothing_happens(two: Store) -> None:
    before = two.signs()
    two.seen(), two.load(), two.glance()
    assert two.signs() == before
    two.rollback()
    after = two.signs()
    assert after != before
    client(two).set_registered_model_alias("leap", "champion", "2")
    assert two.signs() != after
    assert two.seen().version == "2"


def test_the_checksum_is_told_where_the_champion_file_speaks_of_the_version(two: Store) -> None:
    seen = two.seen()
    assert (seen.version, seen.identity) == ("2", two.load().identity)
    client(two).set_registered_model_alias("leap", "champion", "1")
    assert (two.seen().version, two.seen().identity) == ("1", "")
    assert (
        seen.tells_of("2", seen.identity) and not seen.tells_of("2", "0" * 64) and not seen.tells_of("1", seen.identity)
    )


def test_a_locked_database_is_not_waited_for_where_the_champion_file_knows_one(two: Store) -> None:
    patient = Store(two.folder, verify=lambda folder: None, read_wait_seconds=30.0)
    with closing(sqlite3.connect(two.folder / "mlflow.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        seen = patient.seen()
        assert (seen.version, "locked" in seen.trouble, patient.champion()) == ("2", True, "2")
        assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2}, {"version": "0"}, {"version": "../1"}, {"version": None}, {"previous": 1}, {"previous": "x"},
        {"sha256": "A" * 64}, {"sha256": None}, {"folder": 5}, {"folder": "a\0b"}, {"settled": "yes"}, {"by_hand": 1},
        {"more": 1}, {"gate": {}}, {"decided_at": None},
    ],
)  # fmt: skip
def test_a_champion_file_is_believed_only_if_every_part_is_of_its_kind(two: Store, change: dict[str, Any]) -> None:
    path = two.folder / "champion.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    record, trouble = read_champion(two.folder)
    assert record is None and "champion.json is damaged" in trouble
    assert two.seen().version == "2" and "champion.json is damaged" in two.seen().trouble


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"[" * 10_000, b'{"version": "1", "version": "2"}', b"\xff\xfe", b" " * 100_000]
)
def test_a_champion_file_that_is_none_is_damaged_and_no_more(two: Store, content: bytes) -> None:
    (two.folder / "champion.json").write_bytes(content)
    assert two.seen().version == "2" and "damaged" in two.seen().trouble
    (two.folder / "champion.json").unlink()
    assert two.seen().trouble == ""


def test_a_link_in_a_circle_for_a_copy_is_no_copy(two: Store) -> None:
    path = two.folder / "champion.json"
    circle = two.folder / "bundles" / "circle"
    circle.symlink_to(circle)
    path.write_text(json.dumps({**json.loads(path.read_text()), "folder": "bundles/circle"}))
    assert name_of(two.load().folder) == "second"


def test_new_libraries_do_not_keep_a_copy_from_being_served_while_the_registry_is_away(two: Store) -> None:
    """The copy is whole; it climbs the ladder with these libraries, and is marked so."""
    marker = next(two.folder.glob("bundles/2-*.verified"))
    marker.write_text('{"lightgbm": "1.0"}')
    (two.folder / "mlflow.db").unlink()
    climbed: list[Path] = []
    store = Store(two.folder, verify=climbed.append)
    assert name_of(store.load().folder) == "second" and len(climbed) == 1
    assert name_of(store.load().folder) == "second" and len(climbed) == 1

    def refuse(folder: Path) -> None:
        raise BundleError("the golden rows differ.")

    marker.write_text("{}")
    with pytest.raises(Exception, match="does not climb the loading ladder"):
        Store(two.folder, verify=refuse).load()


def test_a_damaged_copy_is_named_with_its_file_where_nothing_else_is_left(two: Store) -> None:
    (two.folder / "mlflow.db").unlink()
    copy = next(two.folder.glob("bundles/2-*[!d]"))
    (copy / "bundle.json").write_bytes(b"{")
    with pytest.raises(Exception, match="bundle.json is cut off"):
        two.load()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user to be kept out")
def test_a_store_that_may_not_be_looked_into_is_told(two: Store) -> None:
    """As another user, since root may look everywhere."""
    two.folder.chmod(0o000)
    os.seteuid(65_534)
    try:
        seen = two.seen()
    finally:
        os.seteuid(0)
        two.folder.chmod(0o700)
    assert "cannot be" in seen.trouble and "Permission denied" in seen.trouble
    assert two.seen().trouble == ""

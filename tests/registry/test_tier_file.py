"""The file of published tiers: whole or as before, of one company, and never backwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from leap.errors import RegistryError
from leap.registry import Store
from leap.registry.tier_file import TierFile
from leap.scoring.tier_state import Held, PublishedTiers

TIERS = PublishedTiers(
    "Acme", "2", "2026-01-01", "2026-01-01", 0.1, {"a": Held("A", "2025-03-01", "1")}, 0, "2025-01-01"
)


@pytest.fixture
def file(tmp_path: Path) -> TierFile:
    return TierFile.of(Store(tmp_path / "store"), "Acme")


def test_what_is_published_is_read_back(file: TierFile) -> None:
    assert file.read() is None
    file.publish(TIERS)
    assert file.read() == TIERS
    first = file.path.read_bytes()
    file.publish(TIERS)
    assert file.path.read_bytes() == first and [one.name for one in file.path.parent.iterdir()] == [file.path.name]


def test_companies_have_files_of_their_own(file: TierFile, tmp_path: Path) -> None:
    """Names that differ only in signs too."""
    store = Store(tmp_path / "store")
    paths = {TierFile.of(store, name).path for name in ("Acme", "Acme!", "ACME", "../acme", "")}
    assert len(paths) == 5 and {path.parent for path in paths} == {file.path.parent}


def test_a_later_date_is_not_overwritten_by_an_earlier_one(file: TierFile) -> None:
    file.publish(TIERS)
    with pytest.raises(RegistryError, match="published meanwhile"):
        file.publish(replace(TIERS, as_of="2025-12-01"))
    assert file.read() == TIERS


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"company": "Acme"}', json.dumps({**TIERS.to_json(), "band": "x"})]
)
def test_a_damaged_file_is_named_with_a_remedy(file: TierFile, content: str) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text(content, encoding="utf-8")
    with pytest.raises(RegistryError, match=r"expected the tiers published for Acme.*move it aside"):
        file.read()


def test_a_store_that_cannot_be_written_is_told_with_a_remedy(file: TierFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, content: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("leap.registry.tier_file.write_file", refused)
    with pytest.raises(RegistryError, match="tiers cannot be written") as found:
        file.publish(TIERS)
    assert "permissions of the store" in str(found.value.remedy)


def test_the_tiers_of_another_company_are_refused(file: TierFile) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text(json.dumps({**TIERS.to_json(), "company": "Other"}), encoding="utf-8")
    with pytest.raises(RegistryError, match="found those of Other"):
        file.read()

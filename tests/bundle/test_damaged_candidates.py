"""Every damaged candidate is refused with a reason, by the ladder and by what a service loads, and nothing else happens."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from leap.bundle import ladder
from leap.bundle.files import identity_of, read_folder
from leap.bundle.loading import load_bundle, parse_bundle
from leap.errors import BundleError, LeapError
from serving import wiring
from tests.bundle.damage import CANDIDATES, Candidate, content_of, edited, flipped, mended, sealed_anew

NAMES = [one.name for one in CANDIDATES]
NO_CHILD = ("/bin/true",)
"""In place of the check in a process of its own: what that would say is asked here, which takes no second each."""


def test_there_are_many_and_each_is_another() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 200


@pytest.fixture
def candidate_folder(sized_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sized_folder, tmp_path / "bundle"))


def refusal(folder: Path) -> str:
    """The reason of the ladder's own steps, else that of the child's; empty if there is none."""
    try:
        ladder.verify(folder, command=NO_CHILD, parse=parse_bundle)
    except BundleError as error:
        return error.message
    step = "structure"
    try:
        bundle = load_bundle(folder)
        step = "golden rows"
        bundle.check_golden()
    except BundleError as error:
        return f"'{step}': {error.message}"
    return ""


@pytest.mark.parametrize("candidate", CANDIDATES, ids=NAMES)
def test_it_is_refused_with_its_step_and_its_place(candidate: Candidate, candidate_folder: Path) -> None:
    candidate.make(candidate_folder)
    began = time.process_time()
    reason = refusal(candidate_folder)
    assert time.process_time() - began < 5
    assert reason, "it was taken"
    assert f"'{candidate.step}'" in reason or not candidate.step, reason
    assert candidate.names in reason, reason
    assert len(reason) < 1_000
    # A forger may write its checksum wherever a service looks; it is refused all the same.
    try:
        identity = identity_of(read_folder(candidate_folder))
    except BundleError:
        identity = ""
    with pytest.raises(LeapError):
        wiring.loaded("9", candidate_folder, identity)


def test_a_good_bundle_is_taken(candidate_folder: Path) -> None:
    assert refusal(candidate_folder) == ""


def test_what_is_changed_with_everything_mended_cannot_be_told(candidate_folder: Path) -> None:
    """The limit: who can rewrite manifest, seal and golden rows can make a bundle. The registry's checksum tells then."""
    before = identity_of(read_folder(candidate_folder))
    edited(lambda d: d["trained"].update(notes=["another note"]))(candidate_folder)
    sealed_anew(candidate_folder)
    assert refusal(candidate_folder) == ""
    assert identity_of(read_folder(candidate_folder)) != before


def test_random_damage_of_any_part_is_refused_in_words_or_harmless(candidate_folder: Path, sized_folder: Path) -> None:
    """Bits turned over with the manifest mended and the seal taken out: no other exception, no hang."""
    for seed in range(24):
        shutil.rmtree(candidate_folder)
        shutil.copytree(sized_folder, candidate_folder)
        name = sorted(content_of(candidate_folder))[seed % 4]
        try:
            mended(name, flipped(1000 + seed))(candidate_folder)
        except ValueError:
            continue
        refusal(candidate_folder)


def test_values_of_a_wrong_kind_anywhere_are_refused_in_words_or_harmless(
    candidate_folder: Path, sized_folder: Path
) -> None:
    """Parts of the document replaced at random by what they are not."""
    random = np.random.default_rng(11)
    for _ in range(24):
        shutil.rmtree(candidate_folder)
        shutil.copytree(sized_folder, candidate_folder)

        def change(document: object) -> None:
            while True:
                keys = list(document) if isinstance(document, dict) else range(len(document))  # type: ignore[arg-type]
                key = keys[int(random.integers(len(keys)))]
                below = document[key]  # type: ignore[index]
                if not isinstance(below, dict | list) or not below or random.random() < 0.2:
                    wrong = [None, "x", [], {}, True, -1, 1e308, [[1]], 2**40][int(random.integers(9))]
                    document[key] = wrong  # type: ignore[index]
                    return
                document = below

        edited(change)(candidate_folder)
        refusal(candidate_folder)


@pytest.mark.slow
def test_a_process_of_its_own_says_the_same(sized_folder: Path, tmp_path: Path) -> None:
    """The ladder as `leap promote` climbs it, of those that come so far, two at a time."""
    late = [one for one in CANDIDATES if one.step in ("golden rows", "")] + [
        one for one in CANDIDATES if one.step == "schema" and not one.names.startswith("models/")
    ][::6]  # texts of trees are read there before the document is

    def said(number: int) -> str:
        folder = tmp_path / str(number)
        shutil.copytree(sized_folder, folder)
        late[number].make(folder)
        try:
            ladder.verify(folder)
        except BundleError as error:
            return error.message
        return ""

    with ThreadPoolExecutor(2) as threads:
        for candidate, reason in zip(late, threads.map(said, range(len(late))), strict=True):
            assert f"'{candidate.step or ''}" in reason and candidate.names in reason, (candidate.name, reason)

"""A real service answers on, and rightly, whatever happens to its store: slow, with processes of its own."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from leap.bundle.files import identity_of, read_folder
from leap.bundle.model_bundle import ModelBundle
from leap.errors import BundleError
from leap.registry.copies import libraries
from tests.bundle.damage import CANDIDATES, Candidate
from tests.serving.live_service import Place, Service, Traffic, locked

pytestmark = pytest.mark.slow

PROMOTIONS = int(os.environ.get("TEST_PROMOTIONS", "6"))
LOCKED_SECONDS = float(os.environ.get("TEST_LOCKED_SECONDS", "8"))
START_SECONDS = 120.0
SWAP_SECONDS = 5.0
"""How long after a promotion has finished its champion may take to speak."""


@pytest.fixture(scope="module")
def place(sized: ModelBundle, begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place.make(tmp_path_factory.mktemp("live"), sized, begun)


@pytest.fixture(scope="module")
def service(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(place, tmp_path_factory.mktemp("home")) as service:
        service.until(lambda said: said.get("ready"), START_SECONDS, "start")
        yield service


@pytest.fixture
def traffic(service: Service) -> Iterator[Traffic]:
    """Requests during a test, none of which may fail."""
    with Traffic(service) as traffic:
        yield traffic
    traffic.good()


def test_no_request_fails_or_mixes_versions_while_champions_change(service: Service, traffic: Traffic) -> None:
    store, waits = service.place.store, []
    store.promote("1", by_hand=True, gate="")
    service.until_version("1", SWAP_SECONDS)
    store.promote("2", by_hand=True, gate="")
    waits.append(service.until_version("2", SWAP_SECONDS))
    for number in range(PROMOTIONS):
        if number % 5 == 4:
            champion = "1" if store.champion() == "2" else "2"
            store.promote(champion, by_hand=True, gate="")
        else:
            champion = store.rollback()
        waits.append(service.until_version(champion, SWAP_SECONDS))
    traffic.good()
    assert traffic.versions == {"1", "2"}
    told(
        f"{len(traffic.seconds)} requests, {PROMOTIONS + 2} changes, live after at most {max(waits):.2f} s, p50 "
        f"{traffic.quantile(0.5) * 1e3:.1f} ms, p99 {traffic.quantile(0.99) * 1e3:.1f} ms"
    )
    store.promote("1", by_hand=True, gate="")
    service.until_version("1", SWAP_SECONDS)


def told(figures: str) -> None:
    """Shown by `pytest -s`: what was measured is no test, since machines differ."""
    sys.stderr.write(f"\n{figures}\n")


def _thrown() -> list[Candidate]:
    """Some of every step; most of what would crash LightGBM."""
    by_step: dict[str, list[Candidate]] = {}
    for one in CANDIDATES:
        by_step.setdefault(one.step, []).append(one)
    every = {"files": 8, "schema": 5, "structure": 2, "golden rows": 1, "": 1}
    return [one for step, found in by_step.items() for one in found[:: every[step]]]


def test_damaged_candidates_thrown_at_a_service_change_nothing(service: Service, traffic: Traffic) -> None:
    """As someone who can write to the store would: a copy with a marker, and champion.json made to name it."""
    folder, before = service.place.store_folder, service.processes()
    path = folder / "champion.json"
    whole = path.read_bytes()
    record = json.loads(whole)
    copy, marker = folder / "bundles" / "9-candidate", folder / "bundles" / "9-candidate.verified"
    good = folder / record["folder"]
    marker.write_text(json.dumps(libraries()))
    for number, candidate in enumerate(_thrown()):
        shutil.copytree(good, copy)
        candidate.make(copy)
        try:
            identity = identity_of(read_folder(copy))
        except BundleError:
            identity = f"{number:064x}"
        told = {
            **record,
            "version": str(100 + number),
            "folder": "bundles/9-candidate",
            "sha256": identity,
            "settled": False,
        }
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(told))
        temporary.replace(path)
        tag = f"version {100 + number}"
        service.until(lambda said, tag=tag: tag in (said.get("problem") or ""), 10, candidate.name)  # type: ignore[misc]
        said = service.ready()
        assert said["model"]["version"] == "1" and said["stale"], (candidate.name, said)
        assert service.processes() == before, candidate.name
        remove(copy)
    path.write_bytes(whole)
    service.until(lambda said: said.get("problem") is None, 5, "mended")
    traffic.good()


def remove(copy: Path) -> None:
    """Whatever a candidate made of the folder."""
    for path in (copy, copy.parent / "aside"):
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.exists():
            shutil.rmtree(path)


@contextmanager
def moved(path: Path) -> Iterator[None]:
    aside = path.with_name(f"{path.name}.aside")
    path.rename(aside)
    yield
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    aside.rename(path)


@contextmanager
def replaced(path: Path, content: bytes | None) -> Iterator[None]:
    """Other bytes, or a folder that cannot be opened as a file, which root is kept out of too."""
    with moved(path):
        path.write_bytes(content) if content is not None else path.mkdir()
        yield


FAULTS: dict[str, tuple[Callable[[Path], AbstractContextManager[None]], str, bool]] = {
    # what is done, what /readyz says of it, and whether a service is started during it too
    "locked": (lambda store: locked(store / "mlflow.db"), "locked by another process", True),
    "deleted": (lambda store: moved(store / "mlflow.db"), "mlflow.db is missing", True),
    "rubbish": (lambda store: replaced(store / "mlflow.db", b"no database " * 999), "cannot be used", False),
    "unreadable": (lambda store: replaced(store / "mlflow.db", None), "mlflow.db", False),
    "champion.json damaged": (
        lambda store: replaced(store / "champion.json", b'{"version'),
        "champion.json is damaged",
        True,
    ),
    "artifacts gone": (lambda store: moved(store / "artifacts"), "", False),
    "copies gone": (lambda store: moved(store / "bundles"), "", True),
    "the whole store gone": (lambda store: moved(store), "not there", False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_registry_in_trouble_fails_no_score_and_is_told_until_it_passes(
    fault: str, service: Service, traffic: Traffic
) -> None:
    make, words, _ = FAULTS[fault]
    time.sleep(2)
    quiet = len(traffic.seconds)
    with make(service.place.store_folder):
        if words:
            service.until(lambda said: words in (said.get("problem") or ""), 5, fault)
        time.sleep(LOCKED_SECONDS if fault == "locked" else 1)
        said = service.ready()
        assert said["ready"] and said["model"]["version"] == "1" and said["stale"] == bool(words)
        during = len(traffic.seconds)
    service.until(lambda said: said["problem"] is None, 5, f"{fault}, restored")
    traffic.good()
    told(
        f"{fault}: p99 {traffic.quantile(0.99) * 1e3:.1f} ms of {len(traffic.seconds)} requests, {during - quiet} in trouble"
    )


@pytest.mark.parametrize("fault", [name for name, (_, _, starts) in FAULTS.items() if starts])
def test_a_service_starts_from_the_verified_copy_while_the_registry_is_in_trouble(
    fault: str, place: Place, tmp_path: Path
) -> None:
    make, words, _ = FAULTS[fault]
    with make(place.store_folder), Service(place, tmp_path / "home") as service:
        seconds = service.until(lambda said: said.get("ready"), START_SECONDS, fault)
        said = service.ready()
        assert said["model"]["version"] == "1" and said["stale"] == bool(words) and words in (said["problem"] or "")
        with Traffic(service) as traffic:
            time.sleep(1)
        traffic.good()
        told(f"{fault}: ready after {seconds:.1f} s")


def test_a_promotion_decided_before_the_database_was_locked_speaks_within_seconds(
    service: Service, traffic: Traffic
) -> None:
    store = service.place.store
    store.promote("2", by_hand=True, gate="")
    with locked(service.place.store_folder / "mlflow.db"):
        service.until_version("2", SWAP_SECONDS)
    store.rollback()
    service.until_version("1", SWAP_SECONDS)
    traffic.good()


def test_changed_tables_are_read_and_broken_ones_are_told_without_a_restart(service: Service, traffic: Traffic) -> None:
    path = service.place.workspace / "accounts.csv"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"account_id", b"account", 1))
    service.until(lambda said: said.get("problem"), 15, "broken tables")
    assert service.ready()["model"]["version"] == "1"
    path.write_bytes(whole)
    service.until(lambda said: said["problem"] is None, 15, "mended tables")
    traffic.good()

"""What a service takes from its store and its workspace, and what it keeps of it when only a part changes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from leap.errors import BundleError, CatalogError, TableError
from leap.registry import Store
from leap.reviews import ReviewBook, Subject, new_review
from serving import wiring, workspace
from serving.live import LiveModel
from serving.watcher import ChampionWatcher
from serving.wiring import Deployment, Model, Parts
from tests.registry.stores import name_of, training
from tests.serving.fakes import fake_served

SETTINGS = '[company]\nname = "Acme"\n[tables.accounts]\nshape = "attributes"\nsource = "accounts.csv"\n'


class Text(str):
    """Stands for tables: as many rows as letters."""

    @property
    def tables(self) -> dict[str, Any]:
        return {"accounts": SimpleNamespace(rows_used=len(self))}


class World:
    """A deployment whose models are names and whose tables are texts; what it reads and builds is counted."""

    def __init__(self, folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store, self.workspace = store, folder / "workspace"
        self.workspace.mkdir()
        self.write("one")
        (self.workspace / "leap.toml").write_text(SETTINGS)
        for name in ("first", "second"):
            store.log_training(training(folder, name))
        store.promote("1", by_hand=True, gate="")
        self.happened: list[str] = []
        self.books: list[ReviewBook | None] = []
        self.unfit: set[tuple[str, str]] = set()
        self.live = LiveModel()
        self.deployment = Deployment(str(store.folder), self.workspace)
        self.watcher = ChampionWatcher(self.live, self.deployment)
        monkeypatch.setattr(workspace, "LOOK_EVERY_SECONDS", 0.0)
        monkeypatch.setattr(wiring, "loaded", self.load)
        monkeypatch.setattr(wiring, "served_of", self.serve)
        monkeypatch.setattr("leap.sources.read_workspace", self.read)

    def write(self, text: str) -> None:
        (self.workspace / "accounts.csv").write_text(text)

    def load(self, version: str, folder: Path, identity: str, stale: str = "") -> Model:
        self.happened.append(f"load {version}")
        return Model(version, identity, name_of(folder), "kernel", stale)  # type: ignore[arg-type]

    def read(self, folder: Path, odd: bool = True) -> Any:
        text = (folder / "accounts.csv").read_text()
        self.happened.append(f"read {text}")
        if "broken" in text:
            raise TableError(f"{text}: no such column.")
        return Text(text)

    def serve(self, parts: Parts, _: Any = None, book: ReviewBook | None = None) -> Any:
        self.books.append(book)
        if (parts.model.version, str(parts.data.tables)) in self.unfit:
            raise CatalogError(f"version {parts.model.version} does not fit {parts.data.tables}.")
        self.happened.append(f"build {parts.model.version} {parts.data.tables} {len(parts.reviews)}")
        return fake_served(parts.model.version, accounts=1)

    def look(self, times: int = 2) -> list[str]:
        """What happened in so many looks: the second sees that files lie still."""
        self.happened.clear()
        for _ in range(times):
            self.watcher.look()
        return list(self.happened)

    @property
    def problem(self) -> str:
        return self.live.problem.message if self.live.problem else ""


@pytest.fixture
def world(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, store, monkeypatch)


def test_a_promotion_reads_no_table_again_and_new_tables_load_no_model(world: World) -> None:
    assert world.look() == ["load 1", "read one", "build 1 one 0"]
    world.store.promote("2", by_hand=True, gate="")
    assert world.look() == ["load 2", "build 2 one 0"]
    world.write("three")
    assert world.look() == ["read three", "build 2 three 0"]
    world.store.rollback()
    assert world.look() == ["load 1", "build 1 three 0"]
    assert world.look(5) == [] and world.problem == ""


def test_pages_keep_verdicts_in_the_book_that_is_watched_and_nowhere_if_it_cannot_be_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.look()
    (book,) = world.books
    assert book is not None
    book.add("Acme", new_review(Subject("account", "a1"), "include", owner="Ann", reason="why"), seen=0)
    assert world.look() == ["build 1 one 1"]
    monkeypatch.setattr(ReviewBook, "writable", False)
    book.add("Acme", new_review(Subject("account", "a2"), "include", owner="Ann", reason="why"))
    assert world.look() == ["build 1 one 2"] and world.books[-1] is None


def test_settings_that_change_are_read_with_the_tables(world: World) -> None:
    world.look()
    (world.workspace / "leap.toml").write_text(SETTINGS + "[serving]\nrefresh_minutes = 5\n")
    assert world.look() == ["read one", "build 1 one 0"]
    (world.workspace / "leap.toml").write_text("[company")
    assert world.look() == [] and "not valid TOML" in world.problem
    assert world.live.take().version == "1"
    (world.workspace / "leap.toml").write_text(SETTINGS)
    assert world.look() == ["read one", "build 1 one 0"] and world.problem == ""


def test_a_file_that_is_being_written_is_left_alone_until_it_lies_still(world: World) -> None:
    world.look()
    for text in ("t", "tw", "two"):
        world.write(text)
        assert world.look(1) == []
    assert world.look(1) == ["read two", "build 1 two 0"]


def test_tables_that_cannot_be_read_leave_the_last_good_ones_and_a_new_champion_comes_in_with_these(
    world: World,
) -> None:
    world.look()
    world.write("broken")
    assert world.look(4) == ["read broken"] and "no such column" in world.problem
    world.store.promote("2", by_hand=True, gate="")
    assert world.look(1) == ["load 2", "read broken", "build 2 one 0"]
    assert world.live.take().version == "2" and "no such column" in world.problem
    world.write("mended")
    assert world.look() == ["read mended", "build 2 mended 0"] and world.problem == ""


def test_a_table_that_has_lost_all_its_rows_is_told_and_those_read_last_stay_until_there_are_some(world: World) -> None:
    world.look()
    world.write("")
    assert world.look(4) == ["read "]
    assert "accounts (3 before, 0 now)" in world.problem and "Export" in world.problem
    world.write("some")
    assert world.look() == ["read some", "build 1 some 0"] and world.problem == ""


def test_a_table_cut_off_in_transfer_is_told_and_those_read_last_stay(world: World) -> None:
    whole = "x" * 100
    world.write(whole)
    world.look()
    world.write(whole[:70])
    assert world.look(4) == [f"read {whole[:70]}"]
    assert "accounts (100 before, 70 now)" in world.problem
    world.write(whole[:80])
    assert world.look()[-1] == f"build 1 {whole[:80]} 0" and world.problem == ""


def test_a_champion_that_does_not_fit_waits_while_new_tables_that_fit_the_live_one_come_in(world: World) -> None:
    world.look()
    world.unfit = {("2", "one"), ("2", "two")}
    world.store.promote("2", by_hand=True, gate="")
    world.write("two")
    assert world.look()[-1] == "build 1 two 0"
    assert world.live.take().version == "1" and "version 2 does not fit" in world.problem
    world.write("three")
    assert world.look()[-1] == "build 2 three 0" and world.problem == ""


def test_verdicts_take_effect_without_a_restart_and_read_nothing_else(world: World) -> None:
    world.look()
    book = ReviewBook(world.store.folder)
    review = new_review(Subject("rule", "abc"), "reject", owner="Ann", reason="Too narrow.")
    book.add("Acme", review)
    assert world.look() == ["build 1 one 1"]
    book.add("Another company", review)
    assert world.look() == []


def test_a_damaged_book_of_reviews_is_told_and_those_read_last_still_count(world: World) -> None:
    ReviewBook(world.store.folder).add(
        "Acme", new_review(Subject("rule", "abc"), "reject", owner="Ann", reason="Too narrow.")
    )
    assert world.look()[-1] == "build 1 one 1"
    kept = world.store.folder / "reviews.db"
    whole = kept.read_bytes()
    kept.write_bytes(b"no database " * 500)
    assert world.look() == [] and "reviews are as they were read last" in world.problem
    kept.write_bytes(whole)
    assert world.look() == [] and world.problem == ""


def test_a_book_that_is_gone_lifts_no_rejection_in_silence(world: World) -> None:
    ReviewBook(world.store.folder).add(
        "Acme", new_review(Subject("rule", "abc"), "reject", owner="Ann", reason="Too narrow.")
    )
    assert world.look()[-1] == "build 1 one 1"
    kept = world.store.folder / "reviews.db"
    away = kept.rename(kept.with_name("away.db"))
    assert world.look() == [] and "0 of 1 reviews are left. Restore the file" in world.problem
    away.rename(kept)
    assert world.look() == [] and world.problem == ""


def test_a_locked_database_holds_no_look_and_a_promotion_decided_before_it_comes_in(world: World) -> None:
    world.look()
    world.store.promote("2", by_hand=True, gate="")
    with closing(sqlite3.connect(world.store.folder / "mlflow.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert world.look(1) == ["load 2", "build 2 one 0"]
        assert time.monotonic() - began < 2
        assert "locked" in world.problem and world.live.take().version == "2"
        assert world.look() == []
        connection.execute("ROLLBACK")
    assert world.look() == [] and world.problem == ""


@pytest.mark.parametrize("what", ["mlflow.db", "artifacts", "champion.json", ""])
def test_what_is_gone_of_the_store_is_told_and_passes_when_it_is_back(world: World, what: str, tmp_path: Path) -> None:
    world.look()
    place, aside = world.store.folder / what, tmp_path / "aside"
    place.rename(aside)
    world.look()
    assert world.live.take().version == "1"
    assert bool(world.problem) == (what in ("mlflow.db", "")), world.problem
    restarted = Deployment(str(world.store.folder), world.workspace)
    if what:
        assert restarted.load()[0].version == "1"
    aside.rename(place)
    world.look()
    assert world.problem == "" and world.live.take().version == "1"


def test_a_damaged_champion_file_is_told_and_the_registry_speaks(world: World) -> None:
    path = world.store.folder / "champion.json"
    world.look()
    whole = path.read_bytes()
    path.write_bytes(whole[:50])
    assert world.look() == [] and "champion.json is damaged" in world.problem
    path.write_bytes(whole)
    assert world.look() == [] and world.problem == ""


def test_a_forged_champion_is_not_believed_against_the_registry(world: World) -> None:
    """Another bundle under the number of a version, with checksum and marker made right, is not what was registered."""
    world.look()
    bundles = world.store.folder / "bundles"
    true = next(bundles.glob("1-*[!d]"))
    other = next(bundles.glob("2-*[!d]"))
    shutil.copytree(other, bundles / "1-forged")
    shutil.copy(bundles / f"{other.name}.verified", bundles / "1-forged.verified")
    path = world.store.folder / "champion.json"
    record = path.read_text()
    identity = world.store.load("2").identity
    path.write_text(record.replace(true.name, "1-forged").replace(world.store.load("1").identity, identity))
    assert "load 1" not in world.look()
    assert name_of(world.store.load().folder) == "first"
    assert world.live.take().version == "1"


def test_a_store_exchanged_for_another_with_the_same_numbers_is_noticed(
    world: World, tmp_path: Path, begun: Path
) -> None:
    from tests.registry.stores import opened

    world.look()
    shutil.rmtree(world.store.folder)
    world.store.folder.mkdir()
    shutil.copy(begun, world.store.folder / "mlflow.db")
    other = opened(world.store.folder)
    other.log_training(training(tmp_path, "third"))
    other.promote("1", by_hand=True, gate="")
    assert world.look() == ["load 1", "build 1 one 0"]


def test_places_come_from_the_environment() -> None:
    deployment = Deployment.from_environment({"LEAP_STORE": "/s", "LEAP_WORKSPACE": "/w"})
    assert (deployment.store, str(deployment.workspace)) == ("/s", "/w")
    assert Deployment.from_environment({}).store is None


def test_tables_of_a_database_are_read_again_after_the_minutes_that_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = 'source = "postgresql://db.example/crm#accounts"'
    (tmp_path / "leap.toml").write_text(SETTINGS.replace('source = "accounts.csv"', source))
    monkeypatch.setattr(workspace, "LOOK_EVERY_SECONDS", 0.0)
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    for minutes, turns in ((60, [0, 0, 1, 2]), (0, [0, 0, 0, 0])):
        if not minutes:
            with (tmp_path / "leap.toml").open("a") as file:
                file.write("[serving]\nrefresh_minutes = 0\n")
        watch, found, now = workspace.TablesWatch(tmp_path), [], 0.0
        for seconds in (0.0, 3_599.0, 3_601.0, 7_201.0):
            now = seconds
            watch.look()
            found.append(watch.look()[1])  # type: ignore[index]
        assert found == turns


@pytest.mark.parametrize("reasons", [{}, {"health churn propensity": "no numba"}])
def test_golden_rows_hold_before_the_kernel_is_chosen_and_both_before_accounts_are_scored(
    reasons: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from leap.bundle.explaining import Explaining

    happened: list[str] = []

    class Bundle:
        def check_golden(self) -> None:
            happened.append("golden rows")

    def ready(bundle: Bundle) -> Explaining:
        happened.append("ready to explain")
        return Explaining(reasons)

    monkeypatch.setattr("leap.bundle.model_bundle.ModelBundle.load", lambda folder, identity: Bundle())
    monkeypatch.setattr("leap.bundle.explaining.ready_to_explain", ready)
    model = wiring.loaded("7", tmp_path, "abc")
    assert happened == ["golden rows", "ready to explain"]
    assert model.explained_by == ("LightGBM, slower" if reasons else "exact kernel")


def test_a_copy_exchanged_between_its_check_and_its_loading_is_refused(demo_bundle_folder: Path) -> None:
    with pytest.raises(BundleError, match="exchanged after it was verified"):
        wiring.loaded("7", demo_bundle_folder, "0" * 64)


def test_accounts_without_a_score_come_last_and_count_nothing_at_risk() -> None:
    served = fake_served(accounts=60)
    assert served.accounts[-1].at_risk is None
    risks = [one.at_risk for one in served.accounts if one.at_risk is not None]
    assert risks == sorted(risks, reverse=True)


def test_the_request_path_imports_neither_pandas_nor_mlflow() -> None:
    code = (
        "import sys; sys.path[:0] = ['src', '.']; import serving.app;"
        "print([name for name in ('pandas', 'numpy', 'mlflow', 'lightgbm', 'shap') if name in sys.modules])"
    )
    assert _python(code) == "[]"


def _python(code: str) -> Any:
    checkout = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=checkout, env={**os.environ}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()

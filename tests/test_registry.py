"""The store keeps a champion that can be loaded, whatever happens to the database, the folder or the process."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from leap.bundle.files import read_folder, write_folder
from leap.errors import BundleError, NoModel, RegistryError
from leap.registry import RunRecord, Store, default_folder
from leap.registry.copies import Copies

SOURCE = Path(__file__).parents[1] / "src"


def sound(folder: Path) -> None:
    """Stands for the ladder: every bundle of these tests is sound unless it says that it is not."""
    if b"unsound" in read_folder(folder)["bundle.json"]:
        raise BundleError("the golden rows differ.", remedy="Train anew.")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated database for all tests: making one takes seconds."""
    folder = tmp_path_factory.mktemp("migrated")
    store = opened(folder)
    with store._writing("test", create=True):
        pass
    return folder / "mlflow.db"


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Path:
    (tmp_path / "store").mkdir()
    shutil.copy(migrated, tmp_path / "store" / "mlflow.db")
    return tmp_path / "store"


@pytest.fixture
def store(place: Path) -> Store:
    return opened(place)


def opened(place: Path | str, verify: Callable[[Path], None] = sound) -> Store:
    return Store(place, verify=verify, read_wait_seconds=0.3, write_wait_seconds=0.6)


def training(folder: Path, content: str = "first", company: str = "Acme", **more: object) -> RunRecord:
    bundle = folder / f"bundle-{time.monotonic_ns()}"
    write_folder(bundle, {"bundle.json": json.dumps({"name": content}).encode(), "models/a.txt": b"tree\n"})
    known = {
        "params": {"trials": 20, "learner": "ridge"},
        "metrics": {"health.churn.auc": 0.75, "undefined": float("nan")},
        "tags": {"company": company, "gate": "passed"},
        "description": "A small one.",
    }
    return RunRecord(bundle_folder=bundle, **{**known, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def three_versions(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Path:
    folder = tmp_path_factory.mktemp("three")
    shutil.copy(migrated, folder / "mlflow.db")
    store = opened(folder)
    for content in ("first", "second", "third"):
        store.log_training(training(tmp_path_factory.mktemp("bundles"), content))
    store.promote("1", by_hand=False, gate="passed")
    store.promote("2", by_hand=False, gate="passed")
    store.set_challenger("3")
    return folder


@pytest.fixture
def two(tmp_path: Path, three_versions: Path) -> Store:
    """Version 1 is previous, version 2 champion, version 3 stands by."""
    shutil.copytree(three_versions, tmp_path / "store")
    store = opened(tmp_path / "store")
    store.repair_paths()
    return store


def name_of(folder: Path) -> str:
    return str(json.loads((folder / "bundle.json").read_bytes())["name"])


def client(place: Path):  # type: ignore[no-untyped-def]
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{place}/mlflow.db", f"sqlite:///{place}/mlflow.db")


@contextmanager
def locked(place: Path) -> Iterator[None]:
    connection = sqlite3.connect(place / "mlflow.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


# A training becomes a version


def test_a_training_becomes_a_run_and_a_version(store: Store, tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text("# card")
    record = training(tmp_path, files=[tmp_path / "card.md"])
    assert store.log_training(record) == "1"
    (found,) = store.versions()
    assert (found.version, found.company, found.gate, found.aliases) == ("1", "Acme", "passed", ())
    assert found.metrics["health.churn.auc"] == 0.75
    (run,) = client(store.folder).search_runs([client(store.folder).get_experiment_by_name("leap: Acme").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"trials": "20", "learner": "ridge"}
    assert run.data.tags["mlflow.note.content"] == "A small one."
    files = store.folder / "artifacts" / run.info.run_id / "artifacts"
    assert (files / "card.md").read_text() == "# card"
    assert read_folder(files / "bundle") == read_folder(record.bundle_folder) == read_folder(store.fetch("1"))


def test_each_company_has_its_own_experiment(store: Store, tmp_path: Path) -> None:
    for company in ("Acme", "Bläck & Söhne: \x1b[2J/…", ""):
        store.log_training(training(tmp_path, company=company))
    names = {found.name for found in client(store.folder).search_experiments()}
    assert {"leap: Acme", "leap: no company"} < names
    assert not any("\x1b" in name for name in names)


def test_odd_names_and_long_values_are_kept_as_mlflow_takes_them(store: Store, tmp_path: Path) -> None:
    record = training(
        tmp_path,
        params={"learning rate (%)": "x" * 10_000, **{f"p{n}": n for n in range(250)}},
        metrics={"auc@10%": 0.5, "infinite": float("inf"), **{f"m{n}": n for n in range(1200)}},
        description="y" * 20_000,
    )
    version = store.log_training(record)
    assert store.versions()[0].version == version


def test_an_unsound_bundle_becomes_no_version_and_leaves_no_files(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="golden rows differ"):
        store.log_training(training(tmp_path, "unsound"))
    assert store.versions() == []
    assert [path.name for path in store.folder.glob("artifacts/*")] == []
    assert [path.name for path in store.folder.glob("bundles/*")] == []
    experiment = client(store.folder).get_experiment_by_name("leap: Acme")
    assert [run.info.status for run in client(store.folder).search_runs([experiment.experiment_id])] == ["FAILED"]


def test_a_damaged_bundle_is_refused_before_there_is_a_run(store: Store, tmp_path: Path) -> None:
    record = training(tmp_path)
    (record.bundle_folder / "models/a.txt").write_bytes(b"tree")
    with pytest.raises(RegistryError, match="cut off"):
        store.log_training(record)
    assert client(store.folder).get_experiment_by_name("leap: Acme") is None


@pytest.mark.parametrize("failing_call", range(1, 14))
def test_a_full_disk_at_any_moment_leaves_no_version_that_cannot_be_loaded(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    record = training(tmp_path)
    calls, sync = 0, os.fsync

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError(28, os.strerror(28))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RegistryError, match="full"):
        store.log_training(record)
    monkeypatch.undo()
    assert store.versions() == []
    assert [path.name for path in store.folder.glob("artifacts/*")] == []
    assert store.log_training(record) in {"1", "2"}
    assert name_of(store.fetch(store.versions()[0].version)) == "first"


# Aliases


def test_promotion_moves_the_aliases_and_notes_who_decided(two: Store) -> None:
    assert two.aliases() == {"champion": "2", "challenger": "3", "previous": "1"}
    two.promote("3", by_hand=True, gate="failed: worse than the baseline")
    assert two.aliases() == {"champion": "3", "challenger": None, "previous": "2"}
    tags = two.versions()[0].tags
    assert tags["leap.gate_at_promotion"] == "failed: worse than the baseline"
    assert tags["leap.promoted_by"] == "hand"
    record = json.loads((two.folder / "champion.json").read_bytes())
    assert (record["version"], record["settled"]) == ("3", True)
    assert not Path(record["folder"]).is_absolute()
    assert two.problems() == []


def test_promoting_the_champion_again_keeps_the_previous_one(two: Store) -> None:
    two.promote("2", by_hand=True, gate="passed")
    assert two.aliases() == {"champion": "2", "challenger": "3", "previous": "1"}


def test_rollback_swaps_and_a_second_one_undoes_it(two: Store) -> None:
    assert two.rollback() == "1"
    assert two.aliases() == {"champion": "1", "challenger": "3", "previous": "2"}
    assert name_of(two.fetch()) == "first"
    assert two.rollback() == "2"
    assert name_of(two.fetch()) == "second"


def test_without_a_previous_champion_there_is_no_rollback(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NoModel):
        store.rollback()
    store.log_training(training(tmp_path))
    store.promote("1", by_hand=True, gate="passed")
    with pytest.raises(NoModel, match="no previous"):
        store.rollback()


def test_the_champion_is_not_its_own_challenger(two: Store) -> None:
    two.set_challenger("2")
    assert two.aliases()["challenger"] == "3"


def test_an_unsound_version_is_not_promoted(two: Store) -> None:
    def none_is_sound(folder: Path) -> None:
        raise BundleError("the golden rows differ.")

    strict = opened(two.folder, none_is_sound)
    for change in (lambda: strict.promote("3", by_hand=True, gate=""), strict.rollback):
        with pytest.raises(BundleError, match="golden rows"):
            change()
    assert two.aliases() == {"champion": "2", "challenger": "3", "previous": "1"}
    assert two.load().version == "2"


def test_a_champion_promoted_meanwhile_is_not_overrun(two: Store) -> None:
    with pytest.raises(RegistryError, match="expected version 1 as champion, found version 2"):
        two.promote("3", by_hand=False, gate="passed", expected_champion="1")
    with pytest.raises(RegistryError, match="expected none"):
        two.promote("3", by_hand=False, gate="passed", expected_champion=None)
    two.promote("3", by_hand=False, gate="passed", expected_champion="2")
    assert two.champion() == "3"


def test_of_many_that_promote_on_the_same_champion_one_wins(two: Store) -> None:
    won: list[str] = []

    def promote() -> None:
        other = Store(two.folder, verify=sound)
        try:
            other.promote("3", by_hand=False, gate="passed", expected_champion="2")
            won.append("3")
        except RegistryError:
            pass

    threads = [threading.Thread(target=promote) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == ["3"]
    assert two.aliases() == {"champion": "3", "challenger": None, "previous": "2"}


@pytest.mark.parametrize("version", ["9", "0", "999999999"])
def test_a_version_that_is_not_there_is_named(two: Store, version: str) -> None:
    for ask in (lambda: two.fetch(version), lambda: two.promote(version, by_hand=True, gate="")):
        with pytest.raises(RegistryError, match=f"no version {version}"):
            ask()
    assert two.champion() == "2"


@pytest.mark.parametrize("name", ["", "latest", "-1", "1.0", "x", "../1", "1;", "9" * 40])
def test_what_is_neither_a_number_nor_an_alias_is_refused(two: Store, name: str) -> None:
    with pytest.raises(RegistryError, match="expected a version"):
        two.fetch(name)


def test_a_new_store_holds_nothing_and_reading_it_creates_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path / "new")
    assert store.versions() == []
    assert set(store.aliases().values()) == {None}
    assert store.problems() == [] and store.reap() == [] and store.repair_paths() == 0
    for ask in (store.fetch, store.rollback, lambda: store.promote("1", by_hand=True, gate="")):
        with pytest.raises(NoModel):
            ask()
    assert not (tmp_path / "new").exists()


# A process killed in between


@pytest.mark.parametrize("failing_call", range(1, 18))
def test_a_promotion_that_stops_anywhere_is_either_undone_or_finished(
    two: Store, monkeypatch: pytest.MonkeyPatch, failing_call: int
) -> None:
    """Every write to the database and to champion.json fails once, as if the process were killed there."""
    calls, decided, connect, write = 0, False, sqlite3.connect, Store._write_json

    def counted() -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise KeyboardInterrupt

    class Failing(sqlite3.Connection):
        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
            if statement.startswith(("INSERT", "DELETE", "COMMIT")):
                counted()
            return super().execute(statement, *values)  # type: ignore[arg-type]

    def write_json(store: Store, name: str, content: dict[str, object]) -> None:
        nonlocal decided
        counted()
        write(store, name, content)
        decided = True

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: connect(*args, **more, factory=Failing))
    monkeypatch.setattr(Store, "_write_json", write_json)
    try:
        two.promote("3", by_hand=True, gate="passed")
        finished = True
    except KeyboardInterrupt:
        finished = False
    monkeypatch.undo()
    assert finished == (failing_call > calls)

    after = opened(two.folder)
    champion = "3" if decided else "2"
    assert after.champion() == after.load().version == champion
    assert after.aliases()["previous"] == ("1" if champion == "2" else "2")
    after.reap()
    aliases = client(two.folder).get_registered_model("leap").aliases
    assert str(aliases["champion"]) == champion
    assert after.problems() == []


def test_a_run_whose_process_is_gone_is_marked_killed_by_the_next_command(store: Store, tmp_path: Path) -> None:
    code = f"""
        import os, signal, sys
        from pathlib import Path
        from leap.registry import RunRecord, Store
        def verify(folder): os.kill(os.getpid(), signal.SIGKILL)
        record = RunRecord({{}}, {{}}, {{"company": "Acme"}}, Path({str(training(tmp_path).bundle_folder)!r}))
        Store({str(store.folder)!r}, verify=verify).log_training(record)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "PYTHONPATH": str(SOURCE)})
    assert done.returncode == -signal.SIGKILL
    assert [problem.kind for problem in store.problems()] == ["run"]
    (run_id,) = store.reap()
    assert client(store.folder).get_run(run_id).info.status == "KILLED"
    assert store.versions() == [] and store.problems() == [] and store.reap() == []
    assert [path.name for path in store.folder.glob("bundles/.*")] == []
    assert [path.name for path in store.folder.glob("artifacts/*")] == []
    assert store.log_training(training(tmp_path)) == "1"


def test_runs_of_the_living_and_of_other_machines_are_left_alone(store: Store, tmp_path: Path) -> None:
    store.log_training(training(tmp_path))
    registry = client(store.folder)
    experiment = registry.get_experiment_by_name("leap: Acme").experiment_id
    started = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    host = os.uname().nodename
    living = {"leap.pid": str(os.getpid()), "leap.host": host, "leap.process_started": started}
    for tags in (living, {**living, "leap.pid": "999999", "leap.host": "elsewhere"}, {}):
        registry.create_run(experiment, tags=tags)
    assert store.reap() == []
    again = registry.create_run(experiment, tags={**living, "leap.process_started": "1"})
    assert store.reap() == [again.info.run_id]


# The copies


@pytest.mark.parametrize("damage", [lambda content: content[:-3], lambda content: content + b"x", lambda content: b""])
def test_a_damaged_copy_is_fetched_again(two: Store, damage: Callable[[bytes], bytes]) -> None:
    for version in ("champion", "3"):
        path = two.fetch(version) / "bundle.json"
        whole = path.read_bytes()
        path.write_bytes(damage(whole))
        assert (two.fetch(version) / "bundle.json").read_bytes() == whole


def test_a_whole_copy_is_not_verified_again(two: Store) -> None:
    def never(folder: Path) -> None:
        raise AssertionError

    again = opened(two.folder, never)
    assert again.fetch() == two.fetch()
    assert again.fetch("3") == two.fetch("3")


def test_a_copy_verified_by_other_libraries_is_verified_again(two: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr("leap.registry.copies.installed_version", lambda name: "99")
    assert name_of(opened(two.folder, seen.append).fetch()) == "second"
    assert len(seen) == 1


def test_files_exchanged_in_the_store_are_noticed_even_with_a_new_manifest(two: Store) -> None:
    for copy in two.folder.glob("bundles/3-*[!d]"):
        shutil.rmtree(copy)
    (artifact,) = [found for found in two.folder.glob("artifacts/*/artifacts/bundle") if name_of(found) == "third"]
    shutil.rmtree(artifact)
    write_folder(artifact, {"bundle.json": b'{"name": "forged"}'})
    with pytest.raises(BundleError, match="not the ones that were registered"):
        two.fetch("3")


def test_a_path_that_leads_out_of_the_store_is_not_followed(two: Store, tmp_path: Path) -> None:
    record = json.loads((two.folder / "champion.json").read_bytes())
    shutil.copytree(two.folder / record["folder"], tmp_path / "outside")
    (two.folder / "champion.json").write_text(json.dumps({**record, "folder": "../outside"}))
    assert two.fetch().is_relative_to(two.folder)
    with locked(two.folder), pytest.raises(RegistryError, match="damaged or gone"):
        two.fetch()


def test_files_of_the_store_are_for_their_owner_only(two: Store) -> None:
    before = os.umask(0o022)
    os.umask(before)
    for path in two.folder.rglob("*"):
        if path.name != "mlflow.db":
            assert path.stat().st_mode & 0o077 == 0, path
    assert before == 0o022 or os.umask(before) is not None


# The registry away


def test_a_locked_database_does_not_keep_the_champion_from_being_served(two: Store) -> None:
    with locked(two.folder):
        began = time.monotonic()
        found = opened(two.folder).load()
        assert time.monotonic() - began < 3
        assert (found.version, name_of(found.folder)) == ("2", "second")
        assert "locked" in found.stale
        assert two.champion() == "2"
    assert two.load().stale == ""


def test_what_a_locked_database_keeps_from_being_done_is_told_with_the_wait(two: Store, tmp_path: Path) -> None:
    record = training(tmp_path)
    with locked(two.folder):
        for ask, seconds in (
            (two.versions, "0.3"),
            (two.aliases, "0.3"),
            (lambda: two.fetch("3"), "0.3"),
            (lambda: two.promote("3", by_hand=True, gate=""), "0.6"),
            (two.rollback, "0.6"),
            (lambda: two.log_training(record), "0.6"),
        ):
            with pytest.raises(RegistryError, match=f"locked by another process; waited {seconds} s"):
                ask()
        assert [problem.kind for problem in two.problems()] == ["database"]
    assert two.log_training(record) == "4"


def test_a_short_lock_is_waited_for(two: Store) -> None:
    patient = Store(two.folder, verify=sound)
    with locked(two.folder):
        thread = threading.Thread(target=lambda: seen.append(patient.aliases()["champion"]))
        seen: list[str | None] = []
        thread.start()
        time.sleep(0.5)
    thread.join()
    assert seen == ["2"]


@pytest.mark.parametrize("damage", ["gone", "empty", "rubbish", "unreadable"])
def test_a_lost_database_does_not_keep_the_champion_from_being_served(two: Store, damage: str) -> None:
    database = two.folder / "mlflow.db"
    if damage == "gone":
        database.unlink()
    elif damage == "unreadable":
        database.unlink()
        database.mkdir()
    else:
        database.write_bytes(b"" if damage == "empty" else b"no database " * 1000)
    found = opened(two.folder).load()
    assert (found.version, name_of(found.folder)) == ("2", "second")
    assert found.stale
    for ask in (two.versions, two.rollback, lambda: two.fetch("3")):
        with pytest.raises(RegistryError):
            ask()
    assert [problem.kind for problem in two.problems()] == ["database"]


def test_a_lost_database_is_not_silently_begun_anew(two: Store, tmp_path: Path) -> None:
    (two.folder / "mlflow.db").unlink()
    with pytest.raises(RegistryError, match="Restore the file"):
        two.log_training(training(tmp_path))


def test_a_champion_deleted_in_mlflow_is_served_on_and_reported(two: Store) -> None:
    client(two.folder).delete_model_version("leap", "2")
    found = two.load()
    assert (found.version, found.stale) == ("2", "the registry names no champion")
    assert [problem.kind for problem in two.problems()] == ["champion"]


def test_a_champion_chosen_in_mlflow_itself_is_honoured(two: Store) -> None:
    client(two.folder).set_registered_model_alias("leap", "champion", "3")
    found = two.load()
    assert (found.version, name_of(found.folder), found.stale) == ("3", "third", "")
    two.promote("1", by_hand=True, gate="passed")
    assert two.aliases()["previous"] == "3"


def test_a_champion_chosen_in_mlflow_that_is_damaged_is_not_loaded(two: Store) -> None:
    for folder in [*two.folder.glob("bundles/3-*[!d]"), *two.folder.glob("artifacts/*/artifacts/bundle")]:
        if name_of(folder) == "third":
            (folder / "bundle.json").write_bytes(b"{")
    client(two.folder).set_registered_model_alias("leap", "champion", "3")
    found = two.load()
    assert found.version == "2"
    assert "bundle.json" in found.stale


def test_a_damaged_champion_file_is_no_trouble_while_there_is_a_registry(two: Store) -> None:
    (two.folder / "champion.json").write_bytes(b'{"version": "2"')
    assert two.load().version == "2"
    assert [problem.kind for problem in two.problems()] == ["champion"]
    two.promote("2", by_hand=True, gate="passed")
    assert two.problems() == []


def test_a_database_of_another_mlflow_is_named(two: Store) -> None:
    connection = sqlite3.connect(two.folder / "mlflow.db")
    connection.execute("UPDATE alembic_version SET version_num = 'fedcba987654'")
    connection.commit()
    connection.close()
    code = f"""
        from leap.registry import Store
        from leap.errors import RegistryError
        try:
            Store({str(two.folder)!r}).versions()
        except RegistryError as error:
            print(error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
    )
    assert "does not fit the installed MLflow" in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


def test_serving_the_champion_does_not_import_mlflow(two: Store) -> None:
    code = f"""
        import sys
        from leap.registry import Store
        store = Store({str(two.folder)!r})
        assert store.load().version == store.champion() == "2"
        assert not {{"mlflow", "sqlalchemy", "numpy", "lightgbm"}} & set(sys.modules), "imported"
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True
    )


# Moving


def test_a_moved_store_works_and_its_paths_are_repaired(two: Store, tmp_path: Path) -> None:
    old = two.folder
    old.rename(tmp_path / "new place, 100%")
    moved = opened(tmp_path / "new place, 100%")
    assert [problem.kind for problem in moved.problems()] == ["paths"]
    for folder in moved.folder.glob("bundles/*[!d]"):
        shutil.rmtree(folder)
    assert name_of(moved.fetch("champion")) == "second"
    assert name_of(moved.fetch("3")) == "third"
    assert moved.repair_paths() > 0
    assert moved.problems() == [] and moved.repair_paths() == 0
    dump = "\n".join(sqlite3.connect(moved.folder / "mlflow.db").iterdump())
    assert f"{old}/artifacts/" not in dump.replace(f"{old}/artifacts/0", "")
    assert moved.log_training(training(tmp_path)) == "4"
    assert not old.exists()


def test_training_into_a_copied_store_leaves_the_original_alone(two: Store, tmp_path: Path) -> None:
    before = sorted(path.name for path in two.folder.glob("artifacts/*"))
    shutil.copytree(two.folder, tmp_path / "copy")
    copied = opened(tmp_path / "copy")
    assert copied.log_training(training(tmp_path, "fourth")) == "4"
    assert sorted(path.name for path in two.folder.glob("artifacts/*")) == before
    assert len(list(copied.folder.glob("artifacts/*"))) == len(before) + 1
    assert [version.version for version in two.versions()] == ["3", "2", "1"]


def test_only_whole_prefixes_are_rewritten(two: Store, tmp_path: Path) -> None:
    beside = f"{two.folder}/artifacts-of-others"
    connection = sqlite3.connect(two.folder / "mlflow.db")
    connection.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0", (beside,))
    connection.commit()
    connection.close()
    two.folder.rename(tmp_path / "new")
    opened(tmp_path / "new").repair_paths()
    connection = sqlite3.connect(tmp_path / "new" / "mlflow.db")
    assert (beside,) in connection.execute("SELECT artifact_location FROM experiments").fetchall()
    connection.close()


def test_files_that_are_gone_are_reported(two: Store) -> None:
    for folder in two.folder.glob("artifacts/*/artifacts/bundle"):
        if name_of(folder) == "third":
            shutil.rmtree(folder)
    (problem,) = two.problems()
    assert problem.kind == "version" and "version 3" in problem.message


# Where the store is


def test_the_store_named_wins_then_the_environment_then_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/named%20so/other.db")
    assert Store(tmp_path / "given").folder == tmp_path / "given"
    assert Store().folder == tmp_path / "named so"
    assert Store().uri == f"sqlite:///{tmp_path}/named%20so/other.db"
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert Store().folder == default_folder(None) == SOURCE.parent / "mlruns"


def test_a_registry_elsewhere_keeps_its_copies_under_mlruns_apart_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("leap.registry.place.default_folder", lambda workspace: tmp_path / "mlruns")
    folders = set()
    for uri in ("http://127.0.0.1:9/", "postgresql://ann:secret@db/leap", "databricks"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        store = Store()
        assert store.uri == uri
        assert store.folder.parent == tmp_path / "mlruns"
        folders.add(store.folder)
    assert len(folders) == 3


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "./mlruns", "/tmp/mlruns", "file:mlruns"])
def test_the_file_store_that_mlflow_refuses_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(RegistryError, match="mlflow migrate-filestore"):
        Store()


def test_a_server_that_does_not_answer_is_an_error_or_the_last_champion(
    two: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr("leap.registry.place.default_folder", lambda workspace: tmp_path / "mlruns")
    away = opened("http://127.0.0.1:9/")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9"):
        away.load()
    shutil.copytree(two.folder / "bundles", away.folder / "bundles")
    shutil.copy(two.folder / "champion.json", away.folder / "champion.json")
    found = away.load()
    assert (found.version, name_of(found.folder)) == ("2", "second")
    assert found.stale


def test_a_file_in_place_of_the_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RegistryError, match="expected a folder"):
        Store(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_store_that_cannot_be_written_is_told(place: Path, tmp_path: Path) -> None:
    place.chmod(0o500)
    with pytest.raises(RegistryError, match="cannot be written"):
        opened(place).log_training(training(tmp_path))


# Beginning


def test_processes_that_begin_a_store_at_once_make_one_database(tmp_path: Path) -> None:
    code = f"""
        import sys
        from pathlib import Path
        from leap.registry import RunRecord, Store
        record = RunRecord({{}}, {{}}, {{"company": "Acme"}}, Path({str(training(tmp_path).bundle_folder)!r}))
        print(Store({str(tmp_path / "store")!r}, verify=lambda folder: None).log_training(record))
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    said = sorted(child.communicate(timeout=120)[0].strip() for child in children)
    assert said == ["1", "2", "3"]
    assert not [path for path in (tmp_path / "store").iterdir() if path.name.endswith(".new")]
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "store").rglob("*")} == {0}


def test_a_writer_that_waits_too_long_names_the_owner(two: Store) -> None:
    other = opened(two.folder)
    with two._lock.held("train"):
        failed: list[str] = []

        def promote() -> None:
            try:
                other.promote("3", by_hand=True, gate="")
            except RegistryError as error:
                failed.append(str(error))

        thread = threading.Thread(target=promote)
        thread.start()
        thread.join()
    assert "another process writes to the model store (train, process" in failed[0]
    assert "waited 0.6 s" in failed[0]


# Declined trainings


def test_a_declined_training_keeps_its_reason_until_one_succeeds(store: Store, tmp_path: Path) -> None:
    assert store.declined_reason("Acme") is None
    store.declined("Acme", "14 events; at least 30 are needed.")
    store.declined("Bolt", "no skill.")
    assert opened(store.folder).declined_reason("Acme") == "14 events; at least 30 are needed."
    store.log_training(training(tmp_path))
    assert (store.declined_reason("Acme"), store.declined_reason("Bolt")) == (None, "no skill.")
    (store.folder / "declined.json").write_text("[")
    assert store.declined_reason("Bolt") is None


def test_what_a_killed_process_left_is_swept_but_not_what_a_living_one_makes(tmp_path: Path) -> None:
    copies = Copies(tmp_path, sound)
    for pid in (os.getpid(), 999_999_9):
        (tmp_path / f".incoming-{pid}-1").mkdir()
    copies.sweep()
    assert [path.name for path in tmp_path.iterdir()] == [f".incoming-{os.getpid()}-1"]

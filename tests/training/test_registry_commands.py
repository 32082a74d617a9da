"""`models`, `promote`, `rollback` and `doctor` say what stands where, and what to do when something does not."""

import importlib.util
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from leap.bundle.files import write_folder
from leap.registry import RunRecord, Store
from training import doctor, models, promote, rollback

Answer = tuple[int, dict[str, Any]]
Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three versions, the second of which did not pass its gate."""
    folder = tmp_path_factory.mktemp("made")
    store = Store(folder / "store", verify=lambda folder: None)
    for number, gate in enumerate(["passed", "failed: worse than the baseline", "passed"]):
        write_folder(folder / str(number), {"bundle.json": b'{"number": %d}' % number})
        store.log_training(RunRecord({}, {"auc": 0.7}, {"company": "Acme", "gate": gate}, folder / str(number)))
    return folder / "store"


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy for the test, in which every bundle passes the loading checks."""
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", {**Store.__init__.__kwdefaults__, "verify": lambda f: None})
    shutil.copytree(made, tmp_path / "store")
    Store(tmp_path / "store").repair_paths()
    return tmp_path / "store"


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    def ask(command: Callable[[list[str]], int], *arguments: str) -> Answer:
        code = command([*arguments, "--store", str(place), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def stands(document: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(document[alias] for alias in ("champion", "challenger", "previous"))


def test_models_lists_every_version_the_latest_first(ask: Ask) -> None:
    code, document = ask(models.main)
    assert code == 0 and stands(document) == (None, None, None)
    assert [version["version"] for version in document["versions"]] == ["3", "2", "1"]
    latest = document["versions"][0]
    assert (latest["company"], latest["gate"], latest["metrics"]) == ("Acme", "passed", {"auc": 0.7})


def test_promote_and_rollback_move_the_champion(ask: Ask) -> None:
    assert stands(ask(promote.main, "1")[1]) == ("1", None, None)
    assert stands(ask(promote.main, "3")[1]) == ("3", None, "1")
    code, document = ask(rollback.main)
    assert code == 0 and document["version"] == "1" and stands(document) == ("1", None, "3")
    assert stands(ask(models.main)[1]) == ("1", None, "3")


def test_a_version_whose_gate_failed_may_be_promoted_and_that_is_kept(ask: Ask) -> None:
    code, document = ask(promote.main, "2")
    assert code == 0 and document["gate"] == "failed: worse than the baseline"
    tags = document["versions"][1]["tags"]
    assert tags["leap.gate_at_promotion"] == "failed: worse than the baseline"
    assert tags["leap.promoted_by"] == "hand"


@pytest.mark.parametrize(
    ("command", "arguments", "code", "name"),
    [
        (promote.main, ["9"], 2, "registry"),
        (promote.main, ["latest"], 2, "registry"),
        (promote.main, ["challenger"], 1, "no_model"),
        (promote.main, [], 2, "usage"),
        (rollback.main, [], 1, "no_model"),
    ],
)
def test_what_cannot_be_done_is_an_error_with_its_code(
    ask: Ask, command: Callable[[list[str]], int], arguments: list[str], code: int, name: str
) -> None:
    found, document = ask(command, *arguments)
    assert (found, document["error"]["code"]) == (code, name)


def test_an_empty_store_is_listed_as_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models.main(["--store", str(tmp_path / "none")]) == 0
    assert "leap train" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_the_text_names_champion_and_gate(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert promote.main(["2", "--store", str(place)]) == 0
    assert "had not passed" in capsys.readouterr().out
    assert models.main(["--store", str(place)]) == 0
    assert "champion" in capsys.readouterr().out


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing everything takes many seconds; one test does it."""
    monkeypatch.setattr(doctor, "packages", lambda: [doctor.Check("packages", True, "")])
    monkeypatch.setattr(doctor, "contributions_kernel", lambda: doctor.Check("contributions kernel", True, ""))


@pytest.mark.usefixtures("quick")
def test_doctor_finds_nothing_wrong_with_a_sound_store(ask: Ask) -> None:
    ask(promote.main, "1")
    code, document = ask(doctor.main)
    assert [check for check in document["checks"] if not check["ok"]] == []
    assert code == 0 and document["ok"]
    assert {"name", "ok", "fix"} <= set(document["checks"][0])


@pytest.mark.usefixtures("quick")
def test_doctor_finds_a_moved_store_and_repairs_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place.rename(place.parent / "moved")
    arguments = ["--store", str(place.parent / "moved"), "--json"]
    assert doctor.main(arguments) == 1
    wrong = [check for check in json.loads(capsys.readouterr().out)["checks"] if not check["ok"]]
    assert [(check["name"], check["fix"]) for check in wrong] == [("paths in the database", "leap doctor --fix-paths")]
    assert doctor.main([*arguments, "--fix-paths"]) == 0
    assert doctor.main(arguments) == 0


@pytest.mark.usefixtures("quick")
def test_doctor_finds_a_database_that_is_none(place: Path, ask: Ask) -> None:
    (place / "mlflow.db").write_bytes(b"no database " * 500)
    code, document = ask(doctor.main)
    assert code == 1
    assert [check["name"] for check in document["checks"] if not check["ok"]] == ["database"]


@pytest.mark.usefixtures("quick")
def test_a_taken_port_is_no_failure(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(doctor, "PORT", taken.getsockname()[1])
        code, document = ask(doctor.main)
    (port,) = [check for check in document["checks"] if check["name"] == "port"]
    assert code == 0 and port["ok"] and "is taken" in port["found"]


def test_doctor_names_packages_that_do_not_fit_or_do_not_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "requires", lambda name: ["numpy>=99", "nosuchpackage>=1", "pydantic>=2", "pytest<1; extra == 'x'"]
    )
    monkeypatch.setattr(doctor, "installed", lambda name: {"nosuchpackage": None}.get(name, "2.11"))
    assert [text.split(" (")[0] for text in doctor.unfit_packages()] == ["numpy 2.11", "nosuchpackage is missing"]
    monkeypatch.setattr(doctor, "installed", lambda name: "1")
    (failed,) = doctor.failed_imports()
    assert "nosuchpackage" in failed


def test_doctor_asks_every_requirement_by_the_name_that_it_is_imported_by() -> None:
    stated = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [re.split(r"[^A-Za-z0-9_-]", requirement)[0] for requirement in stated]
    assert len(names) > 20
    assert not [name for name in names if importlib.util.find_spec(doctor.IMPORT_NAMES.get(name, name)) is None]

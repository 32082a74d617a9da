"""What `leap bento` packs and what it refuses; building and serving one is in tests/e2e."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from leap.config import load_settings
from leap.errors import SourceError, UsageError
from leap.sources.staging import files_of
from training import bento
from training.bento import build_options, copy_tables, target

CHECKOUT = Path(__file__).parents[2]
COMPANY = '[company]\nname = "Nordlicht"\n'
TABLE = '[tables.{name}]\nshape = "attributes"\nkey = "account_id"\nsource = "{source}"\n'


def workspace(folder: Path, **sources: str) -> Path:
    folder.mkdir(exist_ok=True)
    tables = "".join(TABLE.format(name=name, source=source) for name, source in sources.items())
    (folder / "leap.toml").write_text(COMPANY + tables)
    return folder


def test_all_files_of_the_tables_are_packed_under_their_names_and_no_other(tmp_path: Path) -> None:
    folder = workspace(tmp_path, one="one [old].csv", many="parts", all="more/*.csv")
    for name in ("one [old].csv", "parts/year=2025/a.parquet", "parts/b.parquet", "more/c.csv", "secret.csv", ".env"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    copy_tables(load_settings(folder), tmp_path / "packed")
    found = {path.relative_to(tmp_path / "packed").as_posix() for path in (tmp_path / "packed").rglob("*.*")}
    names = {"leap.toml", "one [old].csv", "parts/year=2025/a.parquet", "parts/b.parquet", "more/c.csv"}
    assert found - {"parts/year=2025"} == names


@pytest.mark.parametrize(
    "source", ["postgresql://db.example/crm#subs", "/data/usage.csv", "../usage.csv", "a/../../usage.csv"]
)
def test_a_table_that_is_no_file_of_the_workspace_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(SourceError, match=r"tables.usage: .* is no file inside the workspace"):
        files_of(load_settings(workspace(tmp_path, usage=source)))


def test_a_password_is_not_packed(tmp_path: Path) -> None:
    folder = workspace(tmp_path)
    with (folder / "leap.toml").open("a") as file:
        file.write("# was postgresql://ann:hidden-value@db.example/crm\n")
    with pytest.raises(UsageError, match=r"leap.toml line 3: an address with a password") as raised:
        copy_tables(load_settings(folder), tmp_path / "packed")
    assert "hidden-value" not in str(raised.value) and not (tmp_path / "packed").exists()


def test_each_file_is_named_to_bentoml_and_nothing_else_matches(tmp_path: Path) -> None:
    from pathspec import PathSpec

    for name in ("a [1].csv", "b!.py", "#c", "sub/d*.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    options = build_options(tmp_path, "Read me.")
    spec = PathSpec.from_lines("gitwildmatch", options["include"])
    for name in ("a [1].csv", "b!.py", "#c", "sub/d*.txt"):
        assert spec.match_file(name)
    for name in ("a 1.csv", "sub/d1.txt", "x/#c", "leap.toml"):
        assert not spec.match_file(name)
    assert options["description"] == "Read me." and options["python"]["lock_packages"] is False
    assert options["docker"]["system_packages"] == ["libgomp1"]


def test_a_place_that_is_taken_is_refused_and_an_older_file_replaced(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    (tmp_path / "old.bento").touch()
    (tmp_path / "folder.bento").mkdir()
    assert target(tmp_path / "old.bento") == tmp_path / "old.bento"
    for wrong in ("full", "full/file", "folder.bento"):
        with pytest.raises(UsageError, match="--out"):
            target(tmp_path / wrong)


def test_bentoml_is_not_left_to_download_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bento.shutil, "which", lambda _: None)
    monkeypatch.setattr(bento, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs uv"):
        bento.require_uv()


def test_code_that_was_compiled_here_goes_along_and_no_other_file_beside_it(tmp_path: Path) -> None:
    from leap.compiled.files import SUFFIX

    source, packed = tmp_path / "leap", tmp_path / "packed"
    for name in (f"models/__pycache__/a-1{SUFFIX}", "models/__pycache__/a.pyc", "models/a.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (packed / "models").mkdir(parents=True)
    bento.copy_machine_code(source, packed)
    assert [path.name for path in packed.rglob("*.*")] == [f"a-1{SUFFIX}"]


def test_what_serving_needs_is_locked_as_everything_is() -> None:
    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (CHECKOUT / name).read_text(), re.MULTILINE))

    everything, serving = pins("requirements.lock"), pins("serving/requirements.lock")
    assert serving.items() <= everything.items()
    assert not {"mlflow", "shap", "optuna", "matplotlib", "scikit-learn", "sqlalchemy", "pytest"} & serving.keys()
    assert all(line.startswith("    --hash=sha256:") for line in _beneath("serving/requirements.lock"))


def _beneath(name: str) -> list[str]:
    return [line for line in (CHECKOUT / name).read_text().splitlines() if line.startswith(" ")]

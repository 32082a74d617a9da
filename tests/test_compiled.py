"""Compiled loops are kept where a folder can be written, and nothing that lies there can do harm."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import leap
from leap import compiled
from leap.compiled import fingerprint

LOOPS = """
from leap.compiled import compiled
from leap.other import FACTOR

@compiled
def total(values):
    found = 0.0
    for value in values:
        found += FACTOR * value
    return found
"""
Told = tuple[list[float], int, str | None]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that joins the package, with a loop that multiplies by an imported constant and adds up."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "loops.py").write_text(LOOPS)
    (folder / "other.py").write_text("FACTOR = 1.0\n")
    monkeypatch.setattr(leap, "__path__", [*leap.__path__, str(folder)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return folder


def told() -> Told:
    """What a new process would be told: three sums of other kinds of arrays, how many came with code from the disk, and
    the folder of that."""
    for name in ("leap.loops", "leap.other"):
        sys.modules.pop(name, None)
    compiled._content.cache_clear()
    importlib.invalidate_caches()
    total = importlib.import_module("leap.loops").total
    values = np.arange(10.0)
    sums = [float(total(given)) for given in (values, values[::2], values.astype(np.float32))]
    return sums, sum(total.stats.cache_hits.values()), compiled.folder_of(total)


SUMS = [45.0, 20.0, 45.0]


def test_code_is_kept_beside_the_source_and_found_there_again(package: Path):
    assert told() == (SUMS, 0, str(package / "__pycache__"))
    assert told() == (SUMS, 3, str(package / "__pycache__"))


def test_where_the_user_says_comes_first(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "own"))  # NUMBA_CACHE_DIR
    folder = told()[2]
    assert folder is not None and Path(folder).parent == tmp_path / "own"


def test_an_installation_that_may_only_be_read_keeps_code_with_the_user(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A file in place of the folder stops root as well, which permissions do not."""
    (package / "__pycache__").write_text("")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    sums, _, folder = told()
    assert sums == SUMS and folder is not None and Path(folder).is_relative_to(tmp_path / "home" / ".cache")


@pytest.mark.parametrize("has_home", [True, False])
def test_where_no_folder_can_be_written_code_is_kept_in_memory(
    has_home: bool, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    (package / "__pycache__").write_text("")
    nowhere = str(tmp_path / "file" / "folder")
    monkeypatch.setattr(numba.config, "CACHE_DIR", nowhere)
    monkeypatch.setenv("XDG_CACHE_HOME", nowhere)
    if has_home:
        monkeypatch.setenv("HOME", nowhere)
    else:
        monkeypatch.delenv("HOME", raising=False)
    assert told() == (SUMS, 0, None)


@pytest.mark.parametrize("what", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"no pickle", "half"])
def test_damaged_files_are_compiled_anew_and_mended(package: Path, what: str, damage: bytes | str):
    told()
    files = sorted((package / "__pycache__").glob(f"*.{what}"))
    assert files
    for file in files:
        content = file.read_bytes()
        file.write_bytes(damage if isinstance(damage, bytes) else content[: len(content) // 2])
    assert told()[:2] == (SUMS, 0)
    assert told()[:2] == (SUMS, 3)


def test_code_for_other_types_under_the_same_name_is_not_run(package: Path):
    """As when two processes fill an empty folder, each its own types: the last to write a name wins."""
    told()
    first, second, _ = sorted((package / "__pycache__").glob("loops.total*.nbc"))
    first.write_bytes(second.read_bytes())
    assert told()[:2] == (SUMS, 2)


def test_a_folder_that_fills_up_or_vanishes_stops_nothing(package: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile._save_index", full)
    assert told()[:2] == (SUMS, 0)


def test_a_changed_constant_of_another_module_makes_code_old(package: Path):
    told()
    (package / "other.py").write_text("FACTOR = 2.0\n")
    assert told()[:2] == ([90.0, 40.0, 90.0], 0)


def test_the_same_source_at_another_time_does_not(package: Path):
    told()
    os.utime(package / "loops.py", (1, 1))
    assert told()[1] == 3


def test_processes_that_begin_at_once_with_an_empty_folder_all_work(package: Path):
    source = str(Path(__file__).parents[1] / "src")
    ask = f"import leap; leap.__path__.append({str(package)!r}); from leap.loops import total; import numpy as np;"
    ask += "values = np.arange(10.0); print([total(values), total(values[::2]), total(values.astype(np.float32))])"
    running = [
        subprocess.Popen([sys.executable, "-c", ask], env={**os.environ, "PYTHONPATH": source}, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0] for process in running] == 2 * [f"{SUMS}\n".encode()]
    assert told()[0] == SUMS


def test_a_fingerprint_is_of_a_module_and_of_what_it_imports_beside_it(package: Path):
    before = fingerprint(package / "loops.py")
    (package / "unrelated.py").write_text("")
    assert fingerprint(package / "loops.py") == before
    assert fingerprint(package / "other.py") != before

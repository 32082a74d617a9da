"""Compiled loops are kept where a folder can be written, and nothing that lies there can do harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leap.compiled import fingerprint

SOURCE = Path(__file__).parents[1] / "src"
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
ASK = """
import numpy as np, sys
import leap
leap.__path__.append(sys.argv[1])
from leap.loops import total
from leap.compiled import folder_of
values = np.arange(10.0)
print(total(values), total(values[::2]), total(values.astype(np.float32)), sum(total.stats.cache_hits.values()), folder_of(total))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder that joins the package, with a loop that multiplies by an imported constant and adds up."""
    folder = tmp_path / "installed"
    folder.mkdir()
    (folder / "loops.py").write_text(LOOPS)
    (folder / "other.py").write_text("FACTOR = 1.0\n")
    return folder


def begun(package: Path, **environment: str | None) -> subprocess.Popen[str]:
    """A process that asks the loop three times, each with another kind of array."""
    given = {**os.environ, "PYTHONPATH": str(SOURCE), **environment}
    kept = {name: value for name, value in given.items() if value is not None}
    command = [sys.executable, "-c", ASK, str(package)]
    return subprocess.Popen(command, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=package)


def told(process: subprocess.Popen[str]) -> tuple[list[float], int, str]:
    """The three sums, how many of them came with code from the disk, and the folder of that."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    *sums, hits, folder = out.split()
    return [float(one) for one in sums], int(hits), folder


def test_code_is_kept_beside_the_source_and_found_there_again(package: Path):
    assert told(begun(package)) == ([45.0, 20.0, 45.0], 0, str(package / "__pycache__"))
    assert told(begun(package)) == ([45.0, 20.0, 45.0], 3, str(package / "__pycache__"))


def test_where_the_user_says_comes_first(package: Path, tmp_path: Path):
    _, _, folder = told(begun(package, NUMBA_CACHE_DIR=str(tmp_path / "own")))
    assert Path(folder).parent == tmp_path / "own"


def test_an_installation_that_may_only_be_read_keeps_code_with_the_user(package: Path, tmp_path: Path):
    """A file in place of the folder stops root as well, which permissions do not."""
    (package / "__pycache__").write_text("")
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": None, "PYTHONDONTWRITEBYTECODE": "1"}
    sums, _, folder = told(begun(package, **home))
    assert sums == [45.0, 20.0, 45.0] and Path(folder).is_relative_to(tmp_path / "home" / ".cache")


@pytest.mark.parametrize("home", ["a file", None])
def test_where_no_folder_can_be_written_code_is_kept_in_memory(package: Path, tmp_path: Path, home: str | None):
    (tmp_path / "file").write_text("")
    (package / "__pycache__").write_text("")
    nowhere = str(tmp_path / "file" / "folder")
    environment = {"NUMBA_CACHE_DIR": nowhere, "XDG_CACHE_HOME": nowhere, "PYTHONDONTWRITEBYTECODE": "1"}
    assert told(begun(package, HOME=home and nowhere, **environment)) == ([45.0, 20.0, 45.0], 0, "None")


@pytest.mark.parametrize("what", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"no pickle", "half"])
def test_damaged_files_are_compiled_anew_and_mended(package: Path, what: str, damage: bytes | str):
    told(begun(package))
    files = sorted((package / "__pycache__").glob(f"*.{what}"))
    assert files
    for file in files:
        content = file.read_bytes()
        file.write_bytes(damage if isinstance(damage, bytes) else content[: len(content) // 2])
    assert told(begun(package))[:2] == ([45.0, 20.0, 45.0], 0)
    assert told(begun(package))[:2] == ([45.0, 20.0, 45.0], 3)


def test_code_for_other_types_under_the_same_name_is_not_run(package: Path):
    """As when two processes fill an empty folder, each its own types: the last to write a name wins."""
    told(begun(package))
    first, second, _ = sorted((package / "__pycache__").glob("loops.total*.nbc"))
    first.write_bytes(second.read_bytes())
    assert told(begun(package))[0] == [45.0, 20.0, 45.0]


def test_a_changed_constant_of_another_module_makes_code_old(package: Path):
    told(begun(package))
    (package / "other.py").write_text("FACTOR = 2.0\n")
    assert told(begun(package))[:2] == ([90.0, 40.0, 90.0], 0)


def test_the_same_source_at_another_time_does_not(package: Path):
    told(begun(package))
    os.utime(package / "loops.py", (1, 1))
    assert told(begun(package))[1] == 3


def test_processes_that_begin_at_once_with_an_empty_folder_all_work(package: Path):
    running = [begun(package) for _ in range(3)]
    assert [told(process)[0] for process in running] == 3 * [[45.0, 20.0, 45.0]]
    assert told(begun(package))[0] == [45.0, 20.0, 45.0]


def test_a_fingerprint_is_of_a_module_and_of_what_it_imports_beside_it(package: Path):
    before = fingerprint(package / "loops.py")
    (package / "unrelated.py").write_text("")
    assert fingerprint(package / "loops.py") == before
    assert fingerprint(package / "other.py") != before

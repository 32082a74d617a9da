"""Compiled loops are kept where a folder can be written, nothing that lies there can do harm, and arguments of another
kind are refused."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import leap
from leap.compiled import Loop, files, fingerprint, folder_of, making

LOOPS = """
from typing import NamedTuple
from leap.compiled import ArrayOf, called, compiled
from leap.compiled.signature import Bytes, Flags, Floats, FloatTable
from leap.other import FACTOR

class Marks(NamedTuple):
    counted: Flags
    times: Bytes

@called
def weighed(value, times):
    return FACTOR * value * times

def total(values: Floats, marks: Marks, first: int, into: FloatTable) -> None:
    found = 0.0
    for i in range(first, len(values)):
        if marks.counted[i]:
            found += weighed(values[i], marks.times[i])
    into[0, 1] += found

plain = compiled(total)
narrow = compiled(total, {"values": ArrayOf("f4"), "marks.times": ArrayOf("u2")})
"""
SUMS = [70.0, 70.0]
Told = tuple[list[float], int, str | None]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that can join the package, with loops that multiply by an imported constant and add up; compiled."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "loops.py").write_text(LOOPS)
    (folder / "other.py").write_text("FACTOR = 1.0\n")
    with pytest.MonkeyPatch.context() as patch:
        joined(patch, folder)
        assert told() == (SUMS, 0, str(folder / "__pycache__"))
    return folder


def joined(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    monkeypatch.setattr(leap, "__path__", [*leap.__path__, str(folder)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    return folder


@pytest.fixture
def package(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, not compiled yet."""
    return joined(monkeypatch, shutil.copytree(installed, tmp_path / "copy", ignore=lambda *_: {"__pycache__"}))


@pytest.fixture
def filled(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it with its code."""
    return joined(monkeypatch, shutil.copytree(installed, tmp_path / "copy"))


def loops() -> Any:
    """The module of the loops as a new process would import it."""
    for name in ("leap.loops", "leap.other"):
        sys.modules.pop(name, None)
    files._content.cache_clear()
    importlib.invalidate_caches()
    return importlib.import_module("leap.loops")


def sum_of(module: Any, loop: Loop, *, values: str = "f8", times: str = "u1") -> float:
    """The sum of 0 to 9 but the first two and the last, each counted twice."""
    into = np.zeros((1, 2))
    marks = module.Marks(np.arange(10) < 9, np.full(10, 2, dtype=times))
    loop(np.arange(10, dtype=values), marks, 2, into)
    return float(into[0, 1])


def told() -> Told:
    """What a new process would be told: the sums of both loops, how many of them came from the disk, and from where."""
    module = loops()
    sums = [sum_of(module, module.plain), sum_of(module, module.narrow, values="f4", times="u2")]
    return sums, module.plain.is_from_disk + module.narrow.is_from_disk, folder_of(module.plain)


class CompiledAnew(Exception):
    """Code was not found, or not believed."""


def is_found() -> bool:
    """Whether a new process would run the code that lies there."""

    def anew(*_: object) -> bytes:
        raise CompiledAnew

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(making, "made", anew)
        try:
            return told()[:2] == (SUMS, 2)
        except CompiledAnew:
            return False


def test_code_is_kept_beside_the_source_and_found_there_again(filled: Path):
    assert told() == (SUMS, 2, str(filled / "__pycache__"))


def test_code_that_is_found_needs_no_compiler(filled: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "leap.compiled.making", raising=False)
    monkeypatch.delattr("leap.compiled.making", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    assert told()[:2] == (SUMS, 2)


def test_a_file_says_in_plain_words_what_it_holds(filled: Path):
    lines = sorted((filled / "__pycache__").glob("leap.loops.total*.machine-code"))[0].read_bytes().split(b"\n", 2)
    key = json.loads(lines[1])
    assert key["loop"] == "leap.loops.total" and {"source", "signature", "processor", "features", "numba"} < set(key)


def test_where_the_user_says_comes_first(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    folder = told()[2]
    assert folder is not None and Path(folder).parent == tmp_path / "own"


def test_what_was_compiled_into_an_installation_is_found_where_nothing_may_be_written(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """As in an image that was built by root and is run by another; a folder in place of each file stops root as well."""
    monkeypatch.setattr(files, "_write", no_space)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    assert told() == (SUMS, 2, str(filled / "__pycache__"))
    assert all(file.stat().st_mode & 0o444 == 0o444 for file in (filled / "__pycache__").iterdir())


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
    monkeypatch.setenv("NUMBA_CACHE_DIR", nowhere)
    monkeypatch.setenv("XDG_CACHE_HOME", nowhere)
    if has_home:
        monkeypatch.setenv("HOME", nowhere)
    else:
        monkeypatch.delenv("HOME", raising=False)
    assert told() == (SUMS, 0, None)


def damaged(content: bytes, how: str) -> bytes:
    """The content of a file after an accident."""
    middle = len(content) // 2
    return {
        "empty": b"",
        "other": b"no code\n",
        "half": content[:middle],
        "longer": content + b"\0",
        "one bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "the key": content.replace(b"leap.loops.total", b"leap.loops.Total"),
    }[how]


@pytest.mark.parametrize("how", ["empty", "other", "half", "longer", "one bit", "the key"])
def test_damaged_files_are_not_run(filled: Path, how: str):
    assert is_found()
    for file in (filled / "__pycache__").glob("*.machine-code"):
        file.write_bytes(damaged(file.read_bytes(), how))
    assert not is_found()


def test_damaged_files_are_compiled_anew_and_mended(filled: Path):
    found = sorted((filled / "__pycache__").glob("*.machine-code"))
    assert len(found) == 2
    for file in found:
        file.write_bytes(damaged(file.read_bytes(), "half"))
    assert told()[:2] == (SUMS, 0)
    assert told()[:2] == (SUMS, 2)


def test_code_for_other_types_under_the_same_name_is_not_run(filled: Path):
    first, second = sorted((filled / "__pycache__").glob("leap.loops.total*.machine-code"))
    first.write_bytes(second.read_bytes())
    assert told()[:2] == (SUMS, 1)


@pytest.mark.parametrize("what", ["numba", "llvmlite", "python", "processor", "features", "settings", "system"])
def test_code_made_for_something_else_is_not_run(filled: Path, what: str, monkeypatch: pytest.MonkeyPatch):
    machine = files._machine()
    assert is_found() and what in machine
    monkeypatch.setattr(files, "_machine", lambda: {**machine, what: "another"})
    assert not is_found()


def test_files_of_numba_itself_that_lie_about_are_not_looked_at(package: Path):
    (package / "__pycache__").mkdir()
    for name in ("loops.total-19.py311.nbi", "loops.total-19.py311.1.nbc"):
        (package / "__pycache__" / name).write_bytes(b"\x80\x04cos\nsystem\n")
    assert not is_found()
    assert told() == (SUMS, 0, str(package / "__pycache__"))


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_a_folder_that_fills_up_stops_nothing_and_holds_no_halves(package: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(package / "cache"))
    monkeypatch.setattr(Path, "replace", no_space)
    assert told() == (SUMS, 0, None)
    assert not list(package.rglob("*.machine-code"))


def test_a_changed_constant_of_another_module_makes_code_old(filled: Path):
    (filled / "other.py").write_text("FACTOR = 2.0\n")
    assert told()[:2] == ([140.0, 140.0], 0)


def test_the_same_source_at_another_time_does_not(filled: Path):
    os.utime(filled / "loops.py", (1, 1))
    assert told()[1] == 2


def test_processes_that_begin_at_once_with_an_empty_folder_all_work(package: Path):
    source = str(Path(__file__).parents[1] / "src")
    ask = (
        f"import leap; leap.__path__.append({str(package)!r}); from leap.loops import plain, Marks; import numpy as np;"
    )
    ask += "into = np.zeros((1, 2)); marks = Marks(np.arange(10) < 9, np.full(10, 2, dtype='u1'));"
    ask += "plain(np.arange(10.0), marks, 2, into); print(into[0, 1])"
    running = [
        subprocess.Popen([sys.executable, "-c", ask], env={**os.environ, "PYTHONPATH": source}, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0] for process in running] == 2 * [b"70.0\n"]
    assert told()[:2] == (SUMS, 1)


def test_a_fingerprint_is_of_a_module_and_of_what_it_imports_beside_it(package: Path):
    before = fingerprint(package / "loops.py")
    (package / "unrelated.py").write_text("")
    assert fingerprint(package / "loops.py") == before
    assert fingerprint(package / "other.py") != before


VALUES, INTO = np.arange(10.0), np.zeros((1, 2))


@pytest.mark.parametrize(
    ("place", "given", "message"),
    [
        (0, VALUES.astype("f4"), r"values: expected f8\[:\], .* found an array of float32, shape \(10,\)"),
        (0, VALUES.astype(">f8"), r"values: expected f8\[:\]"),
        (0, np.arange(10), r"values: .* found an array of int64"),
        (0, VALUES[::2], r"values: .* found an array of float64, shape \(5,\), not in C order"),
        (0, VALUES.reshape(2, 5), r"values: .* shape \(2, 5\)"),
        (0, np.frombuffer(bytes(81), dtype="u1")[1:].view("f8"), "values: .* not aligned or not writable"),
        (0, list(VALUES), "values: .* found list"),
        (0, None, "values: .* found NoneType None"),
        (1, VALUES, "marks: expected .*Marks"),
        (1, (np.zeros(10, dtype=bool), np.zeros(10, dtype="u1")), "marks: expected .*Marks.* found tuple"),
        (2, 1.0, "first: expected a whole number of 64 bits, found float 1.0"),
        (2, True, "first: expected a whole number"),
        (2, 2**63, "first: expected a whole number of 64 bits"),
        (3, INTO[0], r"into: expected f8\[:,:\]"),
        (3, np.asfortranarray(np.zeros((3, 2))), "into: .* not in C order"),
    ],
)
def test_an_argument_of_another_kind_is_refused(package: Path, place: int, given: Any, message: str):
    module = loops()
    arguments = [VALUES, module.Marks(np.arange(10) < 9, np.full(10, 2, dtype="u1")), 2, INTO]
    arguments[place] = given
    for first, last in ((arguments, []), (arguments[:2], arguments[2:])):
        with pytest.raises(TypeError, match=message):
            module.plain.given(*last)(*first)


def test_a_field_of_another_kind_and_a_missing_argument_are_refused(package: Path):
    module = loops()
    marks = module.Marks(np.arange(10), np.zeros(10, dtype="u1"))
    with pytest.raises(TypeError, match=r"marks: counted: expected \?\[:\]"):
        module.plain(VALUES, marks, 2, INTO)
    with pytest.raises(TypeError, match="expected 4 arguments, found 1"):
        module.plain(VALUES)


def test_arguments_given_before_live_as_long_as_they_are_needed(package: Path):
    module = loops()
    into = np.zeros((1, 2))
    given = module.plain.given(module.Marks(np.ones(1000, dtype=bool), np.ones(1000, dtype="u1")), 0, into)
    for _ in range(50):
        np.zeros(1000)  # would lie where something let go lay
        given(np.ones(1000))
    assert into[0, 1] == 50_000


def test_without_compiling_python_runs_the_loop(package: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    assert told() == (SUMS, 0, None)


def test_a_loop_that_would_allocate_does_not_compile(package: Path):
    (package / "loops.py").write_text(LOOPS.replace("found = 0.0", "found = np.zeros(3).sum()"))
    module = loops()
    module.np = np
    with pytest.raises(numba.TypingError, match="Only accept returning of array passed into the function"):
        making.made(module.total, module.plain.parameters)

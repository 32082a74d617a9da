"""Whatever a bundle does to the process that loads it, the caller gets a reason and lives on."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from leap.bundle import ladder
from leap.bundle.files import write_folder
from leap.errors import BundleError

GOOD = (sys.executable, "-c", "")
ONE_LEAF = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=regression
feature_names=Column_0
feature_infos=none
tree_sizes={size}

{tree}end of trees

feature_importances:

parameters:
[boosting: gbdt]

end of parameters

pandas_categorical:null
"""
TREE = """Tree=0
num_leaves=1
num_cat=0
split_feature=
split_gain=
threshold=
decision_type=
left_child=
right_child=
leaf_value=0.5
leaf_weight=
leaf_count=10
internal_value=
internal_weight=
internal_count=
is_linear=0
shrinkage=1


"""
MODEL = ONE_LEAF.format(size=len(TREE), tree=TREE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return bundle(tmp_path / "bundle")


def bundle(folder: Path, model: str = MODEL) -> Path:
    write_folder(folder, {"bundle.json": b"{}", "models/churn.txt": model.encode()})
    return folder


def child(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def verify(folder: Path, command: tuple[str, ...] = GOOD, **limits: float) -> None:
    ladder.verify(folder, command=command, parse=lambda files: None, **limits)  # type: ignore[arg-type]


def refused(folder: Path, command: tuple[str, ...], *words: str, **limits: float) -> None:
    with pytest.raises(BundleError) as caught:
        verify(folder, command, **limits)
    for word in words:
        assert word in caught.value.message


def running_with(marker: str) -> list[str]:
    """Processes with a marker in their command; on a busy machine one that was killed may take a moment to end."""
    found = [""]
    until = time.monotonic() + 5
    while found and time.monotonic() < until:
        found = [path.name for path in Path("/proc").glob("[0-9]*") if marker.encode() in command_of(path)]
        found = [name for name in found if name != str(os.getpid())]
    return found


def command_of(process: Path) -> bytes:
    """The command of a process; nothing if it has ended meanwhile."""
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_whole_bundle_passes(folder: Path) -> None:
    verify(folder)


def test_the_child_gets_the_folder_and_one_thread_and_no_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAP_TOKEN", "secret")
    monkeypatch.chdir(folder.parent)
    code = (
        "import os, sys\n"
        "assert os.path.isabs(sys.argv[1]) and os.path.exists(sys.argv[1] + '/manifest.json')\n"
        "assert os.environ['OMP_NUM_THREADS'] == '1' and 'LEAP_TOKEN' not in os.environ\n"
        "import leap.bundle.files"
    )
    verify(Path("bundle"), child(code))


def test_a_changed_file_is_refused_at_the_step_files(folder: Path) -> None:
    (folder / "bundle.json").write_bytes(b"{ }")
    refused(folder, GOOD, "'files'", "bundle.json")


@pytest.mark.parametrize("error", [BundleError("no catalog."), KeyError("catalog"), RecursionError("deep")])
def test_what_the_schema_raises_is_refused_at_the_step_schema(folder: Path, error: Exception) -> None:
    def parse(files: Mapping[str, bytes]) -> object:
        assert set(files) == {"bundle.json", "models/churn.txt"}
        raise error

    with pytest.raises(BundleError, match="'schema'"):
        ladder.verify(folder, command=GOOD, parse=parse)


def test_a_model_that_would_crash_is_refused_before_any_process_starts(tmp_path: Path) -> None:
    folder = bundle(tmp_path / "bundle", MODEL.replace("leaf_value=0.5", "leaf_value=nan"))
    refused(folder, ("/nonexistent",), "'structure'", "models/churn.txt")
    folder = bundle(tmp_path / "binary", "\x00")
    refused(folder, ("/nonexistent",), "'structure'")


@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGKILL"])
def test_a_crash_is_a_reason_and_not_the_end(folder: Path, name: str) -> None:
    code = f"import os, signal; os.kill(os.getpid(), signal.{name})"
    refused(folder, child(code), "'golden rows'", name)


def test_a_real_segmentation_fault_is_survived(folder: Path) -> None:
    refused(folder, child("import ctypes; ctypes.string_at(0)"), "SIGSEGV")


def test_a_hang_is_stopped_with_all_that_it_started(folder: Path) -> None:
    marker = f"asleep-{time.monotonic_ns()}"
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '{marker}'])\n"
        "time.sleep(60)"
    )
    began = time.monotonic()
    refused(folder, child(code), "did not end within 2 s", timeout_s=2)
    assert time.monotonic() - began < 10
    assert running_with(marker) == []


def test_a_child_that_stops_listening_is_stopped_too(folder: Path) -> None:
    code = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(60)"
    refused(folder, child(code), "did not end", timeout_s=1)


def test_memory_is_limited(folder: Path) -> None:
    refused(folder, child("x = bytearray(3_000_000_000)"), "more than 500 MB", memory_mb=500)


def test_a_child_that_talks_for_ever_fills_neither_memory_nor_disk(folder: Path) -> None:
    refused(folder, child("while True: print('x' * 100_000)"), "'golden rows'", timeout_s=20)


def test_the_childs_own_words_are_the_reason(folder: Path) -> None:
    code = "import sys; print('golden row 3 differs by 0.2.', file=sys.stderr); sys.exit(1)"
    refused(folder, child(code), "golden row 3 differs by 0.2.")
    refused(folder, child("import sys; sys.exit(9)"), "exit code 9")
    refused(folder, child("raise ValueError('odd')"), "ValueError: odd")


def test_a_child_that_cannot_start_is_refused(folder: Path) -> None:
    refused(folder, ("/nonexistent",), "'golden rows'")


def test_the_check_does_not_import_what_lies_in_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder.parent / "json.py").write_text("raise SystemExit(44)")
    monkeypatch.chdir(folder.parent)
    verify(folder, child("import json"))


def test_the_check_itself_names_its_usage_and_a_damaged_folder(tmp_path: Path) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "leap.bundle.preflight", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    assert said() == (2, "usage: python -m leap.bundle.preflight FOLDER\n")
    code, words = said(str(tmp_path))
    assert code == ladder.BAD_SCHEMA, words

"""A folder is written whole or not at all, and read only as it was written."""

import errno
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from leap.bundle.files import MANIFEST, manifest_of, read_folder, write_file, write_folder
from leap.errors import BundleError

FILES = {"bundle.json": b'{"name": "leap"}\n', "models/health_churn.txt": b"tree\nversion=v4\n" * 50}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(tmp_path / "bundle", FILES)
    return tmp_path / "bundle"


def refused(folder: Path, *words: str) -> None:
    with pytest.raises(BundleError) as caught:
        read_folder(folder)
    for word in words:
        assert word in str(caught.value)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_read_back(folder: Path) -> None:
    assert read_folder(folder) == FILES


def test_the_manifest_says_the_same_whatever_the_order_of_the_files(folder: Path) -> None:
    assert (folder / MANIFEST).read_bytes() == manifest_of(dict(reversed(FILES.items())))


def test_an_empty_folder_is_filled_and_any_other_is_left_alone(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_folder(tmp_path / "empty", FILES)
    assert read_folder(tmp_path / "empty") == FILES
    with pytest.raises(BundleError, match="never changed in place"):
        write_folder(folder, {"bundle.json": b"{}"})
    assert read_folder(folder) == FILES


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("failing_call", range(1, 8))
def test_a_failing_disk_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing_call: int, code: int
) -> None:
    calls = 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing_call:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fsync)
    if failing_call > 6:  # three files, two folders and the parent are synced
        write_folder(tmp_path / "bundle", FILES)
        assert calls == 6
        return
    with pytest.raises(BundleError, match="not written") as caught:
        write_folder(tmp_path / "bundle", FILES)
    if code != errno.EIO:
        assert "MB free" in str(caught.value)
    # Once renamed the folder is whole; until then there must be no trace of it.
    assert left_in(tmp_path) == (["bundle"] if failing_call == 6 else [])
    if failing_call == 6:
        assert read_folder(tmp_path / "bundle") == FILES


def test_a_limit_on_file_sizes_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from leap.bundle.files import write_folder\n"
        "from leap.errors import BundleError\n"
        "try:\n    write_folder(Path(sys.argv[1]), {'a.txt': b'x', 'models/b.txt': b'y' * 100_000})\n"
        "except BundleError as error:\n    print(error); sys.exit(7)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "bundle")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 7, done.stderr
    assert "full" in done.stdout
    assert left_in(tmp_path) == []


def test_too_little_space_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(BundleError, match="need about 1 MB free"):
        write_folder(tmp_path / "bundle", FILES)
    assert left_in(tmp_path) == []


def test_a_file_is_replaced_whole_or_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "champion.json"
    write_file(path, b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"

    def fsync(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(BundleError, match="full"):
        write_file(path, b"newer")
    assert path.read_bytes() == b"new"
    assert left_in(tmp_path) == ["champion.json"]


@pytest.mark.parametrize("name", ["bundle.json", "models/health_churn.txt", MANIFEST])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(folder: Path, name: str, share: float) -> None:
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(len(content) * share)])
    refused(folder, name)


def test_converted_line_ends_are_named(folder: Path) -> None:
    path = folder / "models/health_churn.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    refused(folder, "health_churn.txt", "line ends were converted")


def test_no_flipped_bit_passes(folder: Path) -> None:
    path = folder / "models/health_churn.txt"
    content = path.read_bytes()
    for position in range(0, len(content) * 8, 61):
        flipped = bytearray(content)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(bytes(flipped))
        refused(folder, "another checksum")


def test_extra_and_missing_files_are_refused(folder: Path) -> None:
    (folder / "models/extra.txt").write_bytes(b"")
    refused(folder, "not in the manifest", "models/extra.txt")
    (folder / "models/extra.txt").unlink()
    (folder / "bundle.json").unlink()
    refused(folder, "missing", "bundle.json")


def test_a_folder_without_manifest_or_no_folder_is_refused(tmp_path: Path, folder: Path) -> None:
    (folder / MANIFEST).unlink()
    refused(folder, "manifest.json is missing")
    refused(tmp_path / "nowhere", "no such bundle")
    (tmp_path / "file").write_bytes(b"")
    refused(tmp_path / "file", "expected a folder")


@pytest.mark.parametrize(
    "name", ["../bundle.json", "/etc/passwd", "models/../../x", "a//b", "", ".hidden", "a\nb", "a/b/c/d/e", MANIFEST]
)
def test_names_that_leave_the_folder_are_refused(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(BundleError):
        write_folder(tmp_path / "other", {name: b"x"})
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"][name] = manifest["files"]["bundle.json"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    refused(folder)


@pytest.mark.parametrize("name", ["bundle.json", "models/health_churn.txt", MANIFEST])
def test_links_are_refused_even_to_the_right_content(tmp_path: Path, folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    (tmp_path / "elsewhere").write_bytes(content)
    (folder / name).unlink()
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refused(folder, "link")


def test_linked_folders_are_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    refused(tmp_path / "link", "link")
    (folder / "models").rename(tmp_path / "models")
    (folder / "models").symlink_to(tmp_path / "models")
    refused(folder, "link")


def test_a_named_pipe_does_not_hang_the_reader(folder: Path) -> None:
    (folder / "bundle.json").unlink()
    os.mkfifo(folder / "bundle.json")
    refused(folder, "special file")


def test_sizes_are_limited_by_what_is_there_and_by_what_is_declared(folder: Path) -> None:
    with pytest.raises(BundleError, match="at most 100"):
        read_folder(folder, max_bytes=100)
    with (folder / "models/health_churn.txt").open("r+b") as file:
        file.truncate(1 << 30)
    refused(folder, "at most")


def test_a_manifest_that_declares_a_gigabyte_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["bundle.json"]["bytes"] = 1 << 40
    (folder / MANIFEST).write_text(json.dumps(manifest))
    refused(folder, "at most")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"format": 2, "files": {}}',
        '{"format": 1, "files": []}',
        '{"format": 1, "files": {"bundle.json": {"bytes": true, "sha256": ""}}}',
        '{"format": 1, "files": {"bundle.json": null}}',
    ],
)
def test_a_damaged_manifest_is_refused(folder: Path, content: str) -> None:
    (folder / MANIFEST).write_text(content)
    refused(folder, str(folder))

"""A folder of files with a manifest: written so that it is either whole or absent, read so that any damage is
named.

    FOLDER/manifest.json    {"format": 1, "files": {"bundle.json": {"sha256": "..", "bytes": 812}, ..}}
    FOLDER/bundle.json, FOLDER/models/*.txt, ..

LightGBM's text parser crashes or scores differently on a damaged file, so a partial or edited folder must
never reach it.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from leap.errors import BundleError

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_MANIFEST_BYTES: Final = 1024 * 1024
MAX_FILES: Final = 1000
MAX_DEPTH: Final = 4

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` and their manifest to `folder`: whole and on disk when this returns, or not there at all.

    The files go to a temporary folder beside it, each is synced, the folder is renamed, and its parent is
    synced. The target must not exist yet, or be an empty folder; a bundle is never changed in place.
    """
    folder = Path(folder)
    for name in files:
        _check_name(name, folder)
    contents = {**files, MANIFEST: manifest_of(files)}
    _refuse_occupied(folder)
    need = sum(len(content) for content in contents.values())
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _refuse_full(folder.parent, need)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for name, content in contents.items():
            _write_file(temporary / name, content)
        for directory in {(temporary / name).parent for name in contents} | {temporary}:
            _sync_folder(directory)
        temporary.rename(folder)
        temporary = None
        _sync_folder(folder.parent)
    except OSError as error:
        raise _not_written(folder, need, error) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_file(path: Path, content: bytes) -> None:
    """Replace one file durably: readers see the old content or the new one, never a part of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _write_file(temporary, content)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _not_written(path, len(content), error) from error


def read_folder(folder: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, bytes]:
    """The files of a bundle by relative name, without the manifest, each equal to its checksum.

    Raises BundleError for names that leave the folder, links, files that are missing, too many, too large or
    changed.
    """
    folder = Path(folder)
    found = _found_files(folder)
    manifest = _read_manifest(folder, found)
    _check_names(folder, manifest, found)
    _check_sizes(folder, manifest, found, max_bytes)
    contents = {name: _read_file(folder / name, entry["bytes"]) for name, entry in manifest.items()}
    changed = [
        _damage(name, contents[name], entry) for name, entry in manifest.items() if _differs(contents[name], entry)
    ]
    if changed:
        raise BundleError(
            f"{folder}: {len(changed)} of {len(manifest)} file(s) differ from their checksums: "
            f"{'; '.join(changed[:3])}.",
            details=changed,
            remedy="The bundle was changed after it was written; fetch it again or train anew.",
        )
    return contents


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """The manifest for these files, the same bytes for the same files.

    >>> json.loads(manifest_of({"bundle.json": b"{}"}))["files"]["bundle.json"]["bytes"]
    2
    """
    entries = {name: {"bytes": len(files[name]), "sha256": sha256(files[name])} for name in sorted(files)}
    return (json.dumps({"files": entries, "format": FORMAT}, indent=1, sort_keys=True) + "\n").encode()


def identity_of(files: Mapping[str, bytes]) -> str:
    """The checksum of a bundle as a whole."""
    return sha256(manifest_of(files))


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys stand once each, for `json.loads`; two readers could take two different ones.

    >>> unique_keys([("a", 1), ("a", 2)])
    Traceback (most recent call last):
    ...
    ValueError: the key 'a' stands twice
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {again[:60]!r} stands twice")
    return found


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _check_name(name: str, folder: Path) -> None:
    parts = name.split("/")
    if len(parts) > MAX_DEPTH or not all(_PART.fullmatch(part) for part in parts):
        raise BundleError(
            f"{folder}: {name!r} is not a name of a file inside the bundle; expected letters, "
            f"digits, '_', '-' and '.', at most {MAX_DEPTH} parts, relative.",
            details=[name],
        )
    if name == MANIFEST:
        raise BundleError(f"{folder}: {MANIFEST} is written by itself and cannot be one of the files.")


def _refuse_occupied(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise BundleError(
            f"{folder}: expected no such folder yet, or an empty one, to write the bundle to.",
            remedy="A bundle is never changed in place; choose another folder.",
        )


def _refuse_full(parent: Path, need: int) -> None:
    if shutil.disk_usage(parent).free < need:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(parent))


def _write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(path: Path, need: int, error: OSError) -> BundleError:
    if error.errno in _NO_SPACE:
        return BundleError(
            f"{path}: not written, the disk or a limit is full: "
            f"need about {_megabytes(need)} MB free in {path.parent}.",
            remedy="Free some space and run the command again; nothing partial was left behind.",
        )
    return BundleError(
        f"{path}: not written: {error.strerror or error}.", remedy="Check the folder's permissions and disk."
    )


def _megabytes(count: int) -> int:
    return max(1, -(-count * 11 // 10 // 1_000_000))


def _found_files(folder: Path) -> dict[str, int]:
    """Relative name -> size of every file; links and special files are refused: a pipe would hang us."""
    try:
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise BundleError(f"{folder}: expected a folder, found a link or a file.")
        found: dict[str, int] = {}
        for name, status in _walk(folder, folder):
            if not stat.S_ISREG(status.st_mode):
                raise BundleError(
                    f"{folder}: {name} is a link or a special file; a bundle holds plain files only.",
                    details=[name],
                )
            found[name] = status.st_size
            if len(found) > MAX_FILES + 1:
                raise BundleError(f"{folder}: expected at most {MAX_FILES} files, found more.")
        return found
    except FileNotFoundError as error:
        raise BundleError(f"{folder}: there is no such bundle.", remedy="Check the path, or train a model.") from error
    except OSError as error:
        raise _unreadable(folder, error) from error


def _walk(folder: Path, root: Path) -> Iterator[tuple[str, os.stat_result]]:
    if len(folder.relative_to(root).parts) > MAX_DEPTH:
        raise BundleError(f"{root}: folders are nested more than {MAX_DEPTH} deep.")
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), root)
            else:
                yield str(Path(entry.path).relative_to(root)), entry.stat(follow_symlinks=False)


def _read_manifest(folder: Path, found: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    if MANIFEST not in found:
        raise BundleError(
            f"{folder}: {MANIFEST} is missing, so nothing in it can be trusted.",
            remedy="Fetch the bundle again.",
        )
    if found[MANIFEST] > MAX_MANIFEST_BYTES:
        raise BundleError(f"{folder}: {MANIFEST} has {found[MANIFEST]} bytes; expected at most {MAX_MANIFEST_BYTES}.")
    try:
        text = _read_file(folder / MANIFEST, MAX_MANIFEST_BYTES).decode("utf-8")
        manifest = json.loads(text, object_pairs_hook=unique_keys, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{folder}: {MANIFEST} is damaged: it is not JSON ({error}).") from error
    if not isinstance(manifest, dict) or set(manifest) != {"format", "files"}:
        raise BundleError(f"{folder}: {MANIFEST} is damaged: expected the keys 'files' and 'format'.")
    if manifest["format"] != FORMAT or isinstance(manifest["format"], bool | float):
        raise BundleError(
            f"{folder}: expected a bundle of format {FORMAT}, found {manifest['format']!r}.",
            remedy="It was written by another version of Leap; use that one, or train anew.",
        )
    if not isinstance(manifest["files"], dict) or not all(_is_entry(entry) for entry in manifest["files"].values()):
        raise BundleError(f"{folder}: {MANIFEST} is damaged: expected 'sha256' and 'bytes' for every file.")
    return manifest["files"]


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _is_entry(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and set(entry) == {"bytes", "sha256"}
        and type(entry["bytes"]) is int
        and entry["bytes"] >= 0
        and isinstance(entry["sha256"], str)
        and _SHA256.fullmatch(entry["sha256"]) is not None
    )


def _check_names(folder: Path, manifest: Mapping[str, object], found: Mapping[str, int]) -> None:
    for name in manifest:
        _check_name(name, folder)
    missing = sorted(set(manifest) - set(found))
    if missing:
        raise BundleError(
            f"{folder}: {len(missing)} file(s) of the manifest are missing: {missing[:3]}.", details=missing
        )
    extra = sorted(set(found) - set(manifest) - {MANIFEST})
    if extra:
        raise BundleError(f"{folder}: {len(extra)} file(s) are not in the manifest: {extra[:3]}.", details=extra)


def _check_sizes(
    folder: Path, manifest: Mapping[str, Mapping[str, Any]], found: Mapping[str, int], max_bytes: int
) -> None:
    # Both figures count: the real sizes bound what is read, the declared ones what a reader sets aside for
    # it.
    total = max(sum(found[name] for name in manifest), sum(entry["bytes"] for entry in manifest.values()))
    if total > max_bytes:
        raise BundleError(f"{folder}: the files have {total} bytes; expected at most {max_bytes}.")


def _read_file(path: Path, size: int) -> bytes:
    """Up to `size + 1` bytes of a plain file; one more than declared is enough to see that it grew."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(size + 1)
    except OSError as error:
        raise _unreadable(path, error) from error


def _differs(content: bytes, entry: Mapping[str, Any]) -> bool:
    return bool(len(content) != entry["bytes"] or sha256(content) != entry["sha256"])


def _damage(name: str, content: bytes, entry: Mapping[str, Any]) -> str:
    if len(content) < entry["bytes"]:
        return f"{name} is cut off at {len(content)} of {entry['bytes']} bytes"
    if len(content) > entry["bytes"]:
        hint = " (line ends were converted)" if b"\r\n" in content else ""
        return f"{name} is longer than its {entry['bytes']} bytes{hint}"
    return f"{name} has another checksum"


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(
        f"{path}: cannot be read: {error.strerror or error}.",
        remedy="Check that it exists and its permissions.",
    )

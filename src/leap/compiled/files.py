"""Where machine code is kept, and when what lies there is believed: `NUMBA_CACHE_DIR`, else beside the source, else the
user's cache folder.

A file is three parts: the checksum of the rest, a line of JSON that says what the code was made of and for, and the
code. What lies there may be damaged, of another version of the source, or for another machine: then it is compiled
anew. Files are as trusted as the source: who may write there may run code.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from leap.compiled import running

Key = Mapping[str, str]
"""What code was made of and for, in plain words: where one of them differs it is other code."""

SUFFIX = ".machine-code"
_SETTINGS = tuple(
    f"NUMBA_{name}"
    for name in ("BOUNDSCHECK", "CPU_FEATURES", "CPU_NAME", "ENABLE_AVX", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE")
)
"""The settings of numba that make other code."""
_IMPORTS = re.compile(r"^from (leap(?:\.\w+)+) import", re.MULTILINE)


def key_of(source: Path, name: str, signature: str) -> Key:
    """The key of a loop, which holds the code of what it calls and the constants it imports: as old as the youngest."""
    return {"loop": name, "signature": signature, "source": fingerprint(source), **_machine()}


@cache
def _machine() -> Key:
    processor, features = running.host()
    settings = {name: os.environ[name] for name in _SETTINGS if name in os.environ}
    return {
        "maker": _digest(b"\0".join(_content(one) for one in sorted(Path(__file__).parent.glob("*.py")))),
        "numba": version("numba"),
        "llvmlite": version("llvmlite"),
        "python": platform.python_version(),
        "system": running.system(),
        "processor": processor,
        "features": features,
        "settings": json.dumps(settings),
    }


def found(source: Path, key: Key) -> Iterator[tuple[Path, bytes]]:
    """Code of this key and the folder where it lies, the best place first."""
    for folder in _folders(source):
        with suppress(OSError, ValueError):
            yield folder, _code((folder / _name(key)).read_bytes(), key)


def _code(content: bytes, key: Key) -> bytes:
    """The code of a file; ValueError unless all of it is there and it is of this key."""
    checksum, _, rest = content.partition(b"\n")
    if checksum != _digest(rest).encode():
        raise ValueError("damaged")
    header, _, code = rest.partition(b"\n")
    if json.loads(header) != key:
        raise ValueError("of another key")
    return code


def keep(source: Path, key: Key, code: bytes) -> Path | None:
    """Write code to the first folder that takes it, whole or not at all; None if there is none."""
    rest = json.dumps(key).encode() + b"\n" + code
    for folder in _folders(source):
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _write(folder / _name(key), _digest(rest).encode() + b"\n" + rest)
            return folder
    return None


def _write(file: Path, content: bytes) -> None:
    """Beside it first, then in its place; readable for whom a folder is shared with, unlike files of `tempfile`."""
    beside = file.with_name(f".{secrets.token_hex(8)}{SUFFIX}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _name(key: Key) -> str:
    """One file for all versions of a source, and one for each machine and signature that share a folder."""
    rest = {name: value for name, value in key.items() if name not in ("source", "maker")}
    return f"{key['loop']}-{_digest(json.dumps(rest).encode())[:16]}{SUFFIX}"


def _folders(source: Path) -> Iterator[Path]:
    if not source.is_file():
        return  # what was never in a file cannot be told apart from another that was not
    own = f"{source.parent.name}_{_digest(str(source.parent).encode())[:16]}"
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(named) / own
    yield source.parent / "__pycache__"
    with suppress(RuntimeError):  # no home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leap" / own


def fingerprint(file: Path) -> str:
    """SHA-256 of a module and of those of its folder that it imports, directly or not; of none if it is no file."""
    seen, waiting = set[Path](), [file] if file.is_file() else []
    while waiting:
        here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += _imported(here)
    return _digest(b"\0".join(_content(one) for one in sorted(seen)))


def _imported(file: Path) -> list[Path]:
    names = _IMPORTS.findall(_content(file).decode(errors="replace"))
    beside = [file.with_name(f"{name.rpartition('.')[2]}.py") for name in names]
    return [one for one in beside if one.is_file()]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@cache
def _content(file: Path) -> bytes:
    return file.read_bytes()

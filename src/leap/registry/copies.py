"""Verified local copies of versions: what is served when the registry is away."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Final

from leap.bundle.files import identity_of, read_folder, write_file, write_folder
from leap.errors import BundleError
from leap.registry.locks import alive

VERIFIED_BY: Final = ("leap", "lightgbm", "numpy")

BUNDLES: Final = "bundles"
"""The folder of a store that holds them."""
_NAME: Final = re.compile(r"([1-9][0-9]{0,8})-([0-9a-f]{16})")

Verify = Callable[[Path], None]


@dataclass(frozen=True)
class Copies:
    """The folder `bundles` of a store; `verify` raises BundleError unless a bundle may be loaded."""

    folder: Path
    verify: Verify

    def at(self, version: str, identity: str) -> Path:
        """Where the copy of a version lies, once there is one."""
        return self.folder / f"{version}-{identity[:16]}"

    def holds(self, copy: Path, identity: str) -> bool:
        """Whether a copy is whole, the one meant, and verified by the libraries that would load it now."""
        return self.is_whole(copy, identity) and _verified_by(copy) == libraries()

    def is_whole(self, copy: Path, identity: str) -> bool:
        """Whether a copy has every file as it was, whoever verified it."""
        return not self.damage(copy, identity)

    def damage(self, copy: Path | None, identity: str) -> str:
        """What is wrong with a copy's files, or nothing."""
        if copy is None:
            return "its folder lies outside the store"
        try:
            found = identity_of(read_folder(copy))
        except BundleError as error:
            return error.message.rstrip(".")
        except OSError as error:
            return f"{copy}: {error.strerror or error}"
        return "" if found == identity else f"{copy}: expected the checksum {identity[:16]}, found {found[:16]}"

    def holds_or_verifies(self, copy: Path, identity: str) -> bool:
        """As `holds`, after a whole copy that was verified by other libraries, or by none, climbed the ladder anew.

        So that new libraries do not keep a service from starting while the registry is away.
        """
        if not self.is_whole(copy, identity):
            return False
        if _verified_by(copy) == libraries():
            return True
        try:
            self.verify(copy)
        except BundleError:
            return False
        with contextlib.suppress(BundleError, OSError):  # a store that may only be read
            write_file(_marker(copy), json.dumps(libraries()).encode())
        return True

    @contextlib.contextmanager
    def verified(self, files: Mapping[str, bytes]) -> Iterator[Path]:
        """The files in a folder of their own once they climbed the ladder; gone afterwards unless named."""
        incoming = self.folder / f".incoming-{os.getpid()}-{time.monotonic_ns()}"
        try:
            write_folder(incoming, files)
            self.verify(incoming)
            yield incoming
        finally:
            shutil.rmtree(incoming, ignore_errors=True)

    def name(self, incoming: Path, version: str, identity: str) -> Path:
        """Make a verified folder the copy of a version, in place of a damaged one."""
        copy = self.at(version, identity)
        if copy.exists():
            shutil.rmtree(copy)
        incoming.rename(copy)
        write_file(_marker(copy), json.dumps(libraries()).encode())
        return copy

    def sweep(self) -> None:
        """Remove what processes that are gone left unverified."""
        # A folder that was still being written has a second dot before its name, and a random ending.
        for left in self.folder.glob("*.incoming-*"):
            pid = re.match(r"\.{1,2}incoming-([0-9]+)-", left.name)
            if pid and not alive(int(pid[1])):
                shutil.rmtree(left, ignore_errors=True)


def whole_copies(store: Path, version: str) -> Iterator[dict[str, bytes]]:
    """The files of every copy of a version that once climbed the loading ladder and is as its name says.

    Which libraries verified it plays no part in reading a document.
    """
    try:
        copies = [(copy, _NAME.fullmatch(copy.name)) for copy in (store / BUNDLES).iterdir()]
    except OSError:
        return
    for copy, name in copies:
        if name is not None and name[1] == version and _marker(copy).is_file():
            with contextlib.suppress(BundleError, OSError):
                files = read_folder(copy)
                if identity_of(files).startswith(name[2]):
                    yield files


def libraries() -> dict[str, str]:
    """The versions that decide what a bundle scores; a copy verified by others is verified again."""
    found = {}
    for name in VERIFIED_BY:
        with contextlib.suppress(ImportError):
            found[name] = installed_version(name)
    return found


def _verified_by(copy: Path) -> object:
    try:
        return json.loads(_marker(copy).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _marker(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.verified")

"""A model in a folder of its own with all that is needed to serve it: no store, no registry, nothing that moves.

FOLDER/packed.json     version, checksum of the bundle, rejected profiles, checksums of the tables
FOLDER/champion/       the bundle
FOLDER/workspace/      leap.toml and the tables, unless it was packed without them
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from leap.bundle.files import identity_of, read_folder, sha256, unique_keys
from leap.errors import BundleError, SourceError

RECORD: Final = "packed.json"
CHAMPION: Final = "champion"
WORKSPACE: Final = "workspace"
FORMAT: Final = 1

_KEYS: Final = {"format": int, "version": str, "champion": str, "rejected": list, "tables": dict}
_ANEW: Final = "Pack it anew: leap bento"


@dataclass(frozen=True)
class Packed:
    """What was packed into a folder; `tables` are SHA-256 by path relative to the workspace, none without tables."""

    folder: Path
    version: str
    champion: str
    """SHA-256 of the bundle's manifest, as the store names its copies."""
    rejected: Sequence[str]
    """Ids of the profiles that people had rejected: they give no tier."""
    tables: Mapping[str, str]

    @classmethod
    def seal(cls, folder: Path, version: str, rejected: Sequence[str]) -> Packed:
        """Write down what lies in a folder that was filled, so that any later change is seen."""
        packed = cls(
            folder=folder,
            version=version,
            champion=identity_of(read_folder(folder / CHAMPION)),
            rejected=sorted(rejected),
            tables=checksums(folder / WORKSPACE),
        )
        document = {name: getattr(packed, name) for name in _KEYS if name != "format"}
        text = json.dumps({"format": FORMAT, **document}, indent=1, sort_keys=True)
        (folder / RECORD).write_text(text + "\n", encoding="utf-8")
        return packed

    @classmethod
    def read(cls, folder: Path) -> Packed:
        """What was packed; BundleError where that cannot be told. Neither bundle nor tables are looked at yet."""
        path = folder / RECORD
        try:
            record: Any = json.loads(path.read_bytes(), object_pairs_hook=unique_keys)
        except OSError as error:
            raise BundleError(f"{path}: cannot be read: {error.strerror}.", remedy=_ANEW) from error
        except (ValueError, RecursionError) as error:
            raise BundleError(f"{path}: damaged, it is not JSON.", remedy=_ANEW) from error
        fits = isinstance(record, dict) and all(isinstance(record.get(key), kind) for key, kind in _KEYS.items())
        if not fits or record["format"] != FORMAT:
            raise BundleError(f"{path}: expected format {FORMAT} with {', '.join(_KEYS)}.", remedy=_ANEW)
        return cls(folder=folder, **{key: record[key] for key in _KEYS if key != "format"})

    def bundle(self) -> Path:
        """The folder of the bundle, which is the one that was packed; it has not climbed the loading ladder yet."""
        folder = self.folder / CHAMPION
        if identity_of(read_folder(folder)) != self.champion:
            raise BundleError(f"{folder}: these are not the files that were packed.", remedy=_ANEW)
        return folder

    @property
    def workspace(self) -> Path:
        """The folder of the tables, which need not be there."""
        return self.folder / WORKSPACE

    def require_tables(self) -> None:
        """SourceError unless the tables are those that were packed: damaged ones would be scored without a word."""
        found = checksums(self.workspace)
        names = sorted(self.tables.keys() | found.keys())
        changed = [name for name in names if self.tables.get(name) != found.get(name)]
        if changed:
            raise SourceError(
                f"{self.workspace}: {len(changed)} file(s) are not as they were packed: {', '.join(changed[:3])}.",
                details=changed,
                remedy=f"{_ANEW}, or name a workspace in LEAP_WORKSPACE.",
            )


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder by its relative path; none where there is no such folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in files}

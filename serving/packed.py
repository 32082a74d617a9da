"""A champion that is served from a copy of its own, as in a bento: no store, no registry, nothing that moves.

`leap bento` writes the folder `packed` beside the code:

    packed/packed.json     version, checksum of the bundle, rejected profiles, checksums of the tables
    packed/champion/       the bundle
    packed/workspace/      leap.toml and the tables, unless it was packed without data

`LEAP_BUNDLE` names such a folder elsewhere; `LEAP_WORKSPACE` names a workspace to score in place of the packed one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leap.bundle.files import read_folder, sha256
from leap.errors import BundleError, SourceError
from serving.wiring import Deployment

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.config import Settings
    from leap.tables import AccountTables
    from serving.wiring import Served

PACKED = "packed"
RECORD = "packed.json"
CHAMPION, WORKSPACE = "champion", "workspace"
FORMAT = 1


def deployment(environment: Mapping[str, str] | None = None) -> Deployment:
    """Where this service finds its champion: a packed copy where there is one, else the store."""
    environment = os.environ if environment is None else environment
    named = environment.get("LEAP_BUNDLE", "").strip()
    folder = Path(named) if named else Path(__file__).resolve().parents[1] / PACKED
    if not named and not folder.is_dir():
        return Deployment.from_environment(environment)
    tables = environment.get("LEAP_WORKSPACE", "").strip()
    return PackedDeployment(store=None, workspace=Path(tables) if tables else folder / WORKSPACE, folder=folder)


@dataclass(frozen=True)
class PackedDeployment(Deployment):
    """A folder with one champion; `workspace` need not exist, then only what is sent along can be scored."""

    folder: Path

    def champion(self) -> str | None:
        """The version that was packed."""
        return str(self._record()["version"])

    def load(self) -> tuple[Served, str]:
        """The packed champion, after it has climbed the loading ladder here too; BundleError says what is damaged."""
        from leap.bundle.ladder import verify
        from leap.bundle.model_bundle import ModelBundle
        from leap.config import load_settings

        record = self._record()
        folder = self.folder / CHAMPION
        if record["champion"] != identity_of(folder):
            raise BundleError(f"{folder}: these are not the files that were packed.", remedy="Pack it anew: leap bento")
        verify(folder)
        has_tables = self.workspace.is_dir()
        settings = load_settings(self.workspace) if has_tables else ModelBundle.load(folder).settings
        return self._built(str(record["version"]), folder, settings), ""

    def _reviewed(self, bundle: ModelBundle, settings: Settings) -> ModelBundle:
        """With the profiles marked that people had rejected when it was packed."""
        return replace(bundle, icp=replace(bundle.icp, rejected=frozenset(self._record()["rejected"])))

    def _tables(self) -> AccountTables | None:
        if not self.workspace.is_dir():
            return None
        if self.workspace == self.folder / WORKSPACE:
            require_unchanged(self.workspace, self._record()["tables"])
        return super()._tables()

    def _record(self) -> dict[str, Any]:
        path = self.folder / RECORD
        try:
            record = json.loads(path.read_bytes())
        except OSError as error:
            raise BundleError(f"{path}: cannot be read: {error.strerror}.", remedy="Pack it: leap bento") from error
        except ValueError as error:
            raise BundleError(f"{path}: damaged, it is not JSON.", remedy="Pack it anew: leap bento") from error
        expected = {"format", "version", "champion", "rejected", "tables"}
        if not isinstance(record, dict) or not expected <= record.keys() or record["format"] != FORMAT:
            raise BundleError(
                f"{path}: expected format {FORMAT} with {', '.join(sorted(expected))}.",
                remedy="Pack it anew: leap bento",
            )
        return record


def identity_of(folder: Path) -> str:
    """The checksum of a bundle as a whole, from its checked files; as the store names its copies."""
    from leap.bundle.files import manifest_of

    return sha256(manifest_of(read_folder(folder)))


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder by its relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()) for path in files}


def require_unchanged(folder: Path, expected: Mapping[str, str]) -> None:
    """SourceError unless the tables are those that were packed: damaged ones would be scored without a word."""
    found = checksums(folder)
    changed = [name for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
    if changed:
        raise SourceError(
            f"{folder}: {len(changed)} file(s) are not as they were packed: {', '.join(changed[:3])}.",
            remedy="Pack it anew, or name a workspace in LEAP_WORKSPACE.",
        )

"""A champion that is served from a copy of its own, as in a bento: no store is looked for.

`leap bento` puts the folder `packed` beside the code. `LEAP_BUNDLE` names such a folder elsewhere; `LEAP_WORKSPACE`
names a workspace to score in place of the packed one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from leap.bundle.packed import WORKSPACE, Packed
from serving.wiring import Deployment

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.config import Settings
    from leap.tables import AccountTables
    from serving.wiring import Served

BESIDE_THE_CODE = "packed"


def deployment(environment: Mapping[str, str] | None = None) -> Deployment:
    """Where this service finds its champion: in a packed copy where there is one, else in the store."""
    environment = os.environ if environment is None else environment
    named = environment.get("LEAP_BUNDLE", "").strip()
    folder = Path(named) if named else Path(__file__).resolve().parents[1] / BESIDE_THE_CODE
    if not named and not folder.is_dir():
        return Deployment.from_environment(environment)
    tables = environment.get("LEAP_WORKSPACE", "").strip()
    return PackedDeployment(store=None, workspace=Path(tables) if tables else folder / WORKSPACE, folder=folder)


@dataclass(frozen=True)
class PackedDeployment(Deployment):
    """A folder with one champion. Without a `workspace` only what a request brings along can be scored."""

    folder: Path

    def champion(self) -> str | None:
        """The version that was packed."""
        return Packed.read(self.folder).version

    def load(self) -> tuple[Served, str]:
        """The packed champion, after it has climbed the loading ladder here too; BundleError says what is damaged."""
        from leap.bundle.ladder import verify
        from leap.bundle.model_bundle import ModelBundle
        from leap.config import load_settings

        packed = Packed.read(self.folder)
        bundle = packed.bundle()
        verify(bundle)
        settings = load_settings(self.workspace) if self._has_tables(packed) else ModelBundle.load(bundle).settings
        return self._built(packed.version, bundle, settings), ""

    def _has_tables(self, packed: Packed) -> bool:
        """Whether customers can be scored by their id; a workspace that was packed, or is named, has to be there."""
        return self.workspace != packed.workspace or bool(packed.tables)

    def _reviewed(self, bundle: ModelBundle, settings: Settings) -> ModelBundle:
        """With the profiles marked that people had rejected when it was packed."""
        rejected = frozenset(Packed.read(self.folder).rejected)
        return replace(bundle, icp=replace(bundle.icp, rejected=rejected))

    def _tables(self) -> AccountTables | None:
        packed = Packed.read(self.folder)
        if not self._has_tables(packed):
            return None
        if self.workspace == packed.workspace:
            packed.require_tables()
        return super()._tables()

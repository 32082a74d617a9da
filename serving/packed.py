"""A champion that is served from a copy of its own, as in a bento: no store is looked for.

`leap bento` puts the folder `packed` beside the code. `LEAP_BUNDLE` names such a folder elsewhere; `LEAP_WORKSPACE`
names a workspace to score in place of the packed one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from leap.bundle.packed import Packed
from serving.watcher import Built, Source, Wanted
from serving.wiring import Deployment, Model, Parts, loaded, served_of
from serving.workspace import Data, TablesWatch

BESIDE_THE_CODE = "packed"


def deployment(environment: Mapping[str, str] | None = None) -> Source:
    """Where this service finds its champion: in a packed copy where there is one, else in the store."""
    environment = os.environ if environment is None else environment
    named = environment.get("LEAP_BUNDLE", "").strip()
    folder = Path(named) if named else Path(__file__).resolve().parents[1] / BESIDE_THE_CODE
    if not named and not folder.is_dir():
        return Deployment.from_environment(environment)
    workspace = environment.get("LEAP_WORKSPACE", "").strip()
    return PackedDeployment(folder, Path(workspace) if workspace else None)


@dataclass
class PackedDeployment:
    """A folder with one champion, and the tables in it or of a workspace. `Source` of a `ChampionWatcher`.

    Without tables only what a request brings along can be scored.
    """

    folder: Path
    workspace: Path | None = None
    _model: Model | None = field(default=None, init=False)
    _tables: TablesWatch | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.workspace is not None:
            self._tables = TablesWatch(self.workspace)

    def inputs(self, environment: Mapping[str, str] | None = None) -> Callable[[], Path] | None:
        """Where a sample of what is scored is kept: where `LEAP_INPUTS` says; there is no store to keep it beside."""
        named = (os.environ if environment is None else environment).get("LEAP_INPUTS", "").strip()
        return (lambda: Path(named)) if named else None

    def look(self) -> Wanted:
        """What was packed, and traces of the tables that are not."""
        packed = Packed.read(self.folder)
        traces = self._tables.look() if self._tables is not None else None
        return Wanted((packed.version, packed.champion, tuple(packed.rejected), traces))

    def build(self) -> Built:
        """The packed champion with its accounts; BundleError or SourceError says what is damaged."""
        packed = Packed.read(self.folder)
        if self._model is None or self._model.identity != packed.champion:
            self._model = climbed(packed)
        return Built(served_of(Parts(self._model, self._data(packed, self._model), ())))

    def _data(self, packed: Packed, model: Model) -> Data:
        from leap.config import load_settings
        from leap.sources import read_workspace

        if self._tables is not None:
            return self._tables.read()
        if not packed.tables:
            return Data(model.bundle.settings, None)
        packed.require_tables()
        return Data(load_settings(packed.workspace), read_workspace(packed.workspace, odd=False))


def climbed(packed: Packed) -> Model:
    """The packed model after it has climbed the loading ladder here too, golden rows in a child process included.

    The profiles are marked that people had rejected when it was packed.
    """
    from leap.bundle.ladder import verify

    folder = packed.bundle()
    verify(folder)
    model = loaded(packed.version, folder, packed.champion)
    icp = replace(model.bundle.icp, rejected=frozenset(packed.rejected))
    return replace(model, bundle=replace(model.bundle, icp=icp))

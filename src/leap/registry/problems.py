"""What is wrong with a store, and how to put it right: for `leap doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from leap.registry import tracking
from leap.registry.champion_file import CHAMPION_FILE
from leap.registry.place import inside
from leap.registry.records import CHAMPION, PATH_TAG, StoreProblem

if TYPE_CHECKING:
    from leap.registry.store import Store


def problems_of(store: Store) -> Iterator[StoreProblem]:
    """Problems of the champion, of paths, of runs and of versions, in this order."""
    for problems in (_of_champion, _of_paths, _of_runs, _of_versions):
        yield from problems(store)


def _of_champion(store: Store) -> Iterator[StoreProblem]:
    record = store._champion_record()
    if record is None:
        if (store.folder / CHAMPION_FILE).exists():
            yield StoreProblem("champion", "champion.json is damaged.", "leap promote VERSION")
        return
    version, again = f"version {record.version}", f"leap promote {record.version}"
    if store._copy_of(record) is None:
        message = f"the copy of the champion, {version}, is damaged, gone or was verified by other libraries."
        yield StoreProblem("champion", message, again)
    if not record.settled:
        yield StoreProblem("champion", f"the promotion of {version} was interrupted.", again)
    elif CHAMPION not in store._aliases_of_registry():
        message = f"{version} is served, but the registry names no champion: it was deleted there."
        yield StoreProblem("champion", message, "leap promote VERSION")


def _of_paths(store: Store) -> Iterator[StoreProblem]:
    for root in store._database.stale_roots() if store._database else ():
        message = f"the store was moved: MLflow looks for its files under {root}."
        yield StoreProblem("paths", message, "leap doctor --fix-paths")


def _of_runs(store: Store) -> Iterator[StoreProblem]:
    with store._registry() as client:
        for run_id, process in tracking.dead_runs(client):
            message = f"run {run_id} is RUNNING, but its process {process} is gone."
            yield StoreProblem("run", message, "the next command that writes marks it KILLED")


def _of_versions(store: Store) -> Iterator[StoreProblem]:
    for found in store.versions() if store._database else ():
        folder = inside(store.folder, found.tags.get(PATH_TAG, ""))
        if folder is not None and not folder.is_dir():
            message = f"the files of version {found.version} are gone: {folder}."
            yield StoreProblem("version", message, "restore them, or delete the version in MLflow")

"""What a service asks of a store several times a second: as little as tells it that the champion is another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leap.errors import RegistryError
from leap.registry.champion_file import CHAMPION_FILE, read_champion
from leap.registry.records import CHAMPION, Seen

if TYPE_CHECKING:
    from leap.registry.store import Store

Signs = tuple[tuple[int, int, int] | None, ...]
"""Size, time of the last change in ns and number of each file; None where there is none."""


def signs(store: Store) -> Signs | None:
    """Of champion.json and of the database with what SQLite keeps beside it; None of a registry at an address."""
    if store._database is None:
        return None
    database = store._database.path
    beside = [database.with_name(f"{database.name}{ending}") for ending in ("", "-wal", "-journal")]
    found: list[tuple[int, int, int] | None] = []
    for path in (store.folder / CHAMPION_FILE, *beside):
        try:
            status = path.stat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(found)


def seen(store: Store, wait_seconds: float) -> Seen:
    """The registry's champion where it can be asked, else that of champion.json."""
    record, trouble = read_champion(store.folder)
    if record is not None and not record.settled:
        return Seen(record.version, record.sha256, trouble)
    version = None
    try:
        version = store.aliases(wait_seconds)[CHAMPION]
        if version is None and not store.folder.is_dir():
            trouble = f"{store.folder}: the model store is not there."
        elif version is None and record is not None:
            trouble = "the registry names no champion"
    except RegistryError as error:
        trouble = " ".join(filter(None, [error.message, trouble]))
    except OSError as error:
        trouble = f"{store.folder}: the model store cannot be read: {error.strerror or error}."
    if record is not None and version in (None, record.version):
        return Seen(record.version, record.sha256, trouble)
    return Seen(version, "", trouble)

"""Whether the files of a workspace are still those that were read, told without opening them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leap.config import SETTINGS_FILE, Settings
from leap.errors import SourceError
from leap.sources.postgresql import is_postgresql
from leap.sources.staging import files_at, place_of
from leap.tables.lineage import sources_of

Trace = tuple[str, int, int, int]
"""Path, size, time of the last change in ns, and number of the file; -1 each where there is none."""


def traces_of(settings: Settings) -> tuple[Trace, ...]:
    """Traces of leap.toml and of every file that its tables are read from, in a fixed order.

    The same again means that the files are the same, as far as their sizes and times tell: a file replaced by another
    one of the same size, time and number passes for it.
    """
    paths = {settings.folder / SETTINGS_FILE}
    for spec in sources_of(settings).values():
        paths.update(_files_of(spec.source, settings.folder))
    return tuple(trace_of(path) for path in sorted(paths))


def trace_of(path: Path) -> Trace:
    """The trace of one file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path), -1, -1, -1
    return str(path), status.st_size, status.st_mtime_ns, status.st_ino


def has_sources_without_files(settings: Settings) -> bool:
    """Whether a table comes from a database, which leaves no trace when its rows change."""
    return any(is_postgresql(spec.source) for spec in sources_of(settings).values())


def _files_of(source: str, folder: Path) -> Iterator[Path]:
    """The files of one source; the place itself where none can be found."""
    if is_postgresql(source):
        return
    try:
        place = folder / place_of(source, folder)
        if place != folder / source and not place.is_dir():
            yield place.with_name(f"{place.name}.wal")  # of a database: what is not in its file yet
        yield from files_at(source, folder)
    except (SourceError, OSError, ValueError):
        yield folder / source.partition("#")[0]

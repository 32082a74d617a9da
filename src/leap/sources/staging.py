"""The files that a workspace's tables are read from: what is watched, and what is packed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePath

from leap.config import Settings
from leap.errors import SourceError
from leap.sources.files import ENDINGS, paths_of
from leap.sources.layouts import LAYOUTS
from leap.sources.names import shown
from leap.tables.lineage import sources_of


def files_of(settings: Settings) -> dict[str, Path]:
    """Every file by its path relative to the workspace, in order; leap.toml is not among them.

    SourceError for a table that is no file inside the workspace: a copy of it would not be found under the same name.
    """
    found: dict[str, Path] = {}
    for name, spec in sources_of(settings).items():
        for path in _files(name, spec.source, settings.folder):
            found[path.relative_to(settings.folder).as_posix()] = path
    return dict(sorted(found.items()))


def _files(table: str, source: str, folder: Path) -> Iterator[Path]:
    place = place_of(source, folder)
    if "://" in source or PurePath(place).is_absolute() or ".." in PurePath(place).parts:
        raise SourceError(
            f"tables.{table}: {shown(source)} is no file inside the workspace {folder}, so no copy of it can be made.",
            remedy="Export the table into the workspace as CSV or Parquet, or leave the tables out.",
        )
    yield from files_at(source, folder)


def files_at(source: str, folder: Path) -> Iterator[Path]:
    """The files that one source is read from, in order; SourceError where there is none."""
    place = place_of(source, folder)
    if place != source and (folder / place).is_dir():
        yield from sorted(path for path in (folder / place).rglob("*") if path.name.endswith(ENDINGS))
    else:
        yield from paths_of(folder, place)


def place_of(source: str, folder: Path) -> str:
    """The path within a source: without the name of a layout before it and of a table behind it.

    >>> [place_of(source, Path()) for source in ("stripe:exports#subscriptions", "company.duckdb#usage", "a.csv")]
    ['exports', 'company.duckdb', 'a.csv']
    """
    layout, colon, rest = source.partition(":")
    if colon and layout in LAYOUTS:
        return rest.partition("#")[0] or "."
    if "#" in source and not (folder / source).is_file():
        return source.partition("#")[0]
    return source

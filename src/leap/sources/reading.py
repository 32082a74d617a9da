"""One `source` of leap.toml to the table it names."""

from __future__ import annotations

import re
from pathlib import Path

from leap.errors import SourceError
from leap.sources.duckdb_file import read_duckdb
from leap.sources.files import read_files
from leap.sources.layouts import LAYOUTS, read_layout
from leap.sources.names import shown
from leap.sources.postgresql import Databases, is_postgresql
from leap.sources.raw import RawTable, whole


def read_raw(source: str, folder: Path, databases: Databases | None = None) -> RawTable:
    """A `source` of leap.toml before any check; SourceError if nothing can be read.

    Tables read with the same open `databases` agree with each other: each database is seen as of one moment.
    """
    if is_postgresql(source):
        if databases is not None:
            return whole(databases.read(source))
        with Databases() as alone:
            return whole(alone.read(source))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", source):
        raise SourceError(
            f"{shown(source)}: a source lies on this machine or in PostgreSQL; nothing is fetched from an address.",
            remedy="Download the file and give its path.",
        )
    layout, colon, rest = source.partition(":")
    if colon and layout in LAYOUTS:
        return read_layout(layout, rest, folder)
    if "#" in source and not (folder / source).is_file():
        return whole(read_duckdb(folder, *source.split("#", 1)))
    return read_files(folder, source)

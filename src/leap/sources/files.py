"""CSV and Parquet by path, folder or glob; the values that name a folder (`month=2024-01`) are columns of its files."""

from __future__ import annotations

import difflib
import gzip
import zlib
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

from leap.errors import SourceError
from leap.sources.memory import Budget, in_words
from leap.sources.names import shown
from leap.sources.parquet import read_parquet
from leap.sources.raw import RawTable, joined, whole
from leap.tables.csv_text import Unreadable, parse_csv

ENDINGS = (".csv", ".csv.gz", ".parquet")
_BLOCK = 1 << 20
_TEXT_FACTOR = 2
"""Text is held as bytes and as cells at once."""


def read_files(folder: Path, source: str) -> RawTable:
    """The table of a file, a folder of Parquet or a glob; SourceError names what is there instead."""
    try:
        paths = paths_of(folder, source)
    except (OSError, ValueError) as error:  # a name too long, a folder that may not be read, a pattern that is none
        why = getattr(error, "strerror", None) or error
        raise SourceError(f"Cannot look for {shown(source)[:100]!r}: {why}.") from error
    budget = Budget(source)
    above = len((folder / source).parts) if (folder / source).is_dir() else len(folder.parts)
    parts = [(path.name, _with_folders(read_file(path, budget), path.parts[above:-1])) for path in paths]
    return joined(parts)


def read_file(path: Path, budget: Budget | None = None) -> RawTable:
    """One file by its ending; what cannot be read is an error that names the file."""
    budget = budget or Budget(path.name)
    if not path.name.endswith(ENDINGS):
        raise SourceError(f"{path.name} has no known ending; expected .csv, .csv.gz or .parquet.")
    try:
        if path.suffix == ".parquet":
            return whole(read_parquet(path, budget))
        text = parse_csv(_csv_bytes(path, budget))
        return RawTable(text.frame, text.set_aside, tuple(text.remarks))
    except Unreadable as error:
        raise Unreadable(error.rule, f"{path.name}: {error.message}", error.remedy) from None
    except (OSError, EOFError, zlib.error, ValueError, MemoryError) as error:
        why = " ".join(str(error).split())[:300]
        raise SourceError(f"Cannot read {path.name}: {type(error).__name__}: {why}") from error


def _csv_bytes(path: Path, budget: Budget) -> bytes:
    """The text of a file; what is packed is unpacked only as far as the memory allows."""
    size = path.stat().st_size
    if path.suffix != ".gz":
        budget.take(size * _TEXT_FACTOR, f"{in_words(size)} of text")
        return path.read_bytes()
    blocks, unpacked = [], 0
    with gzip.open(path) as file:
        while block := file.read(_BLOCK):
            blocks.append(block)
            unpacked += len(block)
            found = f"{in_words(size)} that unpack to {in_words(unpacked)} of text so far"
            budget.take(len(block) * _TEXT_FACTOR, found)
    return b"".join(blocks)


def paths_of(folder: Path, source: str) -> list[Path]:
    """The files of a source; SourceError if there are none, OSError or ValueError if nobody may look for them."""
    path = folder / source
    if any(sign in source for sign in "*?[") and not path.is_file():
        paths = _matches(folder, source)
    elif path.is_dir():
        _require_plain_folder(path, source)
        inside = (p for p in path.rglob("*.parquet") if p.is_file())
        paths = sorted(p for p in inside if not any(part[0] in "._" for part in p.relative_to(path).parts))
        if not paths:
            there = _listed(path)
            raise SourceError(
                f"The folder {source!r} holds no Parquet file; found {there}.",
                remedy="Name a file, or several of one table by a glob such as 'usage/*.csv'.",
            )
    else:
        paths = [path]
    if not paths or not all(p.is_file() for p in paths):
        raise _nothing_at(folder, source)
    return paths


def _matches(folder: Path, pattern: str) -> list[Path]:
    base = Path(pattern)
    if not base.is_absolute():
        return sorted(folder.glob(pattern))
    return sorted(Path(base.anchor).glob(str(base.relative_to(base.anchor))))


def _require_plain_folder(path: Path, source: str) -> None:
    """Tables of Delta and Iceberg keep files whose rows were deleted or replaced; only their log says which."""
    if (path / "_delta_log").is_dir() or any((path / "metadata").glob("*.metadata.json")):
        raise SourceError(
            f"The folder {source!r} is a Delta or Iceberg table: some of its files hold rows that were deleted.",
            remedy="Export the table's present rows as plain Parquet.",
        )


def _nothing_at(folder: Path, source: str) -> SourceError:
    """What is in the place that the source names, and the nearest name there."""
    path = folder / source
    place = path.parent if path.parent.is_dir() else folder
    names = sorted(p.name for p in place.iterdir()) if place.is_dir() else []
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(path.name.lower(), lower, n=1, cutoff=0.6)
    hint = f"did you mean {lower[near[0]]!r}? " if near else ""
    return SourceError(f"No file at {source!r}; {hint}The folder {place} has {_listed(place)}.")


def _listed(place: Path) -> str:
    names = sorted(p.name for p in place.iterdir()) if place.is_dir() else []
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(names[:20]) or "nothing") + more


def _with_folders(raw: RawTable, folders: tuple[str, ...]) -> RawTable:
    """Columns from the names of folders such as `month=2024-01`, unless the file has them itself."""
    named = dict(part.split("=", 1) for part in folders if "=" in part[1:])
    frame = raw.frame
    for name, value in named.items():
        if name not in frame.columns:
            text = None if value == "__HIVE_DEFAULT_PARTITION__" else unquote(value)
            frame = frame.assign(**{name: pd.Series(text, index=frame.index, dtype="str")})
    return RawTable(frame, raw.set_aside, raw.remarks)

"""A frame to a file by its name: `.csv`, `.xlsx` or `.parquet`; written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from leap.errors import UsageError
from leap.exports.about import About
from leap.exports.csv_text import csv_pieces
from leap.exports.limits import broken_text
from leap.exports.xlsx import xlsx_pieces

SUFFIXES = (".csv", ".xlsx", ".parquet")


def write_frame(frame: pd.DataFrame, path: Path, about: About | None = None) -> None:
    """Write `.csv`, `.xlsx` or `.parquet`; `about` is the second sheet of `.xlsx`, and how its columns are shown."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"{path.name}: expected a name ending in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder to write {path.name} into.")
    if path.is_dir():
        raise UsageError(f"{path}: expected a file, found a folder.")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if suffix == ".csv":
            _write(csv_pieces(frame), beside)
        elif suffix == ".xlsx":
            _write(xlsx_pieces(frame, about), beside)
        else:
            frame.to_parquet(beside, index=False)
        beside.replace(path)
    except UnicodeEncodeError as error:
        raise broken_text(ascii(error.object[max(0, error.start - 30) : error.end])) from error
    except pa.ArrowException as error:
        said = f"{path.name}: Parquet does not take it: {'; '.join(map(str, error.args))}."
        raise UsageError(said, remedy="Write it as .csv or .xlsx.") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        beside.unlink(missing_ok=True)


def _write(pieces: Iterable[bytes], path: Path) -> None:
    with path.open("wb") as file:
        file.writelines(pieces)

"""Frames to files: CSV in which no cell is a formula, and Parquet; written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from leap.errors import UsageError

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write `.csv` or `.parquet`; numbers stay numbers, text that a spreadsheet would run gets a leading quote."""
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UsageError(f"{path.name}: expected a name ending in .csv or .parquet.")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder to write {path.name} into.")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if suffix == ".csv":
            inert(frame).to_csv(beside, index=False)
        else:
            frame.to_parquet(beside, index=False)
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}.") from error
    finally:
        beside.unlink(missing_ok=True)


def inert_cell(value: object) -> object:
    """A value for a cell: text that a spreadsheet would run gets a leading quote, numbers stay numbers.

    >>> inert_cell("=1+1"), inert_cell("Acme"), inert_cell(-1.5), inert_cell(None)
    ("'=1+1", 'Acme', -1.5, None)
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def inert(frame: pd.DataFrame) -> pd.DataFrame:
    """Text cells that begin like a formula get a leading quote (OWASP, "CSV Injection"); numbers are left alone.

    >>> inert(pd.DataFrame({"name": ["=1+1", "Acme"], "n": [-1.5, 2.0]})).values.tolist()
    [["'=1+1", -1.5], ['Acme', 2.0]]
    """
    changed = frame.copy()
    for column in changed.columns:
        if pd.api.types.is_numeric_dtype(changed[column].dtype):
            continue
        changed[column] = changed[column].map(inert_cell)
    return changed

"""CSV, piece by piece: no cell is a formula, numbers have all their digits, quotes stand wherever readers differ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import pandas as pd

from leap.exports.cells import Plain, as_written
from leap.exports.limits import refuse_broken_text
from leap.exports.table import MadeTable, Table, table_of

ROWS = 1000
"""Rows of a piece: some hundred kilobytes."""
_NEEDS_QUOTES = re.compile('[",;\t\r\n\0]|^\\s|\\s$')


def csv_text(frame: pd.DataFrame) -> str:
    """A frame as CSV."""
    return b"".join(csv_pieces(frame)).decode()


def csv_pieces(source: pd.DataFrame | MadeTable) -> Iterator[bytes]:
    """A table as CSV in UTF-8, header first, then some rows at a time; UsageError before that if it cannot be."""
    table = table_of(source)
    refuse_broken_text(table)
    return _pieces(table)


def _pieces(table: Table) -> Iterator[bytes]:
    # A line without anything in it would be no row.
    empty = '""' if len(table.names) == 1 else ""
    yield (",".join(_text(name) or empty for name in table.names) + "\n").encode()
    for start in range(0, len(table), ROWS):
        cells = [_column_cells(values, empty) for values in table.columns(start, start + ROWS)]
        lines = map(",".join, zip(*cells, strict=True))
        yield ("\n".join(lines) + "\n").encode()


def _column_cells(values: list[Plain], empty: str) -> list[str]:
    if all(type(value) is float for value in values):
        return [*map(repr, values)]
    return [_cell(value) or empty for value in values]


def _cell(value: Plain) -> str:
    if value is None:
        return ""
    return _text(value) if isinstance(value, str) else repr(value)


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    cell = as_written(text)
    return '"' + cell.replace('"', '""') + '"' if _NEEDS_QUOTES.search(cell) else cell

"""What a file cannot hold is refused before it is begun: nothing is cut off silently."""

from __future__ import annotations

from leap.errors import UsageError
from leap.exports.table import Table

MOST_ROWS = 1_048_576
"""Rows of a sheet, with its header ("Excel specifications and limits")."""
MOST_COLUMNS = 16_384
LONGEST_TEXT = 32_767
"""Characters of a cell, counted as UTF-16 counts them."""
EXACT = 2**53
"""From here on numbers of a spreadsheet are no longer every integer."""
REMEDY = "Write it as .csv or .parquet, which have no such limit."


def refuse_what_no_sheet_holds(table: Table) -> None:
    """UsageError where Excel would cut rows, columns or texts off, or for text that no file holds."""
    if len(table) + 1 > MOST_ROWS:
        raise UsageError(
            f"A sheet of Excel holds {MOST_ROWS - 1:,} rows below its header; found {len(table):,}.", remedy=REMEDY
        )
    if len(table.names) > MOST_COLUMNS:
        raise UsageError(f"A sheet of Excel holds {MOST_COLUMNS:,} columns; found {len(table.names):,}.", remedy=REMEDY)
    too_long = 0
    first = ""
    for name, row, text in table.texts():
        _refuse_if_broken(name, row, text)
        length = units(text)
        if length > LONGEST_TEXT:
            too_long += 1
            first = first or f"{length:,} in {_place(name, row)}"
    if too_long:
        raise UsageError(
            f"A cell of Excel holds {LONGEST_TEXT:,} characters; found {too_long:,} longer one(s), "
            f"the first of {first}.",
            remedy=REMEDY,
        )


def units(text: str) -> int:
    """How long Excel takes a text to be; 0 where it is short enough anyway."""
    return 0 if 2 * len(text) <= LONGEST_TEXT else len(text.encode("utf-16-le")) // 2


def refuse_broken_text(table: Table) -> None:
    """UsageError for text that is no Unicode: half of a surrogate pair, which no encoding of a file has."""
    for name, row, text in table.texts():
        _refuse_if_broken(name, row, text)


def _refuse_if_broken(name: str, row: int, text: str) -> None:
    if not text.isascii() and _is_broken(text):
        raise broken_text(f"{_place(name, row)}: {text[:60]!a}")


def _place(name: str, row: int) -> str:
    return f"row {row:,} of {name[:80]!a}" if row else "the header"


def broken_text(where: str) -> UsageError:
    """What is said of half of a surrogate pair."""
    return UsageError(
        f"Expected Unicode text, found half of a surrogate pair in {where}.",
        remedy="Repair the text where it comes from.",
    )


def _is_broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

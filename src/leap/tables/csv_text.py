"""CSV as people export it: encoding and separator are recognised and said, ragged rows set aside, nothing repaired."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from leap.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

_SEPARATORS = (";", "\t", "|")
_HEAD_BYTES = 1 << 22
_BLOCK_BYTES = 1 << 24
_SHOWN = 500
_OTHER_KINDS = {
    b"PK\x03\x04": "a workbook of a spreadsheet or another ZIP file",
    b"\xd0\xcf\x11\xe0": "an old workbook of Excel",
    b"\x1f\x8b": "packed by gzip",
    b"PAR1": "Parquet",
    b"%PDF-": "a PDF",
}
"""How files of other kinds begin."""


class Unreadable(SourceError):
    """A file that cannot be read at all, by the `rule` it breaks."""

    def __init__(self, rule: str, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.rule = rule


@dataclass(frozen=True)
class CsvText:
    """The rows of a CSV file as text. The index of both frames is the row's place in the file, from 0.

    `set_aside` holds the rows that are no rows of this table: their `rule` and their `text`, shortened.
    `remarks` are (rule, example, remedy) of what was recognised and should be known.
    """

    frame: pd.DataFrame
    set_aside: pd.DataFrame
    remarks: list[tuple[str, str, str]] = field(default_factory=list)


def parse_csv(data: bytes) -> CsvText:
    """Rows with every cell as it stands in the file: ids such as 00123, a country NA and an account None stay.

    >>> text = parse_csv(b"account_id;country\\n007;NA\\n008\\n")
    >>> text.frame.to_dict("list"), text.set_aside["rule"].tolist(), text.remarks[0][:2]
    ({'account_id': ['007'], 'country': ['NA']}, ['ragged_row'], ('separator', ';'))
    """
    remarks = []
    _require_text(data)
    data, encoding = _as_utf8(data)
    if encoding:
        remedy = "Not UTF-8, so read as Latin-1 (Windows-1252): check names with accents, or save the file as UTF-8."
        remarks.append(("encoding", encoding, remedy))
    if not data.strip():
        raise Unreadable("empty_file", "The file is empty; expected a header and rows.", "Export it again.")
    separator, header = _header(data)
    if separator != ",":
        remarks.append(("separator", separator, f"Cells are separated by {separator!r} here, not by commas; read so."))
    _require_closed_quotes(data, separator)
    frame, set_aside = _rows(data, separator, header)
    return CsvText(frame, set_aside, remarks)


def _require_text(data: bytes) -> None:
    """Unreadable for files of other kinds that are given the ending of CSV."""
    for begin, kind in _OTHER_KINDS.items():
        if data.startswith(begin):
            why = f"The file is {kind}, whatever its name says."
            raise Unreadable("not_csv", why, "Save or export the table as CSV, or name it by its own ending.")


def _as_utf8(data: bytes) -> tuple[bytes, str | None]:
    """The text as UTF-8 without a mark, and the encoding if it had to be assumed."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16").encode(), None
        except UnicodeError as error:
            why = f"The file begins as UTF-16 but is not: {error}."
            raise Unreadable("encoding", why, "Save it as UTF-8.") from None
    if data.count(b"\0", 0, _HEAD_BYTES) > 0.2 * min(len(data), _HEAD_BYTES):
        raise Unreadable("encoding", "The file is binary, or UTF-16 without its mark.", "Save it as UTF-8.")
    try:
        _require_utf8(data)
    except UnicodeDecodeError:
        try:
            return data.decode("cp1252").encode(), "Latin-1"
        except UnicodeDecodeError:
            return data.decode("latin-1").encode(), "Latin-1"
    return data, None


def _require_utf8(data: bytes) -> None:
    """UnicodeDecodeError if it is not; looked at in parts, so that no second copy of a large file is made."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    for begin in range(0, len(data), _BLOCK_BYTES):
        decoder.decode(view[begin : begin + _BLOCK_BYTES])
    decoder.decode(b"", final=True)


def _header(data: bytes) -> tuple[str, list[str]]:
    """The separator and the names of the columns; a comma unless another sign splits the header into more.

    What stands inside a quoted name, or only in a name and not in the rows, separates nothing.
    """
    head = data[:_HEAD_BYTES].decode(errors="ignore")
    best, (names, *rows) = ",", _first_records(head, ",")
    by_commas = len(names) > 1 and bool(rows) and len(rows[0]) == len(names)
    for separator in _SEPARATORS:
        other, *rows = _first_records(head, separator)
        torn = any(name.count('"') % 2 for name in other)
        fits = not rows or len(rows[0]) == len(other)
        if len(other) > len(names) and not torn and (fits or not by_commas):
            best, names = separator, other
    if any("\0" in name for name in names):
        raise Unreadable("nul_byte", "The header holds NUL bytes; the file is damaged.", "Export it again.")
    return best, names


def _first_records(head: str, separator: str) -> list[list[str]]:
    """The header and the row below it, if there is one."""
    try:
        with _cells_of_any_length():
            records = (row for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if row)
            return list(islice(records, 2)) or [[]]
    except csv.Error as error:
        raise Unreadable("bad_header", f"The header cannot be read: {error}.", "Export the file again.") from None


def _require_closed_quotes(data: bytes, separator: str) -> None:
    """Unreadable if a quoted cell does not end: it would swallow the rows that follow, and they would not be counted.

    A file whose quotes all open after and close before a separator or line end is right; others are read step by step.
    """
    if b'"' not in data or _quotes_enclose_cells(data, separator):
        return
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True)
    try:
        with _cells_of_any_length():
            for _ in reader:
                pass
    except csv.Error:
        raise Unreadable(
            "unclosed_quote",
            f"A quoted cell is not closed, or holds a lone quote; seen at line {reader.line_num}.",
            'Close it, and write quotes inside a quoted cell twice ("").',
        ) from None


def _quotes_enclose_cells(data: bytes, separator: str) -> bool:
    """Whether quotes open after and close before a separator, a line end or another quote, by turns, to the end.

    Looked at in parts: a file in which every cell is quoted has nearly as many quotes as cells.
    """
    octets = np.frombuffer(data, dtype=np.uint8)
    beside = np.isin(np.arange(256), [ord(separator), 10, 13, ord('"')])
    counted = 0
    for begin in range(0, len(octets), _BLOCK_BYTES):
        quotes = np.flatnonzero(octets[begin : begin + _BLOCK_BYTES] == ord('"')) + begin
        opens = (counted + np.arange(len(quotes))) % 2 == 0
        counted += len(quotes)
        opening, closing = quotes[opens], quotes[~opens]
        before = beside[octets[np.maximum(opening - 1, 0)]] | (opening == 0)
        after = beside[octets[np.minimum(closing + 1, len(octets) - 1)]] | (closing == len(octets) - 1)
        if not (before.all() and after.all()):
            return False
    return counted % 2 == 0


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """The csv module refuses long cells, and its limit is one of the whole process."""
    limit = csv.field_size_limit(2**31 - 1)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _rows(data: bytes, separator: str, header: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with as many cells as the header has names, and the others."""
    table, ragged = _parse(data, separator, len(header))
    total = table.num_rows + len(ragged)
    ragged_places = np.array([number - 2 for number, _ in ragged], dtype=np.int64)
    places = np.setdiff1d(np.arange(total - 1), ragged_places, assume_unique=True)
    frame = table.slice(1).to_pandas()
    frame.index = pd.Index(places)
    set_aside = pd.DataFrame({"rule": "ragged_row", "text": [text for _, text in ragged]}, index=ragged_places)
    if b"\0" in data:
        frame, damaged = _without_nul(frame)
        set_aside = pd.concat([set_aside, damaged])
    frame.columns = pd.Index(header)
    return frame, set_aside.astype({"rule": object, "text": object})


def _without_nul(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    damaged = pd.Series(False, index=frame.index)
    for column in frame.columns:
        damaged |= frame[column].str.contains("\0", regex=False)
    text = [",".join(cells).replace("\0", "\\0")[:_SHOWN] for cells in frame[damaged].itertuples(index=False)]
    return frame[~damaged], pd.DataFrame({"rule": "nul_byte", "text": text}, index=frame.index[damaged])


def _parse(data: bytes, separator: str, width: int) -> tuple[pa.Table, list[tuple[int, str]]]:
    """All records as text, the header first; and (record number from 1, text) of those with another number of cells."""
    import pyarrow as pa

    try:
        table, ragged = _parse_blocks(data, separator, width, _BLOCK_BYTES)
    except pa.ArrowInvalid:
        # A record longer than a block cannot be read: once more, in one block.
        try:
            table, ragged = _parse_blocks(data, separator, width, min(len(data) + 1, 2**31 - 1))
        except pa.ArrowInvalid as error:
            raise Unreadable("unreadable_source", f"The file cannot be read as CSV: {error}.") from None
    if not table.num_rows or any(number == 1 for number, _ in ragged):
        raise Unreadable("bad_header", "The header cannot be read.", "Export the file again.")
    return table, ragged


def _parse_blocks(data: bytes, separator: str, width: int, block: int) -> tuple[pa.Table, list[tuple[int, str]]]:
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    ragged: list[tuple[int, str]] = []

    def set_aside(row: arrow_csv.InvalidRow) -> str:
        ragged.append((row.number, str(row.text)[:_SHOWN]))
        return "skip"

    names = [f"f{i}" for i in range(width)]
    text = dict.fromkeys(names, pa.string())
    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        # One thread, so that records are numbered.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=block, column_names=names),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, invalid_row_handler=set_aside
        ),
        convert_options=arrow_csv.ConvertOptions(column_types=text, strings_can_be_null=False),
    )
    return table, ragged

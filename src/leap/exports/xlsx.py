"""XLSX, piece by piece: typed strings that are never formulas, numbers to the last bit, a sheet that says what it is.

Written here rather than by openpyxl, which keeps 16 digits of a number where 17 are needed, drops infinity, makes a
formula of a text that begins with `=` and cannot be streamed. Parts as in ECMA-376; a frame gives the same bytes again.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import IO, cast

import pandas as pd

from leap.errors import UsageError
from leap.exports import xlsx_parts as parts
from leap.exports.about import About, Form
from leap.exports.cells import Plain, is_risky
from leap.exports.limits import EXACT, LONGEST_TEXT, REMEDY, refuse_what_no_sheet_holds, units
from leap.exports.table import MadeTable, Table, table_of
from leap.exports.xlsx_parts import Style

ROWS = 500
"""Rows of a piece."""
SEEN = 200
"""Rows by which the width of a column is chosen."""
LEVEL = 4
"""Of compression: higher ones cost more time than they save bytes."""
_ABOUT = "About"
_SPECIAL = re.compile("[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_PLAIN_TEXT = re.compile("[^&<>\x00-\x08\x0b-\x1f\ufffe\uffff_]*")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def escaped(text: str) -> str:
    """A text as XML holds it, with what XML cannot hold as Excel writes it.

    >>> escaped("a\\x0bb"), escaped("_x000B_"), escaped("a<b")
    ('a_x000B_b', '_x005F_x000B_', 'a&lt;b')
    """
    return text if _PLAIN_TEXT.fullmatch(text) else _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return _ENTITIES.get(found[0]) or f"_x{ord(found[0]):04X}_"


def unescaped(text: str) -> str:
    """The text of a cell as read by what does not know Excel's escapes, such as openpyxl and pandas.

    >>> unescaped("a_x000B_b"), unescaped("_x005F_x000B_")
    ('a\\x0bb', '_x000B_')
    """
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def xlsx_pieces(source: pd.DataFrame | MadeTable, about: About | None = None) -> Iterator[bytes]:
    """A table as XLSX, some hundred kilobytes at a time; UsageError before the first if no sheet holds it."""
    about = about or About("Table")
    table = table_of(source)
    refuse_what_no_sheet_holds(table)
    return _pieces(table, about)


def _pieces(table: Table, about: About) -> Iterator[bytes]:
    sink = _Sink()
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as file:
        for name, text in parts.fixed(about.title, about.sheet, _ABOUT, len(table.names), len(table)).items():
            yield from _member(file, sink, name, [text])
        yield from _member(file, sink, "xl/worksheets/sheet1.xml", _rows_sheet(table, about))
        yield from _member(file, sink, "xl/worksheets/sheet2.xml", _about_sheet(table.names, about))
    yield sink.taken()


def _member(file: zipfile.ZipFile, sink: _Sink, name: str, texts: Iterable[str]) -> Iterator[bytes]:
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
    try:
        with file.open(info, "w") as part:
            for text in texts:
                part.write(text.encode())
                if sink.size > parts.PIECE:
                    yield sink.taken()
    except RuntimeError as error:
        raise UsageError(f"{name}: a sheet of more than 2 GiB.", remedy=REMEDY) from error


class _Sink:
    """Where a ZIP file is written to that is sent as it is made: it cannot be rewound."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing waits."""

    def taken(self) -> bytes:
        """What was written since it was last asked."""
        found = b"".join(self._parts)
        self._parts.clear()
        self.size = 0
        return found


def _rows_sheet(table: Table, about: About) -> Iterator[str]:
    forms, letters = [about.form(name) for name in table.names], [parts.letters(n) for n in range(len(table.names))]
    widths = [_width(*column) for column in zip(table.names, table.columns(0, SEEN), forms, strict=True)]
    yield parts.sheet_head(widths, rows=len(table), frozen=_frozen(table.names))
    named = zip(letters, table.names, strict=True)
    header = "".join(_text_cell(f'<c r="{at}1"', name, Style.HEADER) for at, name in named)
    yield f'<row r="1">{header}</row>'
    styles = [parts.STYLES[form] for form in forms]
    for start in range(0, len(table), ROWS):
        yield _rows([*zip(letters, styles, table.columns(start, start + ROWS), strict=True)], start + 2)
    yield parts.sheet_tail(len(table.names), len(table))


def _rows(columns: Sequence[tuple[str, int, list[Plain]]], first: int) -> str:
    """Some rows of the sheet, from its row `first` on."""
    numbers = range(first, first + len(columns[0][2])) if columns else range(0)
    cells = [_column_cells(letter, style, numbers, values) for letter, style, values in columns]
    lines = zip(numbers, map("".join, zip(*cells, strict=True)), strict=True)
    return "".join(f'<row r="{number}">{line}</row>' for number, line in lines)


def _about_sheet(names: Sequence[str], about: About) -> Iterator[str]:
    yield parts.sheet_head([28.0, 110.0])
    title = _text_cell('<c r="A1"', about.title, Style.HEADER)
    yield f'<row r="1">{title}</row>'
    for number, line in enumerate(about.lines(names), start=2):
        if line is not None:
            what = _text_cell(f'<c r="A{number}"', line[0], Style.LABEL)
            words = _text_cell(f'<c r="B{number}"', line[1], Style.WORDS)
            yield f'<row r="{number}">{what}{words}</row>'
    yield parts.sheet_tail(0, 0)


def _column_cells(letter: str, style: int, numbers: Sequence[int], values: Sequence[Plain]) -> list[str]:
    """The cells of a column in some rows; an empty one is no cell."""
    begins = f'<c r="{letter}'
    if all(type(value) is float for value in values):
        return [f'{begins}{row}" s="{style}"><v>{value!r}</v></c>' for row, value in zip(numbers, values, strict=True)]
    return [_cell(f'{begins}{row}"', value, style) for row, value in zip(numbers, values, strict=True)]


def _cell(begins: str, value: Plain, style: int) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, str):
        return begins + _text(value)
    if isinstance(value, bool):
        return f'{begins} t="b"><v>{value:d}</v></c>'
    if isinstance(value, int) and not -EXACT <= value <= EXACT:
        return _text_cell(begins, str(value), Style.TEXT)
    return f'{begins} s="{style}"><v>{value!r}</v></c>'


def _text_cell(begins: str, text: str, style: int) -> str:
    return begins + _typed(text, style) if text else ""


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    return _typed(text, Style.RISKY if is_risky(text) else Style.TEXT)


def _typed(text: str, style: int) -> str:
    """A cell of text behind its place."""
    if units(text) > LONGEST_TEXT:
        raise UsageError(f"A cell of Excel holds {LONGEST_TEXT:,} characters; found a longer text.", remedy=REMEDY)
    # Without it, readers may drop blanks at either end.
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f' s="{style}" t="inlineStr"><is><t{space}>{escaped(text)}</t></is></c>'


def _width(name: str, values: Sequence[Plain], form: Form) -> float:
    """Characters that a column shows: its name with the filter's arrow, and its first rows."""
    shown = max((_shown(value, form) for value in values), default=0)
    return float(min(max(len(name) + 4, shown + 2, 8), 60))


def _shown(value: Plain, form: Form) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, float) and form == Form.AS_IS:
        return min(len(repr(value)), 11)
    return 0 if value is None else len(f"{value:,.2f}")


def _frozen(names: Sequence[str]) -> int:
    """Columns that stay in sight: who a row is of."""
    return 2 if list(names[:2]) == ["account_id", "name"] else int(list(names[:1]) == ["account_id"])

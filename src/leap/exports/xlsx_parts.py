"""The fixed parts of an XLSX file and what stands around the rows of a sheet (ECMA-376, part 1)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from xml.sax.saxutils import escape, quoteattr

from leap.exports.about import Form

PIECE = 1 << 16
"""Bytes after which a piece is handed on."""
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


class Style(IntEnum):
    """Places in the list of cell styles."""

    AS_IS = 0
    HEADER = 1
    TEXT = 2
    """Stays text when it is edited: an id with leading zeros."""
    RISKY = 3
    """The same, with the mark of a text that was typed behind an apostrophe: it is no formula after editing either."""
    SHARE = 4
    MONEY = 5
    WHOLE = 6
    LABEL = 7
    WORDS = 8


STYLES = {Form.AS_IS: Style.AS_IS, Form.SHARE: Style.SHARE, Form.MONEY: Style.MONEY, Form.WHOLE: Style.WHOLE}


def letters(place: int) -> str:
    """The name of a column.

    >>> letters(0), letters(25), letters(26), letters(16383)
    ('A', 'Z', 'AA', 'XFD')
    """
    name, place = "", place + 1
    while place:
        place, letter = divmod(place - 1, 26)
        name = chr(65 + letter) + name
    return name


def fixed(title: str, sheet: str, about: str, columns: int, rows: int) -> dict[str, str]:
    """All parts but the sheets, by their names."""
    return {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml"), ("metadata/core-properties", _CORE)]),
        _CORE: _core(title),
        "xl/workbook.xml": _workbook(sheet, about, columns, rows),
        "xl/_rels/workbook.xml.rels": _relations(
            [("worksheet", "worksheets/sheet1.xml"), ("worksheet", "worksheets/sheet2.xml"), ("styles", "styles.xml")]
        ),
        "xl/styles.xml": _styles(),
    }


def sheet_head(widths: Sequence[float], *, rows: int | None = None, frozen: int = 0) -> str:
    """What stands before the rows; with `rows`, the first row stays in sight, and `frozen` columns; without, all
    columns are printed on one page's width.
    """
    columns = "".join(
        f'<col min="{place}" max="{place}" width="{width:g}" customWidth="1"/>'
        for place, width in enumerate(widths, start=1)
    )
    dimension = f'<dimension ref="{_area(len(widths), rows)}"/>' if rows is not None and widths else ""
    pane = "" if rows is None else _pane(frozen)
    selected = "" if rows is None else ' tabSelected="1"'
    page = '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>' if rows is None else ""
    return (
        f'{_HEAD}<worksheet xmlns="{_MAIN}">{page}{dimension}<sheetViews><sheetView{selected} workbookViewId="0">{pane}'
        f'</sheetView></sheetViews><sheetFormatPr defaultRowHeight="15"/>'
        f"{f'<cols>{columns}</cols>' if columns else ''}<sheetData>"
    )


def sheet_tail(columns: int, rows: int) -> str:
    """What stands after the rows; with columns, they can be filtered, and ids in digits are no error."""
    if not columns:
        return '</sheetData><pageSetup orientation="landscape" fitToHeight="0"/></worksheet>'
    area = _area(columns, rows)
    return (
        f'</sheetData><autoFilter ref="{area}"/>'
        f'<ignoredErrors><ignoredError sqref="{area}" numberStoredAsText="1"/></ignoredErrors></worksheet>'
    )


def _pane(frozen: int) -> str:
    at = f"{letters(frozen)}2"
    if not frozen:
        pane = f'<pane ySplit="1" topLeftCell="{at}" activePane="bottomLeft" state="frozen"/>'
        return f'{pane}<selection pane="bottomLeft"/>'
    panes = "".join(f'<selection pane="{name}"/>' for name in ("topRight", "bottomLeft", "bottomRight"))
    return f'<pane xSplit="{frozen}" ySplit="1" topLeftCell="{at}" activePane="bottomRight" state="frozen"/>{panes}'


def _area(columns: int, rows: int, *, fixed: bool = False) -> str:
    last, sign = letters(columns - 1), "$" if fixed else ""
    return f"{sign}A{sign}1:{sign}{last}{sign}{rows + 1}"


_CORE = "docProps/core.xml"


def _content_types() -> str:
    kinds = [
        ("/xl/workbook.xml", f"{_TYPES}.sheet.main+xml"),
        ("/xl/worksheets/sheet1.xml", f"{_TYPES}.worksheet+xml"),
        ("/xl/worksheets/sheet2.xml", f"{_TYPES}.worksheet+xml"),
        ("/xl/styles.xml", f"{_TYPES}.styles+xml"),
        (f"/{_CORE}", "application/vnd.openxmlformats-package.core-properties+xml"),
    ]
    named = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in kinds)
    return (
        f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{named}</Types>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    def kind(name: str) -> str:
        return f"{_PACKAGE}/relationships/{name}" if "/" in name else f"{_OFFICE}/{name}"

    listed = "".join(
        f'<Relationship Id="rId{n}" Type="{kind(name)}" Target="{target}"/>'
        for n, (name, target) in enumerate(targets, start=1)
    )
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{listed}</Relationships>'


def _core(title: str) -> str:
    return (
        f'{_HEAD}<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{escape(_visible(title))}</dc:title><dc:creator>Leap</dc:creator></cp:coreProperties>"
    )


def _visible(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())


def _workbook(sheet: str, about: str, columns: int, rows: int) -> str:
    quoted = sheet.replace("'", "''")
    area = f"'{quoted}'!{_area(columns, rows, fixed=True)}" if columns else ""
    filters = (
        f'<definedNames><definedName name="_xlnm._FilterDatabase" localSheetId="0" hidden="1">{escape(area)}'
        "</definedName></definedNames>"
    )
    return (
        f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView activeTab="0"/></bookViews>'
        f'<sheets><sheet name={quoteattr(sheet)} sheetId="1" r:id="rId1"/><sheet name={quoteattr(about)} sheetId="2" '
        f'r:id="rId2"/></sheets>{filters if columns else ""}</workbook>'
    )


def _styles() -> str:
    top = '<alignment vertical="top"/>'
    wrapped = '<alignment vertical="top" wrapText="1"/>'
    formats = [
        '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>',
        '<xf numFmtId="49" fontId="1" fillId="2" borderId="1" xfId="0" applyNumberFormat="1" applyFont="1" '
        'applyFill="1" applyBorder="1"/>',
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>',
        '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>',
        '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>',
        '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>',
        '<xf numFmtId="3" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>',
        f'<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1" '
        f'applyAlignment="1">{top}</xf>',
        f'<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyAlignment="1">'
        f"{wrapped}</xf>",
    ]
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    return (
        f'{_HEAD}<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="{Form.SHARE}"/>'
        f'</numFmts><fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
        '</fill><fill><patternFill patternType="solid"><fgColor rgb="FFE8EDF3"/><bgColor indexed="64"/></patternFill>'
        '</fill></fills><borders count="2"><border><left/><right/><top/><bottom/><diagonal/></border><border><left/>'
        '<right/><top/><bottom style="thin"><color rgb="FF8A97A8"/></bottom><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(formats)}">{"".join(formats)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )

"""No cell is a formula or a link, by whatever program a file is opened; what does not fit is refused."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from leap.errors import UsageError
from leap.exports import About, Column, Form, as_written, csv_text, limits, original, write_frame, xlsx_pieces

RUN = [
    "=1+1", "=cmd|' /C calc'!A0", "+1", "-1+2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1+1", "＋1", "－1", "＠x",
    " =1", "\u00a0=1", '"=1', "'=1", "''=1", "' =1", "\u200b=1", "\ufeff=1", "\u202e=1", '=HYPERLINK("http://x","y")',
    "-inf", "\x0b=1", "=1;=2", "x;=1", "x; =1", "x\t=1", "x\n=1", "x\r\n@1", 'x;"=1',
]  # fmt: skip
LEFT = [
    "Acme",
    "A=B",
    "A-1 + B",
    "a@b.eu",
    "'tis",
    '"Acme" Ltd',
    "1-2",
    "Zoë 🚀",
    "x, -1",
    "",
    "a;b",
    "a\nb",
    "http://x",
]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_inert_and_comes_back(text: str) -> None:
    written = as_written(text)
    assert written != text and original(written) == text and as_written(original(written)) == written
    text_of_file = csv_text(pd.DataFrame({"name": [text], "id": ["a"]}))
    cells = list(csv.reader(io.StringIO(text_of_file, newline="")))[1]
    # Where cells are parted by semicolons or tabs, the quotes of a cell that follows a comma hold nothing together.
    cells += re.split("[;\t\r\n]", text_of_file)
    assert not [cell for cell in cells if re.match('[^\\S\t\r\n]*"*[=+@＝＋－＠\t\r\0-]', cell)]


@pytest.mark.parametrize("text", LEFT)
def test_other_text_is_left_as_it_is(text: str) -> None:
    assert as_written(text) == text == original(text)


def test_numbers_are_left_alone_and_headers_are_not() -> None:
    assert csv_text(pd.DataFrame({"=x": [-1.5], "n": [-2]})) == "'=x,n\n-1.5,-2\n"


def test_a_sheet_holds_texts_and_no_formula_link_or_shared_secret() -> None:
    frame = pd.DataFrame({"name": [*RUN, "https://example.org", "mailto:a@b.eu"], "=head": 1})
    made = b"".join(xlsx_pieces(frame, About("=1+1", [("Company", "=2")], {"name": Column("=3")})))
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        assert file.testzip() is None
        assert not any(
            b"<f>" in file.read(name) or b"hyperlink" in file.read(name).lower().replace(b"=hyperlink", b"")
            for name in file.namelist()
        )
        assert {entry.date_time for entry in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    for each in openpyxl.load_workbook(io.BytesIO(made)):
        for row in each.iter_rows():
            assert all(cell.data_type in ("s", "n") and cell.hyperlink is None for cell in row)
            assert all(cell.quotePrefix or cell.number_format == "@" for cell in row if cell.value in RUN)


def test_a_sheet_can_be_read_as_it_is_opened() -> None:
    frame = pd.DataFrame({"account_id": ["007"], "name": ["Acme"], "nrr": [0.1234567], "mrr": [1234.5], "n": [7]})
    columns = {
        "nrr": Column("Expected NRR.", Form.SHARE),
        "mrr": Column("MRR.", Form.MONEY),
        "n": Column("N.", Form.WHOLE),
    }
    about = About(
        "Scores", [("Company", "Acme"), ("As of", "2026-01-01")], columns, [("NRR", "What is kept.")], "Accounts"
    )
    book = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_pieces(frame, about))))
    rows, told = book["Accounts"], book["About"]
    assert rows.freeze_panes == "C2" and rows.auto_filter.ref == "A1:E2" and book.active is rows
    assert all(cell.font.b for cell in rows[1]) and rows["A1"].value == "account_id"
    assert [rows.cell(2, n).number_format for n in range(1, 6)] == ["@", "@", "0.0%", "#,##0.00", "#,##0"]
    assert [rows.cell(2, n).value for n in range(1, 6)] == ["007", "Acme", 0.1234567, 1234.5, 7]
    assert all(8 <= column.width <= 60 for column in rows.column_dimensions.values())
    said = {row[0]: row[1] for row in told.iter_rows(values_only=True)}
    assert said["Company"] == "Acme" and said["nrr"] == "Expected NRR." and said["NRR"] == "What is kept."
    assert told["A1"].value == "Scores"


@pytest.mark.parametrize(("text", "units"), [("x" * 32_767, 32_767), ("🚀" * 16_383, 32_766)])
def test_the_longest_text_of_a_cell_is_kept_whole(text: str, units: int) -> None:
    made = b"".join(xlsx_pieces(pd.DataFrame({"t": [text]})))
    assert openpyxl.load_workbook(io.BytesIO(made)).worksheets[0]["A2"].value == text
    assert len(text.encode("utf-16-le")) // 2 == units


@pytest.mark.parametrize("text", ["x" * 32_768, "🚀" * 16_384])
def test_a_longer_text_is_refused_with_where_it_is_and_what_to_do(text: str) -> None:
    with pytest.raises(UsageError, match="32,768 in row 2 of 't'") as refused:
        xlsx_pieces(pd.DataFrame({"t": ["a", text]}))
    assert ".csv or .parquet" in str(refused.value.remedy)
    assert csv_text(pd.DataFrame({"t": [text]})) == f"t\n{text}\n"


def test_more_rows_or_columns_than_a_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (limits.MOST_ROWS, limits.MOST_COLUMNS) == (1_048_576, 16_384)
    monkeypatch.setattr(limits, "MOST_ROWS", 3)
    monkeypatch.setattr(limits, "MOST_COLUMNS", 2)
    b"".join(xlsx_pieces(pd.DataFrame({"a": [1, 2]})))
    with pytest.raises(UsageError, match="2 rows below its header; found 3"):
        xlsx_pieces(pd.DataFrame({"a": [1, 2, 3]}))
    with pytest.raises(UsageError, match="holds 2 columns; found 3"):
        xlsx_pieces(pd.DataFrame([[1, 2, 3]]))


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.parquet"])
def test_half_a_character_is_refused_and_no_file_is_left(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="half of a surrogate pair"):
        write_frame(pd.DataFrame({"t": ["a", "b\ud800"]}, dtype=object), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.parquet"])
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, name: str) -> None:
    frame, path = pd.DataFrame({"t": ["=1"], "n": [0.1]}), tmp_path / name
    write_frame(frame, path)
    before = path.read_bytes()
    with pytest.raises(UsageError):
        write_frame(pd.DataFrame({"t": ["x\ud800"]}, dtype=object), path)
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]
    write_frame(frame, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("t.xls", "ending in .csv, .xlsx or .parquet"),
        ("none/t.csv", "no such folder"),
        ("folder.csv", "found a folder"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError, match=said):
        write_frame(pd.DataFrame({"t": ["x"]}), tmp_path / name)


def test_what_is_no_value_of_a_cell_is_named() -> None:
    with pytest.raises(UsageError, match="parts: expected texts, numbers"):
        csv_text(pd.DataFrame({"parts": [[1, 2]]}))


def test_a_column_of_two_kinds_is_refused_by_parquet_alone(tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": pd.Series([1, "x"], dtype=object)})
    with pytest.raises(UsageError, match="Parquet does not take it"):
        write_frame(frame, tmp_path / "t.parquet")
    write_frame(frame, tmp_path / "t.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["t.xlsx"]

"""Whatever stands in a frame comes back from CSV and XLSX as it was, by readers that are not ours."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.exports import as_written, csv_pieces, csv_text, original, unescaped, xlsx_pieces

SIGNS = "=+-@\t\r\n\0＝＋－＠"
ODD = st.lists(
    st.sampled_from([*SIGNS, *"'\"; ,x_0\u00a0\u200b\ufeff\u202e\x0b\x85\u2028\ufffe🚀é<&", "_x000B_"]), max_size=8
).map("".join)
TEXTS = st.one_of(ODD, st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


def csv_cells(frame: pd.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(frame), newline="")))


def sheet(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Rows below the header, by openpyxl."""
    book = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_pieces(frame))))
    return list(
        book.worksheets[0].iter_rows(min_row=2, max_row=len(frame) + 1, max_col=frame.shape[1], values_only=True)
    )


@given(TEXTS)
@settings(max_examples=400)
def test_what_was_added_to_a_text_can_be_taken_away(text: str) -> None:
    assert original(as_written(text)) == text
    assert len(as_written(text)) - len(text) == as_written(text).count("'") - text.count("'")


@given(st.lists(st.tuples(TEXTS, NUMBERS, INTEGERS, st.booleans()), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_csv_comes_back_exactly_by_the_standard_library_and_by_pandas(rows: list[tuple[str, float, int, bool]]) -> None:
    frame = pd.DataFrame(rows, columns=["text", "number", "integer", "flag"])
    for row, given_row in zip(csv_cells(frame), rows, strict=True):
        assert original(row["text"]) == given_row[0]
        assert row["number"] == repr(given_row[1]) and int(row["integer"]) == given_row[2]
        assert row["flag"] == str(given_row[3])
    read = pd.read_csv(io.StringIO(csv_text(frame)), dtype={"text": str}, keep_default_na=False)
    # What follows a NUL is lost to the C parser of pandas itself.
    if not any("\0" in text for text, *_ in rows):
        assert [original(text) for text in read["text"]] == [text for text, *_ in rows]
    assert read["number"].tolist() == frame["number"].tolist() and read["integer"].tolist() == frame["integer"].tolist()
    assert read["flag"].tolist() == frame["flag"].tolist()


@given(st.lists(st.tuples(TEXTS, NUMBERS, INTEGERS, st.booleans()), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_xlsx_comes_back_exactly_by_openpyxl_and_by_pandas(rows: list[tuple[str, float, int, bool]]) -> None:
    frame = pd.DataFrame(rows, columns=["text", "number", "integer", "flag"])
    for read, (text, number, integer, flag) in zip(sheet(frame), rows, strict=True):
        assert unescaped(read[0] or "") == text
        assert repr(float(read[1])) == repr(number)
        assert int(read[2]) == integer and isinstance(read[2], int if abs(integer) <= 2**53 else str)
        assert read[3] is flag
    again = pd.read_excel(io.BytesIO(b"".join(xlsx_pieces(frame))), keep_default_na=False, dtype={"text": str})
    assert again["number"].tolist() == frame["number"].tolist()
    assert [unescaped(text) for text in again["text"]] == [text for text, *_ in rows]


@pytest.mark.parametrize("number", [0.1 + 0.2, 5e-324, 1.7976931348623157e308, -0.0, 1 / 3, 123456789.12345679, 1e22])
def test_the_last_bit_of_a_number_is_kept(number: float) -> None:
    """openpyxl itself writes 16 digits, of which 0.1 + 0.2 comes back as 0.3."""
    frame = pd.DataFrame({"n": [number]})
    assert csv_cells(frame)[0]["n"] == repr(number)
    assert math.copysign(1, sheet(frame)[0][0]) == math.copysign(1, number) and sheet(frame)[0][0] == number


def test_every_kind_of_column_has_one_form_in_both() -> None:
    frame = pd.DataFrame(
        {
            "id": ["007", "1e5", "TRUE"],
            "day": pd.to_datetime(["2026-01-31", None, "2026-02-01"]),
            "moment": pd.to_datetime(["2026-01-31 06:00", "2026-01-31 00:00", None]),
            "zoned": pd.to_datetime(["2026-01-31 06:00"] * 3).tz_localize("UTC"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "mixed": pd.Series([1, None, "x"], dtype=object),
            "short": np.array([0.1, np.nan, np.inf], dtype=np.float32),
            "down": [-np.inf, 1.0, 2.0],
            "kind": pd.Categorical(["a", None, "=b"]),
        }
    )
    assert sheet(frame) == [
        (
            "007",
            "2026-01-31",
            "2026-01-31T06:00:00",
            "2026-01-31T06:00:00+00:00",
            True,
            1,
            float(np.float32(0.1)),
            "-inf",
            "a",
        ),
        ("1e5", None, "2026-01-31T00:00:00", "2026-01-31T06:00:00+00:00", None, None, None, 1, None),
        ("TRUE", "2026-02-01", None, "2026-01-31T06:00:00+00:00", False, "x", "inf", 2, "=b"),
    ]
    cells = [[original(cell) for cell in row.values()] for row in csv_cells(frame)]
    as_text = [["" if value is None else str(value) for value in row] for row in sheet(frame)]
    assert [row[:7] + row[8:] for row in cells] == [row[:7] + row[8:] for row in as_text]
    assert csv_cells(frame)[0]["down"] == "'-inf" and csv_cells(frame)[2]["kind"] == "'=b"


def test_an_empty_cell_is_nothing_and_a_row_of_nothing_is_still_a_row() -> None:
    frame = pd.DataFrame({"only": ["a", "", None, "b"]})
    assert [row["only"] for row in csv_cells(frame)] == ["a", "", "", "b"]
    assert sheet(frame) == [("a",), (None,), (None,), ("b",)]


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame({"a": [], "b": []})])
def test_a_frame_without_rows_is_its_header(frame: pd.DataFrame) -> None:
    assert csv_text(frame).strip("\n").split(",") == [*frame.columns] or frame.shape[1] == 0
    assert sheet(frame) == []


def test_the_same_frame_gives_the_same_bytes_in_bounded_pieces() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"c{k}": rng.random(6000) for k in range(6)} | {"t": [f"Firm {k}" for k in range(6000)]})
    for pieces in (csv_pieces, xlsx_pieces):
        made = list(pieces(frame))
        assert b"".join(made) == b"".join(pieces(frame.copy())) and len(made) > 3
        assert max(map(len, made)) < 400_000


def test_columns_of_one_name_stay_two_columns() -> None:
    frame = pd.DataFrame([[1, "=a"]], columns=["x", "x"])
    assert csv_text(frame) == "x,x\n1,'=a\n" and sheet(frame) == [(1, "=a")]

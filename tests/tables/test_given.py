"""Rows of a request: read as a file of them would be, each by itself, and refused with their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import Settings, TableSpec, parse_settings
from leap.tables import Table
from leap.tables.assemble import named_columns
from leap.tables.canonical import canonical_table
from leap.tables.given import GivenRow, Reading, RefusedRow, cell_text
from leap.tables.plain_rows import plain_rows
from tests.worlds import ALL_SHAPES, SHAPES, records_of_all_shapes

TODAY = pd.Timestamp("2026-11-26")
UNTIL = pd.Timestamp("2024-01-01")
PER_YEAR: dict[str, Any] = {
    "shape": "periods", "role": "revenue", "source": "s.csv", "amount": "fee", "amount_per": "year",
    "currency": "currency", "product": "product",
}  # fmt: skip
ORDERS: dict[str, Any] = {
    "shape": "events", "role": "revenue", "source": "o.csv", "quantity": "units", "price": "price", "credit_notes": True,
}  # fmt: skip
ABROAD = parse_settings({"company": {"timezone": "Europe/Berlin"}, "tables": {"terms": PER_YEAR}})
ORDERED = parse_settings({"tables": {"orders": ORDERS}})

ODD_CELLS = st.sampled_from(
    [
        "", " ", "NULL", "n/a", "-", "0", "-1", "1e3", "1.", ".5", "+2", "1,5", "١", "1e999", "2e11", "inf", "yes", "TRUE",
        "maybe", " padded ", "a\u00a0", "\u200b", "x\x1c", "2023-02-29", "2024-02-29", "2023-01-05 03:04:05", "2023-01-05T3:04",
        "2023-01-05T03:04:05.25Z", "2023-03-26 02:30:00", "2023-01-05T03:04:05+05:30", "2023-01-05T03:04:05.1234567",
        "1900-01-01", "1970-01-01", "9999-12-31", "2199-12-31", "2030-01-01", "20230105", "2023-1-5", "USD", "usd", "EUR",
        "2023-W01-1", "alpha", "account 00", "0001-01-01T00:00:00+14:00",
    ]
)  # fmt: skip


def cells_of(spec: TableSpec, rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """The columns of a table as text, those first that are declared."""
    names = [*named_columns(spec), *sorted(set().union(*rows) - set(named_columns(spec)) if rows else ())]
    return {name: [cell_text(row.get(name)) for row in rows] for name in names}


def both(spec: TableSpec, cells: dict[str, list[str]], company: Settings) -> tuple[pd.DataFrame | None, Any]:
    """What is read of rows at once, and what the checks of files say of them."""
    return plain_rows(spec, cells, company, TODAY), canonical_table(
        "t", spec, pd.DataFrame(cells, dtype=str), company, TODAY
    )


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape != "market"])
def test_usual_rows_are_read_at_once_as_the_checks_of_files_read_them(shape: str):
    rows = records_of_all_shapes(3)[shape]
    fast, checked = both(ALL_SHAPES.tables[shape], cells_of(ALL_SHAPES.tables[shape], rows), ALL_SHAPES)
    assert fast is not None
    pd.testing.assert_frame_equal(fast, checked.rows, check_exact=True)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_rows_with_odd_cells_are_left_to_the_checks_or_read_as_they_read_them(data: st.DataObject):
    """Whatever stands in a row: what is read at once is what the checks would have let through, to the bit."""
    shape = data.draw(st.sampled_from(["accounts", "profiles", "subscriptions", "technologies", "usage", "deals"]))
    spec, rows = ALL_SHAPES.tables[shape], [dict(row) for row in records_of_all_shapes(5, 2)[shape][:4]]
    cells = cells_of(spec, rows)
    for _ in range(data.draw(st.integers(1, 2))):
        column, place = data.draw(st.sampled_from(sorted(cells))), data.draw(st.integers(0, len(rows) - 1))
        cells[column][place] = data.draw(ODD_CELLS)
    _agree(spec, cells, ALL_SHAPES)


@given(
    st.lists(st.tuples(ODD_CELLS, ODD_CELLS, ODD_CELLS), min_size=1, max_size=3), st.sampled_from(["terms", "orders"])
)
@settings(max_examples=40, deadline=None)
def test_money_of_other_places_is_read_as_the_checks_read_it(odd: list[tuple[str, str, str]], table: str):
    company = ABROAD if table == "terms" else ORDERED
    spec = company.tables[table]
    if table == "terms":
        rows = [
            {"account_id": f"a{i % 2}", "started_on": f"202{i}-01-05", "ended_on": x, "fee": y, "currency": z, "product": "p"}
            for i, (x, y, z) in enumerate(odd)
        ]  # fmt: skip
    else:
        rows = [{"account_id": "a", "occurred_at": x, "units": y, "price": z} for x, y, z in odd]
    _agree(spec, cells_of(spec, rows), company)


def _agree(spec: TableSpec, cells: dict[str, list[str]], company: Settings) -> None:
    fast, checked = both(spec, cells, company)
    if fast is not None:
        assert not len(checked.quarantined)
        pd.testing.assert_frame_equal(fast, checked.rows, check_exact=True)


def test_two_terms_of_one_product_at_once_are_not_taken_for_usual():
    row = {"account_id": "a", "product": "p", "currency": "USD", "fee": 12}
    spec = ABROAD.tables["terms"]
    apart = [{**row, "started_on": "2023-01-01", "ended_on": "2023-02-01"}, {**row, "started_on": "2023-02-01"}]
    fast, checked = both(spec, cells_of(spec, apart), ABROAD)
    assert fast is not None and fast["_amount"].tolist() == checked.rows["_amount"].tolist() == [1.0, 1.0]
    assert plain_rows(spec, cells_of(spec, [{**apart[0], "ended_on": "2023-02-02"}, apart[1]]), ABROAD, TODAY) is None


# --- what is refused, and where


def read(given_rows: dict[str, list[dict[str, Any]]], company: Settings = ALL_SHAPES, **holds: Any) -> list[RefusedRow]:
    """What is refused of rows that one account gives."""
    rows = {
        name: [GivenRow("000000 a|", row, 0, number) for number, row in enumerate(table, start=1)]
        for name, table in given_rows.items()
    }
    market = {
        name: Table(name, spec, pd.DataFrame()) for name, spec in company.tables.items() if spec.shape == "market"
    }
    reading = Reading(company, holds, {name: _empty(table) for name, table in market.items()})
    return reading.tables(rows, UNTIL)[1]


def _empty(table: Table) -> Table:
    moments = {name: pd.Series(dtype="datetime64[us]") for name in ("_known_at", "_period", "_published")}
    words = {name: pd.Series(dtype=str) for name in ("_indicator", "_segment")}
    return Table(table.name, table.spec, pd.DataFrame({"_row": pd.Series(dtype="int64"), **moments, **words}))


USE = {"occurred_at": "2023-01-05", "loaded_at": "2023-01-06", "kind": "alpha", "quantity": 3}
TERM = {"started_on": "2023-01-05", "booked_on": "2023-01-05", "mrr": 5, "product": "p"}


@pytest.mark.parametrize(
    ("table", "good", "bad", "column", "rule"),
    [
        ("usage", USE, {**USE, "occurred_at": "yesterday"}, "occurred_at", "bad_date"),
        ("usage", USE, {**USE, "quantity": "many"}, "quantity", "bad_number"),
        ("usage", USE, {**USE, "quantity": True}, "quantity", "bad_number"),
        ("usage", USE, {**USE, "quantity": None}, "quantity", "missing_number"),
        ("usage", USE, {**USE, "quantity": float("inf")}, "quantity", "bad_number"),
        ("usage", USE, {name: USE[name] for name in ("occurred_at", "kind", "quantity")}, "loaded_at", "missing_date"),
        ("usage", USE, {**USE, "occurred_at": "2099-01-01", "loaded_at": "2099-01-01"}, "occurred_at", "future_date"),
        ("subscriptions", TERM, {**TERM, "product": "q", "mrr": -1}, "mrr", "negative_amount"),
        ("subscriptions", TERM, {**TERM, "ended_on": "2022-01-01", "product": "q"}, "ended_on", "end_before_start"),
        ("subscriptions", TERM, {**TERM, "started_on": "2023-02-01"}, "product", "overlapping_terms"),
        ("subscriptions", TERM, TERM, None, "duplicate_row"),
        ("deals", {"created_on": "2023-01-01", "entered_on": "2023-01-01", "amount": 1},
         {"created_on": "2023-01-01", "entered_on": "2023-01-01", "won": "perhaps"}, "won", "bad_truth"),
        ("accounts", {"seen_on": "2023-01-01"}, {"seen_on": "2023-01-01", "size": 3}, "account_id", "duplicate_key"),
    ],
)  # fmt: skip
def test_a_row_that_a_file_would_set_aside_is_refused_with_its_place_and_column(
    table: str, good: dict[str, Any], bad: dict[str, Any], column: str | None, rule: str
):
    assert read({table: [good]}) == []
    (refused,) = read({table: [good, bad]})
    assert (refused.table, refused.row.number, refused.column, refused.rule) == (table, 2, column, rule)
    assert refused.expected
    if column in bad and bad[column] is not None:
        assert refused.found == cell_text(bad[column])


@pytest.mark.parametrize(
    ("kind", "fine", "bad"),
    [
        ("number", [1, 2.5, "3", "", None, "n/a", float("nan")], ["about 3", True, "1,5", "1e999", "yes"]),
        ("boolean", [True, False, "true", "no", 1, 0, None], ["perhaps", 2, "1.5"]),
        ("date", ["2023-01-01", "", None], ["soon", 45292, True]),
    ],
)
def test_a_cell_that_says_nothing_of_what_a_feature_reads_is_refused(kind: str, fine: list[Any], bad: list[Any]):
    """A file is used without such values, and warned of them."""
    rows = [{**USE, "occurred_at": f"2023-01-{i + 1:02}", "rating": cell} for i, cell in enumerate(fine)]
    assert read({"usage": rows}, usage={"rating": kind}) == []
    for cell in bad:
        (refused,) = read({"usage": [*rows, {**USE, "rating": cell}]}, usage={"rating": kind})
        assert (refused.column, refused.rule, refused.found) == ("rating", f"bad_{kind}", cell_text(cell))


def test_an_amount_without_a_rate_is_refused_by_its_row():
    term = {"started_on": "2023-01-05", "fee": 5, "product": "p"}
    rows = [{**term, "currency": "USD"}, {**term, "currency": "XYZ", "product": "q"}]
    (refused,) = read({"terms": rows}, ABROAD)
    assert (refused.row.number, refused.column, refused.rule) == (2, "currency", "currency_without_rate")
    assert "USD" in refused.expected


@pytest.mark.parametrize("beside", [True, 1.0, 2**53 + 1, "x", None])
def test_what_stands_in_the_rows_beside_changes_no_cell(beside: object):
    """One column of a table may hold words of one account and numbers of another."""
    alone = cells_of(ALL_SHAPES.tables["usage"], [{"rating": 2**53 + 1, "is_mobile": True, "kind": 7.0}])
    together = cells_of(
        ALL_SHAPES.tables["usage"],
        [{"rating": 2**53 + 1, "is_mobile": True, "kind": 7.0}, dict.fromkeys(("rating", "is_mobile", "kind"), beside)],
    )
    assert all(together[name][0] == alone[name][0] for name in alone)
    assert (alone["rating"][0], alone["is_mobile"][0], alone["kind"][0]) == ("9007199254740993", "true", "7")


def test_numbers_of_json_are_read_where_files_have_a_decimal_comma():
    terms = {**PER_YEAR, "decimal": ",", "columns": {"fee": {}}}
    company = parse_settings({"tables": {"terms": terms}})
    rows = [GivenRow("k", {"started_on": "2023-01-05", "fee": fee, "currency": "USD"}, 0, 1) for fee in (1234.5,)]
    tables, refused = Reading(company, {"terms": {"fee": "number"}}, {}).tables({"terms": rows}, UNTIL)
    assert not refused
    assert tables.tables["terms"].rows["_amount"].tolist() == [1234.5 / 12]
    assert np.float64(tables.tables["terms"].rows["fee"].iloc[0]) == 1234.5

"""What the document says of cells is what is let in, and what is let in is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from leap.config import Settings, parse_settings
from leap.demo import write_company
from leap.scoring.inputs import tables_schema
from leap.scoring.row_forms import Form, date_form, forms_of, number_form
from leap.tables import values
from leap.tables.assemble import named_columns
from leap.tables.date_patterns import EVER, OPEN_END, REAL, days_until
from leap.tables.given import cell_text
from tests.worlds import ALL_SHAPES

WRITTEN = ("iso", "DD/MM/YYYY", "MM/DD/YYYY", "DD.MM.YYYY", "MM-DD-YYYY", "DD-MM-YYYY", "YYYY/MM/DD", "YYYYMMDD",
           "YYYY-MM", "YYYYMM", "seconds", "milliseconds", "microseconds")  # fmt: skip
NUMBERS = (".", ",", "1,000")
CELLS: list[object] = [
    None, True, False, 0, 1, 2, -1, 7.5, -0.0, 1e300, 5e-324, 20240531, 202405, 1_700_000_000, "", " ", "null", "NaN", "-",
    "#n/a", r"\N", "7", " 7.5\n", "+.5", "-3", "1e5", "1e999", "1.234,5", "1 200", "1,234.50", "$7", "USD 7", "7 EUR",
    "12", "1,2", "true", "No", "maybe", "2024-02-29", "2023-02-29", "1900-02-29", "2024-13-01", "2024-5-3", "1899-12-31",
    "2200-01-01", "9999-12-31", "2024-05-31T10:00:00Z", "2024-05-31 3:00 pm", "2024-05-31 25:00", "31/05/2024", "05/31/2024", "05-31-2024", "31-05-2024", "2024/05/31", "31.05.2024", 1_700_000_000_000, 1_700_000_000_000_000,
    "31.04.2024", "20240531", "2024-05", "EUR", "eur", "Euro", "nan", "NAT", "0.15", "15 %", "1", "yesterday", "\u5e02",
]  # fmt: skip


def forms() -> dict[str, Form]:
    found = {f"number {form} {need} {sign}": number_form(form, required=need, negative=sign)
             for form in NUMBERS for need in (True, False) for sign in (True, False)}  # fmt: skip
    found |= {f"date {form} {need}": date_form(form, REAL, required=need) for form in WRITTEN for need in (True, False)}
    for name, spec in all_roles().tables.items():
        of_spec = forms_of(name, spec, all_roles(), {"flag": "boolean", "share": "discount"})
        found |= {f"{name}.{column}": form for column, form in of_spec.items()}
    return found


def all_roles() -> Settings:
    tables = dict(ALL_SHAPES.model_dump(mode="json", exclude_unset=True)["tables"])
    tables["subscriptions"]["currency"] = "currency"
    tables["rates"] = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    tables["notes"] = {"shape": "events", "role": "notes", "source": "n.csv", "at": "on"}
    tables["deals"]["discount"] = "off"
    return parse_settings({"company": {"gross_margin": "margin"}, "tables": tables})


@pytest.mark.parametrize(("name", "form"), forms().items())
def test_the_schema_of_a_form_says_what_fits_it(name: str, form: Form) -> None:
    validator = Draft202012Validator(form.schema)
    Draft202012Validator.check_schema(form.schema)
    assert [cell for cell in CELLS if validator.is_valid(cell) != form.fits(cell)] == []
    assert any(map(form.fits, CELLS)) and not all(map(form.fits, CELLS))


@pytest.mark.parametrize("name", ["iso", "DD.MM.YYYY", "YYYYMMDD", "YYYY-MM", "milliseconds"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_dates_that_fit_are_read_and_none_stands_for_another(name: str, data: Any) -> None:
    form = date_form(name, REAL, required=True)
    text = data.draw(st.from_regex(form.text or "", fullmatch=True))
    read, bad = values.moments(pd.Series([f" {text}\n"], dtype=str), "Europe/Berlin", name)
    assert not bad[0] and 1900 <= read[0].year <= 2200, text
    if "integer" in form.types and text.isdecimal() and form.fits(int(text)):
        assert not values.moments(pd.Series([cell_text(int(text))], dtype=str), "UTC", name)[1][0]


@pytest.mark.parametrize("form", NUMBERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_numbers_that_fit_are_read(form: Any, data: Any) -> None:
    of_form = number_form(form, required=True, negative=data.draw(st.booleans()))
    cell = data.draw(st.one_of(st.from_regex(of_form.text or "", fullmatch=True), st.floats(-1e300, 1e300)))
    if of_form.fits(cell):
        read, bad = values.numbers(pd.Series([cell_text(cell, form)], dtype=str), form)
        assert not bad[0] and not pd.isna(read[0]), cell
        assert not isinstance(cell, float) or read[0] == cell


def test_days_of_the_calendar_fit_and_no_others() -> None:
    """Every day of eight years around each century, against the calendar itself."""
    for years, asked in (
        (REAL, (1901, 1996, 2096, 2192)),
        (OPEN_END, (1901, 2396, 9992)),
        (EVER, (1, 396, 1000, 1896, 2396)),
    ):
        pattern = re.compile(date_form("iso", years, required=True).text or "")
        for first in asked:
            last = min(first + 8, 10_000)
            told = {f"{y:04}-{m:02}-{d:02}" for y in range(first, last) for m in range(14) for d in range(33)}
            day = date(first, 1, 1)
            real = {str(day + timedelta(i)) for i in range((date(last - 1, 12, 31) - day).days + 1)}
            assert {text for text in told if pattern.fullmatch(text)} == real


def test_days_until_another_are_all_before_it_and_it() -> None:
    for last in (date(2026, 11, 28), date(2030, 1, 1), date(2100, 10, 10), date(1999, 12, 31)):
        pattern = re.compile(days_until(last))
        days = [last + timedelta(i) for i in (*range(-800, 801), -99_999, 99_999)]
        assert all((pattern.fullmatch(str(day)) is not None) == (day <= last) for day in days)


def test_every_row_of_the_made_up_company_is_as_the_document_says(tmp_path: Path) -> None:
    write_company(tmp_path, accounts=40, seed=3)
    company = parse_settings(tomllib.loads((tmp_path / "leap.toml").read_text()))
    rows = {name: read_rows(tmp_path / spec.source) for name, spec in company.tables.items()}
    of_features: dict[str, Mapping[str, Any]] = {"profiles": {"employees": "number"}, "usage": {"quantity": "number"}}
    told = {name: forms_of(name, spec, company, of_features.get(name, {})) for name, spec in company.tables.items()}
    schema = tables_schema(
        {name: named_columns(spec) for name, spec in company.tables.items()}, told, ["subscriptions"]
    )
    Draft202012Validator.check_schema(schema)
    sampled = {name: table[:: max(1, len(table) // 150)] for name, table in rows.items()}
    assert [str(e.json_path) for e in Draft202012Validator(schema).iter_errors(sampled)] == []
    for name, of_table in told.items():
        assert all(form.fits(row.get(column)) for row in rows[name] for column, form in of_table.items()), name
        for column, form in of_table.items():
            bad = {**sampled[name][0], column: None if form.what == "words" else "yesterday or 3"}
            assert not form.fits(bad[column])
            assert not Draft202012Validator(schema).is_valid({**sampled, name: [bad]}), (name, column)


def read_rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return [{k: str(v) if isinstance(v, pd.Timestamp) else v for k, v in row.items()}
                for row in pd.read_parquet(path).to_dict("records")]  # fmt: skip
    return pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")  # type: ignore[return-value]


def test_one_of_several_tables_of_revenue_has_to_have_a_row() -> None:
    schema = tables_schema({"a": ["x"], "b": ["x"], "c": ["x"]}, {}, ["a", "b"])
    found = [Draft202012Validator(schema).is_valid(tables) for tables in ({}, {"c": [{}]}, {"a": []}, {"b": [{}]})]
    assert found == [False, False, False, True]

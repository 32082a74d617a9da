"""Segments are of the start of the window, hold every account once, and are found where they are said to be."""

from typing import Any

import pandas as pd
import pytest

from leap.errors import RevenueError
from leap.revenue import Retention, retention
from tests.worlds import Row, company_of, subscription

START, END = "2023-06-01", "2024-06-01"


def retained(by: str, tables: dict[str, Any], records: dict[str, list[Row]], **more: Any) -> Retention:
    rows = [
        subscription(account, "2023-01-01", None, mrr) for account, mrr in zip("ABCD", (10, 20, 30, 40), strict=True)
    ]
    company = company_of(rows, "2024-07-01", tables=tables, records=records, **more)
    return retention(company, pd.Timestamp(START), pd.Timestamp(END), by=by)


def starting(found: Retention) -> dict[str, float]:
    parts = {name: figures.starting_mrr for name, figures in found.segments.items()}
    assert sum(parts.values()) == found.figures.starting_mrr
    assert sum(figures.accounts for figures in found.segments.values()) == found.figures.accounts
    return parts


FIRMS: dict[str, Any] = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"industry": {}, "size": {}}}}
SEEN: dict[str, Any] = {"seen": {"shape": "history", "source": "s.csv", "columns": {"industry": {}}}}


def firm(account: str, industry: Any = "x", size: Any = None) -> Row:
    return {"account_id": account, "industry": industry, "size": size}


def test_accounts_of_which_nothing_is_known_are_a_segment_of_their_own():
    records = {"firms": [firm("A", "x"), firm("B", ""), firm("C", None)]}
    assert starting(retained("industry", FIRMS, records)) == {"x": 10.0, "(none)": 90.0}


def test_numbers_are_in_order_of_size_before_words_and_what_is_not_known():
    records = {"firms": [firm("A", size="100"), firm("B", size="9"), firm("C", size="many"), firm("D", size="")]}
    assert list(starting(retained("size", FIRMS, records))) == ["9", "100", "many", "(none)"]


def test_whole_numbers_beside_missing_ones_stay_whole():
    records = {"firms": [firm("A", size=100.0), firm("B", size=100), firm("C", size=None)]}
    assert starting(retained("size", FIRMS, records)) == {"100": 30.0, "(none)": 70.0}


def test_what_changes_within_the_window_is_as_it_was_at_the_start_and_on_the_day_itself():
    records = {
        "seen": [
            {"account_id": "A", "observed_at": "2023-01-01", "industry": "x"},
            {"account_id": "A", "observed_at": "2023-06-02", "industry": "y"},
            {"account_id": "B", "observed_at": "2023-01-01", "industry": "x"},
            {"account_id": "B", "observed_at": START, "industry": "y"},
            {"account_id": "C", "observed_at": "2023-01-01", "industry": "x"},
            {"account_id": "C", "observed_at": "2023-05-01", "industry": ""},
        ]
    }
    found = starting(retained("industry", SEEN, records))
    assert found == {"x": 40.0, "y": 20.0, "(none)": 40.0}, "an empty observation tells nothing new of C"


def test_a_column_of_several_tables_is_chosen_by_table_and_column():
    records = {
        "firms": [firm(account, "told") for account in "ABCD"],
        "seen": [{"account_id": a, "observed_at": "2023-01-01", "industry": "observed"} for a in "ABCD"],
    }
    both = {**FIRMS, **SEEN}
    plain = retained("industry", both, records)
    assert (list(plain.segments), plain.by) == (["told"], "firms.industry")
    assert any("seen.industry" in note for note in plain.notes), "that there is another is said"
    chosen = retained("seen.industry", both, records)
    assert (list(chosen.segments), chosen.by, chosen.notes) == (["observed"], "seen.industry", ())


def test_a_name_with_a_point_in_it_is_found():
    firms = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"size.band": {}}}}
    records = {"firms": [{"account_id": "A", "size.band": "small"}]}
    for by in ("size.band", "firms.size.band"):
        assert starting(retained(by, firms, records)) == {"small": 10.0, "(none)": 90.0}


@pytest.mark.parametrize("by", ["nothing", "_amount", "firms.nothing", "seen.industry", ""])
def test_a_column_that_is_not_there_is_an_error_that_names_those_that_are(by: str):
    with pytest.raises(RevenueError, match="no table has that column; expected one of industry, size"):
        retained(by, FIRMS, {"firms": [firm("A")]})


def test_of_terms_at_the_same_time_the_largest_tells_the_segment():
    rows = [
        subscription("A", "2023-01-01", None, 60, product="main"),
        subscription("A", "2023-02-01", None, 40, product="extra"),
        subscription("B", "2023-01-01", "2023-03-01", 10, product="main"),
        subscription("B", "2023-03-01", None, 10, product="extra"),
    ]
    tables = company_of(rows, "2024-07-01", revenue={"columns": {"product": {}}})
    found = retention(tables, pd.Timestamp(START), pd.Timestamp(END), by="product")
    assert starting(found) == {"main": 100.0, "extra": 10.0} or starting(found) == {"extra": 10.0, "main": 100.0}


def test_the_largest_of_terms_in_several_currencies_is_told_after_conversion():
    rows = [
        subscription("A", "2023-01-01", None, 100, product="in dollars", currency="USD"),
        subscription("A", "2023-01-01", None, 5000, product="in yen", currency="JPY"),
    ]
    rates = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    tables = company_of(
        rows,
        "2024-07-01",
        company={"currency": "USD"},
        revenue={"currency": "currency", "columns": {"product": {}}},
        tables={"rates": rates},
        records={"rates": [{"indicator": "JPY", "period": "2020-01-01", "value": 0.0067}]},
    )
    found = retention(tables, pd.Timestamp(START), pd.Timestamp(END), by="product")
    assert starting(found) == {"in dollars": 133.5}


def test_a_column_may_begin_with_an_underscore():
    firms = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"_tier": {}}}}
    assert starting(retained("_tier", firms, {"firms": [{"account_id": "A", "_tier": "x"}]})) == {
        "x": 10.0,
        "(none)": 90,
    }


def test_a_merged_account_is_in_the_segment_of_the_one_that_stays():
    records = {"firms": [firm("A", "x"), firm("B", "y"), firm("C", "z")]}
    found = retained("industry", FIRMS, records, lineage=[("A", "B", "2024-01-01"), ("C", "D", "2024-01-01")])
    assert starting(found) == {"y": 30.0, "z": 70.0}, "D has no industry of its own: it has that of C"

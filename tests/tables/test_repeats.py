"""What stands twice, and that the quarantine never looks ahead: a table cut at a moment is treated as the whole one."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tables.companies import one_table, problem_of, said

TERMS = {"shape": "periods", "role": "revenue", "amount": "mrr", "product": "product"}


def used(text: str, **spec) -> list[int]:
    """Row numbers of the rows that are used."""
    tables = one_table(text, company={"data_until": "2025-01-01"}, **spec)
    said(tables)
    return tables.tables["t"].rows["_row"].tolist()


def test_of_two_rows_of_an_account_the_one_known_first_is_used():
    history = "account_id,observed_at,loaded,size\na,2023-01-01,2023-03-01,5\na,2023-01-01,2023-02-01,6\n"
    spec = {"shape": "history", "known_at": "loaded", "columns": {"size": {}}}
    # Both were known at their own moments: the later one is a correction.
    assert used(history, **spec) == [1, 2]
    flat = "account_id,at,loaded,left\na,2023-01-01,2023-03-01,0\na,2023-01-01,2023-02-01,1\n"
    snapshot = {"shape": "snapshot", "at": "at", "outcome": "left"}
    assert used(flat, **snapshot) == [1]
    market = "indicator,period,published_at,loaded,value\nx,2023-01-01,2023-01-05,2023-03-01,1\nx,2023-01-01,2023-01-05,2023-02-01,2\n"
    assert used(market, shape="market", known_at="loaded") == [2]


def test_attributes_may_be_corrected_where_it_is_said_when_a_row_was_known():
    text = "account_id,loaded,size\na,2023-02-01,5\na,2023-01-01,4\na,2023-02-01,6\nb,2023-01-01,1\n"
    tables = one_table(text, shape="attributes", known_at="loaded", columns={"size": {}})
    assert said(tables) == [("quarantine", "account_id", "duplicate_key", 1)]
    assert tables.tables["t"].rows["_row"].tolist() == [2, 4, 1]  # the latest known comes last
    undated = one_table(text, shape="attributes", columns={"size": {}})
    assert said(undated) == [("quarantine", "account_id", "duplicate_key", 2)]


def test_the_name_of_a_corrected_account_is_the_latest_known():
    text = "account_id,loaded,name\na,2023-02-01,New\na,2023-01-01,Old\n"
    assert one_table(text, shape="attributes", known_at="loaded").names == {"a": "New"}


def test_terms_are_set_aside_by_what_was_known_first_and_only_for_terms_that_are_used():
    header = "account_id,product,started_on,ended_on,mrr,loaded\n"
    text = header + "\n".join(
        [
            "a,core,2023-01-01,2023-06-01,5,2023-05-01",  # known last: set aside
            "a,core,2023-03-01,2023-09-01,5,2023-03-01",
            "a,core,2023-09-01,2024-01-01,5,2023-09-01",  # begins as the other ends
            "a,core,2022-01-01,2023-03-01,5,2022-01-01",
            "b,core,2023-01-01,,5,2023-01-01",
            "b,core,2024-01-01,2024-02-01,5,2024-01-01",  # the open term goes on
            "b,other,2024-01-01,2024-02-01,5,2024-01-01",
            "b,core,2023-02-01,2023-02-01,5,2023-02-01",  # of no time
            "b,core,2023-02-01,2023-03-01,0,2023-02-01",  # of no money
        ]
    )
    assert used(text + "\n", **TERMS, known_at="loaded") == [2, 3, 4, 5, 7, 8, 9]
    # A term that is set aside sets none aside: the second overlaps the first, the third overlaps the second only.
    chain = (
        header.replace(",loaded", "") + "c,p,2023-01-01,2023-03-01,1\nc,p,2023-02-01,2023-05-01,1\nc,p,2023-04-01,,1\n"
    )
    tables = one_table(chain, **TERMS)
    assert tables.tables["t"].rows["_row"].tolist() == [1, 3]
    assert said(tables) == [("quarantine", "product", "overlapping_terms", 1)]


DAYS = [f"2023-0{m}-0{d}" for m in range(1, 5) for d in (1, 5)]
ROW = st.fixed_dictionaries(
    {
        "account_id": st.sampled_from(["a", "b", ""]),
        "product": st.sampled_from(["p", "q"]),
        "start": st.sampled_from([*DAYS, "2023-13-01"]),
        "end": st.sampled_from([*DAYS, "", "9999-12-31"]),
        "mrr": st.sampled_from(["1", "2", "0", "-1", "x"]),
        "loaded": st.sampled_from([*DAYS, "never"]),
        "size": st.sampled_from(["1", "2"]),
    }
)
SHAPES = {
    "attributes": {"columns": {"size": {}}},
    "history": {"at": "start", "columns": {"size": {}}},
    "periods": {"role": "revenue", "start": "start", "end": "end", "product": "product", "amount": "mrr"},
    "events": {"at": "start", "quantity": "mrr"},
    "market": {"indicator": "product", "period": "start", "published": "start", "value": "mrr"},
    "snapshot": {"at": "start", "outcome": "size", "outcome_kind": "number"},
}


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=14), cut=st.sampled_from(DAYS), with_known=st.booleans())
def test_a_table_cut_at_a_moment_is_treated_as_the_whole_table(shape, rows, cut, with_known):
    if shape == "attributes" and not with_known:
        return
    spec = {"shape": shape, **SHAPES[shape], **({"known_at": "loaded"} if with_known else {})}
    frame = pd.DataFrame(rows).astype(str)
    whole = one_table(frame, company={"data_until": "2024-01-01"}, **spec)
    said(whole)
    # What was not known by then is not in the file: the moment of a row stands in the row alone.
    moment = (
        frame["loaded"].where(frame["loaded"] >= frame["start"], frame["start"])
        if shape != "attributes"
        else frame["loaded"]
    )
    known = moment if with_known else frame["start"]
    earlier = one_table(frame[known < cut], company={"data_until": "2024-01-01"}, **spec)
    said(earlier)
    before = whole.tables["t"].rows
    before = before[before["_known_at"] < pd.Timestamp(cut)]
    after = earlier.tables["t"].rows
    after = after[after["_known_at"] < pd.Timestamp(cut)]
    assert sorted(after["_row"]) == sorted(before["_row"])


def test_ids_of_rows_that_stand_again_are_named_be_they_declared_or_not():
    lines = [f"e{i},a,2023-01-0{i % 9 + 1},{i}" for i in range(40)]
    text = "usage_id,account_id,day,n\n" + "\n".join([*lines, "e7,a,2023-02-01,7"]) + "\n"
    tables = one_table(text, shape="events", at="day")
    assert said(tables) == [("warn", "usage_id", "duplicate_id", 1)]
    assert problem_of(tables, "t", "duplicate_id").examples == ("'e7'",)
    assert tables.tables["t"].left_out == ("usage_id", "n")


def test_an_id_of_something_else_than_the_row_is_no_duplicate():
    text = "product_id,account_id,day\n" + "".join(f"p{i % 3},a,2023-01-{i + 1:02d}\n" for i in range(28))
    assert said(one_table(text, shape="events", at="day")) == []


def test_a_header_among_the_rows_is_no_account():
    text = "account_id,plan\na,x\naccount_id,plan\nb,plan\n"
    tables = one_table(text, shape="attributes", columns={"plan": {}})
    assert said(tables) == [("quarantine", None, "repeated_header", 1)]
    assert tables.tables["t"].rows["_account_id"].tolist() == ["a", "b"]
    assert tables.quarantine["t"]["row"].tolist() == [2]


def test_rows_that_a_quote_has_swallowed_are_told():
    text = 'account_id,plan,town\na,"x,Rome\nb,y,Bonn\nc,z",Oslo\nd,"one\ntwo, three",Bern\n'
    tables = one_table(text, shape="attributes", columns={"plan": {}})
    assert said(tables) == [("warn", "plan", "rows_in_a_cell", 1)]
    assert tables.tables["t"].rows_read == 2

"""Columns: missing, unnamed, empty, constant, with names of any signs; and notes, whose key may be empty."""

import pandas as pd
import pytest

from leap.features import discover_features
from leap.sources import inspect_workspace, write_quarantine
from tests.tables.companies import ACCOUNTS, conserved, found, one_table, problem_of, said, workspace

ODD = [
    "a,b",
    "a: b",
    'say "x"',
    "[x]",
    "{x}",
    "tab\there",
    "line\nbreak",
    "\u202egnp",
    "=1+1",
    "<script>",
    "é",
    " lead",
]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_columns_may_have_names_of_any_signs():
    header = ",".join(["account_id", *map(quoted, ODD)])
    rows = "".join(f"a{i}," + ",".join(str(i + j) for j in range(len(ODD))) + "\n" for i in range(4))
    tables = one_table(f"{header}\n{rows}", shape="attributes", columns={name: {} for name in ODD})
    assert said(tables) == []
    assert list(tables.tables["t"].rows.columns)[-len(ODD) :] == ODD
    assert len(discover_features(tables).features) == len(ODD) + 1


@pytest.mark.parametrize("name", ["_amount", "_start", "_row"])
def test_a_column_with_a_name_that_leap_uses_itself_is_refused_and_replaces_nothing(name: str):
    """Declared as a feature, a column `_amount` once stood in for the revenue itself."""
    table = f"account_id,started_on,ended_on,mrr,{name}\na,2023-01-01,,100,7\n"
    spec = {"shape": "periods", "role": "revenue", "amount": "mrr"}
    declared = one_table(table, **spec, columns={name: {}})
    assert [p for p in said(declared) if p[0] == "fail"] == [("fail", name, "reserved_name", 1)]
    assert "another name" in problem_of(declared, "t", "reserved_name").remedy
    assert one_table(table, **spec).tables["t"].rows["_amount"].tolist() == [100.0]


def test_refused_rows_keep_columns_of_any_names(tmp_path):
    header = ",".join(["account_id", "day", "actions", *map(quoted, ODD)])
    folder = workspace(tmp_path, usage=f"{header}\na1,never,1,{','.join('v' * len(ODD))}\n")
    (path,) = write_quarantine(inspect_workspace(folder), folder).values()
    assert list(pd.read_parquet(path).columns)[-len(ODD) :] == ODD


def test_bytes_are_read_as_text_and_spelt_out_where_they_are_none():
    frame = pd.DataFrame({"account_id": [b"a", b"\xff", None], "size": [b"1", b"2", b"\xfe"]})
    tables = one_table(frame, shape="attributes", columns={"size": {}})
    assert said(tables) == [("quarantine", "account_id", "missing_key", 1)]
    assert tables.tables["t"].rows["_account_id"].tolist() == ["a", "\\xff"]
    assert tables.quarantine["t"]["size"].tolist() == ["\\xfe"]


def test_columns_without_a_name_are_left_out_and_said():
    tables = one_table("account_id,size,,\na,1,,\nb,2,x,\nc,4,,y\n", shape="attributes", columns={"size": {}})
    assert said(tables) == [("warn", None, "unnamed_column", 2)]
    assert tables.tables["t"].left_out == ("(column 3)", "(column 4)")


def test_a_missing_column_among_ten_thousand_is_named_in_few_words():
    names = [f"a rather long name of a column {i}" for i in range(10_000)]
    frame = pd.DataFrame([["a", *["1"] * 10_000]], columns=["account_id", *names])
    problem = problem_of(one_table(frame, shape="attributes", columns={"seats": {}}), "t", "missing_column")
    assert (problem.level, problem.column, problem.count) == ("fail", "seats", 1)
    assert len(problem.remedy) < 2000 and "and 9,971 more" in problem.remedy


def test_a_header_of_more_than_a_hundred_thousand_signs_is_read(tmp_path):
    names = [f"a rather long name of a column {i}" for i in range(10_000)]
    accounts = f"account_id,country,employees,{','.join(names)}\na1,NA,1,{','.join('1' for _ in names)}\n"
    tables = inspect_workspace(workspace(tmp_path, accounts=accounts))
    assert found(tables) == set() and conserved(tables)
    assert len(tables.tables["accounts"].left_out) == 10_000


def test_the_order_of_columns_changes_nothing(tmp_path):
    plain = inspect_workspace(workspace(tmp_path / "plain"))
    other = ACCOUNTS.splitlines()
    turned = "\n".join(",".join(reversed(line.split(","))) for line in other) + "\n"
    tables = inspect_workspace(workspace(tmp_path / "other", accounts=turned))
    pd.testing.assert_frame_equal(tables.tables["accounts"].rows, plain.tables["accounts"].rows)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (["", "", "", ""], ("warn", "size", "all_missing", 4)),
        (["5", "5", "5", "5"], ("warn", "size", "constant", 4)),
        (["x", "x", "x", "x"], ("warn", "size", "constant", 4)),
        (["x", "x", "", "x"], None),
        (["5", "5", "5", "6"], None),
    ],
)
def test_a_column_that_tells_nothing_is_named(values, problem):
    text = "account_id,size\n" + "".join(f"a{i},{value}\n" for i, value in enumerate(values))
    tables = one_table(text, shape="attributes", columns={"size": {}})
    assert said(tables) == ([problem] if problem else [])
    frame = pd.DataFrame({"account_id": list("abc"), "size": [None] * 3})
    assert said(one_table(frame, shape="attributes", columns={"size": {}})) == [("warn", "size", "all_missing", 3)]


def test_words_that_make_a_column_no_number_say_so():
    text = "account_id,size\n" + "".join(f"a{i},{i if i % 20 else 'many'}\n" for i in range(100))
    problem = problem_of(one_table(text, shape="attributes", columns={"size": {}}), "t", "bad_number")
    assert (problem.count, "not taken as one of numbers" in problem.remedy) == (5, True)
    few = "account_id,size\n" + "".join(f"a{i},{i if i != 7 else 'many'}\n" for i in range(200))
    assert (
        "count as missing"
        in problem_of(one_table(few, shape="attributes", columns={"size": {}}), "t", "bad_number").remedy
    )


NOTES = {"shape": "events", "role": "notes", "at": "written_on"}


def test_notes_keep_their_words_their_owner_and_what_they_are_about():
    text = (
        "account_id,written_on,note,owner,what\n"
        'a,2023-01-01,"Asked for <b>a discount</b>",Ann,price\n'
        ",2023-01-02,A rival has gone,Ben,\n"
        "a,2023-01-03,,Ann,\n"
        "a,2023-01-04,Quiet,,\n"
        "a,soon,Quiet,Ann,\n"
    )
    tables = one_table(text, **NOTES, about="what")
    assert said(tables) == [
        ("quarantine", "written_on", "bad_date", 1),
        ("quarantine", "note", "missing_note", 1),
        ("warn", "owner", "missing_owner", 1),
    ]
    rows = tables.tables["t"].rows
    assert rows["_account_id"].tolist() == ["a", "", "a"]
    assert rows["_note"].tolist() == ["Asked for <b>a discount</b>", "A rival has gone", "Quiet"]
    assert (rows["_owner"].tolist(), rows["_about"].tolist()) == (["Ann", "Ben", ""], ["price", "", ""])
    assert tables.accounts.tolist() == ["a"]
    assert tables.tables["t"].left_out == ()
    assert [feature.name for feature in discover_features(tables).features] == ["tenure_months"]
    assert one_table(text, **NOTES).tables["t"].rows["_about"].tolist() == ["", "", ""]


def test_notes_without_a_column_of_words_or_owner_fail():
    tables = one_table("account_id,written_on,text\na,2023-01-01,x\n", **NOTES)
    assert said(tables) == [("fail", "note", "missing_column", 1), ("fail", "owner", "missing_column", 1)]


@pytest.mark.parametrize("name", ["_amount", "_start", "_row", "_account_id"])
def test_a_declared_column_cannot_take_the_place_of_amounts_dates_or_row_numbers(name):
    text = f"account_id,started_on,ended_on,mrr,{name}\na,2024-01-01,,100,999999\nb,2024-01-01,x,100,999999\n"
    tables = one_table(text, shape="periods", role="revenue", amount="mrr", columns={name: {}})
    assert ("fail", name, "reserved_name", 1) in said(tables)
    assert tables.quarantine["t"]["row"].tolist() == [2] and not len(tables.tables["t"].rows)
    undeclared = one_table(text, shape="periods", role="revenue", amount="mrr")
    assert undeclared.tables["t"].rows["_amount"].tolist() == [100.0]
    assert said(undeclared) == [("quarantine", "ended_on", "bad_date", 1)]


def test_the_column_of_margins_must_be_there_and_hold_fractions():
    text = "account_id,margin\na,0.5\nb,78\nc,80%\nd,\n"
    assert said(one_table(text, company={"gross_margin": "margin"}, shape="attributes")) == [
        ("warn", "margin", "bad_margin", 2)
    ]
    assert said(one_table(text, company={"gross_margin": "margins"}, shape="attributes")) == [
        ("fail", "margins", "missing_column", 1)
    ]


@pytest.mark.parametrize(
    ("declared", "kinds", "warned"), [({}, ("acquisition", "service"), 1), ({}, ("acquisition", "Acquisition"), 0),
                                      ({}, ("flight", "dinner"), 0), ({"kind": "type"}, ("acquisition", "service"), 0)]
)  # fmt: skip
def test_costs_whose_kind_is_not_declared_are_named(declared, kinds, warned):
    """All of them count as spent to win customers then, also what it cost to serve them."""
    text = "account_id,occurred_at,type,amount\n" + "".join(
        f"a{i},2024-01-0{i + 1},{k},5\n" for i, k in enumerate(kinds)
    )
    tables = one_table(text, shape="events", role="costs", amount="amount", **declared)
    assert [rule for *_, rule, _ in said(tables)].count("cost_kind_not_declared") == warned

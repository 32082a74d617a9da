"""A flat table's rows: what counts as yes, what is empty, what is not known yet, and which columns are features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import CatalogError, TableError, UnknownAccount, UsageError
from leap.flat.choosing import matrix_of, row_of, rows_at, rows_to_score
from leap.flat.rows import checked, declare, feature_frame, flat_rows, unused
from tests.flat.worlds import tables_of


def small(outcomes: list[Any], **columns: list[Any]) -> pd.DataFrame:
    ids = [f"a{i}" for i in range(len(outcomes))]
    return pd.DataFrame({"account_id": ids, "size": range(len(ids)), **columns, "churned": outcomes})


def outcomes(frame: pd.DataFrame, **more: Any) -> list[float | None]:
    found = flat_rows(tables_of(frame, **more), until_given=False).outcome
    return [None if np.isnan(value) else float(value) for value in found]


# --- what counts as yes


@pytest.mark.parametrize(
    ("cells", "positive", "expected"),
    [
        (["1", "0", "", "1.0"], None, [1, 0, None, 1]),
        (["true", "False", "NULL", "yes"], None, [1, 0, None, 1]),
        ([True, False, None, True], None, [1, 0, None, 1]),
        (["Yes", "No", "", "Yes"], "Yes", [1, 0, None, 1]),
        (["left", "stayed", " ", "nan"], "left", [1, 0, None, None]),
        (["2", "1", "", "2.0"], 2, [1, 0, None, 1]),
        ([2.0, 1.0, None, 2.0], 2, [1, 0, None, 1]),
        (["0.5", "1", "", "0.50"], 0.5, [1, 0, None, 1]),
        (["true", "false", "", "1"], True, [1, 0, None, 1]),
        (["true", "false", "", "0"], False, [0, 1, None, 1]),
    ],
)
def test_an_outcome_is_yes_where_it_equals_outcome_positive_in_its_own_type(
    cells: list[Any], positive: Any, expected: list[float | None]
) -> None:
    assert outcomes(small(cells), outcome_positive=positive) == expected


def test_a_number_is_itself_and_empty_is_not_zero() -> None:
    frame = small(["1.5", "", "0", "-3e2"])
    assert outcomes(frame, outcome_kind="number") == [1.5, None, 0.0, -300.0]


@pytest.mark.parametrize(
    ("cells", "positive", "rule"),
    [
        (["Yes", "No"], "yes", "outcome_positive_not_found"),
        (["Yes", "1"], 1, "bad_outcome"),
        (["1", "0"], 3, "outcome_positive_not_found"),
        (["maybe", "true"], True, "bad_outcome"),
        (["true", "true"], False, "outcome_positive_not_found"),
    ],
)
def test_an_outcome_positive_that_cannot_be_meant_fails_and_shows_what_is_there(
    cells: list[str], positive: Any, rule: str
) -> None:
    tables = tables_of(small(cells), outcome_positive=positive)
    (problem,) = checked(tables).problems
    assert (problem.level, problem.rule, problem.table, problem.column) == ("fail", rule, "flat", "churned")
    assert problem.examples and problem.remedy
    with pytest.raises(TableError, match=rule):
        flat_rows(tables, until_given=False)


def test_words_say_what_yes_is_where_it_is_not_plainly_yes() -> None:
    def said(positive: Any, cells: list[str]) -> str:
        return flat_rows(tables_of(small(cells), outcome_positive=positive), until_given=False).outcome_of.words

    assert said("Yes", ["Yes", "No"]) == said(1, ["1", "0"]) == said(None, ["1", "0"]) == "churned"
    assert said(False, ["true", "false"]) == "churned = false"
    assert said("gone", ["gone", "here"]) == "churned = gone"


# --- keys and dates


def test_a_key_that_stands_twice_is_quarantined() -> None:
    frame = small(["1", "0", "1"])
    frame.loc[2, "account_id"] = "a0"
    tables = tables_of(frame)
    (problem,) = tables.problems
    assert (problem.level, problem.rule, problem.count) == ("quarantine", "duplicate_key", 1)
    assert flat_rows(tables, until_given=False).keys.tolist() == ["a0", "a1"]


def test_one_account_may_have_a_row_per_date() -> None:
    frame = small(["1", "0", "1"], at=["2024-01-01", "2024-01-01", "2024-02-01"])
    frame["account_id"] = ["a", "b", "a"]
    rows = flat_rows(tables_of(frame), until_given=False)
    assert list(zip(rows.keys, rows.as_of(), strict=True)) == [
        ("a", "2024-01-01"),
        ("a", "2024-02-01"),
        ("b", "2024-01-01"),
    ]


def test_a_time_of_day_is_kept_in_the_date_of_a_row() -> None:
    frame = small(["1", "0"], at=["2024-01-01", "2024-01-01 09:30"]).assign(account_id="a")
    assert flat_rows(tables_of(frame), until_given=False).as_of() == ["2024-01-01", "2024-01-01T09:30:00"]


def dated() -> pd.DataFrame:
    frame = small(["1", "0", "0", ""], at=["2023-01-01", "2024-01-01", "2024-06-01", "2024-06-01"])
    return frame.assign(account_id=["a", "a", "a", "b"])


def test_a_filled_outcome_is_known_unless_a_stated_end_lies_within_its_horizon() -> None:
    """Horizon 6 months: of the row of January 2024 the outcome is known from July on, the day of July not included."""

    def known(end: str | None) -> list[bool]:
        tables = tables_of(dated(), data_until=end)
        return flat_rows(tables, until_given=end is not None).labelled.tolist()

    assert known(None) == [True, True, True, False]
    assert known("2025-01-01") == [True, True, True, False]
    assert known("2024-12-01") == [True, True, False, False]
    assert known("2024-07-01") == [True, False, False, False]
    assert known("2024-06-01") == [True, False]  # rows at the end do not exist


def test_the_end_of_undated_rows_is_what_was_stated_and_never_the_clock() -> None:
    frame = small(["1", "0"])
    assert flat_rows(tables_of(frame), until_given=False).as_of() == ["", ""]
    assert flat_rows(tables_of(frame, data_until="2024-05-01"), until_given=True).as_of() == ["2024-05-01"] * 2


# --- which rows


def test_rows_without_an_outcome_are_scored_else_all() -> None:
    rows = flat_rows(tables_of(dated()), until_given=False)
    chosen, which = rows_to_score(rows, None, everything=False)
    assert (chosen.keys.tolist(), which) == (["b"], "empty")
    assert len(rows_to_score(rows, None, everything=True)[0]) == 4
    full = flat_rows(tables_of(dated()[:3]), until_given=False)
    assert (len(rows_to_score(full, None, everything=False)[0]), rows_to_score(full, None, everything=False)[1]) == (
        3,
        "all",
    )


def test_at_a_date_each_accounts_latest_row_counts() -> None:
    rows = flat_rows(tables_of(dated()), until_given=False)
    found = rows_at(rows, pd.Timestamp("2024-05-31"))
    assert (found.keys.tolist(), found.as_of()) == (["a"], ["2024-01-01"])
    assert rows_at(rows, pd.Timestamp("2024-06-01")).as_of() == ["2024-06-01"] * 2
    assert len(rows_at(rows, pd.Timestamp("2020-01-01"))) == 0
    with pytest.raises(UsageError, match="no dates"):
        rows_at(flat_rows(tables_of(small(["1", "0"])), until_given=False), pd.Timestamp("2024-01-01"))


def test_an_account_is_explained_by_its_latest_row_without_an_outcome() -> None:
    frame = dated()
    frame.loc[1, "churned"] = ""
    rows = flat_rows(tables_of(frame), until_given=False)
    assert row_of(rows, "a").as_of() == ["2024-01-01"]
    assert row_of(rows, "b").as_of() == ["2024-06-01"]
    with pytest.raises(UnknownAccount, match="zz"):
        row_of(rows, "zz")


# --- features


def test_key_date_outcome_identifiers_and_what_is_known_after_are_no_features() -> None:
    n = 40
    frame = small(
        ["1", "0"] * (n // 2),
        note=[f"text {i}" for i in range(n)],
        later=["x", "y"] * (n // 2),
        flag=["true", "false"] * (n // 2),
        region=["north", "south"] * (n // 2),
        empty=[""] * n,
    )
    every = {name: {} for name in (*frame.columns, "later")} | {"later": {"available": "after"}}
    rows = flat_rows(tables_of(frame, columns=every), until_given=False)
    catalog = declare(rows)
    assert {feature.name: feature.kind for feature in catalog.features} == {
        "size": "number",
        "flag": "boolean",
        "region": "category",
    }
    assert unused(rows, catalog) == ["account_id", "note", "empty", "churned"]


def test_names_stay_apart_where_columns_differ_by_signs_only() -> None:
    frame = pd.DataFrame({"account_id": ["a", "b"], "Size-m": [1, 2], "size m": [3, 4], "churned": [0, 1]})
    rows = flat_rows(tables_of(frame), until_given=False)
    assert feature_frame(rows, declare(rows)).frame.to_dict("list") == {"size_m": [1, 2], "size_m_2": [3, 4]}


def test_rows_without_an_outcome_do_not_decide_what_a_column_holds() -> None:
    frame = small(["1", "0", "", "", ""], value=["1", "2", "x", "y", "z"])
    rows = flat_rows(tables_of(frame), until_given=False)
    catalog = declare(rows)
    assert catalog.by_name["value"].kind == "number"
    with pytest.raises(CatalogError, match=r"flat.value: expected numbers.*3 of 5 rows, for example 'x'"):
        feature_frame(rows, catalog)


def test_a_column_that_the_model_needs_and_the_table_lacks_is_named() -> None:
    rows = flat_rows(tables_of(small(["1", "0"], seats=[1, 2])), until_given=False)
    catalog = declare(rows)
    fewer = flat_rows(tables_of(small(["1", "0"])), until_given=False)
    with pytest.raises(CatalogError, match="seats"):
        feature_frame(fewer, catalog)


def test_the_matrix_has_every_row_or_the_latest_at_each_date() -> None:
    rows = flat_rows(tables_of(dated()), until_given=False)
    _, every = matrix_of(rows, [])
    assert every[["account_id", "as_of"]].to_numpy().tolist() == [
        ["a", "2023-01-01"], ["a", "2024-01-01"], ["a", "2024-06-01"], ["b", "2024-06-01"],
    ]  # fmt: skip
    _, two = matrix_of(rows, [pd.Timestamp("2023-06-01"), pd.Timestamp("2024-06-01")])
    assert two.to_dict("list") == {
        "account_id": ["a", "a", "b"],
        "as_of": ["2023-06-01", "2024-06-01", "2024-06-01"],
        "size": [0.0, 2.0, 3.0],
    }

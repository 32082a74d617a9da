"""Columns that say the outcome in other words are left out of a flat table, unless they are kept on purpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leap.flat.leaks import audit, without_leaks
from leap.flat.rows import declare, flat_rows
from tests.flat.worlds import customers, tables_of


def leaking() -> pd.DataFrame:
    """`exit_interview` is filled only for those who left, `final_score` nearly is the outcome, `cancel_code` says so."""
    rng = np.random.default_rng(5)
    table = customers(200)
    left = table["churned"] == "1"
    table["exit_interview"] = np.where(left, rng.choice(["price", "product"], 200), "")
    table["final_score"] = (left * 3 + rng.normal(0, 0.5, 200)).astype(str)
    table["cancel_code"] = rng.choice(["a", "b"], 200)
    return table


def features_of(table: pd.DataFrame, **more: Any) -> list[str]:
    tables, _ = without_leaks(tables_of(table, **more), until_given=False)
    return declare(flat_rows(tables, until_given=False)).names


def test_names_that_tell_and_columns_that_alone_say_the_outcome_are_left_out() -> None:
    found = {leak.column: leak.why for leak in audit(tables_of(leaking()), until_given=False)}
    assert set(found) == {"exit_interview", "final_score", "cancel_code"}
    assert "name" in found["cancel_code"] and "alone it tells churned with AUC" in found["final_score"]
    assert features_of(leaking()) == ["usage", "seats", "plan", "autopay"]


def test_a_column_is_kept_if_the_settings_say_so() -> None:
    kept = {"leaks": {"keep_columns": ["flat.final_score"]}}
    assert "final_score" in features_of(leaking(), document=kept)


def test_the_outcome_declared_as_a_column_is_no_leak_and_no_feature() -> None:
    table = customers(200)
    columns = {name: {} for name in ("usage", "churned")}
    assert audit(tables_of(table, columns=columns), until_given=False) == []
    assert features_of(table, columns=columns) == ["usage"]


def test_what_repeats_a_number_is_left_out() -> None:
    table = customers(200)
    table["spend_in_cents"] = (table["spend"].astype(float) * 100).astype(str)
    (leak,) = audit(tables_of(table, outcome="spend", outcome_kind="number"), until_given=False)
    assert leak.column == "spend_in_cents" and "a high spend" in leak.why


def test_outcomes_that_cannot_be_read_leave_the_audit_by_name() -> None:
    found = audit(tables_of(leaking(), outcome_positive="Yes"), until_given=False)
    assert [leak.column for leak in found] == ["exit_interview", "cancel_code"]

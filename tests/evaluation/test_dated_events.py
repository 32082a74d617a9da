"""The day of an event is the day on which MRR changed, by the definitions that the outcomes have too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.evaluation.dated_events import dated_events, last_events
from leap.evaluation.ranks import in_top, mean_of, rank_percentile, share_of
from leap.evaluation.said_before import _far_apart
from leap.tables import tables_from_records
from tests.worlds import company_of, position, subscription


def events_of(rows: list[dict[str, Any]], until: str = "2024-01-01", **more: Any) -> set[tuple[str, str, str]]:
    tables = company_of(rows, until, **more)
    found = dated_events(tables)
    return {
        (str(tables.accounts[code]), outcome, f"{at:%Y-%m-%d}") for outcome, code, at in found.itertuples(index=False)
    }


def test_churn_contraction_and_expansion_have_the_day_of_the_change() -> None:
    rows = [
        subscription("left", "2022-01-01", "2022-06-10"),
        subscription("less", "2022-01-01", "2022-07-01", 100),
        subscription("less", "2022-07-01", None, 60),
        subscription("more", "2022-01-01", None, 100),
        subscription("more", "2022-09-15", None, 40, product="add-on"),
        subscription("same", "2022-01-01", "2022-03-01", 100),
        subscription("same", "2022-03-01", None, 100),
    ]
    assert events_of(rows) == {
        ("left", "churn", "2022-06-10"),
        ("less", "contraction", "2022-07-01"),
        ("more", "expansion", "2022-09-15"),
    }


@pytest.mark.parametrize(("grace", "churned"), [(0, True), (9, True), (10, False), (30, False)])
def test_who_is_back_within_the_days_of_grace_has_not_churned(grace: int, churned: bool) -> None:
    rows = [subscription("back", "2022-01-01", "2022-06-10"), subscription("back", "2022-06-20", None, 300)]
    found = events_of(rows, outcome={"grace_days": grace})
    assert (("back", "churn", "2022-06-10") in found) == churned
    assert not {outcome for _, outcome, _ in found} - {"churn"}, "to come back is no expansion"


def test_an_end_that_lies_ahead_or_is_too_fresh_to_tell_is_no_event() -> None:
    rows = [
        subscription("ahead", "2022-01-01", "2024-06-01", cancelled_at="2023-11-01"),
        subscription("fresh", "2022-01-01", "2023-12-20"),
    ]
    assert events_of(rows, outcome={"grace_days": 30}) == set()
    assert events_of(rows) == {("fresh", "churn", "2023-12-20")}


def test_a_rise_below_the_least_uplift_is_no_expansion() -> None:
    rows = [
        subscription("a", "2022-01-01", "2022-05-01", 100),
        subscription("a", "2022-05-01", "2022-08-01", 104),
        subscription("a", "2022-08-01", None, 130),
    ]
    assert events_of(rows, outcome={"min_uplift": 0.05}) == {("a", "expansion", "2022-08-01")}


def test_an_account_that_was_renamed_has_not_left() -> None:
    rows = [subscription("old", "2022-01-01", "2022-06-01"), subscription("new", "2022-06-01", "2023-02-01")]
    found = events_of(rows, lineage=[("old", "new", "2022-06-01")])
    assert found == {("new", "churn", "2023-02-01")}


def test_of_orders_only_churn_is_dated_by_the_first_month_without_any() -> None:
    spec = {"shape": "events", "role": "revenue", "source": "o.csv", "at": "on", "amount": "amount"}
    settings = parse_settings({"tables": {"orders": {**spec, "trailing_months": 3}}})
    days = ("2022-01-10", "2022-02-10", "2022-03-10", "2022-09-05")
    orders = [{"account_id": "a", "on": day, "amount": 30 + i} for i, day in enumerate(days)]
    orders += [{"account_id": "b", "on": f"2022-{month:02}-02", "amount": 10 * month} for month in range(1, 13)]
    tables = tables_from_records(settings, {"orders": orders}, data_until="2023-01-15")
    found = dated_events(tables)
    assert set(found["outcome"]) == {"churn"} and set(found["code"]) == {position(tables, "a")}
    assert [f"{at:%Y-%m-%d}" for at in found["at"]] == ["2022-07-01", "2023-01-01"]
    assert last_events(found, 2)["churn"][position(tables, "a")] == np.datetime64("2023-01-01")


def test_of_one_account_the_first_event_is_taken_and_those_half_a_year_after_it() -> None:
    days = pd.to_datetime(["2022-01-01", "2022-03-01", "2022-06-30", "2022-07-01", "2023-01-01"])
    events = pd.DataFrame({"outcome": "expansion", "code": [0, 0, 0, 1, 0], "at": days})
    assert _far_apart(events).tolist() == [True, False, True, True, True]
    assert _far_apart(events[:2]).tolist() == [True, False], "what comes later replaces nothing"


def test_ranks_and_shares_count_equals_fairly() -> None:
    same = np.array([0.3] * 10)
    assert set(rank_percentile(same)) == {0.5} and in_top(same, 0.1).tolist() == [0.1] * 10
    mixed = np.array([0.1, 0.2, 0.2, 0.9])
    for share in (0.1, 0.25, 0.5, 0.75, 1.0):
        assert in_top(mixed, share).sum() == pytest.approx(-(-share * 4 // 1))
    assert rank_percentile(mixed).mean() == pytest.approx(0.5) and rank_percentile(mixed[:1]).tolist() == [0.5]


def test_an_interval_is_as_wide_as_its_accounts_are_few() -> None:
    values = np.array([1.0, 0.0] * 50)
    many, few = share_of(values, 100), share_of(values, 10)
    assert many["value"] == few["value"] == 0.5
    assert few["low"] < many["low"] < 0.5 < many["high"] < few["high"]
    assert share_of(np.array([0.0] * 8), 8)["high"] > 0.2, "nobody of eight is not nobody of all"
    assert mean_of(values, 10)["low"] < mean_of(values)["low"]

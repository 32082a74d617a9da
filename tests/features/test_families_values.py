"""Values of single features in small worlds: the day itself, windows to the day, leap days, corrections and gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.features import build_features, discover_features
from leap.tables import AccountTables, tables_from_records
from tests.worlds import Row, company_of, everyone_at, subscription

NAN = float("nan")


def values(tables: AccountTables, feature: str, *days: str) -> list[Any]:
    """A feature of the first account at some moments."""
    catalog = discover_features(tables).with_features([feature])
    return [
        build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame[feature].iloc[0] for day in days
    ]


def by_account(tables: AccountTables, feature: str, day: str) -> list[Any]:
    catalog = discover_features(tables).with_features([feature])
    return build_features(tables, everyone_at(tables, pd.Timestamp(day)), catalog).frame[feature].tolist()


def table_of(spec: Mapping[str, Any], rows: Sequence[Row]) -> AccountTables:
    settings = parse_settings({"tables": {"t": {"source": "t.csv", **spec}}})
    return tables_from_records(settings, {"t": list(rows)}, data_until="2026-01-01")


# --- periods: how an amount moves


def test_a_new_price_from_the_day_the_old_one_ends_is_one_increase_and_no_decrease():
    tables = company_of(
        [
            subscription("a", "2022-01-01", "2023-03-01", 100),
            subscription("a", "2023-03-01", "2023-09-01", 130),
            subscription("a", "2023-09-01", None, 130),
        ],
        "2025-01-01",
    )
    days = ("2023-03-01", "2023-03-02", "2024-02-29", "2024-03-01")
    assert values(tables, "subscriptions_mrr_increases_365d", *days) == [0, 1, 1, 0], "[T - 365 days, T)"
    assert values(tables, "subscriptions_mrr_decreases_365d", *days) == [0, 0, 0, 0]
    assert values(tables, "subscriptions_mrr_last_change_days", *days) == [424, 1, 365, 366], "a renewal is no change"
    np.testing.assert_allclose(values(tables, "subscriptions_mrr_change_91d", "2023-05-31", "2023-06-01"), [0.3, 0])


def test_losing_one_of_two_products_is_a_decrease_and_losing_both_is_an_end():
    rows = [
        subscription("a", "2022-01-01", "2022-06-01", 50, product="one"),
        subscription("a", "2022-01-01", "2022-08-01", 70, product="two"),
        subscription("a", "2022-10-01", None, 500, product="one"),
    ]
    tables = company_of(rows, "2025-01-01")
    days = ("2022-06-01", "2022-06-02", "2022-08-02", "2022-12-01")
    assert values(tables, "subscriptions_mrr_decreases_365d", *days) == [0, 1, 1, 1]
    assert values(tables, "subscriptions_mrr_increases_365d", *days) == [0, 0, 0, 0], "coming back is no increase"
    assert values(tables, "subscriptions_mrr_last_change_days", "2022-08-02", "2022-12-01") == [1, 61]


def test_sums_that_are_zero_but_for_rounding_are_zero():
    """0.1 + 0.2 - 0.3 is not 0 in floating point."""
    rows = [
        subscription("a", "2022-01-01", "2022-03-01", 0.1, product="one"),
        subscription("a", "2022-01-01", "2022-03-01", 0.2, product="two"),
        subscription("a", "2022-03-01", "2022-05-01", 0.3, product="three"),
        subscription("a", "2022-07-01", None, 0.3, product="three"),
    ]
    tables = company_of(rows, "2025-01-01")
    for operation in ("increases", "decreases"):
        assert values(tables, f"subscriptions_mrr_{operation}_365d", "2022-12-01") == [0]
    assert values(tables, "subscriptions_mrr_last_change_days", "2022-04-30", "2022-06-30") == [119, 60]


def test_what_never_had_an_amount_has_no_change_of_it():
    tables = company_of([subscription("a", "2022-01-01", None, 0), subscription("b", "2022-01-01")], "2025-01-01")
    assert by_account(tables, "subscriptions_mrr_increases_365d", "2023-01-01")[1] == 0
    for feature in ("increases_365d", "last_change_days", "change_365d"):
        assert np.isnan(by_account(tables, f"subscriptions_mrr_{feature}", "2023-06-01")[0])


# --- periods: ends, gaps, terms


def test_an_end_told_in_advance_is_no_change_yet():
    rows = [subscription("a", "2021-01-01", "2023-01-01", cancelled_at="2022-10-01")]
    tables = company_of(rows, "2025-01-01")
    days = ("2022-12-31", "2023-01-01", "2023-01-02")
    assert values(tables, "subscriptions_changes_365d", *days) == [0, 0, 1]
    assert values(tables, "subscriptions_active_share", *days[:2]) == [1.0, 1.0]
    assert values(tables, "subscriptions_active_count", *days) == [1, 1, 0]


def test_the_active_share_counts_days_of_gaps_once_and_leap_days_as_days():
    rows = [
        subscription("a", "2024-02-01", "2024-02-29", product="one"),
        subscription("a", "2024-02-10", "2024-02-20", product="two"),
        subscription("a", "2024-03-02", None, product="one"),
    ]
    tables = company_of(rows, "2025-01-01")
    found = values(tables, "subscriptions_active_share", "2024-02-01", "2024-02-29", "2024-03-02", "2024-03-12")
    np.testing.assert_array_equal(found, [NAN, 1.0, 28 / 30, 38 / 40])
    assert values(tables, "subscriptions_tenure_days", "2024-03-01", "2025-02-01") == [29, 366]


def test_what_was_active_all_the_time_has_a_share_of_exactly_one():
    rows = [
        subscription("a", "2023-01-01T07:13:09.123457", "2023-04-05T01:02:03.000001"),
        subscription("a", "2023-04-05T01:02:03.000001", None),
    ]
    assert values(company_of(rows, "2025-01-01"), "subscriptions_active_share", "2023-07-01", "2024-07-01") == [1, 1]


def test_the_next_renewal_is_the_nearest_whichever_product_began_last():
    rows = [
        subscription("a", "2023-01-01", renews_on="2024-01-01", product="one"),
        subscription("a", "2023-03-01", renews_on="2025-03-01", product="two"),
    ]
    tables = company_of(rows, "2026-01-01", revenue={"renews": "renews_on"})
    days = ("2023-12-31", "2024-01-01", "2024-01-02")
    assert values(tables, "subscriptions_renews_on_days", *days) == [1, 0, 424]
    assert values(tables, "subscriptions_renews_on_term_days", *days) == [365, 365, 731]
    assert values(tables, "subscriptions_terms", "2023-03-01", "2023-03-02") == [1, 2]


def test_a_contract_known_to_be_cancelled_has_no_next_renewal():
    rows = [subscription("a", "2023-01-01", "2024-01-01", renews_on="2024-01-01", cancelled_at="2023-06-01")]
    tables = company_of(rows, "2026-01-01", revenue={"renews": "renews_on"})
    for feature in ("subscriptions_renews_on_days", "subscriptions_renews_on_term_days"):
        np.testing.assert_array_equal(np.isnan(values(tables, feature, "2023-06-01", "2023-06-02")), [False, True])


def test_a_kind_given_up_is_former_until_it_is_taken_up_again():
    rows = [
        {"account_id": f"a{i:02}", "started_on": start, "ended_on": end, "tool": "crm"}
        for i in range(12)
        for start, end in (("2022-01-01", "2022-05-01"), ("2022-09-01", None))
    ]
    tables = table_of({"shape": "periods", "kind": "tool"}, rows)
    days = ("2022-01-02", "2022-05-01", "2022-05-02", "2022-09-02")
    assert values(tables, "t_crm_former", *days) == [0, 0, 1, 0]
    assert values(tables, "t_crm_active", *days) == [1, 1, 0, 1]


# --- history


def observed(*rows: tuple[str, str, Any], accounts: int = 12) -> AccountTables:
    """A history of one column, the same for enough accounts: observed at, known at, value."""
    spec = {"shape": "history", "known_at": "known_at", "columns": {"stage": {}}}
    table = [
        {"account_id": f"a{i:02}", "observed_at": at, "known_at": known, "stage": value}
        for i in range(accounts)
        for at, known, value in rows
    ]
    return table_of(spec, table)


def test_a_correction_is_no_change_and_counts_once_it_is_known():
    tables = observed(
        ("2022-01-01", "2022-01-01", "seed"),
        ("2022-06-01", "2022-06-01", "series a"),
        ("2022-06-01", "2022-08-01", "seed"),
    )
    days = ("2022-06-02", "2022-08-01", "2022-08-02")
    assert values(tables, "stage", *days) == ["series a", "series a", "seed"]
    assert values(tables, "stage_changes", *days) == [1, 1, 0]
    assert values(tables, "stage_changed_365d", *days) == [1, 1, 0]


def test_there_and_back_is_two_changes_of_which_those_of_a_year_count_to_the_day():
    tables = observed(
        ("2022-01-01", "2022-01-01", "seed"),
        ("2022-03-01", "2022-03-01", "series a"),
        ("2022-04-01", "2022-04-01", ""),
        ("2022-05-01", "2022-05-01", "seed"),
    )
    days = ("2022-01-01", "2022-01-02", "2022-04-15", "2023-05-01", "2023-05-02")
    np.testing.assert_array_equal(values(tables, "stage_changes", *days), [NAN, 0, 1, 2, 2])
    np.testing.assert_array_equal(values(tables, "stage_changed_365d", *days), [NAN, 0, 1, 1, 0])


def test_an_observation_that_comes_late_takes_its_place_in_time():
    tables = observed(
        ("2022-01-01", "2022-01-01", "a"), ("2022-09-01", "2022-09-01", "a"), ("2022-05-01", "2022-12-01", "b")
    )
    assert values(tables, "stage_changes", "2022-12-01", "2022-12-02") == [0, 2]
    assert values(tables, "stage", "2022-12-02") == ["a"]
    assert values(tables, "t_age_days", "2022-12-02") == [92], "the latest observation, not what came last"


def test_a_number_changes_against_what_was_observed_before_the_window_as_known_now():
    """An observation on the first day of the window is inside it; the base is corrected as well."""
    tables = observed(
        ("2022-01-01", "2022-01-01", 100), ("2022-04-02", "2022-04-02", 150), ("2022-01-01", "2022-07-10", 120)
    )
    days = ("2022-04-03", "2022-07-02", "2022-07-03", "2022-07-10")
    np.testing.assert_array_equal(values(tables, "stage_change_91d", *days), [50, 50, 0, 0])
    days = ("2023-01-01", "2023-01-02", "2023-04-02", "2023-04-03")
    np.testing.assert_array_equal(values(tables, "stage_change_365d", *days), [NAN, 30, 30, 0])
    np.testing.assert_allclose(values(tables, "stage_growth_365d", *days), [NAN, 0.25, 0.25, 0])


def test_growth_from_nothing_is_missing_and_a_score_below_zero_has_none():
    tables = observed(("2022-01-01", "2022-01-01", 0), ("2022-06-01", "2022-06-01", 5))
    assert np.isnan(values(tables, "stage_growth_365d", "2023-05-01"))
    assert values(tables, "stage_change_365d", "2023-05-01") == [5]
    names = discover_features(observed(("2022-01-01", "2022-01-01", -5), ("2022-06-01", "2022-06-01", 5))).names
    assert "stage_change_365d" in names and "stage_growth_365d" not in names


def test_what_hardly_any_account_changes_makes_no_feature_of_its_changes():
    rows = (("2022-01-01", "2022-01-01", "a"), ("2022-06-01", "2022-06-01", "b"))
    assert "stage_changes" in discover_features(observed(*rows, accounts=10)).names
    assert "stage_changes" not in discover_features(observed(*rows, accounts=9)).names


def test_a_column_seldom_filled_has_an_age_of_its_own():
    rows: list[Row] = [
        {"account_id": "a", "observed_at": f"2022-0{month}-01", "staff": 5, "nps": 30 if month == 2 else None}
        for month in range(1, 7)
    ]
    tables = table_of({"shape": "history", "columns": {"staff": {}, "nps": {}}}, rows)
    assert "staff_age_days" not in discover_features(tables).names
    assert values(tables, "nps_age_days", "2022-02-01", "2022-06-02")[1] == 121
    assert values(tables, "t_age_days", "2022-06-02") == [1]
    assert discover_features(tables).by_name["nps_age_days"].label == "NPS: time since last observed"


# --- attributes


def test_of_several_rows_of_an_account_the_last_known_counts():
    rows = [{"account_id": "a", "seen_on": "2022-01-01", "size": 10, "segment": "small"}]
    tables = table_of({"shape": "attributes", "known_at": "seen_on", "columns": {"size": {}, "segment": {}}}, rows)
    first = tables.tables["t"]
    later = first.rows.assign(size="80", segment="", _known_at=pd.Timestamp("2022-06-01"), _row=2)
    for both in ([first.rows, later], [later, first.rows]):
        table = replace(first, rows=pd.concat(both, ignore_index=True))
        more = replace(tables, tables={"t": table})
        days = ("2022-01-02", "2022-06-01", "2022-06-02")
        assert values(more, "size", *days) == [10, 10, 80]
        assert values(more, "segment", *days) == ["small"] * 3, "an empty cell says nothing new"
        assert not [name for name in discover_features(more).names if "age" in name]


# --- market


def market(*rows: tuple[str, str, float], segment: str = "retail") -> AccountTables:
    """An indicator by industry: period, publication, value; one account in retail and one in an unknown industry."""
    settings = {
        "tables": {
            "firms": {"shape": "attributes", "source": "f.csv", "columns": {"industry": {}}},
            "market": {"shape": "market", "source": "m.csv", "segment": "industry"},
        }
    }
    figures = [
        {"indicator": "demand", "period": period, "published_at": published, "value": value, "industry": segment}
        for period, published, value in rows
    ]
    firms = [{"account_id": "a", "industry": "retail"}, {"account_id": "b", "industry": ""}]
    records = {"firms": firms * 1, "market": figures}
    return tables_from_records(parse_settings(settings), records, data_until="2026-01-01")


@pytest.mark.parametrize("last", range(1, 13))
@pytest.mark.parametrize("months_end", [False, True])
def test_a_quarter_and_a_year_of_a_monthly_series_are_three_and_twelve_months(last: int, months_end: bool):
    first = pd.Timestamp(2023, last, 1) - pd.DateOffset(months=14)
    periods = [first + pd.DateOffset(months=n) for n in range(15)]
    shown = [period + pd.offsets.MonthEnd(1) if months_end else period for period in periods]
    tables = market(*[(f"{at:%Y-%m-%d}", f"{at:%Y-%m-%d}", 100.0 + n) for n, at in enumerate(shown)])
    day = f"{shown[-1] + pd.Timedelta(days=1):%Y-%m-%d}"
    np.testing.assert_allclose(values(tables, "market_demand_change_91d", day), [114 / 111 - 1])
    np.testing.assert_allclose(values(tables, "market_demand_change_365d", day), [114 / 102 - 1])


def test_a_revised_base_changes_the_share_from_its_publication_on():
    tables = market(
        ("2023-01-01", "2023-02-01", 100), ("2023-04-01", "2023-05-01", 120), ("2023-01-01", "2023-06-01", 80)
    )
    days = ("2023-05-01", "2023-05-02", "2023-06-01", "2023-06-02")
    np.testing.assert_allclose(values(tables, "market_demand_change_91d", *days), [NAN, 0.2, 0.2, 0.5])


@pytest.mark.parametrize("base", [0.0, -4.0])
def test_a_share_of_nothing_or_less_is_missing(base: float):
    tables = market(("2022-01-01", "2022-01-01", base), ("2023-01-01", "2023-01-01", 5))
    assert np.isnan(values(tables, "market_demand_change_365d", "2023-01-02"))
    assert values(tables, "market_demand", "2022-01-02", "2023-01-02") == [base, 5]


def test_an_account_whose_segment_is_not_known_has_no_market():
    tables = market(("2022-01-01", "2022-01-01", 4.0))
    np.testing.assert_array_equal(by_account(tables, "market_demand", "2022-01-02"), [4.0, NAN])

"""Features of event tables: all dates in one pass against one date after the other, and what each feature says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import Settings, parse_settings
from leap.features import FeatureCatalog, Scope, build, build_features, discover_features
from leap.features import measures as measures_module
from leap.snapshots import Snapshots
from leap.tables import AccountTables, tables_from_records
from tests.worlds import Row, everyone_at

WINDOWS = [28, 91, 365]
UNTIL = "2025-06-01"
MOMENTS = [pd.Timestamp(day) for day in ("2023-03-01", "2024-02-29", "2024-03-01", "2024-06-01 13:30", "2025-04-01")]
ACCOUNTS = [f"account {i:02}" for i in range(13)]
NUMBERS = [1.0, 0.1, 0.2, 1 / 3, 2.5, 1e-9, 12.3456789, 2.0**41, 7.0, 1e13]
FEW = settings(max_examples=4, deadline=None)
SEED = st.integers(0, 2**31)


def settings_of(**usage: Any) -> Settings:
    columns: dict[str, Any] = {"rating": {}, "is_mobile": {}, "place": {"label": "Office"}}
    columns["minutes"] = {"label": "Time spent", "unit": "minutes"}
    table = {
        "shape": "events", "source": "u.csv", "at": "occurred_at", "known_at": "loaded_at", "kind": "kind",
        "quantity": "quantity", "amount": "minutes", "windows_days": WINDOWS, "columns": columns, **usage,
    }  # fmt: skip
    return parse_settings({"company": {"timezone": "UTC"}, "tables": {"app_usage": table}})


def records(seed: int, n: int = 260) -> list[Row]:
    """Rows on the edges of windows of the moments and beside them, numbers that floats cannot add, many known late."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        offset = int(rng.choice([0, 1, 27, 28, 29, 91, 182, 365, 364 + 28, 364 + 91, 730, 50]))
        at = MOMENTS[int(rng.integers(len(MOMENTS)))] - pd.Timedelta(days=offset)
        at += pd.Timedelta(microseconds=int(rng.choice([0, 0, -1, 1])))
        known = at + pd.Timedelta(days=int(rng.choice([0, 0, 0, 2, 40, 400])))
        rows.append(
            {
                "account_id": ACCOUNTS[i % len(ACCOUNTS)], "occurred_at": str(at), "loaded_at": str(known),
                "kind": ["login", "report", "export"][int(rng.integers(3))],
                "quantity": float(rng.choice(NUMBERS)),
                "minutes": None if rng.random() < 0.2 else float(rng.choice(NUMBERS)),
                "rating": None if rng.random() < 0.3 else float(rng.integers(10)) / 10,
                "is_mobile": str(rng.choice(["true", "false", ""])), "place": str(rng.choice(["", "Oslo", "Rome", "Lima"])),
            }
        )  # fmt: skip
    return [row for row in rows if row["loaded_at"] < UNTIL]


def tables_of(rows: Iterable[Row], **usage: Any) -> AccountTables:
    return tables_from_records(settings_of(**usage), {"app_usage": list(rows)}, data_until=UNTIL)


def at_all_moments(tables: AccountTables, at_purchase: bool = False) -> Snapshots:
    """Every account at some of the moments, two rows of one account at one moment among them."""
    rows = pd.concat([everyone_at(tables, moment).rows for moment in MOMENTS], ignore_index=True)
    rows = pd.concat([rows[rows.index % 5 != 3], rows.head(4)])
    return Snapshots(rows.sort_values(["code", "as_of"]).reset_index(drop=True), at_purchase)


def built(tables: AccountTables, snapshots: Snapshots, catalog: FeatureCatalog, together: bool) -> pd.DataFrame:
    with patch.object(build, "_MANY", 0 if together else 10**18):
        return build_features(tables, snapshots, catalog).frame


CATALOG = discover_features(tables_of(records(1)))


@FEW
@given(SEED, st.booleans())
def test_all_moments_in_one_pass_are_to_the_bit_the_moments_one_by_one(seed, at_purchase):
    tables = tables_of(records(seed))
    snapshots = at_all_moments(tables, at_purchase)
    together = built(tables, snapshots, CATALOG, True)
    pd.testing.assert_frame_equal(together, built(tables, snapshots, CATALOG, False), check_exact=True)
    assert together.notna().mean().min() > 0, "every feature says something in this world"
    with patch.object(measures_module, "_BUDGET", 20_000):
        pd.testing.assert_frame_equal(built(tables, snapshots, CATALOG, True), together, check_exact=True)


@FEW
@given(SEED)
def test_in_one_pass_too_tables_cut_at_a_moment_give_the_same_bits(seed):
    """Numbers here have no exact sum in floats, and later rows would move the rounding of running sums."""
    full = tables_of(records(seed))
    everything = at_all_moments(full)
    for together in (True, False):
        found = built(full, everything, CATALOG, together)
        for moment in MOMENTS:
            cut = full.known_before(moment)
            rows = (everything.rows["as_of"] == moment) & everything.rows["account_id"].isin(cut.accounts)
            there = everything.where(rows.to_numpy())
            there = Snapshots(there.rows.assign(code=cut.accounts.get_indexer(there.rows["account_id"])))
            expected = built(cut, there, CATALOG, together)
            pd.testing.assert_frame_equal(found[rows].reset_index(drop=True), expected, check_exact=True)


def test_the_order_of_a_file_changes_no_bit():
    rows = records(5)
    one, other = tables_of(rows), tables_of(rows[::-1])
    for together in (True, False):
        frames = [built(tables, at_all_moments(tables), CATALOG, together) for tables in (one, other)]
        pd.testing.assert_frame_equal(*frames, check_exact=True)


def test_a_request_for_one_moment_and_accounts_that_become_others_are_done_moment_by_moment():
    tables = tables_of(records(6))

    def together(tables: AccountTables) -> set[str]:
        return set(build._many_moments(tables, at_all_moments(tables), CATALOG))

    assert together(tables) == set(), "few rows: the kernels need not be loaded"
    with patch.object(build, "_MANY", 1):
        assert together(tables) == {"app_usage"}
        merged = replace(tables)
        object.__setattr__(merged, "lineage", {"account 00": "account 01"})
        assert together(merged) == set()


# --- what the features say


def one_account(rows: Iterable[tuple[str, float]], moment: str, **usage: Any) -> pd.Series:
    """Features of one account at a moment, from (time, quantity) of its events; minutes are ten times the quantity."""
    said = [
        {
            "account_id": "a", "occurred_at": at, "loaded_at": at, "kind": "login", "quantity": n, "minutes": 10 * n,
            "rating": 1, "is_mobile": "true", "place": f"place {i}",
        }
        for i, (at, n) in enumerate(rows)
    ]  # fmt: skip
    tables = tables_of([*said, {**said[0], "account_id": "b", "place": "place 0"}], **usage)
    catalog = discover_features(tables)
    values = build_features(tables, everyone_at(tables, pd.Timestamp(moment)), catalog).frame.iloc[0]
    assert isinstance(values, pd.Series)
    return values


def test_a_window_is_compared_with_the_one_before_it_and_with_the_same_days_a_year_before():
    events = [("2023-01-01", 5.0), ("2023-05-10", 4.0), ("2024-04-20", 8.0), ("2024-05-09", 6.0)]
    found = one_account(events, "2024-05-20")
    assert found["app_usage_count_28d"] == 6
    assert found["app_usage_count_change_28d"] == 6 / 8 - 1
    assert found["app_usage_count_year_ago_28d"] == 6 / 4 - 1, "2023-05-10 lies in the 28 days before 2023-05-22"
    assert found["app_usage_minutes_change_28d"] == 60 / 80 - 1
    assert found["app_usage_minutes_year_ago_28d"] == 60 / 40 - 1
    assert np.isnan(found["app_usage_count_change_365d"]), "not yet recorded 730 days ago"
    assert found["app_usage_events_28d"] == 1
    assert found["app_usage_minutes_mean_91d"] == 70


def test_comparisons_are_missing_if_the_account_was_recorded_only_after_the_earlier_window_began():
    young = one_account([("2023-05-10", 4.0), ("2024-04-20", 8.0), ("2024-05-09", 6.0)], "2024-05-20")
    assert np.isnan(young["app_usage_count_year_ago_28d"])
    assert young["app_usage_count_change_28d"] == 6 / 8 - 1
    new = one_account([("2024-04-20", 8.0), ("2024-05-09", 6.0)], "2024-05-20")
    assert np.isnan(new["app_usage_count_change_28d"])
    edge = one_account([("2023-04-24", 1.0), ("2023-05-10", 4.0), ("2024-05-09", 6.0)], "2024-05-20")
    assert np.isnan(edge["app_usage_count_year_ago_28d"]), "recorded when the window began is not before it"
    before = one_account([("2023-04-23 23:59:59", 1.0), ("2023-05-10", 4.0), ("2024-05-09", 6.0)], "2024-05-20")
    assert before["app_usage_count_year_ago_28d"] == 0.5


def test_distinct_values_are_counted_over_the_longest_window_only():
    features = {name for name in CATALOG.names if "distinct" in name}
    assert features == {"app_usage_place_distinct_365d"}
    rows = [row | {"place": place} for row, place in zip(records(8), ["x", "y", "", "x", "z"] * 100, strict=False)]
    tables = tables_of(rows)
    moment = MOMENTS[-1]
    found = build_features(tables, everyone_at(tables, moment), CATALOG).frame["app_usage_place_distinct_365d"]
    for account, value in zip(tables.accounts, found, strict=True):
        places = {
            row["place"]
            for row in rows
            if row["account_id"] == account
            and pd.Timestamp(row["loaded_at"]) < moment
            and moment - pd.Timedelta(days=365) <= pd.Timestamp(row["occurred_at"]) < moment
        }
        assert value == len(places - {""}), account


def test_features_are_few_and_say_what_they_are_in_words():
    names = set(CATALOG.names)
    assert {"app_usage_count_change_28d", "app_usage_count_change_365d", "app_usage_count_year_ago_91d"} <= names
    assert "app_usage_count_year_ago_365d" not in names, "nearly what its change says"
    assert not {name for name in names if "login" in name and ("change" in name or "ago" in name)}
    assert CATALOG.by_name["app_usage_count_year_ago_91d"].label == (
        "App usage, last 91 days against the same days a year before (52 weeks)"
    )
    assert CATALOG.by_name["app_usage_minutes_change_28d"].label == (
        "Time spent, last 28 days against the 28 days before"
    )
    for feature in CATALOG.features:
        assert feature.label and feature.missing, feature.name
        assert "_" not in feature.label + feature.missing + feature.unit, "words, not names in code"
        assert feature.recipe.window_days is None or str(feature.recipe.window_days) in feature.label
    assert len(CATALOG.features) < 70


def test_news_about_companies_that_may_never_buy_is_not_compared_with_a_year_ago():
    catalog = discover_features(tables_of(records(1), scope="fit"))
    assert not [name for name in catalog.names if "ago" in name or "change" in name]


ORDERS = {
    "shape": "events", "role": "revenue", "source": "o.csv", "at": "ordered_at", "amount": "total",
    "columns": {"total": {"label": "Orders", "unit": "USD"}},
}  # fmt: skip


RATES = {"shape": "market", "role": "rates", "source": "r.csv"}


def catalog_of(table: dict[str, Any], rows: list[Row]) -> FeatureCatalog:
    parsed = parse_settings({"company": {"currency": "USD"}, "tables": {"orders": table, "rates": RATES}})
    rates = [{"indicator": "EUR", "period": "2023-01-01", "published_at": "2023-01-01", "value": 1.1}]
    return discover_features(tables_from_records(parsed, {"orders": rows, "rates": rates}))


def test_orders_tell_recency_frequency_and_money_and_costs_and_notes_nothing():
    rows: list[Row] = [{"account_id": "a", "ordered_at": "2024-01-01", "total": 10, "currency": "USD"}]
    rows.append({**rows[0], "account_id": "b", "ordered_at": "2024-02-01", "currency": "EUR"})
    names = set(catalog_of(ORDERS, rows).names)
    assert {"orders_recency_days", "orders_count_91d", "orders_total_sum_91d", "orders_total_mean_91d"} <= names
    assert "orders_total_change_91d" in names and "orders_events_91d" not in names
    mixed = {**ORDERS, "currency": "currency"}
    assert not [name for name in catalog_of(mixed, rows).names if "total" in name], "two currencies have no sum"
    costs = {"shape": "events", "role": "costs", "source": "c.csv", "at": "ordered_at", "amount": "total"}
    assert [feature.name for feature in catalog_of(costs, rows).features] == ["tenure_months"]


DEALS = {
    "shape": "events", "role": "deals", "source": "d.csv", "amount": "amount", "scope": "fit", "created": "created_on",
    "closed": "closed_on", "won": "won",
}  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2024-01-15", {"won_amount": 0, "open_amount": 0.3, "closed_days": np.nan, "win_share": np.nan}),
        ("2024-03-01", {"won_amount": 0.3, "open_amount": 40, "closed_days": 9, "win_share": 1}),
        ("2024-03-11", {"won_amount": 0.3, "open_amount": 0, "closed_days": 1, "win_share": 2 / 3}),
    ],
)
def test_deals_tell_what_was_won_is_open_and_closed_last(moment: str, expected: dict[str, float]):
    deals = [("2024-01-01", "2024-02-01", "true", 0.1), ("2024-01-02", "2024-02-21", "true", 0.2)]
    deals.append(("2024-02-25", "2024-03-10", "false", 40))
    rows = [dict(zip(("created_on", "closed_on", "won", "amount"), deal, strict=True)) for deal in deals]
    parsed = parse_settings({"tables": {"deals": DEALS}})
    tables = tables_from_records(parsed, {"deals": [{"account_id": "a", **row} for row in rows]}, data_until=UNTIL)
    catalog = discover_features(tables)
    found = build_features(tables, everyone_at(tables, pd.Timestamp(moment)), catalog).frame.iloc[0]
    np.testing.assert_equal({name: found[f"deals_{name}"] for name in expected}, expected)


def test_what_a_purchase_itself_does_to_deals_is_no_fact_about_who_buys():
    rows = [{"account_id": "a", "created_on": "2024-01-01", "closed_on": "2024-02-01", "won": "true", "amount": 1}]
    catalog = discover_features(tables_from_records(parse_settings({"tables": {"deals": DEALS}}), {"deals": rows}))
    health = {feature.name for feature in catalog.of_scope(Scope.HEALTH).features} - {"tenure_months"}
    assert health == {"deals_won_amount", "deals_open_amount", "deals_closed_days", "deals_win_share"}

"""Retention is arithmetic that a CFO repeats: exact, to the day, and null where it is not defined."""

from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import RevenueError, TableError
from leap.revenue import PARTS, Retention, RetentionFigures, Revenue, add_months, definition_hash, retention
from leap.tables import AccountTables
from tests.worlds import Row, company_of, position, subscription

START, END = "2023-06-01", "2024-06-01"


def retained(tables: AccountTables, start: str = START, end: str = END, **more: Any) -> Retention:
    return retention(tables, pd.Timestamp(start), pd.Timestamp(end), **more)


def mrr(tables: AccountTables, account: str, moment: str) -> float:
    return Revenue(tables).mrr_at(pd.Timestamp(moment))[position(tables, account)] / PARTS


def worked_example() -> list[Row]:
    """A 100 to 150, B 200 to 120, C 50 to nothing, D and E as they were, F new."""
    return [
        subscription("A", "2023-01-01", "2023-09-01", 100),
        subscription("A", "2023-09-01", None, 150),
        subscription("B", "2023-01-01", "2024-02-01", 200),
        subscription("B", "2024-02-01", None, 120),
        subscription("C", "2023-01-01", "2023-12-01", 50),
        subscription("D", "2023-01-01", None, 80),
        subscription("E", "2023-01-01", None, 60),
        subscription("F", "2023-10-01", None, 999),
    ]


# --- the worked numbers of the definitions


def test_the_worked_example_gives_its_exact_figures():
    found = retained(company_of(worked_example(), "2024-07-01"))
    figures = found.figures
    assert (figures.accounts, figures.starting_mrr, figures.ending_mrr) == (5, 490.0, 410.0)
    assert figures.nrr == 410 / 490
    assert figures.grr == 360 / 490
    assert round(100 * figures.nrr, 2) == 83.67
    assert round(100 * figures.grr, 2) == 73.47
    assert round(100 * figures.expansion_rate, 2) == 10.20
    assert round(100 * figures.churn_rate, 2) == 10.20
    assert round(100 * figures.contraction_rate, 2) == 16.33
    assert figures.logo_churn == 0.2
    assert found.book_ending_mrr == 410 + 999, "F is in the book, and in no ratio"


def test_the_movement_view_of_the_worked_example_reconciles_with_billing():
    found = retained(company_of(worked_example(), "2024-07-01"))
    assert found.movements == {"new": 999.0, "expansion": 50.0, "contraction": 80.0, "churn": 50.0, "reactivation": 0.0}
    assert found.book_ending_mrr == 490 + 999 + 50 - 80 - 50 + 0


def test_movements_in_between_give_another_grr_than_the_snapshots():
    """A 100 > 140 > 120 > 150, D 80 > 0 > 80, E 60 > 90 > 60: the ends are those of the worked example."""
    tables = company_of(
        [
            subscription("A", "2023-01-01", "2023-08-01", 100),
            subscription("A", "2023-08-01", "2023-11-01", 140),
            subscription("A", "2023-11-01", "2024-03-01", 120),
            subscription("A", "2024-03-01", None, 150),
            subscription("B", "2023-01-01", "2024-02-01", 200),
            subscription("B", "2024-02-01", None, 120),
            subscription("C", "2023-01-01", "2023-12-01", 50),
            subscription("D", "2023-01-01", "2023-10-01", 80),
            subscription("D", "2024-01-01", None, 80),
            subscription("E", "2023-01-01", "2023-07-15", 60),
            subscription("E", "2023-07-15", "2024-01-15", 90),
            subscription("E", "2024-01-15", None, 60),
        ],
        "2024-07-01",
    )
    found = retained(tables)
    moved = found.movements
    assert moved is not None
    assert moved == {"new": 0.0, "expansion": 100.0, "contraction": 130.0, "churn": 130.0, "reactivation": 80.0}
    assert round(100 * (490 - moved["contraction"] - moved["churn"]) / 490, 1) == 46.9
    assert round(100 * found.figures.grr, 2) == 73.47
    by_movements = (490 + moved["expansion"] - moved["contraction"] - moved["churn"] + moved["reactivation"]) / 490
    assert by_movements == found.figures.nrr, "with the reactivations of the cohort the two views agree on NRR"


def test_monthly_rates_compound():
    assert round(1 - 0.97**12, 3) == 0.306
    assert round(0.99**12, 3) == 0.886


# --- a moment, to the day


def test_a_subscription_ending_at_the_moment_is_not_active_and_its_renewal_is():
    tables = company_of(
        [
            subscription("ends", "2023-01-01", "2023-06-01", 70),
            subscription("renews", "2023-01-01", "2023-06-01", 70),
            subscription("renews", "2023-06-01", None, 90),
            subscription("begins", "2023-06-01", None, 30),
        ],
        "2024-01-01",
    )
    assert mrr(tables, "ends", "2023-05-31") == 70
    assert mrr(tables, "ends", "2023-06-01") == 0
    assert mrr(tables, "renews", "2023-06-01") == 90, "not 160, and not 70"
    assert mrr(tables, "begins", "2023-06-01") == 30
    assert mrr(tables, "begins", "2023-05-31") == 0


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2023-01-31", 1, "2023-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2023-08-31", 6, "2024-02-29"),
        ("2023-11-30", 3, "2024-02-29"),
    ],
)
def test_calendar_months_clamp_to_the_last_day(start: str, months: int, expected: str):
    assert add_months(pd.Timestamp(start), months) == pd.Timestamp(expected)


def test_movements_of_the_first_day_are_before_the_window_and_those_of_the_last_in_it():
    tables = company_of(
        [
            subscription("on the first", START, None, 10),
            subscription("on the last", END, None, 7),
            subscription("after", "2024-06-02", None, 5),
        ],
        "2024-07-01",
    )
    found = retained(tables)
    assert found.figures.starting_mrr == 10
    assert found.movements is not None
    assert found.movements["new"] == 7
    assert found.book_ending_mrr == 17


def test_an_end_that_lies_after_the_data_has_not_happened():
    tables = company_of([subscription("a", "2023-01-01", "2024-12-31", 10)], "2024-07-01")
    assert tables.tables["subscriptions"].rows["_end"].isna().all()
    assert retained(tables).figures.nrr == 1.0


def test_a_window_that_is_open_at_the_end_of_the_data_is_refused():
    tables = company_of(worked_example(), "2024-06-01")
    with pytest.raises(RevenueError, match="data end before 2024-06-01"):
        retained(tables)


def test_a_window_whose_days_of_grace_are_not_over_is_refused():
    """C would count as lost although the days in which it may come back are not over."""
    tables = company_of(worked_example(), "2024-06-10", outcome={"grace_days": 30})
    with pytest.raises(RevenueError, match="grace"):
        retained(tables)


# --- cases


def test_one_of_several_subscriptions_ending_is_contraction_not_churn():
    tables = company_of(
        [
            subscription("a", "2023-01-01", None, 60),
            subscription("a", "2023-01-01", "2023-09-01", 40, product="extra"),
        ],
        "2024-07-01",
    )
    found = retained(tables)
    assert (found.figures.churn_rate, found.figures.logo_churn) == (0.0, 0.0)
    assert found.figures.contraction_rate == 0.4
    assert found.movements is not None
    assert (found.movements["contraction"], found.movements["churn"]) == (40.0, 0.0)


def test_an_upgrade_of_two_rows_on_one_day_is_one_movement():
    """Netted per account and date: the old row's end and the new row's start are no churn and no reactivation."""
    rows = [subscription("a", "2023-01-01", "2023-09-01", 60), subscription("a", "2023-09-01", None, 90)]
    moved = retained(company_of(rows, "2024-07-01")).movements
    assert moved == {"new": 0.0, "expansion": 30.0, "contraction": 0.0, "churn": 0.0, "reactivation": 0.0}


def test_an_account_that_left_and_came_back_in_time_has_not_churned():
    rows = [subscription("a", "2023-01-01", "2023-09-01", 60), subscription("a", "2024-05-01", None, 60)]
    found = retained(company_of(rows, "2024-07-01"))
    assert (found.figures.nrr, found.figures.logo_churn) == (1.0, 0.0)
    assert found.movements is not None
    assert (found.movements["churn"], found.movements["reactivation"]) == (60.0, 60.0)


def test_a_gap_longer_than_allowed_is_churn_whatever_followed():
    rows = [subscription("a", "2023-01-01", "2023-09-01", 60), subscription("a", "2023-12-01", None, 60)]
    gap = (date(2023, 12, 1) - date(2023, 9, 1)).days
    for allowed, logo_churn in ((gap, 0.0), (gap - 1, 1.0)):
        tables = company_of(rows, "2024-07-01", outcome={"max_gap_days": allowed})
        assert retained(tables).figures.logo_churn == logo_churn


def test_a_gap_that_only_the_days_of_grace_end_is_as_long_as_it_is():
    """The gap runs from 20 days before the window's end to 30 days after it: 50 days, more than the 40 allowed."""
    rows = [subscription("a", "2023-01-01", "2024-05-12", 60), subscription("a", "2024-07-01", None, 60)]
    tables = company_of(rows, "2024-09-01", outcome={"max_gap_days": 40, "grace_days": 60})
    assert retained(tables).figures.logo_churn == 1.0


def test_a_gap_that_begins_with_the_end_of_the_window_is_one_of_the_window():
    """The gap runs from the window's last day to 45 days after it: more than the 30 allowed, and less than the grace."""
    rows = [subscription("a", "2023-01-01", END, 60), subscription("a", "2024-07-16", None, 60)]
    for allowed, nrr, counted in ((45, 1.0, 1), (44, 0.0, 0)):
        found = retained(company_of(rows, "2024-09-01", outcome={"max_gap_days": allowed, "grace_days": 60}))
        assert (found.figures.nrr, found.gaps and found.gaps.accounts) == (nrr, counted)


def test_days_of_grace_take_the_first_revenue_after_the_window():
    rows = [
        subscription("a", "2023-01-01", "2024-05-20", 60),
        subscription("a", "2024-06-11", "2024-06-15", 45),
        subscription("a", "2024-06-15", None, 90),
    ]
    for grace, expected in ((9, 0.0), (10, 0.75), (14, 0.75)):
        tables = company_of(rows, "2024-09-01", outcome={"grace_days": grace})
        assert retained(tables).figures.nrr == expected


def test_a_reactivated_account_outside_the_cohort_is_in_no_ratio_and_is_reported():
    rows = [
        subscription("back", "2022-01-01", "2022-12-01", 40),
        subscription("back", "2023-09-01", None, 70),
        subscription("stays", "2023-01-01", None, 100),
    ]
    found = retained(company_of(rows, "2024-07-01"))
    assert (found.figures.accounts, found.figures.nrr) == (1, 1.0)
    assert found.movements is not None
    assert (found.movements["reactivation"], found.movements["new"]) == (70.0, 0.0)


def test_a_free_plan_is_not_in_the_cohort_and_its_first_price_is_new():
    rows = [subscription("trial", "2023-01-01", "2023-09-01", 0), subscription("trial", "2023-09-01", None, 50)]
    found = retained(company_of([*rows, subscription("b", "2023-01-01", None, 10)], "2024-07-01"))
    assert found.figures.accounts == 1
    assert found.movements is not None
    assert (found.movements["new"], found.movements["reactivation"]) == (50.0, 0.0)


def test_an_empty_cohort_is_null_with_its_reason_and_never_zero():
    document = retained(company_of([subscription("later", "2024-01-01")], "2024-07-01")).to_json()
    for name in ("nrr", "grr", "churn_rate", "contraction_rate", "expansion_rate", "logo_churn"):
        assert document[name] is None
    assert document["reason"] == "empty_cohort"
    assert (document["accounts"], document["starting_mrr"]) == (0, 0.0)


def test_an_empty_segment_is_null_while_the_others_have_figures():
    figures = RetentionFigures.of(np.array([0, 0]), np.array([5, 0]))
    assert (figures.nrr, figures.reason) == (None, "empty_cohort")


def test_segments_are_those_of_the_start_and_add_up_to_the_whole():
    records = {
        "firms": [
            {"account_id": account, "observed_at": "2023-01-01", "industry": industry}
            for account, industry in zip("ABCDE", ["x", "x", "y", "y", "y"], strict=True)
        ]
        + [{"account_id": "A", "observed_at": "2023-12-01", "industry": "y"}]
    }
    firms = {"firms": {"shape": "history", "source": "f.csv", "columns": {"industry": {}}}}
    found = retained(company_of(worked_example(), "2024-07-01", tables=firms, records=records), by="industry")
    assert set(found.segments) == {"x", "y"}
    assert (found.segments["x"].starting_mrr, found.segments["y"].starting_mrr) == (300.0, 190.0), "A moved to y later"
    whole = sum(part.ending_mrr for part in found.segments.values())
    assert whole == found.figures.ending_mrr


def test_negative_mrr_is_refused():
    with pytest.raises(TableError, match="negative"):
        company_of([subscription("a", "2023-01-01", None, -5)], "2024-07-01")


def test_overlapping_terms_of_one_product_are_refused_and_of_two_are_not():
    rows = [subscription("a", "2023-01-01", "2023-09-01"), subscription("a", "2023-08-31", None)]
    with pytest.raises(TableError, match="overlap"):
        company_of(rows, "2024-07-01")
    rows[1]["product"] = "extra"
    assert mrr(company_of(rows, "2024-07-01"), "a", "2023-08-31") == 200


def test_the_definition_hash_changes_with_what_a_figure_means():
    plain = company_of(worked_example(), "2024-07-01")
    other = company_of(worked_example(), "2024-07-01", outcome={"grace_days": 14})
    assert definition_hash(plain.settings) != definition_hash(other.settings)
    assert definition_hash(plain.settings) == definition_hash(company_of(worked_example(), "2024-01-01").settings)


# --- money


def test_a_third_of_a_year_is_summed_without_a_remainder():
    """166.67 three times is 500.01 to the cent, not 500.0099999."""
    tables = company_of([subscription(a, "2023-01-01", None, 166.67) for a in "abc"], "2024-07-01")
    assert retained(tables).figures.starting_mrr == 500.01


RATES: dict[str, Any] = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}


def in_two_currencies(rates: list[tuple[str, str, float]], rows: list[Row]) -> AccountTables:
    return company_of(
        rows,
        "2024-07-01",
        company={"currency": "USD"},
        revenue={"currency": "currency"},
        tables={"rates": RATES},
        records={"rates": [{"indicator": c, "period": p, "value": v} for c, p, v in rates]},
    )


def two_currencies() -> list[Row]:
    return [
        subscription("eu", "2023-01-01", "2024-01-01", 100, currency="EUR"),
        subscription("eu", "2024-01-01", None, 150, currency="EUR"),
        subscription("us", "2023-01-01", None, 100, currency="USD"),
        subscription("new", "2023-12-01", None, 10, currency="EUR"),
        subscription("gone", "2023-01-01", "2023-10-10", 20, currency="EUR"),
    ]


def test_both_ends_of_a_window_are_converted_at_the_rate_of_its_start():
    """A currency that doubles is no expansion."""
    rates = [("EUR", "2022-01-01", 0.5), ("EUR", START, 2.0), ("EUR", "2024-01-01", 4.0)]
    figures = retained(in_two_currencies(rates, two_currencies())).figures
    assert figures.starting_mrr == 2 * 100 + 100 + 2 * 20
    assert figures.ending_mrr == 2 * 150 + 100


def test_movements_in_two_currencies_reconcile_at_the_rate_of_the_start():
    rates = [("EUR", "2022-01-01", 0.5), ("EUR", START, 2.0), ("EUR", "2024-01-01", 4.0)]
    found = retained(in_two_currencies(rates, two_currencies()))
    assert found.movements == {"new": 20.0, "expansion": 100.0, "contraction": 0.0, "churn": 40.0, "reactivation": 0.0}
    moved = found.movements
    total = found.figures.starting_mrr + moved["new"] + moved["expansion"] - moved["churn"]
    assert total == found.book_ending_mrr


def test_a_window_after_the_first_rate_needs_no_rate_from_before_it():
    found = retained(in_two_currencies([("EUR", "2023-05-01", 2.0)], two_currencies()))
    assert found.figures.starting_mrr == 340.0


def test_a_currency_without_a_rate_at_the_start_is_an_error_that_says_so():
    with pytest.raises(RevenueError, match="No rate for EUR at 2023-06-01"):
        retained(in_two_currencies([("EUR", "2023-12-01", 2.0)], two_currencies()))


def test_unlike_currencies_without_rates_are_an_error():
    with pytest.raises(TableError, match="currency_without_rate"):
        company_of(two_currencies(), "2024-07-01", revenue={"currency": "currency"})


# --- usage-based revenue


def orders(rows: list[tuple[str, str, float]], data_until: str = "2024-07-01", **outcome: Any) -> AccountTables:
    return company_of(
        [{"account_id": a, "occurred_at": at, "mrr": money} for a, at, money in rows],
        data_until,
        outcome=outcome,
        revenue={"shape": "events", "credit_notes": True, "product": None, "cancelled": None},
    )


def test_the_mrr_of_orders_is_a_third_of_the_three_months_before():
    tables = orders([("a", "2023-03-01", 300), ("a", "2023-05-31", 90), ("a", "2023-06-01", 999)])
    assert mrr(tables, "a", START) == 130, "the order of 1 March is in [1 March, 1 June), the one of 1 June is not"
    assert mrr(tables, "a", "2023-06-02") == 363


def test_returns_count_against_orders_and_mrr_is_never_negative():
    tables = orders(
        [("a", "2023-05-01", 90), ("a", "2023-05-10", -30), ("b", "2023-05-01", -60), ("b", "2023-01-01", 60)]
    )
    assert mrr(tables, "a", START) == 20
    assert mrr(tables, "b", START) == 0


def test_orders_have_no_movements_and_the_document_says_why():
    tables = orders([("a", "2023-05-01", 90), ("a", "2024-05-01", 30)])
    document = retained(tables).to_json()
    assert document["movements"] is None
    assert document["movements_reason"] == "usage_based_revenue"
    assert document["nrr"] == pytest.approx(1 / 3)


def test_days_of_grace_hold_for_orders_too():
    """No order in March to May, one on 5 June: the first positive MRR comes within the ten days of grace."""
    rows = [("a", "2023-05-01", 90.0), ("a", "2024-06-05", 30.0)]
    assert retained(orders(rows)).figures.nrr == 0.0
    assert retained(orders(rows, grace_days=10)).figures.nrr == pytest.approx(1 / 3)


# --- what always holds

DAYS = st.integers(0, 700)
TERM = st.tuples(
    st.sampled_from("abc"), st.sampled_from("xy"), DAYS, st.integers(0, 400), st.booleans(), st.integers(0, 50_000)
)


def day(number: int) -> str:
    return f"{pd.Timestamp('2022-07-01') + pd.Timedelta(days=number):%Y-%m-%d}"


def terms_without_overlap(drawn: list[tuple[str, str, int, int, bool, int]]) -> list[Row]:
    """Amounts are in cents; of two overlapping terms of one product, or two that are the same, the first is kept."""
    until: dict[tuple[str, str], float] = defaultdict(lambda: -1)
    rows = []
    for account, product, start, length, is_open, cents in sorted(drawn, key=lambda term: term[2]):
        if start < until[account, product]:
            continue
        until[account, product] = float("inf") if is_open else start + max(length, 1)
        end = None if is_open else day(start + length)
        rows.append(subscription(account, day(start), end, cents / 100, product=product))
    return rows


@settings(max_examples=30, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=14), DAYS, st.integers(1, 400))
def test_every_movement_is_counted_once_to_the_cent(drawn, start, length):
    tables = company_of(terms_without_overlap(drawn), day(1200))
    found = retention(tables, pd.Timestamp(day(start)), pd.Timestamp(day(start + length)))
    moved = {name: round(100 * money) for name, money in (found.movements or {}).items()}
    beginning = round(100 * found.figures.starting_mrr)
    ending = (
        beginning + moved["new"] + moved["expansion"] - moved["contraction"] - moved["churn"] + moved["reactivation"]
    )
    assert ending == round(100 * found.book_ending_mrr)


@settings(max_examples=30, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=14), DAYS, st.integers(1, 400))
def test_mrr_at_a_moment_is_the_plain_sum_of_what_is_active(drawn, start, length):
    rows = terms_without_overlap(drawn)
    tables = company_of(rows, day(1200))
    for moment in (day(start), day(start + length)):
        for account in tables.accounts:
            active = [
                round(row["mrr"] * 100)
                for row in rows
                if row["account_id"] == account
                and row["started_on"] <= moment
                and (row["ended_on"] is None or row["ended_on"] > moment)
            ]
            assert round(100 * mrr(tables, account, moment)) == sum(active)


AMOUNTS = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**12)), min_size=1, max_size=20)


@given(AMOUNTS)
def test_the_rates_of_a_cohort_add_up(pairs):
    start, end = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    figures = RetentionFigures.of(start, end)
    if figures.reason:
        assert start.sum() == 0
        return
    assert figures.nrr == pytest.approx(figures.grr + figures.expansion_rate, rel=1e-12)
    assert 1 - figures.grr == pytest.approx(figures.churn_rate + figures.contraction_rate, abs=1e-9)
    assert 0 <= figures.grr <= min(1, figures.nrr)


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_at_most_one_of_churn_contraction_and_expansion_happens_to_an_account(s, e):
    figures = RetentionFigures.of(np.array([s]), np.array([e]), scale=1)
    parts = [round(s * rate) for rate in (figures.churn_rate, figures.contraction_rate, figures.expansion_rate)]
    assert sum(part > 0 for part in parts) <= 1
    assert e == s - parts[0] - parts[1] + parts[2]

"""Days on the edge of a window, periods of no length or no price, renewals, gaps: what a ratio counts and what not."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import RevenueError
from leap.revenue import Retention, Revenue, definition_hash, retention, window
from leap.tables import AccountTables
from tests.tables.companies import one_table
from tests.worlds import Row, company_of, subscription

START, END, UNTIL = "2023-06-01", "2024-06-01", "2024-07-01"
NOTHING_MOVED = {"new": 0.0, "expansion": 0.0, "contraction": 0.0, "churn": 0.0, "reactivation": 0.0}


def retained(tables: AccountTables, start: str = START, end: str = END, **more: Any) -> Retention:
    return retention(tables, pd.Timestamp(start), pd.Timestamp(end), **more)


def moved(found: Retention) -> dict[str, float]:
    """The movements that are not zero; they lead from the book's start to its end."""
    assert found.movements is not None
    m = found.movements
    ups, downs = m["new"] + m["expansion"] + m["reactivation"], m["contraction"] + m["churn"]
    assert found.book_starting_mrr + ups - downs == found.book_ending_mrr
    return {kind: amount for kind, amount in m.items() if amount}


# --- days on the edge


def test_what_ends_on_the_first_day_is_before_the_window_altogether():
    found = retained(company_of([subscription("a", "2023-01-01", START, 70), subscription("b", "2023-01-01")], UNTIL))
    assert (found.figures.accounts, found.figures.nrr, moved(found)) == (1, 1.0, {})


def test_what_starts_on_the_first_day_is_in_the_cohort_and_no_movement():
    found = retained(company_of([subscription("a", START, "2024-01-01", 70)], UNTIL))
    assert (found.figures.accounts, found.figures.logo_churn, moved(found)) == (1, 1.0, {"churn": 70.0})


def test_what_starts_on_the_last_day_is_in_the_book_and_in_no_ratio():
    found = retained(company_of([subscription("a", END, None, 70), subscription("b", "2023-01-01")], UNTIL))
    assert (found.figures.accounts, found.book_starting_mrr, found.book_ending_mrr) == (1, 100.0, 170.0)
    assert moved(found) == {"new": 70.0}


def test_what_ends_on_the_last_day_has_left():
    found = retained(company_of([subscription("a", "2023-01-01", END, 70)], UNTIL))
    assert (found.figures.logo_churn, moved(found)) == (1.0, {"churn": 70.0})


def test_what_ends_the_day_after_has_not():
    found = retained(company_of([subscription("a", "2023-01-01", "2024-06-02", 70)], UNTIL))
    assert (found.figures.logo_churn, moved(found)) == (0.0, {})


def test_a_switch_of_products_on_one_day_is_no_movement():
    rows = [
        subscription("a", "2023-01-01", "2023-11-01", 70, product="basic"),
        subscription("a", "2023-11-01", None, 70, product="pro"),
    ]
    found = retained(company_of(rows, UNTIL))
    assert (found.figures.nrr, found.figures.grr, moved(found)) == (1.0, 1.0, {})
    assert found.gaps is not None and found.gaps.accounts == 0


def test_a_switch_on_the_last_day_is_told_by_its_new_price():
    rows = [subscription("a", "2023-01-01", END, 70), subscription("a", END, None, 80, product="pro")]
    found = retained(company_of(rows, UNTIL))
    assert (found.figures.ending_mrr, moved(found)) == (80.0, {"expansion": 10.0})


def test_periods_of_no_length_and_of_no_price_pay_nothing():
    rows = [
        subscription("void", "2023-01-01", "2023-01-01", 500),
        subscription("void", "2023-09-01", None, 40, product="extra"),
        subscription("free", "2023-01-01", None, 0),
        subscription("a", "2023-01-01"),
    ]
    tables = company_of(rows, UNTIL)
    found = retained(tables)
    assert (found.figures.accounts, found.figures.nrr) == (1, 1.0)
    assert moved(found) == {"new": 40.0}, "a period that was over when it began is no first payment"
    assert Revenue(tables).first_paid()["void"] == pd.Timestamp("2023-09-01")


def test_a_free_period_between_paid_ones_is_a_gap():
    rows = [
        subscription("a", "2023-01-01", "2023-09-01", 70),
        subscription("a", "2023-09-01", "2023-12-01", 0),
        subscription("a", "2023-12-01", None, 70),
    ]
    found = retained(company_of(rows, UNTIL))
    assert moved(found) == {"churn": 70.0, "reactivation": 70.0}
    assert found.to_json()["gap_days"] == {"accounts": 1, "longest": 91}
    assert found.figures.logo_churn == 0.0
    over = retained(company_of(rows, UNTIL, outcome={"max_gap_days": 90}))
    assert (over.figures.logo_churn, over.figures.ending_mrr) == (1.0, 0.0)
    assert over.book_ending_mrr == 70.0 and moved(over) == moved(found), "the book is what is billed"
    assert over.to_json()["gap_days"] == {"accounts": 0, "longest": None}


def test_a_window_of_one_day():
    rows = [
        subscription("a", "2023-01-01", "2023-06-02", 70),
        subscription("b", "2023-06-02", None, 30),
        subscription("c", "2023-01-01"),
    ]
    found = retained(company_of(rows, UNTIL), "2023-06-01", "2023-06-02")
    assert (found.figures.accounts, found.figures.nrr) == (2, 100 / 170)
    assert moved(found) == {"new": 30.0, "churn": 70.0}


@pytest.mark.parametrize(
    ("start", "end"), [("2023-02-28", "2024-02-28"), ("2024-02-29", "2025-02-28"), ("2024-02-28", "2024-02-29")]
)
def test_windows_that_begin_or_end_on_a_leap_day(start: str, end: str):
    rows = [subscription("a", "2024-02-29", "2025-02-28", 70), subscription("b", "2023-01-01", "2024-02-29", 30)]
    found = retained(company_of(rows, "2026-01-01"), start, end)
    s = {"2023-02-28": 30.0, "2024-02-29": 70.0, "2024-02-28": 30.0}[start]
    e = {"2024-02-28": 30.0, "2025-02-28": 0.0, "2024-02-29": 0.0}[end]
    assert (found.figures.starting_mrr, found.figures.ending_mrr) == (s, e)
    moved(found)


def test_a_horizon_from_a_leap_day_ends_on_the_28th_and_from_the_28th_too():
    tables = company_of([subscription("a", "2020-02-29")], "2025-03-01")
    assert window(tables, None, "2025-02-28")[0] == pd.Timestamp("2024-02-28")
    assert window(tables, None, None) == (pd.Timestamp("2024-02-28"), pd.Timestamp("2025-02-28"))


def test_a_window_that_ends_where_the_data_do_is_refused_and_a_day_less_is_not():
    rows = [subscription("a", "2023-01-01")]
    with pytest.raises(RevenueError, match="data end before 2024-06-01"):
        retained(company_of(rows, END))
    assert retained(company_of(rows, "2024-06-02")).figures.nrr == 1.0


def test_a_window_from_before_the_first_data_has_nobody_and_says_so():
    found = retained(company_of([subscription("a", "2023-09-01")], UNTIL), "2020-01-01")
    document = found.to_json()
    assert (document["nrr"], document["reason"], document["accounts"]) == (None, "empty_cohort", 0)
    assert (document["book_starting_mrr"], document["book_ending_mrr"]) == (0.0, 100.0)
    assert moved(found) == {"new": 100.0}
    assert document["renewal_eligible"]["nrr"] is None


def test_segments_of_nobody_are_none_and_are_there():
    firms = {"firms": {"shape": "attributes", "source": "f.csv", "columns": {"size": {}}}}
    tables = company_of([subscription("a", "2023-09-01")], UNTIL, tables=firms, records={"firms": []})
    document = retained(tables, by="size").to_json()
    assert (document["segments"], document["reason"]) == ({}, "empty_cohort")


def test_a_window_that_does_not_go_forward_is_refused():
    for end in (START, "2023-05-01"):
        with pytest.raises(RevenueError, match="must end after it starts"):
            retained(company_of([subscription("a", "2023-01-01")], UNTIL), START, end)


def test_a_tiny_account_weighs_as_little_as_it_pays():
    rows = [
        subscription("big", "2023-01-01", None, 10_000),
        subscription("tiny", "2023-01-01", "2023-09-01", 0.01),
        subscription("tiny", "2023-09-01", None, 100),
    ]
    figures = retained(company_of(rows, UNTIL)).figures
    assert figures.nrr == 10_100 / 10_000.01
    assert figures.grr == 1.0


# --- renewals


def renewing(account: str, renews_on: str | None, end: str | None = None, mrr: float = 100, **more: Any) -> Row:
    return subscription(account, "2023-01-01", end, mrr, renews_on=renews_on, **more)


def with_renewals(rows: list[Row]) -> AccountTables:
    return company_of(rows, UNTIL, revenue={"renews": "renews_on"})


def test_accounts_up_for_renewal_are_counted_apart_too():
    rows = [
        renewing("kept", "2024-01-01"),
        renewing("left", "2024-01-01", "2024-01-01"),
        renewing("not due", "2025-01-01", "2023-12-01", 50),
        renewing("due on the last day", END),
        renewing("was due on the first day", START, None, 30),
        renewing("no date", None, None, 20),
    ]
    found = retained(with_renewals(rows))
    assert found.figures.accounts == 6
    document = found.to_json()["renewal_eligible"]
    assert (document["accounts"], document["nrr"], document["logo_churn"]) == (3, 200 / 300, 1 / 3)
    assert "reason" not in document


def test_an_account_is_up_for_renewal_with_all_it_pays_if_one_of_its_terms_is():
    rows = [renewing("a", "2024-01-01", "2024-01-01", 60), renewing("a", "2025-01-01", None, 40, product="extra")]
    document = retained(with_renewals(rows)).to_json()["renewal_eligible"]
    assert (document["accounts"], document["nrr"], document["logo_churn"]) == (1, 0.4, 0.0)


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        (company_of([subscription("a", "2023-01-01")], UNTIL), "no_renewal_dates"),
        (with_renewals([renewing("a", "2026-01-01")]), "no_renewal_in_the_window"),
    ],
)
def test_without_renewals_the_figure_is_null_with_a_reason(tables: AccountTables, reason: str):
    document = retained(tables).to_json()["renewal_eligible"]
    assert (document["accounts"], document["nrr"], document["logo_churn"]) == (0, None, None)
    assert document["reason"] == reason


# --- the definitions that travel with a figure


def test_whatever_changes_a_figure_changes_the_hash():
    rows = [subscription("a", "2023-01-01")]
    events = {"shape": "events", "product": None, "cancelled": None}
    orders = [{"account_id": "a", "occurred_at": "2023-05-01", "mrr": 9}]
    rates = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    found = [
        company_of(rows, UNTIL),
        company_of(rows, UNTIL, company={"currency": "EUR"}),
        company_of(rows, UNTIL, outcome={"max_gap_days": 90}),
        company_of(rows, UNTIL, outcome={"horizon_months": 6}),
        company_of(rows, UNTIL, lineage=[("a", "b", START)]),
        company_of(rows, UNTIL, revenue={"amount_per": "year"}),
        company_of(rows, UNTIL, tables={"rates": rates}, records={"rates": []}),
        company_of(orders, UNTIL, revenue=events),
        company_of(orders, UNTIL, revenue={**events, "trailing_months": 6}),
        company_of(orders, UNTIL, revenue={**events, "credit_notes": True}),
    ]
    hashes = [definition_hash(tables.settings) for tables in found]
    assert len(set(hashes)) == len(hashes)


def test_names_of_files_and_columns_change_no_hash():
    rows = [{"account_id": "a", "begins": "2023-01-01", "ended_on": None, "mrr": 1, "product": "p"}]
    plain = company_of([subscription("a", "2023-01-01")], UNTIL)
    other = company_of(rows, UNTIL, revenue={"start": "begins", "source": "other.csv"}, company={"name": "Other"})
    assert definition_hash(plain.settings) == definition_hash(other.settings)


# --- what always holds

TERM = st.tuples(st.sampled_from("abc"), st.integers(0, 600), st.integers(0, 200), st.integers(0, 9999))


@settings(max_examples=30, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=10), st.integers(0, 500), st.integers(1, 300), st.integers(1, 120))
def test_movements_reconcile_with_any_gap_allowed(terms, start, length, gap):
    since = pd.Timestamp("2022-09-01")
    day = [f"{since + pd.Timedelta(days=n):%Y-%m-%d}" for n in range(1100)]
    rows = [
        subscription(a, day[begin], day[begin + n], cents / 100, product=f"p{i}")
        for i, (a, begin, n, cents) in enumerate(terms)
    ]
    tables = company_of(rows, day[1000], outcome={"max_gap_days": gap})
    found = retained(tables, day[start], day[start + length])
    assert found.movements is not None
    cents = {kind: round(100 * amount) for kind, amount in found.movements.items()}
    ups, downs = cents["new"] + cents["expansion"] + cents["reactivation"], cents["contraction"] + cents["churn"]
    assert round(100 * found.book_starting_mrr) + ups - downs == round(100 * found.book_ending_mrr)
    assert found.figures.ending_mrr <= found.book_ending_mrr


def test_rows_that_were_set_aside_are_named_beside_the_figures_they_are_missing_from():
    """A figure of two rows in three must not look like one of three."""
    rows = "a,2023-01-01,,100\nb,2023-01-01,,-5\nc,soon,,50\nd,2024-06-30,,1\n"
    tables = one_table(f"account_id,started_on,ended_on,mrr\n{rows}", shape="periods", role="revenue", amount="mrr")
    found = retention(tables, pd.Timestamp(START), pd.Timestamp("2024-06-01"))
    assert found.notes == (
        "t: 2 of 4 rows are set aside and count nowhere here (bad_date, negative_amount); leap check shows them.",
    )

"""What is asked of each account at a moment of its own is what is asked of all at that moment."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import RevenueError
from leap.revenue import Revenue
from tests.worlds import Row, company_of, subscription

SINCE = pd.Timestamp("2022-01-01")
RATES: dict[str, Any] = {"rates": {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}}
EURO = [{"indicator": "EUR", "period": p, "value": v} for p, v in (("2021-01-01", 1.1), ("2022-09-01", 1.2345))]
DAY = st.integers(0, 900)
TERM = st.tuples(
    st.sampled_from("abc"),
    DAY,
    st.integers(1, 400),
    st.integers(0, 9999),
    st.sampled_from(["USD", "EUR"]),
    st.booleans(),
)


def day(n: int) -> str:
    return f"{SINCE + pd.Timedelta(days=n):%Y-%m-%d}"


def assert_agrees(revenue: Revenue, days: list[int], until_days: int) -> None:
    n = len(revenue.accounts)
    moments = np.array([SINCE + pd.Timedelta(days=d) for d in days[:n]], dtype="datetime64[us]")
    until = moments + np.timedelta64(until_days, "D")
    own, leaving = revenue.mrr_at_own(moments), revenue.leaving_at_own(moments, until)
    fixed = revenue.mrr_at_own(moments, rates_at=SINCE)
    for i, (at, later) in enumerate(zip(map(pd.Timestamp, moments), map(pd.Timestamp, until), strict=True)):
        assert own[i] == revenue.mrr_at(at)[i]
        assert fixed[i] == revenue.mrr_at(at, rates_at=SINCE)[i]
        assert leaving[i] == revenue.leaving(at, later)[i]


@settings(max_examples=25, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=10), st.lists(DAY, min_size=3, max_size=3), st.integers(0, 400))
def test_subscriptions_in_two_currencies(terms, days, until_days):
    rows = [
        subscription(
            a, day(begin), day(begin + n), cents / 100, currency=currency, product=f"p{i}",
            cancelled_at=day(begin + n // 2) if told else None,
        )
        for i, (a, begin, n, cents, currency, told) in enumerate(terms)
    ]  # fmt: skip
    tables = company_of(rows, day(1500), revenue={"currency": "currency"}, tables=RATES, records={"rates": EURO})
    assert_agrees(Revenue(tables), days, until_days)


@settings(max_examples=25, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=10), st.lists(DAY, min_size=3, max_size=3), st.sampled_from([1, 3, 5]))
def test_orders_in_two_currencies(terms, days, months):
    rows: list[Row] = [
        {"account_id": a, "occurred_at": day(begin), "mrr": (cents - 3000) / 100, "currency": currency}
        for a, begin, _, cents, currency, _ in terms
    ]
    revenue = {"shape": "events", "product": None, "cancelled": None, "credit_notes": True, "currency": "currency"}
    tables = company_of(
        rows, day(1500), revenue={**revenue, "trailing_months": months}, tables=RATES, records={"rates": EURO}
    )
    assert_agrees(Revenue(tables), days, 30)


def test_an_account_without_a_moment_has_nothing():
    revenue = Revenue(company_of([subscription("a", "2022-01-01")], "2024-01-01"))
    never = np.array(["NaT"], dtype="datetime64[us]")
    assert revenue.mrr_at_own(never).tolist() == [0]
    assert revenue.leaving_at_own(never, never).tolist() == [False]


def test_a_moment_before_the_first_rate_is_refused_only_where_it_is_needed():
    rows = [
        subscription("a", "2020-01-01", None, 10, currency="EUR"),
        subscription("b", "2020-01-01", None, 10, currency="USD"),
    ]
    tables = company_of(rows, "2024-01-01", revenue={"currency": "currency"}, tables=RATES, records={"rates": EURO})
    early, late = np.datetime64("2020-06-01", "us"), np.datetime64("2021-06-01", "us")
    assert Revenue(tables).mrr_at_own(np.array([late, early])).tolist() == [132_000_000, 120_000_000]
    with pytest.raises(RevenueError, match="No rate for EUR at 2020-06-01"):
        Revenue(tables).mrr_at_own(np.array([early, late]))


def test_the_arrays_of_the_revenue_table_are_made_once_however_often_they_are_asked_for():
    tables = company_of([subscription("a", "2022-01-01")], "2024-01-01")
    assert Revenue(tables).rows is Revenue(tables).rows
    assert Revenue(tables.known_before(SINCE)).rows is not Revenue(tables).rows

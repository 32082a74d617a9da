"""History of the first page: every window is what `leap retention` says of it, and none is told that is not complete."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.reports import overview
from leap.reports.overview_history import FEWEST_ACCOUNTS, MOST, History, history
from leap.reports.pack.retaining import retention_quarters
from leap.revenue import retention, window
from leap.scoring.table import ScoreTable
from leap.tables import AccountTables
from tests.worlds import company_of, subscription


def as_retention_says(tables: AccountTables, found: History) -> None:
    for one in found.windows:
        own = retention(tables, pd.Timestamp(one.start), pd.Timestamp(one.end)).figures
        assert (one.accounts, one.nrr, one.grr, one.churn) == (own.accounts, own.nrr, own.grr, own.churn_rate)


def a_term(number: int, start: int, months: int, mrr: int) -> Any:
    begun = pd.Timestamp("2020-01-15") + pd.DateOffset(months=start)
    ended = begun + pd.DateOffset(months=months)
    return subscription(f"a{number}", f"{begun:%Y-%m-%d}", f"{ended:%Y-%m-%d}", mrr)


TERMS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40), st.integers(1, 900)), min_size=1, max_size=12)
RULES = st.fixed_dictionaries(
    {"horizon_months": st.sampled_from([3, 6, 12]), "grace_days": st.sampled_from([0, 20])},
    optional={"max_gap_days": st.sampled_from([10, 45])},
)


@settings(max_examples=8, deadline=None)
@given(TERMS, RULES)
def test_every_window_is_what_retention_says_of_it_by_any_rule(terms: Any, rules: dict[str, int]) -> None:
    rows = [a_term(number, *term) for number, term in enumerate(terms)]
    tables = company_of(rows, "2024-03-31", outcome=rules)
    found = history(tables)
    as_retention_says(tables, found)
    months = [pd.Timestamp(one.end).to_period("M").ordinal for one in found.windows]
    assert all(b - a >= found.every_months for a, b in itertools.pairwise(months))


def test_accounts_that_became_one_are_one_in_every_window() -> None:
    rows = [subscription("old", "2020-01-01", "2022-07-01", 100), subscription("new", "2022-07-01", None, 150)]
    tables = company_of(rows, "2023-06-02", lineage=[("old", "new", "2022-07-01")])
    found = history(tables)
    as_retention_says(tables, found)
    assert found.windows[-1].nrr == pytest.approx(1.5) and found.windows[-1].churn == 0.0


def test_the_last_window_is_that_of_the_key_figures_and_the_first_begins_with_revenue() -> None:
    tables = company_of([subscription("a", "2020-03-10", None, 100)], "2022-06-21")
    found = history(tables)
    assert (found.windows[-1].start, found.windows[-1].end) == tuple(at.date() for at in window(tables, None, None))
    assert found.every_months == 1 and found.first == date(2020, 3, 10)
    assert [one.start for one in found.windows][:1] == [date(2020, 3, 20)] and len(found.windows) == 16
    year_ago = found.ago(12)
    assert year_ago is not None and year_ago.end == date(2021, 6, 20) and found.ago(13) is not None
    assert found.ago(16) is None


@pytest.mark.parametrize("since", ["2021-07-02", "2022-05-31"])
def test_without_a_complete_window_there_is_no_line_and_since_when_there_is_revenue_is_said(since: str) -> None:
    found = history(company_of([subscription("a", since, None, 100)], "2022-06-21"))
    assert found.windows == () and found.first == date.fromisoformat(since) and found.ago(12) is None


def test_a_window_of_exactly_the_data_is_complete() -> None:
    found = history(company_of([subscription("a", "2021-06-20", None, 100)], "2022-06-21"))
    assert [(one.start, one.end) for one in found.windows] == [(date(2021, 6, 20), date(2022, 6, 20))]


def test_a_long_past_is_told_by_quarters_and_no_longer_than_so_many() -> None:
    found = history(company_of([subscription("a", "2002-01-01", None, 100)], "2022-06-02"))
    assert found.every_months == 3 and len(found.windows) == MOST and found.older == 78 - MOST
    assert found.windows[-2].end == date(2022, 3, 1)


def test_windows_of_few_accounts_are_left_out_and_counted_but_a_small_book_keeps_its_own() -> None:
    few = [subscription(f"f{i}", "2019-01-01", None, 100) for i in range(5)]
    many = [subscription(f"m{i}", "2020-01-01", None, 100) for i in range(4 * FEWEST_ACCOUNTS)]
    found = history(company_of([*few, *many], "2021-06-02"))
    assert found.thin == 12 and {one.accounts for one in found.windows} == {4 * FEWEST_ACCOUNTS + 5}
    small = history(company_of(few, "2021-06-02"))
    assert small.thin == 0 and len(small.windows) == 18


def of_orders(begin: str = "2020-01-10") -> AccountTables:
    """One order of 100 a month from a day to May 2022, with MRR as the mean of three months."""
    orders = {
        "shape": "events", "source": "o.csv", "at": "at", "amount": "amount", "trailing_months": 3, "product": None,
        "cancelled": None, "start": None, "end": None,
    }  # fmt: skip
    days = pd.date_range(begin[:8] + "01", "2022-05-20", freq="MS") + pd.Timedelta(days=9)
    rows = [{"account_id": "a", "at": f"{day:%Y-%m-%d}", "amount": 100} for day in days]
    return company_of(rows, "2022-06-02", revenue={key: value for key, value in orders.items() if value is not None})


def test_of_orders_no_window_begins_before_mrr_has_its_months() -> None:
    tables = of_orders()
    found = history(tables)
    as_retention_says(tables, found)
    assert found.windows and min(one.start for one in found.windows) >= date(2020, 5, 1)


class _Table:
    """What is asked of a table of scores: how many, and what they pay."""

    def __init__(self, *mrr: float):
        self.mrr = np.array(mrr)

    def __len__(self) -> int:
        return len(self.mrr)


@pytest.mark.parametrize(("as_of", "known"), [(date(2021, 3, 1), False), (date(2021, 4, 10), True)])
def test_of_orders_nothing_is_compared_with_a_day_before_mrr_has_its_months(as_of: date, known: bool) -> None:
    customers, mrr = overview._levels(cast(ScoreTable, _Table(100.0)), of_orders("2020-01-10"), as_of)
    assert (customers.year_ago, mrr.year_ago) == ((1, 100.0) if known else (None, None))


@pytest.mark.parametrize("begin", ["2020-01-10", "2020-10-10"])
def test_quarters_of_the_pack_begin_no_earlier_either(begin: str) -> None:
    tables = of_orders(begin)
    starts = [pd.Timestamp(one.end) - pd.DateOffset(months=one.months) for one in retention_quarters(tables)]
    assert len(starts) == (5 if begin == "2020-01-10" else 2)
    assert min(starts) >= pd.Timestamp(begin) + pd.DateOffset(months=3)

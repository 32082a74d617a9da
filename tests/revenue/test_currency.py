"""The effect of rates is told apart from what customers did, and movements reconcile in any number of currencies."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import RevenueError
from leap.revenue import Retention, retention
from leap.revenue.changes import changes as changes_of
from leap.revenue.movements import Movements
from leap.revenue.mrr import Revenue
from leap.tables import AccountTables
from tests.worlds import Row, company_of, subscription

START, END = "2023-06-01", "2024-06-01"
RATES: dict[str, Any] = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}


def company(rows: list[Row], rates: list[tuple[str, str, float]], **more: Any) -> AccountTables:
    return company_of(
        rows, "2024-07-01", revenue={"currency": "currency"}, tables={"rates": RATES},
        records={"rates": [{"indicator": c, "period": p, "value": v} for c, p, v in rates]}, **more,
    )  # fmt: skip


def retained(tables: AccountTables, **more: Any) -> Retention:
    return retention(tables, pd.Timestamp(START), pd.Timestamp(END), **more)


def euro(account: str, start: str, end: str | None, mrr: float, **more: Any) -> Row:
    return subscription(account, start, end, mrr, currency="EUR", **more)


def test_a_rate_that_moves_within_the_window_is_no_retention_and_is_reported_beside_it():
    rows = [euro("eu", "2023-01-01", "2024-01-01", 100), euro("eu", "2024-01-01", None, 150)]
    rows += [subscription("us", "2023-01-01", None, 100, currency="USD"), euro("new", "2023-09-01", None, 10)]
    found = retained(company(rows, [("EUR", "2023-01-01", 2.0), ("EUR", "2024-03-01", 1.5)]))
    assert (found.figures.starting_mrr, found.figures.ending_mrr, found.figures.nrr) == (300.0, 400.0, 400 / 300)
    effect = found.rates_effect
    assert (effect.ending_mrr_at_end_rates, effect.effect) == (325.0, -75.0)
    assert (effect.book_ending_mrr_at_end_rates, effect.book_effect) == (340.0, -80.0)
    assert found.book_ending_mrr + effect.book_effect == effect.book_ending_mrr_at_end_rates
    document = found.to_json()["rates_effect"]
    assert (document["ending_mrr_at_end_rates"], document["effect"]) == (325.0, -75.0)
    assert "reason" not in document


def test_without_foreign_amounts_there_is_no_effect_and_the_reason_is_said():
    rows = [subscription("us", "2023-01-01", None, 100, currency="USD")]
    document = retained(company(rows, [("EUR", "2023-01-01", 2.0)])).to_json()["rates_effect"]
    assert (document["effect"], document["ending_mrr_at_end_rates"]) == (None, None)
    assert document["reason"] == "no_foreign_amounts"


def test_a_rate_that_stands_still_has_an_effect_of_nothing():
    assert (
        retained(company([euro("eu", "2023-01-01", None, 100)], [("EUR", "2023-01-01", 2.0)])).rates_effect.effect == 0
    )


def test_an_account_that_changes_its_currency_at_the_same_worth_has_not_moved():
    rows = [euro("a", "2023-01-01", "2023-10-01", 100), subscription("a", "2023-10-01", None, 108, currency="USD")]
    found = retained(company(rows, [("EUR", "2023-01-01", 1.08), ("EUR", "2024-01-01", 1.2)]))
    assert (found.figures.nrr, found.rates_effect.effect) == (1.0, 0.0)
    assert found.movements is not None and not any(found.movements.values())


def test_a_rate_of_the_last_day_is_that_of_the_end():
    found = retained(company([euro("eu", "2023-01-01", None, 100)], [("EUR", START, 2.0), ("EUR", END, 3.0)]))
    assert (found.figures.starting_mrr, found.rates_effect.effect) == (200.0, 100.0)


def test_segments_in_two_currencies_add_up_at_the_rates_of_the_start():
    rows = [euro("eu", "2023-01-01", None, 100.01), subscription("us", "2023-01-01", None, 50, currency="USD")]
    tables = company(rows, [("EUR", "2023-01-01", 1.0837)])
    found = retained(tables)
    assert found.figures.starting_mrr == pytest.approx(100.01 * 1.0837 + 50, abs=1e-6)


def test_a_currency_that_only_begins_later_needs_a_rate_at_the_start():
    rows = [subscription("us", "2023-01-01", None, 100, currency="USD"), euro("eu", "2024-01-01", None, 10)]
    with pytest.raises(RevenueError, match="No rate for EUR at 2023-06-01"):
        retained(company(rows, [("EUR", "2023-12-01", 2.0)]))


TERM = st.tuples(
    st.sampled_from("abc"), st.integers(0, 500), st.integers(0, 300), st.integers(0, 99_999),
    st.sampled_from(["USD", "EUR", "JPY"]),
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=12), st.integers(1, 10**6), st.integers(1, 10**6))
def test_movements_in_three_currencies_reconcile_exactly(terms, euro_rate, yen_rate):
    """Rounded per account and date, so that every level in between is the one that MRR at that moment has."""
    since = pd.Timestamp("2022-09-01")
    rows = [
        subscription(
            account, f"{since + pd.Timedelta(days=begin):%Y-%m-%d}",
            f"{since + pd.Timedelta(days=begin + length):%Y-%m-%d}", cents / 100, currency=currency, product=f"p{i}",
        )
        for i, (account, begin, length, cents, currency) in enumerate(terms)
    ]  # fmt: skip
    rates = [("EUR", "2022-01-01", euro_rate / 10**5), ("JPY", "2022-01-01", yen_rate / 10**6)]
    tables = company(rows, rates)
    revenue = Revenue(tables)
    moved = Movements.of(revenue, pd.Timestamp(START), pd.Timestamp(END))
    assert moved.ending == revenue.mrr_at(pd.Timestamp(END), rates_at=pd.Timestamp(START)).sum()
    changes = changes_of(revenue, pd.Timestamp(START))
    for at in changes["at"].unique()[:4]:
        level = revenue.mrr_at(pd.Timestamp(at), rates_at=pd.Timestamp(START))
        told = changes[changes["at"] <= at].groupby("code")["after"].last()
        assert (level[told.index] == told.to_numpy()).all()

"""Money is exact: what is added up adds up to the cent, of however many accounts, and what is converted is rounded once."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.errors import RevenueError
from leap.revenue import PARTS, RetentionFigures, Revenue
from leap.revenue.money import converted, parts_of, shared_out, summed
from leap.tables import assemble
from tests.worlds import SUBSCRIPTIONS, company_of, subscription


def test_a_tenth_and_two_tenths_are_three_tenths():
    assert parts_of(np.array([0.1, 0.2])).sum() == parts_of(np.array([0.3]))[0] == 3 * PARTS // 10


@given(st.decimals(0, 10**9, places=6))
@example(Decimal("999999999.999999"))
@example(Decimal("0.000001"))
def test_every_amount_with_six_decimals_is_read_exactly(amount: Decimal):
    assert int(parts_of(np.array([float(amount)]))[0]) == int(amount * PARTS)


@given(st.integers(0, 10**13))
@example(10**13 - 1)
def test_every_amount_of_cents_is_read_exactly_however_large(cents: int):
    assert int(parts_of(np.array([float(Decimal(cents) / 100)]))[0]) == cents * PARTS // 100


@given(st.integers(1, 10**9), st.sampled_from([12, 6, 3]))
def test_a_month_of_a_yearly_fee_loses_nothing(cents: int, months: int):
    of_a_month = parts_of(np.array([cents / 100 / months]))
    assert int(of_a_month[0]) * months == cents * PARTS // 100


def test_a_million_accounts_that_pay_two_thousand_a_year_add_up_to_the_cent():
    """166.67 each would be 3,333.33 too much, and whole millionths would still be 33 cents off."""
    n = 1_000_000
    parts = parts_of(np.full(n, 2000 / 12))
    total = int(summed(np.arange(n), parts, n).sum())
    assert Fraction(total, PARTS) == Fraction(2000 * n, 12)
    assert round(total / PARTS, 2) == 166_666_666.67


def test_a_yearly_two_thousand_is_166_67():
    tables = company_of([subscription("a", "2023-01-01", None, 2000 / 12)], "2024-07-01")
    mrr = Revenue(tables).mrr_at(pd.Timestamp("2023-06-01"))
    assert round(mrr[0] / PARTS, 2) == 166.67
    assert mrr[0] * 12 == 2000 * PARTS


@pytest.mark.parametrize(
    ("per", "amount", "total"),
    [("year", 2000, 500), ("half-year", 1000, 500), ("quarter", 500, 500), ("week", 3, 39), ("day", 16, 1461)],
)
def test_terms_of_other_lengths_add_up_to_the_last_part(per: str, amount: float, total: int):
    """Three terms: 2,000 / 12 a year, 3 * 52 / 12 a week, 16 * 365.25 / 12 a day."""
    rows = [subscription(account, "2023-01-01", None, amount) for account in "abc"]
    tables = company_of(rows, "2024-07-01", revenue={"amount_per": per})
    assert Revenue(tables).mrr_at(pd.Timestamp("2023-06-01")).sum() == total * PARTS


def test_a_hundred_thousand_accounts_of_odd_cents_add_up_to_the_cent():
    n = 100_000
    cents = np.random.default_rng(0).integers(1, 10**7, n)
    frame = pd.DataFrame(
        {"account_id": [f"a{i}" for i in range(n)], "started_on": "2023-01-01", "ended_on": None, "mrr": cents / 100}
    )
    spec = {**SUBSCRIPTIONS, "product": None, "cancelled": None}
    tables = assemble(parse_settings({"tables": {"subscriptions": spec}}), {"subscriptions": frame}, [], "2024-07-01")
    assert int(Revenue(tables).mrr_at(pd.Timestamp("2023-06-01")).sum()) == int(cents.sum()) * PARTS // 100


@given(st.integers(-(10**16), 10**16), st.decimals("0.0001", "20000", places=4))
@example(10**16 + 1, Decimal("1.0001"))
@example(8_463_222_494_392_443, Decimal("0.1402"))
def test_an_amount_is_converted_with_one_rounding(parts: int, rate: Decimal):
    try:
        found = int(converted(np.array([parts]), float(rate))[0])
    except RevenueError:
        assert abs(parts * rate) > 2**61
        return
    assert abs(Fraction(found) - Fraction(parts) * Fraction(str(rate))) <= Fraction(1, 2) + Fraction(1, 10**3)


def test_amounts_of_a_currency_are_added_before_they_are_converted():
    """Three times a third of a part would be nothing if each were rounded."""
    assert converted(summed(np.zeros(3, dtype=int), np.array([1, 1, 1]), 1), 0.5).tolist() == [2]
    assert converted(np.array([1, 1, 1]), 0.49).sum() == 0


def test_sums_that_do_not_fit_are_refused_and_not_wrapped():
    with pytest.raises(RevenueError, match="can be added up exactly"):
        summed(np.zeros(3, dtype=int), np.full(3, 2**61), 1)
    with pytest.raises(RevenueError, match="can be added up exactly"):
        RetentionFigures.of(np.full(4, 2**60), np.full(4, 2**60))
    with pytest.raises(RevenueError, match="can be added up exactly"):
        company = company_of([subscription(a, "2023-01-01", None, 9e10) for a in "abcde"], "2024-07-01")
        Revenue(company).mrr_at(pd.Timestamp("2023-06-01"))


@given(st.integers(0, 10**15), st.lists(st.integers(1, 10**12), min_size=1, max_size=9))
def test_shares_add_up_and_each_is_within_one_of_its_proportion(total: int, weights: list[int]):
    shares = shared_out(total, np.array(weights))
    assert shares.sum() == total
    for share, weight in zip(shares.tolist(), weights, strict=True):
        assert abs(Fraction(share) - Fraction(total * weight, sum(weights))) < 1

"""How far a profile is used up: its share that is won, and its newest customers at the age of the earlier ones."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leap.icp.book import Book
from leap.icp.proportions import difference_of_shares, wilson
from leap.icp.saturation import saturation_of
from tests.icp.books import a_book

UNTIL = pd.Timestamp("2024-01-01")


def customers(first_years: dict[str, tuple[int, float]], *, prospects: int = 100, paying: bool = True) -> Book:
    """By the day of the first payment how many were won, and which share of them left in its first year."""
    days = np.concatenate([np.repeat(np.datetime64(day, "us"), n) for day, (n, _) in first_years.items()])
    left = np.concatenate([np.arange(n) < round(share * n) for n, share in first_years.values()])
    complete = days + np.timedelta64(366, "D") < np.datetime64(UNTIL, "us")
    book = a_book(len(days) + prospects, until=UNTIL)
    n = len(days)
    first_paid = np.full(len(book), np.datetime64("NaT", "us"))
    first_paid[:n] = days
    starting, ending = (np.full(len(book), np.nan) for _ in range(2))
    starting[:n] = np.where(complete, 100.0, np.nan)
    ending[:n] = np.where(complete, np.where(left, 0.0, 110.0), np.nan)
    customer = np.zeros(len(book), dtype=bool)
    customer[:n] = paying & ~(complete & left)
    prospect = np.zeros(len(book), dtype=bool)
    prospect[n:] = True
    return replace(
        book, first_paid=first_paid, first_starting=starting, first_ending=ending, customer=customer, prospect=prospect
    )


def judged(book: Book, opens_at: float = 0.5):
    everyone = np.ones(len(book), dtype=bool)
    return saturation_of(everyone, everyone, book, opens_at)


def test_newest_accounts_that_leave_clearly_more_mean_saturation():
    book = customers({"2019-06-01": (200, 0.05), "2022-06-01": (60, 0.4)}, prospects=900)
    found = judged(book)
    assert found.verdict == "saturated"
    assert found.churn is not None and found.nrr is not None
    assert found.churn.newest == pytest.approx(0.4)
    assert found.churn.earlier == pytest.approx(0.05)
    assert (found.churn.low, found.churn.high) == pytest.approx(difference_of_shares(24, 60, 10, 200))
    assert found.nrr.newest == pytest.approx(0.6 * 1.1)
    assert found.nrr.high < 0


def test_a_profile_that_is_mostly_won_is_saturated_whatever_its_newest_do():
    book = customers({"2019-06-01": (100, 0.1), "2022-06-01": (40, 0.1)}, prospects=50)
    found = judged(book)
    assert found.penetration == pytest.approx(126 / 176)
    assert found.verdict == "saturated"
    assert judged(book, opens_at=0.9).verdict == "steady"


def test_more_new_customers_than_the_year_before_that_do_no_worse_are_growth():
    book = customers({"2019-06-01": (90, 0.1), "2022-06-01": (30, 0.1), "2023-06-01": (45, 0.0)}, prospects=900)
    found = judged(book)
    assert (found.won_last_year, found.won_year_before) == (45, 30)
    assert found.newest_accounts == 30, "those of the last year have no first year behind them"
    assert found.verdict == "growing"


def test_too_few_new_accounts_are_not_compared():
    book = customers({"2019-06-01": (90, 0.1), "2022-06-01": (19, 0.9)}, prospects=900)
    found = judged(book)
    assert found.verdict == "not enough data"
    assert found.churn is None
    assert "20 of each are needed" in found.words


def test_without_prospects_nothing_is_said_of_how_much_is_won():
    found = judged(customers({"2019-06-01": (90, 0.1), "2022-06-01": (30, 0.1)}, prospects=0))
    assert found.penetration is None
    assert "not known" in found.words


def test_intervals_of_shares_are_those_of_wilson_and_newcombe():
    """Newcombe (1998), table II of the second paper: 56/70 less 48/80 is 0.0524 to 0.3339; 0/10 less 0/20 spans zero."""
    assert difference_of_shares(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-4)
    low, high = difference_of_shares(0, 10, 0, 20)
    assert low == pytest.approx(-0.1611, abs=5e-4)
    assert high == pytest.approx(0.2775, abs=5e-4)
    assert wilson(0, 10)[0] == pytest.approx(0.0, abs=1e-12)


def test_the_last_year_is_a_year_with_a_leap_day_in_it():
    """The price of a negative profile counted from 1 March 2023, its saturation and the bookings from 2 March."""
    book = replace(a_book(2), until=pd.Timestamp("2024-03-01"))
    first_paid = np.array(["2023-03-01", "2022-03-01"], dtype="datetime64[us]")
    found = judged(replace(book, first_paid=first_paid))
    assert (found.won_last_year, found.won_year_before) == (1, 1)

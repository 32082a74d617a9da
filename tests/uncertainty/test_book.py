"""The interval of a whole book: chance between accounts, and a level that may be off for all of them together."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leap.uncertainty import Intervals, book_interval, level_errors
from leap.uncertainty.shapes import RatioShape
from tests.uncertainty.outcomes import FIRST, Book, drawn, predicted

PLAIN = Intervals(RatioShape((), ()), 0.9, coverage=0.9)
STAYS = np.zeros(1000, dtype=bool)


def test_chance_between_accounts_is_that_of_the_binomial():
    found = book_interval(PLAIN, predicted(np.full(1000, 0.1), np.zeros(1000), np.zeros(1000)), np.ones(1000), STAYS)
    error = 1.645 * np.sqrt(0.1 * 0.9 / 1000)
    assert found.nrr == pytest.approx(0.9)
    assert (found.low, found.high) == (pytest.approx(0.9 - error, abs=0.004), pytest.approx(0.9 + error, abs=0.004))


def test_one_large_account_widens_the_interval():
    prediction = predicted(np.full(100, 0.08), np.zeros(100), np.zeros(100))
    even = book_interval(PLAIN, prediction, np.ones(100), STAYS[:100])
    large = book_interval(PLAIN, prediction, np.append(np.ones(99), 99.0), STAYS[:100])
    assert even.high - even.low < 0.12
    assert large.low < 0.5, "it may lose half of everything"


def test_past_errors_of_the_level_move_and_widen_the_interval():
    prediction = predicted(np.full(1000, 0.1), np.zeros(1000), np.zeros(1000))
    low_again = replace(PLAIN, level_errors=(-0.08, -0.07, -0.09, -0.08))
    found = book_interval(low_again, prediction, np.ones(1000), STAYS)
    assert found.low < 0.78 and found.high >= found.nrr == pytest.approx(0.9)
    right = book_interval(replace(PLAIN, level_errors=(0.0, 0.0)), prediction, np.ones(1000), STAYS)
    assert right == book_interval(PLAIN, prediction, np.ones(1000), STAYS)


def test_accounts_that_are_leaving_count_as_ended_and_certain():
    prediction = predicted(np.zeros(4), np.zeros(4), np.zeros(4))
    found = book_interval(PLAIN, prediction, np.array([1.0, 1, 1, 1]), np.array([True, False, False, False]))
    assert (found.nrr, found.low, found.high) == (0.75, pytest.approx(0.75), pytest.approx(0.75))


def test_one_account_is_kept_or_lost():
    found = book_interval(PLAIN, predicted(0.3, 0.0, 0.0), np.ones(1), STAYS[:1])
    assert (found.low, found.high) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


@pytest.mark.parametrize("mrr", [np.zeros(3), np.full(3, np.nan), np.zeros(0)])
def test_a_book_without_revenue_has_no_interval(mrr):
    n = len(mrr)
    assert book_interval(PLAIN, predicted(np.full(n, 0.1), np.zeros(n), np.zeros(n)), mrr, STAYS[:n]) is None


def test_errors_of_the_level_are_those_of_the_money_by_blocks_of_a_horizon():
    as_of = np.array([(FIRST + pd.DateOffset(months=month)).to_datetime64() for month in (0, 6, 13, 23)])
    ratio, starting = np.array([0.0, 1.0, 1.0, 1.0]), np.array([1.0, 3.0, 1.0, 1.0])
    assert level_errors(np.full(4, 0.9), ratio, starting, as_of, 12) == (pytest.approx(-0.15), pytest.approx(0.1))
    assert level_errors(np.full(4, 0.9), ratio, starting, as_of, 36) == (pytest.approx(5 / 6 - 0.9),)


def test_intervals_of_books_hold_where_the_level_moves_for_everyone():
    """Churn differs from year to year for all accounts at once: chance between accounts alone is far too narrow."""
    from leap.evaluation import judged_intervals

    held, narrow = [], []
    for seed in range(5):
        quarters = 37
        book = Book(300, np.full(quarters, 0.15), np.full(quarters, 0.2), np.full(quarters, 0.2), common=0.4)
        found, now, future, mrr = drawn(book, seed)
        intervals, _ = judged_intervals(found, draws=20)
        seen = (mrr[:, None] * future).sum(axis=0) / mrr.sum()
        for made, kept in ((intervals, held), (replace(intervals, level_errors=()), narrow)):
            interval = book_interval(made, now, mrr, np.zeros(len(mrr), dtype=bool))
            kept.append(((interval.low <= seen) & (seen <= interval.high)).mean())
    assert np.mean(held) > 0.85 > 0.75 > np.mean(narrow)

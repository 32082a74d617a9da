"""The best customers by what is known of them, and what tells those that grew from those that left."""

import numpy as np
import pytest

from leap.icp.best_customers import BestCustomers
from leap.icp.book import Book
from leap.icp.growers import Yearly, differences_of, drawn_from
from leap.icp.reviewing import review
from leap.icp.rules import Condition
from leap.revenue import PARTS
from tests.icp.books import CATALOG, a_book
from tests.icp.populations import YEAR, population


def customers(n: int = 100, **more: object) -> Book:
    """Customers that paid 100 a year ago; the last ones pay more now, the first ones less."""
    ending = np.linspace(50, 150, n).round()
    return a_book(
        n, customer=np.ones(n, dtype=bool), mrr=ending, starting=np.full(n, 100 * PARTS),
        ending=(ending * PARTS).astype(np.int64), **more,
    )  # fmt: skip


def with_flags(n: int, effect: float, seed: int = 0) -> tuple[Book, Yearly]:
    """Accounts of which the large grow more and leave less by `effect`; young and small are nothing."""
    rng = np.random.default_rng(seed)
    columns = {name: (rng.random(n) < 0.4).astype(float) for name in CATALOG.names}
    away = effect * (columns["large"] - 0.4)
    grew = rng.binomial(3, np.clip(0.3 + away, 0, 1))
    lost = (rng.random(n) < np.clip(0.4 - away, 0, 1)).astype(int)
    return a_book(n, bought=columns, now=columns), Yearly(grew, lost)


def reviewed(book: Book, **more: object) -> BestCustomers:
    told = {"adoption": None, "min_uplift": 0.0, "measured": frozenset(), **more}
    return review(book, population(len(book), seed=1), **told)  # type: ignore[arg-type]


# --- who is best


def test_the_best_are_a_fifth_of_those_with_a_year_by_the_mean_of_their_ranks():
    found = reviewed(customers())
    assert found.of_customers == 100
    assert [customer.account_id for customer in found.best] == [f"a{i:03}" for i in range(99, 79, -1)]
    assert found.ranked_by == ("retention", "expansion")
    assert found.missing == {"margin": "no_gross_margin", "adoption": "no_events_with_a_quantity"}
    assert found.best[0].expansion == 1.0
    assert found.best[0].margin is None


def test_adoption_and_margin_count_where_they_are_known():
    adoption = np.linspace(1.0, -1.0, 100)
    margin = {"gross_margin": np.full(100, 0.8), "revenue_12m": np.linspace(2000, 1000, 100)}
    found = reviewed(customers(**margin, service_cost_12m=np.zeros(100)), adoption=adoption)
    assert found.ranked_by == ("retention", "expansion", "margin", "adoption")
    assert not found.missing
    assert found.best[0].account_id != "a099"
    assert found.best[0].adoption == pytest.approx(1 - int(found.best[0].account_id[1:]) / 99)


def test_few_customers_have_no_best_fifth():
    found = reviewed(customers(49))
    assert found.best == ()
    assert found.of_customers == 49


# --- growers against leavers


def test_what_growers_share_is_found_with_its_counts():
    book, yearly = with_flags(400, 0.3)
    compared, differences = differences_of(book, yearly)
    first = differences[0]
    assert compared == 3, "a no says only the opposite of a yes"
    assert first.condition.feature.name == "large"
    assert first.q_value < 0.01
    assert first.of_growers == int((yearly.grew > 0).sum())
    large = book.bought["large"] == 1
    assert first.growers == int((large & (yearly.grew > 0)).sum())
    assert first.share_of_growers == pytest.approx(yearly.grew[large].sum() / yearly.grew.sum())
    assert first.low < first.difference < first.high


def test_where_nothing_differs_little_is_shown():
    shown = 0
    for seed in range(30):
        _, differences = differences_of(*with_flags(300, 0.0, seed))
        shown += any(difference.q_value <= 0.1 for difference in differences)
    assert shown <= 6


def test_years_of_one_account_are_not_so_many_accounts():
    """The same accounts with each year three times: no interval is narrower."""
    book, yearly = with_flags(200, 0.2)
    once, thrice = differences_of(book, yearly)[1], differences_of(book, Yearly(yearly.grew * 3, yearly.lost * 3))[1]
    for a, b in zip(once, thrice, strict=True):
        assert (b.low, b.high) == pytest.approx((a.low, a.high))


def test_a_condition_that_says_the_same_is_not_drawn_twice():
    book, yearly = with_flags(400, 0.3)
    book.bought["young"][:] = book.bought["large"]  # type: ignore[index]
    _, differences = differences_of(book, yearly)
    assert len(drawn_from(differences[:2], book, yearly)) == 1


# --- what may be said of it


def rows_of(book: Book, yearly: Yearly):
    """A year of growth for each that grew, then a loss for each that left."""
    from leap.icp.population import Population

    accounts = np.concatenate([np.repeat(np.arange(len(book)), yearly.grew), np.flatnonzero(yearly.lost)])
    ending = np.concatenate([np.full(int(yearly.grew.sum()), 130.0), np.zeros(int(yearly.lost.sum()))])
    whole = population(20)
    as_of = np.full(len(accounts), np.datetime64("2022-01-01", "us")) + YEAR
    return Population(whole.frame, accounts, as_of, np.full(len(accounts), 100.0), ending)


def test_what_was_not_measured_is_a_hypothesis_and_what_held_is_measured():
    book, yearly = with_flags(400, 0.3)
    base = customers(400)
    book = a_book(
        400, bought=book.bought, now=book.now, customer=base.customer, starting=base.starting, ending=base.ending
    )
    found = review(book, rows_of(book, yearly), None, 0.0, frozenset())
    assert found.status == "hypothesis"
    assert found.drawn[0] == Condition(CATALOG.by_name["large"], "==", 1.0)
    assert "hypothesis" in found.words
    assert review(book, rows_of(book, yearly), None, 0.0, frozenset(found.drawn)).status == "measured"


def test_with_few_accounts_all_that_is_drawn_is_a_hypothesis():
    book, yearly = with_flags(40, 0.5)
    found = review(book, rows_of(book, yearly), None, 0.0, frozenset())
    if found.drawn:
        assert review(book, rows_of(book, yearly), None, 0.0, frozenset(found.drawn)).status == "hypothesis"
        assert "too few are known" in found.words


def test_with_hardly_any_growers_nothing_is_drawn():
    book, _ = with_flags(40, 0.5)
    found = review(
        book, rows_of(book, Yearly(np.eye(40, dtype=int)[0], np.ones(40, dtype=int))), None, 0.0, frozenset()
    )
    assert (found.status, found.drawn) == ("none", ())
    assert "too few" in found.words

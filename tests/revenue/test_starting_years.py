"""By the year in which accounts first paid: each after its own months, and only where those are over for all of them."""

from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.revenue import PARTS, Revenue, retention
from leap.tables import AccountTables
from tests.worlds import company_of, position, subscription


def years(tables: AccountTables, start: str, end: str) -> dict[int, dict[str, Any]]:
    found = retention(tables, pd.Timestamp(start), pd.Timestamp(end)).to_json()["by_starting_year"]
    return {year["year"]: year for year in found}


def test_each_account_is_followed_from_its_own_start():
    tables = company_of(
        [
            subscription("a", "2020-03-15", "2021-03-15", 100),  # over on its first anniversary
            subscription("b", "2020-11-01", "2021-10-01", 200),
            subscription("b", "2021-10-01", "2022-10-01", 260),
            subscription("b", "2022-10-01", None, 150),
            subscription("c", "2021-06-30", None, 40),
            subscription("free", "2020-01-01", None, 0),
        ],
        "2023-07-01",
    )
    found = years(tables, "2022-06-30", "2023-06-30")
    assert found[2020]["accounts"] == 2 and found[2020]["starting_mrr"] == 300.0
    assert found[2020]["after"] == [
        {"months": 12, "nrr": 260 / 300, "logo_retention": 0.5},
        {"months": 24, "nrr": 0.5, "logo_retention": 0.5},
        {"months": 36, "nrr": None, "logo_retention": None, "reason": "window_not_complete"},
    ]
    assert found[2021]["after"] == [
        {"months": 12, "nrr": 1.0, "logo_retention": 1.0},
        {"months": 24, "nrr": 1.0, "logo_retention": 1.0},
    ]


def test_a_year_is_told_only_when_its_last_account_has_had_its_months():
    rows = [subscription("a", "2021-01-01"), subscription("b", "2021-12-31", None, 50)]
    for end, told in (("2022-12-30", False), ("2022-12-31", True)):
        cell = years(company_of(rows, "2023-07-01"), "2022-06-01", end)[2021]["after"][0]
        assert (cell["nrr"] is not None) == told
        assert ("reason" in cell) != told


def test_a_year_that_has_only_begun_has_accounts_and_no_figure():
    found = years(company_of([subscription("a", "2023-02-01")], "2023-07-01"), "2023-01-01", "2023-06-01")
    assert found[2023] == {"year": 2023, "accounts": 1, "starting_mrr": 100.0, "after": []}


def test_an_account_that_starts_after_the_window_is_in_no_year():
    rows = [subscription("a", "2021-01-01"), subscription("b", "2023-06-15")]
    assert list(years(company_of(rows, "2023-07-01"), "2022-06-01", "2023-06-01")) == [2021]


def test_a_renamed_account_started_once():
    rows = [subscription("old", "2020-01-01", "2021-05-01", 100), subscription("new", "2021-05-01", None, 120)]
    found = years(company_of(rows, "2023-07-01", lineage=[("old", "new", "2021-05-01")]), "2022-06-01", "2023-06-01")
    assert list(found) == [2020]
    assert [cell["nrr"] for cell in found[2020]["after"]] == [1.0, 1.2, 1.2]


def test_orders_start_when_their_first_trailing_months_are_full():
    rows = [("2022-01-10", 90.0), ("2022-03-01", 60.0), ("2023-04-01", 75.0)]
    tables = company_of(
        [{"account_id": "a", "occurred_at": at, "mrr": money} for at, money in rows], "2023-07-01",
        revenue={"shape": "events", "credit_notes": True, "product": None, "cancelled": None},
    )  # fmt: skip
    found = years(tables, "2022-06-01", "2023-06-01")
    assert (found[2022]["accounts"], found[2022]["starting_mrr"]) == (1, 50.0)
    assert found[2022]["after"] == [{"months": 12, "nrr": 0.5, "logo_retention": 1.0}], "[10 January, 10 April) of 2023"


def test_amounts_are_at_the_rates_of_the_start_of_the_window():
    rates = {"shape": "market", "role": "rates", "source": "r.csv", "published": "period"}
    tables = company_of(
        [subscription("a", "2020-01-01", None, 100, currency="EUR"), subscription("b", "2020-02-01", "2020-09-01", 100, currency="USD")],
        "2022-07-01", revenue={"currency": "currency"}, tables={"rates": rates},
        records={"rates": [{"indicator": "EUR", "period": p, "value": v} for p, v in (("2020-01-01", 1), ("2021-01-01", 3))]},
    )  # fmt: skip
    found = years(tables, "2021-01-01", "2022-01-01")[2020]
    assert (found["starting_mrr"], found["after"][0]["nrr"]) == (400.0, 0.75)


TERM = st.tuples(st.sampled_from("abcd"), st.integers(0, 900), st.integers(1, 700), st.integers(1, 9999))


@settings(max_examples=25, deadline=None)
@given(st.lists(TERM, min_size=1, max_size=10))
def test_the_years_agree_with_mrr_at_each_moment(terms):
    """The fast way (one look-up a pair) against the plain one (the MRR of everyone at every moment)."""
    since = pd.Timestamp("2019-11-01")
    rows = [
        subscription(
            a, f"{since + pd.Timedelta(days=begin):%Y-%m-%d}", f"{since + pd.Timedelta(days=begin + n):%Y-%m-%d}",
            cents / 100, product=f"p{i}",
        )
        for i, (a, begin, n, cents) in enumerate(terms)
    ]  # fmt: skip
    tables = company_of(rows, "2025-01-01")
    revenue = Revenue(tables)
    first = revenue.first_paid()
    for year, found in years(tables, "2023-01-01", "2024-12-30").items():
        own = [account for account, at in first.items() if at.year == year]
        starting = {a: revenue.mrr_at(first[a])[position(tables, a)] for a in own}
        assert found["accounts"] == len(own)
        assert found["starting_mrr"] == sum(starting.values()) / PARTS
        for cell in found["after"]:
            if "reason" in cell:
                continue
            later = {
                a: revenue.mrr_at(first[a] + pd.DateOffset(months=cell["months"]))[position(tables, a)] for a in own
            }
            assert cell["nrr"] == int(sum(later.values())) / int(sum(starting.values()))
            assert cell["logo_retention"] == sum(v > 0 for v in later.values()) / len(own)

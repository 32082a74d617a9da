"""All outcomes of a group: worked out by hand, against plain Python over the raw rows, and what must hold of any."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.icp.book import Book
from leap.icp.figures import NAMES, Comparison, Ledger
from leap.icp.resampling import Resampling, effective, interval, kept_in_draws
from leap.icp.sums import COLUMNS, columns_of
from leap.tables import AccountTables
from tests.icp.companies import book_of, made_up, of_industry, whole_company
from tests.worlds import company_of, position, subscription


@pytest.fixture(scope="module")
def tables() -> AccountTables:
    return whole_company()


@pytest.fixture(scope="module")
def book(tables: AccountTables) -> Book:
    return book_of(tables)


@pytest.fixture(scope="module")
def compared(book: Book) -> Comparison:
    return Ledger(book).compare(of_industry(book.catalog, "bank").matches(book.bought))


def test_retention_is_that_of_the_definitions_example(compared: Comparison):
    inside = compared.inside.values
    assert inside["nrr"] == 410 / 490 and inside["grr"] == 360 / 490
    assert inside["churn_rate"] == 50 / 490 and inside["contraction_rate"] == 80 / 490
    assert inside["expansion_rate"] == 50 / 490 and inside["logo_churn"] == 0.2
    assert compared.outside.values["nrr"] == 330 / 400 and compared.outside.values["logo_churn"] == 0.5
    assert compared.window_from == "2023-01-01" and compared.months == 12


def test_margin_is_gross_margin_less_cost_to_serve_over_the_revenue_of_a_year(compared: Comparison):
    """Banks took 1550 + 1840 + 250 + 960 + 720 in 2023; half is margin, and serving A cost 120."""
    revenue = 1550 + 1840 + 250 + 960 + 720
    assert compared.inside.values["margin"] == pytest.approx((revenue / 2 - 120) / revenue)


def test_value_is_what_the_year_brought_of_those_who_paid_when_it_began(compared: Comparison):
    assert compared.inside.values["value_12m"] == pytest.approx((655 + 920 + 125 + 480 + 360) / 5)
    assert compared.inside.counts["accounts_valued"] == 5


def test_cac_is_of_the_customers_with_costs_of_their_own(compared: Comparison):
    """A 600 and B 1400; an average for C, D and E is made of the same money and would count it twice."""
    inside, outside = compared.inside, compared.outside
    assert inside.values["cac"] == 1000 and inside.counts["cac_basis"] == {"account": 2}
    assert inside.values["payback_months"] == pytest.approx(2000 / (0.5 * 300))
    assert outside.values["cac"] == 1500 and outside.values["cac_with_lost"] == 1590


def test_payback_along_survival_is_a_whole_month_and_later_than_the_plain_one(compared: Comparison):
    """One in five left in the year: month m is still paid with 0.8 ** (m / 12)."""
    months, paid = 0, 0.0
    while paid < 2000 - 1e-9:
        paid += 150 * 0.8 ** (months / 12)
        months += 1
    assert compared.inside.values["payback_months_survival"] == months > compared.inside.values["payback_months"]


def test_deals_are_of_new_business(compared: Comparison):
    """F's second deal is an extension: it counts in no win rate, cycle or size."""
    inside, outside = compared.inside.values, compared.outside.values
    assert inside["win_rate"] == 3 / 4 and outside["win_rate"] == 1 / 2
    assert inside["sales_cycle_days"] == np.median([30, 90, 40])
    assert inside["deal_size"] == pytest.approx(4600 / 3) and outside["deal_size"] == 3600
    assert inside["discount"] == pytest.approx(0.2)
    assert outside["discount"] is None and compared.outside.reasons["discount"] == "no_discounts"


def test_ltv_to_cac_is_margin_of_36_months_with_the_own_rates_over_cac(compared: Comparison):
    """E[MRR_m] = S (1-p)^(m/12) (1 + (u-d) min(m, 12)/12), times the margin after cost to serve."""
    p, d, u = 50 / 490, 80 / 440, 50 / 440
    first = (100 + 200 + 50 + 80 + 60) / 5
    months = sum((1 - p) ** (m / 12) * (1 + (u - d) * min(m, 12) / 12) for m in range(1, 37))
    expected = first * compared.inside.values["margin"] * months / 1000
    assert compared.inside.values["ltv_to_cac"] == pytest.approx(expected)


def test_every_null_has_its_reason_and_nothing_else_has_one(compared: Comparison):
    for part in (compared.inside, compared.outside):
        assert set(part.reasons) == {name for name in NAMES if part.values[name] is None}


def test_few_accounts_have_no_interval(compared: Comparison):
    """Two shops: a bootstrap of two would promise more than anybody can know."""
    assert all(ends is None for ends in compared.outside.intervals.values())


def test_the_document_keeps_plain_numbers_and_has_intervals_beside_them(compared: Comparison):
    document = compared.to_json()
    assert document["inside"]["nrr"] == 410 / 490 and document["inside"]["accounts"] == 5
    assert document["window"] == {"from": "2023-01-01", "months": 12}
    assert set(document["intervals"]["inside"]) == set(NAMES) == set(document["difference"])
    assert document["difference"]["nrr"]["value"] == pytest.approx(410 / 490 - 330 / 400)
    assert document["reasons"] == {}


def test_without_costs_deals_and_margin_figures_are_null_with_reasons():
    book = book_of(company_of([subscription("a", "2021-01-01"), subscription("b", "2021-01-01")], "2024-01-02"))
    compared = Ledger(book).compare(np.array([True, False]))
    assert compared.inside.values["nrr"] == 1.0
    assert compared.inside.reasons == {
        "margin": "no_gross_margin", "value_12m": "no_gross_margin", "cac": "no_acquisition_costs",
        "cac_with_lost": "no_acquisition_costs", "payback_months": "no_acquisition_costs",
        "payback_months_survival": "no_acquisition_costs", "ltv_to_cac": "no_acquisition_costs",
        "win_rate": "no_closed_deals", "sales_cycle_days": "no_won_deals", "deal_size": "no_won_deals",
        "discount": "no_won_deals",
    }  # fmt: skip
    nobody = Ledger(book).compare(np.array([False, False])).inside
    assert nobody.values["nrr"] is None and nobody.reasons["nrr"] == "empty_cohort"


def test_a_group_whose_margin_is_not_positive_never_pays_back(book: Book):
    losing = replace(book, gross_margin=np.full(len(book), -0.1))
    inside = Ledger(losing).compare(of_industry(book.catalog, "bank").matches(book.bought)).inside
    assert inside.values["payback_months"] is None and inside.reasons["payback_months"] == "margin_not_positive"


def test_who_is_what(book: Book, tables: AccountTables):
    names = {"customer": "ABDEF", "former": "CG", "prospect": "PQRS", "free": ""}
    for kind, expected in names.items():
        assert {*book.account_ids[getattr(book, kind)]} == {*expected}
    assert book.new_mrr[position(tables, "F")] == 300 and math.isnan(book.new_mrr[position(tables, "P")])
    assert book.spent_on_lost.sum() == 90


# --- against plain Python over the raw rows


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_plain_python(seed: int):
    tables = made_up(seed)
    book = book_of(tables)
    industry = tables.tables["accounts"].rows.set_index("_account_id")["industry"].to_dict()
    for wanted in ("bank", "shop"):
        inside = Ledger(book).compare(of_industry(book.catalog, wanted).matches(book.bought)).inside.values
        expected = _by_hand(tables, {name for name, said in industry.items() if said == wanted})
        for name, value in expected.items():
            assert inside[name] == (None if value is None else pytest.approx(value)), name


def _by_hand(tables: AccountTables, names: set[str]) -> dict[str, float | None]:
    terms = tables.tables["subscriptions"].rows.to_dict("records")
    deals = tables.tables["deals"].rows.to_dict("records")
    costs = tables.tables["costs"].rows.to_dict("records")

    def mrr(name: str, day: str) -> float:
        own = (t for t in terms if t["_account_id"] == name and str(t["_start"].date()) <= day)
        return sum(t["_amount"] for t in own if str(t["_end"].date()) == "NaT" or str(t["_end"].date()) > day)

    start = {name: mrr(name, "2023-01-01") for name in names}
    end = {name: mrr(name, "2024-01-01") for name in names}
    paying = [name for name in names if start[name] > 0]
    total = sum(start[name] for name in paying)
    days = [f"2023-{m:02}-01" for m in range(2, 13)] + ["2024-01-01"]
    revenue = sum(mrr(name, day) for name in names for day in days)
    served = sum(c["_amount"] for c in costs if c["_account_id"] in names and c["_kind"] == "service")
    spent: dict[str, float] = {}
    for c in costs:
        if c["_account_id"] in names and c["_kind"] == "acquisition":
            spent[c["_account_id"]] = spent.get(c["_account_id"], 0.0) + c["_amount"]
    first = {n: min((t for t in terms if t["_account_id"] == n), key=lambda t: t["_start"])["_amount"] for n in spent}
    decided = [d for d in deals if d["_account_id"] in names and d["_won"] in (0.0, 1.0)]
    won = [d for d in decided if d["_won"] == 1.0]
    return {
        "nrr": sum(end[n] for n in paying) / total,
        "grr": sum(min(start[n], end[n]) for n in paying) / total,
        "logo_churn": sum(end[n] == 0 for n in paying) / len(paying),
        "margin": (revenue * 0.7 - served) / revenue,
        "cac": sum(spent.values()) / len(spent),
        "payback_months": sum(spent.values()) / (0.7 * sum(first.values())),
        "win_rate": len(won) / len(decided),
        "deal_size": sum(d["_amount"] for d in won) / len(won),
        "sales_cycle_days": float(np.median([(d["_closed"] - d["_created"]).days for d in won])),
        "discount": None,
    }


# --- what holds of any company


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 50), st.integers(0, 2**30))
def test_inside_and_outside_add_up_to_the_whole_sum_by_sum(seed: int, mask_seed: int):
    book = book_of(made_up(seed, 40))
    columns = columns_of(book)
    mask = np.random.default_rng(mask_seed).random(len(book)) < 0.5
    whole = columns[book.known].sum(axis=0)
    parts = columns[mask & book.known].sum(axis=0) + columns[~mask & book.known].sum(axis=0)
    assert parts == pytest.approx(whole)
    sums = dict(zip(COLUMNS, whole, strict=True))
    assert sums["ending"] == pytest.approx(sums["starting"] - sums["churned"] - sums["contracted"] + sums["expanded"])


def test_the_order_of_rows_and_files_changes_nothing():
    one, other = book_of(made_up(3)), book_of(made_up(3, mixed_by=8))
    found = [Ledger(b).compare(of_industry(b.catalog, "bank").matches(b.bought)).to_json() for b in (one, other)]
    assert _rounded(found[0]) == _rounded(found[1])


def _rounded(value: object) -> object:
    """Sums in another order may differ in the last digits of a float."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.9g}") if isinstance(value, float) else value


def test_an_interval_of_few_accounts_holds_the_truth_as_often_as_it_says():
    """NRR of 50 accounts of very different sizes, of which one in ten leaves: percentiles alone held 44 of 50."""
    rng = np.random.default_rng(0)
    held, everyone = 0, np.ones(50, dtype=bool)
    for seed in range(150):
        size = np.exp(rng.normal(0, 0.8, 50))
        kept = size * (rng.random(50) >= 0.1)
        drawn = kept_in_draws(Resampling.of(everyone, seed=seed), everyone, size, kept)
        ends = interval(drawn, float(kept.sum() / size.sum()), effective(size))
        held += ends is not None and ends[0] <= 0.9 <= ends[1]
    assert held >= 0.92 * 150

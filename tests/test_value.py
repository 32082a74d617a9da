"""Worth, with the worked numbers of the definitions; null, never infinity, where nothing can be said."""

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.value import (
    ValueTerms,
    account_value,
    acquisition_cost,
    acquisition_of,
    margins,
    payback_along,
    payback_months,
    payback_months_survival,
    returns_of,
    served,
    service_cost_a_year,
    value_along,
    value_of_ratio,
)
from tests.worlds import company_of, subscription

PLAIN = ValueTerms(gross_margin=1.0, discount_rate=0.0, horizon_months=12)


def value(
    s: float, p: float, d: float, u: float, margin: float = 1.0, terms: ValueTerms = PLAIN, months: int = 12
) -> float:
    arrays = [np.array([float(v)]) for v in (s, p, d, u, margin)]
    return float(account_value(*arrays, terms, months)[0])


def test_payback_is_cac_over_the_margin_of_new_mrr():
    assert payback_months(1040, 100, 0.8) == 13.0


def test_payback_with_survival_takes_until_month_fifteen():
    """CAC 1040, margin 80 a month, monthly retention 0.98, survival of the first month 1."""
    cumulated = [sum(80 * 0.98**m for m in range(months)) for months in (14, 15)]
    assert cumulated[0] < 1040 <= cumulated[1]
    assert payback_months_survival(1040, 100, 0.8, 0.98) == 15
    assert payback_months_survival(1040, 100, 0.8, 1.0) == 13


@pytest.mark.parametrize(("mrr", "margin"), [(0, 0.8), (100, 0), (100, -0.1)])
def test_payback_is_null_and_never_infinite(mrr: float, margin: float):
    assert payback_months(1040, mrr, margin) is None
    assert payback_months_survival(1040, mrr, margin, 0.98) is None


def test_payback_that_is_never_reached_is_null():
    assert payback_months_survival(1040, 100, 0.8, 0.5) is None


def test_a_certain_account_is_worth_twelve_months_of_margin():
    assert value(100, 0, 0, 0, margin=0.8) == pytest.approx(960)


def test_value_follows_the_path_of_the_definitions():
    """E[MRR_m] = S (1-p)^(m/h) (1 + (u-d) m/h), discounted by (1 + rate)^(-m/12)."""
    terms = ValueTerms(gross_margin=0.8, discount_rate=0.1, horizon_months=6)
    s, p, d, u = 120.0, 0.2, 0.1, 0.3
    expected = sum(s * 0.8 ** (m / 6) * (1 + 0.2 * m / 6) * 0.8 * 1.1 ** (-m / 12) for m in range(1, 13))
    assert value(s, p, d, u, 0.8, terms, 12) == pytest.approx(expected)


def test_growth_goes_on_for_a_year_and_no_longer():
    """Carried on for 36 months, (1 + (u-d) m/h) would make any account of a quarterly horizon many times as large."""
    terms = ValueTerms(gross_margin=0.8, discount_rate=0.1, horizon_months=6)
    s, p, d, u = 120.0, 0.2, 0.1, 0.3
    grown = [1 + 0.2 * min(m, 12) / 6 for m in range(1, 37)]
    expected = sum(s * 0.8 ** (m / 6) * grown[m - 1] * 0.8 * 1.1 ** (-m / 12) for m in range(1, 37))
    assert value(s, p, d, u, 0.8, terms, 36) == pytest.approx(expected)


def test_value_along_a_curve_follows_the_path_of_the_definitions():
    """E[MRR_m] = S * S_i(m) * (1 + (u-d) * growth share): an account that can leave only with its renewal in month 7."""
    terms = ValueTerms(gross_margin=0.8, discount_rate=0.1, horizon_months=12)
    curve = np.array([[1.0] * 6 + [0.7] * 6])
    expected = sum(100 * curve[0, m - 1] * (1 + 0.12 * m / 12) * 0.8 * 1.1 ** (-m / 12) for m in range(1, 13))
    found = value_along(np.array([100.0]), curve, np.array([0.12]), np.array([0.8]), terms)
    assert found[0] == pytest.approx(expected)


def test_an_even_curve_gives_the_value_that_the_plain_formula_gives():
    terms = ValueTerms(gross_margin=0.8, discount_rate=0.1, horizon_months=3)
    even = 0.9 ** (np.arange(1, 13) / 3)
    found = value_along(np.array([50.0]), even[None, :], np.array([0.05]), np.array([0.8]), terms)
    assert found[0] == pytest.approx(value(50.0, 0.1, 0.05, 0.10, 0.8, terms, 12))


def test_serving_costs_a_twelfth_of_a_year_in_every_month_and_is_discounted_like_the_margin():
    terms = ValueTerms(gross_margin=0.8, discount_rate=0.1, horizon_months=3)
    for months in (12, 36):
        expected = sum(10 * 1.1 ** (-m / 12) for m in range(1, months + 1))
        assert served(np.array([120.0]), terms, months)[0] == pytest.approx(expected)
    assert served(np.array([120.0]), PLAIN, 36)[0] == pytest.approx(360)


def test_expected_mrr_is_never_negative_however_far_the_path_is_drawn():
    assert value(100, 0.0, 0.9, 0.0, months=36) >= 0


def test_without_a_margin_there_is_no_value():
    assert np.isnan(value(100, 0.1, 0, 0, margin=float("nan")))


def test_a_realised_ratio_moves_evenly_and_a_lost_account_is_lost_in_the_middle():
    assert value_of_ratio(np.array([1.0]), PLAIN)[0] == pytest.approx(12)
    assert value_of_ratio(np.array([0.0]), PLAIN)[0] == pytest.approx(6)
    assert value_of_ratio(np.array([1.12]), PLAIN)[0] == pytest.approx(12 + sum(0.01 * m for m in range(1, 13)))


COSTS = {
    "costs": {
        "shape": "events",
        "role": "costs",
        "source": "c.csv",
        "at": "spent_on",
        "kind": "kind",
        "amount": "amount",
    }
}


def with_costs():
    rows = [
        {"account_id": "a", "spent_on": "2023-01-01", "kind": "acquisition", "amount": 700},
        {"account_id": "a", "spent_on": "2023-02-01", "kind": "acquisition", "amount": 340},
        {"account_id": "a", "spent_on": "2023-06-01", "kind": "service", "amount": 50},
        {"account_id": "a", "spent_on": "2024-05-31", "kind": "service", "amount": 60},
        {"account_id": "b", "spent_on": "2022-01-01", "kind": "service", "amount": 999},
    ]
    return company_of(
        [subscription("a", "2023-01-01"), subscription("b", "2022-01-01")],
        "2024-09-01",
        tables=COSTS,
        records={"costs": rows},
    )


def test_cac_is_what_was_spent_to_win_an_account_and_unknown_where_nothing_is_given():
    np.testing.assert_array_equal(acquisition_cost(with_costs()), [1040, np.nan])


def test_what_expansion_cost_is_no_acquisition():
    rows = [
        {"account_id": "a", "spent_on": "2023-01-01", "kind": "Acquisition", "amount": 700},
        {"account_id": "a", "spent_on": "2023-05-01", "kind": "expansion", "amount": 5000},
        {"account_id": "a", "spent_on": "2023-05-02", "kind": "onboarding", "amount": 300},
    ]
    tables = company_of([subscription("a", "2023-01-01")], "2024-09-01", tables=COSTS, records={"costs": rows})
    assert acquisition_of(tables).cac.tolist() == [700]


def bought_in_two_segments():
    """Six retailers and four banks win in the first quarter; only retailers' costs are known by account, and banks' are
    booked on two prospects that were never won.
    """
    retail, banks = [f"r{i}" for i in range(6)], [f"s{i}" for i in range(4)]
    costs = [{"account_id": a, "spent_on": "2023-02-01", "kind": "acquisition", "amount": 100} for a in retail[:5]]
    costs += [{"account_id": a, "spent_on": "2023-03-01", "kind": "acquisition", "amount": 400} for a in ("p0", "p1")]
    firms = [{"account_id": a, "industry": "retail"} for a in retail]
    firms += [{"account_id": a, "industry": "bank"} for a in [*banks, "p0", "p1"]]
    return company_of(
        [subscription(a, "2023-01-15", mrr=50) for a in [*retail, *banks]],
        "2024-01-01",
        tables={
            **COSTS,
            "firms": {"shape": "attributes", "source": "f.csv", "scope": "fit", "columns": {"industry": {}}},
        },
        records={"costs": costs, "firms": firms},
    )


def test_cac_without_costs_of_its_own_is_that_of_the_segment_and_the_quarter():
    """What was spent on a segment by its new customers: 800 on four banks; 500 on six retailers, one without costs."""
    tables = bought_in_two_segments()
    found = acquisition_of(tables)
    by = dict(zip(tables.accounts, zip(found.cac, found.basis, strict=True), strict=True))
    assert by["r0"] == (100, "account")
    assert by["s0"] == (200, "segment_and_quarter")
    assert by["r5"] == (pytest.approx(500 / 6), "segment_and_quarter")
    assert found.segment == "industry"
    assert {"level": "quarter", "quarter": "2023-Q1", "cac": 130.0, "customers": 10} in found.groups


def test_the_economics_of_a_bundle_are_spent_by_new_customers_and_what_these_pay():
    found = acquisition_of(bought_in_two_segments()).to_json()
    assert (found["cac"], found["new_mrr"]) == (130.0, 50.0)
    assert {"level": "segment", "segment": "bank", "cac": 200.0, "customers": 4} in found["cac_groups"]


def test_without_costs_nothing_is_known_of_cac():
    found = acquisition_of(company_of([subscription("a", "2023-01-01")], "2024-01-01"))
    assert np.isnan(found.cac).all() and found.to_json()["cac"] is None and not found.groups


def returns(cac=1040.0, mrr=100.0, margin=0.8, retention=0.98, value=2080.0, why=None):
    return returns_of(cac, mrr, margin, retention ** np.arange(1, 37), value, why)


def test_the_worked_example_of_payback_and_what_comes_back():
    found = returns()
    assert (found.payback_months, found.payback_months_survival, found.ltv_to_cac) == (13.0, 15, 2.0)
    assert found.reason == {}


def test_payback_goes_on_beyond_the_curve_as_in_its_last_year():
    """CAC 2,400 at 80 a month and 0.98: the sum of 36 months is 2,067; month 46 is the first to reach 2,400."""
    reached = next(n for n in range(1, 600) if sum(80 * 0.98**m for m in range(n)) >= 2400)
    assert reached > 37
    assert payback_along(2400, 80, 0.98 ** np.arange(1, 37)) == reached


@pytest.mark.parametrize(
    ("given", "null"),
    [
        ({"cac": float("nan")}, dict.fromkeys(("cac", "payback_months", "payback_months_survival", "ltv_to_cac"), "no_acquisition_costs")),
        ({"margin": float("nan"), "why": "no_gross_margin"}, dict.fromkeys(("payback_months", "payback_months_survival", "ltv_to_cac"), "no_gross_margin")),
        ({"cac": 0.0}, {"ltv_to_cac": "zero_cac"}),
        ({"cac": -50.0}, dict.fromkeys(("payback_months", "payback_months_survival", "ltv_to_cac"), "negative_cac")),
        ({"margin": -0.1}, dict.fromkeys(("payback_months", "payback_months_survival"), "margin_not_positive")),
        ({"mrr": 0.0}, dict.fromkeys(("payback_months", "payback_months_survival"), "no_new_mrr")),
        ({"retention": 0.5}, {"payback_months_survival": "never_pays_back"}),
    ],
)  # fmt: skip
def test_what_is_undefined_is_null_with_its_reason(given: dict, null: dict):
    found = returns(**given)
    assert found.reason == null
    assert {name for name in null if getattr(found, name) is not None} == set()
    assert all(getattr(found, name) is not None for name in ("cac", "payback_months", "ltv_to_cac") if name not in null)


def test_the_cost_to_serve_is_that_of_the_year_before_and_of_no_day_more():
    tables = with_costs()
    assert service_cost_a_year(tables, pd.Timestamp("2024-06-01")).tolist() == [60, 0], "365 days before: 2 June 2023"
    assert service_cost_a_year(tables, pd.Timestamp("2024-05-31")).tolist() == [50, 0], "31 May itself is not before it"


def test_a_margin_of_each_account_is_its_own_and_unknown_where_none_is_given():
    tables = company_of(
        [subscription(a, "2023-01-01") for a in "abc"],
        "2024-09-01",
        company={"gross_margin": "margin"},
        tables={"firms": {"shape": "attributes", "source": "f.csv", "columns": {"margin": {}}}},
        records={"firms": [{"account_id": "a", "margin": 0.7}, {"account_id": "c", "margin": None}]},
    )
    np.testing.assert_array_equal(margins(tables, ValueTerms.of(tables.settings)), [0.7, np.nan, np.nan])


def test_a_margin_of_one_hundred_percent_written_as_a_whole_number_is_a_fraction():
    settings = parse_settings({"company": {"gross_margin": 1}})
    assert ValueTerms.of(settings).gross_margin == 1.0

"""Worth, with the worked numbers of the definitions; null, never infinity, where nothing can be said."""

import numpy as np
import pandas as pd
import pytest

from leap.config import parse_settings
from leap.value import (
    ValueTerms,
    account_value,
    acquisition_cost,
    margins,
    payback_months,
    payback_months_survival,
    service_cost_a_year,
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
    expected = sum(s * 0.8 ** (m / 6) * (1 + 0.2 * m / 6) * 0.8 * 1.1 ** (-m / 12) for m in range(1, 37))
    assert value(s, p, d, u, 0.8, terms, 36) == pytest.approx(expected)


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

"""What became of overridden accounts: won, lost, churned and NRR counted by hand; too few is said."""

from __future__ import annotations

from typing import Any

import pytest

from leap.features import Scope, discover_features
from leap.icp import ICPProfile, ICPSearch
from leap.reviews.overriding import first_overridden
from leap.reviews.results import results_of, would_have_chosen
from leap.tables import AccountTables
from tests.reports.searches import evidence, rule
from tests.reviews.test_verdicts import given
from tests.worlds import company_of, subscription

DAY = "2022-01-01"


def company(extra: int = 0) -> AccountTables:
    """Twelve prospects of the day that buy on 2022-02-01 for 100: p0, p1 leave within the year, p2 doubles.

    q0 lost a deal, q1 did nothing, c0 paid on the day and left; `extra` prospects never buy.
    """
    rows = [subscription(f"p{i}", "2022-02-01", "2022-11-01" if i < 2 else None) for i in range(12)]
    rows += [subscription("p2", "2022-06-01", product="more")]
    rows += [subscription("c0", "2021-01-01", "2022-05-01")]
    firms = [f"p{i}" for i in range(12)] + ["q0", "q1", "c0"] + [f"x{i}" for i in range(extra)]
    deals = {"account_id": "q0", "created_at": "2021-12-01", "closed_at": "2022-03-01", "won": "false", "amount": 5}
    return company_of(
        rows,
        "2023-06-01",
        tables={
            "firms": {
                "shape": "attributes", "source": "f.csv", "scope": "fit",
                "columns": {"industry": {"label": "Industry"}},
            },
            "deals": {"shape": "events", "role": "deals", "source": "d.csv", "at": "created_at", "amount": "amount"},
        },
        records={
            "firms": [{"account_id": a, "industry": "shop" if a[0] in "pq" else "bank"} for a in firms],
            "deals": [deals],
        },
    )  # fmt: skip


def test_won_lost_churned_and_nrr_are_counted():
    tables = company()
    accounts = [str(a) for a in tables.accounts]
    found = results_of(tables, dict.fromkeys(accounts, DAY) | {"gone": DAY}).to_json()
    counted = {name: found[name] for name in ("accounts", "not_in_the_tables", "prospects", "won", "lost", "open")}
    assert counted == {"accounts": 16, "not_in_the_tables": 1, "prospects": 14, "won": 12, "lost": 1, "open": 1}
    assert (found["payers"], found["churned"]) == (13, 3)
    # c0 is followed from the day on, the others from their first payment: 1,100 of 1,300 are there a year later.
    assert found["nrr"]["value"] == pytest.approx((9 * 100 + 200) / 1300)
    assert found["nrr"]["low"] < found["nrr"]["value"] < found["nrr"]["high"]
    assert found["win_share"]["value"] == pytest.approx(12 / 14)


def test_of_few_accounts_counts_are_told_and_no_share():
    found = results_of(company(), {"p0": DAY, "q0": DAY}).to_json()
    assert (found["won"], found["lost"], found["churned"]) == (1, 1, 1)
    for name in ("win_share", "churn_share", "nrr"):
        assert found[name]["value"] is None and found[name]["reason"].startswith("too few yet")


def test_an_account_overridden_after_the_end_of_the_data_is_in_no_figure():
    found = results_of(company(), {"p0": "2023-06-01", "q0": "2023-05-31"}).to_json()
    assert (found["accounts"], found["too_new"], found["prospects"], found["payers"]) == (2, 1, 1, 0)


def test_an_outcome_that_is_not_complete_is_not_counted_as_retained():
    found = results_of(company(), dict.fromkeys([f"p{i}" for i in range(3, 12)], "2022-07-01")).to_json()
    assert found["prospects"] == 0 and found["payers"] == 9
    assert found["nrr"]["accounts"] == 0


def test_the_list_would_have_chosen_prospects_of_the_day_that_were_not_overridden():
    tables = company(extra=1)
    catalog = discover_features(tables).of_scope(Scope.FIT)
    industry = next(f for f in catalog.features if f.label == "Industry")
    shops = ICPProfile("established-1", "established", rule((industry, "==", "shop")), evidence(), "Shops.")
    chosen = would_have_chosen(ICPSearch((shops,), (), None), catalog, tables, [DAY, "2022-03-01"], ["q0", "p1"])
    assert set(chosen) == {f"p{i}" for i in range(12)} - {"p1"} | {"q1"}
    assert set(chosen.values()) == {DAY}
    rejected = ICPSearch((shops,), (), None, rejected=frozenset({"established-1"}))
    assert would_have_chosen(rejected, catalog, tables, [DAY], []) == {}


def test_an_account_is_followed_from_its_first_override_on():
    said: list[Any] = [
        given("include", "2026-01-05", key="a1", kind="account"),
        given("exclude", "2026-01-06", key="a1", kind="account"),
        given("include", "2026-01-07", key="a1", kind="account"),
    ]
    assert first_overridden(said, "include") == {"a1": "2026-01-05"}
    assert first_overridden(said, "exclude") == {"a1": "2026-01-06"}

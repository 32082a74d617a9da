"""What is seen of customers stays apart from whom to sell to: usage tells growers from leavers, and is no condition."""

import numpy as np
import pandas as pd
import pytest

from leap.features import Scope, discover_features
from leap.icp.adoption import trend_of_usage
from leap.icp.seen import seen_as_customers
from leap.models.frames import ScopeFrame, health_frame
from tests.worlds import Truth, company_of, planted_tables, position, subscription

USAGE = {"shape": "events", "source": "usage.csv", "at": "at", "quantity": "n", "windows_days": [28]}
TICKETS = {"shape": "events", "source": "tickets.csv", "at": "at", "windows_days": [28]}


@pytest.fixture(scope="module")
def health() -> ScopeFrame:
    tables = planted_tables(250, 36, truth=Truth(usage=-1.5, retail=0.0, growing=0.0, hazard=0.03), prospects=5)
    return health_frame(tables, discover_features(tables))


def test_usage_that_keeps_customers_is_seen_with_its_direction(health: ScopeFrame):
    seen = seen_as_customers(health, 0.0)
    assert health.features.catalog.by_name[seen[0].feature].recipe.table == "usage"
    assert seen[0].low > 0.5
    assert seen[0].median_of_growers > seen[0].median_of_leavers
    assert all(health.features.catalog.by_name[one.feature].scope == Scope.HEALTH for one in seen)


def test_without_enough_leavers_nothing_is_seen(health: ScopeFrame):
    left = health.outcomes.ending == 0
    few = np.ones(len(left), dtype=bool)
    few[np.flatnonzero(left)[10:]] = False
    cut = ScopeFrame(
        health.scope, health.snapshots.where(few), health.features.where(few), health.outcomes.where(few),
        health.encoder, health.rows.where(few), [], None,
    )  # fmt: skip
    assert seen_as_customers(cut, 0.0) == ()


# --- the trend of usage


def test_the_trend_compares_a_quarter_with_that_of_a_year_before():
    until = pd.Timestamp("2024-01-01")

    def used(account: str, days_before: int, n: int) -> dict[str, object]:
        return {"account_id": account, "at": f"{until - pd.Timedelta(days=days_before):%Y-%m-%d}", "n": n}

    tables = company_of(
        [subscription(name, "2022-01-01") for name in ("more", "same", "never")],
        f"{until:%Y-%m-%d}",
        tables={"usage": USAGE},
        records={"usage": [
            used("more", 10, 19), used("more", 200, 500), used("more", 364 + 10, 9),
            used("same", 91, 3), used("same", 364 + 91, 3),
        ]},
    )  # fmt: skip
    trend = trend_of_usage(tables)
    assert trend is not None
    assert trend[position(tables, "more")] == pytest.approx(np.log(20 / 10))
    assert trend[position(tables, "same")] == 0.0
    assert np.isnan(trend[position(tables, "never")])


def test_tickets_are_no_usage():
    rows = [{"account_id": "a", "at": "2023-12-01"}]
    tables = company_of(
        [subscription("a", "2022-01-01")], "2024-01-01", tables={"tickets": TICKETS}, records={"tickets": rows}
    )
    assert trend_of_usage(tables) is None

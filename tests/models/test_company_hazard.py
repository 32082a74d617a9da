"""Customers followed month by month: who is gone and when, what was known at a moment, and rows without an outcome."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leap.features import discover_features
from leap.models.frames import ScopeFrame, health_frame
from leap.models.hazard import Followed, fit_hazard
from leap.models.hazard.company import MonthlyBook, customers
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables
from tests.worlds import company_of, subscription


def seen(tables: AccountTables, at: str, until: str | None = None) -> dict[str, tuple[int, bool]]:
    """For how many months each customer of a date was seen, and whether it was gone."""
    snapshots = customer_snapshots(tables, [pd.Timestamp(at)])
    moment = tables.data_until if until is None else pd.Timestamp(until)
    months, gone = MonthlyBook.of(tables).followed(snapshots, moment)
    accounts = snapshots.rows["account_id"]
    return {a: (int(m), bool(g)) for a, m, g in zip(accounts, months, gone, strict=True)}


def company(**more):
    """a stays, b ends in the third month after January, c ends on the first of April, d has a gap of two months."""
    rows = [
        subscription("a", "2022-01-01"),
        subscription("b", "2022-01-01", "2023-03-15"),
        subscription("c", "2022-01-01", "2023-04-01"),
        subscription("d", "2022-01-01", "2023-02-10"),
        subscription("d", "2023-04-10"),
    ]
    return company_of(rows, "2023-08-15", **more)


def test_an_account_is_gone_in_the_month_at_whose_end_it_pays_nothing():
    """From 1 January: 1 April is the end of month 3; the last month seen ends on 1 August."""
    found = seen(company(), "2023-01-01")
    assert found == {"a": (7, False), "b": (3, True), "c": (3, True), "d": (7, False)}


def test_who_is_back_within_the_horizon_has_not_left_and_a_longer_gap_is_leaving():
    assert seen(company(outcome={"horizon_months": 3}), "2023-01-01")["d"] == (7, False)
    assert seen(company(outcome={"max_gap_days": 40}), "2023-01-01")["d"] == (2, True)


def test_at_a_moment_only_what_was_known_then_counts():
    """In mid-April d had not come back, and nobody knew that it would."""
    found = seen(company(), "2023-01-01", "2023-04-05")
    assert found == {"a": (3, False), "b": (3, True), "c": (3, True), "d": (2, True)}
    assert seen(company(), "2023-01-01", "2023-03-20") == {
        "a": (2, False), "b": (2, False), "c": (2, False), "d": (2, True),
    }  # fmt: skip


def test_within_the_days_of_grace_nobody_is_gone_and_nobody_is_followed_any_further():
    grace = company(outcome={"grace_days": 45})
    assert seen(grace, "2023-01-01", "2023-04-05")["d"] == (1, False)
    assert seen(grace, "2023-01-01", "2023-05-20")["b"] == (3, True)


@pytest.mark.parametrize("until", ["2023-02-01", "2023-03-20", "2023-06-01", "2023-08-15"])
def test_what_happens_after_a_moment_changes_nothing_that_was_known_then(until: str):
    """Cut in time: the same company read until that moment says the same."""
    tables = company()
    cut = tables.known_before(pd.Timestamp(until))
    assert seen(tables, "2023-01-01", until) == seen(cut, "2023-01-01")


def test_a_renamed_account_has_not_left():
    tables = company_of(
        [subscription("old", "2022-01-01", "2023-03-01"), subscription("new", "2023-03-01")],
        "2023-08-15",
        lineage=[("old", "new", "2023-03-01")],
    )
    assert seen(tables, "2023-01-01") == {"old": (7, False)}


# --- rows that are too young for an outcome


def faster_at_the_end(seed: int = 0, accounts: int = 700) -> AccountTables:
    """Monthly churn of 2 % for three years, and twice that in the last eleven months: no row of these has an outcome."""
    rng = np.random.default_rng(seed)
    rows = []
    until = pd.Timestamp("2024-01-02")
    turn = until - pd.DateOffset(months=11)
    for i in range(accounts):
        start = at = pd.Timestamp("2020-01-05") + pd.DateOffset(months=int(rng.integers(0, 36)))
        while at < until and rng.random() > (0.04 if at >= turn else 0.02):
            at += pd.DateOffset(months=1)
        end = at + pd.Timedelta(days=int(rng.integers(1, 25)))
        rows.append(subscription(f"a{i:03}", f"{start:%Y-%m-%d}", f"{end:%Y-%m-%d}" if end < until else None))
    return company_of(rows, "2024-01-02")


@pytest.fixture(scope="module")
def fast() -> tuple[AccountTables, ScopeFrame]:
    tables = faster_at_the_end()
    return tables, health_frame(tables, discover_features(tables))


def test_young_rows_are_followed_and_never_retained(fast):
    tables, frame = fast
    everyone = customers(tables, frame)
    followed = everyone.followed(tables.data_until)
    young = followed.as_of > frame.snapshots.rows["as_of"].max().to_datetime64()
    assert young.sum() > 1000 and followed.gone[young].sum() > 100
    left = (np.datetime64("2024-01-01") - followed.as_of[young].astype("datetime64[D]")) / np.timedelta64(30, "D")
    assert (followed.months[young] <= np.ceil(left)).all(), "no more months than the data have"


def test_young_rows_move_the_hazard_towards_what_happened_last(fast):
    """Complete rows alone would give a year's churn of between 1 - 0.98^12 = 22 % and 39 %; with the young it is more."""
    tables, frame = fast
    everyone = customers(tables, frame)
    followed = everyone.followed(tables.data_until)
    complete = followed.as_of <= frame.snapshots.rows["as_of"].max().to_datetime64()
    blind = seen_until_complete(followed.where(complete))
    with_young = 1 - fit_hazard(followed, only="base_rate").survival(everyone.matrix[:1], 12)[0, 11]
    without = 1 - fit_hazard(blind, only="base_rate").survival(everyone.matrix[:1], 12)[0, 11]
    assert without + 0.02 < with_young < 1 - 0.96**12 + 0.03


def seen_until_complete(followed: Followed) -> Followed:
    """Rows with an outcome, followed for their horizon only: what labels alone tell."""
    return followed.within(12)


def test_rows_whose_end_was_known_are_not_followed():
    """It has cancelled in May for the end of the year: from June on there is nothing to learn from it."""
    rows = [subscription(f"a{i}", "2020-01-01") for i in range(5)]
    rows.append(subscription("z", "2020-01-01", "2022-12-31", cancelled_at="2022-05-10"))
    tables = company_of(rows, "2023-06-02")
    frame = health_frame(tables, discover_features(tables))
    everyone = customers(tables, frame)
    followed = everyone.followed(tables.data_until)
    dates = followed.as_of[followed.accounts == tables.accounts.get_loc("z")]
    assert dates.max() == np.datetime64("2022-05-01") and followed.gone.any()


def test_at_a_cutoff_the_hazard_is_that_of_the_data_until_then(fast):
    tables, frame = fast
    cutoff = pd.Timestamp("2023-02-01")
    everyone = customers(tables, frame)
    before = fit_hazard(everyone.followed(cutoff), only="base_rate").survival(everyone.matrix[:1], 12)[0, 11]
    after = fit_hazard(everyone.followed(tables.data_until), only="base_rate").survival(everyone.matrix[:1], 12)[0, 11]
    assert before == pytest.approx(0.98**12, abs=0.03) and after < before - 0.05

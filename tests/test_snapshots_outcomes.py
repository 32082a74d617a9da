"""Who has a row, and whose outcome can be known: an open window counted as retained makes every model look good."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import NotEnoughData
from leap.features import discover_features
from leap.models.frames import health_frame
from leap.outcomes import observe, realised_paths
from leap.snapshots import as_of_dates, customer_snapshots, prospect_snapshots, purchase_snapshots
from leap.tables import AccountTables
from tests.worlds import company_of, subscription


def rows_at(tables: AccountTables, *dates: str) -> pd.DataFrame:
    """Snapshots with what followed, one row each, indexed by account and date."""
    snapshots = customer_snapshots(tables, [pd.Timestamp(date) for date in dates])
    found = observe(tables, snapshots)
    rows = snapshots.rows.assign(
        complete=found.complete, trainable=found.trainable, ratio=found.ratio, churned=found.churned,
        contraction=found.contraction, expansion=found.expansion, known_at=found.known_at,
    )  # fmt: skip
    return rows.set_index(["account_id", rows["as_of"].dt.strftime("%Y-%m-%d")])


# --- when an outcome is known


@pytest.mark.parametrize(
    ("data_until", "grace_days", "complete"),
    [
        ("2024-06-01", 0, False),
        ("2024-06-02", 0, True),
        ("2024-06-02", 1, False),
        ("2024-06-11", 10, False),
        ("2024-06-12", 10, True),
    ],
)
def test_an_outcome_is_complete_only_before_the_end_of_the_data(data_until: str, grace_days: int, complete: bool):
    """as_of + horizon + grace < D, and not <=: at D itself nothing is known any more."""
    tables = company_of([subscription("a", "2023-01-01")], data_until, outcome={"grace_days": grace_days})
    row = rows_at(tables, "2023-06-01").iloc[0]
    assert row["complete"] == complete
    assert row["known_at"] == pd.Timestamp("2024-06-01") + pd.Timedelta(days=grace_days)


def test_an_immature_row_has_no_label_of_any_kind():
    tables = company_of([subscription("a", "2023-01-01"), subscription("b", "2023-01-01", "2023-09-01")], "2024-01-01")
    rows = rows_at(tables, "2023-08-01")
    assert len(rows) == 2
    assert not rows["complete"].any() and not rows["trainable"].any()
    assert rows[["ratio", "churned", "contraction", "expansion"]].isna().all(axis=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 900), st.sampled_from([3, 6, 12]), st.integers(0, 40))
def test_no_row_whose_window_is_open_is_ever_complete(until, horizon, grace):
    start = pd.Timestamp("2022-01-01")
    data_until = start + pd.Timedelta(days=until + 1)
    tables = company_of(
        [subscription("a", "2022-01-01")], f"{data_until:%Y-%m-%d}",
        outcome={"horizon_months": horizon, "grace_days": grace},
    )  # fmt: skip
    snapshots = customer_snapshots(tables, as_of_dates(tables))
    found = observe(tables, snapshots)
    for as_of, complete in zip(snapshots.rows["as_of"], found.complete, strict=True):
        assert complete == (as_of + pd.DateOffset(months=horizon) + pd.Timedelta(days=grace) < data_until)


def test_a_path_of_twelve_months_is_missing_where_it_is_not_over():
    tables = company_of([subscription("a", "2023-01-01", "2023-08-15", 60)], "2024-02-02")
    snapshots = customer_snapshots(tables, [pd.Timestamp("2023-02-01"), pd.Timestamp("2023-03-01")])
    first, second = realised_paths(tables, snapshots)
    assert first.tolist() == [60.0] * 6 + [0.0] * 6
    assert np.isnan(second).all()


# --- what it is


def test_ratio_and_components_of_each_kind_of_outcome():
    tables = company_of(
        [
            subscription("grows", "2023-01-01", "2023-09-01", 100),
            subscription("grows", "2023-09-01", None, 150),
            subscription("leaves", "2023-01-01", "2023-09-01", 50),
            subscription("shrinks", "2023-01-01", "2023-09-01", 200),
            subscription("shrinks", "2023-09-01", None, 120),
            subscription("stays", "2023-01-01", None, 80),
        ],
        "2024-07-01",
    )
    rows = rows_at(tables, "2023-06-01").droplevel(1)
    assert rows["ratio"].to_dict() == {"grows": 1.5, "leaves": 0.0, "shrinks": 0.6, "stays": 1.0}
    assert rows["churned"].to_dict() == {"grows": 0.0, "leaves": 1.0, "shrinks": 0.0, "stays": 0.0}
    assert rows.loc["shrinks", "contraction"] == pytest.approx(0.4)
    assert rows.loc["grows", "expansion"] == pytest.approx(0.5)
    assert np.isnan(rows.loc["leaves", "contraction"]), "contraction is given that the account is retained"


def test_an_end_on_the_last_day_of_the_window_is_churn():
    tables = company_of(
        [subscription("on", "2023-01-01", "2024-06-01"), subscription("after", "2023-01-01", "2024-06-02")],
        "2024-07-01",
    )
    rows = rows_at(tables, "2023-06-01").droplevel(1)
    assert rows["churned"].to_dict() == {"on": 1.0, "after": 0.0}


def test_an_outcome_is_the_same_however_much_is_known_after_it():
    """Once complete, a label never changes: what happens later is no part of it."""
    terms = [subscription("a", "2023-01-01", "2024-06-15", 60), subscription("b", "2023-01-01", "2024-05-15", 60)]
    early, late = (rows_at(company_of(terms, until), "2023-06-01") for until in ("2024-06-02", "2026-01-01"))
    pd.testing.assert_frame_equal(early.drop(columns="leaving"), late.drop(columns="leaving"))


# --- who has a row


def test_an_account_that_starts_on_the_day_is_in_and_one_that_ends_on_it_is_out():
    tables = company_of(
        [
            subscription("starts", "2023-06-01"),
            subscription("ends", "2023-01-01", "2023-06-01"),
            subscription("free", "2023-01-01", None, 0),
            subscription("stays", "2023-01-01"),
        ],
        "2024-07-01",
    )
    assert set(rows_at(tables, "2023-06-01").droplevel(1).index) == {"starts", "stays"}


@pytest.mark.parametrize(
    ("cancelled_at", "ended_on", "leaving"),
    [
        ("2023-05-31", "2023-09-01", True),
        ("2023-06-01", "2023-09-01", False),  # cancelled on the very day: not known before it
        ("2023-05-31", "2024-06-01", True),  # ends on the last day of the window
        ("2023-05-31", "2024-06-02", False),  # ends after the window: not leaving within it
        (None, "2023-09-01", False),  # ends, but nobody knew
    ],
)
def test_a_cancellation_already_known_takes_a_row_out_of_training(cancelled_at, ended_on, leaving):
    tables = company_of([subscription("a", "2023-01-01", ended_on, cancelled_at=cancelled_at)], "2024-07-01")
    row = rows_at(tables, "2023-06-01").iloc[0]
    assert row["leaving"] == leaving
    assert row["complete"] and row["trainable"] == (not leaving)


def test_an_earlier_term_that_has_ended_keeps_nobody():
    rows = [
        subscription("a", "2022-01-01", "2023-01-01"),
        subscription("a", "2023-01-01", "2023-09-01", mrr=120, cancelled_at="2023-05-01"),
    ]
    row = rows_at(company_of(rows, "2024-07-01"), "2023-06-01").iloc[0]
    assert row["leaving"] and row["complete"] and not row["trainable"]


def test_an_account_that_keeps_another_subscription_is_not_leaving():
    rows = [
        subscription("a", "2023-01-01", "2023-09-01", cancelled_at="2023-05-01"),
        subscription("a", "2023-01-01", None, 10, product="extra"),
    ]
    assert not rows_at(company_of(rows, "2024-07-01"), "2023-06-01").iloc[0]["leaving"]


def test_a_free_plan_that_stays_does_not_keep_a_paying_customer():
    rows = [
        subscription("a", "2023-01-01", "2023-09-01", cancelled_at="2023-05-01"),
        subscription("a", "2023-01-01", None, 0, product="free"),
    ]
    assert rows_at(company_of(rows, "2024-07-01"), "2023-06-01").iloc[0]["leaving"]


def test_dates_are_first_days_of_months_up_to_the_end_of_the_data():
    tables = company_of([subscription("a", "2023-01-31", None)], "2023-05-01")
    assert [f"{date:%Y-%m-%d}" for date in as_of_dates(tables)] == ["2023-02-01", "2023-03-01", "2023-04-01"]


def test_rows_are_sorted_by_account_and_date_whatever_the_order_of_the_file():
    terms = [subscription(a, f"2023-0{i + 1}-01") for i, a in enumerate("cab")]
    forward, backward = (rows_at(company_of(t, "2024-01-01"), "2023-09-01", "2023-05-01") for t in (terms, terms[::-1]))
    assert [a for a, _ in forward.index] == ["a", "a", "b", "b", "c", "c"]
    pd.testing.assert_frame_equal(forward, backward)


# --- at purchase, and prospects


def test_anniversaries_of_the_first_payment_carry_the_features_of_that_day():
    tables = company_of(
        [
            subscription("a", "2021-02-15", "2021-05-15", 0),
            subscription("a", "2021-05-15", "2023-05-20"),
            subscription("b", "2022-02-28", "2022-09-01"),
        ],
        "2024-01-01",
    )
    rows = purchase_snapshots(tables).rows
    dates = rows.groupby("account_id")["as_of"].agg(lambda s: [f"{d:%Y-%m-%d}" for d in s])
    assert dates["a"] == ["2021-05-15", "2022-05-15", "2023-05-15"], "the free months are not a purchase"
    assert dates["b"] == ["2022-02-28"], "at the first anniversary it has left"
    assert set(rows.loc[rows["account_id"] == "a", "features_at"]) == {pd.Timestamp("2021-05-15")}


def test_an_anniversary_of_29_february_does_not_drift_to_the_28th_for_good():
    tables = company_of([subscription("a", "2020-02-29")], "2025-01-01")
    dates = [f"{d:%Y-%m-%d}" for d in purchase_snapshots(tables).rows["as_of"]]
    assert dates == ["2020-02-29", "2021-02-28", "2022-02-28", "2023-02-28", "2024-02-29"]


def test_a_prospect_has_no_revenue_row_and_a_former_customer_is_none():
    records = {"firms": [{"account_id": a, "size": 1} for a in ("former", "free", "new", "never")]}
    tables = company_of(
        [subscription("former", "2022-01-01", "2022-06-01"), subscription("free", "2022-01-01", None, 0)],
        "2024-01-01",
        tables={"firms": {"shape": "attributes", "source": "f.csv", "columns": {"size": {}}}},
        records=records,
    )
    assert list(prospect_snapshots(tables, pd.Timestamp("2023-06-01")).rows["account_id"]) == ["never", "new"]


def test_a_company_that_buys_later_was_a_prospect_before():
    """A prospect has no revenue row known before as_of: what it bought afterwards does not hide it."""
    tables = company_of([subscription("a", "2022-01-01"), subscription("later", "2023-09-01")], "2024-01-01")
    assert list(prospect_snapshots(tables, pd.Timestamp("2023-06-01")).rows["account_id"]) == ["later"]


def test_an_account_younger_than_the_trailing_months_does_not_train():
    """Its MRR is a third of what it pays: a year later it would seem to have tripled."""
    paid = {
        "a": pd.date_range("2023-01-01", "2024-11-01", freq="MS"),
        "b": pd.date_range("2023-05-10", periods=18, freq="MS"),
    }
    tables = company_of(
        [{"account_id": a, "occurred_at": f"{day:%Y-%m-%d}", "mrr": 30} for a, days in paid.items() for day in days],
        "2024-12-01",
        outcome={"horizon_months": 3},
        revenue={"shape": "events", "product": None, "cancelled": None},
    )
    frame = health_frame(tables, discover_features(tables))
    rows = frame.snapshots.rows
    assert rows[rows["account_id"] == "b"]["as_of"].min() == pd.Timestamp("2023-09-01")
    assert rows[rows["account_id"] == "a"]["as_of"].min() == pd.Timestamp("2023-04-01")
    assert (rows["mrr"] == 30).all() and (frame.outcomes.expansion == 0).all()


def test_orders_of_which_no_account_fills_the_trailing_months_are_declined_in_words():
    """All complete rows are of an account that was too young for them: there is nothing to learn from."""
    orders = [("free", "2023-01-01", 0), ("young", "2023-04-10", 30)]
    tables = company_of(
        [{"account_id": account, "occurred_at": day, "mrr": paid} for account, day, paid in orders],
        "2023-12-01",
        outcome={"horizon_months": 3},
        revenue={"shape": "events", "product": None, "cancelled": None},
    )
    assert observe(tables, customer_snapshots(tables, as_of_dates(tables))).complete.any()
    with pytest.raises(NotEnoughData, match="fill the trailing months"):
        health_frame(tables, discover_features(tables))


def test_orders_have_their_first_purchase_row_when_the_trailing_months_are_full():
    """On the day of the first order nothing has trailed: without this there would be no row before the next year."""
    tables = company_of(
        [{"account_id": "a", "occurred_at": day, "mrr": 30} for day in ("2023-01-31", "2023-03-10", "2023-06-01")],
        "2024-12-01",
        outcome={"horizon_months": 3},
        revenue={"shape": "events", "product": None, "cancelled": None},
    )
    rows = purchase_snapshots(tables).rows
    assert rows["as_of"].astype(str).tolist() == ["2023-04-30"]
    assert rows["features_at"].astype(str).tolist() == ["2023-01-31"]
    assert rows["mrr"].tolist() == [20.0]
    assert observe(tables, purchase_snapshots(tables)).ending.tolist() == [10.0]

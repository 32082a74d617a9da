"""Stripe's subscriptions as MRR, by hand: prices, quantities, discounts, trials, terms and what has no MRR."""

from fractions import Fraction
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import SourceError
from leap.sources import read_raw
from leap.sources.layouts.stripe_prices import Discount, Price
from leap.sources.layouts.stripe_terms import Item, Subscription, periods_of
from tests.sources.exports import stripe, write

DAY = "%Y-%m-%d"


def periods(folder, *columns):
    """(started_on, ended_on, mrr) of every period, or the columns asked for; dates as text, open ones as None."""
    frame = read_raw(f"stripe:{folder.name}#subscriptions", folder.parent).frame
    shown = frame.copy()
    for column in ("started_on", "ended_on", "cancelled_at", "renews_on"):
        days = [None if pd.isna(moment) else moment.strftime(DAY) for moment in frame[column]]
        shown[column] = pd.Series(days, frame.index, dtype=object)
    return list(shown[list(columns or ("started_on", "ended_on", "mrr"))].itertuples(index=False, name=None))


def set_aside(folder):
    """The rules by which items were set aside, and how often."""
    return read_raw(f"stripe:{folder.name}#subscriptions", folder.parent).set_aside["rule"].value_counts().to_dict()


@pytest.mark.parametrize(
    ("price", "quantity", "mrr", "currency"),
    [
        ("monthly", 2, "59.98", "USD"),  # 2 * 29.99
        ("yearly", 1, "166.666667", "USD"),  # 2000 / 12
        ("halfyearly", 1, "100", "USD"),  # 600 / 6
        ("quarterly", 1, "26.666667", "EUR"),  # 80 / 3
        ("weekly", 1, "43.333333", "USD"),  # 10 * 52 / 12
        ("daily", 1, "30.4375", "USD"),  # 1 * 365.25 / 12
        ("yen", 3, "15000", "JPY"),  # the smallest unit is the yen
        ("dinar", 1, "5", "KWD"),  # 1000 fils are a dinar
        ("fine", 1000, "5", "USD"),  # half a cent a unit
        ("packs", 25, "30", "USD"),  # 3 packs of 10, one of them begun
        ("packs_down", 25, "20", "USD"),
        ("round", 0, "0", "USD"),
    ],
)
def test_mrr_is_the_price_of_a_month(price, quantity, mrr, currency, tmp_path):
    folder = stripe(tmp_path / "s", [{}], [{"price_id": price, "quantity": quantity}])
    assert periods(folder, "mrr", "currency", "product")[0] == (mrr, currency, f"prod_{price}")


@pytest.mark.parametrize(
    ("items", "coupons", "mrr"),
    [
        (["round"], ["quarter_off"], ["75"]),
        (["round"], ["ten_off"], ["90"]),
        (["halfyearly"], ["ten_off"], ["98.333333"]),  # (600 - 10) / 6: an amount is off each invoice
        (["round", "monthly"], ["ten_off"], ["27.682899", "92.307101"]),  # 10 in proportion 29.99 : 100
        (["round"], ["quarter_off", "ten_off"], ["65"]),  # 100 * 0.75 - 10
        (["round"], ["huge_off"], ["0"]),  # never below zero
        (["round"], ["first_free"], ["100"]),  # once is not recurring
        (["round", "monthly"], ["on_round"], ["29.99", "50"]),
        (["metered", "round"], ["ten_off"], ["90"]),
    ],
)
def test_recurring_discounts_are_taken_off(items, coupons, mrr, tmp_path):
    starts = [f"2024-01-01 00:00:0{place}" for place in range(len(coupons))]
    folder = stripe(
        tmp_path / "s",
        [{"created": "2024-01-01 00:00:05"}],
        [{"price_id": item} for item in items],
        [{"coupon_id": coupon, "start": start} for coupon, start in zip(coupons, starts, strict=True)],
    )
    shown = dict(periods(folder, "item_id", "mrr"))
    assert list(shown.values()) == mrr


def test_a_discount_that_runs_out_splits_the_period_at_that_moment(tmp_path):
    """Three months from the 30th of November end on the last day of February."""
    folder = stripe(
        tmp_path / "s",
        [{"created": "2023-11-30 10:00:00"}],
        [{}],
        [{"coupon_id": "half_for_3", "start": "2023-11-30 10:00:00"}],
    )
    assert periods(folder) == [("2023-11-30", "2024-02-29", "50"), ("2024-02-29", None, "100")]
    given_end = [{"coupon_id": "half_for_3", "start": "2023-11-30 10:00:00", "end": "2024-03-15 00:00:00"}]
    folder = stripe(tmp_path / "t", [{"created": "2023-11-30 10:00:00"}], [{}], given_end)
    assert periods(folder)[0] == ("2023-11-30", "2024-03-15", "50")


def test_a_discount_that_begins_later_splits_too(tmp_path):
    folder = stripe(tmp_path / "s", [{}], [{}], [{"coupon_id": "quarter_off", "start": "2024-06-01 00:00:00"}])
    assert periods(folder) == [("2024-01-01", "2024-06-01", "100"), ("2024-06-01", None, "75")]


def test_the_discount_of_a_customer_counts_where_the_subscription_has_none(tmp_path):
    of_customer = {"id": "di_c", "subscription_id": "", "customer_id": "cus", "coupon_id": "quarter_off"}
    of_customer |= {"start": "2020-01-01 00:00:00"}
    subscriptions = [{}, {"id": "other"}]
    items = [{}, {"subscription_id": "other", "id": "si_other"}]
    folder = stripe(tmp_path / "s", subscriptions, items, [{"coupon_id": "ten_off"}], discount=[of_customer])
    assert dict(periods(folder, "subscription_id", "mrr")) == {"sub": "90", "other": "75"}


def test_the_same_discount_in_two_files_is_one_and_that_of_an_invoice_is_none(tmp_path):
    again = {"id": "di_0", "subscription_id": "sub", "coupon_id": "ten_off", "start": "2024-01-01 00:00:00"}
    of_invoice = {**again, "id": "di_9", "invoice_id": "in_1"}
    folder = stripe(tmp_path / "s", [{}], [{}], [{"coupon_id": "ten_off"}], discount=[again, of_invoice])
    raw = read_raw("stripe:s#subscriptions", tmp_path)
    assert raw.frame["mrr"].tolist() == ["90"]
    assert ("discount_of_invoice", "1 rows") in {remark[:2] for remark in raw.remarks} and folder


def test_a_trial_is_free_until_its_end(tmp_path):
    trial = {"trial_start": "2024-01-01 00:00:00", "trial_end": "2024-01-15 00:00:00"}
    folder = stripe(tmp_path / "s", [{**trial, "status": "active"}], [{}])
    assert periods(folder) == [("2024-01-01", "2024-01-15", "0"), ("2024-01-15", None, "100")]
    folder = stripe(tmp_path / "t", [{**trial, "status": "paused"}], [{}])
    assert periods(folder) == [("2024-01-01", None, "0")]
    folder = stripe(tmp_path / "u", [{**trial, "status": "canceled", "ended_at": "2024-01-10 00:00:00"}], [{}])
    assert periods(folder) == [("2024-01-01", "2024-01-10", "0")]


@pytest.mark.parametrize(
    ("row", "ended", "cancelled"),
    [
        ({"status": "canceled", "ended_at": "2024-05-01 00:00:00", "canceled_at": "2024-04-10 00:00:00"},
         "2024-05-01", "2024-04-10"),
        ({"status": "canceled", "canceled_at": "2024-04-10 00:00:00"}, "2024-04-10", "2024-04-10"),
        ({"cancel_at_period_end": "true", "current_period_end": "2024-07-01 00:00:00",
          "canceled_at": "2024-06-10 00:00:00"}, "2024-07-01", "2024-06-10"),
        ({"cancel_at": "2030-01-01 00:00:00", "canceled_at": "2024-06-10 00:00:00"}, "2030-01-01", "2024-06-10"),
        ({"canceled_at": "2024-06-10 00:00:00", "cancel_at_period_end": "false"}, None, None),  # taken back
        ({"status": "past_due"}, None, None),
    ],
)  # fmt: skip
def test_when_it_ends_and_when_that_was_known(row, ended, cancelled, tmp_path):
    folder = stripe(tmp_path / "s", [row], [{}])
    assert periods(folder, "ended_on", "cancelled_at") == [(ended, cancelled)]


def test_only_the_last_period_was_cancelled(tmp_path):
    row = {"status": "canceled", "ended_at": "2024-05-01 00:00:00", "canceled_at": "2024-05-01 00:00:00"}
    folder = stripe(tmp_path / "s", [row], [{}], [{"coupon_id": "half_for_3"}])
    assert periods(folder, "started_on", "ended_on", "cancelled_at") == [
        ("2024-01-01", "2024-04-01", None),
        ("2024-04-01", "2024-05-01", "2024-05-01"),
    ]


def test_long_terms_are_periods_of_their_own_with_the_renewal_known_from_their_start(tmp_path):
    """A renewal that lies behind the export would say that the account is still there: none of a period does."""
    row = {"created": "2022-03-31 00:00:00", "current_period_start": "2024-03-31 00:00:00"}
    folder = stripe(tmp_path / "s", [row], [{"price_id": "yearly"}])
    assert periods(folder, "started_on", "ended_on", "renews_on") == [
        ("2022-03-31", "2023-03-31", "2023-03-31"),
        ("2023-03-31", "2024-03-31", "2024-03-31"),
        ("2024-03-31", None, "2025-03-31"),
    ]
    row |= {"created": "2023-05-31 00:00:00", "current_period_start": "2023-11-30 00:00:00"}
    folder = stripe(tmp_path / "t", [row], [{"price_id": "quarterly"}])
    assert periods(folder, "started_on", "renews_on") == [
        ("2023-05-31", "2023-08-31"), ("2023-08-31", "2023-11-30"), ("2023-11-30", "2024-02-29"),
    ]  # fmt: skip
    folder = stripe(tmp_path / "u", [{"current_period_start": "2024-06-01 00:00:00"}], [{}])
    assert periods(folder, "started_on", "ended_on", "renews_on") == [("2024-01-01", None, None)]


def test_an_item_counts_from_when_it_was_added(tmp_path):
    items = [{"created": "2024-01-01 00:00:00"}, {"created": "2024-04-01 00:00:00", "price_id": "monthly"}]
    folder = stripe(tmp_path / "s", [{}], items, [{"coupon_id": "ten_off"}])
    assert periods(folder, "product", "started_on", "ended_on", "mrr") == [
        ("prod_monthly", "2024-04-01", None, "27.682899"),  # the amount off is shared from then on
        ("prod_round", "2024-01-01", "2024-04-01", "90"),
        ("prod_round", "2024-04-01", None, "92.307101"),
    ]


def test_a_start_that_was_set_back_counts_for_the_items_made_with_it(tmp_path):
    row = {"start_date": "2023-06-01 00:00:00", "created": "2024-01-01 00:00:00"}
    folder = stripe(tmp_path / "s", [row], [{"created": "2024-01-01 00:00:00"}])
    assert periods(folder) == [("2023-06-01", None, "100")]


def test_terms_of_one_product_side_by_side_have_names_of_their_own(tmp_path):
    subscriptions = [{}, {"id": "second", "created": "2024-02-01 00:00:00"}]
    items = [{}, {"subscription_id": "second"}]
    folder = stripe(tmp_path / "s", subscriptions, items)
    assert periods(folder, "product", "mrr") == [("prod_round", "100"), ("prod_round (2)", "100")]
    subscriptions[0] |= {"status": "canceled", "ended_at": "2024-02-01 00:00:00"}
    folder = stripe(tmp_path / "t", subscriptions, items)
    assert periods(folder, "product", "started_on") == [("prod_round", "2024-01-01"), ("prod_round", "2024-02-01")]


def test_quantities_of_versions_hold_from_their_time(tmp_path):
    versions = [
        {"id": "sub", "quantity": 1, "_fivetran_start": "2024-01-05 00:00:00", "_fivetran_active": "false"},
        {"id": "sub", "quantity": 4, "_fivetran_start": "2024-03-01 00:00:00", "_fivetran_active": "true"},
    ]
    folder = stripe(tmp_path / "s", [{}], [{"quantity": 4}], subscription_history=versions)
    assert periods(folder) == [("2024-01-01", "2024-03-01", "100"), ("2024-03-01", None, "400")]


def test_a_history_alone_gives_the_versions_in_force(tmp_path):
    folder = stripe(tmp_path / "s", [{}], [{}])
    row = {"id": "sub", "customer_id": "cus", "status": "active", "created": "2024-01-01 00:00:00"}
    write(folder, subscription_history=[{**row, "_fivetran_active": "true"}, {**row, "_fivetran_active": "false"}])
    (folder / "subscription.csv").unlink()
    assert periods(folder) == [("2024-01-01", None, "100")]
    assert set_aside(folder) == {"old_version": 1}


@pytest.mark.parametrize(
    ("row", "item", "coupon", "rule"),
    [
        ({"status": "incomplete_expired"}, {}, None, "never_active"),
        ({"status": "incomplete"}, {}, None, "never_active"),
        ({"livemode": "false"}, {}, None, "test_mode"),
        ({"created": "someday"}, {}, None, "bad_date"),
        ({"created": ""}, {}, None, "missing_date"),
        ({"status": "canceled"}, {}, None, "missing_date"),
        ({"customer_id": ""}, {}, None, "missing_customer"),
        ({"ended_at": "2023-01-01 00:00:00"}, {}, None, "end_before_start"),
        ({"ended_at": "2024-01-01 00:00:00"}, {}, None, "ended_at_once"),
        ({"currency": "eur"}, {}, None, "currency_option"),
        ({}, {"price_id": "metered"}, None, "metered_price"),
        ({}, {"price_id": "tiered"}, None, "tiered_price"),
        ({}, {"price_id": "setup"}, None, "one_time_price"),
        ({}, {"price_id": "odd"}, None, "unknown_interval"),
        ({}, {"price_id": "gone"}, None, "unknown_price"),
        ({}, {"quantity": ""}, None, "missing_quantity"),
        ({}, {"quantity": "1.5"}, None, "bad_number"),
        ({}, {"quantity": "many"}, None, "bad_number"),
        ({}, {"subscription_id": "other"}, None, "no_subscription"),
        ({}, {"_fivetran_deleted": "true"}, None, "item_removed"),
        ({"ended_at": "2024-02-01 00:00:00"}, {"created": "2024-03-01 00:00:00"}, None, "item_after_end"),
        ({}, {}, "no_such_coupon", "unknown_coupon"),
        ({}, {}, "euro_off", "discount_currency"),
    ],
)
def test_what_has_no_mrr_is_set_aside_by_its_rule(row, item, coupon, rule, tmp_path):
    folder = stripe(tmp_path / "s", [row], [item], [{"coupon_id": coupon}] if coupon else [])
    raw = read_raw("stripe:s#subscriptions", tmp_path)
    rules = raw.set_aside["rule"].tolist()
    assert rule in rules and set(rules) <= {rule, "no_item"} and not len(raw.frame)
    assert raw.set_aside["remedy"].str.len().min() > 10 and folder


def test_an_amount_off_invoices_of_different_intervals_leaves_no_mrr(tmp_path):
    folder = stripe(tmp_path / "s", [{}], [{}, {"price_id": "yearly"}], [{"coupon_id": "ten_off"}])
    assert set_aside(folder) == {"discount_over_intervals": 2}


def test_what_would_change_after_the_export_has_not_happened(tmp_path):
    """A trial or discount that still runs is an open period, not one that ends and is followed by nothing."""
    now = {"_fivetran_synced": "2024-02-01 00:00:00", "trial_end": "2024-02-14 00:00:00"}
    folder = stripe(tmp_path / "s", [now], [{}])
    assert periods(folder) == [("2024-01-01", None, "0")]
    folder = stripe(tmp_path / "t", [{"_fivetran_synced": "2024-02-01 00:00:00"}], [{}], [{"coupon_id": "half_for_3"}])
    assert periods(folder) == [("2024-01-01", None, "50")]


def test_what_should_be_known_is_remarked(tmp_path):
    subscriptions = [{"status": "unpaid", "pause_collection_behavior": "void"}]
    stripe(tmp_path / "s", subscriptions, [{}])
    remarks = {rule for rule, _, _ in read_raw("stripe:s#subscriptions", tmp_path).remarks}
    assert remarks == {"unpaid", "paused_collection", "no_versions"}


def test_missing_files_and_columns_are_named(tmp_path):
    folder = stripe(tmp_path / "s", [{}], [{}])
    (folder / "subscription.csv").write_text("id,status\nsub,active\n")
    with pytest.raises(SourceError, match=r"subscription.csv: missing column\(s\) \['customer_id'\]"):
        read_raw("stripe:s#subscriptions", tmp_path)
    (folder / "subscription.csv").unlink()
    with pytest.raises(SourceError, match="no file of 'subscription'"):
        read_raw("stripe:s#subscriptions", tmp_path)
    with pytest.raises(SourceError, match="the folder has no file of invoice"):
        read_raw("stripe:s#invoices", tmp_path)
    with pytest.raises(SourceError, match="no table 'subscription' in this layout"):
        read_raw("stripe:s#subscription", tmp_path)
    with pytest.raises(SourceError, match="no folder 'elsewhere'"):
        read_raw("stripe:elsewhere#subscriptions", tmp_path)


MOMENTS = st.datetimes(pd.Timestamp("2023-01-01").to_pydatetime(), pd.Timestamp("2024-12-31").to_pydatetime())


@settings(max_examples=100, deadline=None)
@given(
    start=MOMENTS,
    lasting=st.none() | st.integers(1, 500),
    trial=st.none() | st.integers(1, 90),
    months=st.sampled_from([Fraction(1), Fraction(12), Fraction(3), Fraction(3, 13)]),
    discounts=st.lists(st.tuples(MOMENTS, st.none() | st.integers(1, 300), st.integers(0, 150)), max_size=3),
)
def test_periods_cover_the_life_of_an_item_once_and_are_never_negative(start, lasting, trial, months, discounts):
    begin = pd.Timestamp(start)
    end = None if lasting is None else begin + pd.Timedelta(days=lasting)
    off = [
        Discount(
            pd.Timestamp(day), None if days is None else day + pd.Timedelta(days=days), None, Fraction(amount), "USD"
        )
        for day, days, amount in discounts
    ]
    found = periods_of(
        Subscription(
            "sub", "cus", begin, end, end, None if trial is None else (begin, begin + pd.Timedelta(days=trial)), begin,
            begin + pd.Timedelta(days=400), (Item("si", Price("USD", Fraction(100), months, "prod"), 1, begin),), tuple(off),
        ),
        pd.Timestamp("2100-01-01"),
    )  # fmt: skip
    assert found[0].started_on == begin and found[-1].ended_on == end and found[-1].cancelled_at == end
    for before, after in pairwise(found):
        assert before.ended_on == after.started_on and before.started_on < after.started_on
        assert before.cancelled_at is None
    assert all(0 <= period.mrr <= Fraction(100) / months for period in found)
    assert all(period.renews_on is None or period.renews_on > period.started_on for period in found)

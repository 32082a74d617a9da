"""Whom to contact follows from what an account is worth and what an offer costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.config import parse_settings
from leap.offers import Offer, value_if_kept
from leap.value import ValueTerms

OFFER = Offer(save_rate=0.3, evidence=20, offer_share=0.05, contact_cost=15.0)


def test_the_offer_is_that_of_the_policy():
    policy = parse_settings(
        {"policy": {"save_rate": 0.25, "save_rate_evidence": 8, "offer_share": 0.1, "contact_cost": 7, "capacity": 3}}
    ).policy
    assert Offer.of(policy) == Offer(0.25, 8, 0.1, 7.0, 3)
    assert (Offer.of(policy).alpha, Offer.of(policy).beta) == (2.0, 6.0)


def test_the_expected_gain_by_hand():
    """Worth 1,000 at a risk of 0.4: saves 0.4 * 0.3 * 950 = 114, gives away 0.6 * 50 = 30, and the contact costs 15."""
    assert OFFER.gain(np.array([0.4]), np.array([1000.0]))[0] == pytest.approx(114 - 30 - 15)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1), st.floats(0, 1), st.floats(0, 500))
def test_contacting_pays_exactly_above_the_threshold(p, value, save_rate, share, cost):
    offer = Offer(save_rate, 20, share, cost)
    threshold = offer.threshold(np.array([value]))[0]
    gain = offer.gain(np.array([p]), np.array([value]))[0]
    if np.isnan(threshold):
        assert gain <= 1e-6 * max(value, 1)
    elif abs(p - threshold) > 1e-6:
        assert (gain > 0) == (p > threshold)


def test_a_worthless_account_has_no_threshold_and_is_not_contacted():
    assert np.isnan(OFFER.threshold(np.array([0.0]))[0])
    assert not OFFER.contacted(OFFER.gain(np.ones(1), np.zeros(1)), np.zeros(1), np.zeros(1))[0]


def test_where_an_offer_keeps_nobody_no_account_is_contacted():
    offer = Offer(0.0, 20, 0.0, 0.0)
    assert np.isnan(offer.threshold(np.array([1000.0]))[0])
    assert not offer.contacted(offer.gain(np.ones(1), np.full(1, 1000.0)), np.zeros(1), np.zeros(1)).any()


def test_the_capacity_of_each_list_goes_to_its_largest_gains_equal_ones_by_account():
    offer = Offer(0.3, 20, 0.05, 15.0, capacity=2)
    gain = np.array([5.0, 9.0, 5.0, 5.0, -1.0, 1.0, -2.0])
    accounts = np.array(["d", "c", "b", "a", "e", "a", "b"])
    lists = np.array([0, 0, 0, 0, 0, 1, 1])
    assert offer.contacted(gain, accounts, lists).tolist() == [False, True, False, True, False, True, False]
    order = np.array([3, 6, 1, 0, 5, 2, 4])
    assert (
        offer.contacted(gain[order], accounts[order], lists[order]) == offer.contacted(gain, accounts, lists)[order]
    ).all()


def test_an_account_with_many_rows_takes_one_place():
    offer = Offer(0.3, 20, 0.05, 15.0, capacity=2)
    gain, accounts = np.repeat([9.0, 5.0, 3.0], 12), np.repeat(["a", "b", "c"], 12)
    assert offer.contacted(gain, accounts, np.zeros(36)).tolist() == [True] * 24 + [False] * 12


def test_what_is_at_stake_is_the_margin_without_churn_less_the_cost_to_serve_else_twelve_months_of_mrr():
    terms = ValueTerms(gross_margin=float("nan"), discount_rate=0.0, horizon_months=12)
    mrr, margin, cost = np.array([100.0, 100.0, 100.0]), np.array([0.8, np.nan, 0.1]), np.array([60.0, 60.0, 500.0])
    d, u = np.zeros(3), np.array([0.0, 0.5, 0.0])
    value, by_margin = value_if_kept(mrr, d, u, margin, cost, terms)
    assert value.tolist() == pytest.approx([12 * 80 - 60, 1200, 0.0])
    assert by_margin.tolist() == [True, False, True]

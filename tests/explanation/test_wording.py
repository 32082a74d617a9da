"""Numbers as people read them, and never a word that claims a cause."""

import re
from pathlib import Path

import pytest

from leap.explanation import wording
from leap.features import CHANGE, SHARE, Recipe
from leap.icp import find_icps
from tests.icp.populations import halves, population
from tests.worlds import TrainedWorld, a_feature

CAUSAL = re.compile(
    r"\b(because|caus\w*|due to|lead\w* to|driv\w+ by|result\w* in|makes?|prevent\w*|thanks to)\b", re.IGNORECASE
)


def test_no_phrase_of_any_account_claims_a_cause(planted: TrainedWorld):
    from leap.scoring import score_all

    batch = score_all(planted.bundle, planted.tables, "1")
    phrases = [
        reason["phrase"]
        for table in (batch.customers, batch.prospects)
        for i in range(len(table))
        for reason in table.to_json(i, 0)["reasons"]
    ]
    assert len(phrases) > 500
    assert not [phrase for phrase in phrases if CAUSAL.search(phrase)]
    assert all("associated with" in phrase for phrase in phrases)


def test_no_statement_of_a_profile_claims_a_cause():
    earlier, later = halves(population(effect=1.0))
    found = find_icps(earlier, later, [(feature, 1.0) for feature in earlier.frame.catalog.features])
    assert found.profiles
    for profile in found.profiles:
        assert not CAUSAL.search(profile.statement), profile.statement


def test_no_word_of_the_wording_itself_claims_a_cause():
    text = Path(wording.__file__).read_text()
    strings = re.findall(r'f?"([^"]*)"', text)
    assert not [s for s in strings if CAUSAL.search(s) and "never causal" not in s]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (0.05, "0.05"),
        (3.0, "3"),
        (9.999, "10"),
        (12.34, "12.3"),
        (99.95, "100"),
        (1234.5, "1,234"),
        (-0.5, "-0.5"),
    ],
)
def test_numbers_have_as_many_digits_as_they_need(value: float, expected: str):
    assert wording.number(value) == expected


def test_a_tiny_number_is_not_shown_as_zero():
    assert wording.number(0.001) != "0"


USAGE = a_feature("usage", label="Usage, last 28 days", unit="actions", missing="no usage was ever recorded")


@pytest.mark.parametrize(
    ("points", "direction"), [(-0.036, "3.6 points lower"), (0.036, "3.6 points higher")]
)  # fmt: skip
def test_a_reason_says_value_usual_value_points_and_money(points: float, direction: str):
    phrase = wording.phrase(USAGE, 3.0, 12.0, points, points * 1200, "USD")
    assert "Usage, last 28 days: 3 actions, usually 12 actions" in phrase
    assert f"associated with {direction} NRR" in phrase
    assert f"({'-' if points < 0 else '+'}43 USD a month)" in phrase


def test_a_missing_value_is_said_as_the_catalog_explains_it():
    assert "no usage was ever recorded" in wording.phrase(USAGE, None, 12.0, 0.01, None, "USD")
    assert wording.value_of(USAGE, float("nan")) == "no usage was ever recorded"


DAYS = a_feature("active_days_28d", label="Days with activity, last 28 days", unit="days")
PLAN = a_feature("plan", "category", label="Plan", missing="none active")
LISTED = a_feature("listed", "boolean", label="Listed on a stock exchange")
RENEWAL = a_feature("renewal", label="Time to the next renewal", unit="days", missing="no renewal date ahead")
REQUESTS = a_feature("requests", label="Requests to cancel", unit="requests", consequence=True, actionable=True)


def test_a_reason_reads_as_a_person_would_say_it():
    assert wording.phrase(DAYS, 3.0, 14.0, -0.036, -43.2, "USD") == (
        "Days with activity, last 28 days: 3, usually 14 for accounts like this; "
        "associated with 3.6 points lower NRR (-43 USD a month)"
    )
    assert wording.group_phrase(DAYS, 3.0, 14.0, -0.036, None, "USD", related=2) == (
        "Days with activity, last 28 days: 3, usually 14 for accounts like this (with 2 related features); "
        "associated with 3.6 points lower NRR"
    )


@pytest.mark.parametrize(
    ("feature", "value", "usual", "share", "said"),
    [
        (DAYS, 14.0, 14.0, None, "Days with activity, last 28 days: 14, as is usual for accounts like this"),
        (PLAN, "Basic", "Pro", 0.7, "Plan: Basic, most accounts like this have Pro"),
        (PLAN, "Basic", "Pro", 0.3, "Plan: Basic, most often Pro among accounts like this (30%)"),
        (PLAN, "Pro", "Pro", 0.7, "Plan: Pro, as most accounts like this have"),
        (PLAN, None, "Pro", 0.7, "Plan: none active, most accounts like this have Pro"),
        (PLAN, None, None, None, "Plan: none active"),
        (LISTED, 0.0, 1.0, 0.72, "Listed on a stock exchange: no, unlike 72% of accounts like this"),
        (LISTED, 1.0, 1.0, 1.0, "Listed on a stock exchange: yes, as for all accounts like this"),
        (LISTED, None, 1.0, 0.6, "Listed on a stock exchange: not recorded, yes for 60% of accounts like this"),
        (RENEWAL, 20.0, 335.0, None, "Time to the next renewal: 20 days, usually 11 months for accounts like this"),
        (RENEWAL, 20.0, None, None, "Time to the next renewal: 20 days (most accounts like this: no renewal date ahead)"),
    ],
)  # fmt: skip
def test_a_value_stands_beside_what_is_usual(feature, value, usual, share, said: str):
    assert wording.value_beside_usual(feature, value, usual, share=share) == said


def test_a_consequence_is_said_to_be_no_lever():
    said = wording.phrase(REQUESTS, 1.0, 0.0, -0.3, -360.0, "USD")
    assert said.endswith("(-360 USD a month); a sign of a decision already taken, not a lever")
    assert "lever" not in wording.phrase(DAYS, 1.0, 0.0, -0.3, -360.0, "USD")


def test_a_small_difference_is_not_shown_as_nothing():
    said = wording.phrase(DAYS, 3.0, 14.0, -0.0002, -0.02, "USD")
    assert said.endswith("associated with less than 0.1 points lower NRR (less than 0.1 USD a month)")


def test_a_change_says_what_was_and_what_is():
    assert wording.change_phrase(DAYS, 14.0, 3.0, -0.036, -43.2, "USD") == (
        "Days with activity, last 28 days: was 14, now 3; associated with 3.6 points lower NRR (-43 USD a month)"
    )
    assert "still Pro" in wording.change_phrase(PLAN, "Pro", "Pro", 0.01, None, "USD")
    assert "was none active, now Pro" in wording.change_phrase(PLAN, None, "Pro", 0.01, None, "USD")


def test_a_what_if_is_what_the_model_would_say_and_no_promise():
    assert wording.what_if_phrase([(DAYS, 3.0, 14.0)], 0.88, 0.92, 43.2, "USD", usual=True) == (
        "If Days with activity, last 28 days were 14 instead of 3, as is usual for accounts like this, the model would "
        "say NRR 92% instead of 88% (+43 USD a month): what it says of such accounts, not a promise"
    )
    several = wording.what_if_phrase([(DAYS, 3.0, 14.0), (PLAN, None, "Pro")], 0.881, 0.884)
    assert "were 14 instead of 3 and Plan were Pro (now: none active)" in several
    assert "NRR 88.4% instead of 88.1%" in several
    assert "nearly the same NRR, 88.0%" in wording.what_if_phrase([(DAYS, 3.0, 4.0)], 0.88, 0.88001)


@pytest.mark.parametrize(
    ("label", "unit", "value", "said"),
    [
        ("Usage, last 28 days against the 28 days before", CHANGE, -0.351, "-35%"),
        ("Deals: part of those closed that were won", SHARE, 0.25, "25%"),
        ("Active seats", "seats", 12345.0, "12,345"),
        ("Months as a customer", "months", 58.8, "59"),
        ("Founded", "year", 2015.0, "2015"),
        ("Employees", "people", 1.0, "1 person"),
        ("Error rate", "%", 2.5, "2.5%"),
        ("First reply, last 28 days", "days", 1.0, "1 day"),
    ],
)
def test_values_have_the_form_of_their_unit(label: str, unit: str, value: float, said: str):
    assert wording.value_of(a_feature("f", label=label, unit=unit), value) == said


def test_a_difference_of_a_number_says_more_or_less():
    grown = a_feature("g", label="Staff, change over 91 days", unit="people", recipe=Recipe("t", "history", "change"))
    assert [wording.value_of(grown, value) for value in (12.0, -3.0, 0.0)] == ["+12 people", "-3 people", "0 people"]


def test_reasons_compare_an_account_with_those_that_pay_about_as_much(planted: TrainedWorld):
    from leap.scoring import score_all

    table = score_all(planted.bundle, planted.tables, "1").customers
    peers, checked = planted.bundle.peers, 0
    for i in range(0, len(table), 7):
        for reason in table.to_json(i, 0)["reasons"]:
            feature = planted.bundle.catalog.by_name[reason["feature"]]
            usual = peers.typical(feature.name, float(table.mrr[i]))
            if feature.kind == "number" and reason["value"] is not None and usual is not None:
                shown = wording.value_of(feature, usual)
                same = shown == wording.value_of(feature, reason["value"])
                assert ("as is usual" if same else f"usually {shown}") + " for accounts like this" in reason["phrase"]
                checked += 1
    assert checked > 50

"""Numbers as people read them, and never a word that claims a cause."""

import re
from pathlib import Path

import pytest

from leap.explanation import wording
from leap.icp.profiles import find_icps
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

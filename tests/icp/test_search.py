"""Rules are found on some accounts and measured on others: what was only luck does not come back."""

import numpy as np
import pytest

from leap.features import FeatureFrame
from leap.icp import ICPSearch, find_icps, match
from leap.icp.candidates import candidates
from leap.icp.measuring import Hypothesis, _benjamini_hochberg, measure
from leap.icp.population import Population, parted
from leap.icp.suggesting import strength
from tests.icp.populations import YEAR, halves, population


def searched(whole: Population) -> ICPSearch:
    earlier, later = halves(whole)
    return find_icps(earlier, later, [(feature, 1.0) for feature in whole.frame.catalog.features])


# --- who is found on and who is measured


@pytest.mark.parametrize("seed", range(5))
def test_measured_accounts_are_others_and_later(seed: int):
    whole = population(seed=seed)
    found, measured = parted(whole, whole.as_of + YEAR)
    assert not set(whole.accounts[found]) & set(whole.accounts[measured])
    assert (whole.as_of + YEAR)[found].max() <= whole.as_of[measured].min(), "no outcome of the first was open"
    assert min(found.sum(), measured.sum()) > 0.1 * len(whole.accounts)


def test_evidence_says_on_whom_it_was_found_and_measured():
    earlier, later = halves(population(effect=1.0))
    for attribute in searched(population(effect=1.0)).attributes:
        evidence = attribute.evidence
        assert evidence.accounts == len(set(later.accounts))
        assert evidence.found_on["accounts"] == len(set(earlier.accounts))
        assert evidence.found_on["to"] < evidence.measured_on["from"]


# --- what is there is found


def test_a_planted_rule_is_found_with_the_right_sign():
    found = 0
    for seed in range(8):
        profiles = searched(population(seed=seed, effect=1.0)).profiles
        for profile in profiles:
            alone = profile.rule.features == {"has_team"}
            assert not alone or profile.kind == "established", profile.statement
            found += alone
    assert found >= 6


def test_a_planted_rule_that_makes_leave_is_negative():
    profiles = [p for seed in range(5) for p in searched(population(seed=seed, effect=-1.0)).profiles]
    alone = [p for p in profiles if p.rule.features == {"has_team"}]
    assert len(alone) >= 4
    for profile in alone:
        kept = profile.rule.conditions[0].matches({"has_team": np.array([1.0, 0.0])})
        assert kept.tolist() == ([False, True] if profile.kind == "established" else [True, False])


# --- what is not there is not


def test_a_company_in_which_nothing_matters_has_no_icp():
    claimed = [bool(searched(population(500, seed=seed)).profiles) for seed in range(40)]
    assert sum(claimed) <= 4, claimed  # 5 % are expected


def test_money_that_a_few_accounts_dominate_makes_no_icp_either():
    claimed = [bool(searched(population(500, seed=seed, spread_of_money=1.5)).profiles) for seed in range(12)]
    assert sum(claimed) <= 2, claimed


def test_where_nothing_is_found_the_reason_has_numbers():
    found = searched(population(500, seed=3))
    assert not found.profiles
    assert found.none_because is not None and "rules tried" in found.none_because


def test_a_meaningless_attribute_is_in_no_rule():
    """Having a team makes stay. That it also does so for those with little `noise` is no profile of its own."""
    profiles = [p for seed in range(8) for p in searched(population(seed=seed, effect=1.0)).profiles]
    meaningless = [p.rule.words for p in profiles if p.rule.features - {"has_team"}]
    assert len(meaningless) <= len(profiles) // 4, meaningless


# --- the measurement


def test_figures_are_ratios_of_sums_inside_and_outside():
    whole = population(seed=1, effect=1.0)
    rule = next(r for r in candidates(whole, whole.frame.catalog.features) if r.words.startswith("Has team"))
    evidence = measure([Hypothesis(rule, 1.0, "nrr", whole, {})], tried=1)[0]
    inside = rule.matches(whole.columns)
    nrr = evidence.figures["nrr"]
    seen, left = nrr.observed, evidence.figures["churn"].observed
    assert seen is not None and left is not None
    assert seen[0] == pytest.approx(whole.ending[inside].sum() / whole.starting[inside].sum())
    assert seen[1] == pytest.approx(whole.ending[~inside].sum() / whole.starting[~inside].sum())
    assert left[0] == pytest.approx((whole.ending[inside] == 0).mean())
    assert evidence.matched == len(set(whole.accounts[inside]))
    assert nrr.low <= nrr.lift <= nrr.high
    document = nrr.to_json()
    assert document["inside"] - document["outside"] == document["lift"]
    assert abs(evidence.headline.lift) <= abs(seen[0] - seen[1]) + 0.02, "what is shown is not more than was seen"


def test_repeating_every_row_changes_no_evidence():
    """Twelve snapshots of an account are one account."""
    once = population(300, seed=2, effect=0.7)
    times = np.repeat(np.arange(len(once.accounts)), 12)
    arrays = (once.accounts[times], once.as_of[times], once.starting[times], once.ending[times])
    frame = FeatureFrame(
        once.frame.frame.iloc[times].reset_index(drop=True), once.frame.catalog, np.zeros(len(times), dtype=bool)
    )
    twelve = Population(frame, *arrays)
    rules = candidates(once, once.frame.catalog.features)[:6]
    pairs = zip(
        measure([Hypothesis(rule, 1.0, "churn", once, {}) for rule in rules], tried=1),
        measure([Hypothesis(rule, 1.0, "churn", twelve, {}) for rule in rules], tried=1),
        strict=True,
    )
    for a, b in pairs:
        assert b.q_value == pytest.approx(a.q_value)
        assert (b.headline.low, b.headline.high) == pytest.approx((a.headline.low, a.headline.high))
    for rule in rules:
        assert strength(rule, twelve) == pytest.approx(strength(rule, once))


def test_false_discovery_rates_are_those_of_benjamini_and_hochberg():
    """The example of their paper has 15 p-values; at 5 % the first four are found."""
    p = np.array(
        [
            0.0001,
            0.0004,
            0.0019,
            0.0095,
            0.0201,
            0.0278,
            0.0298,
            0.0344,
            0.0459,
            0.3240,
            0.4262,
            0.5719,
            0.6528,
            0.7590,
            1.0,
        ]
    )
    q = _benjamini_hochberg(p)
    assert (q <= 0.05).sum() == 4
    assert q[3] == pytest.approx(0.0095 * 15 / 4)
    shuffled = np.random.default_rng(0).permutation(15)
    np.testing.assert_allclose(_benjamini_hochberg(p[shuffled]), q[shuffled])


def test_too_few_accounts_make_no_candidate():
    small = population(20, seed=0)
    assert candidates(small, small.frame.catalog.features) == []


# --- the match of an account


def test_an_account_meets_a_profile_or_is_told_what_it_misses():
    profiles = searched(population(seed=0, effect=1.0)).profiles
    columns = {
        "has_team": np.array([1.0, 0.0, np.nan]), "employees": np.full(3, 100.0),
        "industry": np.array(["retail"] * 3, dtype=object), "noise": np.zeros(3),
    }  # fmt: skip
    with_team, without, unknown = match(profiles, columns, 3)
    assert (with_team.icp_id, with_team.tier) == ("established-1", "A")
    for other in (without, unknown):
        # A yes or no is met or not: nobody is near it, and what is not known is no sign either way.
        assert (other.icp_id, other.tier, other.near) == (None, "C", ())
        assert other.missed


def test_without_profiles_there_is_no_tier():
    assert match((), {}, 2)[0].to_json() == {
        "id": None,
        "tier": None,
        "matched": [],
        "missed": [],
        "disqualified_by": [],
        "near": [],
    }

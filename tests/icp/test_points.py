"""Points cards follow the fit model, are judged where neither looked, and say when not to use them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from leap.features import FeatureCatalog, Scope
from leap.icp import Attribute, Condition, ICPSearch, Population, Rule
from leap.icp.carding import Judged, cuts, held_rules, points_card
from leap.icp.points import CardLine, PointsCard
from tests.icp.populations import population
from tests.reports.searches import evidence
from tests.worlds import a_feature, a_frame

TEAM = a_feature("has_team", "boolean", Scope.FIT)
SIZE = a_feature("employees", "number", Scope.FIT)
INDUSTRY = a_feature("industry", "category", Scope.FIT)
NOISE = a_feature("noise", "number", Scope.FIT)
CATALOG = FeatureCatalog((TEAM, SIZE, INDUSTRY, NOISE))


def attribute(*conditions: Condition, sign: float = 1.0, **more: Any) -> Attribute:
    """A rule that held, in the direction of the sign; or did not, with a q_value."""
    return Attribute(Rule(conditions), evidence(sign=sign, **more), 1, 0.4)


HAS_TEAM = attribute(Condition(TEAM, "==", 1.0))
RETAIL = attribute(Condition(INDUSTRY, "==", "retail"), sign=-1.0)
UNSHOWN = attribute(Condition(NOISE, ">=", 0.0), q_value=0.4)


def world(effect: float = 1.5, seed: int = 0) -> Population:
    return population(500, seed=seed, effect=effect)


def judged(whole: Population, expected: np.ndarray) -> list[Judged]:
    """What a model that expects this is judged by: each account is looked at in one half only."""
    even = whole.accounts % 2 == 0
    early = whole.as_of < np.datetime64("2021-01-01")
    kept = np.clip(expected - 0.1, 0, 1)
    return [Judged(own & early, ~own & ~early, expected, kept) for own in (even, ~even)]


def model(whole: Population, expected: np.ndarray) -> tuple[np.ndarray, list[Judged]]:
    """The final model, and those it is judged by, all of one mind."""
    return expected, judged(whole, expected)


def expecting(whole: Population, team: float, retail: float, noise: float = 0.02) -> np.ndarray:
    """A model's expected NRR: so much more with a team, so much less in retail, and a little that nothing explains."""
    columns, rng = whole.columns, np.random.default_rng(1)
    met = Rule((Condition(INDUSTRY, "==", "retail"),)).matches(columns)
    return 0.85 + team * np.asarray(columns["has_team"]) - retail * met + noise * rng.normal(size=len(whole.accounts))


def test_points_have_the_size_and_sign_of_what_the_model_expects() -> None:
    whole = world()
    card = points_card([HAS_TEAM, RETAIL, UNSHOWN], whole, *model(whole, expecting(whole, 0.1, 0.05)))
    assert [(line.rule, np.sign(line.points)) for line in card.lines] == [(HAS_TEAM.rule, 1), (RETAIL.rule, -1)]
    assert card.lines[0].points / -card.lines[1].points == pytest.approx(2.0, abs=0.5)
    assert card.a_from is not None and card.c_to is not None and card.c_to < card.a_from
    assert sum(card.shares.values()) == pytest.approx(1.0)
    assert card.agreement is not None and card.why_not is None
    assert card.agreement.rank.value is not None and card.agreement.rank.value > 0.8
    assert card.agreement.same_band.value is not None and card.agreement.same_band.value > card.agreement.same_by_chance


def test_agreement_is_that_of_accounts_the_card_was_not_made_of() -> None:
    whole = world()
    expected = expecting(whole, 0.1, 0.05)
    parts = judged(whole, expected)
    card = points_card([HAS_TEAM, RETAIL], whole, expected, parts)
    assert card.agreement is not None
    measured = np.logical_or.reduce([part.measured_on for part in parts])
    assert card.agreement.rows == measured.sum() and card.agreement.accounts == len(np.unique(whole.accounts[measured]))
    changed = [Judged(p.found_on, p.measured_on, np.where(p.measured_on, 0.5, p.nrr), p.kept) for p in parts]
    other = points_card([HAS_TEAM, RETAIL], whole, expected, changed)
    assert other.lines == card.lines and other.agreement is not None
    assert other.agreement.rank.value == 0 and other.why_not is not None


def test_the_order_of_rows_changes_nothing() -> None:
    whole = world()
    expected = expecting(whole, 0.1, 0.07)
    parts = judged(whole, expected)
    card = points_card([HAS_TEAM, RETAIL], whole, expected, parts)
    order = np.random.default_rng(3).permutation(len(whole.accounts))
    columns = {name: [values[i] for i in order] for name, values in whole.columns.items()}
    rest = (whole.accounts, whole.as_of, whole.starting, whole.ending, whole.tenure_months)
    shuffled = Population(a_frame(columns, Scope.FIT), *(values[order] for values in rest))
    again = points_card(
        [RETAIL, HAS_TEAM], shuffled, expected[order],
        [Judged(p.found_on[order], p.measured_on[order], p.nrr[order], p.kept[order]) for p in parts],
    )  # fmt: skip
    assert (again.lines, again.a_from, again.c_to) == (card.lines, card.a_from, card.c_to)


def test_conditions_that_overlap_share_their_points() -> None:
    whole = world()
    wide, narrow = attribute(Condition(SIZE, ">=", 50.0)), attribute(Condition(SIZE, ">=", 60.0))
    large = np.asarray(whole.columns["employees"]) >= 55
    expected = 0.85 + 0.1 * large
    both = points_card([wide, narrow], whole, *model(whole, expected))
    # Whoever meets both stands as far above the others as one condition alone would put them.
    assert 0 < sum(line.points for line in both.lines) <= 11
    spread = both.points(whole.columns, len(large))
    assert spread[large].mean() > spread[~large].mean()


def test_a_condition_that_the_model_contradicts_gets_no_points() -> None:
    whole = world()
    card = points_card([HAS_TEAM, RETAIL], whole, *model(whole, expecting(whole, 0.1, -0.05)))
    assert [line.rule for line in card.lines] == [HAS_TEAM.rule]


def test_nothing_held_is_no_card() -> None:
    whole = world()
    card = points_card([UNSHOWN], whole, *model(whole, expecting(whole, 0.1, 0.05)))
    assert card.lines == () and card.why_not is not None and "No condition held" in card.why_not


def test_a_card_that_the_model_does_not_share_is_not_to_be_used() -> None:
    whole = world()
    rng = np.random.default_rng(0)
    elsewhere = expecting(whole, 0.02, 0.01, noise=0.0) + 0.3 * rng.normal(size=len(whole.accounts))
    card = points_card([HAS_TEAM, RETAIL], whole, *model(whole, elsewhere))
    assert card.lines and card.why_not is not None and "too far from the model's" in card.why_not


def test_a_card_that_tells_nobody_who_stays_is_not_to_be_used() -> None:
    whole = world(effect=0.0)
    card = points_card([HAS_TEAM, RETAIL], whole, *model(whole, expecting(whole, 0.1, 0.05)))
    assert card.why_not is not None and "better than chance" in card.why_not


def test_a_card_that_nothing_can_be_compared_with_is_not_to_be_used() -> None:
    whole = world()
    card = points_card([HAS_TEAM, RETAIL], whole, expecting(whole, 0.1, 0.05), [])
    assert card.lines and card.agreement is None and card.why_not is not None


def test_a_rule_narrower_than_one_that_held_is_left_out() -> None:
    narrower = attribute(*HAS_TEAM.rule.conditions, Condition(SIZE, ">=", 100.0), q_value=0.00001)
    assert [rule for rule, _ in held_rules([narrower, HAS_TEAM])] == [HAS_TEAM.rule]


@pytest.mark.parametrize(
    ("points", "bands"),
    [
        ([0, 0, 3], (3, None)),
        ([-2, 0, 0, 0], (None, -2)),
        ([-1, 0, 0, 1], (1, -1)),
        ([-3, -1, -1, 0, 0, 0, 0, 0, 0, 0], (None, -1)),
        ([0, 0], (None, None)),
    ],
)
def test_bands_are_where_sums_part(points: list[int], bands: tuple[int | None, int | None]) -> None:
    c_to, a_from = cuts(np.array(points))
    assert (a_from, c_to) == bands
    card = PointsCard((), a_from, c_to, {}, None, None)
    assert set(card.bands(np.array(points))) <= {"A", "B", "C"}


def test_a_card_is_read_back_as_it_was() -> None:
    whole = world()
    card = points_card([HAS_TEAM, RETAIL], whole, *model(whole, expecting(whole, 0.1, 0.05)))
    search = ICPSearch((), (), None, card=card)
    assert ICPSearch.from_json(json.loads(json.dumps(search.to_json())), CATALOG).card == card
    assert ICPSearch.from_json(ICPSearch((), (), None).to_json(), CATALOG).card is None


def test_what_is_not_known_counts_nothing_but_for_a_line_that_says_not() -> None:
    lines = (
        CardLine(HAS_TEAM.rule, 2), CardLine(Rule((Condition(INDUSTRY, "!=", "retail"),)), 1), CardLine(RETAIL.rule, -3),
    )  # fmt: skip
    card = PointsCard(lines, 2, -1, {}, None, None)
    columns = {"has_team": np.array([1.0, np.nan, 0.0]), "industry": np.array(["media", None, "retail"], dtype=object)}
    assert card.points(columns, 3).tolist() == [3, 1, -3]
    assert card.bands(card.points(columns, 3)).tolist() == ["A", "B", "C"]

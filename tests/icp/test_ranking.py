"""Kinds by what a profile is of base, new customers and market; order by reach, win rate and value."""

import numpy as np
import pytest

from leap.features import Scope
from leap.icp.arranging import order_of_work
from leap.icp.attributes import Attribute
from leap.icp.choosing import differs, distinct, kind_of
from leap.icp.evidence import Evidence, Measured
from leap.icp.pooling import Pooled
from leap.icp.population import Population
from leap.icp.profiles import ICPProfile
from leap.icp.ranking import Contender, Rank, Shares, in_order, ranks
from leap.icp.rules import Condition, Rule
from leap.icp.saturation import Saturation
from tests.icp.books import a_book, deals
from tests.reports.searches import GOOD, evidence
from tests.worlds import a_feature, a_frame

BETTER = Pooled(40, 1.2, 0.95, 1.1, 1.0, 1.2, 0.8)


def shares(base: int, new: int = 0, prospects: int = 0) -> Shares:
    """Parts of 100 customers, 40 new ones and 200 prospects."""
    return Shares(base, base, 100, new, 40, prospects, 200)


# --- kinds


def test_few_that_grow_and_do_better_are_emerging():
    kind, because = kind_of(shares(12, new=15), BETTER, 1.0)
    assert kind == "emerging"
    assert "12% of the customers" in because
    assert "15 of the 40 won in the last year (38%)" in because
    assert "110% against 100%" in because


def test_few_of_the_base_and_far_more_of_the_market_are_emerging():
    assert kind_of(shares(12, prospects=60), BETTER, 1.0)[0] == "emerging"


def test_what_is_large_is_established_however_it_grows():
    assert kind_of(shares(40, new=40, prospects=200), BETTER, 1.0)[0] == "established"


def test_what_is_small_and_does_not_grow_is_established():
    kind, because = kind_of(shares(12, new=5, prospects=24), BETTER, 1.0)
    assert kind == "established"
    assert "neither grows faster" in because


def test_what_grows_and_does_worse_is_not_emerging():
    kind, because = kind_of(shares(12, new=15), BETTER, 1.2)
    assert kind == "established"
    assert "not emerging" in because


def test_without_an_established_one_all_customers_are_what_is_compared_with():
    kind, because = kind_of(shares(12, new=15), BETTER, None)
    assert kind == "emerging"
    assert "95% of all customers" in because


def test_one_new_customer_of_three_is_no_growth():
    assert kind_of(Shares(4, 4, 100, 1, 3, 0, 0), BETTER, 1.0)[0] == "established"


# --- a longer rule inside a shorter one


def of_churn(lift: float, low: float, high: float) -> Evidence:
    return evidence("churn", figures={"churn": Measured(0.2 + lift, 0.2, low, high)})


def test_a_longer_rule_differs_if_its_whole_interval_goes_further():
    shorter = of_churn(-0.08, -0.12, -0.04)
    assert differs(of_churn(-0.15, -0.19, -0.10), shorter)
    assert not differs(of_churn(-0.15, -0.23, -0.07), shorter)
    assert not differs(of_churn(-0.02, -0.06, 0.02), shorter)
    worse = of_churn(0.08, 0.04, 0.12)
    assert differs(of_churn(0.15, 0.10, 0.19), worse)


# --- order


def contenders(**nrr: float) -> dict[str, Contender]:
    """Accounts 0 to 39 are customers of which 20 each meet a rule, the rest prospects of which 30 do."""
    masks = {}
    for position, name in enumerate(nrr):
        mask = np.zeros(200, dtype=bool)
        mask[position * 20 : position * 20 + 20] = True
        mask[100 + position * 30 : 130 + position * 30] = True
        masks[name] = mask
    return {name: Contender(mask, mask, Pooled(20, 1, 1, nrr[name], 1, 1, 1), False) for name, mask in masks.items()}


def customers_and_prospects(**more):
    customer, prospect = np.arange(200) < 100, np.arange(200) >= 100
    return a_book(200, customer=customer, prospect=prospect, mrr=np.where(customer, 100.0, 0.0), **more)


def test_of_equal_reach_and_win_rate_the_larger_value_is_first():
    found = ranks(contenders(a=0.9, b=1.2), customers_and_prospects(), broad=0.4)
    assert in_order(found) == ["b", "a"]
    assert found["b"].value == pytest.approx(12 * 100 * 1.2)
    assert found["b"].score == 1.0
    assert found["a"].score == pytest.approx(0.9 / 1.2)
    assert found["a"].reach == 50


def test_the_win_rate_is_shrunk_and_enters_the_order():
    book = customers_and_prospects(deals=deals([*range(20), *range(20, 40)], [1.0] * 18 + [0.0] * 2 + [0.0] * 20))
    found = ranks(contenders(a=0.9, b=1.2), book, broad=0.4)
    assert in_order(found) == ["a", "b"]
    assert (found["a"].won, found["a"].closed) == (18, 20)
    assert found["a"].win_rate == pytest.approx((18 + 20 * 0.45) / 40)


def test_a_rule_about_deals_has_the_win_rate_of_all():
    """Without a lost deal all are won, by definition."""
    book = customers_and_prospects(deals=deals([*range(40)], [1.0] * 20 + [0.0] * 20))
    own = contenders(a=1.0)["a"]
    found = ranks({"a": Contender(own.bought, own.now, own.pooled, True)}, book, broad=0.4)["a"]
    assert found.win_rate == pytest.approx(0.5)
    assert "about_deals" in found.reasons["win_rate"]


def test_a_profile_that_half_the_market_meets_stands_behind_the_others():
    found = ranks(contenders(a=0.9, b=1.2), customers_and_prospects(), broad=0.4)
    wide = Contender(np.ones(200, dtype=bool), np.ones(200, dtype=bool), BETTER, False)
    found = ranks({**contenders(a=0.9, b=1.2), "wide": wide}, customers_and_prospects(), broad=0.4)
    assert in_order(found) == ["b", "a", "wide"]
    assert found["wide"].reasons["place"] == "too_broad_to_be_a_choice"


def test_margin_is_what_is_ranked_by_where_it_is_known():
    book = customers_and_prospects(gross_margin=np.full(200, 0.5))
    found = ranks(contenders(a=1.0), book, broad=0.4)["a"]
    assert (found.value, found.value_of) == (pytest.approx(600.0), "margin")


# --- what comes next


def profile(name: str, penetration: float | None, verdict: str = "steady") -> ICPProfile:
    kind = name.split("-")[0]
    saturation = Saturation(penetration, 5, 5, "2022-01-01", 5, 5, None, None, verdict, "")  # type: ignore[arg-type]
    rank = Rank(1, 10, 10, 20, None, 0, 0, 1.0, 1.0, "revenue", 1.0)
    return ICPProfile(name, kind, GOOD, evidence(), "", rank=rank, saturation=saturation)


def test_the_next_profile_is_opened_when_the_first_is_won():
    work = order_of_work([profile("established-1", 0.6, "saturated"), profile("emerging-1", 0.1)], 0.5)
    assert work is not None
    assert (work.first, work.next, work.due) == ("established-1", "emerging-1", True)
    assert work.words == (
        "Open emerging-1 now: 60% of the companies known to meet established-1 are customers, 50% or more."
    )


def test_before_that_the_first_is_worked_on():
    profiles = [profile("established-1", 0.2), profile("established-2", 0.1), profile("emerging-1", 0.1)]
    work = order_of_work(profiles, 0.5)
    assert work is not None
    assert (work.next, work.due) == ("emerging-1", False)
    assert "Work on established-1 first: 20% of the companies" in work.words
    assert "open emerging-1 once that is 50%" in work.words


def test_a_profile_that_is_won_itself_is_not_opened():
    profiles = [profile("established-1", 0.6, "saturated"), profile("established-2", 0.9, "saturated")]
    work = order_of_work(profiles, 0.5)
    assert work is not None
    assert (work.next, work.due) == (None, False)
    assert "Look for more companies" in work.words


def test_negative_profiles_are_no_work():
    assert order_of_work([profile("negative-1", 0.1)], 0.5) is None


# --- rules inside each other


def rules_of_size(*rules: tuple[float, Measured]):
    """Attributes on the number of employees below a bound, with what was measured of churn."""
    feature = a_feature("employees", "number", Scope.FIT)
    return [
        Attribute(
            Rule((Condition(feature, "<", bound),)),
            evidence("churn", figures={"churn": churn}, matched=int(4 * bound)),
            1,
            1.0,
        )
        for bound, churn in rules
    ]


def everyone_from_0_to_99() -> Population:
    frame = a_frame({"employees": [float(i) for i in range(100)]}, Scope.FIT)
    nothing = np.zeros(100)
    return Population(frame, np.arange(100), nothing.astype("datetime64[us]"), nothing, nothing)


def test_narrower_bounds_on_the_same_feature_are_one_with_the_wider_unless_they_go_further():
    wide, near = Measured(0.3, 0.2, 0.06, 0.14), Measured(0.32, 0.2, 0.05, 0.19)
    kept = distinct(rules_of_size((50.0, wide), (25.0, near)), everyone_from_0_to_99())
    assert [a.rule.conditions[0].value for a in kept] == [50.0]
    further = Measured(0.5, 0.2, 0.22, 0.38)
    kept = distinct(rules_of_size((50.0, wide), (25.0, further)), everyone_from_0_to_99())
    assert sorted(float(a.rule.conditions[0].value) for a in kept) == [25.0, 50.0]  # type: ignore[arg-type]


def test_near_equal_rules_are_one():
    wide = Measured(0.3, 0.2, 0.06, 0.14)
    assert len(distinct(rules_of_size((50.0, wide), (45.0, wide)), everyone_from_0_to_99())) == 1

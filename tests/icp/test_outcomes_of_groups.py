"""Quarters, bookings, prices, the funnel and the front of the hand-written company, and of made-up ones."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from leap.config import Policy, parse_settings
from leap.errors import SettingsError
from leap.features import FeatureCatalog
from leap.icp import Attribute, ICPProfile, ICPSearch
from leap.icp.book import Book
from leap.icp.bookings import UNKNOWN, bookings_of
from leap.icp.figures import Figures, Ledger
from leap.icp.front import Candidate, front_of
from leap.icp.funnel import funnel_of, size_note
from leap.icp.present import with_figures
from leap.icp.price import price_of
from leap.icp.quarters import EVERYONE, OUTSIDE, Quarter, quarters_of
from tests.icp.companies import book_of, deal, made_up, of_industry, profile, whole_company

SMALL = Policy(icp_min_accounts=2)


@pytest.fixture(scope="module")
def book() -> Book:
    return book_of(whole_company())


@pytest.fixture(scope="module")
def banks(book: Book) -> ICPProfile:
    return profile("established", of_industry(book.catalog, "bank"))


@pytest.fixture(scope="module")
def shops(book: Book) -> ICPProfile:
    return profile("negative", of_industry(book.catalog, "shop"), lift=(-0.2, -0.3, -0.1))


# --- quarters


def quarter(quarters: tuple[Quarter, ...], name: str) -> Quarter:
    return next(q for q in quarters if q.quarter == name)


def test_a_quarter_counts_who_first_paid_and_which_deals_closed_in_it(book: Book, banks: ICPProfile):
    found = quarters_of(Ledger(book), [banks])
    first = quarter(found.groups["established-1"], "2022-Q1")
    assert (first.new_customers, first.bookings, first.deals_decided) == (5, 490.0, 0)
    assert first.nrr_later == 1.0 and first.churn_later == 0.0 and first.accounts_later == 5
    # None of five left: that is no proof that none will.
    assert first.churn_later_interval is not None and first.churn_later_interval[1] > 0.3
    assert quarter(found.groups[OUTSIDE], "2022-Q2").deals_won == 1


def test_small_quarters_have_counts_and_reasons_instead_of_figures(book: Book, banks: ICPProfile):
    spring = quarter(quarters_of(Ledger(book), [banks]).groups[OUTSIDE], "2022-Q2")
    assert (spring.new_customers, spring.accounts_later, spring.nrr_later, spring.cac) == (2, 2, None, None)
    assert spring.reasons["nrr_later"] == "fewer_than_5_customers"
    assert spring.reasons["win_rate"] == "fewer_than_10_closed_deals"


def test_what_came_a_year_later_is_not_said_before_the_year_is_over():
    book = book_of(made_up(0))
    found = quarters_of(Ledger(book), []).groups[EVERYONE]
    late = [q for q in found if q.quarter >= "2023-Q1"]
    assert late and all(q.reasons["nrr_later"] == "window_not_complete" for q in late)
    assert OUTSIDE not in quarters_of(Ledger(book), []).groups
    assert found[-1].quarter == "2023-Q4"


def test_inside_and_outside_bookings_are_those_of_everyone():
    book = book_of(made_up(1))
    found = quarters_of(Ledger(book), [profile("established", of_industry(book.catalog, "bank"))]).groups
    for part, rest, whole in zip(found["established-1"], found[OUTSIDE], found[EVERYONE], strict=True):
        assert part.bookings + rest.bookings == pytest.approx(whole.bookings)
        assert part.deals_decided + rest.deals_decided == whole.deals_decided


# --- bookings


def test_bookings_outside_the_icp_by_team_and_source(book: Book, banks: ICPProfile):
    found = bookings_of(Ledger(book), [banks])
    assert found is not None
    assert found.everyone.outside_share == pytest.approx(400 / 890)
    teams = {row.name: row for row in found.by["team"]}
    assert set(teams) == {"north", "south", UNKNOWN}
    assert teams["south"].outside_share == 1.0 and teams["south"].outside.bookings == 300
    assert teams["north"].outside_share == 0.0 and teams["north"].inside.customers == 2
    # C's winning deal names no team; D, E and G have no deal.
    assert teams[UNKNOWN].inside.customers == 3 and teams[UNKNOWN].outside.customers == 1
    assert sum(row.inside.bookings + row.outside.bookings for row in teams.values()) == 890
    assert teams["south"].outside.nrr_later is None and teams["south"].outside.accounts_later == 1
    assert {row.name for row in found.by["origin"]} == {"inbound", "partner", UNKNOWN}


def test_without_a_profile_nothing_is_outside_of_it(book: Book, shops: ICPProfile):
    assert bookings_of(Ledger(book), [shops]) is None


def test_who_meets_a_negative_profile_too_is_outside(book: Book, banks: ICPProfile):
    also_bad = replace(profile("negative", of_industry(book.catalog, "bank")), id="negative-1")
    found = bookings_of(Ledger(book), [banks, also_bad])
    assert found is not None and found.everyone.outside_share == 1.0


# --- the price of a negative profile


def test_a_price_is_mean_mrr_times_the_missing_nrr_with_the_interval_of_the_evidence(book: Book, shops: ICPProfile):
    ledger = Ledger(book)
    price = price_of(book, shops, ledger.compare(shops.rule.matches(book.bought)))
    assert price["yearly_revenue_lost_per_account"] == pytest.approx(12 * 330 * 0.2)
    assert (price["low"], price["high"]) == (pytest.approx(12 * 330 * 0.1), pytest.approx(12 * 330 * 0.3))
    assert price["shown"] is True and price["note"] is None
    assert price["yearly_margin_lost_per_account"] == pytest.approx(12 * 330 * 0.2 * 0.5)
    lost = price["last_year"]
    assert lost["revenue_lost"] == pytest.approx(12 * 100) and lost["accounts"] == 2
    assert lost["more_than_at_the_nrr_of_others"] == pytest.approx(12 * 400 * (410 / 490 - 330 / 400))
    assert price["won_last_year"] == 0 and price["cac_last_year"] is None


def test_who_to_disqualify_is_named_with_open_deals_first(book: Book, shops: ICPProfile):
    named = price_of(book, shops, Ledger(book).compare(shops.rule.matches(book.bought)))["disqualify"]
    assert (named["prospects"], named["open_deals"], named["open_amount"]) == (2, 1, 700)
    assert named["first_prospects"] == ["R", "S"] and named["first_with_open_deals"] == ["R"]
    assert named["why"] == "Industry: shop"


def test_a_price_whose_interval_holds_zero_says_so(book: Book, shops: ICPProfile):
    open_still = profile("negative", shops.rule, lift=(-0.1, -0.3, 0.1))
    price = price_of(book, open_still, Ledger(book).compare(shops.rule.matches(book.bought)))
    assert price["shown"] is False and "contains zero" in price["note"]


# --- the funnel


def test_the_funnel_by_hand(book: Book, banks: ICPProfile, shops: ICPProfile):
    found = funnel_of(book, [banks, shops], SMALL)
    assert (found.tam.accounts, found.tam.customers, found.tam.prospects, found.tam.former) == (11, 5, 4, 2)
    assert found.icp is not None and found.target_list is not None
    assert (found.icp.accounts, found.icp.prospects) == (7, 2)
    # P had news in the last 91 days, Q ten months ago.
    assert found.target_list.accounts == 1 and found.targets == {"established-1": 1}
    assert found.icp.share == pytest.approx(7 / 11) and "icp_max_share" in str(found.icp.note)


@pytest.mark.parametrize("seed", range(4))
def test_no_level_is_larger_than_the_one_above(seed: int):
    book = book_of(made_up(seed, 40))
    profiles = [
        profile("established", of_industry(book.catalog, "bank")),
        replace(profile("emerging", of_industry(book.catalog, "farm")), id="emerging-1"),
        profile("negative", of_industry(book.catalog, "shop")),
    ]
    found = funnel_of(book, profiles, SMALL)
    assert found.icp is not None and found.target_list is not None
    for kind in ("accounts", "customers", "prospects", "former"):
        icp, target = getattr(found.icp, kind), getattr(found.target_list, kind)
        assert getattr(found.tam, kind) >= icp >= max(getattr(level, kind) for level in found.segments)
        assert target <= icp
    for level in found.segments:
        assert found.targets[level.name] <= level.accounts


def test_without_signals_or_profiles_levels_are_null_with_reasons(book: Book, banks: ICPProfile, shops: ICPProfile):
    quiet = replace(book, catalog=FeatureCatalog(tuple(f for f in book.catalog.features if f.signal != "buying")))
    assert funnel_of(quiet, [banks], SMALL).reasons == {"target_list": "no_buying_signals"}
    found = funnel_of(book, [shops], SMALL)
    assert found.icp is None and found.reasons == {"icp": "no_profile", "target_list": "no_profile"}


def test_a_stated_market_is_told_apart_from_what_is_known(book: Book, banks: ICPProfile):
    stated = Policy(market_size=3_000_000, market_source="Statistics office, 2025", icp_max_share=0.9)
    found = funnel_of(book, [banks], stated)
    assert found.icp is not None and found.icp.estimated == round(7 / 11 * 3_000_000)
    assert "icp_max_accounts" in str(found.icp.note) and "Statistics office" in found.notes[0]
    assert "market_size" in funnel_of(book, [banks], SMALL).notes[0]
    with pytest.raises(SettingsError, match="market_source"):
        parse_settings({"policy": {"market_size": 1000}, "tables": {}})


def test_a_size_between_the_thresholds_has_no_note():
    assert size_note(500, 10_000, Policy()) is None
    assert "icp_min_accounts" in str(size_note(499, 10_000, Policy()))
    assert "icp_max_share" in str(size_note(4001, 10_000, Policy())) and size_note(4000, 10_000, Policy()) is None


# --- the front


def candidate(name: str, grr: float, expansion: float, margin: float | None, spread: float = 0.001) -> Candidate:
    values = {"grr": grr, "expansion_rate": expansion, "margin": margin}
    rng = np.random.default_rng(ord(name))
    draws = {n: (v or 0.0) + spread * rng.normal(size=400) for n, v in values.items()}
    return Candidate(name, "profile", name, Figures(values, {}, {}, {}, draws, dict.fromkeys(values, 200.0)))


def test_the_front_says_who_is_dominated_by_whom():
    found = front_of(
        [candidate("a", 0.9, 0.1, 0.7), candidate("b", 0.8, 0.2, 0.7), candidate("c", 0.85, 0.05, 0.6),
         candidate("d", 0.8, 0.2, 0.65)]
    )  # fmt: skip
    assert found is not None and found.aims == ("retention", "expansion", "margin")
    choices = {choice.id: choice for choice in found.choices}
    assert [name for name, choice in choices.items() if choice.on_front] == ["a", "b"]
    assert [other.by for other in choices["c"].dominated_by] == ["a"]
    assert [(other.by, other.apart) for other in choices["d"].dominated_by] == [("b", ("margin",))]
    assert choices["c"].surely_dominated


def test_differences_within_intervals_are_said_to_be_so():
    found = front_of([candidate("a", 0.9, 0.1, 0.7, 0.2), candidate("b", 0.89, 0.09, 0.69, 0.2)])
    assert found is not None
    worse = found.choices[1]
    assert not worse.on_front and not worse.surely_dominated
    assert worse.to_json()["dominated_by"][0]["note"] == "all differences lie within their 95 % intervals"


def test_without_margin_the_front_is_over_the_two_others_and_says_so():
    found = front_of([candidate("a", 0.9, 0.1, None), candidate("b", 0.8, 0.05, None)])
    assert found is not None and found.aims == ("retention", "expansion") and "Margin is not known" in found.note
    alike = front_of([candidate("a", 0.9, 0.1, 0.7), candidate("b", 0.8, 0.2, 0.7)])
    assert alike is not None and alike.reasons == {"margin": "margin_alike"}
    assert front_of([]) is None


# --- all of it in the document


def test_everything_survives_json_and_is_finite(book: Book, banks: ICPProfile, shops: ICPProfile):
    attribute = Attribute(banks.rule, banks.evidence, 1, 0.3)
    found = with_figures(book, ICPSearch((banks, shops), (attribute,), None), SMALL)
    text = json.dumps(found.to_json(), allow_nan=False)
    back = ICPSearch.from_json(json.loads(text), book.catalog)
    for name in ("criteria", "front", "quarters", "bookings", "funnel"):
        assert json.loads(text)[name] and getattr(back, name) == getattr(found, name), name
    assert {c.rule.words for c in found.criteria} == {"Industry: bank", "Industry: shop"}
    assert found.profiles[0].kpis["inside"]["nrr"] == 410 / 490 and found.profiles[1].price is not None


# --- the columns of deals


def test_columns_of_deals_are_of_deals_and_a_discount_is_a_share():
    with pytest.raises(SettingsError, match="team: columns of deals"):
        parse_settings({"tables": {"t": {"shape": "events", "source": "t.csv", "team": "team"}}})
    tables = whole_company(deals=[deal("A", "2021-11-01", "2021-12-01", True, 1000, discount=20)])
    warned = [problem for problem in tables.problems if problem.rule == "bad_discount"]
    assert [problem.count for problem in warned] == [1] and "0.15" in warned[0].remedy
    assert np.isnan(book_of(tables).deals.discount).all()

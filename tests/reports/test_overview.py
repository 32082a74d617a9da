"""The first page in values: its figures are those of the commands, and what is not known is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.icp import Condition, Rule
from leap.reports.overview import Book, Level, OverviewSummary, summarise
from leap.reports.overview_changes import changes
from leap.reports.overview_needs import MOST, needs
from leap.reports.overview_profiles import new_in_profiles
from leap.reports.overview_quarter import MONTHS, quarter
from leap.revenue import PARTS, Revenue, add_months
from leap.scoring import Scorer
from leap.scoring.batch import portfolio
from leap.scoring.company_retention import company_retention
from leap.scoring.freshness import Freshness
from leap.scoring.icp_versions import Named, compare
from leap.scoring.waterfall_asked import Asked, Version, answer
from tests.scoring.test_documents import one_profile
from tests.worlds import TrainedWorld

HORIZON = 6
FRESH = Freshness(date(2026, 11, 1), 3, False, 45)


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture(scope="module")
def summary(scorer: Scorer) -> OverviewSummary:
    return summarise(scorer)


def book_of(summary: OverviewSummary) -> Book:
    assert summary.book is not None
    return summary.book


def with_quality(scorer: Scorer, **health: Any) -> Scorer:
    quality = {**scorer.bundle.quality, "health": {**scorer.bundle.quality["health"], **health}}
    bundle = replace(scorer.bundle, quality=quality)
    table = scorer.customers
    assert table is not None and scorer.tables is not None
    return Scorer(bundle, "7", scorer.tables, pd.Timestamp(scorer.as_of), replace(table, bundle=bundle))


def test_measured_figures_are_those_of_the_key_figures_and_expected_ones_those_of_the_portfolio(
    scorer: Scorer, summary: OverviewSummary
) -> None:
    assert scorer.customers is not None
    book, measured, ahead = book_of(summary), company_retention(scorer.tables), portfolio(scorer.customers)
    for name, key in (("nrr", "nrr"), ("grr", "grr"), ("churn", "churn_rate")):
        found, exact = book.last.figures[name], measured["figures"][key]  # type: ignore[index]
        assert (found.value, found.low, found.high) == (exact["value"], exact["low"], exact["high"])
        assert found.expected is not None and found.expected.value == ahead[name]
        assert found.value == getattr(book.history.windows[-1], name)
    assert book.expected is not None
    assert (book.expected.nrr.low, book.expected.nrr.high) == (ahead["nrr_low"], ahead["nrr_high"])
    assert book.expected.until == add_months(pd.Timestamp(scorer.as_of), HORIZON).date()
    assert book.why is not None and book.why.rows[-1].points == pytest.approx(1e4 * float(str(ahead["nrr"])), abs=0.51)


def test_a_year_ago_is_counted_from_the_same_tables(scorer: Scorer, summary: OverviewSummary) -> None:
    book, ago = book_of(summary), add_months(pd.Timestamp(scorer.as_of), -12)
    assert scorer.tables is not None and scorer.customers is not None
    then = Revenue(scorer.tables).mrr_at(ago)
    assert book.customers.now == len(scorer.customers) and book.customers.year_ago == (then > 0).sum()
    assert book.mrr.year_ago == pytest.approx(then.sum() / PARTS) and book.mrr.now == pytest.approx(
        scorer.customers.mrr.sum()
    )
    assert book.mrr.change == pytest.approx(book.mrr.now - then.sum() / PARTS)
    last, before = book.history.windows[-1], book.history.ago(12)
    assert before is not None and book.last.figures["nrr"].change == pytest.approx((last.nrr or 0) - (before.nrr or 0))


def test_what_was_said_before_stands_beside_what_came_and_how_far_the_others_were_off(scorer: Scorer) -> None:
    said = {"as_of": "2022-01-01", "nrr": 0.9, "low": 0.8, "high": 0.95, "observed": 0.97}
    folds = [
        {"grr_observed": 0.9, "grr_predicted": 0.85, "nrr_observed": 1.0, "nrr_predicted": 1.0},
        {"grr_observed": 0.8, "grr_predicted": 0.82, "nrr_observed": 1.0, "nrr_predicted": 0.9},
    ]
    found = book_of(summarise(with_quality(scorer, portfolio={"books": [said], "folds": folds}))).expected
    assert found is not None
    (one,) = found.said
    assert one.until == date(2022, 7, 1) and not one.held and one.error == pytest.approx(0.07)
    missed = found.figures["grr"].missed
    assert missed is not None and (missed.low, missed.high, missed.periods) == pytest.approx((-0.02, 0.05, 2))
    assert found.figures["churn"].missed is None
    assert book_of(summarise(with_quality(scorer, portfolio={}))).expected.said == ()  # type: ignore[union-attr]


def test_a_model_without_skill_says_so_and_asks_for_attention(scorer: Scorer) -> None:
    found = summarise(
        with_quality(scorer, claimed=False, reason="AUC 0.51, chance is 0.50.", intervals={"alarm": "low."})
    )
    ahead = book_of(found).expected
    assert ahead is not None and not ahead.skill and ahead.no_skill == "AUC 0.51, chance is 0.50."
    assert [need.kind for need in needs(found, FRESH)][:2] == ["no_skill", "alarm"]


def test_the_next_three_months_are_the_survival_curves_times_mrr_and_the_ends_known(scorer: Scorer) -> None:
    table, found = scorer.customers, quarter(scorer)
    assert table is not None and found is not None
    stays = ~table.leaving
    each = table.mrr * (1 - table.survival[:, MONTHS - 1])
    assert found.lost == pytest.approx(each[stays].sum()) and found.low <= found.lost <= found.high
    assert [one.lost for one in found.top] == pytest.approx(sorted(each[stays], reverse=True)[: len(found.top)])
    assert found.until == add_months(pd.Timestamp(scorer.as_of), MONTHS).date()
    assert all(one.reason and one.churn * one.mrr == pytest.approx(one.lost) for one in found.top)
    assert found.how == ("survival" if table.model.hazard is not None else "even")


def test_the_range_of_chance_is_that_of_a_coin_for_each_account(scorer: Scorer) -> None:
    table, found = scorer.customers, quarter(scorer)
    assert table is not None and found is not None
    p = (1 - table.survival[:, MONTHS - 1])[~table.leaving]
    spread = float(np.sqrt((p * (1 - p) * table.mrr[~table.leaving] ** 2).sum()))
    assert 2.6 * spread < found.high - found.low < 4.0 * spread


def test_no_tables_and_nobody_left_are_no_book_and_no_figures(planted: TrainedWorld) -> None:
    alone = summarise(Scorer.build(planted.bundle, "7", None))
    assert alone.book is None and [need.kind for need in needs(alone, FRESH)] in ([], ["shaky"])
    assert (
        quarter(Scorer.build(planted.bundle, "7", None)) is None
        and changes(Scorer.build(planted.bundle, "7", None), 3) is None
    )


def test_the_first_days_of_a_book_have_scores_and_say_that_nothing_is_complete(planted: TrainedWorld) -> None:
    first = Revenue(planted.tables).first_moment
    early = Scorer.build(planted.bundle, "7", planted.tables, add_months(first.normalize(), 1))
    book = book_of(summarise(early))
    assert book.customers.year_ago is None and book.mrr.change is None and book.mrr.growth is None
    found = changes(early, 3)
    assert found is not None and found.summary is None and found.cells == []


def test_what_changed_is_what_the_waterfall_of_two_dates_says(planted: TrainedWorld, scorer: Scorer) -> None:
    found = changes(scorer, 3)
    assert found is not None and found.summary is not None
    since = add_months(pd.Timestamp(scorer.as_of), -3)
    told = answer(Version(planted.bundle, "7"), planted.tables, Asked(since=f"{since:%Y-%m-%d}", top=4))
    assert found.since == since.date() and found.summary.words == told["words"]
    parts = [row.points for row in found.summary.rows if row.kind == "part"]
    start, end = found.summary.rows[0], found.summary.rows[-1]
    assert start.points + sum(parts) == end.points and len(found.cells) == len(found.summary.rows)


def test_a_profile_has_its_share_of_the_customers_and_their_money(planted: TrainedWorld, scorer: Scorer) -> None:
    table = scorer.customers
    assert table is not None
    found = summarise(scorer)
    for line, profile in zip(found.profiles, planted.bundle.icp.profiles, strict=True):
        met = profile.rule.matches(table.columns)
        assert (line.customers, line.inside) == (met.sum(), pytest.approx(met.mean()))
        assert line.inside_mrr == pytest.approx(table.mrr[met].sum() / table.mrr.sum())
        assert (line.difference, line.low, line.high) == (
            profile.evidence.to_json()["lift"],
            profile.evidence.to_json()["low"],
            profile.evidence.to_json()["high"],
        )
        assert "seen later" not in line.statement
    assert found.profiles or found.no_profile


def test_at_most_five_things_need_somebody_the_unsafe_first_and_nothing_where_nothing_does(
    summary: OverviewSummary,
) -> None:
    stale = Freshness.on(date(2026, 1, 1), datetime(2026, 6, 1, tzinfo=UTC), 45)
    found = needs(summary, stale, "Nobody has reviewed these findings yet.", ["Employees: at least 50"])
    assert [need.kind for need in found][:3] == ["stale", "changed", "review"] and len(found) <= MOST
    assert found[0].count == 151 and found[1].names == ("Employees: at least 50",)
    assert needs(OverviewSummary(None, (), "", ()), FRESH) == ()
    offers = next((need for need in needs(summary, FRESH) if need.kind == "offers"), None)
    book = book_of(summary)
    assert (offers is None) == (book.offers is None or not book.offers.accounts)


def test_what_is_new_in_profiles_is_counted_and_told_without_those_that_are_as_before(
    planted: TrainedWorld, summary: OverviewSummary
) -> None:
    old, new = (Named(replace(planted.bundle, icp=one_profile(planted, name)), version)
                for name, version in (("retail", "6"), ("finance", "7")))  # fmt: skip
    found = new_in_profiles(compare(old, new, None, itself=True))
    assert (found.since, found.version, found.changed) == ("6", "7", 2)
    assert [heading for heading, _ in found.lines] == ["Entered", "Left"] and "1 entered, 1 left" in found.words
    same = new_in_profiles(compare(old, old, None, itself=True))
    assert same.changed == 0 and same.lines == ()
    assert "profiles" in [need.kind for need in needs(summary, FRESH, profiles=2)]


def test_rules_of_profiles_read_columns_that_customers_have(planted: TrainedWorld, scorer: Scorer) -> None:
    """A profile is of fit features; customers are scored with health features too, and must have both."""
    assert scorer.customers is not None
    feature = planted.bundle.catalog.by_name["industry"]
    assert Rule((Condition(feature, "==", "retail"),)).matches(scorer.customers.columns).shape == (
        len(scorer.customers),
    )


def without_skill_in_churn(scorer: Scorer) -> Scorer:
    outcomes = scorer.bundle.quality["health"]["outcomes"]
    return with_quality(scorer, outcomes={**outcomes, "churn": {**outcomes["churn"], "learner": "base_rate"}})


def test_where_nobody_can_tell_who_leaves_no_reason_is_told_for_it(scorer: Scorer) -> None:
    blind = without_skill_in_churn(scorer)
    found, ahead = quarter(blind), book_of(summarise(blind)).expected
    assert found is not None and not found.told and found.top and not any(one.reason for one in found.top)
    assert (
        ahead is not None and ahead.skill and ahead.without_skill.startswith("No skill was shown in telling who leaves")
    )


def test_the_reason_beside_a_chance_to_leave_is_one_that_raises_it(scorer: Scorer) -> None:
    table, found = scorer.customers, quarter(scorer)
    assert table is not None and found is not None and found.told
    place = {str(account): i for i, account in enumerate(table.account_ids)}
    for one in found.top:
        reasons = {reason["phrase"]: reason for reason in table.reasons(place[one.account_id], 20)}
        assert reasons[one.reason]["parts"]["churn"] < 0 and reasons[one.reason]["nrr_points"] < 0


def test_what_offers_are_expected_to_gain_stands_beside_what_they_would_have_earned(scorer: Scorer) -> None:
    outcomes = scorer.bundle.quality["health"]["outcomes"]
    money = {**outcomes["churn"]["money"], "earned": {"model": {"value": 17.0, "low": -9.6, "high": 52.0}}}
    tried = with_quality(scorer, outcomes={**outcomes, "churn": {**outcomes["churn"], "money": money}})
    offers, table = book_of(summarise(tried)).offers, tried.customers
    assert offers is not None and table is not None and (offers.earned, offers.low, offers.high) == (17.0, -9.6, 52.0)
    assert offers.each == pytest.approx(offers.gain / (~table.silent).sum())
    assert offers.of_revenue == (not np.isfinite(table.margin).any())


def test_what_is_the_same_to_the_cent_has_not_changed() -> None:
    assert Level(0.1 + 0.2, 0.3).change == 0.0 and Level(100.25, 100.0).change == 0.25

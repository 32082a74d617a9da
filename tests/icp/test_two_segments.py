"""From tables to several profiles: an old and large segment, and a young one that grows and does better."""

from dataclasses import replace

import numpy as np
import pytest

from leap.features import discover_features
from leap.icp import ICPSearch
from leap.icp.arranging import Ground
from leap.icp.book import Book
from leap.icp.discover import discover_icps
from leap.icp.supposing import hypotheses_of
from leap.models.composition import train_scope
from leap.models.frames import ScopeFrame, fit_frame
from leap.tables import AccountTables
from tests.icp.segment_worlds import NOTHING, Planted, two_segments


def discovered(tables: AccountTables) -> ICPSearch:
    return discover_icps(tables, fit_frame(tables, discover_features(tables)))


@pytest.fixture(scope="module")
def company() -> tuple[AccountTables, ScopeFrame]:
    tables = two_segments(seed=1)
    return tables, fit_frame(tables, discover_features(tables))


@pytest.fixture(scope="module")
def found(company: tuple[AccountTables, ScopeFrame]) -> ICPSearch:
    return discover_icps(*company)


def test_the_old_segment_is_established_and_the_young_one_emerging(found: ICPSearch):
    kinds = {profile.kind: profile for profile in reversed(found.profiles)}
    assert kinds["established"].rule.words == "Industry: finance"
    assert kinds["emerging"].rule.words == "Cloud"
    assert [profile.id for profile in found.profiles][:2] == ["established-1", "emerging-1"]


def test_an_emerging_profile_says_what_it_grows_from_and_what_is_expected(found: ICPSearch):
    emerging = next(profile for profile in found.profiles if profile.kind == "emerging")
    shares, established = emerging.shares, found.profiles[0]
    assert shares is not None and shares.base is not None and shares.recent is not None
    assert shares.recent > 1.5 * shares.base
    assert emerging.pooled is not None and established.pooled is not None
    assert emerging.pooled.nrr > established.pooled.nrr
    assert "won in the last year" in emerging.because


def test_every_profile_is_measured_and_every_held_attribute_is_in_one(found: ICPSearch):
    measured = {attribute.rule: attribute.verdict for attribute in found.attributes}
    for profile in found.profiles:
        assert measured[profile.rule] == ("leaves" if profile.kind == "negative" else "stays")
    in_profiles = {c for profile in found.profiles if profile.kind != "negative" for c in profile.rule.conditions}
    for attribute in found.attributes:
        if attribute.verdict == "stays":
            assert in_profiles & set(attribute.rule.conditions)


def test_a_profile_describes_a_segment_of_the_model(found: ICPSearch):
    emerging = next(profile for profile in found.profiles if profile.kind == "emerging")
    assert emerging.segment is not None
    assert emerging.segment.f1 > 0.8
    assert emerging.segment.by[0] == "Cloud"


def test_reach_is_what_the_size_counts_and_nobody_belongs_to_two(found: ICPSearch):
    good = [profile for profile in found.profiles if profile.rank is not None]
    for profile in good:
        rank = profile.rank
        assert rank is not None
        assert (rank.customers, rank.prospects) == (profile.size["customers"], profile.size["prospects"])
    assert sum(p.rank.own for p in good if p.rank) <= good[0].size["market"]
    assert good[0].rank is not None and good[0].rank.own == good[0].rank.reach


def test_the_established_profile_is_watched_and_the_next_is_named(found: ICPSearch):
    assert found.profiles[0].saturation is not None
    assert found.order_of_work is not None
    assert found.order_of_work.first == "established-1"


def test_the_order_of_rows_and_a_second_time_change_nothing(found: ICPSearch):
    assert discovered(two_segments(seed=1, order=np.random.default_rng(5))).to_json() == found.to_json()


def test_what_a_segment_suggests_and_nothing_measured_is_a_hypothesis_in_no_profile(
    company: tuple[AccountTables, ScopeFrame], found: ICPSearch
):
    tables, frame = company
    model = train_scope(frame.scope, frame.encoder, frame.trainable, only="linear")
    ground = Ground.of(Book.of(tables, frame), frame, model)
    assert found.best_customers is not None
    nothing_drawn = replace(found.best_customers, status="none", drawn=())
    suggested = hypotheses_of(ground, (), (), nothing_drawn)
    assert "Cloud" in [hypothesis.rule.words for hypothesis in suggested]
    first = suggested[0]
    assert (first.id, first.status, first.source) == ("hypothesis-1", "hypothesis", "segment")
    assert first.pooled.low > first.pooled.whole
    assert "Not measured on later accounts" in first.statement
    assert hypotheses_of(ground, found.attributes, found.profiles, nothing_drawn) == ()


def test_one_feature_that_dominates_leaves_the_other_a_profile_of_its_own():
    """Finance moves the risk several times as far as cloud."""
    profiles = discovered(two_segments(seed=0, planted=Planted(finance=-3.0, cloud=-1.2, risk=0.5))).profiles
    alone = {profile.rule.words for profile in profiles if profile.kind != "negative"}
    assert {"Industry: finance", "Cloud"} <= alone


@pytest.mark.slow
def test_companies_in_which_nothing_matters_have_no_profile_and_hardly_a_hypothesis():
    worlds = [discovered(two_segments(400, seed=seed, planted=NOTHING)) for seed in range(20)]
    assert sum(bool(world.profiles) for world in worlds) <= 2
    assert sum(bool(world.hypotheses) for world in worlds) <= 4


@pytest.mark.slow
def test_both_segments_are_found_with_their_kinds_in_most_companies():
    kinds = [
        {profile.rule.words: profile.kind for profile in discovered(two_segments(seed=seed)).profiles}
        for seed in range(10)
    ]
    industries = [{words for words in kind if words.startswith("Industry")} for kind in kinds]
    assert sum(bool(told) for told in industries) >= 8, "finance, or that the others leave more"
    assert sum(kind.get("Industry: finance") == "established" for kind in kinds) >= 5
    assert sum(kind.get("Cloud") == "emerging" for kind in kinds) >= 6

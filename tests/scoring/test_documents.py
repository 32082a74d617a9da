"""What a live model says beside scores: key figures in one form, a target list, and what differs between versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.icp import ICPProfile, ICPSearch, Rule
from leap.icp.figures import RETENTION, retention_intervals
from leap.revenue import retention, window
from leap.scoring import Scorer
from leap.scoring.company_retention import company_retention
from leap.scoring.documents import (
    NoTables,
    comparison,
    icp_diff_document,
    kpis_document,
    segments_of,
    targets_document,
    targets_of,
)
from leap.scoring.icp_versions import Named
from leap.scoring.targets import Entries, Override, target_list_of
from tests.reports.searches import evidence
from tests.worlds import TrainedWorld, company_of, subscription


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


def figures_in(part: Any) -> Iterator[dict[str, Any]]:
    """Every figure of a document, wherever it stands."""
    if isinstance(part, dict):
        if {"value", "low", "high", "reason"} <= set(part):
            yield part
        for inner in part.values():
            yield from figures_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from figures_in(inner)


def test_every_key_figure_has_its_interval_or_says_why_it_has_none(scorer: Scorer) -> None:
    document = json.loads(json.dumps(kpis_document(scorer), allow_nan=False))
    found = list(figures_in(document))
    assert len(found) > 100
    for one in found:
        assert (one["value"] is None) == (one["reason"] is not None), one
        if one["value"] is None:
            assert one["low"] is one["high"] is one["no_interval"] is None
        elif one["no_interval"] is None:
            assert one["low"] <= one["value"] <= one["high"]
    assert {one["reason"] for one in found} & {"undefined"} == set()


def test_key_figures_name_the_model_the_definitions_and_the_day(scorer: Scorer) -> None:
    document = kpis_document(scorer)
    assert document["model"] == {"name": "leap", "version": "7", "trained_on": scorer.bundle.trained_on}
    assert (document["definition_hash"], document["as_of"]) == (scorer.definition_hash, scorer.as_of.isoformat())
    assert document["currency"] == scorer.bundle.settings.company.currency


def test_profiles_and_criteria_are_those_of_the_search_with_their_own_figures(scorer: Scorer) -> None:
    found, document = scorer.bundle.icp, kpis_document(scorer)
    assert [one["id"] for one in document["profiles"]] == [profile.id for profile in found.profiles] != []
    assert [one["words"] for one in document["criteria"]] == [one.rule.words for one in found.criteria] != []
    kpis = found.criteria[0].kpis
    inside = document["criteria"][0]["inside"]
    assert inside["figures"]["nrr"]["value"] == kpis["inside"]["nrr"]
    assert [inside["figures"]["nrr"][end] for end in ("low", "high")] == kpis["intervals"]["inside"]["nrr"]
    assert inside["counts"]["starting_mrr"] == kpis["counts"]["inside"]["starting_mrr"]
    quarters = document["quarters"]["groups"]["everyone"]
    assert [one["quarter"] for one in quarters] == [one.quarter for one in found.quarters.groups["everyone"]]


def test_a_rejected_profile_keeps_its_figures_and_is_marked(scorer: Scorer) -> None:
    gone = scorer.bundle.icp.profiles[0].id
    rejected = replace(scorer.bundle, icp=replace(scorer.bundle.icp, rejected=frozenset({gone})))
    document = kpis_document(Scorer(rejected, "7", scorer.tables, pd.Timestamp(scorer.as_of), None))
    assert [one["id"] for one in document["profiles"] if one["rejected"]] == [gone]


def test_a_difference_without_a_figure_has_the_reason_of_the_side_that_lacks_it() -> None:
    side = {"accounts": 3, "nrr": 1.0}
    kpis = {
        "window": {"from": "2023-01-01", "months": 12}, "inside": side, "outside": {**side, "nrr": None},
        "why_null": {"inside": {}, "outside": {"nrr": "empty_cohort"}},
        "intervals": {"inside": {"nrr": None}, "outside": {"nrr": None}},
        "difference": {"nrr": None}, "counts": {"inside": {}, "outside": {}},
    }  # fmt: skip
    found = comparison(kpis)
    assert found["difference"]["nrr"]["reason"] == found["outside"]["figures"]["nrr"]["reason"] == "empty_cohort"
    assert found["inside"]["figures"]["nrr"]["no_interval"] == "too_few_accounts_or_no_spread"
    assert comparison({})["inside"] is None


def test_retention_of_the_company_is_that_of_the_command(scorer: Scorer) -> None:
    tables = scorer.tables
    assert tables is not None
    own = retention(tables, *window(tables, None, None))
    found = company_retention(tables)
    assert {name: found["figures"][name]["value"] for name in RETENTION} == {
        name: getattr(own.figures, name) for name in RETENTION
    }
    assert (found["from"], found["to"]) == (f"{own.start:%Y-%m-%d}", f"{own.end:%Y-%m-%d}")
    assert found["figures"]["nrr"]["low"] < found["figures"]["nrr"]["value"] < found["figures"]["nrr"]["high"]
    assert found["movements"] == own.to_json()["movements"]


def test_without_tables_or_a_whole_window_there_is_no_retention_and_a_reason() -> None:
    assert company_retention(None) == {"reason": "no_tables"}
    tables = company_of([subscription("a", "2023-12-01")], "2024-01-01", outcome={"horizon_months": 12})
    found = company_retention(tables)
    assert found["reason"] == "empty_cohort" and found["figures"]["nrr"]["reason"] == "empty_cohort"


def test_intervals_of_retention_know_that_nobody_lost_is_not_never() -> None:
    starting = np.full(40, 100.0)
    found = retention_intervals(starting, starting)
    low, high = found["logo_churn"] or (1.0, 1.0)
    assert low == 0 and 0.05 < high < 0.15
    assert found["grr"] is not None and found["grr"][1] == 1.0
    assert set(retention_intervals(np.zeros(0), np.zeros(0)).values()) == {None}
    ending = np.where(np.arange(40) < 4, 0.0, 100.0)
    assert retention_intervals(starting, ending) == retention_intervals(starting, ending)


def test_the_list_is_that_of_the_command_worked_on_for_no_longer_than_somebody_waits(scorer: Scorer) -> None:
    made = targets_of(scorer, {"capacity": 5}, {})
    document = targets_document(scorer, made, limit=3)
    assert document["program"]["time_limit_seconds"] == 5.0 == document["asked"]["seconds"]
    assert (document["totals"]["accounts"], document["shown"], len(document["targets"])) == (5, 3, 3)
    usual = Entries(target_list_of(scorer, replace(made.asked, seconds=10.0))).to_json(3)
    assert {**document, "asked": None, "program": None}.items() >= {**usual, "asked": None, "program": None}.items()
    assert document["model"]["version"] == document["version"] == "7"


def test_an_owner_s_word_moves_the_list(scorer: Scorer) -> None:
    first = targets_document(scorer, targets_of(scorer, {"capacity": 3}, {}))["targets"][0]["account_id"]
    without = targets_of(scorer, {"capacity": 3}, {first: Override("exclude", "Ann", "is in litigation with us")})
    document = targets_document(scorer, without)
    assert first not in [one["account_id"] for one in document["targets"]]
    assert {"reason": "owner", "accounts": 1, "words": "left out by the owner of the account"} in document["left_out"][
        "by_reason"
    ]


def test_a_limit_a_segment_needs_no_segment_to_be_named(scorer: Scorer) -> None:
    assert segments_of(scorer)[0] == "industry"
    made = targets_of(scorer, {"per_segment": 2}, {})
    assert made.asked.segment == "industry" and 0 < len(made) <= 2 * len(made.candidates.segments(made.asked)[1])
    assert targets_of(scorer, {"per_segment": 2, "segment": "region"}, {}).asked.segment == "region"


def test_without_tables_there_is_no_list(planted: TrainedWorld) -> None:
    with pytest.raises(NoTables, match="no prospects"):
        targets_of(Scorer.build(planted.bundle, "7", None), {}, {})


def one_profile(planted: TrainedWorld, industry: str) -> ICPSearch:
    from leap.icp import Condition

    rule = Rule((Condition(planted.bundle.catalog.by_name["industry"], "==", industry),))
    return ICPSearch((ICPProfile("established-1", "established", rule, evidence(), "Prefer them."),), (), None)


def test_two_versions_are_compared_by_their_profiles_and_the_live_model_is_named(
    planted: TrainedWorld, scorer: Scorer
) -> None:
    old, new = (Named(replace(planted.bundle, icp=one_profile(planted, name)), version)
                for version, name in (("5", "finance"), ("6", "media")))  # fmt: skip
    document = icp_diff_document(scorer, old, new)
    assert (document["from"]["version"], document["to"]["version"]) == ("5", "6")
    assert document["model"]["version"] == "7" and document["tiers"]["none_because"]
    assert len(document["entered"]) == len(document["left"]) == 1
    itself = icp_diff_document(scorer, old, Named(old.bundle, "5"))
    assert not itself["entered"] and not itself["left"] and not itself["moved"] and len(itself["unchanged"]) == 1

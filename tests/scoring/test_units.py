"""Every reason in every unit, recomputed from the files of the bundle by hand; base, reasons and residual add up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.bundle.model_bundle import ModelBundle
from leap.features import TENURE, build_features
from leap.scoring import Scorer, score_prospects
from leap.snapshots import customer_snapshots
from tests.scoring.by_hand import Files
from tests.scoring.tiny import KINDS, tiny_scope
from tests.worlds import TrainedWorld, planted_frames

EXACT = 1e-9
PARTS = ("churn", "contraction", "expansion")
Score = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A saved bundle, what scores by it, and the same by hand."""

    scorer: Scorer
    files: Files
    given: Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def values(planted: TrainedWorld) -> dict[str, dict[str, Any]]:
    """Plain feature values of every customer."""
    snapshots = customer_snapshots(planted.tables, [planted.tables.data_until])
    frame = build_features(planted.tables, snapshots, planted.bundle.catalog).frame
    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in frame.to_dict("records")
    ]
    return dict(zip(snapshots.rows["account_id"], rows, strict=True))


@pytest.fixture(scope="module", params=[(kind, sized) for kind in KINDS for sized in (False, True)], ids=str)
def case(
    request: pytest.FixtureRequest,
    planted: TrainedWorld,
    values: dict[str, dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Case:
    kind, sized = request.param
    health = tiny_scope(planted.model, planted.health.trainable, kind, sized=sized)
    fit = tiny_scope(planted.fit_model, planted.fit.trainable, kind, sized=sized)
    folder = tmp_path_factory.mktemp("tiny") / "bundle"
    replace(planted.bundle, health=health, fit=fit).save(folder)
    return Case(Scorer.build(ModelBundle.load(folder), "7", planted.tables), Files(folder), values)


def staying(case: Case, every: int = 40) -> list[str]:
    table = case.scorer.customers
    assert table is not None
    return [account for account, leaves in zip(table.account_ids, table.leaving, strict=True) if not leaves][::every]


def assert_is_by_hand(score: Score, files: Files, values: Mapping[str, Any]) -> None:
    """A score with all its reasons, in every unit, is that of the text models."""
    hand = files.explained(score["scope"], values)
    assert score["nrr"]["point"] == pytest.approx(hand.score["nrr"], abs=EXACT)
    assert score["churn"] == {key: pytest.approx(hand.score[key], abs=EXACT) for key in ("p", "margin")}
    assert score["contraction"]["rate"] == pytest.approx(hand.score["d"], abs=EXACT)
    assert score["expansion"]["rate"] == pytest.approx(hand.score["u"], abs=EXACT)
    mrr = score["mrr"]
    base = {**hand.base, "money": None if mrr is None else hand.base["nrr"] * mrr}
    assert score["base"] == {k: v if v is None else pytest.approx(v, abs=EXACT, rel=1e-12) for k, v in base.items()}
    named = {reason["feature"]: reason for reason in score["reasons"]}
    assert len(named) == len(score["reasons"])
    for feature in files.document[score["scope"]]["encoder"]["features"]:
        adds = {unit: own[feature] for unit, own in hand.adds.items()}
        if feature not in named:
            assert adds == dict.fromkeys(adds, pytest.approx(0, abs=1e-12)), feature
            continue
        reason = named[feature]
        for unit in ("nrr_points", "probability_points", "margin"):
            assert reason[unit] == pytest.approx(adds[unit], abs=EXACT), (feature, unit)
        assert reason["parts"] == {part: pytest.approx(adds[part], abs=EXACT) for part in PARTS}, feature
        if mrr is None:
            assert reason["money"] is None
        else:
            assert reason["money"] == pytest.approx(adds["nrr_points"] * mrr, abs=EXACT * max(1.0, mrr)), feature


def assert_adds_up(score: Score) -> None:
    """Base, listed reasons and residual are the score, in every unit."""
    reasons, base, left = score["reasons"], score["base"], score["residuals"]

    def total(start: float, unit: str, rest: float) -> float:
        return start + math.fsum(reason[unit] for reason in reasons) + rest

    assert total(base["nrr"], "nrr_points", score["residual"]) == pytest.approx(score["nrr"]["point"], abs=1e-12)
    p = total(base["churn_probability"], "probability_points", left["probability_points"])
    assert p == pytest.approx(score["churn"]["p"], abs=1e-12)
    assert total(base["margin"], "margin", left["margin"]) == pytest.approx(score["churn"]["margin"], abs=1e-11)
    if score["mrr"] is None:
        assert base["money"] is None and left["money"] is None
        assert [reason["money"] for reason in reasons] == [None] * len(reasons)
    else:
        money = score["nrr"]["point"] * score["mrr"]
        assert total(base["money"], "money", left["money"]) == pytest.approx(money, rel=1e-12)
    for reason in reasons:
        assert math.fsum(reason["parts"].values()) == pytest.approx(reason["nrr_points"], abs=1e-14)


# --- by hand


def test_customers_are_what_the_text_models_say(case: Case) -> None:
    for account in staying(case):
        (score,), _ = case.scorer.by_id([account], top=0)
        assert_is_by_hand(score, case.files, case.given[account])
        assert_adds_up(score)


ODD: list[dict[str, Any]] = [
    {},
    {"industry": "never seen", "employees": 1e12},
    {"industry": None, "region": "never seen", "usage_count_91d": 0, "employees": -5.0},
]


def test_features_given_are_scored_as_the_text_models_say(case: Case) -> None:
    asked = [("known", dict(case.given[staying(case)[1]])), *((f"odd {i}", odd) for i, odd in enumerate(ODD))]
    for (name, values), score in zip(asked, case.scorer.by_features(asked, top=0), strict=True):
        assert_is_by_hand(score, case.files, values)
        assert_adds_up(score)
        assert (score["mrr"] is None) == (name != "known")


def test_raw_rows_are_scored_as_the_text_models_say(case: Case) -> None:
    raw = planted_frames()
    (account,) = staying(case)[2:3]
    rows = {
        name: json.loads(
            raw[name][raw[name]["account_id"] == account]
            .drop(columns="account_id")
            .to_json(orient="records", date_format="iso")
        )
        for name in ("accounts", "usage", "subscriptions")
    }
    (score,) = case.scorer.by_rows([(account, rows)], top=0)
    assert_is_by_hand(score, case.files, case.given[account])
    assert_adds_up(score)


def test_prospects_are_what_the_text_models_say(case: Case, planted: TrainedWorld) -> None:
    table = score_prospects(case.scorer.bundle, planted.tables, planted.tables.data_until, "7")
    fit = [f.name for f in table.bundle.fit.encoder.catalog.features if f.scope == "fit" and f.name != TENURE]
    attributes = [
        {name: None if pd.isna(table.columns[name][i]) else table.columns[name][i] for name in fit} for i in (0, 7)
    ]
    odd: list[dict[str, Any]] = [{}, {fit[0]: "never seen"}]
    asked = [(str(i), own) for i, own in enumerate([*attributes, *odd])]
    scores = case.scorer.prospects(asked, top=0)
    assert [score["abstained"] for score in scores] == [None, None, "too_little_known", "no_customers_like_this"]
    # What the models would say of them stays exact, whether or not it may be said.
    everyone = Scorer(replace(case.scorer.bundle, novelty=None), "7", None, planted.tables.data_until, None)
    scores[2:] = everyone.prospects(asked, top=0)[2:]
    attributes += odd
    for own, score in zip(attributes, scores, strict=True):
        assert score["scope"] == "fit" and score["mrr"] == pytest.approx(case.scorer.bundle.economics["new_mrr"])
        assert_is_by_hand(score, case.files, {**own, TENURE: 0.0})
        assert_adds_up(score)
    for i, score in zip((0, 7), scores, strict=False):
        assert_adds_up(table.to_json(i, 0))
        assert table.to_json(i, 0)["reasons"] == [
            {**reason, "value": found["value"]}
            for reason, found in zip(score["reasons"], table.to_json(i, 0)["reasons"], strict=True)
        ]


# --- units that add up, for any number of reasons


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@given(top=st.integers(0, 40), place=st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_base_listed_reasons_and_residual_are_the_score_in_every_unit(scorer: Scorer, top: int, place: int) -> None:
    table = scorer.customers
    assert table is not None
    i = place % len(table)
    score = table.to_json(i, top)
    if table.leaving[i]:
        assert score["residuals"] == dict.fromkeys(("probability_points", "margin", "money"))
        return
    assert_adds_up(score)
    assert top == 0 or len(score["reasons"]) <= top
    sizes = [abs(reason["nrr_points"]) for reason in score["reasons"]]
    assert sizes == sorted(sizes, reverse=True)
    if top == 0 or top >= len(scorer.bundle.groups.ids):
        left = [score["residual"], score["residuals"]["probability_points"], score["residuals"]["margin"]]
        assert left == pytest.approx([0, 0, 0], abs=1e-12)


def test_without_a_usual_price_the_money_of_a_prospect_is_unknown_and_not_nought(planted: TrainedWorld) -> None:
    bundle = replace(planted.bundle, economics={**planted.bundle.economics, "new_mrr": None})
    (score,) = Scorer(bundle, "7", None, planted.tables.data_until, None).prospects([("p", {"industry": "retail"})])
    assert score["mrr"] is None and score["base"]["money"] is None and score["residuals"]["money"] is None
    assert score["reasons"] and [reason["money"] for reason in score["reasons"]] == [None] * len(score["reasons"])
    assert_adds_up(score)


def test_an_account_that_abstains_has_no_figure_in_any_unit(scorer: Scorer) -> None:
    table = scorer.customers
    assert table is not None
    leaving = replace(table, leaving=np.ones(len(table), dtype=bool)).to_json(0)
    assert leaving["churn"] == {"p": None, "margin": None} and leaving["reasons"] == []
    assert set(leaving["base"].values()) == {None} == set(leaving["residuals"].values())
    assert leaving["residual"] is None


# --- groups


def listed(scorer: Scorer, top: int) -> Iterable[tuple[Score, Score]]:
    table = scorer.customers
    assert table is not None
    for i in np.flatnonzero(~table.leaving)[::20]:
        yield table.to_json(int(i), 0), table.to_json(int(i), top)


def test_a_group_is_the_sum_of_its_features_in_every_unit(scorer: Scorer) -> None:
    seen = 0
    for every, some in listed(scorer, 4):
        for reason in some["reasons"]:
            own = [one for one in every["reasons"] if one["group"] == reason["group"]]
            for unit in ("nrr_points", "probability_points", "margin", "money"):
                assert reason[unit] == pytest.approx(math.fsum(one[unit] for one in own), abs=1e-12, rel=1e-12)
            for part in PARTS:
                assert reason["parts"][part] == pytest.approx(math.fsum(one["parts"][part] for one in own), abs=1e-12)
            assert reason["direction"] == ("lowers" if reason["nrr_points"] < 0 else "raises")
            seen += len(own) > 1
    assert seen > 3


def test_the_member_that_moves_most_speaks_for_its_group_and_all_members_are_told(scorer: Scorer) -> None:
    groups, together = scorer.bundle.groups, 0
    for every, some in listed(scorer, 3):
        alone = {one["feature"]: one for one in every["reasons"]}
        for reason in some["reasons"]:
            members = groups.members(reason["group"])
            if len(members) == 1:
                assert reason["members"] == [] and reason["feature"] == members[0]
                continue
            together += 1
            assert {member["feature"] for member in reason["members"]} == set(members)
            sizes = [abs(member["nrr_points"]) for member in reason["members"]]
            assert sizes == sorted(sizes, reverse=True)
            leading = reason["members"][0]
            assert {key: reason[key] for key in ("feature", "label", "value")} == {
                key: leading[key] for key in ("feature", "label", "value")
            }
            for member in reason["members"]:
                moved = alone[member["feature"]]["nrr_points"] if member["feature"] in alone else 0.0
                assert member["nrr_points"] == pytest.approx(moved, abs=1e-15)
    assert together > 3


def test_every_feature_is_in_one_listed_reason_at_most_and_stands_alone_with_top_0(scorer: Scorer) -> None:
    for every, some in listed(scorer, 5):
        assert len({reason["group"] for reason in some["reasons"]}) == len(some["reasons"])
        assert [reason["members"] for reason in every["reasons"]] == [[]] * len(every["reasons"])
        names = [reason["feature"] for reason in every["reasons"]]
        assert len(set(names)) == len(names)


def test_a_file_and_the_main_reason_tell_groups_too(scorer: Scorer) -> None:
    table = scorer.customers
    assert table is not None
    frame = table.frame()
    for i in np.flatnonzero(~table.leaving)[::25].tolist():
        phrases = [reason["phrase"] for reason in table.to_json(i, 5)["reasons"]]
        assert [frame[f"reason_{k}"].iloc[i] for k in range(1, 6)] == phrases + [""] * (5 - len(phrases))
        every = table.to_json(i, 100)["reasons"]
        lowering = [reason for reason in every if reason["direction"] == "lowers"]
        at_risk = table.to_json(i)["nrr"]["point"] < 1
        assert table.main_reason(i) == (lowering if at_risk and lowering else every)[0]


def test_how_long_someone_is_a_customer_is_no_reason_of_a_prospect_unless_all_are_asked_for(scorer: Scorer) -> None:
    (some,) = scorer.prospects([("p", {"industry": "retail"})], top=1000)
    told = [reason["feature"] for reason in some["reasons"]]
    told += [member["feature"] for reason in some["reasons"] for member in reason["members"]]
    assert TENURE not in told
    assert_adds_up(some)

"""Whom a score says to contact: by cost and benefit, within the capacity, and the same by every way of asking."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.bundle.model_bundle import ModelBundle
from leap.config import parse_settings
from leap.exports import write_frame
from leap.features import build_features
from leap.offers import Offer
from leap.reports import scores as report
from leap.scoring import Scorer, score_all
from leap.snapshots import customer_snapshots
from leap.value import ValueTerms, account_value
from tests.worlds import TrainedWorld


def with_policy(bundle: ModelBundle, **policy: Any) -> ModelBundle:
    settings = bundle.settings
    return replace(bundle, settings=settings.model_copy(update={"policy": parse_settings({"policy": policy}).policy}))


@pytest.fixture(scope="module")
def limited(planted: TrainedWorld) -> ModelBundle:
    """Seven accounts can be contacted, at 20 each."""
    return with_policy(planted.bundle, contact_cost=20.0, capacity=7)


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld, limited: ModelBundle) -> Scorer:
    return Scorer.build(limited, "7", planted.tables)


@pytest.fixture(scope="module")
def file(planted: TrainedWorld, limited: ModelBundle) -> pd.DataFrame:
    return score_all(limited, planted.tables, "7").frame().set_index("account_id")


def test_the_capacity_goes_to_the_largest_expected_gains(file: pd.DataFrame):
    contacted = file[file["contact"].fillna(False)]
    assert len(contacted) == 7 and (file["expected_gain"] > 0).sum() > 7
    assert set(contacted.index) == set(file["expected_gain"].nlargest(7).index)


def test_an_action_adds_up_and_is_that_of_the_file(planted: TrainedWorld, scorer: Scorer, file: pd.DataFrame):
    """Worth: twelve months of margin without churn, less the cost to serve (none here)."""
    offer, terms, table = Offer(0.3, 20, 0.05, 20.0, 7), ValueTerms.of(scorer.bundle.settings), scorer.customers
    for i in range(0, len(table), 5):
        score = table.to_json(i)
        action, p = score["action"], score["churn"]["p"]
        if score["abstained"]:
            continue
        given = [
            np.array([float(v)])
            for v in (score["mrr"], 0, score["contraction"]["rate"], score["expansion"]["rate"], 0.8)
        ]
        worth = account_value(*given, terms)
        assert action["value"] == pytest.approx(worth[0]) and action["value_is"] == "value_12m_if_kept"
        gain = p * 0.3 * 0.95 * worth[0] - (1 - p) * 0.05 * worth[0] - 20
        assert (
            action["expected_gain"] == pytest.approx(gain) == pytest.approx(file["expected_gain"][score["account_id"]])
        )
        threshold = offer.threshold(worth)[0]
        assert (
            action["threshold_p"] is None if np.isnan(threshold) else action["threshold_p"] == pytest.approx(threshold)
        )
        assert (gain > 0) == (action["threshold_p"] is not None and p > action["threshold_p"])
        assert action["contact"] == bool(file["contact"][score["account_id"]])
        if gain > 0:
            assert action["reason"] == (None if action["contact"] else "beyond_capacity")


def test_an_account_asked_for_alone_has_the_action_of_the_list(
    planted: TrainedWorld, scorer: Scorer, file: pd.DataFrame
):
    """Else every account asked for alone would be the first of its list of one."""
    catalog = scorer.bundle.catalog
    snapshots = customer_snapshots(planted.tables, [planted.tables.data_until])
    frame = build_features(planted.tables, snapshots, catalog).frame
    gains = file["expected_gain"].dropna().sort_values(ascending=False)
    for account in [*gains.index[:10], *gains.index[-3:]]:
        row = frame.iloc[list(snapshots.rows["account_id"]).index(account)]
        given = {name: None if pd.isna(value) else value for name, value in row.items()}
        (alone,) = scorer.by_features([(account, given)])
        (known,), _ = scorer.by_id([account])
        assert alone["action"]["contact"] == known["action"]["contact"]
        assert alone["action"]["expected_gain"] == pytest.approx(known["action"]["expected_gain"])


def test_without_a_workspace_no_capacity_is_known(planted: TrainedWorld, limited: ModelBundle):
    scorer = Scorer.build(limited, "7", None)
    names = [
        f.name for f in limited.catalog.features if f.recipe.table == "subscriptions" and f.recipe.operation == "amount"
    ]
    scores = scorer.by_features([(f"x{i}", {names[0]: 5000.0}) for i in range(9)])
    expected = scores[0]["action"]["expected_gain"]
    assert expected is not None and [s["action"]["contact"] for s in scores] == [expected > 0] * 9


def test_who_is_leaving_or_no_customer_has_no_action_and_a_reason(
    planted: TrainedWorld, scorer: Scorer, file: pd.DataFrame
):
    customers = score_all(scorer.bundle, planted.tables, "7", "2023-06-01").customers
    leaving = np.flatnonzero(customers.leaving)
    own = customers.frame().iloc[leaving]
    assert len(own) and own["contact"].isna().all() and own["expected_gain"].isna().all()
    nothing = {"contact": None, "expected_gain": None, "threshold_p": None, "value": None, "value_is": None}
    assert customers.to_json(int(leaving[0]))["action"] == {**nothing, "reason": "already_leaving"}
    prospect = scorer.prospects([("p1", {"employees": 10})])[0]
    assert prospect["action"] == {**nothing, "reason": "not_a_customer"}
    assert file[file["status"] == "prospect"]["contact"].isna().all()
    assert scorer.by_features([("new", {"employees": 10})])[0]["action"]["reason"] == "no_expected_mrr"


def test_an_offer_too_dear_is_worth_it_for_nobody(planted: TrainedWorld):
    bundle = with_policy(planted.bundle, contact_cost=1e9)
    batch = score_all(bundle, planted.tables, "7")
    action = next(a for a in (batch.customers.to_json(i)["action"] for i in range(9)) if a["contact"] is not None)
    assert (action["contact"], action["threshold_p"], action["reason"]) == (False, None, "never_worth_an_offer")
    assert not batch.customers.actions.contact.any()


def test_without_a_margin_twelve_months_of_mrr_are_at_stake(planted: TrainedWorld):
    settings = planted.bundle.settings
    company = settings.company.model_copy(update={"gross_margin": None})
    bundle = replace(planted.bundle, settings=settings.model_copy(update={"company": company}))
    table = Scorer.build(bundle, "7", None)
    names = [
        f.name for f in bundle.catalog.features if f.recipe.table == "subscriptions" and f.recipe.operation == "amount"
    ]
    action = table.by_features([("x", {names[0]: 500.0})])[0]["action"]
    assert (action["value"], action["value_is"]) == (6000.0, "mrr_x_12")


def test_files_hold_true_false_and_nothing(file: pd.DataFrame, tmp_path: Path):
    frame = file.reset_index()
    for name in ("scores.csv", "scores.parquet"):
        write_frame(frame, tmp_path / name)
    back = pd.read_parquet(tmp_path / "scores.parquet")
    assert int(back["contact"].sum()) == 7 and back["contact"].isna().any()
    assert set(pd.read_csv(tmp_path / "scores.csv", dtype=str)["contact"].dropna()) == {"True", "False"}


def test_the_text_says_how_many_are_worth_an_offer(planted: TrainedWorld, limited: ModelBundle):
    batch = score_all(limited, planted.tables, "7")
    (line,) = report.offer_lines(batch, limited)
    worth = int((batch.customers.actions.gain > 0).sum())
    assert f"{worth} of {len(batch.customers)} customers, 7 within the capacity" in line and "30%" in line

"""What the model says of an account with other values: only levers move, only to what is usual, and every figure is that
of the changed row.
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.errors import CatalogError, UnknownAccount
from leap.explanation.consistency import Consistency
from leap.explanation.drivers import Driver
from leap.reports.what_if import asked_lines, figures, what_if_lines
from leap.scoring import Scorer
from leap.scoring.supposed import LEAST_GAIN, LEAVING, NOTHING_ACTIONABLE, Figures, Supposed, parse_given
from leap.scoring.what_if import suppose, what_if
from tests.scoring.worlds import bundle_of, company
from tests.worlds import subscription

ACTIONABLE_USAGE = {"actionable": True}
TABLES = company(
    usage=ACTIONABLE_USAGE, more=[subscription("gone", "2023-01-01", "2024-03-01", cancelled_at="2023-12-01")]
)
SCORER = Scorer.build(bundle_of(TABLES, {"seats": -0.05}), "1", TABLES)
NAMES = [f.name for f in SCORER.bundle.catalog.features if f.kind != "category"]


def scorer_of(churn: dict[str, float], expansion: dict[str, float] | None = None, **more: Any) -> Scorer:
    """The company's customers under another model; features, groups and peers are the same."""
    bundle = bundle_of(TABLES, churn, expansion, **more)
    return Scorer.build(bundle, "1", TABLES)


def changed_row(scorer: Scorer, account: str, found: Supposed) -> dict[str, Any]:
    """The account's values with the changes as JSON tells them, as a caller would send them."""
    told = json.loads(json.dumps(found.to_json()))
    return {**scorer.values_of(account), **{change["feature"]: change["to"] for change in told["changes"]}}


def quietest(scorer: Scorer, feature: str) -> str:
    """The account with the least of a number that it has."""
    known = {account: scorer.values_of(account)[feature] for account in (f"a{i:02}" for i in range(60))}
    return min((account for account, value in known.items() if value is not None), key=lambda account: known[account])


# --- what is proposed


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_only_levers_move_and_only_to_usual_values_of_an_account_that_can_exist(seed: int):
    rng = np.random.default_rng(seed)
    weights = {str(name): float(rng.normal(0, 0.02)) for name in rng.choice(NAMES, 8, replace=False)}
    weights |= {"plan=pro": float(rng.normal()), "plan=max": float(rng.normal())}
    scorer = scorer_of(weights)
    account = f"a{seed % 60:02}"
    bundle, consistency = scorer.bundle, Consistency.of(scorer.bundle.catalog)
    now = scorer.values_of(account)
    for found in what_if(scorer, account).proposals:
        assert found.gain >= LEAST_GAIN
        for change in found.changes:
            feature, value = change.feature, change.after
            assert feature.nature == "actionable" and feature.name != "subscriptions_mrr"
            assert value != now[feature.name] and change.before == now[feature.name]
            if feature.kind == "category":
                assert bundle.peers.levels(feature.name, 100.0)[str(value)] >= 0.1
            else:
                low, high = bundle.peers.span(feature.name, 100.0)
                assert low is not None and high is not None
                # Of nothing there is no trend and no change.
                without = value is None and feature.recipe.operation in ("trend", "count_change", "count_year_ago")
                assert without or low <= float(str(value)) <= high
        row = changed_row(scorer, account, found)
        assert not consistency.broken(row, now)
        if row["usage_count_91d"] is not None:
            assert row["usage_count_28d"] <= row["usage_count_91d"]
            assert row["usage_login_count_28d"] <= row["usage_login_count_91d"] <= row["usage_count_91d"]
        again = scorer.by_features([(account, row)])[0]
        assert found.after.nrr == pytest.approx(again["nrr"]["point"], abs=1e-12)
        assert found.after.churn == pytest.approx(again["churn"]["p"], abs=1e-12)
        assert found.after.value_12m == pytest.approx(again["value_12m"]["point"], abs=1e-9)


def test_the_figures_before_are_those_of_the_score_and_money_is_mrr_times_nrr():
    found, score = what_if(SCORER, "a03"), SCORER.explain("a03")
    assert found.before is not None
    assert found.before.nrr == pytest.approx(score["nrr"]["point"], abs=1e-12)
    assert found.before.money == pytest.approx(100 * score["nrr"]["point"])
    told = found.proposals[0].to_json()
    assert told["money"]["change"] == pytest.approx(100 * told["nrr"]["change"])
    assert told["value_12m"]["change"] > 0 > told["churn"]["change"]


@pytest.mark.parametrize(("weight", "rises"), [(-0.05, True), (0.05, False)])
def test_a_monotone_model_is_answered_in_its_direction(weight: float, rises: bool):
    scorer = scorer_of({"seats": weight})
    seats = {f"a{i:02}": float(scorer.values_of(f"a{i:02}")["seats"]) for i in range(60)}
    middle = sorted(seats, key=lambda account: seats[account])[30]
    (best, *_) = what_if(scorer, middle).proposals
    (change,) = [c for c in best.changes if c.feature.name == "seats"]
    low, high = scorer.bundle.peers.span("seats", 100.0)
    assert change.after == (high if rises else low)


def test_windows_of_one_measure_move_together():
    """A model that looks at the last 28 days alone: the last 91 days move all the same."""
    scorer = scorer_of({"usage_count_28d": -0.4})
    quiet = quietest(scorer, "usage_count_91d")
    (best, *_) = what_if(scorer, quiet).proposals
    moved = {change.feature.name: change.after for change in best.changes}
    assert {"usage_count_28d", "usage_count_91d", "usage_active_days_28d", "usage_active_days_91d"} <= set(moved)
    row = changed_row(scorer, quiet, best)
    assert row["usage_trend_28d"] == pytest.approx(row["usage_count_28d"] / 28 / (row["usage_count_91d"] / 91))
    assert (row["usage_recency_days"] <= 28) == (row["usage_count_28d"] > 0)


def test_nothing_is_proposed_against_a_declared_direction():
    """The model says that accounts with fewer logins stay; the company declared that more of them is better."""
    against, directed = {"usage_login_count_28d": 0.4}, {"kind": {"label": "Usage", "direction": "up"}}
    logins = company(usage={"actionable_kinds": ["login"], "columns": directed})
    free = company(usage={"actionable_kinds": ["login"]})
    ways = {}
    for name, tables in (("free", free), ("directed", logins)):
        scorer = Scorer.build(bundle_of(tables, against), "1", tables)
        found = [p for i in range(0, 60, 6) for p in what_if(scorer, f"a{i:02}").proposals]
        leading = [c for p in found for c in p.changes if c.feature.name == "usage_login_count_28d"]
        ways[name] = {float(c.after) > float(c.before) for c in leading}
    assert False in ways["free"] and False not in ways["directed"]


def test_kinds_alone_do_not_outgrow_a_total_that_stays():
    tables = company(usage={"actionable_kinds": ["login"]})
    scorer = Scorer.build(bundle_of(tables, {"usage_login_count_28d": -0.5}), "1", tables)
    quiet = quietest(scorer, "usage_count_28d")
    found = what_if(scorer, quiet)
    assert scorer.values_of(quiet)["usage_count_28d"] == 0
    assert not found.proposals
    (said,) = found.left_out
    assert "'Usage: login, last 28 days'" in said and "'Usage, last 28 days'" in said and "[tables.usage]" in said


def test_both_values_of_a_boolean_and_frequent_levels_are_tried():
    scorer = scorer_of({"sso": -1.0, "plan=max": -1.5})
    account = next(
        f"a{i:02}" for i in range(60)
        if scorer.values_of(f"a{i:02}")["sso"] == 0 and scorer.values_of(f"a{i:02}")["plan"] != "max"
    )  # fmt: skip
    told = [
        {change["feature"]: change["to"] for change in one["changes"]}
        for one in what_if(scorer, account).to_json()["proposals"]
    ]
    assert {"plan": "max"} in told and {"sso": True} in told
    assert any({"sso", "plan"} <= set(one) for one in told)


def test_a_pair_is_listed_only_where_both_together_say_clearly_more_than_each_alone():
    """Two levers, of which one has hardly a weight of its own."""
    scorer = scorer_of({"sso": -1.0, "seats": -1e-5})
    for i in range(20):
        assert all(len(found.leading) == 1 for found in what_if(scorer, f"a{i:02}").proposals)
    both = scorer_of({"sso": -0.8, "seats": -0.03})
    pairs = [(f"a{i:02}", p) for i in range(20) for p in what_if(both, f"a{i:02}").proposals if len(p.leading) == 2]
    assert pairs
    for account, pair in pairs:
        alone = [p.gain for p in what_if(both, account).proposals if len(p.leading) == 1]
        assert pair.gain >= max(alone) + 0.01
        assert pair.after.nrr == pytest.approx(
            both.by_features([(account, changed_row(both, account, pair))])[0]["nrr"]["point"]
        )


def test_proposals_stand_by_gain_and_are_the_same_every_time():
    scorer = scorer_of({"sso": -0.6, "seats": -0.05, "usage_count_91d": -0.02})
    for account in ("a01", "a17", "a40"):
        found = what_if(scorer, account)
        gains = [proposal.gain for proposal in found.proposals]
        assert gains == sorted(gains, reverse=True)
        assert found == what_if(Scorer.build(scorer.bundle, "1", TABLES), account)


def test_an_unstable_driver_is_marked():
    driver = Driver(
        "seats", ("seats",), "Seats", 0.5, "raises", stable=False, scope="health", actionable=True, id="seats", rank=1,
        share_low=0.1, share_high=0.9, rank_low=1, rank_high=3, sign_folds=0.5, sign_draws=0.6, gain=0.0, gain_z=0.0,
        gain_q=0.9, why_not="its direction does not hold",
    )  # fmt: skip
    bundle = replace(SCORER.bundle, drivers=(driver,))
    found = what_if(Scorer.build(bundle, "1", TABLES), "a03")
    assert found.proposals[0].stable is False
    assert what_if(SCORER, "a03").proposals[0].stable is None
    assert any("do not act" in line for line in what_if_lines(found, "USD"))
    firm = replace(found.proposals[0], stable=True, phrase="what held")
    both = what_if_lines(replace(found, proposals=(found.proposals[0], firm)), "USD")
    assert both[2] == "  - what held", "what is not to be acted on yet stands below what is, however much it gains"


# --- where there is nothing to propose


def test_without_a_lever_the_answer_says_what_to_declare():
    catalog = SCORER.bundle.catalog
    fixed = replace(SCORER.bundle, health=replace(SCORER.bundle.health, encoder=replace(
        SCORER.bundle.health.encoder,
        catalog=replace(catalog, features=tuple(replace(f, actionable=False) for f in catalog.features)),
    )))  # fmt: skip
    found = what_if(Scorer.build(fixed, "1", TABLES), "a03")
    assert found.note == NOTHING_ACTIONABLE and "actionable = true" in found.note and not found.proposals
    assert NOTHING_ACTIONABLE in "\n".join(what_if_lines(found, "USD"))


def test_what_gains_nothing_is_left_out_and_said():
    found = what_if(scorer_of({"region=north": 2.0, "complaints": 0.5}), "a03")
    assert not found.proposals and "None of" in str(found.note)


def test_an_account_that_is_leaving_gets_no_proposals():
    assert what_if(SCORER, "gone").note == LEAVING
    assert suppose(SCORER, "gone", {"seats": 3.0}) is None
    assert LEAVING in "\n".join(asked_lines(None, "USD"))
    with pytest.raises(UnknownAccount, match="nobody"):
        what_if(SCORER, "nobody")


# --- what somebody asks for


def test_exactly_the_given_values_are_answered_with_what_is_unusual_about_them():
    found = suppose(SCORER, "a03", {"seats": 500.0, "complaints": 1.0, "region": "moon"})
    assert found is not None
    again = SCORER.by_features(
        [
            (
                "a03",
                {**SCORER.values_of("a03"), "seats": 500, "complaints": 1, "region": "moon"},
            )
        ]
    )[0]
    assert found.after.nrr == pytest.approx(again["nrr"]["point"], abs=1e-12)
    said = " ".join(found.warnings)
    assert "500 lies outside" in said.replace(" seats", "") and "consequence" in said
    assert "Region is not declared actionable" in said and "moon" in said


def test_a_value_that_the_model_does_not_know_is_told_with_the_nearest():
    found = suppose(SCORER, "a03", {"region": "nroth"})
    assert found is not None and any("did you mean 'north'?" in warning for warning in found.warnings)


def test_a_value_that_is_taken_away_is_told_as_not_known():
    found = suppose(SCORER, "a03", {"seats": None})
    assert found is not None and "Seats were not known (" in found.phrase


def test_amounts_and_their_difference_can_be_added_up_by_hand():
    before, after = Figures(0.9, 0.1, 19412.44, 2177.4), Figures(0.91, 0.09, 19475.52, 2189.6)
    assert "2,177 to 2,189 USD (+12)" in (said := figures(before, after, "USD"))
    assert "19,412 to 19,475 USD (+63)" in said


def test_usual_values_of_a_lever_need_no_warning():
    value = SCORER.bundle.peers.quantile("seats", 100.0, 0.75)
    account = next(f"a{i:02}" for i in range(60) if SCORER.values_of(f"a{i:02}")["seats"] != value)
    found = suppose(SCORER, account, {"seats": value})
    assert found is not None and found.warnings == ()


def test_windows_that_contradict_each_other_are_told():
    found = suppose(SCORER, "a03", {"usage_count_28d": 50.0})
    assert found is not None and any("No account can have both" in warning for warning in found.warnings)


def test_a_changed_price_counts_its_own_money():
    found = suppose(SCORER, "a03", {"subscriptions_mrr": 200.0})
    assert found is not None and found.before.money == pytest.approx(100 * found.before.nrr)
    assert found.after.money == pytest.approx(200 * found.after.nrr)


def test_values_are_read_by_kind():
    texts = ["seats=12.5", "sso=yes", "plan = pro ", "region="]
    assert parse_given(SCORER.bundle.catalog, texts) == {
        "seats": 12.5, "sso": 1.0, "plan": "pro", "region": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seat=3", "did you mean 'seats'"),
        ("seats=many", "expected a number"),
        ("seats=inf", "expected a finite number"),
        ("sso=maybe", "expected yes or no"),
        ("seats", "Expected feature=value"),
    ],
)
def test_unknown_features_and_other_kinds_are_refused(text: str, says: str):
    with pytest.raises(CatalogError, match=says):
        parse_given(SCORER.bundle.catalog, [text])


def test_a_feature_is_given_once():
    with pytest.raises(CatalogError, match="given twice"):
        parse_given(SCORER.bundle.catalog, ["seats=1", "seats=2"])

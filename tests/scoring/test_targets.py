"""The target list of the planted company: limits, parts, reasons for and against, and every other prospect counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.bundle.model_bundle import ModelBundle
from leap.config import Policy
from leap.errors import UsageError
from leap.features import Scope
from leap.icp import Condition, Evidence, ICPProfile, ICPSearch, Rule
from leap.scoring import score_prospects
from leap.scoring.targets import LEFT_OUT, Asked, Candidates, Entries, Override, TargetList, listed, target_list
from leap.scoring.targets.candidates import WinRate, latest_deals
from leap.scoring.targets.signals import Signals
from leap.tables import AccountTables
from leap.tables.canonical import KEY
from tests.scoring.worlds import bundle_of
from tests.worlds import TrainedWorld, company_of, subscription

NO_EVIDENCE = Evidence(1, 1, {}, "nrr", {}, {}, 1, 0.0)


def profile(bundle: ModelBundle, name: str, kind: str, op: Any, value: Any, **more: Any) -> ICPProfile:
    feature = next(f for f in bundle.catalog.features if f.name == name and f.scope == Scope.FIT)
    return ICPProfile(f"{kind}-1", kind, Rule((Condition(feature, op, value),)), NO_EVIDENCE, "", **more)


@pytest.fixture(scope="module")
def candidates(planted: TrainedWorld) -> Candidates:
    """Forty prospects whose work costs 300 each, by three profiles: finance, the new media, and retail to avoid."""
    bundle = planted.bundle
    profiles = (
        profile(bundle, "industry", "established", "==", "finance"),
        profile(bundle, "industry", "emerging", "==", "media"),
        profile(bundle, "industry", "negative", "==", "retail",
                price={"yearly_revenue_lost_per_account": 900.0, "won_last_year": 3}),
    )  # fmt: skip
    bundle = replace(bundle, icp=ICPSearch(profiles, (), None), economics={"new_mrr": 500.0, "cac": 1000.0})
    table = score_prospects(bundle, planted.tables, planted.tables.data_until, "7")
    nothing = Signals(
        len(table), planted.tables.data_until, False, np.zeros(0, int), np.zeros(0, object), np.zeros(0), []
    )
    return Candidates(table, nothing, WinRate(0.3, 120), Policy(account_cost=300.0, target_months=36))


def made(
    candidates: Candidates, overrides: Mapping[str, Override] | None = None, seed: int = 0, **asked: Any
) -> TargetList:
    return listed(candidates, Asked(**asked), pd.Timestamp("2024-01-01"), overrides or {}, seed)


def assert_kept(found: TargetList) -> None:
    """Every prospect is on the list or counted with a known reason, and no limit is passed."""
    on, asked, own = found.part != "", found.asked, found.candidates
    assert ((found.left_out != "") == ~on).all()
    assert len(found) + sum(found.left_out_by_reason.values()) == len(own)
    assert set(found.left_out[~on]) <= set(LEFT_OUT)
    assert asked.budget is None or own.cost[on].sum() <= asked.budget + 1e-6
    assert asked.capacity is None or on.sum() <= asked.capacity
    if asked.per_segment is not None:
        assert np.bincount(own.segments(asked)[0][on], minlength=1).max(initial=0) <= asked.per_segment


@settings(max_examples=30, deadline=None)
@given(
    budget=st.none() | st.integers(0, 4_000), capacity=st.none() | st.integers(0, 45), quota=st.none() | st.integers(0, 9_000),
    per_segment=st.none() | st.integers(0, 6), emerging_share=st.sampled_from([0.0, 0.1, 0.5]),
    exploration_share=st.sampled_from([0.0, 0.1, 0.5]), mode=st.sampled_from(["prioritise", "exclude"]),
    include=st.sets(st.integers(0, 39), max_size=5), seed=st.integers(0, 5),
)  # fmt: skip
def test_whatever_is_asked_for_no_limit_is_passed_and_nobody_is_lost(
    candidates: Candidates, include: set[int], seed: int, **asked: Any
) -> None:
    ids = candidates.table.account_ids
    overrides = {ids[i]: Override("include" if i % 2 else "exclude", "Ann", "agreed") for i in include}
    found = made(candidates, overrides, seed, segment="industry", **asked)
    assert_kept(found)
    assert all(found.left_out[i] == "owner" for i in include if i % 2 == 0)


def test_the_list_has_the_accounts_that_gain_most_ranked_with_the_shares_kept(candidates: Candidates) -> None:
    found = made(candidates, capacity=20, emerging_share=0.2, exploration_share=0.1)
    parts = {part: np.flatnonzero(found.part == part) for part in ("value", "emerging", "exploration")}
    assert len(parts["exploration"]) == 2 and len(parts["emerging"]) >= 3 and len(found) == 20
    gain, emerging = candidates.gain, candidates.of_kind("emerging")
    others = np.flatnonzero((found.part != "value") & ~emerging & np.isfinite(gain))
    assert gain[parts["value"]].min() >= np.delete(gain, parts["value"])[np.isin(
        np.delete(np.arange(40), parts["value"]), others)].max()  # fmt: skip
    assert (np.diff(gain[found.order]) <= 0).all()
    assert (found.propensity[np.concatenate([parts["value"], parts["emerging"]])] == 1).all()
    pool = 40 - int(candidates.table.silent.sum()) - 18
    assert found.drawn.exact and found.propensity[parts["exploration"]] == pytest.approx(2 / pool)


def test_another_seed_changes_nothing_but_the_draw(candidates: Candidates) -> None:
    first, again, other = (made(candidates, seed=seed, capacity=20, exploration_share=0.2) for seed in (1, 1, 2))
    assert Entries(first).to_json() == Entries(again).to_json()
    assert ((first.part == "value") == (other.part == "value")).all()
    assert ((first.part == "exploration") != (other.part == "exploration")).any()


def test_a_negative_profile_stays_with_its_price_against_it_unless_the_policy_is_to_exclude(
    candidates: Candidates,
) -> None:
    retail = candidates.of_kind("negative")
    entries = {e["account_id"]: e for e in Entries(made(candidates)).to_json()["targets"]}
    listed_retail = [
        entries[a] for a, meets in zip(candidates.table.account_ids, retail, strict=True) if meets and a in entries
    ]
    assert listed_retail
    for entry in listed_retail:
        said = next(said for said in entry["against"] if said.startswith("Meets negative-1"))
        assert said.endswith("such an account brings 900 USD less revenue a year than others")
        assert any(said.startswith("Misses established-1") for said in entry["against"])
    strict = made(candidates, mode="exclude")
    assert set(strict.left_out[retail & ~candidates.table.silent]) == {"negative_profile"}
    health = ~(retail | candidates.of_kind("established", "emerging") | candidates.table.silent)
    assert set(strict.left_out[health]) == {"no_profile"}


def test_an_entry_says_whom_and_when_apart_and_what_the_gain_is_made_of(candidates: Candidates) -> None:
    found = made(candidates, capacity=3)
    document = Entries(found).to_json()
    for rank, entry in enumerate(document["targets"], start=1):
        i = candidates.table.account_ids.index(entry["account_id"])
        assert entry["rank"] == rank and entry["cost"] == 300 and entry["win_probability"] == 0.3
        assert entry["expected_gain"] == pytest.approx(0.3 * entry["worth_if_won"] - 300)
        assert entry["worth_if_won"] == pytest.approx(candidates.table.value_36m[i] + candidates.table.cost[i])
        assert entry["who"]["score"] == pytest.approx(entry["worth_if_won"] - 1000)
        assert entry["who"]["nrr_low"] <= entry["who"]["nrr"] <= entry["who"]["nrr_high"] and entry["who"]["reasons"]
        assert entry["when"] == {"score": None, "reasons": [], "reason": "no_buying_signals"}
        assert any("Expected gain" in said for said in entry["for"])
        assert any("interval of NRR" in said for said in entry["against"])
    totals = document["totals"]
    assert totals["cost"] == 900 and totals["expected_gain"] == pytest.approx(
        sum(e["expected_gain"] for e in document["targets"])
    )
    assert totals["accounts"] + document["left_out"]["accounts"] == document["prospects"] == 40
    assert "30.0%" in document["basis"]["win"] and "120" in document["basis"]["win"]


def test_owners_keep_and_leave_out_within_the_limits(candidates: Candidates) -> None:
    ids = candidates.table.account_ids
    worst = np.argsort(np.nan_to_num(candidates.gain, nan=1e9))[:3]
    overrides = {
        ids[worst[0]]: Override("include", "Ann", "a partner brings them"),
        ids[worst[1]]: Override("exclude", "Bob", "a competitor"),
        "nobody": Override("include", "Ann", "?"),
    }
    found = made(candidates, overrides, capacity=2)
    assert found.part[worst[0]] == "override" and found.left_out[worst[1]] == "owner"
    entry = Entries(found).to_json()["targets"][-1]
    assert entry["for"][0] == "Kept on the list by Ann: a partner brings them" and entry["override"]["owner"] == "Ann"
    assert "1 override(s) are of accounts that are no prospects at this date, such as nobody." in found.notes
    beyond = made(candidates, {ids[i]: Override("include", "Ann", "x") for i in worst}, budget=600.0)
    assert len(beyond) == 2 and beyond.left_out_by_reason["over_budget"] >= 1


def test_a_quota_out_of_reach_says_by_how_much(candidates: Candidates) -> None:
    found = made(candidates, budget=1500.0, quota=1000.0)
    assert found.total(candidates.new_mrr) == pytest.approx(5 * 0.3 * 500)
    assert found.quota_short == pytest.approx(1000 - 750)
    assert made(candidates, quota=100.0).quota_short == 0 and made(candidates).quota_short is None


def test_nothing_to_spend_and_one_account_dearer_than_all_there_is(candidates: Candidates) -> None:
    assert made(candidates, budget=0.0).left_out_by_reason["dearer_than_budget"] == (~candidates.table.silent).sum()
    assert len(made(candidates, budget=299.0)) == 0 and len(made(candidates, budget=300.0)) == 1
    free = replace(candidates, policy=Policy(account_cost=0.0))
    found = made(free, budget=0.0)
    assert len(found) > 30 and any("limits nothing" in note for note in found.notes)


def test_everybody_like_no_customer_gives_an_empty_list_that_says_so(candidates: Candidates) -> None:
    columns = {**candidates.table.columns, "industry": np.array(["space mining"] * 40, dtype=object),
               "employees": np.full(40, 1e9)}  # fmt: skip
    strange = replace(candidates, table=replace(candidates.table, columns=columns))
    found = made(strange, {candidates.table.account_ids[0]: Override("include", "Ann", "we know them")}, capacity=5)
    assert found.left_out_by_reason == {"no_customers_like_this": 39} and len(found) == 1
    (entry,) = Entries(found).to_json()["targets"]
    assert entry["expected_gain"] is None and entry["who"]["score"] is None
    assert entry["against"][0].startswith("No or hardly any customers like this: ")


def test_without_a_margin_revenue_stands_for_value_and_without_deals_gains_are_if_won(candidates: Candidates) -> None:
    table = replace(candidates.table, margin=np.full(40, np.nan))
    own = replace(candidates, table=table, rate=WinRate(None, 0))
    known = ~table.silent
    assert own.worth[known] == pytest.approx((36 * 500 * table.prediction.nrr)[known])
    document = Entries(made(own, capacity=1)).to_json()
    assert "revenue" in document["basis"]["worth"] and document["basis"]["win_is"] == "if_won"
    assert document["targets"][0]["win_probability"] is None
    assert "if it is won" in " ".join(document["targets"][0]["for"])


def test_without_limits_everybody_who_gains_is_chosen_and_nobody_is_drawn(candidates: Candidates) -> None:
    found = made(candidates, exploration_share=0.5)
    assert ((found.part != "") == (candidates.gain > 0)).all() and "exploration" not in found.part
    assert any(note.startswith("Neither a budget nor a capacity") for note in found.notes)


def test_the_cost_of_working_on_an_account_is_cac_times_the_share_won(candidates: Candidates) -> None:
    usual = replace(candidates, policy=Policy(contact_cost=20.0))
    assert usual.cost == pytest.approx(np.full(40, 1000 * 0.3 + 20))


def test_the_draw_keeps_its_share_where_segments_rather_than_places_are_full(candidates: Candidates) -> None:
    for limits in ({"capacity": 1000}, {"budget": 1e6}):
        found = made(candidates, exploration_share=0.25, per_segment=4, segment="industry", **limits)
        assert_kept(found)
        places = len(found.choice.chosen[found.choice.chosen]) + len(found.drawn.taken)
        assert len(found.drawn.taken) == places // 4 > 0 and found.exploration_short == 0


def test_places_of_emerging_profiles_that_go_to_others_are_told(candidates: Candidates) -> None:
    found = made(candidates, emerging_share=1.0, capacity=30)
    assert (short := found.choice.emerging_short) > 0
    assert any(f"{short} place(s) kept for emerging profiles went to other accounts" in note for note in found.notes)
    assert not made(candidates, emerging_share=0.1, capacity=10).notes


def test_places_of_the_draw_that_stay_empty_are_told(candidates: Candidates) -> None:
    everyone = int((~candidates.table.silent).sum())
    found = made(candidates, exploration_share=0.25, capacity=1000)
    assert len(found) == everyone and found.exploration_short == everyone // 4
    assert any(f"{everyone // 4} place(s) kept for the random draw stayed empty" in note for note in found.notes)


def test_a_segment_that_limits_nothing_is_told_and_one_that_is_not_there_refused(candidates: Candidates) -> None:
    found = made(candidates, capacity=5, segment="industry")
    assert any("the segment industry changes nothing" in note for note in found.notes)
    assert not made(candidates, capacity=5, per_segment=3, segment="industry").notes
    with pytest.raises(UsageError, match="expected a fit category to tell segments apart, found 'moon'"):
        made(candidates, capacity=5, segment="moon")


def test_a_deal_that_is_won_or_open_already_stands_against_calling(candidates: Candidates) -> None:
    first = candidates.table.account_ids[int(made(candidates, capacity=1).order[0])]
    found = Entries(made(replace(candidates, deals={first: "A deal with it is open since 2023-12-01"}), capacity=2))
    told = {one["account_id"]: one["against"] for one in found.to_json()["targets"]}
    assert told.pop(first)[0] == "A deal with it is open since 2023-12-01"
    assert len(told) == 1 and not any(said.startswith("A deal") for against in told.values() for said in against)


def test_the_latest_deal_is_told_as_it_was_known_on_the_day() -> None:
    deals = [("p0", "2023-01-01", "2023-02-01", False), ("p0", "2023-09-01", "2023-10-01", True),
             ("p1", "2023-09-01", None, None), ("p2", "2023-01-01", "2023-02-01", True),
             ("p2", "2023-09-01", "2023-10-01", False)]  # fmt: skip
    keys = ("account_id", "created", "closed", "won")
    tables = company_of(
        [subscription("a0", "2023-01-01")],
        "2024-01-01",
        tables={
            "deals": {"shape": "events", "source": "d.csv", "role": "deals", "created": "created", "closed": "closed"}
        },
        records={"deals": [dict(zip(keys, deal, strict=True)) for deal in deals]},
    )
    won = "A deal with it was won on {}, and no revenue is known yet: it may be a customer already"
    since = "A deal with it is open since {}"
    last = latest_deals(tables, pd.Timestamp("2024-01-01"))
    assert last == {"p0": won.format("2023-10-01"), "p1": since.format("2023-09-01")}
    middle = latest_deals(tables, pd.Timestamp("2023-10-01"))
    assert middle == {account: since.format("2023-09-01") for account in ("p0", "p1", "p2")}
    assert latest_deals(tables, pd.Timestamp("2023-03-01")) == {"p2": won.format("2023-02-01")}


def test_segments_need_a_category(candidates: Candidates) -> None:
    with pytest.raises(UsageError, match="a fit category"):
        made(candidates, per_segment=2)
    with pytest.raises(UsageError, match="together more than 1"):
        Asked(emerging_share=0.6, exploration_share=0.6)
    with pytest.raises(UsageError, match="budget is a number from 0 on"):
        Asked(budget=-1)


def test_a_company_without_prospects_says_so(planted: TrainedWorld) -> None:
    paying = planted.tables.with_role("revenue")[0].rows[KEY].unique()
    kept = {
        name: replace(table, rows=table.rows[table.rows[KEY].isin(paying)]) if KEY in table.rows else table
        for name, table in planted.tables.tables.items()
    }
    tables = AccountTables(planted.tables.settings, kept, planted.tables.data_until)
    found = target_list(planted.bundle, tables, "7")
    assert len(found) == 0 and found.notes[0].startswith("No prospects")
    assert Entries(found).to_json()["prospects"] == 0


# --- when


def triggers(*rows: tuple[str, str, str]) -> tuple[ModelBundle, AccountTables]:
    tables = company_of(
        [subscription(f"a{i}", "2023-01-01") for i in range(3)],
        "2024-01-01",
        tables={
            "news": {"shape": "events", "source": "n.csv", "kind": "kind", "scope": "fit", "signal": "buying",
                     "windows_days": [91, 365], "columns": {"kind": {"label": "News"}}},
        },
        records={"news": [{"account_id": a, "occurred_at": at, "kind": kind} for a, at, kind in rows]},
    )  # fmt: skip
    return bundle_of(tables, {}), tables


def test_buying_signals_are_told_with_dates_and_scored_by_the_stated_rule() -> None:
    rows = [("p1", "2023-12-31", "funding"), ("p1", "2023-11-01", "funding"), ("p1", "2023-03-01", "hiring"),
            ("p2", "2022-05-01", "funding"), ("p1", "2024-02-01", "funding"), ("a1", "2023-12-01", "hiring")]  # fmt: skip
    bundle, tables = triggers(*rows)
    found = Signals.of(bundle, tables, ["p1", "p2"], {}, pd.Timestamp("2024-01-01"))
    assert found.reasons(0) == [
        "2 × funding in the last 91 days, latest on 2023-12-31",
        "1 × hiring in the last 365 days, latest on 2023-03-01",
    ]
    total = 0.5 ** (1 / 91) + 0.5 ** (61 / 91) + 0.5 ** (306 / 91)
    assert found.score == pytest.approx([1 - 0.5**total, 0.0])
    assert found.reasons(1) == [] and found.silence == "No buying signal in the last 365 days"


def test_what_became_known_later_is_no_signal() -> None:
    bundle, tables = triggers(("p1", "2023-12-31", "funding"), ("p1", "2023-06-01", "hiring"))
    earlier = Signals.of(bundle, tables, ["p1"], {}, pd.Timestamp("2023-07-01"))
    assert earlier.reasons(0) == ["1 × hiring in the last 91 days, latest on 2023-06-01"]

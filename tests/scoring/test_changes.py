"""Why a score differs between two dates: what moved is told, what did not is not, and everything adds up."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from leap.errors import UnknownAccount, UsageError
from leap.reports.changes import change_lines
from leap.scoring import score_all
from leap.scoring.changes import AccountChange, Earlier, account_change, with_changes
from leap.tables import AccountTables
from tests.scoring.worlds import bundle_of, company, profile
from tests.worlds import Row, subscription

FEATURES = ("seats", "plan", "sso", "region")
WEIGHTS = {"seats": -0.05, "plan=pro": -0.4, "plan=max": -1.0, "sso": -0.5, "region=north": 0.3}
SINCE, UNTIL = "2023-06-01", "2024-01-01"
FIRST = {"seats": 20, "plan": "pro", "sso": "true", "region": "north"}


def world(later: Iterable[Row] = (), **more: Any) -> AccountTables:
    """The company with one account `x` of which everything is known on the first date."""
    own = [subscription("x", "2023-01-01"), *more.pop("own", ())]
    return company(profiles=[profile("x", "2023-01-02", **FIRST), *later], more=own, **more)


def changed(
    tables: AccountTables, since: str = SINCE, until: str = UNTIL, account: str = "x", **more: Any
) -> AccountChange:
    expansion = {"seats": 0.02, "sso": 0.4}
    return account_change(
        bundle_of(tables, WEIGHTS, expansion, features=FEATURES), tables, account, since, until, **more
    )


def assert_adds_up(found: AccountChange) -> None:
    """NRR, churn and money, from the JSON alone."""
    told = json.loads(json.dumps(found.to_json()))
    parts = [*told["changes"], *([told["model"]] if told["model"] else [])]
    before, after = told["before"], told["after"]
    for name, key in (("nrr", "nrr_points"), ("churn", "probability_points")):
        assert sum(part[key] for part in parts) == pytest.approx(after[name] - before[name], abs=1e-9)
    by_mrr, by_nrr = told["money"]["by_mrr"], told["money"]["by_nrr"]
    assert by_mrr + by_nrr == pytest.approx(after["mrr"] * after["nrr"] - before["mrr"] * before["nrr"], abs=1e-9)
    assert sum(part["money"] for part in parts) == pytest.approx(by_nrr, abs=1e-9)
    for part in told["changes"]:
        assert sum(one["nrr_points"] for one in part["features"]) == pytest.approx(part["nrr_points"], abs=1e-12)


def told(found: AccountChange) -> list[str]:
    """The leading features that the text tells of."""
    return [change.leading.feature.name for change in found.changes if change.is_worth_telling()]


# --- what moved


def test_one_feature_that_moved_alone_is_the_only_one_told():
    found = changed(world([profile("x", "2023-09-01", **{**FIRST, "seats": 5})]))
    assert told(found) == ["seats"]
    (seats,) = [change for change in found.changes if change.moved]
    assert seats.leading.before == 20.0 and seats.leading.now == 5.0 and seats.nrr_points < 0
    assert_adds_up(found)
    text = "\n".join(change_lines(found))
    assert "Seats: was 20 seats, now 5 seats" in text.replace("was 20,", "was 20 seats,").replace(
        "now 5;", "now 5 seats;"
    )
    assert "Plan" not in text and "because" not in text


def test_two_features_that_moved_are_told_by_size():
    found = changed(world([profile("x", "2023-09-01", **{**FIRST, "seats": 18, "plan": "basic"})]))
    assert told(found) == ["plan", "seats"]
    assert_adds_up(found)


def test_where_nothing_moved_nothing_is_told():
    found = changed(world())
    assert found.changes == () and found.nrr_points == pytest.approx(0.0, abs=1e-12)
    assert_adds_up(found)
    assert "Nothing that the model looks at differs" in "\n".join(change_lines(found))


def test_a_feature_that_became_known_is_told_as_missing_before():
    tables = world([profile("y", "2023-07-01", seats=4)], own=[subscription("y", "2023-01-01")])
    found = changed(tables, account="y")
    (change,) = [one for one in found.changes if one.moved]
    assert (change.leading.before, change.leading.now) == (None, 4.0)
    assert_adds_up(found)


def test_a_feature_that_went_missing_is_told_as_missing():
    """A pause: on the second date nothing was active 91 days before."""
    tables = world(own=[subscription("z", "2023-01-01", "2023-09-15"), subscription("z", "2023-11-20", mrr=90)])
    names = ("subscriptions_mrr", "subscriptions_mrr_change_91d")
    bundle = bundle_of(tables, {"subscriptions_mrr": -0.01}, features=names)
    found = account_change(bundle, tables, "z", "2023-05-15", UNTIL)
    members = {change.feature.name: (change.before, change.now) for change in found.changes[0].features}
    assert members == {"subscriptions_mrr": (100.0, 90.0), "subscriptions_mrr_change_91d": (0.0, None)}
    assert_adds_up(found)
    assert "(with 1 related feature)" in "\n".join(change_lines(found))


def test_a_category_that_changed_is_told_with_both_levels():
    found = changed(world([profile("x", "2023-09-01", **{**FIRST, "plan": "max"})]))
    (plan,) = [change for change in found.changes if change.moved]
    assert (plan.leading.before, plan.leading.now) == ("pro", "max") and plan.nrr_points > 0
    assert_adds_up(found)


def test_booleans_are_true_and_false_in_json_and_yes_and_no_in_words():
    found = changed(world([profile("x", "2023-09-01", **{**FIRST, "sso": "false"})]))
    (one,) = [change for change in found.to_json()["changes"] if change["moved"]]
    assert (one["features"][0]["before"], one["features"][0]["now"]) == (True, False)
    assert "was yes, now no" in one["phrase"]


def test_features_of_one_group_are_told_together():
    later = [profile("x", "2023-09-01", **{**FIRST, "seats": 5})]
    tables = world(later)
    names = ("seats", "seats_change_365d", "seats_change_91d", "plan")
    bundle = bundle_of(tables, {"seats": -0.05, "seats_change_91d": 0.01, "plan=pro": 0.1}, features=names)
    found = account_change(bundle, tables, "x", SINCE, "2023-10-15")
    assert told(found) == ["seats"] and len(found.changes[0].features) > 1
    assert_adds_up(found)


# --- money


def test_money_is_parted_between_mrr_and_nrr():
    """100 a month at first, 150 after: the rise of MRR and the fall of NRR are told apart."""
    tables = world(
        [profile("x", "2023-09-01", **{**FIRST, "seats": 5})],
        own=[subscription("x", "2023-08-01", mrr=50, product="more")],
    )
    found = changed(tables)
    assert (found.before.mrr, found.after.mrr) == (100.0, 150.0)
    assert found.money_by_mrr is not None and found.money_by_mrr > 0 > (found.money_by_nrr or 0)
    assert_adds_up(found)
    assert "100 USD to 150 USD" in "\n".join(change_lines(found))


# --- no score at one of the dates


@pytest.mark.parametrize(
    ("own", "since", "until", "status", "says"),
    [
        ([subscription("n", "2023-08-01")], SINCE, UNTIL, ("prospect", "customer"), "no customer yet; its first payment was on 2023-08-01"),
        ([subscription("n", "2023-01-01", "2023-09-01")], SINCE, UNTIL, ("customer", "former"), "its last paid term ended on 2023-09-01"),
        ([subscription("n", "2023-01-01", "2024-03-01", cancelled_at="2023-11-01")], SINCE, UNTIL, ("customer", "leaving"), "leaving already"),
        ([subscription("n", "2023-01-01", "2023-09-01", cancelled_at="2023-05-01"), subscription("n", "2023-10-01")], SINCE, UNTIL, ("leaving", "customer"), "leaving already"),
        ([subscription("n", "2023-01-01", mrr=0), subscription("n", "2023-08-01", product="paid")], SINCE, UNTIL, ("free", "customer"), "paid nothing yet"),
    ],
)  # fmt: skip
def test_an_account_without_a_score_is_told_as_what_it_was(
    own: list[Row], since: str, until: str, status: tuple[str, str], says: str
):
    found = changed(world(own=own), since, until, "n")
    assert (found.before.status, found.after.status) == status
    assert found.changes == () and found.nrr_points is None
    assert says in str(found.note) and str(found.note) in "\n".join(change_lines(found))


def test_a_renamed_account_is_compared_with_what_it_was_and_merged_ones_are_not():
    later = [profile("new", "2023-10-01", **{**FIRST, "seats": 5})]
    renamed = world(later, own=[subscription("new", "2023-09-01", product="b")], lineage=[("x", "new", "2023-09-01")])
    found = changed(renamed, account="new")
    assert found.before.known_as == ("x",) and "then known as x" in "\n".join(change_lines(found))
    assert_adds_up(found)
    with pytest.raises(UnknownAccount, match="Ask for new"):
        changed(renamed, account="x")
    merged = world(own=[subscription("y", "2023-01-01")], lineage=[("y", "x", "2023-09-01")])
    found = changed(merged)
    assert found.before.status == "several" and "2 accounts then: x (100), y (100)" in str(found.note)


def test_dates_outside_the_data_or_out_of_order_are_refused():
    tables = world()
    for since, until, says in ((UNTIL, SINCE, "before the second"), (SINCE, "2025-01-01", "after the end"), ("2020-01-01", UNTIL, "before the first revenue")):  # fmt: skip
        with pytest.raises(UsageError, match=says):
            changed(tables, since, until)
    with pytest.raises(UnknownAccount, match="no table has it"):
        changed(tables, account="nobody")


# --- another model at the first date


def test_what_another_model_says_of_the_same_row_is_a_line_of_its_own():
    tables = world([profile("x", "2023-09-01", **{**FIRST, "seats": 5})])
    old = bundle_of(
        tables, {"seats": -0.01, "region=north": 0.9, "complaints": 0.1}, features=("seats", "region", "complaints")
    )
    found = changed(tables, version="2", earlier=Earlier(old, "1"))
    plain = changed(tables)
    assert found.model is not None and found.changes == plain.changes
    assert found.after.nrr == plain.after.nrr and found.before.nrr != plain.before.nrr
    assert found.model.nrr_points == pytest.approx((plain.before.nrr or 0) - (found.before.nrr or 0), abs=1e-12)
    by_feature = sum(points for _, _, points in found.model.features)
    assert found.model.base + by_feature == pytest.approx(found.model.nrr_points, abs=1e-9)
    assert {"seats", "region", "sso"} <= {name for name, _, _ in found.model.features}
    assert_adds_up(found)
    assert "version 2 instead of 1" in "\n".join(change_lines(found))


def test_versions_of_other_horizons_are_not_compared():
    tables = world()
    bundle = bundle_of(tables, WEIGHTS, features=FEATURES)
    outcome = bundle.settings.outcome.model_copy(update={"horizon_months": 6})
    old = replace(bundle, settings=bundle.settings.model_copy(update={"outcome": outcome}))
    with pytest.raises(UsageError, match="6 months ahead"):
        account_change(bundle, tables, "x", SINCE, UNTIL, earlier=Earlier(old, "1"))


# --- all customers at once


def test_a_score_file_says_what_each_account_alone_says():
    tables = world(
        [profile("x", "2023-09-01", **{**FIRST, "seats": 5, "plan": "basic"})],
        own=[
            subscription("n", "2023-08-01"),
            subscription("out", "2023-01-01", "2024-03-01", cancelled_at="2023-12-01"),
        ],
    )
    bundle = bundle_of(tables, WEIGHTS, features=FEATURES)
    batch = score_all(bundle, tables, "1", UNTIL)
    plain = batch.frame()
    frame = with_changes(plain, batch, tables, SINCE)
    assert list(frame.columns) == [*plain.columns, "nrr_before", "nrr_change", "change_reason_1", "change_reason_2", "change_reason_3"]  # fmt: skip
    assert frame[list(plain.columns)].equals(plain)
    rows = frame.set_index("account_id")
    alone = account_change(bundle, tables, "x", SINCE, UNTIL)
    assert rows.loc["x", "nrr_before"] == pytest.approx(alone.before.nrr, abs=1e-12)
    assert rows.loc["x", "nrr_change"] == pytest.approx(alone.nrr_points, abs=1e-12)
    said = [change.phrase(alone.mean_mrr, "USD") for change in alone.changes if change.is_worth_telling()]
    assert [rows.loc["x", f"change_reason_{k}"] for k in (1, 2, 3)] == [*said, ""]
    assert rows.loc["a00", "change_reason_1"] == "" and rows.loc["a00", "nrr_change"] == pytest.approx(0, abs=1e-12)
    for account in ("n", "out"):
        assert np.isnan(rows.loc[account, "nrr_before"]) and rows.loc[account, "change_reason_1"] == ""

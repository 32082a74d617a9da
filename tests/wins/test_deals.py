"""When a deal's result counts as known, what a deal's features are of, and what never counts as lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import NotEnoughData
from leap.features import FeatureFrame, Recipe, discover_features
from leap.models.frames import FeatureCatalog
from leap.tables import AccountTables
from leap.wins.deals import Deals
from leap.wins.frame import usable, win_frame
from leap.wins.judging import foretell, judge
from leap.wins.learning import counts
from leap.wins.unknown import drawn, filled, usual_values
from tests.wins.worlds import SETTINGS, World, world
from tests.worlds import a_feature, company_of, subscription

DEALS = SETTINGS["tables"]["deals"]


def deal(account: str, created: str, closed: str | None = None, won: bool | None = None) -> dict[str, Any]:
    return {"account_id": account, "created_on": created, "closed_on": closed, "won": won, "amount": 10}


def company(deals: list[dict[str, Any]], data_until: str = "2024-01-01", **more: Any) -> AccountTables:
    tables = {"deals": DEALS, **more.pop("tables", {})}
    records = {"deals": deals, **more.pop("records", {})}
    return company_of([subscription("paying", "2023-01-01")], data_until, tables=tables, records=records, **more)


def test_open_deals_are_counted_and_never_lost():
    rows = [deal(f"w{i}", "2023-01-01", f"2023-0{1 + i % 3}-15", True) for i in range(9)]
    rows += [deal("l0", "2023-01-01", "2023-03-20", False)]
    rows += [deal("young", "2023-12-20"), deal("old", "2023-02-01"), deal("said so", "2023-02-01", None, False)]
    deals = Deals.of(company(rows))
    assert int(np.nansum(deals.won == 0)) == 1 and int(np.isnan(deals.won).sum()) == 3
    assert deals.open_at(np.datetime64("2024-01-01", "us")) == (3, 2)


def test_a_result_counts_from_its_closing_and_only_once_the_deal_is_as_old_as_nine_of_ten_become():
    """The example of the module: nine of ten deals close within 120 days."""
    rows = [deal(f"a{i}", "2023-01-01", "2023-05-01", True) for i in range(20)]
    rows += [
        deal("quick", "2024-05-01", "2024-05-08", False),
        deal("slow", "2024-01-10", "2024-06-20", True),
        deal("open", "2023-11-01"),
    ]
    deals = Deals.of(company(rows, "2024-12-01"))
    moment = np.datetime64("2024-07-01", "us")
    assert deals.cycle(moment) == np.timedelta64(120, "D")
    known = pd.Series(deals.known_at(moment), index=[f"{c:%m-%d}" for c in pd.DatetimeIndex(deals.created)])
    assert known["01-10"] and not known["05-01"] and not known["11-01"]
    assert Deals.known_at(deals, np.datetime64("2024-09-15", "us")).sum() == 22
    assert deals.open_at(moment) == (1, 1)


def test_the_day_of_closing_itself_is_not_known_yet():
    deals = Deals.of(
        company([deal("a", "2023-01-01", "2023-01-02", True), deal("b", "2023-01-01", "2023-05-01", False)])
    )
    at, after = np.datetime64("2023-05-01", "us"), np.datetime64("2023-05-01T00:00:01", "us")
    assert deals.known_at(at).tolist() == [True, False]
    assert deals.closed_before(after).all()


def test_deals_of_customers_and_unreadable_results_are_left_out_and_counted():
    rows = [deal("a", "2023-03-01", "2023-04-01", True), deal("b", "2023-03-01", "2023-04-01", False)]
    rows += [deal("paying", "2023-06-01", "2023-07-01", True), deal("paying", "2022-12-01", "2022-12-20", True)]
    rows += [deal("c", "2023-06-01", "2023-05-01", True), deal("d", "2023-06-01", "2023-08-01", None)]
    found = Deals.of(company(rows))
    assert len(found) == 3
    assert (found.left_out.of_customers, found.left_out.closed_before_created, found.left_out.without_result) == (
        1,
        1,
        1,
    )


def test_features_are_what_was_known_before_the_day_of_creation():
    profiles = {"shape": "history", "source": "p.csv", "scope": "fit", "columns": {"employees": {}}}
    seen = [("a", "2023-01-01", 10), ("a", "2023-03-01", 20), ("a", "2023-06-01", 30), ("b", "2023-01-01", 5)]
    records = {"profiles": [{"account_id": k, "observed_at": at, "employees": n} for k, at, n in seen]}
    rows = [deal("a", "2023-03-01 15:30", "2023-04-01", False), deal("a", "2023-06-02", "2023-07-01", True)]
    rows += [deal("b", "2023-06-01", "2023-07-01", False)]
    tables = company(rows, tables={"profiles": profiles}, records=records)
    frame = win_frame(tables, discover_features(tables))
    assert frame.features.frame["employees"].tolist() == [10, 30, 5]


def test_deals_terms_and_the_watching_itself_make_no_features():
    profiles = {"shape": "history", "source": "p.csv", "scope": "fit", "columns": {"employees": {}, "stage": {}}}
    seen = [
        {"account_id": f"a{i}", "observed_at": f"2022-0{m}-01", "employees": i * m, "stage": "abc"[(i + m) % 3]}
        for i in range(9)
        for m in (1, 5)
    ]
    tables = company(
        [deal("a1", "2023-01-01", "2023-02-01", True)], tables={"profiles": profiles}, records={"profiles": seen}
    )
    every = discover_features(tables)
    assert {f.recipe.table for f in every.features} >= {"deals", "profiles"}
    left = {(f.recipe.table, f.recipe.operation) for f in usable(tables, every).features}
    assert left == {("profiles", "latest"), ("profiles", "change"), ("profiles", "growth")}


@pytest.fixture(scope="module")
def made_up() -> World:
    return world(260, seed=3)


def test_what_closes_after_a_cutoff_changes_nothing_before_it(made_up: World):
    """Later results turned around, later deals taken away: what is learned from at the cutoff stays the same."""
    cutoff = np.datetime64("2023-07-01", "us")
    deals = made_up.frames["deals"]
    later = (deals["closed_on"] >= pd.Timestamp("2023-07-01")) | (
        deals["closed_on"].isna() & (deals["created_on"] < "2023-07-01")
    )
    turned = deals.assign(won=deals["won"].where(~later, "true"))
    fewer = deals[~(deals["created_on"] >= "2023-07-01")]
    found = []
    for rows in (deals, turned, fewer, deals.sample(frac=1, random_state=1)):
        tables = made_up.tables(deals=rows)
        training = win_frame(tables, discover_features(tables)).training(cutoff)
        found.append(training)
    first = found[0]
    assert 100 < len(first.rows.outcome) < len(deals) and first.rows.known_at.max() <= cutoff
    for other in found[1:]:
        for name in ("matrix", "outcome", "weight", "as_of", "known_at", "accounts"):
            np.testing.assert_array_equal(getattr(first.rows, name), getattr(other.rows, name))
        assert other.usual == first.usual


def test_folds_test_what_was_created_after_what_they_learn_from_was_known(made_up: World):
    tables = made_up.tables()
    frame = win_frame(tables, discover_features(tables))
    folds = frame.folds()
    assert folds
    for fold in folds:
        cutoff = np.datetime64(fold.cutoff, "us")
        assert (frame.deals.closed[fold.train] < cutoff).all() and (frame.deals.created[fold.test] >= cutoff).all()
    counted = counts(frame)
    assert counted["used"] + counted["closed_too_lately"] + counted["open"] == counted["of_prospects"] == 260
    assert counted["open"] > 0 and counted["closed_too_lately"] > 0


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([deal("a", "2023-01-01", "2023-02-01", True), deal("b", "2023-03-01")], "All 1 closed deals of prospects were won"),
        ([deal("b", "2023-03-01")], "No deal of a prospect is closed"),
        ([deal("paying", "2023-03-01", "2023-04-01", False)], "1 of accounts that paid already"),
    ],
)  # fmt: skip
def test_deals_of_one_result_are_declined_in_words(rows: list[dict[str, Any]], said: str):
    tables = company(rows)
    with pytest.raises(NotEnoughData, match=said):
        win_frame(tables, discover_features(tables))


def test_without_deals_there_is_nothing_to_learn():
    tables = company_of([subscription("a", "2023-01-01")], "2024-01-01")
    with pytest.raises(NotEnoughData, match="No table of deals"):
        win_frame(tables, FeatureCatalog(()))


def test_an_undated_column_filled_in_for_the_won_alone_is_left_out(made_up: World):
    deals, firms = made_up.frames["deals"], made_up.frames["accounts"]
    won = set(deals.loc[deals["won"] == "true", "account_id"])
    filled_in = firms["account_id"].isin(won) | (np.arange(len(firms)) % 5 == 0)
    region = firms["region"].where(filled_in, "")
    tables = made_up.tables(accounts=firms.assign(region=region))
    frame = win_frame(tables, discover_features(tables))
    assert [(leak.table, leak.column) for leak in frame.leaks] == [("accounts", "region")]
    assert frame.features.catalog.names == ["industry", "employees"]


def test_being_looked_up_only_because_of_the_purchase_is_no_skill():
    """The won were looked up shortly before their deal or never, the lost long ago: nothing is told by that alone."""
    made = world(400, seed=5, wins=0.0)
    deals = made.frames["deals"]
    rng = np.random.default_rng(0)
    is_won = (deals["won"] == "true").to_numpy()
    seen = deals["created_on"] - pd.to_timedelta(np.where(is_won & (rng.random(400) < 0.6), -20, 300), unit="D")
    profiles = pd.DataFrame({"account_id": deals["account_id"], "observed_at": seen, "size": rng.integers(1, 99, 400)})
    spec = {"shape": "history", "source": "p.csv", "scope": "fit", "columns": {"size": {}}}
    tables = made.tables(profiles=profiles, settings={**SETTINGS, "tables": {**SETTINGS["tables"], "profiles": spec}})
    frame = win_frame(tables, discover_features(tables))
    assert frame.features.frame["size"].isna().to_numpy()[frame.deals.won == 1].mean() > 0.4
    assert not judge(foretell(frame)).claimed


def test_missing_values_are_drawn_from_the_known_ones_and_usual_where_scored():
    news = a_feature("news", recipe=Recipe("news", "events", "count"))
    catalog = FeatureCatalog((a_feature("size"), a_feature("stage", "category"), news))
    rows = pd.DataFrame({"size": [1.0, np.nan, 3.0, 8.0], "stage": pd.Series(["b", None, None, "b"], dtype=object)})
    rows["news"] = [2.0, np.nan, 0.0, 5.0]
    frame = FeatureFrame(rows, catalog, np.zeros(4, dtype=bool))
    one, again = drawn(frame).frame, drawn(frame).frame
    pd.testing.assert_frame_equal(one, again)
    assert one["size"][1] in (1.0, 3.0, 8.0) and one["stage"].tolist() == ["b"] * 4
    assert one["news"].tolist() == [2, 0, 0, 5], "news that was never seen is none"
    assert usual_values(frame) == {"size": 3.0, "stage": "b", "news": 0.0}
    assert filled(frame, usual_values(frame)).frame["size"].tolist() == [1, 3, 3, 8]

"""What the present model says of an account at earlier dates: as if it were asked then, from its own rows alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import UnknownAccount
from leap.features import Scope
from leap.revenue import Movements, Revenue
from leap.scoring import Scorer, history, score_all
from leap.scoring.changes import account_change
from leap.scoring.history import History, history_of, known_now, prospect_score
from leap.tables import AccountTables
from tests.scoring.same import differences
from tests.scoring.worlds import bundle_of, company, profile
from tests.worlds import Row, company_of, subscription

WEIGHTS = {"seats": -0.05, "plan=pro": -0.4, "plan=max": -1.0, "sso": -0.5, "usage_count_91d": -0.02}
LATER = [
    profile("x", "2023-01-02", seats=20, plan="pro", sso="true"),
    profile("x", "2023-06-15", seats=5, plan="basic", sso="true"),
    profile("p", "2023-05-01", seats=9, plan="max"),
]
OWN = [
    subscription("x", "2023-01-10", "2023-05-10"),
    subscription("x", "2023-05-10", mrr=160),
    subscription("gone", "2023-02-01", "2023-09-01"),
    subscription("out", "2023-01-01", "2024-03-01", cancelled_at="2023-11-15"),
    subscription("nought", "2023-01-01", mrr=0),
]


def world(more: Iterable[Row] = (), **options: Any) -> AccountTables:
    return company(n=8, profiles=LATER, more=[*OWN, *more], **options)


def scorer_of(tables: AccountTables, as_of: str | None = None) -> Scorer:
    bundle = bundle_of(tables, WEIGHTS, {"seats": 0.02})
    bundle = replace(bundle, fit=replace(bundle.fit, scope=Scope.FIT))
    return Scorer.build(bundle, "1", tables, None if as_of is None else pd.Timestamp(as_of))


TABLES = world()
SCORER = scorer_of(TABLES)


def by_day(found: History) -> dict[str, Any]:
    return {one.as_of: one for one in found.pasts}


@pytest.mark.parametrize("account", ["x", "a03"])
def test_every_date_is_what_scoring_everyone_at_that_date_says(account: str):
    found = history_of(SCORER, account)
    assert len(found.pasts) >= 12 and found.pasts[-1].as_of == "2024-01-01"
    for one in found.pasts:
        table = score_all(SCORER.bundle, TABLES, "1", one.as_of).customers
        i = list(table.account_ids).index(account)
        said = (one.standing.nrr, one.standing.churn, one.standing.mrr, one.low, one.high)
        low, high = table.nrr_interval
        assert said == pytest.approx((table.nrr[i], table.prediction.p[i], table.mrr[i], low[i], high[i]), abs=1e-12)
    assert found.now == found.pasts[-1].standing and found.since == ("2023-01-10" if account == "x" else "2023-01-01")


def test_the_months_begin_with_the_first_whole_one_as_a_customer_and_are_bounded():
    assert history_of(SCORER, "x").pasts[0].as_of == "2023-02-01"
    assert [one.as_of for one in history_of(SCORER, "x", months=2).pasts] == ["2023-11-01", "2023-12-01", "2024-01-01"]
    late = history_of(scorer_of(world(until="2024-01-04")), "x")
    assert [one.as_of for one in late.pasts[-2:]] == ["2023-12-01", "2024-01-04"], "days apart say nothing"


def test_nothing_that_came_later_is_looked_at():
    known = world(until="2023-08-01")
    then = by_day(history_of(scorer_of(known), "x"))
    now = by_day(history_of(replace_bundle(SCORER, known), "x"))
    for day, one in then.items():
        assert now[day].standing.nrr == pytest.approx(one.standing.nrr, abs=1e-12)


def replace_bundle(scorer: Scorer, other: AccountTables) -> Scorer:
    """The scorer's tables under the model that the other tables made."""
    return Scorer.build(scorer_of(other).bundle, "1", TABLES)


def test_why_it_changed_is_what_account_change_says():
    found = history_of(SCORER, "x")
    since = found.usual_since()
    assert since == "2023-10-01"
    for day in (since, "2023-03-01"):
        mine, own = found.change_since(day), account_change(SCORER.bundle, TABLES, "x", day, version="1")
        assert not list(differences(mine.to_json(), own.to_json()))
    with pytest.raises(ValueError, match="2022-01-01"):
        found.change_since("2022-01-01")


def test_movements_are_those_of_the_company_from_the_first_date_on():
    assert [(m.at, m.kind, m.before, m.after) for m in history_of(SCORER, "x").movements] == [
        ("2023-05-10", "expansion", 100.0, 160.0)
    ]
    gone = history_of(SCORER, "gone").movements
    assert [(m.at, m.kind) for m in gone] == [("2023-02-01", "new"), ("2023-09-01", "churn")]
    everyone = Movements.of(Revenue(TABLES), pd.Timestamp("2023-01-31"), pd.Timestamp("2024-01-01"))
    assert everyone.expansion / 60 == everyone.churn / 100, "the only ones of this company"


def test_a_former_customer_ends_on_its_last_day_with_its_last_score():
    found = history_of(SCORER, "gone")
    assert found.now.status == "former" and "2023-09-01" in found.now.said
    assert found.pasts[-1].as_of == "2023-08-31" and found.pasts[-1].standing.mrr == 100
    last = found.last_score
    table = score_all(SCORER.bundle, TABLES, "1", "2023-08-31").customers
    assert last is not None
    assert last["nrr"]["point"] == pytest.approx(table.nrr[list(table.account_ids).index("gone")], abs=1e-12)
    total = last["base"]["nrr"] + sum(reason["nrr_points"] for reason in last["reasons"])
    assert total == pytest.approx(last["nrr"]["point"], abs=1e-9)


def test_one_that_is_leaving_has_scores_until_that_was_known():
    found = history_of(SCORER, "out")
    assert found.ends == "2024-03-01"
    said = {day: one.standing.status for day, one in by_day(found).items()}
    assert said["2023-11-01"] == "customer" and said["2023-12-01"] == "leaving"
    assert not by_day(found)["2024-01-01"].is_scored and found.scored[-1].as_of == "2023-11-01"


def test_a_prospect_has_the_score_that_all_prospects_have_together_and_no_past():
    found, table = history_of(SCORER, "p"), SCORER.prospect_table
    assert found.now.status == "prospect" and found.pasts == () and found.last_score is None
    assert table is not None
    mine, alone = prospect_score(SCORER, "p"), table.to_json(list(table.account_ids).index("p"), len(table.columns))
    assert mine is not None
    assert not list(differences(mine, alone))
    assert prospect_score(SCORER, "x") is None and prospect_score(SCORER, "nought") is None
    assert history_of(SCORER, "nought").now.status == "free"


def test_the_next_renewal_is_one_that_was_announced_by_then():
    terms = [
        subscription("r", "2023-01-01", renews_on="2024-02-01"),
        subscription("r", "2023-03-01", renews_on="2023-12-01", product="b"),
    ]
    tables = company_of(
        terms, "2024-01-01", company={"gross_margin": 0.8}, revenue={"renews": "renews_on", "columns": {"mrr": {}}}
    )
    scorer = Scorer.build(bundle_of(tables, {}), "1", tables)
    assert history_of(scorer, "r").renews == "2024-02-01"
    early = Scorer.build(bundle_of(tables, {}), "1", tables, pd.Timestamp("2023-06-01"))
    assert history_of(early, "r").renews == "2023-12-01"


def test_of_orders_there_is_a_past_while_they_trail_and_no_movements():
    orders = [("a", f"2023-{month:02}-01") for month in range(1, 13)] + [("b", "2023-01-15"), ("b", "2023-04-10")]
    rows = [{"account_id": account, "occurred_at": at, "mrr": 30} for account, at in orders]
    revenue = {"shape": "events", "product": None, "cancelled": None, "trailing_months": 3}
    tables = company_of(rows, "2024-01-01", company={"gross_margin": 0.8}, revenue=revenue)
    scorer = Scorer.build(bundle_of(tables, {}), "1", tables)
    found = history_of(scorer, "a")
    assert found.movements == () and found.renews is None and found.ends is None and found.now.pays
    assert [found.pasts[0].as_of, found.pasts[-1].as_of] == ["2023-02-01", "2024-01-01"]
    gone = history_of(scorer, "b")
    assert gone.now.status == "former" and gone.pasts[-1].as_of == "2023-07-10"
    assert {one.standing.mrr for one in gone.pasts} == {10.0} and gone.pasts[0].as_of == "2023-02-01"


def test_who_was_renamed_has_the_past_of_both_names_and_merged_ones_are_several():
    joined = world(
        [subscription("new", "2023-09-01", product="b"), subscription("y", "2023-01-01")],
        lineage=[("x", "new", "2023-09-01"), ("y", "a00", "2023-10-01")],
    )
    scorer = scorer_of(joined)
    found = by_day(history_of(scorer, "new"))
    assert found["2023-06-01"].standing.known_as == ("x",) and found["2023-12-01"].standing.known_as == ("new",)
    table = score_all(scorer.bundle, joined, "1", "2023-06-01").customers
    own = float(table.nrr[list(table.account_ids).index("x")])
    assert found["2023-06-01"].standing.nrr == pytest.approx(own, abs=1e-12)
    merged = by_day(history_of(scorer, "a00"))["2023-06-01"]
    assert merged.standing.status == "several" and merged.standing.mrr == 200 and not merged.is_scored
    assert known_now(scorer, "x") == "new" and known_now(scorer, "new") == "new" and known_now(scorer, "q") is None
    with pytest.raises(UnknownAccount, match="Ask for new"):
        history_of(scorer, "x")


def test_only_the_rows_of_the_account_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    seen: list[int] = []
    whole = history.score

    def counting(bundle: Any, tables: AccountTables, *rest: Any, **more: Any) -> Any:
        seen.append(sum(len(table.rows) for table in tables.tables.values()))
        return whole(bundle, tables, *rest, **more)

    monkeypatch.setattr(history, "score", counting)
    history_of(SCORER, "x")
    codes = TABLES.accounts.get_indexer(pd.Index(["x"]))
    own = sum(int(np.isin(TABLES.codes_of(table.rows["_account_id"]), codes).sum()) for table in TABLES.tables.values())
    assert seen == [own]


def test_an_id_that_no_table_has_is_refused():
    with pytest.raises(UnknownAccount, match="no table has it"):
        history_of(SCORER, "nobody")
    with pytest.raises(UnknownAccount, match="no tables"):
        history_of(Scorer.build(SCORER.bundle, "1", None), "x")

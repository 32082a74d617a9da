"""Accounts that bring their rows: together as alone, in the order asked, and refused with every reason named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.config import Settings, parse_settings
from leap.errors import LeapError, TableError, UsageError
from leap.features import FeatureCatalog, build_features, discover_features
from leap.scoring import Scorer
from leap.scoring.given_rows import GivenRows, Rows
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables, tables_from_records
from tests.scoring.same import differences
from tests.worlds import ACCOUNTS, ALL_SHAPES, Row, TrainedWorld, records_of_all_shapes, rich_tables, subscription

UNTIL = "2023-07-01"


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


def term(**more: Any) -> Row:
    """An open term, as the planted company has them."""
    return {"started_on": "2023-01-05", "ended_on": None, "mrr": 100, "product": "base", **more}


def use(day: str, quantity: object = 3) -> Row:
    return {"occurred_at": day, "loaded_at": day, "quantity": quantity}


FIRMS: dict[str, Rows] = {
    "small": {"accounts": [{"industry": "retail", "employees": 5}], "subscriptions": [term()]},
    "large": {
        "accounts": [{"industry": "finance", "employees": 5_000, "region": "north"}],
        "subscriptions": [term(mrr=900)],
        "usage": [use("2023-11-05"), use("2023-12-20", 40)],
    },
    "bare": {"subscriptions": [term(mrr=500)]},
}


# --- together as alone


def test_accounts_score_together_as_each_does_alone_in_the_order_asked(scorer: Scorer):
    asked = [(name, FIRMS[name]) for name in ("large", "bare", "small", "large")]
    together = scorer.by_rows(asked, top=0)
    assert [score["account_id"] for score in together] == ["large", "bare", "small", "large"]
    assert list(differences(together, [scorer.by_rows([one], top=0)[0] for one in asked])) == []
    assert len({score["churn"]["p"] for score in together}) == 3


def test_two_accounts_of_one_name_are_scored_apart(scorer: Scorer):
    first, second = scorer.by_rows([("x", FIRMS["large"]), ("x", FIRMS["small"])])
    assert (first["account_id"], second["account_id"]) == ("x", "x")
    assert (first["mrr"], second["mrr"]) == (900, 100)


@pytest.mark.parametrize("name", [" ", " padded ", "NULL", "a\u2028b", "0", "x|", "\u200b"])
def test_any_name_comes_back_as_it_was_given(scorer: Scorer, name: str):
    (score,) = scorer.by_rows([(name, FIRMS["large"])])
    assert (score["account_id"], score["name"]) == (name, name)


def test_rows_may_bring_a_market_of_their_own_which_is_nobody_elses(scorer: Scorer):
    """Without one, the workspace's counts; so it does where the table is given without rows."""
    period = {"indicator": "growth", "industry": "retail", "period": "2023-10-01", "published_at": "2023-11-15"}
    own = {**FIRMS["small"], "market": [{**period, "value": 5000.0}]}
    asked = [("a", FIRMS["small"]), ("b", own), ("c", FIRMS["small"]), ("d", {**FIRMS["small"], "market": []})]
    values = [table.columns["market_growth"][i] for table, i in scorer._given.scored(asked)]
    assert values[1] == 5000.0
    assert values[0] == values[2] == values[3] != 5000.0


def test_the_deadline_is_looked_at_before_the_work(scorer: Scorer):
    class Late(Exception):
        pass

    def late() -> None:
        raise Late

    with pytest.raises(Late):
        scorer.answers_by_rows([("x", FIRMS["bare"])], check=late)


def test_an_account_that_cannot_be_added_up_is_named(scorer: Scorer):
    """Sums of several accounts are nobody's: what is too large together is scored apart."""
    huge = {"subscriptions": [term(mrr=1e11)]}
    assert [one["mrr"] for one in scorer.by_rows([(name, huge) for name in "abcdef"])] == [1e11] * 6
    more = {"subscriptions": [term(mrr=1e11, product=f"p{i}") for i in range(6)]}
    with pytest.raises(TableError, match="^rich: .*added up"):
        scorer.by_rows([("x", FIRMS["bare"]), ("rich", more)])


# --- dates


def test_what_is_known_at_the_date_or_after_it_does_not_count(scorer: Scorer):
    later = {**FIRMS["large"], "usage": [*FIRMS["large"]["usage"], use("2023-12-24", 99)]}
    before, after = (scorer.by_rows([("x", rows)], "2023-12-24", 0)[0] for rows in (FIRMS["large"], later))
    assert before == after
    assert (
        scorer.by_rows([("x", later)], "2023-12-25", 0)[0]
        != scorer.by_rows([("x", FIRMS["large"])], "2023-12-25", 0)[0]
    )


def test_a_date_after_the_data_of_the_workspace_is_one_of_the_rows_own(scorer: Scorer):
    (score,) = scorer.by_rows([("x", {**FIRMS["large"], "usage": [use("2024-06-01")]})], "2024-06-02")
    assert score["mrr"] == 900
    with pytest.raises(UsageError, match="later than tomorrow"):
        scorer.by_rows([("x", FIRMS["large"])], "2190-01-01")
    with pytest.raises(UsageError, match="Expected a date"):
        scorer.by_rows([("x", FIRMS["large"])], "soon")


# --- what is refused


def refused(scorer: Scorer, tables: Rows, name: str = "x") -> dict[str, Any]:
    with pytest.raises(TableError) as failed:
        scorer.by_rows([("fine", FIRMS["large"]), (name, tables)])
    details: dict[str, Any] = failed.value.details[0]
    assert details["account_id"] == name
    assert name in failed.value.message and details["table"] in failed.value.message
    return details


def test_rows_of_another_account_are_refused_and_a_key_that_agrees_is_not_needed(scorer: Scorer):
    with_key = {"subscriptions": [term(account_id="42")], "usage": [{**use("2023-12-01"), "account_id": 42}]}
    without = {"subscriptions": [term()], "usage": [{**use("2023-12-01"), "account_id": ""}]}
    assert scorer.by_rows([("42", with_key)], top=0) == scorer.by_rows([("42", without)], top=0)
    found = refused(
        scorer, {"subscriptions": [term()], "usage": [use("2023-12-01"), {**use("2023-12-01"), "account_id": "y"}]}
    )
    assert (found["table"], found["row"], found["column"], found["rule"]) == ("usage", 2, "account_id", "other_account")


def test_a_misspelt_column_is_refused_and_one_of_nothing_is_left_out(scorer: Scorer):
    """A file may have columns that nothing is declared of; a request may send them too."""
    beside = {"subscriptions": [term(subscription_id="S1", note="x")]}
    assert scorer.by_rows([("x", beside)], top=0) == scorer.by_rows([("x", {"subscriptions": [term()]})], top=0)
    found = refused(scorer, {"subscriptions": [{"start_on": "2023-01-01", "mrr": 100, "product": "base"}]})
    assert (found["row"], found["column"], found["rule"]) == (1, "start_on", "unknown_column")
    assert "'started_on'" in found["expected"]


def test_a_word_where_a_feature_reads_a_number_is_refused(scorer: Scorer):
    found = refused(scorer, {**FIRMS["small"], "accounts": [{"industry": "retail", "employees": "about 5"}]})
    assert (found["table"], found["column"], found["rule"], found["found"]) == (
        "accounts",
        "employees",
        "bad_number",
        "about 5",
    )


def test_every_bad_row_is_counted_and_the_first_are_named_in_the_order_of_the_request(scorer: Scorer):
    bad = {"usage": [use("yesterday")], "subscriptions": [term(), term(mrr="x", product="q")]}
    with pytest.raises(
        TableError, match=r"^a: subscriptions, row 2, column mrr: .*\(the first of 50; see details\)"
    ) as failed:
        scorer.by_rows([("a", bad), *[(f"b{i}", bad) for i in range(24)]])
    assert len(failed.value.details) == 20
    assert [one["account_id"] for one in failed.value.details[:4]] == ["a", "a", "b0", "b0"]


def test_a_table_that_nobody_knows_is_refused_with_its_account(scorer: Scorer):
    with pytest.raises(TableError, match=r"y: unknown table\(s\) \['usages'\]; expected some of"):
        scorer.by_rows([("x", FIRMS["bare"]), ("y", {"usages": []})])


@pytest.mark.parametrize("rows", [{}, {"subscriptions": []}, {"usage": [use("2023-12-01")]}])
def test_an_account_without_anything_that_is_paid_is_refused(scorer: Scorer, rows: Rows):
    with pytest.raises(LeapError, match="2 of 3 accounts hold no MRR"):
        scorer.by_rows([("a", rows), ("b", FIRMS["bare"]), ("c", rows)])


# --- features of every shape, from the rows of accounts as from the tables of a company


@pytest.fixture(scope="module")
def catalog() -> FeatureCatalog:
    return discover_features(rich_tables())


def company(seed: int, lineage: Sequence[tuple[str, str, str]] = ()) -> tuple[AccountTables, dict[str, list[Row]]]:
    """Rows of every shape, and the tables that they make; every account pays."""
    records = records_of_all_shapes(seed, 4)
    records["subscriptions"] += [
        {**subscription(account, "2022-01-01", product="kept"), "booked_on": "2022-01-01"} for account in ACCOUNTS
    ]
    if lineage:
        records["lineage"] = [{"account_id": a, "is_now": b, "from_date": since} for a, b, since in lineage]
    return tables_from_records(settings(bool(lineage)), records, data_until=UNTIL), records


def settings(with_lineage: bool) -> Settings:
    document = ALL_SHAPES.model_dump(mode="json", exclude_unset=True)
    return parse_settings({**document, **({"lineage": {"source": "l.csv"}} if with_lineage else {})})


class _Captured(Exception):
    def __init__(self, tables: AccountTables, rows: Any):
        self.tables, self.rows = tables, rows


def features_of_rows(
    monkeypatch: pytest.MonkeyPatch, planted: TrainedWorld, tables: AccountTables, asked: Sequence[tuple[str, Rows]]
) -> tuple[AccountTables, Any]:
    """What would be scored of these rows: the tables they make and the snapshots in them."""

    def capture(_: Any, made: AccountTables, rows: Any, *more: Any, **named: Any) -> None:
        raise _Captured(made, rows)

    monkeypatch.setattr("leap.scoring.given_request.score", capture)
    market = {name: table for name, table in tables.tables.items() if table.spec.shape == "market"}
    bundle = replace(planted.bundle, settings=tables.settings)
    with pytest.raises(_Captured) as captured:
        GivenRows(bundle, "1", pd.Timestamp(UNTIL), market).scored(asked)
    return captured.value.tables, captured.value.rows


@pytest.mark.parametrize(("seed", "merged"), [(1, False), (2, True)])
def test_features_and_mrr_of_given_rows_are_those_of_the_companys_tables_to_the_bit(
    planted: TrainedWorld, catalog: FeatureCatalog, monkeypatch: pytest.MonkeyPatch, seed: int, merged: bool
):
    """Of every shape, with rows known late, deals, dates and booleans; and of an account that others have become."""
    joined = [(ACCOUNTS[3], ACCOUNTS[0], "2022-09-01"), (ACCOUNTS[4], ACCOUNTS[3], "2022-03-05")] if merged else []
    tables, records = company(seed, joined)
    former = {a: {b for b, target, _ in joined if target == a} for a in ACCOUNTS}
    former[ACCOUNTS[0]] |= {ACCOUNTS[4]} if merged else set()
    whole = customer_snapshots(tables, [pd.Timestamp(UNTIL)])
    ids = list(whole.rows["account_id"])[::-1]
    assert len(ids) == len(ACCOUNTS) - len(joined)
    asked = [
        (a, {name: [r for r in rows if r.get("account_id") in {a, *former[a]}] for name, rows in records.items() if name != "market"})
        for a in ids
    ]  # fmt: skip
    made, rows = features_of_rows(monkeypatch, planted, tables, asked)
    expected = build_features(tables, whole, catalog).frame.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(build_features(made, rows, catalog).frame, expected, check_exact=True)
    for column in ("mrr", "leaving", "tenure_months"):
        np.testing.assert_array_equal(rows.rows[column], whole.rows[column][::-1])

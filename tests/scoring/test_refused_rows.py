"""Accounts whose rows allow no score are told one by one, and keep no score from the others."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic_core import from_json

from leap.errors import TableError, UsageError
from leap.scoring import Scorer
from leap.scoring.answers import Answers
from leap.scoring.given_rows import Rows
from tests.scoring.test_given_rows import FIRMS, term, use
from tests.worlds import TrainedWorld

FINE = FIRMS["large"]


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture(scope="module")
def schema(scorer: Scorer) -> Draft202012Validator:
    return Draft202012Validator(scorer.input_schema()["tables"])


def scores(answers: Answers) -> list[dict[str, Any]]:
    return [from_json(fragment) for fragment in answers.fragments]


TABLE: dict[str, tuple[Rows, str]] = {
    "ended before it started": ({"subscriptions": [term(ended_on="2022-01-01")]}, "end_before_start"),
    "stands twice": ({"subscriptions": [term(), term()]}, "duplicate_row"),
    "begins in the future": ({"subscriptions": [term(started_on="2190-01-01")]}, "future_date"),
    "of nobody else": ({"subscriptions": [term(account_id="other")]}, "other_account"),
    "too much": ({"subscriptions": [term(mrr=1e12)]}, "amount_out_of_range"),
    "of two at once": ({"accounts": [{"employees": 5}, {"employees": 6}], "subscriptions": [term()]}, "duplicate_key"),
    "misspelt": ({"accounts": [{"emploees": 5}], "subscriptions": [term()]}, "unknown_column"),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "rule"), TABLE.values(), ids=TABLE)
def test_one_of_three_with_rows_that_break_a_rule_is_told_and_the_others_are_scored(
    scorer: Scorer, schema: Draft202012Validator, rows: Rows, rule: str
) -> None:
    assert schema.is_valid(rows)
    asked = [("a", FINE), ("b", rows), ("c", FIRMS["small"])]
    answers = scorer.answers_by_rows(asked, top=0)
    (one,) = answers.refused
    assert (one.place, one.account_id, one.code) == (1, "b", "table")
    assert one.message.startswith("b: ") and one.details[0]["rule"] == rule
    assert answers.abstained["refused"] == 1
    assert scores(answers) == scores(scorer.answers_by_rows([asked[0], asked[2]], top=0))
    with pytest.raises(TableError):
        scorer.by_rows(asked)


def test_an_account_that_pays_nothing_is_told_and_the_others_are_scored_as_alone(scorer: Scorer) -> None:
    past = {"subscriptions": [term(ended_on="2023-03-01")]}
    answers = scorer.answers_by_rows([("x", past), ("x", FINE), ("y", past)], top=0)
    assert [(one.place, one.account_id, one.code, one.details) for one in answers.refused] == [
        (0, "x", "no_mrr", ()),
        (2, "y", "no_mrr", ()),
    ]
    assert "ended on 2023-03-01" in answers.refused[0].message
    assert scores(answers) == scores(scorer.answers_by_rows([("x", FINE)], top=0))
    assert answers.values is not None and answers.values(1)["employees"] == 5000


def test_amounts_that_cannot_be_added_up_concern_their_account_alone(scorer: Scorer) -> None:
    rich = {"subscriptions": [term(mrr=1e11, product=f"p{i}") for i in range(6)]}
    past = {"subscriptions": [term(ended_on="2023-03-01")]}
    answers = scorer.answers_by_rows([("rich", rich), ("x", FINE), ("past", past)])
    assert [(one.place, one.code) for one in answers.refused] == [(0, "revenue"), (2, "no_mrr")]
    assert [score["account_id"] for score in scores(answers)] == ["x"]


def test_all_may_be_refused(scorer: Scorer) -> None:
    bad = {"subscriptions": [term(ended_on="2022-01-01")]}
    answers = scorer.answers_by_rows([("a", bad), ("a", bad)])
    assert list(answers.fragments) == [] and [one.place for one in answers.refused] == [0, 1]
    assert answers.refused[0].to_json() == {**answers.refused[1].to_json()}


def test_rows_of_a_market_concern_all_who_bring_them(scorer: Scorer) -> None:
    period = {
        "indicator": "growth",
        "industry": "retail",
        "period": "2023-10-01",
        "published_at": "2190-11-15",
        "value": 1,
    }
    own = {**FINE, "market": [period]}
    answers = scorer.answers_by_rows([("a", own), ("b", FINE), ("c", own)])
    assert [(one.place, one.details[0]["account_id"]) for one in answers.refused] == [(0, "a"), (2, "c")]
    assert [score["account_id"] for score in scores(answers)] == ["b"]


@pytest.mark.parametrize(
    ("tables", "rule"),
    [
        ({"subscriptions": [term(mrr="about 5")]}, "bad_number"),
        ({"subscriptions": [term(mrr=-5)]}, "bad_number"),
        ({"subscriptions": [term(mrr=None)]}, "missing_number"),
        ({"subscriptions": [{"mrr": 5, "product": "base"}]}, "missing_date"),
        ({"subscriptions": [term(started_on="2023-02-29")]}, "bad_date"),
        ({"subscriptions": [term(started_on=20230101)]}, "bad_date"),
        ({**FINE, "usage": [use("yesterday")]}, "bad_date"),
        ({**FINE, "usage": [use("2023-12-20", True)]}, "bad_number"),
        ({**FINE, "accounts": [{"employees": "many"}]}, "bad_number"),
    ],
)
def test_cells_that_the_document_does_not_allow_refuse_the_request(
    scorer: Scorer, schema: Draft202012Validator, tables: Rows, rule: str
) -> None:
    assert schema.is_valid(FINE) and not schema.is_valid(tables)
    with pytest.raises(TableError, match=f"^b: .*{rule}") as failed:
        scorer.answers_by_rows([("a", FINE), ("b", tables)])
    assert failed.value.details[0]["rule"] == rule


@pytest.mark.parametrize("tables", [{}, {"subscriptions": []}, {"usages": [], "subscriptions": [term()]}])
def test_tables_that_the_document_does_not_allow_refuse_the_request(
    scorer: Scorer, schema: Draft202012Validator, tables: Rows
) -> None:
    assert not schema.is_valid(tables)
    with pytest.raises(TableError, match="^b: (no rows of|unknown table)"):
        scorer.answers_by_rows([("a", FINE), ("b", tables)])


def test_no_day_is_scored_that_is_ahead(scorer: Scorer) -> None:
    scorer.require_day(scorer.latest_day)
    with pytest.raises(UsageError, match="later than tomorrow"):
        scorer.require_day(scorer.latest_day.replace(year=2190))

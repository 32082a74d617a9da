"""Finished answers are the scores themselves, whatever is kept, made ahead or formed together; faults name whose."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from leap.errors import CatalogError
from leap.features import Scope
from leap.scoring import Scorer
from leap.scoring.answers import CHUNK, Answers, band_of, finished
from tests.worlds import TrainedWorld


@pytest.fixture(scope="module")
def scorer(planted: TrainedWorld) -> Scorer:
    return Scorer.build(planted.bundle, "7", planted.tables)


@pytest.fixture(scope="module")
def ids(scorer: Scorer) -> list[str]:
    assert scorer.customers is not None
    return list(scorer.customers.account_ids)


def described(scorer: Scorer, ids: list[str]) -> list[tuple[str, dict[str, Any]]]:
    return [(account, scorer.values_of(account)) for account in ids]


def counted(found: Answers) -> tuple[list[int], dict[str, int]]:
    """Tenths of churn probability and abstentions, counted from the finished scores."""
    scores = [json.loads(fragment) for fragment in found.fragments]
    bands = Counter(band_of(score["churn"]["p"]) for score in scores if score["churn"]["p"] is not None)
    reasons = Counter(score["abstained"] for score in scores if score["abstained"])
    return [bands[tenth] for tenth in range(10)], dict(reasons)


@pytest.mark.parametrize("top", [5, 0, 2])
def test_answers_by_id_are_the_scores_in_the_order_asked(scorer: Scorer, ids: list[str], top: int):
    asked = [*ids[::-3], "nobody", ids[0], ids[0]]
    scores, missing = scorer.by_id(asked, top)
    for found in (scorer.answers_by_id(asked, top), scorer.answers_by_id(asked, top)):
        assert list(found.fragments) == [finished(score) for score in scores]
        assert list(found.not_found) == missing == ["nobody"]
        assert (list(found.bands), dict(found.abstained)) == counted(found)


def test_scores_formed_together_are_those_formed_alone(scorer: Scorer, ids: list[str]):
    given = described(scorer, ids[: CHUNK + 30])
    together = scorer.answers_by_features(given)
    assert len(together.fragments) == len(given)
    for i in range(0, len(given), 37):
        assert_same(json.loads(together.fragments[i]), json.loads(finished(scorer.by_features([given[i]])[0])))
    assert (list(together.bands), dict(together.abstained)) == counted(together)
    assert together.joined(b'{"scores":', b"}") == b'{"scores":' + together.joined() + b"}"


def test_a_prospect_among_others_is_the_prospect_alone(scorer: Scorer, ids: list[str]):
    fit = {f.name for f in scorer.bundle.catalog.features if f.scope == Scope.FIT}
    given = [(account, {k: v for k, v in values.items() if k in fit}) for account, values in described(scorer, ids[:9])]
    for fragment, one in zip(scorer.answers_of_prospects(given).fragments, given, strict=True):
        assert_same(json.loads(fragment), json.loads(finished(scorer.prospects([one])[0])))


def assert_same(found: Any, expected: Any) -> None:
    """The same but for the rounding of sums: of one row contributions are added in another order than of many."""
    match expected:
        case dict():
            assert list(found) == list(expected)
            for key in expected:
                assert_same(found[key], expected[key])
        case list():
            for one, other in zip(found, expected, strict=True):
                assert_same(one, other)
        case float():
            assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
        case _:
            assert found == expected


def test_scores_are_made_ahead_largest_money_at_risk_first(planted: TrainedWorld, ids: list[str]):
    """Another version of the model makes its own."""
    one, other = (Scorer.build(planted.bundle, version, planted.tables) for version in ("7", "8"))
    assert one.warm_answers(seconds=60.0) == len(ids)
    assert one.warm_answers(seconds=0.0) == len(ids)
    assert other.warm_answers(seconds=0.0) == 0
    assert list(other.answers_by_id(ids[:3]).fragments) == list(one.answers_by_id(ids[:3]).fragments)


def test_a_deadline_is_looked_at_between_parts_of_a_request(scorer: Scorer, ids: list[str]):
    looks = []

    def late() -> None:
        looks.append(1)
        if len(looks) == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        scorer.answers_by_features(described(scorer, ids[: CHUNK + 1]), check=late)
    looks.clear()
    with pytest.raises(TimeoutError):
        scorer.answers_by_id(ids[: CHUNK + 1], 0, check=late)


def test_the_account_at_fault_is_named_with_its_place_in_the_whole_request(scorer: Scorer, ids: list[str]):
    number = next(f.name for f in scorer.bundle.catalog.features if f.kind == "number" and f.scope == Scope.FIT)
    good = [(f"p{i}", {}) for i in range(CHUNK + 2)]
    for wrong, said in (
        ({number: "many"}, f"account 'bad' (103 of 103): {number}: expected a finite number, found 'many'."),
        ({"nowhere": 1}, "account 'bad' (103 of 103): Unknown feature 'nowhere'; expected one of"),
    ):
        for answers in (scorer.answers_by_features, scorer.answers_of_prospects):
            with pytest.raises(CatalogError) as failed:
                answers([*good, ("bad", wrong)])
            assert str(failed.value).startswith(said)
            with pytest.raises(CatalogError) as failed:
                answers([("bad", wrong)])
            assert str(failed.value).startswith(said.partition("): ")[2])
    with pytest.raises(CatalogError, match=r"^account 'bad' \(2 of 2\): 'tenure_months' exists only once"):
        scorer.prospects([("p", {}), ("bad", {"tenure_months": 3})])
    with pytest.raises(CatalogError, match=rf"^account 'bad' \(2 of 2\): {scorer.mrr_feature}: MRR is not negative"):
        scorer.by_features([("x", {}), ("bad", {str(scorer.mrr_feature): -1.0})])

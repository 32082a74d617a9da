"""What the page of an account is made of: sums that add up, places among customers, and what is typed into fields."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.reports.account import places, reason_sum
from leap.reports.account_change import UNMOVED, change_sum
from leap.reports.account_what_if import Field, fields_of, proposals, read, with_warnings
from leap.scoring import Scorer
from leap.scoring.changes import account_change
from leap.scoring.what_if import movable, suppose, what_if
from tests.scoring.worlds import bundle_of, company, profile
from tests.worlds import subscription

WEIGHTS = {"seats": -0.05, "plan=pro": -0.4, "plan=max": -1.0, "sso": -0.5, "usage_count_91d": -0.02}
TABLES = company(
    n=20,
    profiles=[profile("x", "2023-01-02", seats=20, plan="pro"), profile("x", "2023-11-02", seats=5, plan="max")],
    more=[
        subscription("x", "2023-01-10"),
        subscription("out", "2023-01-01", "2024-03-01", cancelled_at="2023-11-15"),
    ],
)
SCORER = Scorer.build(bundle_of(TABLES, WEIGHTS, {"seats": 0.02}), "1", TABLES)


def numbers(texts: tuple[str, ...]) -> list[Decimal]:
    return [Decimal(text.replace(",", "").replace("−", "-")) for text in texts]


@given(base=st.floats(0.2, 1.5), points=st.lists(st.floats(-0.3, 0.3), max_size=20), mrr=st.none() | st.floats(0, 1e7))
def test_base_and_reasons_are_the_nrr_in_points_and_money_as_written_too(
    base: float, points: list[float], mrr: float | None
) -> None:
    listed = [
        {"feature": f"f{i}", "label": f"F{i}", "nrr_points": p, "money": None if mrr is None else p * mrr}
        for i, p in enumerate(points)
    ]
    score: dict[str, Any] = {"nrr": {"point": base + sum(points)}, "base": {"nrr": base}, "reasons": listed, "mrr": mrr}
    found = reason_sum(score)
    assert found is not None and len(found.shown) == min(8, len(points))
    assert found.base + sum(line.points for line in found.shown) + found.rest == pytest.approx(found.nrr, abs=1e-9)
    assert found.rest == pytest.approx(sum(line.points for line in found.others), abs=1e-9)
    sizes = [abs(line.points) for line in (*found.shown, *found.others)]
    assert sizes == sorted(sizes, reverse=True)
    for texts in (found.exact, found.exact_money):
        if texts is not None:
            *parts, total = numbers(texts)
            assert sum(parts) == total
    assert (found.exact_money is None) == (mrr is None)


def test_only_what_is_unsure_is_marked_and_without_a_score_there_is_no_sum() -> None:
    reason = {"feature": "a", "label": "A", "nrr_points": 0.1, "money": 1.0}
    score = {"nrr": {"point": 1.0}, "base": {"nrr": 0.9}, "reasons": [reason, {**reason, "feature": "b"}], "mrr": 10.0}
    drivers = [
        {"features": ["a"], "stable": False, "why_not": "it did not hold"},
        {"features": ["b"], "stable": True, "why_not": None},
    ]
    found = reason_sum(score, drivers)
    assert found is not None and sorted(line.not_yet for line in found.shown) == ["", "it did not hold"]
    assert reason_sum({"nrr": {"point": None}, "base": {"nrr": None}}) is None


def test_places_are_shares_of_the_customers_that_have_a_score() -> None:
    table, i = SCORER.row_of("x")
    found, scored = places(table, i), np.array([account != "out" for account in table.account_ids])
    p = table.prediction.p
    assert found["churn"].below == pytest.approx(float((p[scored] < p[i]).mean()))
    assert found["churn"].median == pytest.approx(float(np.median(p[scored])))
    assert found["churn"].customers == len(table) - 1 and found["mrr"].same == 1.0
    assert places(*SCORER.row_of("out")) == {}


def test_a_change_is_told_in_lines_that_add_up_to_it() -> None:
    change = account_change(SCORER.bundle, TABLES, "x", "2023-06-01", version="1")
    for most in (1, 2, 8):
        found = change_sum(change, most)
        assert sum(line.points for line in found.lines) == pytest.approx(found.points, abs=5e-4)
        assert found.by_both == pytest.approx((change.after.money or 0.0) - (change.before.money or 0.0), abs=1e-9)
    assert change_sum(change, 8).lines[0].said.startswith(("Plan: was pro, now max", "Seats: was 20, now 5"))
    assert "1 other that differ" in change_sum(change, 1).lines[1].said or len(change_sum(change, 1).lines) > 1
    still = account_change(SCORER.bundle, TABLES, "a03", "2023-12-01", version="1")
    assert all(line.said == UNMOVED or line.points for line in change_sum(still).lines)


def fields() -> tuple[list[Field], dict[str, str]]:
    found = movable(SCORER, "x")
    return fields_of(found), {one.feature.name: one.feature.kind for one in found}


def test_fields_are_what_can_be_moved_and_the_model_looks_at() -> None:
    found, _ = fields()
    names = [one.name for one in found]
    assert {"plan", "seats", "sso"} <= set(names) and not {"region", "complaints"} & set(names)
    assert [one.leading for one in found] == sorted((one.leading for one in found), reverse=True)
    assert "subscriptions_mrr" not in names, "it is what money is counted in"
    plan, seats = (next(one for one in found if one.name == name) for name in ("plan", "seats"))
    assert plan.present == "max" and ("pro", "pro") in plan.choices
    assert seats.present == "5" and " to " in seats.usual and not seats.choices


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300) | st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_whatever_is_typed_is_a_value_of_its_kind_or_told(typed: str | list[str]) -> None:
    found, kinds = fields()
    for name in ("seats", "plan", "sso"):
        values, filled = read(found, kinds, {name: typed})
        own = next(one for one in filled if one.name == name)
        blank = isinstance(typed, str) and not typed.strip()
        assert (name in values) + bool(own.problems) + blank == 1
        if name in values:
            assert suppose(SCORER, "x", values) is not None


def test_what_contradicts_or_is_unusual_is_told_beside_the_field_given() -> None:
    found, kinds = fields()
    values, filled = read(found, kinds, {"seats": "4,000", "plan": "mx"})
    assert values == {"seats": 4000.0, "plan": "mx"}
    supposed = suppose(SCORER, "x", values)
    assert supposed is not None
    told = {one.name: one.problems for one in with_warnings(filled, supposed)}
    assert "outside the range of comparable accounts" in told["seats"][0]
    assert "did you mean 'max'?" in told["plan"][0] and told["sso"] == ()


def test_proposals_put_last_what_is_not_to_be_acted_on() -> None:
    found = proposals(what_if(SCORER, "x"))
    assert found and [one.not_yet for one in found] == sorted(one.not_yet for one in found)
    assert all(one.gain > 0 and one.money == pytest.approx(100 * one.gain) for one in found)

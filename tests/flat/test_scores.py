"""Scores of a flat table: reasons add up, nothing seen before is needed, and a file has the agreed columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from leap.errors import CatalogError
from leap.flat.rows import flat_rows
from leap.scoring.flat_scores import NOTHING_KNOWN, FlatScores, score_rows
from tests.flat.conftest import TrainedFlat
from tests.flat.worlds import customers, tables_of


def scored(trained: TrainedFlat, table: pd.DataFrame, **more: Any) -> FlatScores:
    return score_rows(trained.bundle, "7", flat_rows(tables_of(table, **more), until_given=False))


NUMBER: dict[str, Any] = {"outcome": "spend", "outcome_kind": "number"}


@pytest.mark.parametrize("name", ["linear", "boosted", "number"])
def test_base_and_all_reasons_are_the_score(name: str, request: pytest.FixtureRequest) -> None:
    trained: TrainedFlat = request.getfixturevalue(name)
    scores = scored(trained, customers(60, seed=4), **(NUMBER if name == "number" else {}))
    key, points = ("spend", "points") if name == "number" else ("churned_probability", "probability_points")
    for i in range(len(scores)):
        every, some = scores.to_json(i, 0), scores.to_json(i, 2)
        total = every["base"][key] + sum(reason[points] for reason in every["reasons"])
        assert total == pytest.approx(every[key], abs=1e-9) and every["residual"] == pytest.approx(0, abs=1e-9)
        listed = some["base"][key] + sum(reason[points] for reason in some["reasons"]) + some["residual"]
        assert len(some["reasons"]) <= 2 and listed == pytest.approx(some[key], abs=1e-9)


def test_a_probability_lies_between_nought_and_one(boosted: TrainedFlat) -> None:
    probability = scored(boosted, customers(60, seed=4)).prediction
    assert ((probability > 0) & (probability < 1)).all()


def test_reasons_say_the_planted_causes_in_words(linear: TrainedFlat) -> None:
    table = customers(60, seed=4)
    table.loc[0, ["usage", "plan"]] = ["-3", "basic"]
    reasons = scored(linear, table).to_json(0)["reasons"]
    assert {reason["feature"] for reason in reasons[:2]} == {"usage", "plan"}
    assert all(reason["direction"] == "raises" for reason in reasons[:2])
    assert reasons[0]["phrase"].startswith("Usage: -3, usually ")
    assert reasons[0]["phrase"].endswith("points higher probability of churned")


def test_a_category_never_seen_scores_like_one_of_no_known_level(linear: TrainedFlat, boosted: TrainedFlat) -> None:
    table = customers(3, seed=4).assign(usage="0.1", seats="7", autopay="true", plan=["never", "seen before", "pro"])
    for trained in (linear, boosted):
        found = scored(trained, table).prediction
        assert found[0] == found[1] and np.isfinite(found).all()


def test_missing_values_are_scored_and_a_row_without_any_abstains(linear: TrainedFlat) -> None:
    table = customers(3, seed=4)
    table.loc[0, ["usage"]] = ""
    table.loc[1, ["usage", "seats", "plan", "autopay"]] = ""
    scores = scored(linear, table)
    assert [scores.abstained(i) for i in range(3)] == [None, NOTHING_KNOWN, None]
    one = scores.to_json(1)
    assert (one["churned_probability"], one["reasons"], one["residual"]) == (None, [], None)
    frame = scores.frame()
    assert frame["abstained"].tolist() == ["", NOTHING_KNOWN, ""]
    assert frame["churned_probability"].isna().tolist() == [False, True, False]
    assert 1 not in scores.highest()


def test_a_row_does_not_depend_on_the_rows_beside_it(boosted: TrainedFlat) -> None:
    table = customers(50, seed=4)
    np.testing.assert_array_equal(scored(boosted, table).prediction[:1], scored(boosted, table[:1]).prediction)


def test_a_file_has_the_agreed_columns(linear: TrainedFlat, number: TrainedFlat) -> None:
    reasons = [f"reason_{k}" for k in range(1, 6)]
    tail = ["abstained", "model_version", "definition_hash"]
    frame = scored(linear, customers(5)).frame()
    assert list(frame.columns) == ["account_id", "as_of", "churned_probability", *reasons, *tail]
    assert set(frame["model_version"]) == {"7"} and set(frame["definition_hash"]) == {linear.bundle.definition_hash}
    frame = scored(number, customers(5), **NUMBER).frame()
    assert list(frame.columns) == ["account_id", "as_of", "spend", *reasons, *tail]
    assert "associated with spend higher by" in " ".join(frame["reason_1"]) or "lower by" in " ".join(frame["reason_1"])


def test_no_rows_make_an_empty_file(boosted: TrainedFlat) -> None:
    assert len(scored(boosted, customers(5)[:0]).frame()) == 0


def test_another_outcome_than_the_models_is_refused(linear: TrainedFlat) -> None:
    with pytest.raises(CatalogError, match="predicts churned"):
        scored(linear, customers(5), **NUMBER)
    with pytest.raises(CatalogError, match="churned = 0"):
        scored(linear, customers(50), outcome_positive=0)

"""Past win rates beside Leap: beaten where what wins is not what keeps, and no claim where it is the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.evaluation import predict_folds
from leap.features import FeatureCatalog, FeatureFrame, discover_features
from leap.models.frames import fit_frame
from leap.reports.wins import climb_line, win_line
from leap.wins import Wins, learn
from leap.wins.comparison import Ranked, compare, no_comparison, upper_half
from leap.wins.scorecard import Scorecard
from tests.wins.worlds import world
from tests.worlds import a_frame


def learned(**more: Any) -> Wins:
    tables = world(700, seed=1, **more).tables()
    fit = fit_frame(tables, discover_features(tables))
    return learn(tables, fit, predict_folds(fit, only="linear"))


@pytest.fixture(scope="module")
def apart() -> Wins:
    """The industry wins deals, and the size of a company keeps it."""
    return learned(keeps="other")


@pytest.fixture(scope="module")
def the_same() -> Wins:
    """What wins deals also keeps customers."""
    return learned(keeps="same")


def test_leap_beats_win_rates_where_what_wins_is_not_what_keeps(apart: Wins):
    climb = apart.climb
    assert climb["spearman"]["low"] < 0 < climb["leap"]["low"]
    assert climb["difference"]["low"] > 0 and climb["top_half_nrr"]["difference"]["low"] > 0
    assert climb["difference"]["value"] == pytest.approx(climb["leap"]["value"] - climb["spearman"]["value"])
    assert climb["n_accounts"] > 50 and climb["reason"] is None
    assert "Leap ranks better" in climb_line(climb)


def test_no_difference_is_claimed_where_the_same_wins_and_keeps(the_same: Wins):
    climb = the_same.climb
    assert climb["spearman"]["low"] > 0 and climb["leap"]["low"] > 0
    assert climb["difference"]["low"] < 0 < climb["difference"]["high"]
    assert "No difference can be told" in climb_line(climb)


def test_halves_are_ratios_of_money(apart: Wins):
    for name in ("climb", "leap"):
        half = apart.climb["top_half_nrr"][name]
        assert half["value"] == pytest.approx(half["top"] - half["bottom"])
        assert half["low"] <= half["value"] <= half["high"]


def test_without_lost_deals_there_is_no_win_rate_and_the_reason_says_so():
    made = world(200, seed=2)
    deals = made.frames["deals"]
    tables = made.tables(deals=deals[deals["won"] != "false"])
    fit = fit_frame(tables, discover_features(tables))
    wins = learn(tables, fit, predict_folds(fit, only="base_rate"))
    assert wins.model is None and wins.climb["spearman"] is None and wins.climb["n_accounts"] == 0
    assert "closed deals of prospects were won" in wins.climb["reason"] == wins.quality.reason
    assert wins.climb["reason"] in climb_line(wins.climb) and str(wins.quality.reason) in win_line(
        wins.quality.to_json()
    )
    assert set(no_comparison("x")) == set(compare(ranked_of([1.0, 2.0], [2.0, 1.0], [0.0, 1.0])))


# --- the pieces


def test_a_scorecard_is_the_mean_of_win_rates_drawn_to_the_rate_of_all():
    frame = a_frame({"industry": ["bank"] * 10 + ["shop"] * 10, "size": [1.0] * 20})
    won = np.array([1.0] * 8 + [0.0] * 2 + [1.0] * 2 + [0.0] * 8)
    card = Scorecard.learn(frame, won)
    assert card.rates == {"industry": {"bank": pytest.approx(13 / 20), "shop": pytest.approx(7 / 20)}}
    new = a_frame({"industry": ["bank", "shop", "mine"], "size": [1.0, 5.0, 9.0]})
    np.testing.assert_allclose(card.score(new), [0.65, 0.35, 0.5])


def test_numbers_are_cut_into_fifths_and_missing_says_nothing():
    size = np.arange(100.0)
    size[:10] = np.nan
    frame = a_frame({"size": size})
    won = (size > 60).astype(float)
    card = Scorecard.learn(frame, won)
    assert set(card.rates["size"]) == {"0", "1", "2", "3", "4"}
    scores = card.score(a_frame({"size": [np.nan, 12.0, 1e9]}))
    assert scores[0] == pytest.approx(card.overall) and scores[1] < card.overall < scores[2]


def test_a_scorecard_without_attributes_ranks_nobody():
    empty = FeatureFrame(pd.DataFrame(index=range(3)), FeatureCatalog(()), np.zeros(3, dtype=bool))
    assert Scorecard.learn(empty, np.array([1.0, 0.0, 1.0])).score(empty).tolist() == [pytest.approx(2 / 3)] * 3


def ranked_of(climb: list[float], leap: list[float], ratio: list[float], fold: list[int] | None = None) -> Ranked:
    n = len(climb)
    starting = np.full(n, 100.0)
    folds = np.zeros(n, dtype=int) if fold is None else np.array(fold)
    return Ranked(np.arange(n), folds, np.array(climb), np.array(leap), starting, starting * np.array(ratio))


def test_golden_figures_of_four_accounts():
    found = compare(ranked_of([1, 2, 3, 4], [4, 3, 2, 1], [0.0, 0.8, 1.0, 1.4]), draws=20)
    assert found["spearman"]["value"] == pytest.approx(1) and found["leap"]["value"] == pytest.approx(-1)
    assert found["top_half_nrr"]["climb"] | {"low": 0, "high": 0} == {
        "value": pytest.approx(0.8), "low": 0, "high": 0, "top": pytest.approx(1.2), "bottom": pytest.approx(0.4),
    }  # fmt: skip
    assert found["top_half_nrr"]["difference"]["value"] == pytest.approx(-1.6)


def test_levels_that_drift_between_folds_are_no_order():
    """Within each fold the score says nothing, though fold two has higher scores and higher outcomes."""
    found = ranked_of([1, 1, 2, 2], [1, 2, 3, 4], [0.5, 0.6, 1.5, 1.6], fold=[0, 0, 1, 1])
    figures = compare(found, draws=20)
    assert figures["spearman"]["value"] == 0 and figures["leap"]["value"] == pytest.approx(1)
    assert figures["top_half_nrr"]["climb"]["value"] == pytest.approx(0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_the_upper_half_is_half(scores: list[int]):
    share = upper_half(np.zeros(len(scores), dtype=int), np.array(scores, dtype=float))
    assert share.sum() == pytest.approx(len(scores) / 2)
    assert (np.diff(share[np.argsort(scores, kind="stable")]) >= -1e-12).all()


def test_every_deal_that_was_not_learned_from_is_counted_with_its_reason() -> None:
    deals = {
        "of_prospects": 2198, "used": 2145, "closed_too_lately": 22, "open": 31, "open_overdue": 5, "cycle_days": 138,
        "of_customers": 0, "closed_before_created": 0, "without_result": 0,
    }  # fmt: skip
    said = win_line({"claimed": False, "reason": "None.", "deals": deals})
    assert "Learned from 2,145 deals; not from 31 open, 5 of these older than the 138 days" in said
    assert said.endswith("22 closed too lately for others of their age to have closed.")

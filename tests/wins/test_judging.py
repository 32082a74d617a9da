"""The win model out of time: near the best there is where something decides deals, and no claim where nothing does."""

from __future__ import annotations

import numpy as np
import pytest

from leap.features import discover_features
from leap.metrics import auc
from leap.wins.frame import win_frame
from leap.wins.judging import ForetoldDeals, foretell, judge
from leap.wins.model import WinModel, fit_win
from tests.wins.worlds import World, world


def foretold(made: World) -> ForetoldDeals:
    tables = made.tables()
    return foretell(win_frame(tables, discover_features(tables)))


@pytest.fixture(scope="module")
def made_up() -> World:
    return world(600, seed=1)


@pytest.fixture(scope="module")
def planted(made_up: World) -> ForetoldDeals:
    return foretold(made_up)


def oracle(made: World, found: ForetoldDeals) -> np.ndarray:
    """The probability with which each deal that was foretold was really won."""
    by_account = dict(zip(made.frames["deals"]["account_id"], made.chance, strict=True))
    tables = made.tables()
    return np.array([by_account[tables.accounts[code]] for code in found.accounts])


def test_where_the_industry_decides_the_model_is_near_the_oracle(made_up: World, planted: ForetoldDeals):
    quality = judge(planted)
    assert quality.claimed and quality.reason is None and quality.figures is not None
    figures = quality.figures
    best = auc(planted.outcome, oracle(made_up, planted), np.ones(len(planted.outcome)))
    assert best > 0.65 and figures.metrics["auc"].value > best - 0.03
    assert figures.metrics["brier_skill"].low > 0 and 0.6 < figures.calibration["slope"] < 1.6
    assert abs(figures.calibration["mean_predicted"] - figures.calibration["mean_observed"]) < 0.06


def test_probabilities_are_near_the_true_ones(made_up: World, planted: ForetoldDeals):
    last = planted.fold == planted.fold.max()
    assert np.abs(planted.predicted - oracle(made_up, planted))[last].mean() < 0.09


@pytest.mark.parametrize("seed", range(4))
def test_where_nothing_decides_nothing_is_claimed(seed: int):
    quality = judge(foretold(world(300, seed=10 + seed, wins=0.0)))
    assert not quality.claimed and quality.figures is not None
    assert "accounts with a deal won" in str(quality.reason) and "AUC" in str(quality.reason)


def test_too_few_deals_are_declined_with_the_numbers():
    with pytest.raises(Exception, match=r"accounts with a deal won and \d+ with one lost in all; at least 20 of each"):
        foretold(world(60, seed=2))


def test_the_json_has_the_shape_of_every_outcome(planted: ForetoldDeals):
    document = judge(planted).to_json()
    assert {"learner", "n_rows", "n_accounts", "n_events", "base_rate", "metrics", "calibration"} <= set(document)
    assert set(document["metrics"]) == {"auc", "brier", "brier_skill", "log_loss"}
    assert all(set(figure) == {"value", "low", "high", "baseline"} for figure in document["metrics"].values())
    assert {"slope", "mean_predicted", "mean_observed"} == set(document["calibration"])
    assert [fold["n_rows"] for fold in document["folds"]] and document["claimed"] is True


def test_a_model_says_the_same_of_a_frame_of_plain_values_and_after_being_stored(planted: ForetoldDeals):
    frame = planted.frame
    model = fit_win(frame.training(frame.until))
    again = WinModel.from_json(model.to_json(), frame.features.catalog)
    rows = [
        {name: None if value != value else value for name, value in row.items()}
        for row in frame.features.frame.head(30).to_dict("records")
    ]
    keep = np.arange(len(frame.deals)) < 30
    expected = model.of_frame(frame.features.where(keep))
    np.testing.assert_allclose(model.of_values(rows), expected, atol=1e-12)
    np.testing.assert_allclose(again.of_values(rows), expected, atol=1e-12)
    usual = model.of_values([{}])
    assert usual == model.of_values([dict(model.usual)]) and 0 < usual[0] < 1

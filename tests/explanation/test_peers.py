"""What is usual among accounts that pay about as much."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.bundle.model_bundle import ModelBundle
from leap.explanation.peers import EVERYONE, Peers
from leap.features import FeatureCatalog, FeatureFrame, Scope
from tests.worlds import TrainedWorld, a_feature


def frame_of(**columns: list[object]) -> FeatureFrame:
    """A frame with these columns; text is a category, True or False a boolean, anything else a number."""
    features, made = [], {}
    for name, cells in columns.items():
        known = [cell for cell in cells if cell is not None]
        kind = "number"
        if known and all(isinstance(cell, bool) for cell in known):
            kind = "boolean"
        elif known and all(isinstance(cell, str) for cell in known):
            kind = "category"
        features.append(a_feature(name, kind=kind))
        made[name] = cells if kind == "category" else [np.nan if cell is None else float(cell) for cell in cells]
    rows = pd.DataFrame(made)
    return FeatureFrame(rows, FeatureCatalog(tuple(features)), np.zeros(len(rows), dtype=bool))


def test_the_usual_value_is_the_median_of_the_accounts_that_pay_about_as_much():
    mrr = np.arange(200.0)
    peers = Peers.of(frame_of(days=list(range(200))), mrr)
    assert [band.accounts for band in peers.bands] == [50, 50, 50, 50]
    assert peers.typical("days", 10.0) == 24.0
    assert peers.typical("days", 190.0) == 174.0
    assert peers.span("days", 190.0) == (154.0, 194.0)
    assert peers.accounts(190.0) == 50


@pytest.mark.parametrize("unknown", [None, float("nan")])
def test_an_account_whose_mrr_is_not_known_is_compared_with_all(unknown: float | None):
    peers = Peers.of(frame_of(days=list(range(200))), np.arange(200.0))
    assert peers.band(unknown) == EVERYONE
    assert peers.accounts(unknown) == 200
    assert peers.typical("days", unknown) == 99.0


def test_few_accounts_are_one_band():
    peers = Peers.of(frame_of(days=list(range(59))), np.arange(59.0))
    assert len(peers.bands) == 1
    assert peers.accounts(3.0) == 59 == peers.accounts(None)


def test_accounts_that_pay_the_same_are_never_parted():
    mrr = np.array([20.0] * 150 + [100.0] * 35 + [300.0] * 15)
    peers = Peers.of(frame_of(days=list(range(200))), mrr)
    assert [band.accounts for band in peers.bands] == [150, 50]
    assert peers.band(20.0) == 0
    assert peers.band(99.0) == 0
    assert peers.band(100.0) == peers.band(300.0) == 1


@given(st.lists(st.integers(1, 40), max_size=300), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_every_band_holds_thirty_accounts_in_any_order_of_rows(mrr: list[int], order):
    peers = Peers.of(frame_of(days=[float(paid) for paid in mrr]), np.array(mrr, dtype=float))
    assert sum(band.accounts for band in peers.bands) == len(mrr)
    assert len(peers.bands) == 1 or (len(peers.bands) <= 4 and min(b.accounts for b in peers.bands) >= 30)
    counts = [sum(peers.band(paid) == b for paid in mrr) for b in range(len(peers.bands))]
    assert counts == [band.accounts for band in peers.bands]
    order.shuffle(mrr)
    again = Peers.of(frame_of(days=[float(paid) for paid in mrr]), np.array(mrr, dtype=float))
    assert again == peers


def test_of_a_category_the_most_frequent_is_usual_with_its_share():
    peers = Peers.of(frame_of(plan=["Pro"] * 24 + ["Basic"] * 12 + [None] * 4))
    assert peers.typical("plan", None) == "Pro"
    assert peers.share("plan", None) == pytest.approx(0.6)
    assert peers.levels("plan", None) == pytest.approx({"Pro": 2 / 3, "Basic": 1 / 3})


def test_of_a_boolean_the_usual_is_yes_or_no():
    peers = Peers.of(frame_of(listed=[True] * 10 + [False] * 30))
    assert peers.typical("listed", None) == 0.0
    assert peers.share("listed", None) == 0.75
    assert peers.levels("listed", None) == {"no": 0.75, "yes": 0.25}


def test_where_most_have_no_value_none_is_usual_but_quantiles_of_the_others_are_known():
    peers = Peers.of(frame_of(days=[None] * 30 + [float(day) for day in range(1, 12)]))
    assert peers.typical("days", None) is None
    assert peers.quantile("days", None, 0.5) == 6.0
    assert peers.known("days", None) == 11


def test_quantiles_that_rest_on_few_values_of_a_band_are_those_of_all():
    days = [float(day) for day in range(100)] + [None] * 95 + [500.0] * 5
    peers = Peers.of(frame_of(days=days), np.arange(200.0))
    assert peers.typical("days", 199.0) is None
    assert peers.quantile("days", 199.0, 0.5) == peers.quantile("days", None, 0.5)


def test_of_whole_numbers_a_value_that_occurs_is_usual():
    assert Peers.of(frame_of(tickets=[3] * 20 + [4] * 20)).typical("tickets", None) == 3.0
    assert Peers.of(frame_of(rate=[0.3] * 20 + [0.4] * 20)).typical("rate", None) == pytest.approx(0.35)


def test_a_feature_that_is_not_there_has_nothing_usual():
    peers = Peers.of(frame_of(days=[1.0] * 40))
    assert peers.typical("nothing", 5.0) is None
    assert peers.span("nothing", 5.0) == (None, None)
    assert peers.levels("nothing", 5.0) == {}


def test_peers_come_back_from_json_as_they_were():
    frame = frame_of(days=list(range(130)), plan=["Pro", None] * 65, listed=[True, False] * 65)
    peers = Peers.of(frame, np.arange(130.0))
    assert len(peers.bands) == 4
    assert Peers.from_json(json.loads(json.dumps(peers.to_json()))) == peers
    assert Peers.from_json(json.loads(json.dumps(Peers.of(frame).to_json()))) == Peers.of(frame)


def test_the_bundle_knows_what_is_usual_for_customers_and_for_prospects(planted: TrainedWorld, tmp_path):
    planted.bundle.save(tmp_path / "bundle")
    loaded = ModelBundle.load(tmp_path / "bundle")
    assert loaded.peers == planted.bundle.peers
    assert loaded.peers_of(Scope.FIT) == planted.bundle.fit_peers != planted.bundle.peers
    assert len(loaded.peers.bands) > 1
    assert set(loaded.fit_peers.everyone.spreads) == set(planted.bundle.fit.encoder.catalog.names)

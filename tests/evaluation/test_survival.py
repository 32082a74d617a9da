"""Curves of customers, out of time, and in a company whose customers can leave only with their renewal."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leap.evaluation import predict_folds, survival_of
from leap.features import discover_features
from leap.models.frames import health_frame
from leap.models.hazard.company import customers, fit_customers
from leap.snapshots import customer_snapshots
from leap.tables import AccountTables
from tests.worlds import NOTHING, TrainedWorld, company_of, planted_tables, subscription


def test_curves_of_a_company_with_drivers_are_better_than_kaplan_meier_out_of_time(planted: TrainedWorld):
    said = planted.bundle.quality["health"]["survival"]
    assert set(said) >= {"c_index", "ibs", "baseline_ibs", "months"}
    assert said["c_index"]["low"] > 0.6
    assert said["ibs"]["high"] < said["baseline_ibs"] == said["ibs"]["baseline"]
    assert 12 <= said["months"] <= 24 and said["n_events"] > 50


def test_the_curves_judged_at_a_cutoff_know_nothing_of_later(planted: TrainedWorld):
    """What the hazard of a fold is learned from is the same whether the data end at its cutoff or later."""
    cutoff = planted.found.cutoffs[0]
    everyone = customers(planted.tables, planted.health)
    known = everyone.followed(cutoff)
    cut = everyone.book.of(planted.tables.known_before(cutoff))
    months, gone = cut.followed(everyone.snapshots, cutoff)
    rows = everyone.snapshots.rows
    keep = (rows["as_of"] < cutoff).to_numpy() & ~rows["leaving"].to_numpy(dtype=bool)
    np.testing.assert_array_equal(known.months, months[keep])
    np.testing.assert_array_equal(known.gone, gone[keep])


def test_without_drivers_the_curves_claim_nothing():
    tables = planted_tables(200, 30, truth=NOTHING)
    frame = health_frame(tables, discover_features(tables))
    _, figures = survival_of(tables, frame, predict_folds(frame, only="base_rate"))
    assert figures is not None and figures.c_index.low < 0.55
    assert figures.ibs.value == pytest.approx(figures.ibs.baseline, abs=0.02)


def yearly(accounts: int = 400, seed: int = 0) -> AccountTables:
    """Yearly contracts: one in four is not renewed, and nobody leaves in between."""
    rng = np.random.default_rng(seed)
    until, rows = pd.Timestamp("2024-06-02"), []
    for i in range(accounts):
        start = pd.Timestamp("2019-01-10") + pd.DateOffset(months=int(rng.integers(0, 50)))
        while start < until:
            due = start + pd.DateOffset(years=1)
            goes = rng.random() < 0.25
            ended = f"{due:%Y-%m-%d}" if due < until else None
            rows.append(subscription(f"a{i:03}", f"{start:%Y-%m-%d}", ended, renews_on=f"{due:%Y-%m-%d}"))
            if goes:
                break
            start = due
    return company_of(rows, "2024-06-02", revenue={"renews": "renews_on"})


def test_the_curve_of_a_customer_drops_in_the_month_of_its_renewal():
    tables = yearly()
    frame = health_frame(tables, discover_features(tables))
    hazard = fit_customers(tables, frame)
    now = customer_snapshots(tables, [pd.Timestamp("2023-06-01")])
    everyone = customers(tables, frame)
    rows = everyone.snapshots.rows
    matrix = everyone.matrix[(rows["as_of"] == pd.Timestamp("2023-06-01")).to_numpy()]
    assert hazard is not None and len(matrix) == len(now) > 100
    left = np.hstack([np.ones((len(matrix), 1)), hazard.survival(matrix, 12)])
    drops = 1 - left[:, 1:] / left[:, :-1]
    due = np.ceil((matrix[:, everyone.timing.renewal] - 2.5) / 30.4375).astype(int)
    at_renewal = drops[np.arange(len(due)), due - 1]
    assert at_renewal.mean() == pytest.approx(0.25, abs=0.06)
    assert (np.argmax(drops, axis=1) == due - 1).mean() > 0.99
    assert np.delete(drops[0], due[0] - 1).max() < 0.02

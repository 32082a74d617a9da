"""Calibration beside what chance allows: figures by hand, bands that hold as often as they say, accounts and not rows."""

import numpy as np
import pytest
from scipy.special import expit

from leap import metrics
from leap.metrics import deciles, error_of_a_perfect_model, expected_calibration_error, ratio_interval, slope_error


def perfect_world(seed: int, n: int = 150, rows: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accounts whose outcomes come as often as predicted; the rows of an account nearly always agree."""
    rng = np.random.default_rng(seed)
    p = expit(-2 + np.repeat(rng.normal(size=n), rows) + 0.2 * rng.normal(size=n * rows))
    outcome = (np.repeat(rng.random(n), rows) < p).astype(float)
    return outcome, p, np.repeat(np.arange(n), rows)


def test_the_error_of_a_perfect_model_lies_within_its_band_in_about_19_of_20_worlds():
    inside = []
    for seed in range(100):
        outcome, p, accounts = perfect_world(seed)
        inside.append(expected_calibration_error(outcome, p) <= error_of_a_perfect_model(p, accounts, draws=200).high)
    assert 0.88 <= np.mean(inside) <= 1.0


def test_counting_rows_as_accounts_would_make_the_band_too_narrow():
    _, p, accounts = perfect_world(0, rows=12)
    assert error_of_a_perfect_model(p, accounts).high > 1.5 * error_of_a_perfect_model(p, np.arange(len(p))).high


def test_the_calibration_error_by_hand():
    """Two bins: 0.1 and 0.3 predicted and none happened; 0.6 and 0.8, and one of two happened."""
    p, outcome = np.array([0.6, 0.1, 0.8, 0.3]), np.array([1.0, 0, 0, 0])
    assert expected_calibration_error(outcome, p, bins=2) == pytest.approx((abs(0.4 - 0) + abs(1.4 - 1)) / 4)


def test_equal_predictions_share_their_outcomes_whatever_the_order_of_rows():
    p, outcome = np.full(10, 0.3), np.array([1.0] * 3 + [0.0] * 7)
    assert expected_calibration_error(outcome, p) == pytest.approx(0)
    assert expected_calibration_error(outcome[::-1], p) == pytest.approx(0)


def test_rows_repeated_or_in_another_order_change_no_figure():
    outcome, p, accounts = perfect_world(1, n=37, rows=1)
    order = np.random.default_rng(0).permutation(len(p))

    def figures(pick: np.ndarray) -> list[float]:
        y, q, who = outcome[pick], p[pick], accounts[pick]
        perfect = error_of_a_perfect_model(q, who)
        tenths = [[d.predicted, d.observed, d.accounts, d.low, d.high] for d in deciles(y, q, who)]
        resamples = metrics.account_bootstrap(who, 100)
        ends = ratio_interval(y, q, resamples)
        error = slope_error(y, q, who)
        return [expected_calibration_error(y, q), perfect.mean, perfect.high, error, *ends, *np.ravel(tenths)]

    plain = figures(np.arange(len(p)))
    np.testing.assert_allclose(figures(order), plain, rtol=1e-9)
    np.testing.assert_allclose(figures(np.repeat(np.arange(len(p)), 12)), plain, rtol=1e-6)


def test_the_standard_error_of_the_slope_is_its_spread_over_worlds():
    slopes, errors = [], []
    for seed in range(120):
        outcome, p, accounts = perfect_world(seed, n=300)
        slopes.append(metrics.calibration_slope(outcome, p, np.ones(len(p))))
        errors.append(slope_error(outcome, p, accounts))
    assert np.median(errors) == pytest.approx(np.std(slopes), rel=0.2)
    assert np.mean(slopes) == pytest.approx(1.0, abs=0.05)


def test_a_prediction_that_differs_between_folds_only_has_no_slope():
    fold = np.repeat([0, 1], 50)
    outcome, p = np.tile([0.0, 0, 0, 1, 0], 20), np.where(fold == 0, 0.1, 0.3)
    assert np.isnan(metrics.calibration_slope(outcome, p, np.ones(100), fold))
    assert np.isnan(slope_error(outcome, p, np.arange(100), fold))


def test_the_interval_of_the_ratio_holds_the_truth_about_19_times_in_20():
    held = []
    for seed in range(200):
        outcome, p, accounts = perfect_world(seed, n=200, rows=2)
        low, high = ratio_interval(outcome, p, metrics.account_bootstrap(accounts, 200))
        held.append(low <= 1 <= high)
    assert 0.88 <= np.mean(held) <= 0.99


def test_an_interval_that_resamples_without_events_leave_open_has_no_upper_end():
    outcome, p = np.array([1.0] + [0.0] * 9), np.full(10, 0.1)
    low, high = ratio_interval(outcome, p, metrics.account_bootstrap(np.arange(10), 200))
    assert 0 < low < 1 and np.isnan(high)


def test_tenths_by_hand():
    p = np.linspace(0.05, 0.95, 10).repeat(4)
    outcome = np.tile([1.0, 0, 0, 0], 10)
    found = deciles(outcome, p, np.arange(40))
    assert [d.predicted for d in found] == pytest.approx(np.linspace(0.05, 0.95, 10))
    assert [(d.observed, d.n, d.accounts) for d in found] == [(0.25, 4, 4)] * 10
    assert found[0].low == pytest.approx(0.0285, abs=1e-3) and found[0].high == pytest.approx(0.7162, abs=1e-3)


def test_a_tenth_in_which_nothing_happened_is_not_certain():
    low, high = ((d := deciles(np.zeros(20), np.full(20, 0.1), np.arange(20), bins=1)[0]).low, d.high)
    assert low == 0.0 and 0.05 < high < 0.25

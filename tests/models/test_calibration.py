"""A calibration is smooth and strictly increasing, repairs what was too extreme, and divides a probability exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leap.models.calibration import Calibration, fit_intercept, fit_slope, log_odds, logistic


def simulated(slope: float, n: int = 5000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    margin = rng.normal(-1.5, 1.2, n)
    return margin, (rng.random(n) < logistic(slope * margin)).astype(float)


@pytest.mark.parametrize("slope", [0.4, 1.0, 1.8])
def test_the_slope_that_margins_need_is_found(slope: float):
    margin, outcome = simulated(slope, 40_000)
    assert fit_slope(margin, outcome, np.ones(len(margin))) == pytest.approx(slope, abs=0.06)


def test_few_events_move_the_slope_little():
    margin, outcome = simulated(0.0, 40)
    assert 0.4 < fit_slope(margin, outcome, np.ones(40)) < 1.2


def test_a_slope_is_never_zero_or_negative_even_if_the_ranking_is_upside_down():
    """A decreasing map would turn every reason around."""
    margin, outcome = simulated(-2.0, 5000)
    assert fit_slope(margin, outcome, np.ones(5000)) > 0


def test_constant_margins_keep_their_slope():
    assert fit_slope(np.zeros(10), np.array([0.0, 1.0] * 5), np.ones(10)) == 1.0


def test_the_intercept_makes_the_mean_prediction_the_observed_rate():
    margin, outcome = simulated(0.7)
    weight = np.random.default_rng(1).uniform(0.5, 2, len(margin))
    intercept = fit_intercept(margin, 0.7, outcome, weight)
    found = np.average(logistic(0.7 * margin + intercept), weights=weight)
    assert found == pytest.approx(np.average(outcome, weights=weight), abs=1e-9)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_of_nothing_or_all_keeps_probabilities_inside(rate: float):
    intercept = fit_intercept(np.zeros(100), 1.0, np.full(100, rate), np.ones(100))
    assert 0 < logistic(np.array([intercept]))[0] < 1


SLOPE, MARGIN = st.floats(0.05, 3), st.floats(-8, 8)


@given(SLOPE, MARGIN, MARGIN, st.floats(0.001, 5))
def test_more_margin_is_more_probability(slope, intercept, margin, more):
    low, high = Calibration(slope, intercept).probability(np.array([margin, margin + more]))
    assert low < high or high > 1 - 1e-9


@given(SLOPE, MARGIN, MARGIN, st.lists(st.floats(-3, 3), min_size=1, max_size=6))
def test_points_of_probability_add_up(slope, intercept, base, parts):
    calibration = Calibration(slope, intercept)
    contributions = np.array([parts])
    points, start = calibration.attribute(contributions, base)
    end = calibration.probability(np.array([base + sum(parts)]))[0]
    assert start == calibration.probability(np.array([base]))[0]
    assert start + points.sum() == pytest.approx(end, abs=1e-9)


@given(SLOPE, MARGIN, MARGIN, st.floats(-1e-6, 1e-6))
def test_near_the_base_the_slope_takes_over_without_a_jump(slope, intercept, base, difference):
    """Contributions of +1 and -1 + difference: their sum is next to nothing, their points are not."""
    calibration = Calibration(slope, intercept)
    points, start = calibration.attribute(np.array([[1.0, difference - 1.0]]), base)
    assert np.isfinite(points).all()
    assert points[0, 0] == pytest.approx(slope * start * (1 - start), rel=1e-4, abs=1e-12)
    end = calibration.probability(np.array([base + difference]))[0]
    assert start + points.sum() == pytest.approx(end, abs=1e-9)


def test_contributions_keep_their_signs():
    points, _ = Calibration(0.6, -0.3).attribute(np.array([[2.0, -0.5, 0.0]]), -1.0)
    assert (np.sign(points) == [[1, -1, 0]]).all()


def test_log_odds_and_logistic_are_inverse():
    p = np.array([1e-6, 0.01, 0.5, 0.99])
    np.testing.assert_allclose(logistic(log_odds(p)), p, rtol=1e-9)
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()

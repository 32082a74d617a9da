"""Figures against sklearn, scipy and simulations; intervals that count accounts and not rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, mean_absolute_error, roc_auc_score

from leap import metrics
from leap.metrics import AucWithin, account_bootstrap, with_interval

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(1, 5)), min_size=4, max_size=60)


@settings(deadline=None)
@given(ROWS)
def test_auc_with_ties_and_weights_is_that_of_sklearn(rows):
    outcome, score, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    if 0 < outcome.sum() < len(outcome):
        expected = roc_auc_score(outcome, score, sample_weight=weight)
        assert metrics.auc(outcome, score, weight) == pytest.approx(expected, abs=1e-12)
    else:
        assert np.isnan(metrics.auc(outcome, score, weight))


@settings(deadline=None)
@given(ROWS, st.integers(0, 2**31))
def test_auc_within_counts_only_pairs_of_one_group(rows, seed):
    outcome, score, weight = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    groups = np.random.default_rng(seed).integers(0, 3, len(rows))
    pairs = hits = 0.0
    for i in np.flatnonzero(outcome == 1):
        for j in np.flatnonzero(outcome == 0):
            if groups[i] == groups[j]:
                pairs += weight[i] * weight[j]
                hits += weight[i] * weight[j] * ((score[i] > score[j]) + 0.5 * (score[i] == score[j]))
    found = AucWithin(groups)(outcome, score, weight)
    assert found == pytest.approx(hits / pairs, abs=1e-12) if pairs else np.isnan(found)


def test_a_rate_that_drifts_between_folds_is_no_skill_within_them():
    """Each fold predicts its own base rate: ranked together that looks like skill, within folds it is none."""
    rng = np.random.default_rng(0)
    fold = np.repeat([0, 1], 2000)
    rate = np.array([0.1, 0.4])[fold]
    outcome = (rng.random(4000) < rate).astype(float)
    assert metrics.auc(outcome, rate, np.ones(4000)) > 0.6
    assert AucWithin(fold)(outcome, rate, np.ones(4000)) == 0.5


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=40))
def test_spearman_is_that_of_scipy(pairs):
    a, b = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    found = metrics.spearman(a, b, np.ones(len(a)))
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)


def test_brier_log_loss_and_mae_are_those_of_sklearn():
    rng = np.random.default_rng(1)
    outcome, p, weight = (rng.random(200) < 0.3).astype(float), rng.uniform(0.01, 0.99, 200), rng.uniform(0.5, 2, 200)
    assert metrics.brier(outcome, p, weight) == pytest.approx(brier_score_loss(outcome, p, sample_weight=weight))
    assert metrics.log_loss(outcome, p, weight) == pytest.approx(log_loss(outcome, p, sample_weight=weight))
    assert metrics.mae(outcome, p, weight) == pytest.approx(mean_absolute_error(outcome, p, sample_weight=weight))


def test_log_loss_of_a_certain_mistake_is_finite():
    assert np.isfinite(metrics.log_loss(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.ones(2)))


# --- calibration


@pytest.mark.parametrize("slope", [0.5, 1.0, 2.0])
def test_the_calibration_slope_is_that_of_the_simulation(slope: float):
    rng = np.random.default_rng(2)
    log_odds = rng.normal(-1, 1, 40_000)
    outcome = (rng.random(40_000) < 1 / (1 + np.exp(-slope * log_odds))).astype(float)
    predicted = 1 / (1 + np.exp(-log_odds))
    assert metrics.calibration_slope(outcome, predicted, np.ones(40_000)) == pytest.approx(slope, abs=0.05)


def test_the_calibration_slope_is_that_of_an_unpenalised_logistic_regression():
    rng = np.random.default_rng(3)
    log_odds, weight = rng.normal(-1, 1, 500), rng.uniform(0.5, 2, 500)
    outcome = (rng.random(500) < 1 / (1 + np.exp(-0.7 * log_odds))).astype(float)
    expected = LogisticRegression(C=1e9, tol=1e-10).fit(log_odds[:, None], outcome, sample_weight=weight).coef_[0, 0]
    assert metrics.calibration_slope(outcome, 1 / (1 + np.exp(-log_odds)), weight) == pytest.approx(expected, abs=1e-3)


def test_a_drifting_rate_is_not_taken_for_a_wrong_slope():
    rng = np.random.default_rng(4)
    fold = np.repeat([0, 1], 20_000)
    log_odds = rng.normal(-1, 1, 40_000) + 2.0 * fold
    truth = log_odds - 2.0 * fold  # the rate did not rise as predicted
    outcome = (rng.random(40_000) < 1 / (1 + np.exp(-truth))).astype(float)
    predicted = 1 / (1 + np.exp(-log_odds))
    assert metrics.calibration_slope(outcome, predicted, np.ones(40_000)) < 0.7
    assert metrics.calibration_slope(outcome, predicted, np.ones(40_000), fold) == pytest.approx(1.0, abs=0.05)


def test_a_constant_prediction_has_no_slope():
    assert np.isnan(metrics.calibration_slope(np.array([0.0, 1.0]), np.array([0.5, 0.5]), np.ones(2)))


def test_the_calibration_error_of_the_right_probabilities_is_small():
    rng = np.random.default_rng(5)
    p = rng.uniform(0, 1, 50_000)
    outcome = (rng.random(50_000) < p).astype(float)
    assert metrics.expected_calibration_error(outcome, p) < 0.01
    assert metrics.expected_calibration_error(outcome, p**2) > 0.1


# --- ratios and intervals


def test_a_portfolio_ratio_is_a_ratio_of_sums_not_a_mean_of_ratios():
    ratio, predicted, starting = np.array([0.0, 1.2]), np.array([1.0, 1.0]), np.array([100.0, 900.0])
    assert metrics.portfolio_error(ratio, predicted, starting) == pytest.approx(1.0 - 1080 / 1000)


@pytest.mark.parametrize("name", ["auc", "brier", "log_loss", "mae", "spearman", "portfolio_error"])
def test_repeating_every_row_twelve_times_changes_no_interval(name: str):
    """Monthly snapshots of an account say nearly the same: intervals that counted them would be 3.5 times too narrow."""
    rng = np.random.default_rng(6)
    accounts = np.arange(80)
    p = rng.uniform(0.05, 0.6, 80)
    outcome = (rng.random(80) < p).astype(float)

    def interval(times: int) -> list[float]:
        who, y, s = (np.repeat(values, times) for values in (accounts, outcome, p))
        figure = with_interval(getattr(metrics, name), y, s, account_bootstrap(who, 100), baseline=0.5)
        return [figure.value, figure.low, figure.high]

    np.testing.assert_allclose(interval(12), interval(1), rtol=1e-9)


def test_a_resample_draws_whole_accounts():
    accounts = np.array([7, 7, 7, 3, 3, 9])
    times = account_bootstrap(accounts, 500)
    for account in (3, 7, 9):
        assert np.ptp(times[:, accounts == account], axis=1).max() == 0
    one_of_each = times[:, [0, 3, 5]]
    assert (one_of_each.sum(axis=1) == 3).all(), "as many accounts are drawn as there are"


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    """Four rows that agree within each of 100 accounts: the error is that of 100 draws, not of 400."""
    rng = np.random.default_rng(7)
    values = np.repeat(rng.normal(size=100), 4)
    resamples = account_bootstrap(np.repeat(np.arange(100), 4), 2000)
    figure = with_interval(metrics.mae, np.zeros(400), values, resamples, baseline=0.0)
    theory = 2 * 1.96 * np.abs(values).std() / np.sqrt(100)
    assert figure.high - figure.low == pytest.approx(theory, rel=0.1)


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(200):
        accounts = np.repeat(np.arange(60), 3)
        level = np.repeat(rng.normal(size=60), 3)
        score = level + rng.normal(size=180) * 0.5
        outcome = (rng.random(180) < 1 / (1 + np.exp(-np.repeat(rng.normal(size=60), 3)))).astype(float)
        figure = with_interval(metrics.auc, outcome, score, account_bootstrap(accounts, 200), baseline=0.5)
        covered += figure.low <= 0.5 <= figure.high
    assert 0.90 <= covered / 200 <= 0.99


def test_a_figure_that_is_undefined_in_some_resamples_uses_the_others():
    outcome, score = np.array([1.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.2])
    figure = with_interval(metrics.auc, outcome, score, account_bootstrap(np.arange(3), 200), baseline=0.5)
    assert (figure.value, figure.low, figure.high) == (1.0, 1.0, 1.0)

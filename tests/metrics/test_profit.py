"""Expected maximum profit against the numbers of the package empulse 0.13.1, brute force and numeric integration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta as beta_distribution

from leap.metrics import ProfitCurve, empb_score, empc_score, gain_of_contact

CLV = [1308, 866, 573, 744, 468, 293, 1043, 326]
SCORES = [0.78, 0.2, 0.77, 0.42, 0.09, 0.43, 0.08, 0.14]

# name: churned, score, clv, alpha, beta, incentive_fraction, contact_cost, EMPB, share contacted
EMPULSE_0_13_1 = {
    "worked example": ([0, 1, 0, 1, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9], [100, 200, 150, 300, 120, 250, 180, 220], 6, 14, 0.05, 15, 18.61875, 0.875),
    "a bad order": ([0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0], [0.816, 0.662, 0.557, 0.455, 0.475, 0.013, 0.521, 0.199, 0.764, 0.546, 0.167, 0.664], [902, 94, 1178, 139, 179, 114, 682, 125, 347, 301, 382, 360], 6, 14, 0.05, 15, 0.0, 0.0),
    "ties": ([0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], [1.0, 0.9, 0.7, 0.8, 0.8, 0.0, 0.3, 0.3, 1.0, 0.7, 0.6, 0.6, 0.1, 0.5], [402, 356, 127, 1737, 95, 314, 560, 1037, 77, 446, 183, 224, 282, 267], 6, 14, 0.05, 15, 6.153214285714283, 0.8571428571428571),
    "worthless accounts": ([0, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1], [0.9, 1.0, 0.2, 0.9, 0.7, 0.1, 0.0, 0.2, 0.9, 0.3, 0.0, 0.1], [0, 683, 758, 0, 1490, 1470, 0, 340, 281, 0, 276, 285], 3, 5, 0.1, 2, 92.24062500000001, 1.0),
    "dear contact": ([1, 0, 0, 0, 0, 1, 1, 1, 0, 0], [0.208, 0.669, 0.418, 0.058, 0.548, 0.277, 0.905, 0.082, 0.87, 0.057], [211, 752, 402, 1216, 392, 868, 324, 249, 637, 466], 6, 14, 0.05, 400, 0.0, 0.0),
    "free contact": ([0, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0], [0.2, 1.0, 0.9, 0.7, 0.6, 0.3, 0.6, 0.5, 0.5, 0.8, 1.0, 1.0], [359, 760, 302, 336, 1084, 204, 211, 43, 174, 310, 610, 1131], 2, 9, 0.0, 0.0, 29.439393939393938, 0.8333333333333334),
    "everyone churns": ([1] * 8, SCORES, CLV, 6, 14, 0.05, 15, 185.24812500000002, 1.0),
    "nobody churns": ([0] * 8, SCORES, CLV, 6, 14, 0.05, 15, 0.0, 0.0),
    "one score for all": ([0, 0, 1, 0, 0, 0, 1, 1], [0.3] * 8, CLV, 6, 14, 0.05, 15, 31.19, 1.0),
}  # fmt: skip

# churned, score, alpha, beta, clv, incentive_cost, contact_cost, EMPC
EMPC_OF_EMPULSE_0_13_1 = [
    ([0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0], [0.111, 0.513, 0.139, 0.274, 0.278, 0.918, 0.986, 0.078, 0.676, 0.311, 0.558, 0.009], 6, 14, 200, 10, 1, 4.983622155224165),
    ([1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0], [0.7, 0.3, 0.3, 0.8, 0.4, 0.9, 0.6, 0.7, 0.5, 0.3, 0.7, 0.3, 0.6, 0.9, 0.1, 0.6], 6, 14, 200, 10, 1, 18.4897000716286),
    ([1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1], [0.0, 0.4, 1.0, 0.9, 0.2, 0.1, 0.1, 0.6, 0.4, 0.3, 0.4, 0.6], 2, 3, 100, 30, 10, 0.0),
    ([1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 0], [0.317, 0.508, 0.14, 0.851, 0.911, 1.0, 0.504, 0.921, 0.635, 0.711, 0.517, 0.749, 0.656, 0.323], 6, 14, 5000, 100, 15, 566.0718765037221),
]  # fmt: skip

ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 900)), min_size=1, max_size=40)


@pytest.mark.parametrize("name", EMPULSE_0_13_1)
def test_empb_is_that_of_empulse(name: str):
    churned, score, clv, a, b, fraction, cost, expected, share = EMPULSE_0_13_1[name]
    assert empb_score(churned, score, clv, a, b, fraction, cost) == pytest.approx(expected, abs=1e-6)
    gain = gain_of_contact(np.array(churned, dtype=float), np.array(clv, dtype=float), a / (a + b), fraction, cost)
    assert ProfitCurve.of(gain, np.array(score)).best(np.ones(len(score)))[1] == pytest.approx(share)


@pytest.mark.parametrize("case", EMPC_OF_EMPULSE_0_13_1)
def test_empc_is_that_of_empulse(case):
    *given, expected = case
    assert empc_score(*given) == pytest.approx(expected, abs=1e-6)


def test_the_worked_example_by_hand():
    """Beta(6, 14) keeps 0.3 of the leavers: one of 200 brings 0.3 * 0.95 * 200 - 15 = 42, a stayer of 150 costs 22.50.

    From the top: +47.70 -24 +56.25 -21 +70.50 -22.50 +42 (in all 148.95), then -20.
    """
    churned, score, clv = ([0, 1, 0, 1, 0, 1, 0, 1], [1, 2, 3, 4, 5, 7, 8, 9], [100, 200, 150, 300, 120, 250, 180, 220])
    assert empb_score(churned, score, clv) == pytest.approx(148.95 / 8)


@settings(deadline=None, max_examples=60)
@given(ROWS, st.integers(0, 2**31))
def test_empb_is_the_best_of_all_thresholds_whatever_the_order_of_rows(rows, seed):
    churned, score, clv = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    gain = np.where(churned == 1, 0.3 * 0.95 * clv, -0.05 * clv) - 15
    brute = max([0.0, *(gain[score >= threshold].sum() for threshold in set(score))]) / len(rows)
    assert empb_score(churned, score, clv) == pytest.approx(brute, abs=1e-9)
    order = np.random.default_rng(seed).permutation(len(rows))
    assert empb_score(churned[order], score[order], clv[order]) == pytest.approx(brute, abs=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=15), st.integers(1, 60))
def test_empc_is_its_integral(rows, contact_cost):
    churned, score = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    thresholds = [np.inf, *set(score)]

    def best(share: float) -> float:
        gain = np.where(churned == 1, share * (200 - 10), -10) - contact_cost
        return max(gain[score >= threshold].sum() for threshold in thresholds) / len(rows)

    density = beta_distribution(6, 14).pdf
    expected, _ = quad(lambda share: best(share) * density(share), 0, 1, limit=400)
    assert empc_score(churned, score, contact_cost=contact_cost) == pytest.approx(expected, abs=1e-3)


def test_repeated_rows_change_no_profit_and_resamples_count_as_repeated_rows():
    churned, score, clv, *terms = EMPULSE_0_13_1["ties"][:7]
    times = np.arange(len(churned)) % 3
    repeated = [np.repeat(np.array(column, dtype=float), times) for column in (churned, score, clv)]
    gain = gain_of_contact(np.array(churned, dtype=float), np.array(clv, dtype=float), 0.3, 0.05, 15)
    weighted = ProfitCurve.of(gain, np.array(score)).best(times.astype(float))[0]
    assert weighted == pytest.approx(empb_score(*repeated, *terms))
    twelve = [np.repeat(np.array(column, dtype=float), 12) for column in (churned, score, clv)]
    assert empb_score(*twelve, *terms) == pytest.approx(empb_score(churned, score, clv, *terms))


def test_one_value_for_all_may_be_given_and_without_accounts_there_is_none():
    assert empb_score([0, 1, 1], [0.1, 0.5, 0.4], 300.0) == pytest.approx(
        empb_score([0, 1, 1], [0.1, 0.5, 0.4], [300] * 3)
    )
    assert np.isnan(empb_score([], [], [])) and np.isnan(empc_score([], []))


def test_more_scores_than_accounts_are_refused_in_words():
    with pytest.raises(ValueError, match=r"as many values as scores \(3\), found 2"):
        empb_score([0, 1], [0.1, 0.2, 0.3], [1, 1, 1])
    with pytest.raises(ValueError, match=r"as many values as scores \(2\), found 3"):
        empb_score([0, 1], [0.1, 0.2], [1, 1, 1])

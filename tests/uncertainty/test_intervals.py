"""An interval is for what one account will really do: it holds the expected ratio, is the smallest, and covers."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.uncertainty import LEVEL, Followed, Intervals, fit_intervals, smallest
from leap.uncertainty.calibrate import effective_accounts, held
from leap.uncertainty.shapes import LESS, LOST, MORE, SAME, RatioShape, fate_of, fit_value_shape
from leap.value import ValueTerms
from tests.uncertainty.outcomes import FIRST, followed, predicted

SHARE = st.floats(0, 1)
SIZES = st.lists(st.floats(0.01, 3), min_size=12, max_size=12).map(lambda sizes: tuple(sorted(sizes)))
TERMS = ValueTerms(0.8, 0.1, 12)


# --- always


@settings(deadline=None)
@given(SHARE, SHARE, SHARE, st.floats(0.9, 1.0), SIZES, SIZES, st.sampled_from([None, 0.4]))
def test_an_interval_always_holds_the_expected_ratio(p, q_contraction, q, nominal, down, up, usual):
    found = Intervals(RatioShape(down, up, (usual, usual)), nominal, coverage=0.9)
    prediction = predicted(p, q_contraction * (1 - q), q)
    low, high = found.ratio(prediction)
    assert 0 <= low[0] <= prediction.nrr[0] <= high[0]


@settings(deadline=None)
@given(SHARE, SHARE, SHARE, st.floats(-1.0, 1.0), st.floats(0, 1000))
def test_an_interval_of_value_always_holds_the_expected_value(p, q_contraction, q, margin, point):
    prediction = predicted(p, q_contraction * (1 - q), q)
    values = fit_value_shape(np.array([3.0, 9.0, 11.4, 13.0]), np.array([LOST, LESS, SAME, MORE]), np.ones(4))
    plain = Intervals(RatioShape((), ()), 0.9, coverage=0.9)
    for found in (plain, replace(plain, value_shape=values, value_nominal=0.9)):
        low, high = found.value(prediction, np.array([point]), np.array([margin * 50]), TERMS)
        assert low[0] <= point <= high[0]


def test_where_no_margin_is_known_there_is_no_interval_of_value():
    low, high = Intervals(RatioShape((), ()), 0.9, coverage=0.9).value(
        predicted(0.1, 0.0, 0.0), np.array([np.nan]), np.array([np.nan]), TERMS
    )
    assert np.isnan(low[0]) and np.isnan(high[0])


@settings(deadline=None, max_examples=50)
@given(SHARE, SHARE, SHARE, SIZES, SIZES, st.sampled_from([None, 0.4]), st.floats(0, 0.02))
def test_bins_are_in_order_and_their_weight_is_one(p, q_contraction, q, down, up, usual, small):
    shape = RatioShape(down, up, (usual, usual), (0.5, small))
    lows, highs, weights = shape.bins(predicted(p, q_contraction * (1 - q), q))
    assert (lows <= highs + 1e-12).all() and (np.diff(highs, axis=1) >= -1e-12).all() and (lows >= 0).all()
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()


# --- the smallest

POINTS = np.array([[0.0, 0.7, 1.0, 1.3]])


@pytest.mark.parametrize(
    ("weights", "share", "expected"),
    [
        ([0.05, 0.05, 0.85, 0.05], 0.8, (1.0, 1.0)),  # nearly everyone stays as they are
        ([0.05, 0.05, 0.80, 0.10], 0.9, (1.0, 1.3)),  # up costs less width than down
        ([0.05, 0.15, 0.75, 0.05], 0.9, (0.7, 1.0)),
        ([0.15, 0.00, 0.85, 0.00], 0.9, (0.0, 1.0)),  # churn alone is more than a tenth
        ([0.15, 0.00, 0.70, 0.15], 0.9, (0.0, 1.3)),
        ([0.95, 0.00, 0.05, 0.00], 0.9, (0.0, 0.0)),  # surely lost
        ([0.00, 0.00, 1.00, 0.00], 1.0, (0.0, 1.3)),  # everything that can be
    ],
)
def test_the_smallest_interval_with_enough_weight_is_chosen(weights, share, expected):
    low, high = smallest(POINTS, POINTS, np.array([weights]), share)
    assert (low[0], high[0]) == expected


BINS = st.lists(st.tuples(st.integers(0, 20), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9)


@settings(deadline=None)
@given(BINS.filter(lambda bins: sum(b[0] for b in bins) > 0), st.floats(0.5, 0.99))
def test_no_narrower_run_of_bins_has_enough_weight(bins, share):
    """Against brute force over every run of neighbouring bins, with gaps between bins and widths of their own."""
    weight = np.array([b[0] for b in bins]) / sum(b[0] for b in bins)
    steps = np.cumsum([x for _, gap, width in bins for x in (gap, width)])
    lows, highs = steps[::2], steps[1::2]
    low, high = smallest(lows[None, :], highs[None, :], weight[None, :], share)
    runs = [(i, j) for i in range(len(bins)) for j in range(i, len(bins)) if weight[i : j + 1].sum() >= share - 1e-12]
    assert high[0] - low[0] == pytest.approx(min(highs[j] - lows[i] for i, j in runs))
    inside = weight[(lows >= low[0] - 1e-12) & (highs <= high[0] + 1e-12)].sum()
    assert inside >= share - 1e-9


def test_of_many_rows_each_has_the_interval_it_has_alone_and_of_equal_ones_the_first():
    """More rows than are compared at once; ends and weights on a grid, so that many intervals are as narrow."""
    rng = np.random.default_rng(1)
    steps = np.cumsum(rng.integers(1, 4, (2500, 48)), axis=1) / 8
    lows, highs = steps[:, ::2], steps[:, 1::2]
    weights = rng.integers(0, 5, (2500, 24)) + 1e-3
    weights /= weights.sum(axis=1, keepdims=True)
    low, high = smallest(lows, highs, weights, 0.6)
    for i in range(0, 2500, 101):
        widths = [
            (highs[i, j] - lows[i, k], k)
            for k in range(24)
            for j in range(k, 24)
            if weights[i, k : j + 1].sum() >= 0.6 - 1e-12
        ]
        width, first = min(widths)
        assert (low[i], high[i]) == (lows[i, first], lows[i, first] + width)
        alone = smallest(lows[[i]], highs[[i]], weights[[i]], 0.6)
        assert (alone[0][0], alone[1][0]) == (low[i], high[i])


def test_a_thousand_accounts_take_no_time():
    rng = np.random.default_rng(0)
    found = fit_intervals(followed(*simulated(500, 0)))
    prediction = predicted(rng.random(1000) * 0.3, rng.random(1000) * 0.1, rng.random(1000) * 0.4)
    start = time.perf_counter()
    found.ratio(prediction)
    assert time.perf_counter() - start < 0.25


# --- covering


def simulated(n: int, seed: int):
    """Accounts whose true weights are those predicted."""
    rng = np.random.default_rng(seed)
    p, qd, qu = rng.beta(2, 12, n), rng.beta(1, 20, n), rng.beta(2, 8, n)
    qd = np.minimum(qd, 1 - qu)
    lost = rng.random(n) < p
    which = rng.random(n)
    ratio = np.where(
        which < qd, 1 - rng.uniform(0.1, 0.5, n), np.where(which < qd + qu, 1 + rng.exponential(0.3, n), 1.0)
    )
    return predicted(p, qd, qu), np.where(lost, 0.0, ratio)


def test_intervals_cover_at_least_the_level_on_rows_they_have_not_seen():
    found = fit_intervals(followed(*simulated(4000, 0)))
    prediction, ratio = simulated(4000, 1)
    assert found.coverage >= LEVEL
    assert held(*found.ratio(prediction), ratio).mean() >= LEVEL - 0.01
    assert found.nominal < 0.95, "reached by no more than it takes"


def test_probabilities_that_are_too_low_are_made_up_for_by_a_larger_nominal_share():
    prediction, ratio = simulated(4000, 2)
    bold = predicted(prediction.p / 3, prediction.q_contraction, prediction.q)
    assert fit_intervals(followed(bold, ratio)).nominal > fit_intervals(followed(prediction, ratio)).nominal
    assert fit_intervals(followed(bold, ratio)).coverage >= LEVEL


def test_few_accounts_need_more_than_the_level_and_rows_of_one_account_are_no_more_accounts():
    """Nobody is expected to leave, but one of twelve did: enough for 90 % of 12, not for 12 / 13 of them."""
    ratio = np.where(np.arange(12) == 0, 0.0, 1.0)
    prediction = predicted(np.full(12, 0.02), np.zeros(12), np.zeros(12))
    twelve = fit_intervals(followed(prediction, ratio))
    many = predicted(np.full(1200, 0.02), np.zeros(1200), np.zeros(1200))
    repeated = fit_intervals(followed(many, np.repeat(ratio, 100), accounts=np.repeat(np.arange(12), 100)))
    apart = fit_intervals(followed(many, np.repeat(ratio, 100)))
    assert twelve.nominal == repeated.nominal > apart.nominal == LEVEL


def test_effective_accounts_count_unequal_ones_less():
    assert effective_accounts(np.array([1, 2, 2, 2]), np.ones(4)) == pytest.approx(16 / 10)


def test_recent_rows_decide():
    """Churn came up in the last year only: intervals calibrated on all years alike would leave it out."""
    n = 400
    year = np.repeat(np.arange(4), n // 4)
    as_of = np.array([(FIRST.to_datetime64() + np.timedelta64(365 * int(y), "D")) for y in year])
    lost = (np.arange(n) % 100) < np.where(year == 3, 17, 5)
    prediction = predicted(np.full(n, 0.05), np.zeros(n), np.zeros(n))
    rows = Followed(prediction, np.where(lost, 0.0, 1.0), np.arange(n), as_of, np.ones(n), np.full(n, np.nan))
    assert (~lost).mean() > LEVEL
    assert (fit_intervals(rows).ratio(prediction)[0] == 0).all()


# --- sizes


def test_a_size_that_many_accounts_have_is_met_exactly():
    """Everyone's price goes up by 5 %, rounded to cents: the interval ends there and nowhere near."""
    rng = np.random.default_rng(0)
    n = 300
    ratio = np.where(np.arange(n) % 20 == 0, 0.0, 1.05 + rng.uniform(-2e-5, 2e-5, n))
    prediction = predicted(np.full(n, 0.05), np.zeros(n), np.full(n, 0.999), u_size=rng.uniform(0.04, 0.06, n))
    found = fit_intervals(followed(prediction, ratio))
    assert found.ratio_shape.usual == (None, None), "expected sizes tell nothing here"
    low, high = found.ratio(prediction)
    assert held(low, high, ratio).mean() == pytest.approx(0.95)
    assert (high < 1.07).all()


def test_sizes_follow_the_expected_ones_where_these_tell_them_apart():
    rng = np.random.default_rng(1)
    n = 400
    size = np.where(np.arange(n) % 2 == 0, 0.05, 0.5)
    ratio = 1 + size * rng.lognormal(0, 0.2, n)
    prediction = predicted(np.full(n, 0.01), np.zeros(n), np.full(n, 0.99), u_size=size)
    found = fit_intervals(followed(prediction, ratio))
    assert found.ratio_shape.usual[1] is not None
    low, high = found.ratio(prediction)
    for part in (size == 0.05, size == 0.5):
        assert held(low, high, ratio)[part].mean() > 0.85
    assert (high - low)[size == 0.05].mean() < 0.2 * (high - low)[size == 0.5].mean()


def test_an_uplift_too_small_to_be_an_expansion_is_inside_what_stays_the_same():
    n = 200
    ratio = np.where(np.arange(n) % 2 == 0, 1.0, 1.015)
    rows = replace(followed(predicted(np.full(n, 0.01), np.zeros(n), np.zeros(n)), ratio), min_uplift=0.02)
    found = fit_intervals(rows)
    low, high = found.ratio(rows.prediction)
    assert held(low, high, ratio).all() and high.max() == pytest.approx(1.015)


def test_the_fate_of_a_ratio():
    assert fate_of(np.array([0.0, 0.4, 1.0, 1.01, 1.2]), 0.02).tolist() == [LOST, LESS, SAME, SAME, MORE]


@given(SHARE, SHARE, SHARE)
def test_weights_of_fates_are_a_distribution(p, q_contraction, q):
    weights = predicted(p, q_contraction, q).fates
    assert weights.sum() == pytest.approx(1) and (weights >= 0).all()


# --- value


def test_intervals_of_value_cover_the_months_that_followed():
    """A lost account pays for some months first: its value lies anywhere between none and all, not in the middle."""
    rng = np.random.default_rng(3)
    prediction, ratio = simulated(3000, 4)

    def months(ratio: np.ndarray) -> np.ndarray:
        return np.where(ratio == 0, rng.uniform(0, 11, len(ratio)), 11.4 * (1 + (ratio - 1) / 2))

    found = fit_intervals(followed(prediction, ratio, months(ratio)))
    later, what = simulated(3000, 5)
    assert found.value_reason is None and found.value_coverage >= LEVEL
    low, high = found.months(later)
    assert held(low, high, months(what)).mean() >= LEVEL - 0.015
    safe = later.p < 0.03
    assert (high - low)[safe].mean() < (high - low)[later.p > 0.2].mean()


def test_too_few_known_values_give_a_reason_instead_of_a_coverage():
    prediction, ratio = simulated(200, 6)
    found = fit_intervals(followed(prediction, ratio, np.where(np.arange(200) < 5, 11.0, np.nan)))
    assert found.value_coverage is None and found.value_reason == "too_few_accounts_with_twelve_months"
    assert found.months(prediction) is None


# --- little to go by


def test_a_company_in_which_nobody_ever_changes_still_has_intervals():
    prediction = predicted(np.full(50, 0.2), np.zeros(50), np.zeros(50))
    ratio = np.where(np.arange(50) < 10, 0.0, 1.0)
    found = fit_intervals(followed(prediction, ratio))
    low, high = found.ratio(prediction)
    assert found.coverage >= LEVEL
    assert (low == 0).all() and (high == 1).all()


def test_where_nobody_churned_an_interval_is_narrow_unless_churn_is_expected():
    prediction = predicted(np.repeat([0.01, 0.3], 50), np.zeros(100), np.zeros(100))
    found = fit_intervals(followed(prediction, np.ones(100), np.full(100, 11.4)))
    low, high = found.ratio(prediction)
    assert (low[:50] > 0.98).all() and (low[50:] == 0).all() and (high == 1).all()


def test_one_account_gives_an_interval_of_everything_seen():
    for ratio in (0.0, 0.6, 1.0, 1.5):
        prediction = predicted(0.1, 0.05, 0.1)
        found = fit_intervals(followed(prediction, np.array([ratio]), np.array([ratio * 11])))
        low, high = found.ratio(prediction)
        assert low[0] <= min(ratio, prediction.nrr[0]) and max(ratio, prediction.nrr[0]) <= high[0] + 1e-9


def test_intervals_survive_being_stored_and_are_small():
    prediction, ratio = simulated(500, 3)
    found = fit_intervals(followed(prediction, ratio, 11 * ratio))
    assert Intervals.from_json(found.to_json()) == found
    assert len(str(found.to_json())) < 6000

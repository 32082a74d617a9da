"""An interval is for what one account will really do: it holds the expected ratio, is the smallest, and covers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.models.composition import Prediction
from leap.uncertainty import LEVEL, Intervals, _smallest, fit_intervals
from leap.value import ValueTerms


def predicted(p, q_contraction, q, d_size: float = 0.3, u_size: float = 0.4) -> Prediction:
    p, q_contraction, q = (np.atleast_1d(np.asarray(a, dtype=float)) for a in (p, q_contraction, q))
    return Prediction(
        p=p, d=q_contraction * d_size, u=q * u_size, q=q, q_contraction=q_contraction, direct=np.ones(len(p))
    )


SHARE = st.floats(0, 1)


@settings(deadline=None)
@given(
    SHARE,
    SHARE,
    SHARE,
    st.floats(0.5, 0.999),
    st.lists(st.floats(0.01, 1), max_size=5),
    st.lists(st.floats(0.01, 4), max_size=5),
)
def test_an_interval_always_holds_the_expected_ratio(p, q_contraction, q, nominal, down, up):
    found = Intervals(tuple(sorted(down)), tuple(sorted(up)), nominal, coverage=0.9)
    prediction = predicted(p, q_contraction * (1 - q), q)
    low, high = found.ratio(prediction)
    assert 0 <= low[0] <= prediction.nrr[0] <= high[0]


@settings(deadline=None)
@given(SHARE, SHARE, SHARE, st.floats(0.0, 1.0), st.floats(0, 1000))
def test_an_interval_of_value_always_holds_the_expected_value(p, q_contraction, q, margin, point):
    found = Intervals((0.2, 0.5), (0.1, 0.9), 0.9, coverage=0.9)
    low, high = found.value(
        predicted(p, q_contraction, q), np.array([point]), np.array([margin * 50]), ValueTerms(0.8, 0.1, 12)
    )
    assert low[0] <= point <= high[0]


POINTS = np.array([0.0, 0.7, 1.0, 1.3])


@pytest.mark.parametrize(
    ("weights", "share", "expected"),
    [
        ([0.05, 0.05, 0.85, 0.05], 0.8, (1.0, 1.0)),  # nearly everyone stays as they are
        ([0.05, 0.05, 0.80, 0.10], 0.9, (1.0, 1.3)),  # up costs less width than down
        ([0.05, 0.15, 0.75, 0.05], 0.9, (0.7, 1.0)),
        ([0.15, 0.00, 0.85, 0.00], 0.9, (0.0, 1.0)),  # churn alone is more than a tenth
        ([0.15, 0.00, 0.70, 0.15], 0.9, (0.0, 1.3)),
        ([0.95, 0.00, 0.05, 0.00], 0.9, (0.0, 0.0)),  # surely lost
    ],
)
def test_the_smallest_interval_with_enough_weight_is_chosen(weights, share, expected):
    low, high = _smallest(POINTS[None, :], np.array([weights]), share)
    assert (low[0], high[0]) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=4, max_size=4).filter(lambda w: sum(w) > 0), st.floats(0.5, 0.99))
def test_no_narrower_interval_has_enough_weight(weights, share):
    weight = np.array(weights) / sum(weights)
    low, high = _smallest(POINTS[None, :], weight[None, :], share)
    enough = [
        (POINTS[j] - POINTS[i])
        for i in range(4)
        for j in range(i, 4)
        if weight[i : j + 1].sum() >= share - 1e-12
    ]  # fmt: skip
    assert high[0] - low[0] == pytest.approx(min(enough))


def simulated(n: int, seed: int) -> tuple[Prediction, np.ndarray]:
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
    found = fit_intervals(*simulated(4000, 0))
    prediction, ratio = simulated(4000, 1)
    low, high = found.ratio(prediction)
    covered = ((low <= ratio + 1e-9) & (ratio - 1e-9 <= high)).mean()
    assert found.coverage >= LEVEL
    assert covered >= LEVEL - 0.015
    assert found.nominal < 0.99, "reached by no more than it takes"


def test_probabilities_that_are_too_low_are_made_up_for_by_a_larger_nominal_share():
    prediction, ratio = simulated(4000, 2)
    bold = predicted(prediction.p / 3, prediction.q_contraction, prediction.q)
    assert fit_intervals(bold, ratio).nominal > fit_intervals(prediction, ratio).nominal
    assert fit_intervals(bold, ratio).coverage >= LEVEL


def test_a_company_in_which_nobody_ever_changes_still_has_intervals():
    prediction = predicted(np.full(50, 0.2), np.zeros(50), np.zeros(50))
    ratio = np.where(np.arange(50) < 10, 0.0, 1.0)
    found = fit_intervals(prediction, ratio)
    low, high = found.ratio(prediction)
    assert found.coverage >= LEVEL
    assert (low == 0).all() and (high == 1).all()


def test_intervals_survive_being_stored():
    found = fit_intervals(*simulated(500, 3))
    assert Intervals.from_json(found.to_json()) == found

"""The hazard of accounts and its curve: properties that hold for any rows, and worlds whose truth is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap.models.hazard import Followed, Hazard, Timing, fit_hazard, reconciled
from leap.models.hazard.followed import PersonMonths
from leap.models.hazard.timing import columns_of

DAY = np.datetime64("2022-01-01", "us")


def followed_for(months, gone, matrix=None, accounts=None, as_of=None) -> Followed:
    """Rows of one date, each of an account of its own, where nothing else is said."""
    n = len(months)
    return Followed(
        np.zeros((n, 0)) if matrix is None else matrix,
        np.asarray(months),
        np.asarray(gone, dtype=bool),
        np.arange(n) if accounts is None else accounts,
        np.full(n, DAY) if as_of is None else as_of,
    )


def world(n: int = 600, seed: int = 0, effect: float = 0.9, level: float = -3.0, width: int = 6):
    """Accounts whose first column moves a constant hazard; seen for 6 to 36 months. Gives rows and true curves."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, width))
    hazard = 1 / (1 + np.exp(-(level + effect * matrix[:, 0])))
    leaves, seen = rng.geometric(hazard), rng.integers(6, 37, n)
    rows = followed_for(np.minimum(leaves, seen), leaves <= seen, matrix)
    return rows, (1 - hazard)[:, None] ** np.arange(1, 37)


@pytest.fixture(scope="module")
def known() -> tuple[Followed, np.ndarray, Hazard]:
    rows, truth = world()
    return rows, truth, fit_hazard(rows)


def test_a_curve_starts_at_one_falls_every_month_and_stays_above_zero(known):
    rows, _, hazard = known
    curve = np.hstack([np.ones((len(rows), 1)), hazard.survival(rows.matrix, 60)])
    assert (np.diff(curve, axis=1) < 0).all() and (curve > 0).all()


def test_a_known_curve_is_found_and_the_learner_is_the_simple_one(known):
    rows, truth, hazard = known
    assert hazard.learner == "linear"
    everyone = np.broadcast_to(truth.mean(axis=0), truth.shape)
    error = np.abs(hazard.survival(rows.matrix) - truth).mean()
    assert error < 0.04 < np.abs(everyone - truth).mean() / 3


@given(st.floats(0.001, 0.97), st.sampled_from([3, 6, 12]), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_the_reconciled_curve_says_what_the_probability_says_and_still_falls(p: float, horizon: int, seed: int):
    hazards = np.random.default_rng(seed).uniform(1e-6, 0.5, (3, 36))
    curve = np.cumprod(1 - hazards, axis=1)
    found = reconciled(curve, np.full(3, p), horizon)
    np.testing.assert_allclose(found[:, horizon - 1], 1 - p, rtol=1e-12)
    assert (np.diff(found, axis=1) <= 0).all() and (found > 0).all() and (found <= 1).all()
    # One factor on the cumulated hazard of every month: the shape stays.
    factor = np.log(found) / np.log(curve)
    np.testing.assert_allclose(factor, factor[:, :1] * np.ones(36), rtol=1e-9)


def test_nobody_who_is_still_there_counts_as_retained_beyond_what_was_seen():
    """Half leave in month 2; if those who were seen for a month only counted as retained, it would be a quarter."""
    rows = followed_for([2] * 50 + [2] * 50 + [1] * 100, [True] * 50 + [False] * 150)
    curve = fit_hazard(rows, only="base_rate").survival(rows.matrix[:1], 2)[0]
    assert curve[0] > 0.98 and curve[1] == pytest.approx(0.5, abs=0.02)


def test_after_the_longest_month_observed_the_mean_hazard_of_the_last_year_goes_on():
    rng = np.random.default_rng(0)
    leaves = rng.geometric(np.full(400, 0.05))
    rows = followed_for(np.minimum(leaves, 18), leaves <= 18)
    hazard = fit_hazard(rows)
    curve = np.log(hazard.survival(rows.matrix[:1], 36)[0])
    assert hazard.observed == 18
    np.testing.assert_allclose(np.diff(curve)[17:], (curve[17] - curve[5]) / 12)


def test_what_is_known_of_an_account_says_less_of_later_months_where_it_does():
    """A sign that tells the first three months and nothing after."""
    rng = np.random.default_rng(1)
    n = 1500
    sign = rng.normal(size=(n, 1))
    month = np.arange(1, 25)
    margin = -3.2 + 1.5 * sign * (month <= 3)
    lost = rng.random((n, 24)) < 1 / (1 + np.exp(-margin))
    gone = lost.any(axis=1)
    hazard = fit_hazard(followed_for(np.where(gone, lost.argmax(axis=1) + 1, 24), gone, sign))
    assert hazard.spread.fade < -0.4 * hazard.spread.slope
    assert fit_hazard(world(1500)[0]).spread.fade > -0.3


def test_noise_is_told_from_nothing_and_everyone_has_one_curve():
    rng = np.random.default_rng(2)
    leaves = rng.geometric(np.full(300, 0.04))
    rows = followed_for(np.minimum(leaves, 24), leaves <= 24, rng.normal(size=(300, 30)))
    hazard = fit_hazard(rows)
    assert hazard.learner == "base_rate"
    assert len(np.unique(hazard.survival(rows.matrix)[:, 11])) == 1


def test_small_trees_are_taken_where_they_win():
    """Two columns that say nothing apart and everything together."""
    rng = np.random.default_rng(3)
    matrix = rng.choice([-1.0, 1.0], size=(1200, 4)) + 0.1 * rng.normal(size=(1200, 4))
    hazard = np.where(matrix[:, 0] * matrix[:, 1] > 0, 0.12, 0.01)
    leaves = rng.geometric(hazard)
    rows = followed_for(np.minimum(leaves, 24), leaves <= 24, matrix)
    found = fit_hazard(rows)
    assert found.learner == "boosted"
    truth = (1 - hazard)[:, None] ** np.arange(1, 25)
    without = np.abs(truth.mean(axis=0) - truth).mean()
    assert np.abs(found.survival(matrix, 24) - truth).mean() < without / 3


# --- what is known of a month


def test_a_renewal_falls_in_the_month_it_is_due_and_a_term_later_again():
    """184 days from 1 July are 1 January, the end of month 6; then every twelve months."""
    timing = Timing(renewal=0, term=1)
    matrix = np.array([[184.0, 365.0], [62.0, 91.0], [np.nan, np.nan], [10.0, np.nan]])
    falls = timing.leads(matrix, np.arange(1, 25)[None, :]) // 2 % 2
    months = [list(np.flatnonzero(row) + 1) for row in falls]
    assert months == [[6, 18], [2, 5, 8, 11, 14, 17, 20, 23], [], [1]]


def test_an_anniversary_is_that_of_the_first_payment():
    """Of one who pays since 365 days (11.99 mean months) the first was today, and the next is a year ahead."""
    timing = Timing(tenure=0)
    falls = timing.leads(np.array([[365 * 12 / 365.25], [0.0], [4.4]]), np.arange(1, 25)[None, :]) % 2
    assert [list(np.flatnonzero(row) + 1) for row in falls] == [[12, 24], [12, 24], [8, 20]]


def test_a_curve_drops_at_the_renewal():
    """Accounts leave at their renewal or never; when it is due is known, and differs."""
    rng = np.random.default_rng(4)
    due = rng.integers(1, 13, 800)
    leaves = rng.random(800) < 0.4
    gone = leaves & (due <= 12)
    matrix = np.column_stack([due * 30.4375, np.full(800, 365.0)])
    rows = followed_for(np.where(gone, due, 12), gone, matrix)
    hazard = fit_hazard(rows, Timing(renewal=0, term=1))
    curve = hazard.survival(np.array([[7 * 30.4375, 365.0]]), 12)[0]
    assert curve[5] > 0.95 and curve[6] == pytest.approx(0.6, abs=0.06) and curve[11] > 0.93 * curve[6]


# --- how it is fitted


def test_the_likelihood_is_that_of_person_months_written_out():
    """An oracle: the same rows as one long table for scikit-learn's logistic regression without a penalty."""
    from sklearn.linear_model import LogisticRegression

    from leap.models.hazard.design import fit_ridge

    rows, _ = world(300, width=2)
    months = PersonMonths.of(rows, Timing(), 24)
    columns = rows.matrix
    own, of_lead = fit_ridge(months, columns, 1e-6)
    cut = rows.within(24)
    long = [
        (i, m, float(cut.gone[i] and m == cut.months[i])) for i in range(len(cut)) for m in range(1, cut.months[i] + 1)
    ]
    i, m, y = (np.array(part) for part in zip(*long, strict=True))
    design = np.hstack([columns[i], columns_of(4 * m)])
    found = LogisticRegression(C=1e6, max_iter=5000, tol=1e-8).fit(design, y)
    np.testing.assert_allclose(own, found.coef_[0, :2], atol=0.02)
    assert len(of_lead) == 1 + design.shape[1] - 2


def test_the_same_rows_give_the_same_hazard_to_the_bit(known):
    rows, _, hazard = known
    assert json.dumps(fit_hazard(rows).to_json()) == json.dumps(hazard.to_json())


def test_a_hazard_survives_its_json(known):
    rows = known[0]
    for only in ("linear", "boosted", "base_rate"):
        fitted = fit_hazard(rows, only=only)
        again = Hazard.from_json(json.loads(json.dumps(fitted.to_json())))
        np.testing.assert_array_equal(again.survival(rows.matrix[:9]), fitted.survival(rows.matrix[:9]))


def test_many_rows_are_thinned_by_dates_and_by_no_outcome():
    dates = np.arange("2018-01", "2023-01", dtype="datetime64[M]").astype("datetime64[us]")
    n = 300
    rows = followed_for(
        np.full(n * len(dates), 5), np.zeros(n * len(dates)), None, np.repeat(np.arange(n), len(dates)), np.tile(dates, n)
    )  # fmt: skip
    kept = rows.thinned()
    assert len(kept) == 4500 and dates[-1] in kept.as_of and len(np.unique(kept.accounts)) == n


def test_without_anybody_followed_there_is_no_hazard():
    assert fit_hazard(followed_for([0, 0], [False, False])) is None

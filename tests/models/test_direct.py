"""The direct model of NRR tells accounts apart, is never negative, and its portfolio is a ratio of sums."""

import json
from dataclasses import replace

import numpy as np
import pytest

from leap.models.direct import DirectNRR, account_loss, fit_direct, sound
from leap.models.labels import TrainingRows
from leap.models.selection import Candidate
from tests.made_rows import World, logistic, made, rows_of

NO_EFFECTS = World(churn=0.0, expansion=0.0)


def test_nothing_is_told_from_noise():
    found = [fit_direct(made(300, seed, NO_EFFECTS).train).learner_name for seed in range(4)]
    assert found.count("base_rate") >= 3, found


@pytest.mark.parametrize("seed", range(2))
def test_accounts_are_told_apart_and_the_portfolio_is_near_the_truth(seed: int):
    one = made(600, seed)
    found = fit_direct(one.train)
    assert found.learner_name != "base_rate"
    told = found.predict(one.test.matrix)
    mean = np.full(len(told), one.nrr.mean())
    assert np.abs(told - one.nrr).mean() < 0.5 * np.abs(mean - one.nrr).mean()
    assert one.portfolio(told) == pytest.approx(one.portfolio(one.nrr), abs=0.03)


def test_who_stays_is_told_by_a_hurdle_where_leaving_is_most_of_it():
    one = made(600, 0, World(churn=1.6, expansion=0.0))
    assert fit_direct(one.train).learner_name == "hurdle"


@pytest.mark.parametrize("only", ["linear", "boosted"])
def test_a_ratio_is_never_negative_whatever_the_account(only: str):
    one = made(300, 0, World(churn=3.0))
    found = fit_direct(one.train, only=only)
    odd = np.concatenate([one.test.matrix, 1e9 * np.ones((1, 6)), -1e9 * np.ones((1, 6)), np.full((1, 6), np.nan)])
    told = found.predict(odd)
    assert (told >= 0).all() and np.isfinite(told).all()


# --- skewed revenue


def skewed(seed: int, n: int = 800):
    """Most accounts shrink a little; small ones sometimes multiply, large ones now and then grow by half.

    The typical ratio is far below the ratio of sums, and the mean of ratios far above it.
    """
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    small = size < 0
    grows = rng.random(n) < 0.3
    factor = np.where(small, 1.0 + np.exp(0.6 + 0.7 * rng.normal(size=n)), 1.2 + 0.6 * rng.random(n))
    ratio = np.where(grows, factor, 0.7 + 0.25 * rng.random(n))
    ratio = np.where(rng.random(n) < np.where(small, 0.14, 0.06), 0.0, ratio)
    return ratio, np.exp(6 + 1.2 * size)


@pytest.mark.parametrize("seed", range(3))
def test_in_skewed_revenue_the_portfolio_is_right_where_typical_and_mean_ratios_are_wrong(seed: int):
    """Judged on new accounts of the same kind, by the truth and never winsorised."""
    new_ratio, new_starting = skewed(1000, 200_000)
    truth = float(np.average(new_ratio, weights=new_starting))
    assert np.median(new_ratio) < truth - 0.15, "what an absolute error or a logarithm would say"
    assert new_ratio.mean() > truth + 0.1, "what a squared error of unweighted ratios would say"
    ratio, starting = skewed(seed)
    rows, new = (with_starting(rows_of(r, s, seed, dates=1)) for r, s in ((ratio, starting), (new_ratio, new_starting)))
    told = fit_direct(rows).predict(new.matrix)
    assert float(np.average(told, weights=new_starting)) == pytest.approx(truth, abs=0.04)


def with_starting(rows: TrainingRows) -> TrainingRows:
    """The rows with starting MRR as a feature."""
    return replace(rows, matrix=np.column_stack([rows.matrix, rows.labels.starting]))


def test_a_candidate_whose_portfolio_is_off_is_not_taken_however_small_its_account_error():
    ratio, starting = skewed(0)
    mean, typical = Candidate("mean", 0), Candidate("typical", 1)
    told = {
        mean: np.full(len(ratio), np.average(ratio, weights=starting)),
        typical: np.full(len(ratio), np.median(ratio)),
    }
    errors = {c: np.abs(p - ratio).mean() for c, p in told.items()}
    assert errors[typical] < errors[mean]
    assert sound(told, ratio, starting, np.arange(len(ratio))) == [mean]


def test_the_account_loss_is_least_at_the_mean_and_not_at_the_median():
    ratio, _ = skewed(0)
    tried = np.linspace(0.5, 2.0, 301)
    losses = [account_loss(ratio, np.full(len(ratio), t)).mean() for t in tried]
    assert tried[int(np.argmin(losses))] == pytest.approx(ratio.mean(), abs=0.01)


# --- storage


def test_a_stored_direct_model_tells_the_same_bits():
    one = made(300, 0, World(churn=1.6))
    for only in (None, "linear", "boosted", "base_rate"):
        found = fit_direct(one.train, only=only)
        again = DirectNRR.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
        np.testing.assert_array_equal(again.predict(one.test.matrix), found.predict(one.test.matrix))
        assert again == again and again.learner_name == found.learner_name


def test_the_chance_of_staying_is_a_chance():
    one = made(400, 0, World(churn=1.6))
    found = fit_direct(one.train, only="linear")
    assert found.stays is not None
    chance = logistic(found.stays.margin(one.test.matrix))
    truth = logistic(1.6 - 1.6 * one.test.matrix[:, 0])
    assert np.abs(chance - truth).mean() < 0.08

"""The choice is honest: nothing on noise, a line on a line, trees on steps."""

import json
from dataclasses import replace

import numpy as np
import pytest

from leap.metrics import auc
from leap.models.calibration import fit_slope, shrunk_slope
from leap.models.learners import Blend, fit_linear, learner_from_json
from leap.models.selection import (
    MIN_EVENTS,
    PENALTIES,
    Candidate,
    OpenRows,
    Rows,
    choose,
    recency,
    thinned,
    train,
)

DATES = np.array([np.datetime64("2021-01-01") + np.timedelta64(31 * i, "D") for i in range(36)]).astype(
    "datetime64[us]"
)


def rows_of(n: int, margin, seed: int, rows_per_account: int = 1, width: int = 8) -> Rows:
    """`n` accounts whose log-odds of leaving are `margin(x)`; a year's horizon, rows spread over three years."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    outcome = (rng.random(n) < 1 / (1 + np.exp(-margin(x)))).astype(float)
    as_of = DATES[rng.integers(0, 36 - rows_per_account + 1, n)]
    times = np.repeat(np.arange(n), rows_per_account)
    as_of = (as_of[:, None] + np.arange(rows_per_account) * np.timedelta64(31, "D")).ravel()
    return Rows(x[times], outcome[times], recency(as_of), times, as_of, as_of + np.timedelta64(365, "D"), "binary")


def noise(x: np.ndarray) -> np.ndarray:
    return np.full(len(x), -1.2)


def line(x: np.ndarray) -> np.ndarray:
    return -1.0 + 0.9 * x[:, 0] - 0.7 * x[:, 1] + 0.4 * x[:, 2]


def steps(x: np.ndarray) -> np.ndarray:
    """High only where two features disagree in sign: no line sees it."""
    return np.where((x[:, 0] > 0) != (x[:, 1] > 0), 1.6, -2.2)


def brier_lost(rows: Rows, truth) -> float:
    """How much worse than the base rate the choice is on new accounts, as a Brier score."""
    found, base, new = train(rows), train(rows, only="base_rate"), rows_of(4000, truth, 999)
    p, rate = found.predict(new.matrix), base.predict(new.matrix)
    return float(((p - new.outcome) ** 2).mean() - ((rate - new.outcome) ** 2).mean())


def test_noise_costs_next_to_nothing_beside_the_base_rate():
    lost = [brier_lost(rows_of(400, noise, seed), noise) for seed in range(1, 9)]
    assert np.mean(lost) < 0.001 and max(lost) < 0.003, lost


def test_noise_that_is_repeated_every_month_costs_no_more():
    """Twelve rows an account that say the same: chosen by rows and not accounts, memory of an account would win."""
    lost = [brier_lost(rows_of(150, noise, seed, rows_per_account=12), noise) for seed in range(6)]
    assert np.mean(lost) < 0.003 and sum(one > 0.002 for one in lost) <= 2, lost


def test_a_slope_that_cannot_be_told_from_none_is_none():
    rng = np.random.default_rng(0)
    margin, accounts = rng.normal(size=600), np.arange(600)
    told = (rng.random(600) < 1 / (1 + np.exp(1 - margin))).astype(float)
    untold = (rng.random(600) < 0.3).astype(float)
    one = np.ones(600)
    assert shrunk_slope(margin, told, one, accounts) == pytest.approx(fit_slope(margin, told, one), rel=0.05)
    assert shrunk_slope(margin, untold, one, accounts) < 0.1
    repeated = [np.repeat(array, 12) for array in (margin, untold, one, accounts)]
    assert shrunk_slope(*repeated) <= 0.1, "twelve rows an account are no twelve pieces of evidence"


def test_columns_that_say_nothing_take_little_from_those_that_do():
    """Of forty columns three tell the outcome: with one penalty for all, noise would swamp them."""
    new = rows_of(20_000, line, 99, width=40)
    ranked = []
    for seed in range(3):
        rows = rows_of(250, line, seed, width=40)
        adaptive, plain = (
            train(rows, only="linear"),
            fit_linear(rows.matrix, rows.outcome, rows.weight, "binary", [0.3])[0],
        )
        ranked.append(
            [
                auc(new.outcome, score, np.ones(20_000))
                for score in (adaptive.predict(new.matrix), plain.margin(new.matrix))
            ]
        )
    better, usual = np.mean(ranked, axis=0)
    assert better > usual + 0.01, ranked


def test_a_blend_adds_up_and_comes_back_from_json():
    rows = rows_of(300, line, 0)
    line_, trees = train(rows, only="linear").learner, train(rows, only="boosted").learner
    blend = Blend(line_, trees, (0.4, 0.7))
    again = learner_from_json(json.loads(json.dumps(blend.to_json())))
    new = rows_of(50, line, 5).matrix
    np.testing.assert_allclose(blend.base + blend.contributions(new).sum(axis=1), blend.margin(new), atol=1e-9)
    np.testing.assert_array_equal(again.margin(new), blend.margin(new))
    assert again.base == blend.base


def test_rows_whose_outcome_has_begun_to_show_set_the_level():
    """Twice as many leave in the last months: the level follows, and those not gone yet do not count as retained."""
    rows = rows_of(600, noise, 0)
    n, rng = 600, np.random.default_rng(1)
    rate, share = rows.outcome.mean(), rng.uniform(0.1, 0.9, n)
    at = np.full(n, rows.as_of.max())

    def level_with(factor: float) -> float:
        gone = (rng.random(n) < factor * rate * share).astype(float)
        young = OpenRows(rng.normal(size=(n, 8)), gone, share, at, np.arange(n))
        return float(train(replace(rows, open=young), only="base_rate").predict(rows.matrix)[0])

    without = float(train(rows, only="base_rate").predict(rows.matrix)[0])
    assert level_with(1.0) == pytest.approx(without, abs=0.05)
    assert level_with(2.0) > without + 0.08


def test_a_line_is_chosen_where_the_truth_is_one():
    chosen = [train(rows_of(1000, line, seed)).candidate.name for seed in range(4)]
    assert chosen.count("linear") >= 3, chosen


def test_trees_are_chosen_where_the_truth_is_made_of_steps():
    chosen = [train(rows_of(1000, steps, seed)).candidate.name for seed in range(3)]
    assert chosen == ["boosted"] * 3


@pytest.mark.parametrize("truth", [line, steps])
def test_probabilities_of_the_choice_are_calibrated_on_new_accounts(truth):
    found = train(rows_of(1000, truth, 0))
    new = rows_of(20_000, truth, 99)
    p = found.predict(new.matrix)
    assert p.mean() == pytest.approx(new.outcome.mean(), abs=0.04)
    high = p >= np.quantile(p, 0.9)
    assert p[high].mean() == pytest.approx(new.outcome[high].mean(), abs=0.12)


def test_too_few_events_leave_the_base_rate():
    rows = rows_of(600, lambda x: -5 + 2 * x[:, 0], 0)
    assert rows.n_events < MIN_EVENTS
    found = train(rows)
    assert found.candidate.name == "base_rate"
    predicted = found.predict(rows.matrix)
    assert np.ptp(predicted) == 0
    assert predicted[0] == pytest.approx(rows.outcome.mean(), abs=0.01)


def test_events_are_counted_by_account_and_not_by_row():
    rows = rows_of(50, line, 0, rows_per_account=12)
    assert rows.n_events == len(set(rows.accounts[rows.outcome == 1])) <= 50
    assert rows.rows_per_account == 12


def test_the_simpler_candidate_wins_within_one_standard_error():
    rng = np.random.default_rng(0)
    simple, rich = Candidate("linear", 1), Candidate("boosted", 2)
    base = rng.gamma(2, 1, 200)
    accounts = np.arange(200)
    a_little = base - 0.001 + rng.normal(0, 0.1, 200)
    much = base - 0.2 + rng.normal(0, 0.1, 200)
    assert choose({simple: base, rich: a_little}, accounts) is simple
    assert choose({simple: base, rich: much}, accounts) is rich


def test_the_standard_error_is_that_of_accounts():
    """Differences that agree within an account are one piece of evidence, however many rows it has."""
    rng = np.random.default_rng(1)
    simple, rich = Candidate("linear", 1), Candidate("boosted", 2)
    of_account = rng.normal(-0.05, 0.4, 30)
    difference = np.repeat(of_account, 40)
    losses = {simple: np.ones(1200), rich: 1 + difference}
    error = of_account.std() / np.sqrt(30)
    expected = simple if -of_account.mean() <= error else rich
    assert choose(losses, np.repeat(np.arange(30), 40)) is expected
    assert choose(losses, np.arange(1200)) is rich, "counted by row the same difference would look certain"


def test_many_rows_are_thinned_by_dates_and_keep_every_account():
    rows = rows_of(900, line, 0, rows_per_account=12)
    thin = thinned(rows)
    assert len(thin.outcome) < len(rows.outcome)
    assert rows.as_of.max() in thin.as_of
    assert len(set(thin.accounts)) == 900


def test_recent_rows_count_more():
    weight = recency(np.array(["2022-01-01", "2024-01-01"], dtype="datetime64[us]"))
    np.testing.assert_allclose(weight, [0.5, 1.0], atol=0.001)


def test_the_order_of_rows_and_the_threads_change_no_choice():
    rows = rows_of(400, line, 3)
    first, again = train(rows), train(rows)
    np.testing.assert_array_equal(first.predict(rows.matrix), again.predict(rows.matrix))
    assert dict(first.losses) == dict(again.losses)


def test_a_penalty_is_among_those_tried():
    found = train(rows_of(1000, line, 0))
    assert found.candidate.penalty in PENALTIES
    assert set(found.losses) == {"base_rate", "linear", "boosted", "blend"}


def test_an_event_that_every_account_has_at_some_date_is_learned():
    """Accounts without any event are few, rows without it are many: late payments, not only churn."""
    rng = np.random.default_rng(0)
    n, dates = 60, len(DATES)
    x = rng.normal(size=(n * dates, 3))
    outcome = (rng.random(n * dates) < 1 / (1 + np.exp(1.0 - 1.5 * x[:, 0]))).astype(float)
    accounts, as_of = np.repeat(np.arange(n), dates), np.tile(DATES, n)
    rows = Rows(x, outcome, recency(as_of), accounts, as_of, as_of + np.timedelta64(92, "D"), "binary")
    assert rows.n_events == rows.n_without == n
    assert train(rows).candidate.name == "linear"


def test_numbers_are_learned_whatever_their_level_and_noise_is_not():
    rows = rows_of(400, line, 0)
    rng = np.random.default_rng(1)
    for level in (1.0, 5e6):
        told = Rows(rows.matrix, level + rows.matrix[:, 0] + rng.normal(size=400), rows.weight, rows.accounts, rows.as_of, rows.known_at, "number")  # fmt: skip
        assert told.n_events >= 399 and train(told).candidate.name == "linear"
    untold = Rows(rows.matrix, rng.normal(size=400), rows.weight, rows.accounts, rows.as_of, rows.known_at, "number")
    assert train(untold).candidate.name == "base_rate"
    flat = Rows(rows.matrix, np.where(np.arange(400) < 19, 3.0, 0.0), rows.weight, rows.accounts, rows.as_of, rows.known_at, "number")  # fmt: skip
    assert flat.n_events == 19 and train(flat).losses == {}


def test_of_very_many_accounts_at_one_date_enough_are_left():
    n = 100_000
    at = np.full(n, DATES[0])
    rows = Rows(np.zeros((n, 1)), np.zeros(n), np.ones(n), np.arange(n), at, at, "binary")
    assert 30_000 < len(thinned(rows).outcome) <= 40_000
    assert len(thinned(rows.where(np.arange(n) < 40_000)).outcome) == 40_000

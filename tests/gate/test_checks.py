"""The single checks of the gate on arrays with known faults."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leap import metrics
from leap.gate import Check, Gate, running
from leap.gate.baselines import calibration_checks, claim_check, plain_regression_checks
from leap.gate.champion import (
    Learned,
    any_better,
    difference_checks,
    outcome_differences,
    standing_check,
    stored_difference,
)
from leap.gate.held_out import Judged
from leap.gate.incumbent import Incumbent
from leap.gate.paired import Difference, Resamples, critical, difference
from leap.gate.slices import Reference, slice_checks
from leap.metrics import Figure
from leap.models.selection import MIN_EVENTS
from tests.flat.conftest import TrainedFlat


def logistic(margin: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-margin)))


def judged(
    n: int = 3000, *, seed: int = 0, level: float = 1.0, slope: float = 1.0, noise: float = 0.0, base: float = -2.0
) -> Judged:
    """Rows whose true probability is known; what is predicted is off by `level`, `slope` or noise in the log-odds."""
    rng = np.random.default_rng(seed)
    margin = base + rng.normal(size=n)
    outcome = (rng.random(n) < logistic(margin)).astype(float)
    shown = base + slope * (margin - base) + noise * rng.normal(size=n)
    return Judged(
        name="churn",
        outcome=outcome,
        predicted=level * logistic(shown),
        baseline=np.full(n, outcome.mean()),
        linear=logistic(margin),
        fold=np.arange(n) % 3,
        accounts=np.arange(n) // 3,
    )


# Differences


def test_a_difference_is_that_of_both_figures_on_the_same_rows() -> None:
    outcome = np.array([0.0, 1, 0, 1])
    ours, theirs = np.array([0.0, 1, 0, 1]), np.array([0.5, 0.5, 0.5, 0.5])
    found = difference(metrics.brier, outcome, ours, theirs, Resamples.of(np.arange(4)))
    assert (found.ours, found.theirs, found.value) == (0.0, 0.25, -0.25)
    # In every resample of these rows the difference is the same.
    assert (found.low, found.high, found.error) == (-0.25, -0.25, pytest.approx(0.0, abs=1e-12))
    assert found.better() and not found.worse()


def test_the_same_prediction_is_neither_worse_nor_better() -> None:
    one = judged()
    resamples = Resamples.of(one.accounts)
    for found in outcome_differences(one.outcome, one.predicted, one.predicted, one.fold, resamples).values():
        assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
        assert not found.worse() and not found.better()


def test_every_row_repeated_changes_no_interval() -> None:
    one = judged(600, noise=1.0)
    twice = np.repeat(np.arange(600), 2)
    plain = difference(metrics.brier, one.outcome, one.predicted, one.linear, Resamples.of(one.accounts))
    again = difference(
        metrics.brier, one.outcome[twice], one.predicted[twice], one.linear[twice], Resamples.of(one.accounts[twice])
    )
    assert again.low == pytest.approx(plain.low, abs=1e-12) and again.error == pytest.approx(plain.error, abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(60)))
def test_the_order_of_rows_changes_no_difference(order: list[int]) -> None:
    one, o = judged(60, noise=1.0, base=0.0), np.array(order)
    plain = difference(metrics.brier, one.outcome, one.predicted, one.linear, Resamples.of(one.accounts))
    moved = difference(metrics.brier, one.outcome[o], one.predicted[o], one.linear[o], Resamples.of(one.accounts[o]))
    assert moved.low == pytest.approx(plain.low, abs=1e-12) and moved.high == pytest.approx(plain.high, abs=1e-12)


def test_more_looks_ask_for_more_evidence_and_what_does_not_matter_is_not_worse() -> None:
    found = Difference(ours=0.122, theirs=0.120, low=0.0001, high=0.0039, error=0.0009)
    assert found.worse() and not found.worse(looks=5)
    assert not found.worse(matters=0.005)
    assert critical(5) > critical(1)


def test_equal_models_are_seldom_called_worse() -> None:
    """Two predictions that are equally far from the truth: with five figures looked at, about one of twenty at most."""
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        one = judged(600, seed=seed, noise=0.5)
        other = logistic(np.log(one.linear / (1 - one.linear)) + 0.5 * rng.normal(size=600))
        found = outcome_differences(one.outcome, one.predicted, other, one.fold, Resamples.of(one.accounts))
        wrong += not all(check.passed for check in difference_checks(found))
    assert wrong <= 4


def test_two_figures_of_two_samples_have_the_error_of_both() -> None:
    ours, theirs = Figure(0.60, 0.54, 0.66, 0.5), Figure(0.75, 0.67, 0.83, 0.5)
    found = stored_difference(ours, theirs)
    assert found is not None and found.error == pytest.approx(math.hypot(0.12, 0.16) / 3.92)
    assert found.worse()
    assert stored_difference(None, theirs) is None
    assert stored_difference(ours, Figure(float("nan"), 0, 1, 0.5)) is None


def test_nothing_speaks_for_a_model_of_fewer_accounts_and_older_data() -> None:
    now = Incumbent("7", "Acme", None)
    whole, fewer = Learned("2024-01-01", 400, 100), Learned("2024-06-01", 200, 50)
    assert standing_check(now, "compared", whole, whole, False).passed
    assert not standing_check(now, "compared", fewer, whole, False).passed
    assert standing_check(now, "compared", Learned("2024-06-01", 390, 85), whole, False).passed
    assert not standing_check(now, "compared", Learned("2023-12-31", 400, 100), whole, False).passed
    better = Difference(0.80, 0.70, 0.05, 0.15, 0.02, larger_is_better=True)
    assert standing_check(now, "compared", fewer, whole, any_better({"auc": better})).passed
    meanwhile = Incumbent("7", "Acme", None, meanwhile=True)
    assert not standing_check(meanwhile, "compared", whole, whole, False).passed
    assert standing_check(meanwhile, "compared", Learned("2024-02-01", 400, 100), whole, False).passed


def test_a_smaller_absolute_error_alone_does_not_speak_for_a_model_learned_from_older_data() -> None:
    """It rewards the median, not the mean that is predicted: the squared error has to be smaller too."""
    absolute = Difference(0.1338, 0.1362, low=-0.0041, high=-0.0011, error=0.0008)
    same = Difference(0.0620, 0.0621, low=-0.0009, high=0.0008, error=0.0004)
    smaller = Difference(0.0600, 0.0621, low=-0.0030, high=-0.0012, error=0.0004)
    found = {"brier": same, "nrr_account_error": absolute}
    assert any_better(found) and any_better(found, smaller) and not any_better(found, same)
    words = [{check.check: check.words for check in difference_checks(found, squared)} for squared in (same, smaller)]
    assert [said["champion.nrr_account_error"].endswith(": better.") for said in words] == [False, True]
    now, older, newer = Incumbent("7", "Acme", None), Learned("2024-02-01", 300, 108), Learned("2024-07-01", 300, 129)
    assert not standing_check(now, "compared", older, newer, any_better(found, same)).passed


# The plain regression


def test_a_model_with_skill_that_ranks_far_below_the_plain_logistic_is_refused() -> None:
    """Regression: a model with AUC 0.59 beside 0.74 of the plain logistic was named challenger without a word."""
    one = judged(base=-1.5, noise=2.5)
    found = {check.check: check for check in plain_regression_checks([one])}
    auc = found["plain_logistic.churn.auc"]
    assert auc.ours is not None and auc.theirs is not None and 0.53 < auc.ours < auc.theirs - 0.1
    assert not auc.passed and "clearly worse beyond chance" in auc.words
    assert not found["plain_logistic.churn.brier"].passed


def test_a_model_as_good_as_the_plain_logistic_passes() -> None:
    assert all(check.passed for check in plain_regression_checks([judged(noise=0.1)]))


def test_numbers_are_judged_by_their_squared_error() -> None:
    one = judged()
    number = Judged("spend", *(getattr(one, n) for n in ("outcome", "baseline", "baseline", "linear", "fold", "accounts")), binary=False)  # fmt: skip
    (found,) = plain_regression_checks([number])
    assert found.check == "plain_logistic.spend.squared_error" and not found.passed


# Calibration


def calibrated(one: Judged) -> dict[str, bool]:
    return {check.check.rsplit(".", 1)[1]: check.passed for check in calibration_checks([one])}


def test_a_calibrated_model_passes() -> None:
    assert calibrated(judged()) == {"level": True, "slope": True}


def test_a_level_or_slope_that_is_wrong_beyond_chance_is_refused() -> None:
    assert calibrated(judged(level=1.4)) == {"level": False, "slope": True}
    assert calibrated(judged(level=0.7))["level"] is False
    assert calibrated(judged(slope=2.0))["slope"] is False
    assert calibrated(judged(slope=0.4))["slope"] is False


def test_the_same_faults_pass_where_there_are_too_few_rows_to_tell() -> None:
    few = judged(90, level=1.25, base=-1.0)
    found = {check.check: check for check in calibration_checks([few])}
    level = found["calibration.churn.level"]
    assert level.passed and level.ours is not None and level.ours > 1.15 and "not clearly outside" in level.words


def test_a_base_rate_has_no_slope_to_be_judged_by() -> None:
    one = judged()
    flat = Judged("churn", one.outcome, one.baseline, one.baseline, one.linear, one.fold, one.accounts)
    slope = next(check for check in calibration_checks([flat]) if check.check.endswith("slope"))
    assert slope.passed and slope.ours is None


def test_skill_that_cannot_be_told_from_none_fails_the_claim_with_its_numbers() -> None:
    found = claim_check(False, "AUC 0.52, interval 0.45 to 0.60.", Figure(0.52, 0.45, 0.60, 0.5), 0.5, "AUC")
    assert not found.passed and (found.ours, found.theirs, found.low) == (0.52, 0.5, 0.45)
    carried = claim_check(True, None, Figure(0.52, 0.45, 0.60, 0.5), 0.5, "AUC")
    assert carried.passed and "contraction or expansion" in carried.words


# Slices


def reference(one: Judged, labels: np.ndarray) -> Reference:
    return Reference("slice", "the base rate", one.outcome, one.predicted, one.baseline, one.accounts, {"plan": labels})


def test_a_slice_that_is_served_much_worse_is_refused_though_the_whole_is_not() -> None:
    one = judged(3000)
    labels = np.where(one.accounts % 5 == 0, "basic", "pro")
    predicted = np.where(labels == "basic", 1 - one.predicted, one.predicted)
    harmed = Judged(one.name, one.outcome, predicted, one.baseline, one.linear, one.fold, one.accounts)
    found = {check.check: check.passed for check in slice_checks([reference(harmed, labels)])}
    assert found == {"slices": False, "slice.plan = basic": False, "slice.plan = pro": True}
    assert all(check.passed for check in slice_checks([reference(one, labels)]))


def test_a_slice_of_few_events_is_not_judged() -> None:
    one = judged(300)
    labels = np.where(np.cumsum(one.outcome) < MIN_EVENTS / 2, "few", "rest")
    assert "slice.plan = few" not in [check.check for check in slice_checks([reference(one, labels)])]


def test_of_many_slices_of_a_good_model_none_fails_by_chance() -> None:
    failed = 0
    for seed in range(10):
        one = judged(1500, seed=seed, noise=0.3)
        labels = np.random.default_rng(seed).integers(0, 5, len(one.outcome)).astype(str)
        failed += not slice_checks([reference(one, labels)])[0].passed
    assert failed == 0


# Running


def test_a_slow_score_is_a_ratio_to_one_measured_by_turns() -> None:
    def busy(seconds: float) -> None:
        until = time.process_time() + seconds
        while time.process_time() < until:
            pass

    slow, quick = running.interleaved(lambda: busy(0.004), lambda: busy(0.001), repeats=5)
    assert 2.5 < slow / quick < 6


def test_four_times_as_slow_is_refused_and_a_champion_of_fewer_features_allows_more(
    linear: TrainedFlat, boosted: TrainedFlat, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running.latency_check(linear.bundle, None).passed
    assert running.latency_check(boosted.bundle, linear.bundle).passed
    monkeypatch.setattr(running, "interleaved", lambda one, other: (4.0, 1.0))
    found = running.latency_check(boosted.bundle, linear.bundle)
    assert not found.passed and found.ours == 4.0 and "4.00 times as long" in found.words


def test_files_that_score_otherwise_than_the_trained_model_are_refused(
    linear: TrainedFlat, boosted: TrainedFlat, boosted_folder: Path, tmp_path: Path
) -> None:
    assert running.golden_check(boosted_folder, boosted.bundle).passed
    other = running.golden_check(boosted_folder, linear.bundle)
    assert not other.passed and other.ours is not None and other.ours > 1e-3
    gone = running.golden_check(tmp_path / "gone", boosted.bundle)
    assert not gone.passed and "there is no such bundle" in gone.words


# The table


def test_the_table_has_one_row_a_check_and_the_reason_names_those_that_failed() -> None:
    gate = Gate(
        (Check("claim", True, "fine.", 0.7, 0.5, 0.6, 0.8), Check("champion.auc", False, "AUC 0.6 for 0.7.", 0.6)), "7"
    )
    assert not gate.passed and gate.verdict == "failed: champion.auc"
    assert gate.reason == "The gate did not pass. champion.auc: AUC 0.6 for 0.7."
    assert list(gate.to_json()[0]) == ["check", "passed", "ours", "theirs", "low", "high", "words"]
    assert gate.metrics()["gate.passed"] == 0.0 and gate.metrics()["gate.claim.low"] == 0.6
    assert "gate.champion.auc.theirs" not in gate.metrics()
    assert Gate((Check("claim", True, ""),)).reason is None


def test_what_is_not_a_number_is_null_in_the_table() -> None:
    assert Check("claim", True, "", float("nan"), float("inf")).to_json()["ours"] is None

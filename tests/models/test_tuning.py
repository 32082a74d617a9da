"""Settings are found in the past alone, with trials given up early, and a killed study goes on as if it had not been."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from leap.models import tuning
from leap.models.composition import Labels, TrainingRows
from leap.models.selection import SMALL_TREES, Rows, recency
from leap.models.trials import hopeless, inner_folds_of, judge
from leap.models.tuning import SPACE, Plan, Tuning, search, tune, tune_final, tune_folds
from leap.splits import inner_folds, temporal_folds

MONTHS = 36
DATES = pd.date_range("2020-01-01", periods=MONTHS, freq="MS").to_numpy().astype("datetime64[us]")


def rows_of(n: int = 160, every: int = 6, seed: int = 0) -> Rows:
    """`n` accounts over three years: those whose first two columns disagree in sign leave more often."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 8))
    dates = DATES[::every]
    accounts, as_of = np.repeat(np.arange(n), len(dates)), np.tile(dates, n)
    p = np.where((x[:, 0] > 0) != (x[:, 1] > 0), 0.6, 0.1)
    outcome = (rng.random(len(accounts)) < p[accounts]).astype(float)
    matrix = x[accounts] + rng.normal(0, 0.05, (len(accounts), 8))
    return Rows(matrix, outcome, recency(as_of), accounts, as_of, as_of + np.timedelta64(365, "D"), "binary")


class Kept:
    """A history in memory, which may be interrupted after some trials."""

    def __init__(self, interrupt_after: int | None = None):
        self.trials: dict[str, list] = {}
        self.interrupt_after = interrupt_after
        self.written = 0

    def finished(self, study: str) -> list:
        return list(self.trials.get(study, []))

    def keep(self, study: str, trial) -> None:
        self.trials.setdefault(study, []).append(trial)
        self.written += 1
        if self.written == self.interrupt_after:
            raise KeyboardInterrupt


def frame_of(rows: Rows) -> SimpleNamespace:
    """What tuning needs of a frame."""
    labels = Labels(rows.outcome, 1 - rows.outcome, np.ones(len(rows.outcome)))
    training = TrainingRows(rows.matrix, labels, rows.accounts, rows.as_of, rows.known_at)
    everything = np.ones(len(rows.outcome), dtype=bool)
    folds = temporal_folds(rows.as_of, rows.known_at, everything, everything)
    return SimpleNamespace(rows=training, trainable=training, folds=folds)


def test_what_is_found_is_inside_the_bounds_and_no_worse_than_the_untuned_setting():
    rows = rows_of()
    found = search(rows, 6, Plan(6))
    folds = inner_folds_of(rows, inner_folds(rows.accounts, rows.as_of, rows.known_at))
    untuned = judge(folds, "binary", SMALL_TREES)
    assert found.loss <= untuned.loss
    assert judge(folds, "binary", {k: v for k, v in found.parameters.items() if k != "rounds"}).loss == found.loss
    assert all(low <= found.parameters[name] <= high for name, (low, high) in SPACE.items())
    assert tune(rows, 6) == found.parameters


def test_a_study_that_was_killed_goes_on_to_what_it_would_have_found_and_repeats_nothing(monkeypatch):
    rows = rows_of()
    whole = search(rows, 7, Plan(7))
    history = Kept(interrupt_after=3)
    with pytest.raises(KeyboardInterrupt):
        search(rows, 7, Plan(7, history=history))
    judged = []
    monkeypatch.setattr(tuning, "judge", lambda *a: judged.append(a) or judge(*a))
    resumed = search(rows, 7, Plan(7, history=history))
    assert len(judged) == 4 and resumed.resumed == 3
    assert resumed.to_json() == whole.to_json()
    assert search(rows, 7, Plan(7, history=history)).to_json() == whole.to_json()
    assert len(judged) == 4


def test_fewer_trials_than_were_kept_find_what_fewer_trials_find():
    rows, history = rows_of(), Kept()
    search(rows, 6, Plan(6, history=history))
    assert search(rows, 2, Plan(2, history=history)).to_json() == search(rows, 2, Plan(2)).to_json()


def test_two_processes_that_kept_the_same_trials_do_no_harm():
    rows, history = rows_of(), Kept()
    whole = search(rows, 4, Plan(4, history=history))
    (name, trials), *_ = history.trials.items()
    history.trials[name] = [trials[0], trials[1], trials[0], trials[1], trials[3]]
    resumed = search(rows, 4, Plan(4, history=history))
    assert resumed.resumed == 2 and resumed.to_json() == whole.to_json()


@pytest.mark.parametrize("changed", ["matrix", "outcome", "weight"])
def test_corrected_data_begin_a_study_of_their_own(changed):
    rows, history = rows_of(), Kept()
    search(rows, 1, Plan(1, history=history))
    values = getattr(rows, changed).copy()
    values[0] = 1 - values[0]
    assert search(replace(rows, **{changed: values}), 1, Plan(1, history=history)).resumed == 0
    assert len(history.trials) == 2


def test_time_ends_a_study_after_its_first_trial_at_the_earliest():
    found = search(rows_of(), 50, Plan(50), until=0.0)
    assert found.trials == 1 and found.stopped_by_time
    assert not search(rows_of(), 1, Plan(1), until=0.0).stopped_by_time


def test_giving_up_hopeless_trials_loses_nothing_and_saves_folds():
    saved = 0
    for seed in range(3):
        rows = rows_of(seed=seed)
        with_it, without = (search(rows, 14, Plan(14, seed, prune=prune)) for prune in (True, False))
        assert with_it.loss <= without.loss * 1.005
        assert without.pruned == 0
        saved += with_it.pruned
    assert saved >= 9


def test_a_trial_is_given_up_only_if_the_accounts_agree_that_it_is_worse():
    rng = np.random.default_rng(0)
    best = rng.uniform(1, 2, 10)
    assert not hopeless(best, best) and not hopeless(best - 0.1, best)
    assert hopeless(best + 0.1 + rng.normal(0, 0.01, 10), best)
    noise = rng.normal(0, 1, 10)
    assert not hopeless(best + 0.1 + noise - noise.mean(), best)
    assert not hopeless(best[:1] + 5, best[:1])


def test_every_fold_is_tuned_on_what_was_known_at_its_cutoff():
    rows = rows_of()
    frame = frame_of(rows)
    assert len(frame.folds) >= 2
    found = tune_folds(frame, Plan(6))
    last = frame.folds[-1].cutoff.to_datetime64()
    rng = np.random.default_rng(1)
    later = rows.known_at > last
    shuffled = np.where(later, rng.permutation(rows.outcome), rows.outcome)
    moved = np.where(later[:, None], rows.matrix * 3, rows.matrix)
    again = tune_folds(frame_of(replace(rows, outcome=shuffled, matrix=moved)), Plan(6))
    assert found.to_json() == again.to_json()
    first = frame.folds[0].cutoff.to_datetime64()
    scrambled = np.where(rows.known_at > first, 1 - rows.outcome, rows.outcome)
    other = tune_folds(frame_of(replace(rows, outcome=scrambled)), Plan(6))
    assert other.folds[0] == found.folds[0] and other.folds[-1] != found.folds[-1]


@pytest.mark.parametrize(("trained_on", "starts"), [("2019-01-01", True), ("2100-01-01", False)])
def test_a_fold_starts_from_the_champion_only_if_it_knew_no_later_outcome(monkeypatch, trained_on, starts):
    asked = []
    monkeypatch.setattr(tuning, "search", lambda rows, trials, plan, first, *rest: asked.append(list(first)))
    champion = (trained_on, {**SMALL_TREES, "num_leaves": 5, "rounds": 65})
    folds = tune_folds(frame_of(rows_of()), Plan(4), champion)
    assert all((champion[1] in first) == starts for first in asked)
    tune_final(frame_of(rows_of()), Plan(4), folds)
    assert asked[-1] == [champion[1]]


def test_the_final_study_starts_from_the_champion_and_the_last_fold():
    history = Kept()
    frame = frame_of(rows_of())
    champion = ("2100-01-01", {**SMALL_TREES, "num_leaves": 5, "lambda_l2": 1e6, "rounds": 65})
    folds = tune_folds(frame, Plan(6, history=history), champion)
    found = tune_final(frame, Plan(6, history=history), folds)
    trials = next(kept for name, kept in history.trials.items() if "final" in name)
    assert trials[0].params["num_leaves"] == 5 and trials[0].params["lambda_l2"] == SPACE["lambda_l2"][1]
    assert {**trials[1].params, "rounds": 0} == {**folds.folds[-1].parameters, "rounds": 0}
    assert found.to_json()["final"]["parameters"] == found.of_final
    assert len(found.of_folds) == len(frame.folds)


def test_without_trials_or_events_nothing_is_tuned():
    frame = frame_of(rows_of())
    assert tune_folds(frame, Plan(0)) == Tuning() == tune_final(frame, Plan(0), Tuning())
    assert Tuning().of_folds is None and Tuning().to_json() == {}
    few = replace(rows_of(), outcome=np.zeros(len(rows_of().outcome)))
    assert set(tune_folds(frame_of(few), Plan(2)).folds) == {None}

"""Optuna looks for settings of the boosted candidate, judged by the inner folds of the rows it may see.

Every fold's settings come from that fold's past alone; those of the final model from all rows. A study lives in memory
and trial k is proposed from the seed, k and the trials before it: one that was killed and goes on from the trials kept
finds what it would have found. TPE: Bergstra et al. (2011), "Algorithms for hyper-parameter optimization".
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from leap.models.frames import ScopeFrame
from leap.models.selection import MIN_EVENTS, SMALL_TREES, Rows, thinned
from leap.models.trials import ROUNDS_TRIED, InnerFold, inner_folds_of, judge
from leap.splits import inner_folds

if TYPE_CHECKING:
    import optuna

SPACE: Mapping[str, tuple[float, float]] = {
    "learning_rate": (0.02, 0.2),
    "num_leaves": (3, 31),
    "leaf_accounts": (5, 60),
    "lambda_l2": (0.1, 100),
    "feature_fraction": (0.3, 1.0),
}
"""Bounds of each setting; rounds are not searched, since every trial is judged at several numbers of them."""

_WHOLE = ("num_leaves", "leaf_accounts")
_LINEAR = ("feature_fraction",)
_RANDOM_TRIALS = 8


class History(Protocol):
    """Keeps the finished trials of studies by name, beyond this process."""

    def finished(self, study: str) -> Sequence[optuna.trial.FrozenTrial]:
        """Trials kept, in their order."""

    def keep(self, study: str, trial: optuna.trial.FrozenTrial) -> None:
        """Keep one more."""


@dataclass(frozen=True)
class Plan:
    """How the studies of one training go: so many trials for the final settings and as many for all folds together;
    no new trial after so many minutes, half of them for the folds.

    `key` tells this training's studies from others in the history; `progress` is told of every trial.
    """

    trials: int
    seed: int = 0
    minutes: float | None = None
    history: History | None = None
    key: str = ""
    progress: Callable[[str], None] = lambda _: None
    prune: bool = True


@dataclass(frozen=True)
class Tuned:
    """What one study found: the best settings with their rounds, and how many trials it took.

    `resumed` of the trials come from an earlier process; a study stopped by time may find others the next time.
    """

    parameters: Mapping[str, Any]
    loss: float
    trials: int
    pruned: int
    resumed: int = 0
    stopped_by_time: bool = False

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle: what a later run must repeat, so not whether this one was resumed."""
        kept = {name: getattr(self, name) for name in ("loss", "trials", "pruned", "stopped_by_time")}
        return {"parameters": dict(self.parameters), **kept}


@dataclass(frozen=True)
class Tuning:
    """All studies of a training: one for each outer fold (None where there are too few events), and the final one."""

    folds: tuple[Tuned | None, ...] = ()
    final: Tuned | None = None
    warm_start: Mapping[str, Any] = field(default_factory=dict)

    @property
    def of_folds(self) -> list[Mapping[str, Any] | None] | None:
        """The settings for each fold; None if nothing was tuned."""
        return [found.parameters if found else None for found in self.folds] if self.folds else None

    @property
    def of_final(self) -> Mapping[str, Any] | None:
        """The settings for the final model."""
        return self.final.parameters if self.final else None

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle; empty if nothing was tuned."""
        studies = [found for found in (*self.folds, self.final) if found]
        if not studies:
            return {}
        return {
            "folds": [found.to_json() if found else None for found in self.folds],
            "final": self.final.to_json() if self.final else None,
            "warm_start": dict(self.warm_start),
            "stopped_by_time": any(found.stopped_by_time for found in studies),
        }


def tune(rows: Rows, trials: int, seed: int = 0) -> dict[str, Any]:
    """The best settings of so many trials; the first trial is the untuned setting."""
    found = search(rows, trials, Plan(trials, seed))
    return dict(found.parameters) if found else {**SMALL_TREES, "rounds": 60}


def tune_folds(frame: ScopeFrame, plan: Plan, champion: tuple[str, Mapping[str, Any]] | None = None) -> Tuning:
    """Settings for churn in each outer fold, from the rows known at its cutoff; each starts from the one before.

    `champion` is when the champion was trained and its settings: they have seen the outcomes known that day, so only
    folds of a later cutoff start from them.
    """
    if plan.trials <= 0 or not frame.folds:
        return Tuning()
    count = len(frame.folds)
    began, found = time.monotonic(), list[Tuned | None]()
    for number, fold in enumerate(frame.folds, start=1):
        seen_before = champion is not None and pd.Timestamp(champion[0]) <= fold.cutoff
        starts = [champion[1]] if champion is not None and seen_before else []
        starts += [earlier.parameters for earlier in found[-1:] if earlier]
        until = None if plan.minutes is None else began + plan.minutes * 30 * number / count
        rows = frame.rows.where(fold.train).of("churn")
        part = f"fold {number} of {count}"
        found.append(search(rows, -(-plan.trials // count), plan, starts, part, until))
    return Tuning(tuple(found), warm_start=dict(champion[1]) if champion else {})


def tune_final(frame: ScopeFrame, plan: Plan, folds: Tuning) -> Tuning:
    """Settings for churn in the final model, from all rows; starts from the champion's and the last fold's."""
    if plan.trials <= 0:
        return folds
    starts = [folds.warm_start] if folds.warm_start else []
    starts += [found.parameters for found in folds.folds[-1:] if found]
    until = None if plan.minutes is None else time.monotonic() + plan.minutes * 30
    final = search(frame.trainable.of("churn"), plan.trials, plan, starts, "final", until)
    return Tuning(folds.folds, final, folds.warm_start)


def search(
    rows: Rows,
    trials: int,
    plan: Plan,
    starts: Sequence[Mapping[str, Any]] = (),
    part: str = "",
    until: float | None = None,
) -> Tuned | None:
    """One study; None if the rows have too few events. The first trials are `starts` and the untuned setting.

    `until` is a moment of `time.monotonic` after which no trial begins; one is always judged.
    """
    if rows.n_events < MIN_EVENTS:
        return None
    rows = thinned(rows).binned()
    pairs = inner_folds(rows.accounts, rows.as_of, rows.known_at)
    if not pairs:
        return None
    study, name = _study(), _name(plan, part, rows)
    kept = _in_order(plan.history.finished(name))[:trials] if plan.history else []
    study.add_trials(kept)
    folds = inner_folds_of(rows, pairs) if len(kept) < trials else []
    first = _distinct([*starts, SMALL_TREES])
    stopped = False
    for index in range(len(kept), trials):
        stopped = until is not None and index > 0 and time.monotonic() > until
        if stopped:
            break
        _one_trial(study, index, first, folds, rows, plan)
        if plan.history:
            plan.history.keep(name, study.get_trials(deepcopy=False)[-1])
        plan.progress(f"{part}: trial {index + 1} of {trials}, best loss {study.best_value:.4f}")
    best, tried = study.best_trial, study.get_trials(deepcopy=False)
    pruned = sum(trial.state.name == "PRUNED" for trial in tried)
    parameters = {**best.params, "rounds": int(best.user_attrs["rounds"])}
    return Tuned(parameters, float(study.best_value), len(tried), pruned, len(kept), stopped)


def _study() -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="minimize")


def _one_trial(
    study: optuna.Study, index: int, first: list[dict[str, Any]], folds: list[InnerFold], rows: Rows, plan: Plan
) -> None:
    """Propose, judge and tell. The sampler is seeded anew: a trial depends on those before it and on nothing else."""
    import optuna

    drawn = int(np.random.SeedSequence([plan.seed, index]).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=drawn, n_startup_trials=_RANDOM_TRIALS)
    if index < len(first):
        study.enqueue_trial(first[index])
    trial = study.ask()
    parameters = _suggested(trial)
    best = study.best_trial.user_attrs["groups"] if index and plan.prune else None
    found = judge(folds, rows.task, parameters, plan.seed, best)
    trial.set_user_attr("rounds", found.rounds)
    trial.set_user_attr("groups", list(found.groups))
    trial.set_user_attr("index", index)
    trial.report(found.loss, found.folds)
    if found.folds < len(folds):
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    else:
        study.tell(trial, found.loss)


def _suggested(trial: optuna.Trial) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    for name, (low, high) in SPACE.items():
        if name in _WHOLE:
            parameters[name] = trial.suggest_int(name, int(low), int(high), log=True)
        else:
            parameters[name] = trial.suggest_float(name, low, high, log=name not in _LINEAR)
    return parameters


def _distinct(starts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Settings inside the bounds, each once; what a setting does not say is as untuned."""
    found: list[dict[str, Any]] = []
    for start in starts:
        full = {**SMALL_TREES, **start}
        inside = {name: min(max(full[name], low), high) for name, (low, high) in SPACE.items()}
        inside |= {name: int(inside[name]) for name in _WHOLE}
        if inside not in found:
            found.append(inside)
    return found


def _in_order(kept: Sequence[optuna.trial.FrozenTrial]) -> list[optuna.trial.FrozenTrial]:
    """Trials 0, 1, 2 and so on without a gap, each once: two processes may have kept the same."""
    by_index = {trial.user_attrs.get("index"): trial for trial in reversed(kept)}
    found: list[optuna.trial.FrozenTrial] = []
    while len(found) in by_index:
        found.append(by_index[len(found)])
    return found


def _name(plan: Plan, part: str, rows: Rows) -> str:
    """The study of these very rows: with corrected data, the losses of before mean nothing."""
    digest = hashlib.sha256(repr((plan.seed, plan.prune, rows.task, dict(SPACE), ROUNDS_TRIED)).encode())
    for name in ("matrix", "outcome", "weight", "accounts", "as_of", "known_at"):
        digest.update(np.ascontiguousarray(getattr(rows, name)).tobytes())
    return f"{plan.key}, {part}, {digest.hexdigest()[:16]}"

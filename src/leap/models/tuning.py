"""Optuna looks for settings of the boosted candidate, judged by the inner folds' loss of rows that no test fold
holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from leap.models.frames import ScopeFrame
from leap.models.learners import fit_boosted
from leap.models.selection import MIN_EVENTS, Rows, thinned
from leap.splits import inner_folds


def tune(rows: Rows, trials: int, seed: int = 0) -> dict[str, Any]:
    """The best settings of so many trials (TPE, seeded, one at a time); the first trial is the untuned setting."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = thinned(rows)
    pairs = inner_folds(rows.accounts, rows.as_of, rows.known_at)

    def loss(trial: optuna.Trial) -> float:
        parameters = {
            "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.15, log=True),
            "num_leaves": trial.suggest_int("num_leaves", 3, 31, log=True),
            "leaf_accounts": trial.suggest_int("leaf_accounts", 5, 60, log=True),
            "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100, log=True),
            "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
        }
        rounds = trial.suggest_int("rounds", 20, 300, log=True)
        return _loss(rows, pairs, parameters, rounds, seed)

    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(
        {
            "learning_rate": 0.05,
            "num_leaves": 7,
            "leaf_accounts": 15,
            "lambda_l2": 10.0,
            "feature_fraction": 0.7,
            "rounds": 60,
        }
    )
    study.optimize(loss, n_trials=trials)
    return dict(study.best_params)


def tune_before(frame: ScopeFrame, trials: int, seed: int = 0) -> dict[str, Any] | None:
    """Tuned settings from the rows known before the first fold's cutoff, so that no figure has seen them; else None."""
    if trials <= 0 or not frame.folds:
        return None
    rows = frame.rows.where(frame.folds[0].train).of("churn")
    if rows.n_events < MIN_EVENTS:
        return None
    return tune(rows, trials, seed)


def _loss(
    rows: Rows, pairs: list[tuple[np.ndarray, np.ndarray]], parameters: dict[str, Any], rounds: int, seed: int
) -> float:
    total, count = 0.0, 0.0
    for fit_on, validate in pairs:
        part, held = rows.where(fit_on), rows.where(validate)
        booster = fit_boosted(
            part.matrix, part.outcome, part.weight, rows.task, parameters, rounds, part.rows_per_account, seed
        )
        margin = np.asarray(booster.predict(held.matrix, raw_score=True, num_threads=1))
        if rows.task == "binary":
            losses = np.logaddexp(0, margin) - held.outcome * margin
        else:
            losses = (held.outcome - margin) ** 2
        total += float((held.weight * losses).sum())
        count += float(held.weight.sum())
    return total / count

"""How good the model of an outcome is in held-out folds, beside baselines, and whether it may claim anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leap import metrics
from leap.evaluation import OutcomeQuality, events_needed
from leap.evaluation.calibration_report import calibration_report, drifted
from leap.evaluation.money import gain_at
from leap.flat.frame import HELD_WORDS, FlatFrame, Held, part
from leap.flat.model import FlatModel, fit_model
from leap.flat.rows import FlatOutcome
from leap.metrics import Figure
from leap.models.selection import MIN_EVENTS, plain_logistic, train

_TOO_GOOD_AUC, _TOO_GOOD_R2 = 0.9, 0.95
_DRAWS = 200


@dataclass(frozen=True)
class HeldOut:
    """Predictions of rows by the models of their folds, which saw neither these rows nor, in time, anything later.

    `baseline` is the mean of each fold's training rows; `linear` a plain regression; `new` marks rows of accounts that
    had no training row; `models` are one per fold.
    """

    frame: FlatFrame
    rows: np.ndarray
    fold: np.ndarray
    predicted: np.ndarray
    baseline: np.ndarray
    linear: np.ndarray
    new: np.ndarray
    models: tuple[FlatModel, ...]

    @property
    def outcome(self) -> np.ndarray:
        """What followed, shape (n,)."""
        return np.asarray(self.frame.rows.outcome[self.rows])

    @property
    def accounts(self) -> np.ndarray:
        """Whose rows these are, shape (n,)."""
        return np.asarray(self.frame.accounts[self.rows])

    @property
    def resampled(self) -> np.ndarray:
        """What intervals resample: accounts, copies of each other as one, shape (n,)."""
        return np.asarray(self.frame.rows.accounts[self.rows])


@dataclass(frozen=True)
class FlatQuality:
    """What the held-out folds say."""

    outcome: FlatOutcome
    figures: OutcomeQuality
    held: Held
    folds: tuple[dict[str, Any], ...]
    new_accounts: dict[str, Any]
    claimed: bool
    reason: str | None
    survival: dict[str, Any] | None = None
    """Of a table with `duration`: how well the time to the outcome is told."""

    def outcomes_json(self) -> dict[str, Any]:
        """`outcomes` in the JSON of `train`: one entry, under the outcome's column."""
        document = self.figures.to_json()
        if not self.outcome.is_binary:
            document["n_events"] = None
        return {self.outcome.column: {**document, "kind": self.outcome.kind, "held_out": self.held}}

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "outcomes": self.outcomes_json(),
            "held_out": self.held,
            "folds": list(self.folds),
            "new_accounts": self.new_accounts,
            "survival": self.survival,
        }

    def of_final(self, model: FlatModel) -> FlatQuality:
        """The same figures with the learner of the final model; no claim where that is the base rate."""
        found = model.component
        figures = replace(self.figures, learner=found.learner_name, losses=found.losses)
        if found.learner_name != "base_rate":
            return replace(self, figures=figures)
        reason = (
            f"On all rows no learner of {self.outcome.words} beat the base rate inside the training folds, though "
            "those of the held-out folds did: what they found does not hold."
        )
        return replace(self, figures=figures, claimed=False, reason=reason)

    @property
    def warnings(self) -> list[str]:
        """A skill too high to be of an outcome that lay ahead, and a level off beyond its aim and beyond chance."""
        return self._too_good() + self._level()

    def _too_good(self) -> list[str]:
        name, words, most = (
            ("auc", "An AUC", _TOO_GOOD_AUC) if self.outcome.is_binary else ("r2", "An R2", _TOO_GOOD_R2)
        )
        figure = self.figures.metrics.get(name)
        if figure is None or figure.value < most:
            return []
        return [
            f"Warning: {words} of {figure.value:.2f} is more than what lies ahead usually allows: check that every "
            f"column, first those that {self.outcome.column} is associated with most, was known before it and is not "
            "made from it."
        ]

    def _level(self) -> list[str]:
        predicted, observed = (self.figures.calibration[name] for name in ("mean_predicted", "mean_observed"))
        if not self.outcome.is_binary or not drifted(self.figures.calibration):
            return []
        way = "more often" if observed > predicted else "less often"
        return [
            f"{self.outcome.event} happened {way} than predicted {HELD_WORDS[self.held]} ({observed:.1%} against "
            f"{predicted:.1%}): trust the order of rows before the level."
        ]


def predict_folds(frame: FlatFrame, *, trials: int = 0, seed: int = 0) -> HeldOut:
    """Train on each fold's training rows alone, tuning included, and predict its test rows."""
    parts: list[dict[str, np.ndarray]] = []
    models = []
    for number, fold in enumerate(frame.folds):
        past, test = part(frame.rows, fold.train), np.flatnonzero(fold.test)
        model = fit_model(frame.outcome, frame.encoder, past, trials=trials, seed=seed)
        models.append(model)
        matrix = frame.rows.matrix[test]
        parts.append(
            {
                "rows": test,
                "fold": np.full(len(test), number),
                "predicted": model.predict(matrix),
                "baseline": train(past, only="base_rate").predict(matrix),
                "linear": plain_logistic(past).predict(matrix),
                "new": ~np.isin(frame.rows.accounts[test], past.accounts),
            }
        )
    joined = {name: np.concatenate([found[name] for found in parts]) for name in parts[0]}
    return HeldOut(frame=frame, models=tuple(models), **joined)


def judge(found: HeldOut) -> FlatQuality:
    """Figures with intervals over accounts, and whether the skill can be told from none."""
    frame = found.frame
    figures = OutcomeQuality(
        learner=found.models[-1].component.learner_name,
        n_rows=len(found.rows),
        n_accounts=len(np.unique(found.accounts)),
        n_events=_events(found),
        base_rate=float(found.outcome.mean()),
        metrics=_figures(found),
        calibration=_calibration(found),
        lift=_lift(found),
        losses=found.models[-1].component.losses,
        linear_baseline=_linear(found),
    )
    claimed, reason = _claim(frame, figures)
    folds = tuple(_fold(found, number) for number in range(len(frame.folds)))
    return FlatQuality(frame.outcome, figures, frame.held, folds, _new_accounts(found), claimed, reason)


def _events(found: HeldOut) -> int:
    happened = found.outcome > 0 if found.frame.outcome.is_binary else np.ones(len(found.rows), dtype=bool)
    return len(np.unique(found.accounts[happened]))


def _figures(found: HeldOut) -> dict[str, Figure]:
    outcome, predicted, baseline = found.outcome, found.predicted, found.baseline
    if np.ptp(outcome) == 0:
        return {}
    resamples = metrics.account_bootstrap(found.resampled, _DRAWS)

    def skill(y: np.ndarray, p: np.ndarray, weight: np.ndarray) -> float:
        reference = metrics.brier(y, baseline, weight)
        return 1 - metrics.brier(y, p, weight) / reference if reference > 0 else float("nan")

    def figure(metric: metrics.Metric, beside: np.ndarray | float) -> Figure:
        return metrics.with_interval(metric, outcome, predicted, resamples, baseline=beside)

    if found.frame.outcome.is_binary:
        return {
            "auc": figure(metrics.AucWithin(found.fold), 0.5),
            "brier": figure(metrics.brier, baseline),
            "brier_skill": figure(skill, 0.0),
            "log_loss": figure(metrics.log_loss, baseline),
        }
    return {
        "mae": figure(metrics.mae, baseline),
        "r2": figure(skill, 0.0),
        "spearman": figure(metrics.spearman, 0.0),
    }


def _calibration(found: HeldOut) -> dict[str, Any]:
    outcome, predicted = found.outcome, found.predicted
    if found.frame.outcome.is_binary:
        resamples, learned = metrics.account_bootstrap(found.resampled, _DRAWS), found.models[-1].component.n_events
        return calibration_report(outcome, predicted, found.resampled, found.fold, resamples, learned)
    slope = _slope(outcome, predicted)
    return {"slope": slope, "mean_predicted": float(predicted.mean()), "mean_observed": float(outcome.mean())}


def _lift(found: HeldOut) -> dict[str, Any] | None:
    """What the rows of each fold ranked highest hold of those with the outcome, as `evaluation.money.gain_at` says."""
    if not found.frame.outcome.is_binary:
        return None
    resamples = metrics.account_bootstrap(found.resampled, _DRAWS)
    at = gain_at(found.fold, found.resampled, found.outcome, found.predicted, resamples)
    return {"ranked_together": "fold", **at}


def _slope(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Slope of a least-squares line of the outcome on the prediction: 1 is right; NaN if constant."""
    variance = predicted.var()
    return float(np.cov(observed, predicted, ddof=0)[0, 1] / variance) if variance > 0 else float("nan")


def _linear(found: HeldOut) -> dict[str, float]:
    outcome, one = found.outcome, np.ones(len(found.rows))
    if np.ptp(outcome) == 0:
        return {}
    if found.frame.outcome.is_binary:
        auc = metrics.AucWithin(found.fold)(outcome, found.linear, one)
        return {"auc": auc, "brier": metrics.brier(outcome, found.linear, one)}
    rest = metrics.brier(outcome, found.linear, one) / metrics.brier(outcome, found.baseline, one)
    return {"mae": metrics.mae(outcome, found.linear, one), "r2": 1 - rest}


def _fold(found: HeldOut, number: int) -> dict[str, Any]:
    keep = found.fold == number
    outcome, predicted = found.outcome[keep], found.predicted[keep]
    said: dict[str, Any] = {"mean_predicted": float(predicted.mean()), "mean_observed": float(outcome.mean())}
    if found.frame.outcome.is_binary:
        said["auc"] = metrics.auc(outcome, predicted, np.ones(len(outcome)))
    else:
        said["mae"] = metrics.mae(outcome, predicted, np.ones(len(outcome)))
    in_time = found.frame.held == "out_of_time"
    name = found.frame.folds[number].name
    return {
        "cutoff": name if in_time else None,
        "fold": name,
        "n_rows": int(keep.sum()),
        "outcomes": {found.frame.outcome.column: said},
    }


def _new_accounts(found: HeldOut) -> dict[str, Any]:
    """The ranking of accounts that had no training row, where enough of them say so."""
    outcome, new = found.outcome[found.new], found.new
    document: dict[str, Any] = {
        "n_rows": int(new.sum()),
        "n_accounts": len(np.unique(found.accounts[new])),
        "auc": None,
    }
    if not found.frame.outcome.is_binary:
        return {**document, "reason": "not_binary"}
    if len(np.unique(found.accounts[new][outcome > 0])) < MIN_EVENTS or (outcome == 0).sum() < MIN_EVENTS:
        return {**document, "reason": "too_few_events"}
    area = metrics.AucWithin(found.fold[new])(outcome, found.predicted[new], np.ones(len(outcome)))
    return {**document, "auc": area}


def _claim(frame: FlatFrame, found: OutcomeQuality) -> tuple[bool, str | None]:
    """The interval of the skill must leave none out."""
    binary, column, how = frame.outcome.is_binary, frame.outcome.words, HELD_WORDS[frame.held]
    with_it = f"accounts with {frame.outcome.event}"
    figure = found.metrics.get("auc" if binary else "r2")
    if found.n_events < MIN_EVENTS:
        what = with_it if binary else "accounts"
        return False, f"{found.n_events} {what} in the rows that test the model; at least {MIN_EVENTS} are needed."
    none = 0.5 if binary else 0.0
    if figure is not None and figure.low > none:
        return True, None
    needed = _needed_binary(figure, found, with_it) if binary else _needed_number(figure, found)
    counted = f"{found.n_events} {with_it}" if binary else f"{found.n_accounts} accounts"
    if found.learner == "base_rate" or figure is None:
        base = f"the base rate of {found.base_rate:.1%}" if binary else f"the mean of {found.base_rate:.4g}"
        return False, f"No learner of {column} beat {base} inside the training folds ({counted}). {needed}"
    return False, (
        f"The skill cannot be told from none: {'AUC' if binary else 'R2'} {figure.value:.2f} {how}, 95 % interval "
        f"{figure.low:.2f} to {figure.high:.2f} does not lie above {none:.2f} ({counted}). {needed}"
    )


def _needed_binary(figure: Figure | None, found: OutcomeQuality, with_it: str) -> str:
    seen, needed = events_needed(figure, found.n_events, found.base_rate)
    if not seen:
        would = "would have shown" if found.n_events >= needed else "would show"
        return f"An AUC of 0.60 {would} with about {needed} {with_it}; here no signal is seen."
    return f"At this skill about {needed} {with_it} would be needed."


def _needed_number(figure: Figure | None, found: OutcomeQuality) -> str:
    """How many accounts would show the R2 seen, at 5 % and a power of 80 %; else one of 0.10."""
    if figure is None or not figure.value > 0.01:
        needed = int(np.ceil((1.96 + 0.84) ** 2 / 0.10))
        return f"An R2 of 0.10 would show with about {needed} accounts; here none is seen."
    error = (figure.high - figure.low) / (2 * 1.96)
    needed = int(np.ceil(found.n_accounts * ((1.96 + 0.84) * error / figure.value) ** 2))
    return f"At this skill about {max(needed, found.n_accounts + 1)} accounts would be needed."

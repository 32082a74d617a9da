"""How well the win model tells deals apart out of time, and whether it may claim to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from leap import metrics
from leap.errors import NotEnoughData
from leap.evaluation import OutcomeQuality, events_needed
from leap.metrics import Figure
from leap.models.selection import MIN_EVENTS, plain_logistic, train
from leap.splits import Fold
from leap.wins.frame import WinFrame, fewest
from leap.wins.model import WinModel, fit_win
from leap.wins.unknown import filled

_DRAWS = 200


@dataclass(frozen=True)
class ForetoldDeals:
    """Deals created from their fold's cutoff on, each foretold by a model that knew only results from before it.

    `rows` are positions in the frame; `baseline` the base rate of each fold; `linear` a plain logistic regression.
    """

    frame: WinFrame
    folds: tuple[Fold, ...]
    rows: np.ndarray
    fold: np.ndarray
    predicted: np.ndarray
    baseline: np.ndarray
    linear: np.ndarray
    models: tuple[WinModel, ...]

    @property
    def outcome(self) -> np.ndarray:
        """1.0 where the deal was won, shape (n,)."""
        return np.asarray(self.frame.deals.won[self.rows])

    @property
    def accounts(self) -> np.ndarray:
        """Whose deals these are, shape (n,)."""
        return np.asarray(self.frame.deals.accounts[self.rows])


@dataclass(frozen=True)
class WinQuality:
    """What the folds say; `figures` is None where there are none, and `reason` then says why."""

    figures: OutcomeQuality | None
    claimed: bool
    reason: str | None
    folds: tuple[dict[str, Any], ...] = ()
    deals: dict[str, int] | None = None

    def of_final(self, model: WinModel) -> WinQuality:
        """The same figures with the learner of the final model; no claim where that is the base rate."""
        if self.figures is None:
            return self
        found = model.component
        figures = replace(self.figures, learner=found.learner_name, losses=found.losses)
        if found.learner_name != "base_rate" or not self.claimed:
            return replace(self, figures=figures)
        reason = (
            "On all deals no learner beat the base rate inside the training folds, though those of the folds in time "
            "did: what they found does not hold."
        )
        return replace(self, figures=figures, claimed=False, reason=reason)

    def to_json(self) -> dict[str, Any]:
        """As `fit_outcomes.win` of `train`: the shape of every outcome, whether it may claim, and its deals."""
        shape = self.figures.to_json() if self.figures else _NOTHING
        return {**shape, "claimed": self.claimed, "reason": self.reason, "folds": list(self.folds), "deals": self.deals}


_NOTHING: dict[str, Any] = {
    "learner": "base_rate",
    "n_rows": 0,
    "n_accounts": 0,
    "n_events": 0,
    "base_rate": None,
    "metrics": {},
    "calibration": {"slope": None, "mean_predicted": None, "mean_observed": None},
    "linear_baseline": {},
    "inner_fold_losses": {},
}


def foretell(frame: WinFrame, *, seed: int = 0) -> ForetoldDeals:
    """Train on each fold's past and foretell the deals created from its cutoff on; NotEnoughData without folds."""
    folds = frame.folds()
    if not folds:
        raise NotEnoughData(_too_short(frame), remedy="Give more history of won and lost deals.")
    parts: list[dict[str, np.ndarray]] = []
    models = []
    for number, fold in enumerate(folds):
        training = frame.training(np.datetime64(fold.cutoff, "us"))
        model, past = fit_win(training, seed=seed), training.rows
        models.append(model)
        test = np.flatnonzero(fold.test)
        features = frame.features.where(fold.test)
        matrix = training.encoder.encode(filled(features, training.usual))
        base = train(past, only="base_rate")
        plain = plain_logistic(past) if training.encoder.width else base
        parts.append(
            {
                "rows": test,
                "fold": np.full(len(test), number),
                "predicted": model.of_frame(features),
                "baseline": base.predict(matrix),
                "linear": plain.predict(matrix),
            }
        )
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return ForetoldDeals(frame=frame, folds=tuple(folds), models=tuple(models), **joined)


def judge(found: ForetoldDeals) -> WinQuality:
    """Figures with intervals over accounts, and whether the skill can be told from chance."""
    outcome, predicted, one = found.outcome, found.predicted, np.ones(len(found.rows))
    component = found.models[-1].component
    figures = OutcomeQuality(
        learner=component.learner_name,
        n_rows=len(found.rows),
        n_accounts=len(np.unique(found.accounts)),
        n_events=len(np.unique(found.accounts[outcome > 0])),
        base_rate=float(outcome.mean()),
        metrics=_figures(found),
        calibration={
            "slope": metrics.calibration_slope(outcome, predicted, one, found.fold),
            "mean_predicted": float(predicted.mean()),
            "mean_observed": float(outcome.mean()),
        },
        losses=component.losses,
        linear_baseline=_linear(found),
    )
    claimed, reason = _claim(found, figures)
    folds = tuple(_fold(found, number) for number in range(len(found.folds)))
    return WinQuality(figures, claimed, reason, folds)


def _figures(found: ForetoldDeals) -> dict[str, Figure]:
    outcome, predicted, baseline = found.outcome, found.predicted, found.baseline
    if np.ptp(outcome) == 0:
        return {}
    resamples = metrics.account_bootstrap(found.accounts, _DRAWS)

    def skill(y: np.ndarray, p: np.ndarray, weight: np.ndarray) -> float:
        reference = metrics.brier(y, baseline, weight)
        return 1 - metrics.brier(y, p, weight) / reference if reference > 0 else float("nan")

    def figure(metric: metrics.Metric, beside: np.ndarray | float) -> Figure:
        return metrics.with_interval(metric, outcome, predicted, resamples, baseline=beside)

    return {
        "auc": figure(metrics.AucWithin(found.fold), 0.5),
        "brier": figure(metrics.brier, baseline),
        "brier_skill": figure(skill, 0.0),
        "log_loss": figure(metrics.log_loss, baseline),
    }


def _linear(found: ForetoldDeals) -> dict[str, float]:
    outcome, one = found.outcome, np.ones(len(found.rows))
    if np.ptp(outcome) == 0:
        return {}
    area = metrics.AucWithin(found.fold)(outcome, found.linear, one)
    return {"auc": area, "brier": metrics.brier(outcome, found.linear, one)}


def _fold(found: ForetoldDeals, number: int) -> dict[str, Any]:
    keep, fold = found.fold == number, found.folds[number]
    outcome, predicted = found.outcome[keep], found.predicted[keep]
    return {
        "cutoff": f"{fold.cutoff:%Y-%m-%d}",
        "n_trained": int(fold.train.sum()),
        "n_rows": int(keep.sum()),
        "auc": metrics.auc(outcome, predicted, np.ones(len(outcome))),
        "mean_predicted": float(predicted.mean()),
        "mean_observed": float(outcome.mean()),
    }


def _claim(found: ForetoldDeals, figures: OutcomeQuality) -> tuple[bool, str | None]:
    """As for churn: the interval of the AUC must lie above one half, with enough accounts won and lost to say so."""
    won = figures.n_events
    lost = len(np.unique(found.accounts[found.outcome == 0]))
    counted = f"{won} accounts with a deal won, {lost} with one lost"
    if min(won, lost) < MIN_EVENTS:
        return False, f"{counted} in the deals that test the win model; at least {MIN_EVENTS} of each are needed."
    if figures.has_skill:
        return True, None
    rarer, rate = (won, figures.base_rate) if won <= lost else (lost, 1 - figures.base_rate)
    what = "won" if won <= lost else "lost"
    area = figures.metrics.get("auc")
    seen, needed = events_needed(area, rarer, rate)
    shown = "have shown" if rarer >= needed else "show"
    would = (
        f"At this skill about {needed} accounts with a deal {what} would be needed."
        if seen
        else f"An AUC of 0.60 would {shown} with about {needed} accounts with a deal {what}; here no signal is seen."
    )
    if figures.learner == "base_rate" or area is None:
        return False, (
            f"No learner beat the win rate of {figures.base_rate:.1%} inside the training folds ({counted}). {would}"
        )
    return False, (
        f"The skill cannot be told from chance: AUC {area.value:.2f} out of time, 95 % interval {area.low:.2f} to "
        f"{area.high:.2f} holds 0.50 ({counted}). {would}"
    )


def _too_short(frame: WinFrame) -> str:
    deals = frame.deals
    every = np.ones(len(deals), dtype=bool)
    won = len(np.unique(deals.accounts[deals.won == 1]))
    lost = len(np.unique(deals.accounts[deals.won == 0]))
    counted = f"{won} accounts with a deal won and {lost} with one lost"
    if fewest(deals, every) < 2 * MIN_EVENTS:
        return (
            f"{counted} in all; at least {MIN_EVENTS} of each are needed to train a win model and as many later ones "
            "to judge it."
        )
    first, last = pd.Timestamp(deals.created.min()), pd.Timestamp(deals.created.max())
    days = int(deals.cycle(frame.until) / np.timedelta64(1, "D"))
    return (
        f"The deals are too few before any cutoff, or too close together, to judge a win model: {counted}, created "
        f"between {first:%Y-%m-%d} and {last:%Y-%m-%d}; a result counts once a deal is {days} days old (nine of ten "
        f"close by then), and each fold trains on at least {MIN_EVENTS} accounts won and as many lost."
    )

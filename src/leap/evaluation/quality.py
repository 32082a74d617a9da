"""Figures of every outcome beside a baseline, with intervals over accounts, and whether a model may claim anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leap import metrics
from leap.evaluation.out_of_time import OutOfTime
from leap.features import Scope
from leap.metrics import Figure
from leap.models.composition import COMPONENTS, Prediction, ScopeModel
from leap.models.selection import MIN_EVENTS
from leap.uncertainty import Intervals, fit_intervals

_SECOND_LOOK = 2.4
"""Standard errors that contraction or expansion must show: three looks at noise together claim in about 1 of 20."""


@dataclass(frozen=True)
class OutcomeQuality:
    """How good one outcome's model is out of time."""

    learner: str
    n_rows: int
    n_accounts: int
    n_events: int
    base_rate: float
    metrics: Mapping[str, Figure]
    calibration: Mapping[str, float]
    losses: Mapping[str, float] = field(default_factory=dict)
    linear_baseline: Mapping[str, float] = field(default_factory=dict)
    """AUC and Brier score of a plain logistic regression on the same rows."""

    @property
    def has_skill(self) -> bool:
        """Whether the interval of the ranking skill leaves chance out."""
        figure = self.metrics.get("auc")
        return figure is not None and figure.low > 0.5

    @property
    def skill_in_errors(self) -> float:
        """Skill of ranking over its standard error."""
        figure = self.metrics.get("auc")
        return (
            (figure.value - 0.5) / ((figure.high - figure.low) / 3.92) if figure and figure.high > figure.low else 0.0
        )

    def to_json(self) -> dict[str, Any]:
        """As in the JSON of `train`."""
        return {
            **{
                k: v
                for k, v in self.__dict__.items()
                if k not in ("metrics", "calibration", "losses", "linear_baseline")
            },
            "metrics": {name: figure.to_json() for name, figure in self.metrics.items()},
            "calibration": dict(self.calibration),
            "linear_baseline": dict(self.linear_baseline),
            "inner_fold_losses": dict(self.losses),
        }


@dataclass(frozen=True)
class Quality:
    """Everything the evaluation says of one scope's models."""

    scope: Scope
    outcomes: Mapping[str, OutcomeQuality]
    portfolio: Mapping[str, float | str | None]
    folds: tuple[Mapping[str, Any], ...]
    claimed: bool
    reason: str | None
    intervals: Intervals

    @property
    def unproven(self) -> list[str]:
        """Components whose skill cannot be told from chance: they predict their base rate."""
        return [name for name in COMPONENTS if not self.outcomes[name].has_skill]

    @property
    def warnings(self) -> list[str]:
        """Levels that came in otherwise than predicted, by more than 15 %: the rate drifted."""
        found = []
        for name in COMPONENTS:
            predicted = self.outcomes[name].calibration["mean_predicted"]
            observed = self.outcomes[name].calibration["mean_observed"]
            events = self.outcomes[name].n_events
            if events < MIN_EVENTS or not (predicted > 0 and observed > 0) or abs(np.log(observed / predicted)) < 0.15:
                continue
            way = "more often" if observed > predicted else "less often"
            found.append(
                f"{name.capitalize()} happened {way} than the {self.scope} models predicted out of time "
                f"({observed:.1%} against {predicted:.1%}): its rate drifts. "
                "Trust the order of accounts before the level."
            )
        # The mean is not what an absolute error rewards: only where the order says nothing either, nothing is told.
        nrr, order = self.outcomes["nrr"].metrics["mae"], self.outcomes["nrr"].metrics["spearman"]
        if nrr.value > nrr.baseline and not order.low > 0:
            whose = "Before the purchase the" if self.scope == Scope.FIT else "The"
            found.append(
                f"{whose} NRR of a single account is told no better than by the average of all "
                f"(error {nrr.value:.2f} against {nrr.baseline:.2f}): use the order of accounts and sums over many."
            )
        return found

    def of_final(self, model: ScopeModel) -> Quality:
        """The same figures with the learners that the final model came to use."""
        outcomes = {
            name: replace(o, learner=model.component(name).learner_name, losses=model.component(name).losses)
            if name in COMPONENTS
            else o
            for name, o in self.outcomes.items()
        }
        return replace(self, outcomes=outcomes)

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "scope": str(self.scope),
            "outcomes": {name: outcome.to_json() for name, outcome in self.outcomes.items()},
            "portfolio": dict(self.portfolio),
            "folds": [dict(fold) for fold in self.folds],
            "claimed": self.claimed,
            "reason": self.reason,
        }


def judge(found: OutOfTime, draws: int = 200) -> Quality:
    """Figures of every outcome, the portfolio, and whether the models may claim anything."""
    keep, model = ~found.leaving, found.models[-1]
    outcomes = {name: _judge_component(model, found, name, keep, draws) for name in COMPONENTS}
    intervals, coverage = judged_intervals(found, draws)
    outcomes["nrr"] = _judge_nrr(found, keep, coverage, draws)
    claimed, reason = _claim(outcomes)
    folds = tuple(_judge_fold(found, number) for number in range(len(found.cutoffs)))
    return Quality(model.scope, outcomes, _portfolio(found), folds, claimed, reason, intervals)


def _rows_of(found: OutOfTime, name: str, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, prediction and baseline of one component's rows, and which rows they are."""
    part = keep if name == "churn" else keep & found.labels.retained
    source = {"churn": "p", "contraction": "q_contraction", "expansion": "q"}[name]
    outcome = found.labels.propensity(name)[part]
    return outcome, getattr(found.prediction, source)[part], getattr(found.baseline, source)[part], part


def _judge_component(model: ScopeModel, found: OutOfTime, name: str, keep: np.ndarray, draws: int) -> OutcomeQuality:
    component = model.component(name)
    outcome, predicted, baseline, part = _rows_of(found, name, keep)
    accounts = found.accounts[part]
    figures: dict[str, Figure] = {}
    if 0 < outcome.sum() < len(outcome):
        resamples = metrics.account_bootstrap(accounts, draws)
        base_brier = metrics.brier(outcome, baseline, np.ones(len(outcome)))

        def skill(y: np.ndarray, p: np.ndarray, w: np.ndarray) -> float:
            reference = metrics.brier(y, baseline, w)
            return 1 - metrics.brier(y, p, w) / reference if reference > 0 else float("nan")

        figures = {
            "auc": metrics.with_interval(
                metrics.AucWithin(found.fold[part]), outcome, predicted, resamples, baseline=0.5
            ),
            "brier": metrics.with_interval(metrics.brier, outcome, predicted, resamples, baseline=base_brier),
            "brier_skill": metrics.with_interval(skill, outcome, predicted, resamples, baseline=0.0),
            "log_loss": metrics.with_interval(metrics.log_loss, outcome, predicted, resamples, baseline=baseline),
        }
        if name != "churn":
            amount = found.labels.amount(name)[part]
            source = "d" if name == "contraction" else "u"
            expected, usual = getattr(found.prediction, source)[part], getattr(found.baseline, source)[part]
            figures["mae"] = metrics.with_interval(metrics.mae, amount, expected, resamples, baseline=usual)
            figures["spearman"] = metrics.with_interval(metrics.spearman, amount, expected, resamples, baseline=0.0)
    one = np.ones(len(outcome))
    linear = {}
    if figures:
        plain = found.linear[name][part]
        linear = {
            "auc": metrics.AucWithin(found.fold[part])(outcome, plain, one),
            "brier": metrics.brier(outcome, plain, one),
        }
    return OutcomeQuality(
        learner=component.learner_name,
        n_rows=len(outcome),
        n_accounts=len(np.unique(accounts)),
        n_events=len(np.unique(accounts[outcome > 0])),
        base_rate=float(outcome.mean()) if len(outcome) else float("nan"),
        metrics=figures,
        calibration={
            "slope": metrics.calibration_slope(outcome, predicted, one, found.fold[part])
            if len(outcome)
            else float("nan"),
            "mean_predicted": float(predicted.mean()) if len(outcome) else float("nan"),
            "mean_observed": float(outcome.mean()) if len(outcome) else float("nan"),
        },
        losses=component.losses,
        linear_baseline=linear,
    )


def _judge_nrr(found: OutOfTime, keep: np.ndarray, coverage: Figure, draws: int) -> OutcomeQuality:
    ratio, predicted = found.labels.ratio[keep], found.prediction.nrr[keep]
    baseline, weight = found.baseline_nrr[keep], found.labels.starting[keep]
    accounts = found.accounts[keep]
    resamples = metrics.account_bootstrap(accounts, draws)
    figures = {
        "mae": metrics.with_interval(metrics.mae, ratio, predicted, resamples, baseline=baseline),
        "spearman": metrics.with_interval(metrics.spearman, ratio, predicted, resamples, baseline=0.0),
        "portfolio_error": metrics.with_interval(
            metrics.portfolio_error, ratio, predicted, resamples, baseline=baseline, weight=weight
        ),
        "coverage": coverage,
    }
    share = weight / weight.sum()
    return OutcomeQuality(
        learner="composition",
        n_rows=len(ratio),
        n_accounts=len(np.unique(accounts)),
        n_events=len(np.unique(accounts[np.abs(ratio - 1) > 1e-9])),
        base_rate=float(share @ ratio),
        metrics=figures,
        calibration={
            "slope": _slope(ratio, predicted),
            "mean_predicted": float(share @ predicted),
            "mean_observed": float(share @ ratio),
        },
        losses={},
    )


def judged_intervals(found: OutOfTime, draws: int = 200) -> tuple[Intervals, Figure]:
    """Intervals fitted on all rows predicted out of time, and the coverage in the last fold of those fitted before it.

    With one fold only, the coverage is of the rows they were fitted on.
    """
    keep = ~found.leaving
    last = found.fold == found.fold.max()
    final = earlier = fit_intervals(_rows_at(found.prediction, keep), found.labels.ratio[keep])
    before, after = keep & ~last, keep & last
    if before.any():
        earlier = fit_intervals(_rows_at(found.prediction, before), found.labels.ratio[before])
    low, high = earlier.ratio(_rows_at(found.prediction, after))
    ratio = found.labels.ratio[after]
    held = ((low <= ratio + 1e-9) & (ratio - 1e-9 <= high)).astype(float)
    resamples = metrics.account_bootstrap(found.accounts[after], draws)
    figure = metrics.with_interval(metrics.mean, held, held, resamples, baseline=final.level)
    return replace(final, coverage=figure.value), figure


def _rows_at(prediction: Prediction, keep: np.ndarray) -> Prediction:
    return Prediction(**{name: getattr(prediction, name)[keep] for name in Prediction.__dataclass_fields__})


def _slope(observed: np.ndarray, predicted: np.ndarray) -> float:
    variance = predicted.var()
    return float(np.cov(observed, predicted)[0, 1] / variance) if variance > 1e-12 else float("nan")


def _portfolio(found: OutOfTime) -> dict[str, float | str | None]:
    """Ratios of sums over all test rows; accounts whose end was already known count as ended."""
    weight = found.labels.starting
    nrr = np.where(found.leaving, 0.0, found.prediction.nrr)
    direct = np.where(found.leaving, 0.0, found.prediction.direct)
    observed = float((weight * found.labels.ratio).sum() / weight.sum())
    composed, straight = float((weight * nrr).sum() / weight.sum()), float((weight * direct).sum() / weight.sum())
    better = "composition" if abs(composed - observed) <= abs(straight - observed) else "direct"
    one = np.ones(len(nrr))
    return {
        "nrr_predicted": composed,
        "nrr_observed": observed,
        "nrr_direct": straight,
        "headline": better,
        "account_error": metrics.mae(found.labels.ratio, nrr, one),
        "account_error_direct": metrics.mae(found.labels.ratio, direct, one),
    }


def _judge_fold(found: OutOfTime, number: int) -> dict[str, Any]:
    keep = (found.fold == number) & ~found.leaving
    document: dict[str, Any] = {
        "cutoff": f"{found.cutoffs[number]:%Y-%m-%d}",
        "n_rows": int(keep.sum()),
        "outcomes": {},
    }
    for name in COMPONENTS:
        outcome, predicted, _, _ = _rows_of(found, name, keep)
        one = np.ones(len(outcome))
        if not len(outcome):
            continue
        document["outcomes"][name] = {
            "auc": metrics.auc(outcome, predicted, one),
            "mean_predicted": float(predicted.mean()),
            "mean_observed": float(outcome.mean()),
        }
    return document


def _claim(outcomes: Mapping[str, OutcomeQuality]) -> tuple[bool, str | None]:
    """Churn must be told from chance, or an amount must be, at a level that three looks allow for."""
    churn = outcomes["churn"]
    if churn.has_skill or any(_second_look(outcomes[name]) for name in COMPONENTS[1:]):
        return True, None
    if churn.n_events < MIN_EVENTS:
        return False, (
            f"{churn.n_events} accounts churned in the rows that test the model; at least {MIN_EVENTS} are needed to "
            "judge one."
        )
    figure = churn.metrics.get("auc")
    if churn.learner == "base_rate" or figure is None:
        return False, (
            f"No learner beat the base rate of {churn.base_rate:.1%} inside the training folds "
            f"({churn.n_events} churned "
            f"accounts). {_needed(figure, churn)}"
        )
    return False, (
        f"The skill cannot be told from chance: AUC {figure.value:.2f} out of time, 95 % interval {figure.low:.2f} to "
        f"{figure.high:.2f} holds 0.50 ({churn.n_events} churned accounts). {_needed(figure, churn)}"
    )


def _second_look(found: OutcomeQuality) -> bool:
    """Whether contraction or expansion may carry a claim: ranked beyond chance *and* better than the base rate."""
    skill = found.metrics.get("brier_skill")
    return found.skill_in_errors > _SECOND_LOOK and skill is not None and skill.low > 0


def _needed(figure: Figure | None, churn: OutcomeQuality) -> str:
    """How many churned accounts would show the skill seen."""
    seen, needed = events_needed(figure, churn.n_events, churn.base_rate)
    if not seen:
        return f"An AUC of 0.60 would show with about {needed} churned accounts; here no signal is seen."
    return f"At this skill about {needed} churned accounts would be needed."


def events_needed(figure: Figure | None, n_events: int, base_rate: float) -> tuple[bool, int]:
    """Whether an AUC shows any signal, and how many accounts with the event would show it (else: an AUC of 0.60).

    By the usual 1/n of the squared error, at 5 % and a power of 80 %.
    """
    if figure is None or not figure.value > 0.52:
        needed = int(np.ceil(((1.96 + 0.84) / 0.10) ** 2 / 12 / max(1 - base_rate, 0.1)))
        return False, max(needed, MIN_EVENTS)
    error = (figure.high - figure.low) / (2 * 1.96)
    needed = int(np.ceil(n_events * ((1.96 + 0.84) * error / (figure.value - 0.5)) ** 2))
    return True, max(needed, n_events + 1)

"""Figures of every outcome beside a baseline, with intervals over accounts, and whether a model may claim anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leap.evaluation.calibration_report import drifted, spread_beyond_chance
from leap.evaluation.claim import claim
from leap.evaluation.components import judge_component, judge_fold
from leap.evaluation.coverage import Coverage, judged_intervals
from leap.evaluation.coverage_segments import with_segments
from leap.evaluation.money import Stakes, loses_money
from leap.evaluation.nrr import judge_nrr, portfolio
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.outcome_quality import OutcomeQuality
from leap.evaluation.portfolio_interval import portfolio_interval
from leap.features import Scope
from leap.models.composition import COMPONENTS, ScopeModel
from leap.models.frames import ScopeFrame
from leap.models.rows import OpenRows
from leap.models.selection import MIN_EVENTS
from leap.uncertainty import Intervals

_LEVEL_JUMP = 2.0
"""A factor between the level of the final model and what was observed that nobody should overlook."""


@dataclass(frozen=True)
class Quality:
    """Everything the evaluation says of one scope's models."""

    scope: Scope
    outcomes: Mapping[str, OutcomeQuality]
    portfolio: Mapping[str, Any]
    folds: tuple[Mapping[str, Any], ...]
    claimed: bool
    reason: str | None
    intervals: Intervals
    coverage: Coverage
    slices: tuple[Mapping[str, Any], ...] = ()
    expected_churn: float | None = None
    """What the final model expects of the latest customers, on average."""
    """Figures within parts of the accounts, as `evaluation.slices` gives them."""

    @property
    def unproven(self) -> list[str]:
        """Components whose skill cannot be told from chance: they predict their base rate.

        So do contraction and expansion whose probabilities lay farther from what happened than one rate for all,
        however they rank: they add up to money.
        """
        return [
            name
            for name in COMPONENTS
            if not self.outcomes[name].has_skill or (name != "churn" and self.outcomes[name].brier_skill < 0)
        ]

    @property
    def warnings(self) -> list[str]:
        """What came in otherwise than predicted, beyond its aim and beyond chance."""
        found = [warning for name in COMPONENTS for warning in self._calibration_warnings(name)]
        if loses_money(self.outcomes["churn"].money):
            found.append(
                "Offers to the accounts whose expected gain is positive would have lost money out of time: do not "
                "act on that gain before the probabilities, or the costs under [policy], are better known."
            )
        # The mean is not what an absolute error rewards: only where the order says nothing either, nothing is told.
        nrr, order = self.outcomes["nrr"].metrics["mae"], self.outcomes["nrr"].metrics["spearman"]
        if nrr.value > nrr.baseline and not order.low > 0:
            whose = "Before the purchase the" if self.scope == Scope.FIT else "The"
            found.append(
                f"{whose} NRR of a single account is told no better than by the average of all "
                f"(error {nrr.value:.2f} against {nrr.baseline:.2f}), and their order "
                "is not told from chance: use sums over many."
            )
        return found + self._level_warnings() + [f"{self._whose} models: {alarm}" for alarm in self.coverage.alarms]

    def _level_warnings(self) -> list[str]:
        """The level of the final model was in no test: it hears of the last months, whatever happened in them."""
        observed, expected = self.outcomes["churn"].calibration["mean_observed"], self.expected_churn
        if expected is None or not 0 < observed < 1 or max(expected / observed, observed / expected) < _LEVEL_JUMP:
            return []
        return [
            f"The final model expects {expected:.1%} of the latest customers to leave, where {observed:.1%} did in the "
            "rows that it was judged on: so many (or few) left in the last months. Check that the revenue table ends "
            "where the data end, and that no load or migration ended its terms."
        ]

    @property
    def _whose(self) -> str:
        return str(self.scope).capitalize()

    def with_coverage_of(self, found: OutOfTime, frame: ScopeFrame) -> Quality:
        """The same figures, with the coverage by segment and its alarm."""
        return replace(self, coverage=with_segments(self.coverage, found, frame))

    def _calibration_warnings(self, name: str) -> list[str]:
        outcome, said = self.outcomes[name], self.outcomes[name].calibration
        if outcome.n_events < MIN_EVENTS:
            return []
        found = []
        if drifted(said):
            observed, predicted = said["mean_observed"], said["mean_predicted"]
            way = "more often" if observed > predicted else "less often"
            found.append(
                f"{name.capitalize()} happened {way} than the {self.scope} models predicted out of time "
                f"({observed:.1%} against {predicted:.1%}, beyond what chance allows): its rate drifts. "
                "Trust the order of accounts before the level."
            )
        if spread_beyond_chance(said) and outcome.learner != "base_rate":
            way = "lie too far apart" if said["slope"] < 1 else "lie too close together"
            found.append(
                f"The {self.scope} models' probabilities of {name} {way} (slope {said['slope']:.2f}, 95 % interval "
                f"{said['slope_low']:.2f} to {said['slope_high']:.2f}; 1 is right): trust the order of accounts before "
                "the highest and lowest of them."
            )
        return found

    def of_final(self, model: ScopeModel, young: OpenRows | None = None) -> Quality:
        """The same figures with the learners that the final model came to use, and what it expects of young rows."""
        outcomes = {
            name: replace(o, learner=model.component(name).learner_name, losses=model.component(name).losses)
            if name in COMPONENTS
            else o
            for name, o in self.outcomes.items()
        }
        latest = None if young is None else young.matrix[young.as_of == young.as_of.max()]
        expected = None if latest is None else float(model.churn.probability(latest).mean())
        return replace(self, outcomes=outcomes, expected_churn=expected)

    def with_slices(self, found: Sequence[Mapping[str, Any]]) -> Quality:
        """The same figures, and those within parts of the accounts beside them."""
        return replace(self, slices=tuple(found))

    def to_json(self) -> dict[str, Any]:
        """As stored in the bundle."""
        return {
            "scope": str(self.scope),
            "outcomes": {name: outcome.to_json() for name, outcome in self.outcomes.items()},
            "portfolio": dict(self.portfolio),
            "folds": [dict(fold) for fold in self.folds],
            "slices": [dict(part) for part in self.slices],
            "intervals": {"level": self.intervals.level, **self.coverage.to_json()},
            "claimed": self.claimed,
            "reason": self.reason,
        }


def judge(
    found: OutOfTime, draws: int = 200, values: np.ndarray | None = None, stakes: Stakes | None = None
) -> Quality:
    """Figures of every outcome, the portfolio, and whether the models may claim anything.

    `values` are the `realised_values` of these rows, for the coverage of value's intervals; `stakes` what offers cost
    and what accounts are worth: with them, what contacting accounts would have earned.
    """
    keep, model = ~found.leaving, found.models[-1]
    outcomes = {name: judge_component(model, found, name, keep, draws, stakes) for name in COMPONENTS}
    intervals, coverage = judged_intervals(found, values, draws)
    outcomes["nrr"] = judge_nrr(found, keep, coverage.figure, draws)
    claimed, reason = claim(outcomes)
    folds = tuple(judge_fold(found, number) for number in range(len(found.cutoffs)))
    sums: dict[str, Any] = dict(portfolio(found))
    if model.scope == Scope.HEALTH:
        sums |= portfolio_interval(found, intervals, coverage)
    return Quality(model.scope, outcomes, sums, folds, claimed, reason, intervals, coverage)

"""How good the model of one outcome is out of time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leap.metrics import Figure
from leap.models.selection import MIN_EVENTS


@dataclass(frozen=True)
class OutcomeQuality:
    """How good one outcome's model is out of time."""

    learner: str
    n_rows: int
    n_accounts: int
    n_events: int
    base_rate: float
    metrics: Mapping[str, Figure]
    calibration: Mapping[str, Any]
    losses: Mapping[str, float] = field(default_factory=dict)
    linear_baseline: Mapping[str, float] = field(default_factory=dict)
    """AUC and Brier score of a plain logistic regression on the same rows."""
    lift: Mapping[str, Any] | None = None
    """Of churn: what the accounts ranked highest hold."""
    money: Mapping[str, Any] | None = None
    """Of churn: what offers would have earned."""

    @property
    def has_skill(self) -> bool:
        """Whether there are events enough to judge by, and the interval of the ranking skill leaves chance out."""
        figure = self.metrics.get("auc")
        return self.n_events >= MIN_EVENTS and figure is not None and figure.low > 0.5

    @property
    def brier_skill(self) -> float:
        """How much nearer the probabilities lay to what happened than one rate for all; 0 where nothing is known."""
        figure = self.metrics.get("brier_skill")
        return 0.0 if figure is None else figure.value

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
                if k not in ("metrics", "calibration", "losses", "linear_baseline", "lift", "money")
            },
            "metrics": {name: figure.to_json() for name, figure in self.metrics.items()},
            "calibration": dict(self.calibration),
            "linear_baseline": dict(self.linear_baseline),
            "inner_fold_losses": dict(self.losses),
            **({} if self.lift is None else {"lift": dict(self.lift)}),
            **({} if self.money is None else {"money": dict(self.money)}),
        }

"""Whether models may claim anything, and how many events would be needed where they may not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from leap.evaluation.outcome_quality import OutcomeQuality
from leap.metrics import Figure
from leap.models.composition import COMPONENTS
from leap.models.selection import MIN_EVENTS

_FIRST_LOOK, _SECOND_LOOK = 2.2, 2.4
"""Standard errors that churn, and contraction or expansion, must show: three looks at noise together claim in less than
1 of 20. Few accounts make the errors too small, so the first look asks for more than an interval without chance."""


def claim(outcomes: Mapping[str, OutcomeQuality]) -> tuple[bool, str | None]:
    """Churn must be told from chance, or an amount must be, at a level that three looks allow for."""
    churn = outcomes["churn"]
    if _first_look(churn) or any(_second_look(outcomes[name]) for name in COMPONENTS[1:]):
        return True, None
    if churn.n_events < MIN_EVENTS:
        return False, (
            f"{churn.n_events} accounts churned in the rows that test the model; at least {MIN_EVENTS} are needed to "
            "judge one."
        )
    if churn.n_rows and churn.base_rate == 1.0:
        return False, (
            f"All {churn.n_accounts} accounts in the rows that test the model churned: nobody stayed to tell them "
            "apart from."
        )
    figure = churn.metrics.get("auc")
    if churn.learner == "base_rate" or figure is None:
        return False, (
            f"No learner beat the base rate of {churn.base_rate:.1%} inside the training folds "
            f"({churn.n_events} churned "
            f"accounts). {_needed(figure, churn)}"
        )
    holds = "holds 0.50" if figure.low <= 0.5 else "hardly leaves 0.50 out"
    return False, (
        f"The skill cannot be told from chance: AUC {figure.value:.2f} out of time, 95 % interval {figure.low:.2f} to "
        f"{figure.high:.2f} {holds} ({churn.n_events} churned accounts). {_needed(figure, churn)}"
    )


def _first_look(churn: OutcomeQuality) -> bool:
    """Whether churn carries a claim: enough events, and a ranking clearly beyond chance."""
    return churn.has_skill and churn.skill_in_errors > _FIRST_LOOK


def _second_look(found: OutcomeQuality) -> bool:
    """Whether contraction or expansion may carry a claim: ranked beyond chance *and* better than the base rate."""
    skill = found.metrics.get("brier_skill")
    enough = found.n_events >= MIN_EVENTS
    return enough and found.skill_in_errors > _SECOND_LOOK and skill is not None and skill.low > 0


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

"""Not worse than the champion beyond chance: figures of both on the same rows, and what each was learned from.

A challenger that cannot be told from the champion passes: a refresh on newer data is worth having. It does not pass,
unless it is better beyond chance, where nothing speaks for it: its data end before the champion's, it lost more than a
fifth of the accounts and churned accounts that the champion learned from, or the champion was promoted while it was
trained and its data are no newer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from leap import metrics
from leap.gate.check import Check
from leap.gate.incumbent import Incumbent
from leap.gate.paired import Difference, Resamples, difference
from leap.metrics import Figure
from leap.models.composition import Component

MATTERS = 0.005
"""Less than this AUC, half a point of portfolio NRR, or this share of a loss is no reason to keep an older model."""

_ABSOLUTE = "nrr_account_error"
_FEWER = 0.8
_SIDE = 1.96


@dataclass(frozen=True)
class Learned:
    """What a model was learned from: the end of its data (ISO, or None), accounts, and those with the event."""

    until: str | None
    accounts: int
    events: int

    @classmethod
    def of(cls, until: str | None, component: Component) -> Learned:
        """As the component of a bundle tells it."""
        return cls(until, component.n_accounts, component.n_events)


def outcome_differences(
    outcome: np.ndarray, ours: np.ndarray, theirs: np.ndarray, fold: np.ndarray, resamples: Resamples
) -> dict[str, Difference]:
    """Brier score, log loss and AUC of an event, paired."""
    return {
        "brier": difference(metrics.brier, outcome, ours, theirs, resamples),
        "log_loss": difference(metrics.log_loss, outcome, ours, theirs, resamples),
        "auc": difference(metrics.AucWithin(fold), outcome, ours, theirs, resamples, larger_is_better=True),
    }


def money_differences(
    ratio: np.ndarray, starting: np.ndarray, ours: np.ndarray, theirs: np.ndarray, resamples: Resamples
) -> tuple[dict[str, Difference], Difference]:
    """NRR error of an account and absolute error of the portfolio, paired; and the squared error of an account."""

    def portfolio(observed: np.ndarray, predicted: np.ndarray, weight: np.ndarray) -> float:
        return abs(metrics.portfolio_error(observed, predicted, weight))

    found = {
        _ABSOLUTE: difference(metrics.mae, ratio, ours, theirs, resamples),
        "portfolio_error": difference(portfolio, ratio, ours, theirs, resamples, weight=starting),
    }
    return found, difference(metrics.brier, ratio, ours, theirs, resamples)


def difference_checks(differences: dict[str, Difference], squared: Difference | None = None) -> list[Check]:
    """One row a figure; worse only beyond chance with all figures looked at together.

    The absolute error of an account counts only together with its squared error: an absolute error rewards the median,
    not the mean that is predicted.
    """
    looks, checks = len(differences), []
    for name, found in differences.items():
        of_points = found.larger_is_better or name == "portfolio_error"
        worse = found.worse(looks, MATTERS if of_points else MATTERS * found.theirs)
        better = found.better()
        if name == _ABSOLUTE and squared is not None:
            worse, better = worse and squared.worse(looks), better and squared.better()
        said = "worse beyond chance" if worse else "better" if better else "not worse beyond chance"
        words = (
            f"{name.replace('_', ' ')} {found.ours:.4g}, the champion's {found.theirs:.4g}; difference "
            f"{found.value:+.4g} [{found.low:+.4g}, {found.high:+.4g}]: {said}."
        )
        checks.append(Check(f"champion.{name}", not worse, words, found.ours, found.theirs, found.low, found.high))
    return checks


def any_better(differences: Mapping[str, Difference], squared: Difference | None = None) -> bool:
    """Whether one figure is better beyond chance with all looked at together.

    The absolute error of an account counts only together with its squared error, as for worse.
    """
    looks = len(differences)
    return any(
        found.better(looks) and (name != _ABSOLUTE or squared is None or squared.better(looks))
        for name, found in differences.items()
    )


def stored_difference(ours: Figure | None, theirs: Figure | None) -> Difference | None:
    """Two figures of two samples of rows; None unless both are known with their intervals."""
    if ours is None or theirs is None:
        return None
    known = (ours.value, ours.low, ours.high, theirs.value, theirs.low, theirs.high)
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in known):
        return None
    error = math.hypot(ours.high - ours.low, theirs.high - theirs.low) / (2 * _SIDE)
    value = ours.value - theirs.value
    return Difference(ours.value, theirs.value, value - _SIDE * error, value + _SIDE * error, error, True)


def standing_check(incumbent: Incumbent, how: str, ours: Learned, theirs: Learned, better: bool) -> Check:
    """Whether anything speaks for replacing a champion; `better`: a figure on the same rows does (`any_better`)."""
    against = _against(incumbent, ours, theirs)
    passed = not against or better
    words = f"{incumbent.words}: {how}."
    words = words[0].upper() + words[1:]
    if against:
        verdict = "it is better beyond chance all the same" if better else "it is not better beyond chance"
        words += f" The new model {' and '.join(against)}; {verdict}."
    return Check("champion", passed, words, float(ours.events), float(theirs.events))


def _against(incumbent: Incumbent, ours: Learned, theirs: Learned) -> list[str]:
    found = []
    older, newer = _older(ours.until, theirs.until), _older(theirs.until, ours.until)
    if older:
        found.append(f"was learned from older data (until {ours.until}, the champion's until {theirs.until})")
    if ours.accounts < _FEWER * theirs.accounts and ours.events < _FEWER * theirs.events:
        found.append(
            f"was learned from {ours.events} accounts with the event of {ours.accounts}, the champion from "
            f"{theirs.events} of {theirs.accounts}"
        )
    if incumbent.meanwhile and not newer and not older:
        found.append(f"was learned from data no newer than version {incumbent.version}'s, which was promoted meanwhile")
    return found


def _older(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one < other


def not_compared(incumbent: Incumbent | None, why: str | None = None) -> Check:
    """The row where there is no champion, or none that may be compared with."""
    if incumbent is None:
        return Check("champion", True, "There is no champion: judged beside the baselines only.")
    words = f"{why or incumbent.words}: not compared with it, only with the baselines."
    words = words[0].upper() + words[1:]
    if incumbent.meanwhile:
        return Check("champion", False, f"{words} It was promoted while this model was trained: decide by hand.")
    return Check("champion", True, words)

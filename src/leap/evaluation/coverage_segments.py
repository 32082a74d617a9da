"""Coverage of the intervals within segments, and the alarm where it is too low or has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from leap.evaluation.coverage import Coverage, share_held
from leap.evaluation.out_of_time import OutOfTime
from leap.evaluation.parts import OTHERS, parts_of
from leap.metrics import Figure
from leap.models.frames import ScopeFrame
from leap.uncertainty import LEVEL

TOO_LOW = 0.85
"""90 % intervals that hold less than this are reported."""

_MIN_ACCOUNTS = 30
_CHANCE = 0.05
_CHANGE = 0.05
_IN_WORDS = {"mrr": "starting MRR", "tenure_months": "tenure"}


def with_segments(coverage: Coverage, found: OutOfTime, frame: ScopeFrame, draws: int = 200) -> Coverage:
    """The coverage with its figures by segment, and with the alarm."""
    judged = ~np.isnan(coverage.held)
    entries = []
    for part in parts_of(found, frame, judged, _MIN_ACCOUNTS):
        accounts = found.accounts[part.keep]
        figure = share_held(coverage.held[part.keep], accounts, draws)
        value = share_held(coverage.value_held[part.keep], accounts, draws)
        if part.keep.any() and part.value != OTHERS:
            entries.append(
                {
                    "by": _IN_WORDS.get(part.by, part.label),
                    "value": part.value,
                    "n_rows": int(part.keep.sum()),
                    "n_accounts": len(np.unique(accounts)),
                    "coverage": figure.value,
                    "low": figure.low,
                    "high": figure.high,
                    "value_coverage": None if np.isnan(value.value) else value.value,
                }
            )
    return replace(coverage, segments=tuple(entries), alarms=tuple(alarms(coverage.figure, coverage.folds, entries)))


def alarms(figure: Figure, folds: Sequence[Mapping[str, Any]], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Sentences on a coverage below 85 % overall or in a segment, beyond chance, and on one that changed over time.

    Segments are many, so each must lie further below than one alone would have to (Bonferroni).
    """
    found = []
    if figure.value < TOO_LOW and figure.high < LEVEL:
        found.append(
            f"Intervals made for {LEVEL:.0%} held {figure.value:.0%} of what followed "
            f"(95 % interval {figure.low:.0%} to {figure.high:.0%}): read them as too narrow."
        )
    low = [entry for entry in entries if entry["coverage"] < TOO_LOW and _below(entry, len(entries))]
    if low:
        named = ", ".join(f"{e['by']} {e['value']} ({e['coverage']:.0%} of {e['n_accounts']} accounts)" for e in low)
        found.append(f"Intervals made for {LEVEL:.0%} held fewer than {TOO_LOW:.0%} beyond chance in: {named}.")
    if _changed(folds):
        first, last = folds[0], folds[-1]
        least = min(fold["coverage"] for fold in folds)
        most = max(fold["coverage"] for fold in folds)
        found.append(
            f"The coverage of intervals changed over time, between {least:.0%} and {most:.0%} "
            f"({first['coverage']:.0%} from {first['cutoff']}, {last['coverage']:.0%} from {last['cutoff']})."
        )
    return found


def _below(entry: Mapping[str, Any], looks: int) -> bool:
    from scipy import stats

    limit = float(stats.norm.isf(_CHANCE / (2 * looks)))
    return bool(LEVEL - entry["coverage"] > limit * _error(entry))


def _changed(folds: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the folds' coverages differ by more than chance and by enough to matter, one of them below the level.

    Cochran's Q with errors by accounts.
    """
    from scipy import stats

    if len(folds) < 2:
        return False
    coverage = np.array([fold["coverage"] for fold in folds])
    weight = 1 / np.array([_error(fold) for fold in folds]) ** 2
    spread = float((weight * (coverage - np.average(coverage, weights=weight)) ** 2).sum())
    beyond = spread > stats.chi2.isf(_CHANCE / 5, len(folds) - 1)
    return bool(beyond and np.ptp(coverage) > _CHANGE and coverage.min() < LEVEL)


def _error(entry: Mapping[str, Any]) -> float:
    """Standard error of a coverage, at least that of one account held more or less."""
    return float(max((entry["high"] - entry["low"]) / 3.92, 1 / max(entry["n_accounts"], 1)))

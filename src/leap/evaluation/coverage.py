"""How much of what followed the intervals held, each fold by intervals that were made from what its cutoff knew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from leap import metrics
from leap.evaluation.out_of_time import OutOfTime
from leap.metrics import Figure
from leap.models.frames import ScopeFrame
from leap.models.selection import LEVEL_HALF_LIFE_MONTHS, recency
from leap.outcomes import realised_paths
from leap.tables import AccountTables
from leap.uncertainty import LEVEL, Followed, Intervals, fit_intervals
from leap.uncertainty.calibrate import held
from leap.value import ValueTerms, margins

BEFORE = "made_before"
EARLIER_FOLDS = "earlier_folds"
SAME_ROWS = "same_rows"
"""What the intervals that are judged were made from, best first."""

NO_MARGIN = "no_gross_margin"
NOT_GIVEN = "not_judged"

_MIN_ACCOUNTS = 20
"""Accounts whose outcome a cutoff knows that intervals are made from at least."""

_STEP = 0.5
_MOST_RAISED = 0.05


@dataclass(frozen=True)
class Coverage:
    """Rows judged by intervals made before, and figures over them.

    Arrays are aligned with `OutOfTime`; `held` and `value_held` are missing where nothing was judged, `basis` says what
    the intervals were made from, `made` are the intervals of each judged fold.
    """

    figure: Figure
    value: Figure | None
    value_reason: str | None
    basis: str
    width: float
    folds: tuple[Mapping[str, Any], ...]
    held: np.ndarray
    value_held: np.ndarray
    made: Mapping[int, Intervals]
    alarms: tuple[str, ...] = ()
    segments: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)

    @property
    def alarm(self) -> str | None:
        """What is wrong with the coverage, or None."""
        return " ".join(self.alarms) or None

    def to_json(self) -> dict[str, Any]:
        """As beside the intervals in the JSON of `train`."""
        value = self.value
        return {
            "coverage": self.figure.value,
            "coverage_low": self.figure.low,
            "coverage_high": self.figure.high,
            "mean_width": self.width,
            "basis": self.basis,
            "value_coverage": None if value is None else value.value,
            "value_coverage_low": None if value is None else value.low,
            "value_coverage_high": None if value is None else value.high,
            "value_reason": self.value_reason,
            "folds": [dict(fold) for fold in self.folds],
            "segments": [dict(segment) for segment in self.segments],
            "alarm": self.alarm,
        }


def realised_values(tables: AccountTables, frame: ScopeFrame, found: OutOfTime) -> np.ndarray:
    """Value of the twelve months after each row predicted out of time, in discounted months of its starting MRR.

    Missing where the months are not over, and where the account has no gross margin: its value is not known.
    """
    terms = ValueTerms.of(tables.settings)
    unknown = np.isnan(margins(tables, terms))[found.accounts]
    values = np.full(len(found.rows), np.nan)
    if unknown.all():
        return values
    wanted = np.zeros(len(frame.rows.accounts), dtype=bool)
    wanted[found.rows] = True
    paths = realised_paths(tables, frame.snapshots.where(wanted))
    position = (np.cumsum(wanted) - 1)[found.rows]
    values = paths[position] @ terms.discount(paths.shape[1]) / found.labels.starting
    return np.where(unknown, np.nan, values)


def followed(found: OutOfTime, values: np.ndarray | None = None) -> Followed:
    """The rows predicted out of time as intervals are calibrated on; `values` are their `realised_values`."""
    days = (found.known_at[0] - found.as_of[0]) / np.timedelta64(1, "D")
    return Followed(
        prediction=found.prediction,
        ratio=found.labels.ratio,
        accounts=found.accounts,
        as_of=found.as_of,
        starting=found.labels.starting,
        values=np.full(len(found.rows), np.nan) if values is None else values,
        min_uplift=found.labels.min_uplift,
        horizon_months=max(1.0, float(np.round(days / 30.4375))),
    )


def judged_intervals(
    found: OutOfTime, values: np.ndarray | None = None, draws: int = 200
) -> tuple[Intervals, Coverage]:
    """Intervals fitted on all rows predicted out of time, and the coverage of those that were made before.

    Each fold is judged by intervals from the rows whose outcome was known at its cutoff. Half of what they lacked is
    added to the coverage that the next ones are calibrated for (a step of adaptive conformal inference: Gibbs & Candes
    2021), in the folds as in the end. Where no cutoff knew enough, the last fold is judged by intervals from the folds
    before it, or, with one fold, by those from its own rows; `basis` says so.
    """
    rows, keep = followed(found, values), ~found.leaving
    held_of = {"ratio": np.full(len(keep), np.nan), "value": np.full(len(keep), np.nan)}
    widths, made, basis = np.full(len(keep), np.nan), {}, BEFORE
    for number, cutoff in enumerate(found.cutoffs):
        known = keep & (found.known_at <= cutoff.to_datetime64()) & (found.fold < number)
        if len(np.unique(found.accounts[known])) >= _MIN_ACCOUNTS:
            made[number] = _fit(rows, known, held_of)
            _judge(made[number], rows, keep & (found.fold == number), held_of, widths)
    final = _fit(rows, keep, held_of)
    if not made:
        last, before = found.fold == found.fold.max(), keep & (found.fold < found.fold.max())
        basis = EARLIER_FOLDS if before.any() else SAME_ROWS
        _judge(_fit(rows, before, held_of) if before.any() else final, rows, keep & last, held_of, widths)
    coverage = _coverage(found, held_of, widths, made, basis, final, values, draws)
    value = coverage.value
    final = replace(
        final,
        coverage=coverage.figure.value,
        value_coverage=None if value is None else value.value,
        value_reason=coverage.value_reason,
    )
    return final, coverage


def _fit(rows: Followed, known: np.ndarray, held_of: Mapping[str, np.ndarray]) -> Intervals:
    """Intervals from known rows, for a coverage raised by half of what intervals lacked on them."""
    wanted = {name: _wanted(part[known], rows.as_of[known]) for name, part in held_of.items()}
    return fit_intervals(rows.where(known), wanted["ratio"], wanted["value"])


def _wanted(held_before: np.ndarray, as_of: np.ndarray) -> float:
    """The level, raised by half of what intervals lacked on rows judged before."""
    judged = ~np.isnan(held_before)
    if not judged.any():
        return LEVEL
    weights = recency(as_of[judged], LEVEL_HALF_LIFE_MONTHS)
    lacked = LEVEL - float(np.average(held_before[judged], weights=weights))
    return LEVEL + min(max(_STEP * lacked, 0.0), _MOST_RAISED)


def _judge(
    intervals: Intervals, rows: Followed, judged: np.ndarray, held_of: Mapping[str, np.ndarray], widths: np.ndarray
) -> None:
    """Enter which of the judged rows the intervals held."""
    part = rows.where(judged)
    low, high = intervals.ratio(part.prediction)
    held_of["ratio"][judged] = held(low, high, part.ratio)
    widths[judged] = high - low
    months = intervals.months(part.prediction)
    if months is not None:
        held_of["value"][judged] = np.where(np.isnan(part.values), np.nan, held(*months, part.values))


def _coverage(
    found: OutOfTime,
    held_of: Mapping[str, np.ndarray],
    widths: np.ndarray,
    made: Mapping[int, Intervals],
    basis: str,
    final: Intervals,
    values: np.ndarray | None,
    draws: int,
) -> Coverage:
    figure = share_held(held_of["ratio"], found.accounts, draws)
    value = _known(share_held(held_of["value"], found.accounts, draws))
    if value is not None:
        reason = None
    elif values is None:
        reason = NOT_GIVEN
    elif np.isnan(values).all():
        reason = NO_MARGIN
    else:
        reason = final.value_reason or "no_later_rows_with_twelve_months"
    folds = tuple(
        _of_fold(found, number, held_of, widths, made, draws)
        for number in range(len(found.cutoffs))
        if (~np.isnan(held_of["ratio"][found.fold == number])).any()
    )
    return Coverage(
        figure, value, reason, basis, float(np.nanmean(widths)), folds, held_of["ratio"], held_of["value"], made
    )


def _of_fold(
    found: OutOfTime,
    number: int,
    held_of: Mapping[str, np.ndarray],
    widths: np.ndarray,
    made: Mapping[int, Intervals],
    draws: int,
) -> dict[str, Any]:
    judged = (found.fold == number) & ~np.isnan(held_of["ratio"])
    figure = share_held(held_of["ratio"][judged], found.accounts[judged], draws)
    value = _known(share_held(held_of["value"][judged], found.accounts[judged], draws))
    return {
        "cutoff": f"{found.cutoffs[number]:%Y-%m-%d}",
        "n_rows": int(judged.sum()),
        "n_accounts": len(np.unique(found.accounts[judged])),
        "coverage": figure.value,
        "low": figure.low,
        "high": figure.high,
        "mean_width": float(widths[judged].mean()),
        "nominal": made[number].nominal if number in made else None,
        "wanted": made[number].wanted if number in made else None,
        "value_coverage": None if value is None else value.value,
    }


def share_held(held_rows: np.ndarray, accounts: np.ndarray, draws: int = 200) -> Figure:
    """The share of judged rows that were held, with its 95 % interval over accounts; NaN if none was judged."""
    judged = ~np.isnan(held_rows)
    if not judged.any():
        return Figure(np.nan, np.nan, np.nan, LEVEL)
    part = held_rows[judged]
    resamples = metrics.account_bootstrap(accounts[judged], draws)
    return metrics.with_interval(metrics.mean, part, part, resamples, baseline=LEVEL)


def _known(figure: Figure) -> Figure | None:
    return None if np.isnan(figure.value) else figure

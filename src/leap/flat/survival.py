"""Time to the outcome of a flat table with `duration`: hazards in folds of other accounts, judged out of sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from leap.flat.frame import FlatFrame, account_folds
from leap.flat.rows import FlatRows
from leap.models.hazard import Followed, fit_hazard
from leap.models.hazard.figures import (
    NOBODY_FOLLOWED,
    NOBODY_LOST,
    Curves,
    SurvivalFigures,
    figures_of,
    kaplan_meier,
    not_judged,
)
from leap.tables.canonical import DURATION

LONGEST = 120
"""Months: a longer duration is followed for so long."""


@dataclass(frozen=True)
class FlatSurvival:
    """Figures of the curves of held-out rows, the learner of the last fold, and how many rows have no duration."""

    figures: SurvivalFigures | None
    learner: str
    without: int
    why_none: str = NOBODY_FOLLOWED

    def to_json(self) -> dict[str, Any]:
        """`survival` in the JSON of `train`; null figures with the reason where nothing could be judged."""
        found = {"learner": self.learner, "held_out": "out_of_sample", "rows_without_duration": self.without}
        if self.figures is None:
            return {**not_judged(self.why_none), **found}
        return {**self.figures.to_json(), **found, "reason": None}


def survival_of(rows: FlatRows, frame: FlatFrame, *, seed: int = 0) -> FlatSurvival | None:
    """How well the time to the outcome is told; None if the table declares no duration."""
    if rows.table.spec.duration is None or DURATION not in rows.cells:
        return None
    seen = rows.where(rows.labelled)
    months, known = whole_months(seen.cells[DURATION].to_numpy(dtype=float), seen.outcome > 0)
    followed = Followed(frame.rows.matrix, months, seen.outcome > 0, frame.rows.accounts, frame.rows.as_of)
    longest = min(LONGEST, int(months.max(initial=0)))
    followed = replace(followed, gone=followed.gone & (months <= longest), months=np.minimum(months, longest))
    parts, learner = [], "base_rate"
    for fold in account_folds(seen.keys, frame.rows.accounts):
        past, later = (followed.where(mask & known & (months > 0)) for mask in (fold.train, fold.test))
        hazard = fit_hazard(past, longest=longest, seed=seed)
        if hazard is None or not len(later):
            continue
        learner = hazard.learner
        baseline = kaplan_meier(past.months, past.gone, longest)
        curves = hazard.survival(later.matrix, longest)
        parts.append(Curves(later.months, later.gone, later.accounts, curves, baseline))
    return FlatSurvival(figures_of(parts), learner, int((~known).sum()), NOBODY_LOST if parts else NOBODY_FOLLOWED)


def whole_months(duration: np.ndarray, gone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The month in which a row was lost, else the last whole month that it was seen; and whether either is known.

    >>> whole_months(np.array([2.4, 2.4, 3.0, 0.0, np.nan]), np.array([True, False, True, True, True]))
    (array([3, 2, 3, 1, 0]), array([ True,  True,  True,  True, False]))
    >>> whole_months(np.array([1e30, 120.0]), np.array([True, True]))[0].tolist()
    [121, 120]
    """
    known = np.isfinite(duration)
    # Beyond what is ever followed: no number of months is too large to be counted.
    filled = np.minimum(np.where(known, duration, 0.0), LONGEST + 1.0)
    months = np.where(gone, np.maximum(np.ceil(filled), 1.0), np.floor(filled))
    return np.where(known, months, 0.0).astype(np.int64), known

"""Intervals fitted on rows predicted out of time, and how much of what followed they held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from leap import metrics
from leap.evaluation.out_of_time import OutOfTime
from leap.metrics import Figure
from leap.models.composition import Prediction
from leap.uncertainty import Intervals, fit_intervals


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

"""How good the models are out of time, beside baselines and with intervals over accounts; and the leakage audit."""

from leap.evaluation.leaks import (
    Leak,
    audit,
    near_perfect,
    telling_names,
    without_near_perfect,
    without_telling_names,
)
from leap.evaluation.out_of_time import OutOfTime, out_of_time, predict_folds, require_folds
from leap.evaluation.quality import OutcomeQuality, Quality, events_needed, judge, judged_intervals

__all__ = [
    "Leak",
    "OutOfTime",
    "OutcomeQuality",
    "Quality",
    "audit",
    "events_needed",
    "judge",
    "judged_intervals",
    "near_perfect",
    "out_of_time",
    "predict_folds",
    "require_folds",
    "telling_names",
    "without_near_perfect",
    "without_telling_names",
]

"""How good the models are out of time, beside baselines and with intervals over accounts; and the leakage audit."""

from leap.evaluation.claim import events_needed
from leap.evaluation.coverage import judged_intervals, realised_values
from leap.evaluation.leaks import (
    Leak,
    admissible,
    audit,
    left_out,
    near_perfect,
    notes_of,
    telling_names,
    without_near_perfect,
)
from leap.evaluation.out_of_time import OutOfTime, out_of_time, predict_folds, require_folds
from leap.evaluation.outcome_quality import OutcomeQuality
from leap.evaluation.quality import Quality, judge

__all__ = [
    "Leak",
    "OutOfTime",
    "OutcomeQuality",
    "Quality",
    "admissible",
    "audit",
    "events_needed",
    "judge",
    "judged_intervals",
    "left_out",
    "near_perfect",
    "notes_of",
    "out_of_time",
    "predict_folds",
    "realised_values",
    "require_folds",
    "telling_names",
    "without_near_perfect",
]

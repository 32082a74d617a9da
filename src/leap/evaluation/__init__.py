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
from leap.evaluation.money import Stakes
from leap.evaluation.out_of_time import OutOfTime, out_of_time, predict_folds, require_folds
from leap.evaluation.outcome_quality import OutcomeQuality
from leap.evaluation.quality import Quality, judge
from leap.evaluation.said_summary import said_in_training
from leap.evaluation.slices import slices
from leap.evaluation.survival import survival_of

__all__ = [
    "Leak",
    "OutOfTime",
    "OutcomeQuality",
    "Quality",
    "Stakes",
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
    "said_in_training",
    "slices",
    "survival_of",
    "telling_names",
    "without_near_perfect",
]

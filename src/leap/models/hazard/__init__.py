"""When an account is lost: discrete-time hazards, survival curves and how good they are.

`timing` says what is known of a lead month, `followed` which rows were seen for how long, `model` is the fitted hazard
with its curve, `company` follows the customers of a company, `figures` are the C-index, the Brier score and
Kaplan-Meier.
"""

from leap.models.hazard.followed import LONGEST, Followed
from leap.models.hazard.model import Hazard, fit_hazard, reconciled
from leap.models.hazard.timing import Timing

__all__ = ["LONGEST", "Followed", "Hazard", "Timing", "fit_hazard", "reconciled"]

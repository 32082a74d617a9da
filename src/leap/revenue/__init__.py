"""MRR at a moment, retention by the snapshot method, and the movements that reconcile with billing.

Amounts are whole parts of a currency unit inside (int64), so that sums are exact; a ratio is a ratio of sums.
"""

from leap.revenue.definitions import add_months, definition_hash, us
from leap.revenue.ends import window_ends
from leap.revenue.figures import RetentionFigures
from leap.revenue.measure import Retention, retention, window
from leap.revenue.money import PARTS
from leap.revenue.movements import Movements
from leap.revenue.mrr import Revenue
from leap.revenue.starting_years import StartingYear

__all__ = [
    "PARTS",
    "Movements",
    "Retention",
    "RetentionFigures",
    "Revenue",
    "StartingYear",
    "add_months",
    "definition_hash",
    "retention",
    "us",
    "window",
    "window_ends",
]

"""The one scoring path: features in, scores with intervals, reasons and ICP match out; batch, service and commands
use it.
"""

from leap.scoring.batch import Batch, portfolio, score_all
from leap.scoring.scored import require_same_tables, score, score_prospects
from leap.scoring.scorer import Scorer
from leap.scoring.table import ALREADY_LEAVING, ScoreTable

__all__ = [
    "ALREADY_LEAVING",
    "Batch",
    "ScoreTable",
    "Scorer",
    "portfolio",
    "require_same_tables",
    "score",
    "score_all",
    "score_prospects",
]

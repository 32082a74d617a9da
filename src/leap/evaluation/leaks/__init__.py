"""The leakage audit: columns that know the outcome, or look as if they did, and tables without those who left.

What is found is left out of all features, unless `leaks.keep_columns` names it; a kept one is noted in the model card.
"""

from __future__ import annotations

from leap.errors import NotEnoughData, RevenueError
from leap.evaluation.leaks.dated import written_at_the_end
from leap.evaluation.leaks.leak import Leak, left_out, marked, notes_of, without
from leap.evaluation.leaks.names import telling_names
from leap.evaluation.leaks.single import near_perfect
from leap.evaluation.leaks.survivors import missing_churners
from leap.evaluation.leaks.undated import retrospective
from leap.features import FeatureCatalog, discover_features
from leap.models.frames import ScopeFrame, health_frame
from leap.snapshots import as_of_dates
from leap.tables import AccountTables

__all__ = [
    "Leak",
    "admissible",
    "audit",
    "left_out",
    "near_perfect",
    "notes_of",
    "telling_names",
    "without_near_perfect",
]


def admissible(tables: AccountTables) -> tuple[FeatureCatalog, list[Leak]]:
    """The features that may be used, by what names, values and dates of their columns tell; and what was found."""
    leaks = marked(
        tables,
        [
            *telling_names(tables),
            *retrospective(tables),
            *written_at_the_end(tables),
            *missing_churners(tables),
        ],
    )
    return without(tables, discover_features(tables), leaks), leaks


def without_near_perfect(tables: AccountTables, frame: ScopeFrame, leaks: list[Leak]) -> tuple[ScopeFrame, list[Leak]]:
    """The frame without what alone tells who churns, in all its windows, and all that was found."""
    found = _of_frame(tables, frame)
    if not left_out(found):
        return frame, marked(tables, leaks + found)
    return health_frame(tables, without(tables, frame.features.catalog, found)), marked(tables, leaks + found)


def audit(tables: AccountTables) -> list[Leak]:
    """Everything that training would find: by name, by values and dates, and by what one feature alone tells."""
    catalog, leaks = admissible(tables)
    if not any(len(table.rows) for table in tables.with_role("revenue")) or not as_of_dates(tables):
        return leaks
    try:
        frame = health_frame(tables, catalog)
    except (NotEnoughData, RevenueError):
        return leaks
    return marked(tables, leaks + _of_frame(tables, frame))


def _of_frame(tables: AccountTables, frame: ScopeFrame) -> list[Leak]:
    train = frame.outcomes.trainable
    churned = frame.outcomes.churned[train]
    if not 0 < churned.sum() < len(churned):
        return []
    return near_perfect(tables, frame.features.where(train), churned, frame.rows.accounts[train])

"""How customers of each quarter were won and how they did, inside of the profiles against outside, figure by figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from leap.icp.quarters import FEW_CUSTOMERS, FEW_DEALS, FEW_WON, NOT_OVER, NOT_RECORDED, Quarter
from leap.icp.undefined import NO_DEALS, NO_WON
from leap.reports.icp_figures import FigureSections
from leap.value.payback import NO_COSTS

SHOWN = 5
"""Quarters beside each other: so many, so that one stands beside the same a year before."""
_FIGURES = (
    ("win_rate", "Win rate", "share"),
    ("sales_cycle_days", "Sales cycle, days", "count"),
    ("deal_size", "Deal size", "money"),
    ("cac", "CAC", "money"),
    ("nrr_later", "NRR {months} months later", "share"),
    ("churn_later", "Churn {months} months later", "share"),
)
_INTERVALS = {name: f"{name}_interval" for name in ("win_rate", "nrr_later", "churn_later")}
_WHY = {
    NO_DEALS: "no table has the role deals: with one it appears",
    NO_WON: "no table has the role deals: with one it appears",
    NO_COSTS: "no table has the role costs: with one it appears",
    FEW_DEALS: "no quarter has ten closed deals of a group",
    FEW_WON: "no quarter has five won deals of a group",
    FEW_CUSTOMERS: "no quarter has five new customers of a group for whom it is known",
    NOT_OVER: "the months after these quarters are not over yet",
    NOT_RECORDED: "these quarters lie before churn was recorded",
}


@dataclass(frozen=True)
class KpiCell:
    """A figure of a group in a quarter, with its interval where it has one; None where accounts are too few."""

    value: float | None
    ends: tuple[float, float] | None


@dataclass(frozen=True)
class KpiRow:
    """A group: a profile, those outside, or everyone."""

    label: str
    cells: tuple[KpiCell, ...]


@dataclass(frozen=True)
class KpiTable:
    """One figure of all groups over quarters; without any value no rows, and `why`."""

    name: str
    label: str
    unit: str
    quarters: tuple[str, ...]
    rows: tuple[KpiRow, ...]
    why: str


def kpi_tables(figures: FigureSections) -> tuple[KpiTable, ...]:
    """A table for each figure; none where there are no quarters."""
    if not figures.by_quarter:
        return ()
    return tuple(_table(figures, *one) for one in _FIGURES)


def _table(figures: FigureSections, name: str, label: str, unit: str) -> KpiTable:
    groups = figures.by_quarter
    filled = [i for i in range(len(figures.quarters)) if any(getattr(row.cells[i], name) is not None for row in groups)]
    shown = filled[-SHOWN:]
    rows = [KpiRow(row.label, tuple(_cell(row.cells[i], name) for i in shown)) for row in groups] if shown else []
    return KpiTable(
        name,
        label.format(months=figures.later_months),
        unit,
        tuple(figures.quarters[i] for i in shown),
        tuple(rows),
        "" if shown else _why([cell for row in groups for cell in row.cells], name),
    )


def _cell(quarter: Quarter, name: str) -> KpiCell:
    return KpiCell(getattr(quarter, name), getattr(quarter, _INTERVALS[name]) if name in _INTERVALS else None)


def _why(cells: Sequence[Quarter], name: str) -> str:
    """The reason that most of them give."""
    said = Counter(cell.reasons[name] for cell in cells if name in cell.reasons)
    reason = said.most_common(1)[0][0] if said else FEW_CUSTOMERS
    return _WHY.get(reason, reason.replace("_", " "))

"""How good the data are, in five lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from leap.reports.data import DataReport, ProblemGroup
from leap.reports.icp_monday import Todo
from leap.reports.icp_summary import IcpSummary
from leap.reports.rendering import count, day, listed, share

_LEVELS = ("fail", "quarantine", "warn")


def data_lines(report: DataReport, icp: IcpSummary, today: date, stale_after_days: int) -> tuple[Todo, ...]:
    """Rows, rules, age, what the model has seen, and what is not used."""
    return (
        Todo("Rows", _rows(report)),
        Todo("Rules", _rules(report.groups), "leap check DIR"),
        Todo("Age", _age(report, today, stale_after_days)),
        Todo("Learned", _learned(report, icp)),
        Todo("Not used", _not_used(report)),
    )


def _rows(report: DataReport) -> str:
    tables = report.tables
    read, used = sum(t.rows_read for t in tables), sum(t.rows_used for t in tables)
    refused = sum(t.rows_quarantined for t in tables)
    part = f" ({share(used / read)})" if read else ""
    counted = f"{len(tables)} {'table' if len(tables) == 1 else 'tables'}"
    return f"{counted}: {count(read)} rows read, {count(used)} used{part}, {count(refused)} set aside."


def _rules(groups: Sequence[ProblemGroup]) -> str:
    counted = {group.level: group for group in groups}
    found = [counted[level] for level in _LEVELS if level in counted]
    if not found:
        return "Every rule holds in every table."
    return " ".join(_group(group) for group in found)


def _group(group: ProblemGroup) -> str:
    first, *rest = group.problems
    more = f"; {len(rest)} more" if rest else ""
    return f"{group.title}: {first.where}, {first.rule}, {count(first.count)} ({share(first.share)}){more}."


def _age(report: DataReport, today: date, stale_after_days: int) -> str:
    until = date.fromisoformat(report.data_until)
    days = (today - until).days
    if days < 0:
        return f"Data until {day(report.data_until)}, which is still to come."
    late = f", more than the {stale_after_days} days after which they count as stale: load newer ones before the review"
    ago = f"{days} {'day' if days == 1 else 'days'} before {day(today.isoformat())}"
    return f"Data until {day(report.data_until)}, {ago}{late if days > stale_after_days else ''}."


def _learned(report: DataReport, icp: IcpSummary) -> str:
    if icp.data_until is None or icp.accounts is None or icp.as_of_range is None:
        return "No model has learned from them."
    seen = (
        f"Version {icp.version} learned from {count(icp.accounts)} accounts as they were from "
        f"{day(icp.as_of_range[0])} to {day(icp.as_of_range[1])}, in rows known before {day(icp.data_until)}"
    )
    since = "" if icp.data_until >= report.data_until else "; it has not learned from those that came since"
    return f"{seen}{since}."


def _not_used(report: DataReport) -> str:
    found = [(table.name, len(table.not_declared) + table.more_not_declared) for table in report.tables]
    said = [f"{number} of {name}" for name, number in found if number]
    return f"Columns that leap.toml does not declare: {listed(said)}." if said else "Every column there is is declared."

"""The data report of `leap check`: what was read, what is wrong with it, what to do; values, then a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from leap.config import Settings, TableSpec
from leap.evaluation import Leak
from leap.reports.profile import ColumnProfile, profile_of
from leap.reports.rendering import render
from leap.tables import AccountTables, Problem, Table
from leap.tables.canonical import AT, CREATED, PERIOD, START

REPORT_FILE = "report.html"
_LEVELS = {
    "fail": ("Fails", "Training stops until these are corrected."),
    "quarantine": ("Quarantined", "These rows are set aside and used for nothing; all others are used."),
    "warn": ("Warnings", "All rows are used as they are; look whether that is right."),
}
_SHOWN_COLUMNS = 40
_CUT = 60


@dataclass(frozen=True)
class TableSummary:
    """One table: where it lies, its rows, the time it covers, and its columns."""

    name: str
    shape: str
    source: str
    rows_read: int
    rows_used: int
    rows_quarantined: int
    failed: bool
    first: str | None
    last: str | None
    columns: tuple[ColumnProfile, ...]
    not_declared: tuple[str, ...]
    more_not_declared: int
    quarantine: str | None
    """Name of the file with the refused rows, beside the report."""

    @property
    def used_share(self) -> float | None:
        """Of the rows read; None for an empty table."""
        return self.rows_used / self.rows_read if self.rows_read else None


@dataclass(frozen=True)
class ProblemSummary:
    """One broken rule, in words."""

    where: str
    rule: str
    count: int
    share: float
    examples: tuple[str, ...]
    remedy: str


@dataclass(frozen=True)
class ProblemGroup:
    """All problems of one level, the most rows first."""

    level: str
    title: str
    meaning: str
    problems: tuple[ProblemSummary, ...]


@dataclass(frozen=True)
class DataReport:
    """All that the page shows."""

    company: str
    data_until: str
    ok: bool
    verdict: str
    tables: tuple[TableSummary, ...]
    groups: tuple[ProblemGroup, ...]
    leaks: tuple[Leak, ...]
    settings: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    """Sections of leap.toml with their keys and values in force."""


def summarise(
    tables: AccountTables, problems: Sequence[Problem], leaks: Iterable[Leak], written: Mapping[str, Path], verdict: str
) -> DataReport:
    """The values of the report; only what stands in the tables and in leap.toml."""
    failed = {problem.table for problem in problems if problem.level == "fail"}
    return DataReport(
        company=tables.settings.company.name,
        data_until=f"{tables.data_until:%Y-%m-%d}",
        ok=not failed,
        verdict=verdict,
        tables=tuple(
            _table(table, name in failed, written.get(name)) for name, table in tables.everything_read.items()
        ),
        groups=_groups(problems),
        leaks=tuple(leaks),
        settings=_settings(tables.settings),
    )


def render_html(report: DataReport) -> str:
    """The page: one file without scripts, everything from the tables escaped."""
    return render("data.html", report=report)


def _table(table: Table, failed: bool, refused: Path | None) -> TableSummary:
    time = next((name for name in (AT, START, PERIOD, CREATED) if name in table.rows), None)
    moments = table.rows[time].dropna() if time is not None else pd.Series(dtype="datetime64[us]")
    return TableSummary(
        name=table.name,
        shape=table.spec.shape if table.spec.role is None else f"{table.spec.role} ({table.spec.shape})",
        source=without_credentials(table.spec.source),
        rows_read=table.rows_read,
        rows_used=table.rows_used,
        rows_quarantined=table.rows_quarantined,
        failed=failed,
        first=f"{moments.min():%Y-%m-%d}" if len(moments) else None,
        last=f"{moments.max():%Y-%m-%d}" if len(moments) else None,
        columns=tuple(profile_of(table, column) for column in _profiled(table)),
        not_declared=tuple(cut(column) for column in table.left_out[:_SHOWN_COLUMNS]),
        more_not_declared=max(0, len(table.left_out) - _SHOWN_COLUMNS),
        quarantine=refused.name if refused is not None else None,
    )


def _profiled(table: Table) -> list[str]:
    """Declared columns that were read."""
    return [column for column in table.spec.columns if column in table.rows and len(table.rows)]


def _groups(problems: Sequence[Problem]) -> tuple[ProblemGroup, ...]:
    groups = []
    for level, (title, meaning) in _LEVELS.items():
        found = sorted((p for p in problems if p.level == level), key=lambda p: -p.count)
        if found:
            groups.append(ProblemGroup(level, title, meaning, tuple(_problem(problem) for problem in found)))
    return tuple(groups)


def _problem(problem: Problem) -> ProblemSummary:
    return ProblemSummary(
        where=cut(problem.where),
        rule=problem.rule.replace("_", " "),
        count=problem.count,
        share=problem.share,
        examples=tuple(cut(example) for example in problem.examples),
        remedy=problem.remedy,
    )


def cut(text: str) -> str:
    """At most sixty characters, and three points for the rest.

    >>> cut("x" * 61) == "x" * 60 + "..."
    True
    """
    return text if len(text) <= _CUT else text[:_CUT] + "..."


def without_credentials(source: str) -> str:
    """An address without the name and password that may stand in it.

    >>> without_credentials("postgresql://me:secret@host/db#public.t")
    'postgresql://host/db#public.t'
    """
    return re.sub(r"//[^/]*@", "//", source)


def _settings(settings: Settings) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """The company, the outcome and what else is set; of tables, what differs from the defaults."""
    sections: list[tuple[str, Mapping[str, Any]]] = [
        ("company", settings.company.model_dump(mode="json")),
        ("outcome", settings.outcome.model_dump(mode="json")),
    ]
    if settings.lineage is not None:
        sections.append(("lineage", settings.lineage.model_dump(mode="json")))
    if settings.leaks.keep_columns:
        sections.append(("leaks", settings.leaks.model_dump(mode="json")))
    sections += [(f"tables.{name}", _table_settings(spec)) for name, spec in settings.tables.items()]
    return tuple(
        (name, tuple((key, _written(value)) for key, value in values.items() if value is not None))
        for name, values in sections
    )


def _table_settings(spec: TableSpec) -> dict[str, Any]:
    found = spec.model_dump(mode="json", exclude_defaults=True, exclude={"columns"})
    return {**found, "source": without_credentials(spec.source)}


def _written(value: object) -> str:
    if isinstance(value, list):
        return cut(", ".join(map(str, value)) or "none")
    return (
        cut({True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)) or "none"
    )

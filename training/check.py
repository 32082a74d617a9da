"""`leap check`: read everything, report problems, quarantine and leaks, also as a page; nothing is trained."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training import flat
from training.console import Console, Result, command_parser, run

if TYPE_CHECKING:
    from leap.evaluation import Leak
    from leap.tables import AccountTables, Problem

MANY, LONG = 12, 60


def main(argv: list[str] | None = None) -> int:
    """Exit 2 if a rule fails, 1 if leaks were found, else 0; the report is printed in every case."""
    parser = command_parser("check", "Read everything; report problems, quarantine and leaks.", data_until=True)
    return run(parser, argv, check)


def check(args: argparse.Namespace, console: Console) -> Result:
    """Read, write the quarantine, look for leaks where nothing failed, write the report."""
    from leap.flat.rows import checked
    from leap.reports.data_found import failed, without_features
    from leap.sources import inspect_workspace, write_quarantine

    with console.stage("reading the tables"):
        tables = checked(inspect_workspace(args.workspace, data_until=args.data_until))
    problems = [*tables.problems, *without_features(tables)]
    try:
        written = write_quarantine(tables, args.workspace)
    except OSError as error:
        console.note(f"The quarantine could not be written: {error}.")
        written = {}
    with console.stage("looking for leaks"):
        leaks = leaks_of(args, tables, problems)
    page = write_page(tables, problems, leaks, written, args.workspace, console)
    found = Found(tables, problems, leaks, written, page)
    return Result(document(found), text(found), 2 if failed(problems) else 1 if leaks else 0)


@dataclass(frozen=True)
class Found:
    """What a check found and wrote."""

    tables: "AccountTables"
    problems: "Sequence[Problem]"
    leaks: "Sequence[Leak]"
    written: Mapping[str, Path]
    page: Path | None


def leaks_of(args: argparse.Namespace, tables: "AccountTables", problems: "list[Problem]") -> "list[Leak]":
    """What the audit names; by name only where a rule failed. What the audit itself cannot add up is a failed rule."""
    from leap import evaluation
    from leap.errors import LeapError
    from leap.flat import leaks as flat_leaks
    from leap.flat.workspace import flat_tables
    from leap.reports.data_found import failed
    from leap.tables import Problem

    if failed(problems):
        return evaluation.left_out(evaluation.telling_names(tables))
    try:
        if len(flat_tables(tables.settings)) == 1:
            return evaluation.left_out(flat_leaks.audit(tables, until_given=flat.until_given(args, tables)))
        return evaluation.left_out(evaluation.audit(tables))
    except LeapError as error:
        revenue = next((table.name for table in tables.with_role("revenue")), next(iter(tables.tables), ""))
        problems.append(Problem("fail", revenue, None, error.code, 1, 1.0, (), str(error)))
        return evaluation.left_out(evaluation.telling_names(tables))


def write_page(
    tables: "AccountTables",
    problems: "Sequence[Problem]",
    leaks: "Sequence[Leak]",
    written: Mapping[str, Path],
    workspace: Path,
    console: Console,
) -> Path | None:
    """The report for people beside the quarantine; None where it cannot be written."""
    from leap.reports import data
    from leap.reports.data_found import verdict
    from leap.sources import QUARANTINE

    page = workspace / QUARANTINE / data.REPORT_FILE
    summary = data.summarise(tables, problems, leaks, written, verdict(problems, leaks))
    try:
        page.parent.mkdir(exist_ok=True)
        page.write_text(data.render_html(summary), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        console.note(f"The report could not be written: {error}.")
        return None
    return page


def document(found: Found) -> dict[str, object]:
    """The document of `--json`."""
    from leap.reports.data_found import failed

    tables = found.tables
    return {
        "ok": not failed(found.problems),
        "tables": {
            name: {
                "rows_read": table.rows_read,
                "rows_used": table.rows_used,
                "rows_quarantined": table.rows_quarantined,
            }
            for name, table in tables.everything_read.items()
        },
        "problems": [problem.to_json() for problem in found.problems],
        "leaks": [leak.to_json() for leak in found.leaks],
        "data_until": tables.data_until,
        "left_out": {name: list(table.left_out) for name, table in tables.tables.items() if table.left_out},
        "quarantine": dict(found.written),
        "report": found.page,
        "config": tables.settings.model_dump(mode="json"),
    }


def text(found: Found) -> str:
    """The same for people: tables, then what was found by how grave it is, then what is left out."""
    from leap.reports.data_found import verdict

    tables = found.tables
    lines = [f"{'table':<24} {'read':>12} {'used':>12} {'quarantined':>12}"]
    lines += [
        f"{name:<24} {table.rows_read:>12,} {table.rows_used:>12,} {table.rows_quarantined:>12,}"
        for name, table in tables.everything_read.items()
    ]
    if any(table.spec.shape != "snapshot" or table.spec.at for table in tables.tables.values()):
        lines += ["", f"data until {tables.data_until:%Y-%m-%d} (exclusive)"]
    grave = {"fail": 0, "quarantine": 1, "warn": 2}
    for problem in sorted(found.problems, key=lambda problem: grave[problem.level]):
        shown = f", for example {', '.join(problem.examples)}" if problem.examples else ""
        lines += [
            "",
            f"{problem.level.upper()} {problem.where}: {problem.rule}, {problem.count:,} ({problem.share:.1%}){shown}",
        ]
        lines += [f"  {problem.remedy}"]
    for leak in found.leaks:
        lines += ["", f"LEAK {leak.table}.{leak.column}: {leak.why}; left out of training"]
    if found.leaks:
        lines += ['  To use one all the same: leaks.keep_columns = ["table.column"] in leap.toml.']
    lines += [""] + [f"refused rows of {name}: {path}" for name, path in found.written.items()]
    lines += [
        f"not declared in {name}: {some(table.left_out)}" for name, table in tables.tables.items() if table.left_out
    ]
    lines += [f"report: {found.page}"] if found.page else []
    return "\n".join([*lines, verdict(found.problems, found.leaks)])


def some(names: tuple[str, ...]) -> str:
    """The first of many names, shortened, and how many more there are."""
    more = f" and {len(names) - MANY:,} more" if len(names) > MANY else ""
    return ", ".join(name if len(name) <= LONG else name[:LONG] + "..." for name in names[:MANY]) + more


if __name__ == "__main__":
    raise SystemExit(main())

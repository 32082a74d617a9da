"""`leap check`: read everything, report problems, quarantine and leaks; nothing is trained."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from training import flat
from training.console import Console, Result, command_parser, run

if TYPE_CHECKING:
    from leap.evaluation import Leak
    from leap.tables import AccountTables

MANY = 12


def main(argv: list[str] | None = None) -> int:
    """Exit 2 if a rule fails, 1 if leaks were found, else 0; the report is printed in every case."""
    parser = command_parser("check", "Read everything; report problems, quarantine and leaks.", data_until=True)
    return run(parser, argv, check)


def check(args: argparse.Namespace, console: Console) -> Result:
    """Read, write the quarantine, look for leaks where nothing failed."""
    from leap import evaluation
    from leap.flat import leaks as flat_leaks
    from leap.flat.rows import checked
    from leap.flat.workspace import flat_tables
    from leap.sources import inspect_workspace, write_quarantine

    with console.stage("reading the tables"):
        tables = checked(inspect_workspace(args.workspace, data_until=args.data_until))
    failed = any(problem.level == "fail" for problem in tables.problems)
    try:
        written = write_quarantine(tables, args.workspace)
    except OSError as error:
        console.note(f"The quarantine could not be written: {error}.")
        written = {}
    with console.stage("looking for leaks"):
        if failed:
            leaks = evaluation.telling_names(tables)
        elif len(flat_tables(tables.settings)) == 1:
            leaks = flat_leaks.audit(tables, until_given=flat.until_given(args, tables))
        else:
            leaks = evaluation.audit(tables)
    document = report(tables, leaks, written)
    return Result(document, text(tables, leaks, written), 2 if failed else 1 if leaks else 0)


def report(tables: "AccountTables", leaks: "list[Leak]", written: Mapping[str, Path]) -> dict[str, object]:
    """The document of `--json`."""
    return {
        "ok": not any(problem.level == "fail" for problem in tables.problems),
        "tables": {
            name: {
                "rows_read": table.rows_read,
                "rows_used": table.rows_used,
                "rows_quarantined": table.rows_quarantined,
            }
            for name, table in tables.tables.items()
        },
        "problems": [problem.to_json() for problem in tables.problems],
        "leaks": [leak.to_json() for leak in leaks],
        "data_until": tables.data_until,
        "left_out": {name: list(table.left_out) for name, table in tables.tables.items() if table.left_out},
        "quarantine": dict(written),
        "config": tables.settings.model_dump(mode="json"),
    }


def text(tables: "AccountTables", leaks: "list[Leak]", written: Mapping[str, Path]) -> str:
    """The same for people: tables, then what was found by table and how grave it is, then what is left out."""
    lines = [f"{'table':<24} {'read':>12} {'used':>12} {'quarantined':>12}"]
    lines += [
        f"{name:<24} {table.rows_read:>12,} {table.rows_used:>12,} {table.rows_quarantined:>12,}"
        for name, table in tables.tables.items()
    ]
    lines += ["", f"data until {tables.data_until:%Y-%m-%d} (exclusive)"]
    grave = {"fail": 0, "quarantine": 1, "warn": 2}
    for problem in sorted(tables.problems, key=lambda problem: grave[problem.level]):
        where = f"{problem.table}.{problem.column}" if problem.column else problem.table
        shown = f", for example {', '.join(problem.examples)}" if problem.examples else ""
        lines += [
            "",
            f"{problem.level.upper()} {where}: {problem.rule}, {problem.count:,} ({problem.share:.1%}){shown}",
        ]
        lines += [f"  {problem.remedy}"]
    for leak in leaks:
        lines += ["", f"LEAK {leak.table}.{leak.column}: {leak.why}; left out of training"]
    if leaks:
        lines += ['  To use one all the same: leaks.keep_columns = ["table.column"] in leap.toml.']
    lines += [""] + [f"refused rows of {name}: {path}" for name, path in written.items()]
    lines += [
        f"not declared in {name}: {some(table.left_out)}" for name, table in tables.tables.items() if table.left_out
    ]
    return "\n".join([*lines, verdict(tables, leaks)])


def some(names: tuple[str, ...]) -> str:
    """The first of many names, and how many more there are."""
    more = f" and {len(names) - MANY:,} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more


def verdict(tables: "AccountTables", leaks: "list[Leak]") -> str:
    """The last line."""
    counted = {level: sum(p.level == level for p in tables.problems) for level in ("fail", "quarantine", "warn")}
    if counted["fail"]:
        return f"NOT OK: {counted['fail']} rule(s) failed; training would stop."
    rest = f"{counted['quarantine']} kind(s) of rows quarantined, {counted['warn']} warning(s), {len(leaks)} leak(s)"
    return f"ok: {rest}"


if __name__ == "__main__":
    raise SystemExit(main())

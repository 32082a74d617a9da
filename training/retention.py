"""`leap retention`: exact historic figures of a window, for everyone or by a column, on the screen or as a page."""

import argparse
from pathlib import Path

from training.console import Console, Result, command_parser, day, run
from training.icp import write


def main(argv: list[str] | None = None) -> int:
    """Print NRR, GRR, churn and the movements of a window."""
    parser = command_parser("retention", "Exact retention of a window, by the snapshot method.", data_until=True)
    parser.add_argument(
        "--from", dest="start", type=day, metavar="D", help="start of the window (default: a horizon before --to)"
    )
    parser.add_argument(
        "--to", dest="end", type=day, metavar="D", help="end of the window (default: the last day of the data)"
    )
    parser.add_argument("--by", metavar="COLUMN", help="also by the values of a column (or table.column) at the start")
    parser.add_argument("--out", type=Path, metavar="F", help="write the report as a page (.html) into this file")
    return run(parser, argv, retention)


def retention(args: argparse.Namespace, console: Console) -> Result:
    """Read the tables, measure, and write the page that was asked for."""
    from leap import revenue
    from leap.config import load_settings
    from leap.errors import UsageError
    from leap.flat.workspace import refuse_flat
    from leap.reports import retention as report
    from leap.sources import read_workspace

    if args.out is not None and args.out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{args.out.name}: expected a name ending in .html.", remedy="--json prints the figures.")
    refuse_flat(load_settings(args.workspace), "leap retention", "what accounts paid")
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    start, end = revenue.window(tables, args.start, args.end)
    measured = revenue.retention(tables, start, end, by=args.by)
    summary = report.summarise(measured, tables.settings.company)
    document, text = measured.to_json(), report.render_text(summary)
    if args.out is None:
        return Result(document, text)
    write(args.out, report.render_html(summary))
    return Result({**document, "out": str(args.out)}, f"{text}\n\n-> {args.out}")


if __name__ == "__main__":
    raise SystemExit(main())

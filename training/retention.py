"""`leap retention`: exact historic figures of a window, for everyone or by a column."""

import argparse

from training.console import Console, Result, command_parser, day, run


def main(argv: list[str] | None = None) -> int:
    """Print NRR, GRR, churn and the movements of a window."""
    parser = command_parser("retention", "Exact retention of a window, by the snapshot method.", data_until=True)
    parser.add_argument(
        "--from", dest="start", type=day, metavar="D", help="start of the window (default: a horizon before --to)"
    )
    parser.add_argument(
        "--to", dest="end", type=day, metavar="D", help="end of the window (default: the last day of the data)"
    )
    parser.add_argument("--by", metavar="COLUMN", help="also by the values of a column at the start")
    return run(parser, argv, retention)


def retention(args: argparse.Namespace, console: Console) -> Result:
    """Read the tables and measure."""
    from leap import revenue
    from leap.config import load_settings
    from leap.flat.workspace import refuse_flat
    from leap.reports import retention as report
    from leap.sources import read_workspace

    refuse_flat(load_settings(args.workspace), "leap retention", "what accounts paid")
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    start, end = revenue.window(tables, args.start, args.end)
    measured = revenue.retention(tables, start, end, by=args.by)
    company = tables.settings.company
    return Result(measured.to_json(), report.text(measured, company))


if __name__ == "__main__":
    raise SystemExit(main())

"""`leap features`: the feature matrix of customers at one or more dates, as Parquet or CSV."""

import argparse
from pathlib import Path

from training import flat
from training.console import Console, Result, command_parser, day, run


def main(argv: list[str] | None = None) -> int:
    """Write the features of all customers at the dates given."""
    parser = command_parser("features", "Write the feature matrix as of one or more dates.", data_until=True)
    parser.add_argument(
        "--as-of", action="append", type=day, metavar="D", help="a date; may be repeated (a flat table needs none)"
    )
    parser.add_argument("--prospects", action="store_true", help="also the accounts without any revenue then")
    parser.add_argument("--out", required=True, type=Path, metavar="F", help=".csv, .xlsx or .parquet")
    return run(parser, argv, features)


def features(args: argparse.Namespace, console: Console) -> Result:
    """Build what training and service would see at those dates."""
    from leap.errors import UsageError
    from leap.evaluation import admissible
    from leap.exports import write_frame
    from leap.features import feature_matrix
    from leap.reports import features as report
    from leap.reports.table_columns import about_features
    from leap.snapshots import customer_snapshots, days_within, with_prospects
    from leap.sources import read_workspace

    if flat.is_flat(args.workspace):
        if args.prospects:
            raise UsageError("--prospects is for accounts over time, not for flat tables.")
        return flat.features(args, console)
    if not args.as_of:
        raise UsageError("the following arguments are required: --as-of.", remedy="See: leap features --help")
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    with console.stage("building features"):
        catalog, leaks = admissible(tables)
        days = days_within(tables, args.as_of)
        wanted = customer_snapshots(tables, days)
        if args.prospects:
            wanted = with_prospects(tables, wanted, days)
        matrix = feature_matrix(tables, wanted, catalog)
    write_frame(matrix, args.out, about_features(catalog, tables.settings.company))
    return Result(report.document(matrix, catalog, leaks), report.text(matrix, catalog, args.out))


if __name__ == "__main__":
    raise SystemExit(main())

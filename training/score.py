"""`leap score`: batch scores of every customer and prospect."""

import argparse
from pathlib import Path

from training import flat
from training.console import Console, Result, command_parser, day, run
from training.loading import model_and_tables
from training.tiers import TierPlan


def main(argv: list[str] | None = None) -> int:
    """Write a score file."""
    parser = command_parser("score", "Score every customer and prospect into a file.", data_until=True)
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the scores (default: the end of the data)")
    parser.add_argument("--all", action="store_true", help="of a flat table: also rows whose outcome is known")
    parser.add_argument("--out", required=True, type=Path, metavar="F", help=".csv, .xlsx or .parquet")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument(
        "--since", type=day, metavar="D", help="add what NRR was on an earlier date, and why it changed"
    )
    parser.add_argument(
        "--publish-tiers", action="store_true",
        help="keep in the store what tier each account is in since when; an account keeps its tier within the band",
    )  # fmt: skip
    return run(parser, argv, score)


def score(args: argparse.Namespace, console: Console) -> Result:
    """Load, read, score, write."""
    from leap import scoring
    from leap.errors import UsageError
    from leap.exports import write_frame
    from leap.reports import scores as report
    from leap.reports.table_columns import about_scores
    from leap.scoring.changes import with_changes

    if flat.is_flat(args.workspace):
        if args.publish_tiers:
            raise UsageError("--publish-tiers is for accounts with ICPs, not for flat tables.")
        if args.since is not None:
            raise UsageError("--since is for accounts over time, not for flat tables.")
        return flat.score(args, console)
    if args.all:
        raise UsageError("--all is for flat tables (shape snapshot); every customer and prospect is scored anyway.")
    bundle, version, tables = model_and_tables(args, console)
    with console.stage("scoring"):
        batch = scoring.score_all(bundle, tables, version, args.as_of)
        frame = batch.frame() if args.since is None else with_changes(batch.frame(), batch, tables, args.since)
    tiers = TierPlan.of(args.store, args.workspace, batch, tables) if args.publish_tiers else None
    as_of = args.as_of or f"{tables.data_until:%Y-%m-%d}"
    write_frame(frame, args.out, about_scores(bundle, version, as_of))
    if tiers is not None:
        tiers.publish()
    document = {
        "rows": len(frame),
        "customers": len(batch.customers),
        "prospects": len(batch.prospects),
        "abstained": batch.abstained,
        "version": version,
        "as_of": as_of,
        "most_at_risk": [one["account_id"] for one in batch.most_at_risk()],
        "portfolio": scoring.portfolio(batch.customers),
        "definition_hash": bundle.definition_hash,
        "out": str(args.out),
        **({} if args.since is None else {"since": args.since}),
        **({} if tiers is None else {"tiers": tiers.to_json()}),
    }
    said = "" if tiers is None else f"\n{tiers.text()}"
    return Result(document, report.text(document, batch, bundle) + said)


if __name__ == "__main__":
    raise SystemExit(main())

"""`leap score`: batch scores of every customer and prospect."""

import argparse
from pathlib import Path

from training.console import Console, Result, command_parser, day, run


def main(argv: list[str] | None = None) -> int:
    """Write a score file."""
    parser = command_parser("score", "Score every customer and prospect into a file.", data_until=True)
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the scores (default: the end of the data)")
    parser.add_argument("--out", required=True, type=Path, metavar="F", help=".parquet or .csv")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    return run(parser, argv, score)


def score(args: argparse.Namespace, console: Console) -> Result:
    """Load, read, score, write."""
    from leap import scoring
    from leap.bundle.model_bundle import ModelBundle
    from leap.exports import write_frame
    from leap.registry import Store
    from leap.reports import scores as report
    from leap.sources import read_workspace

    with console.stage("loading the model"):
        fetched = Store(args.store, args.workspace).load(args.version or "champion")
        bundle = ModelBundle.load(fetched.folder)
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    with console.stage("scoring"):
        batch = scoring.score_all(bundle, tables, fetched.version, args.as_of)
        frame = batch.frame()
    write_frame(frame, args.out)
    document = {
        "rows": len(frame),
        "customers": len(batch.customers),
        "prospects": len(batch.prospects),
        "abstained": batch.abstained,
        "version": fetched.version,
        "as_of": args.as_of or f"{tables.data_until:%Y-%m-%d}",
        "most_at_risk": [one["account_id"] for one in batch.most_at_risk()],
        "portfolio": scoring.portfolio(batch.customers),
        "definition_hash": bundle.definition_hash,
        "out": str(args.out),
    }
    return Result(document, report.text(document, batch, bundle))


if __name__ == "__main__":
    raise SystemExit(main())

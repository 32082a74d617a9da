"""`leap scenario`: expected NRR if the market stood lower or higher, and the MRR at risk by segment and profile."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.console import Console, Result, command_parser, day, dumps, run
from training.icp import write
from training.loading import model_and_tables

TABLES = (".csv", ".xlsx", ".parquet")
FORMS = (*TABLES, ".json")


def main(argv: list[str] | None = None) -> int:
    """Show what the market does to expected NRR."""
    parser = command_parser("scenario", "Expected NRR if the market stood lower or higher.", data_until=True)
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the scores (default: the end of the data)")
    parser.add_argument("--by", metavar="COLUMN", help="part customers by this (default: the market's segments)")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument(
        "--out", type=Path, metavar="F", help="write by segment and profile (.csv, .xlsx, .parquet) or all (.json)"
    )
    return run(parser, argv, scenario)


def scenario(args: argparse.Namespace, console: Console) -> Result:
    """Load, score the scenarios, add up, write."""
    from leap.config import load_settings
    from leap.errors import UsageError
    from leap.exports import write_frame
    from leap.flat.workspace import refuse_flat
    from leap.reports import scenario as report
    from leap.reports.table_columns import about
    from leap.scoring.scenario_answer import Asking

    if args.out is not None and args.out.suffix.lower() not in FORMS:
        raise UsageError(f"{args.out.name}: expected a name ending in {', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    refuse_flat(load_settings(args.workspace), "leap scenario", "what accounts pay")
    bundle, version, tables = model_and_tables(args, console)
    with console.stage("scoring the scenarios"):
        document = Asking(bundle, version, tables, args.as_of).answer(args.by)
    text = report.render_text(document)
    if args.out is None:
        return Result(document, text)
    if args.out.suffix.lower() in TABLES:
        write_frame(report.frame(document), args.out, about("Scenarios", document))
    else:
        write(args.out, dumps(document))
    return Result({**document, "out": str(args.out)}, f"{text}\n\n-> {args.out}")


if __name__ == "__main__":
    raise SystemExit(main())

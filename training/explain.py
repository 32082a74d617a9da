"""`leap explain ACCOUNT DIR`: one account's score with its reasons."""

import argparse

from training import flat
from training.console import Console, Result, command_parser, day, run
from training.loading import model_and_tables


def main(argv: list[str] | None = None) -> int:
    """Explain one account."""
    parser = command_parser("explain", "Explain the score of one account.", data_until=True)
    parser.add_argument("account", help="id of the account, as in the tables")
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the score (default: the end of the data)")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many reasons; 0 for all (default: 5)")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    return run(parser, argv, explain)


def explain(args: argparse.Namespace, console: Console) -> Result:
    """Load, read, score one, say why."""
    from leap.reports.scores import account_lines
    from leap.scoring import Scorer
    from leap.snapshots import day_of

    if flat.is_flat(args.workspace):
        return flat.explain(args, console)
    bundle, version, tables = model_and_tables(args, console)
    with console.stage("scoring"):
        scorer = Scorer.build(bundle, version, tables, day_of(args.as_of) if args.as_of else None)
        found = scorer.explain(args.account, args.top)
    text = "\n".join(account_lines(found, bundle, reasons=args.top or len(found["reasons"])))
    header = {"model": scorer.model_header(), "definition_hash": scorer.definition_hash, "as_of": scorer.as_of}
    return Result({**header, **found}, text)


if __name__ == "__main__":
    raise SystemExit(main())

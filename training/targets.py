"""`leap targets`: whom to sell to next under budget, capacity and quota, as text, a page, a table or JSON."""

import argparse
import ctypes
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.console import Console, Result, command_parser, day, dumps, run, whole
from training.icp import write
from training.loading import model_and_tables, target_overrides

SUFFIXES = {".htm": "html", ".markdown": "md"}


def main(argv: list[str] | None = None) -> int:
    """Choose prospects under limits."""
    parser = command_parser("targets", "Whom to sell to next, under budget, capacity and quota.", data_until=True)
    parser.add_argument("--budget", type=amount, metavar="M", help="money for the work on all accounts of the list")
    parser.add_argument("--capacity", type=whole, metavar="N", help="how many accounts can be worked on")
    parser.add_argument("--quota", type=amount, metavar="M", help="new MRR a month that the list is to reach")
    parser.add_argument("--per-segment", type=whole, metavar="N", help="at most so many accounts of one segment")
    parser.add_argument("--segment", metavar="COLUMN", help="the fit category that tells segments apart")
    parser.add_argument("--limit", type=whole, metavar="N", help="show the first N accounts; chosen are the same")
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the list (default: the end of the data)")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument(
        "--out", type=Path, metavar="F", help="write into this file: .csv, .xlsx, .parquet, .json, .md or .html"
    )
    return run(parser, argv, targets)


def targets(args: argparse.Namespace, console: Console) -> Result:
    """Load, read, choose, write."""
    from leap.config import load_settings
    from leap.exports import write_frame
    from leap.flat.workspace import refuse_flat
    from leap.reports import targets as report
    from leap.reports.table_columns import about
    from leap.scoring.targets import Asked, Entries, target_list

    chosen = chosen_format(args.out)
    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap targets", "what accounts paid and what they were before they bought")
    asked = Asked.of(
        settings.policy,
        budget=args.budget,
        capacity=args.capacity,
        quota=args.quota,
        per_segment=args.per_segment,
        segment=args.segment,
    )
    bundle, version, tables = model_and_tables(args, console)
    decided = target_overrides(args, settings.company.name)
    with console.stage("choosing accounts"), solver_on_stderr():
        made = target_list(bundle, tables, version, as_of=args.as_of, asked=asked, overrides=decided, seed=args.seed)
    entries = Entries(made)
    usual = {None: report.MOST_IN_TEXT, "html": report.MOST_ON_A_PAGE, "md": report.MOST_ON_A_PAGE}
    document = entries.to_json(args.limit if args.limit is not None or args.json else usual.get(chosen))
    if args.out is None:
        return Result(document, report.render_text(document))
    renderers: Mapping[str | None, Callable[[Mapping[str, Any]], str]] = {
        "html": report.render_html,
        "md": report.render_markdown,
        "json": dumps,
    }
    if chosen in report.TABLES:
        write_frame(report.frame(document), args.out, about(report.title(document), document, sheet="Targets"))
    else:
        write(args.out, renderers[chosen](document))
    told = [*report.headlines(document), f"{document['shown']:,} account(s) -> {args.out}"]
    return Result({**document, "out": str(args.out), "format": chosen}, "\n".join(told))


def amount(text: str) -> float:
    """An argument that is an amount of money.

    >>> amount("1e5")
    100000.0
    >>> amount("-1")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: expected an amount from 0 on, such as 50000, found '-1'
    """
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise argparse.ArgumentTypeError(f"expected an amount from 0 on, such as 50000, found {text!r}")
    return found


@contextmanager
def solver_on_stderr() -> Iterator[None]:
    """What the solver prints by itself, which it does past Python, goes to stderr: stdout holds the answer alone."""
    library = ctypes.CDLL(None)
    kept = os.dup(1)
    library.fflush(None)
    os.dup2(2, 1)
    try:
        yield
    finally:
        library.fflush(None)
        os.dup2(kept, 1)
        os.close(kept)


def chosen_format(out: Path | None) -> str | None:
    """What the name of the file says; None is text for a terminal."""
    from leap.errors import UsageError
    from leap.reports.targets import FORMATS

    if out is None:
        return None
    suffix = out.suffix.lower()
    guessed: str = SUFFIXES.get(suffix, suffix.removeprefix("."))
    if guessed not in FORMATS:
        raise UsageError(f"{out.name}: expected a name ending in {', '.join(f'.{name}' for name in FORMATS)}.")
    return guessed


if __name__ == "__main__":
    raise SystemExit(main())

"""`leap waterfall`: expected NRR of a portfolio as a sum of its drivers, or its difference between subsets or dates."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.console import Console, Result, command_parser, day, dumps, run
from training.icp import write
from training.loading import as_reviewed, model_and_tables

TABLES = ("csv", "xlsx", "parquet")
FORMS = {"html": "html", "htm": "html", "md": "md", "markdown": "md", "json": "json", **dict.fromkeys(TABLES, "table")}


def main(argv: list[str] | None = None) -> int:
    """Show what the expected NRR is made of."""
    parser = command_parser(
        "waterfall", "What the expected NRR of customers is made of, or differs by.", data_until=True
    )
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the scores (default: the end of the data)")
    parser.add_argument(
        "--where", action="append", default=[], metavar="COND",
        help="only customers with this: COLUMN=VALUE, or with != >= > <= <; may be repeated: all must hold",
    )  # fmt: skip
    against = parser.add_mutually_exclusive_group()
    against.add_argument(
        "--against", action="append", default=[], metavar="COND", help="compare with customers with this, as --where"
    )
    against.add_argument("--against-rest", action="store_true", help="compare with all others")
    against.add_argument("--against-all", action="store_true", help="compare with all customers")
    against.add_argument("--since", type=day, metavar="D", help="compare with an earlier date")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument(
        "--from-version", metavar="V", help="what this version says of the earlier date (default: the same version)"
    )
    parser.add_argument("--top", type=int, default=10, metavar="N", help="how many drivers; 0 for all (default: 10)")
    parser.add_argument(
        "--out", type=Path, metavar="F", help="write it: .html, .md, .json, or a table: .csv, .xlsx, .parquet"
    )
    return run(parser, argv, waterfall)


def waterfall(args: argparse.Namespace, console: Console) -> Result:
    """Load, score the dates that are asked for, add up, write."""
    from leap.config import load_settings
    from leap.flat.workspace import refuse_flat
    from leap.reports import waterfall as report
    from leap.scoring.waterfall_asked import Version, answer

    form, asked = form_of(args.out), question(args)
    refuse_flat(load_settings(args.workspace), "leap waterfall", "what accounts pay")
    bundle, version, tables = model_and_tables(args, console)
    then = version_before(args, console, tables.settings.company.name)
    with console.stage("scoring"):
        document = answer(Version(bundle, version), tables, asked, then)
    text = report.render_text(report.summarise(document))
    if args.out is None:
        return Result(document, text)
    write_report(document, args.out, form)
    return Result({**document, "out": str(args.out)}, f"{text}\n\n-> {args.out}")


def question(args: argparse.Namespace) -> Any:
    """What is asked for; UsageError if that cannot be."""
    from leap.errors import UsageError
    from leap.scoring.waterfall_asked import Asked

    chosen = {"some": args.against, "rest": args.against_rest, "all": args.against_all}
    against = next((name for name, given in chosen.items() if given), None)
    if against is not None and args.from_version:
        raise UsageError("--from-version is of an earlier date: it goes with --since, not with --against.")
    return Asked(args.as_of, args.where, against, args.against, args.since, args.top)


def version_before(args: argparse.Namespace, console: Console, company: str) -> Any:
    """The version of `--from-version` as the people of the company judged it, None if it is not given."""
    from leap.bundle.model_bundle import ModelBundle
    from leap.registry import Store
    from leap.scoring.waterfall_asked import Version

    if args.from_version is None:
        return None
    with console.stage("loading the model of then"):
        store = Store(args.store, args.workspace)
        fetched = store.load(args.from_version)
        return Version(as_reviewed(ModelBundle.load(fetched.folder), store.folder, company), fetched.version)


def form_of(out: Path | None) -> str | None:
    """The form that the name of a file says."""
    from leap.errors import UsageError

    if out is None:
        return None
    form = FORMS.get(out.suffix.lower().removeprefix("."))
    if form is None:
        raise UsageError(f"{out.name}: expected a name ending in .html, .md, .json, .csv, .xlsx or .parquet.")
    return form


def write_report(document: Mapping[str, Any], out: Path, form: str | None) -> None:
    """Write whole or not at all."""
    from leap.exports import write_frame
    from leap.reports import waterfall as report
    from leap.reports.table_columns import about

    if form == "table":
        write_frame(report.frame(document), out, about("Waterfall", document))
    elif form == "json":
        write(out, dumps(document))
    else:
        render = report.render_html if form == "html" else report.render_markdown
        write(out, render(report.summarise(document)))


if __name__ == "__main__":
    raise SystemExit(main())

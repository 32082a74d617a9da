"""`leap icp diff`: what differs between the profiles of two versions, which accounts change tier, and why."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.console import Console, Result, command_parser, run

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.registry import Store
    from leap.scoring.icp_versions import Named
    from leap.tables import AccountTables

PREVIOUS, CHAMPION = "previous", "champion"


def main(argv: list[str] | None = None) -> int:
    """Compare two versions."""
    parser = command_parser("icp diff", "What differs between the profiles of two versions, and whose tier changes.")
    parser.add_argument(
        "--from", dest="old", default=PREVIOUS, metavar="V", help="the version before (default: the previous champion)"
    )
    parser.add_argument(
        "--to", dest="new", default=CHAMPION, metavar="V", help="the version after (default: the champion)"
    )
    parser.add_argument(
        "--profiles-only", action="store_true", help="compare the profiles alone: no table is read, no tier is told"
    )
    parser.add_argument(
        "--out", type=Path, metavar="F", help="write it: .html, .md, .json, or the accounts: .csv, .xlsx, .parquet"
    )
    return run(parser, argv, icp_diff)


def icp_diff(args: argparse.Namespace, console: Console) -> Result:
    """Load both versions, read the tables as each knew them, compare, write."""
    from leap.config import load_settings
    from leap.flat.workspace import refuse_flat
    from leap.reports import icp_diff as report
    from leap.scoring.icp_versions import compare
    from training.waterfall import form_of

    form = form_of(args.out)
    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap icp diff", "what accounts paid and what they were before they bought")
    with console.stage("loading the models"):
        old, new = versions(args, settings)
    tables = None
    if not args.profiles_only and (old.profiles or new.profiles):
        with console.stage("reading the tables"):
            tables = tables_of(args.workspace, old, new)
    with console.stage("comparing"):
        document = compare(old, new, tables)
    text = report.render_text(document)
    if args.out is None:
        return Result(document, text)
    write_report(document, args.out, form)
    return Result({**document, "out": str(args.out)}, f"{text}\n\n-> {args.out}")


def versions(args: argparse.Namespace, settings: Settings) -> tuple[Named, Named]:
    """Both versions, once each is there, another than the other, of this company and readable."""
    from leap.errors import NoModel, UsageError
    from leap.registry import Store

    store = Store(args.store, args.workspace)
    try:
        numbers = [store.resolve(asked) for asked in (args.old, args.new)]
    except NoModel as error:
        if args.old == PREVIOUS and f"no {PREVIOUS}" in error.message:
            raise NoModel(
                error.message, remedy="Name the version to compare with: --from V; see: leap models"
            ) from None
        raise
    if numbers[0] == numbers[1]:
        raise UsageError(
            f"Expected two versions, found version {numbers[0]} twice.",
            remedy="Name another one with --from or --to; `leap models` lists them.",
        )
    old, new = (named(store, number, settings, args.new == CHAMPION and number == numbers[1]) for number in numbers)
    return old, new


def named(store: Store, version: str, settings: Settings, is_champion: bool) -> Named:
    """A version of this company; what is too old or of something else to be read says what to do."""
    from leap.bundle.model_bundle import ModelBundle
    from leap.errors import BundleError
    from leap.scoring.icp_versions import Named
    from training.icp import require_same_company
    from training.loading import as_reviewed

    try:
        bundle = as_reviewed(ModelBundle.load(store.load(version).folder), store.folder, settings.company.name)
    except BundleError as error:
        raise BundleError(
            f"Version {version} cannot be compared: {error.message}",
            details=error.details,
            remedy=error.remedy
            or "If an earlier Leap made it, train it again as it was (leap train DIR --data-until D), or compare with "
            "another version.",
        ) from error
    require_same_company(bundle, settings, version, is_champion)
    return Named(bundle, version)


def tables_of(workspace: Path, old: Named, new: Named) -> tuple[AccountTables, AccountTables]:
    """The tables as each version knew them; read once if both knew the same."""
    from leap.sources import read_workspace

    then = read_workspace(workspace, data_until=old.bundle.trained_on)
    if old.bundle.trained_on == new.bundle.trained_on:
        return then, then
    return then, read_workspace(workspace, data_until=new.bundle.trained_on)


def write_report(document: Mapping[str, Any], out: Path, form: str | None) -> None:
    """Write whole or not at all."""
    from leap.exports import write_frame
    from leap.reports import icp_diff as report
    from leap.reports.table_columns import about
    from training.console import dumps
    from training.icp import write

    facts = {"company": document["company"], "version": f"{document['from']['version']} to {document['to']['version']}"}
    if form == "table":
        write_frame(report.frame(document), out, about("Accounts whose tier changed", facts))
    elif form == "json":
        write(out, dumps(document))
    else:
        write(out, report.render_html(document) if form == "html" else report.render_markdown(document))


if __name__ == "__main__":
    raise SystemExit(main())

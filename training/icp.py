"""`leap icp`: the ideal customer profiles with their evidence, as text, HTML, Markdown, CSV, SQL or JSON, and as lists
and points for CRMs and rules for inbound leads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.console import Console, Result, command_parser, day, dumps, run

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.config import Settings
    from leap.icp import ICPSearch
    from leap.reports.icp import IcpSummary
    from leap.reports.icp_exports import Export
    from leap.reviews import Verdicts

FORMATS = ("html", "json", "md", "csv", "xlsx", "parquet", "sql")
TABLES = ("xlsx", "parquet")
POINTS = "points"
EXPORTS = ("salesforce", "hubspot", "qualification", POINTS)
"""Formats that must be named: their files may be called anything, and .json or .csv says how they are written."""
DIFF = "diff"
SUFFIXES = {".htm": "html", ".markdown": "md"}


def main(argv: list[str] | None = None) -> int:
    """Show the profiles of a version, or compare two: `leap icp diff`."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == [DIFF] and not (Path(DIFF) / "leap.toml").is_file():
        from training import icp_diff

        return icp_diff.main(arguments[1:])
    parser = command_parser("icp", "Ideal customer profiles with their evidence.", data_until=True)
    parser.add_argument("--out", type=Path, metavar="F", help="write the report into this file")
    parser.add_argument("--format", choices=(*FORMATS, *EXPORTS), help="default: by the name of --out, else text")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.epilog = "To compare two versions: leap icp diff [DIR] --from V --to V (see leap icp diff --help)."
    return run(parser, argv, icp)


def icp(args: argparse.Namespace, console: Console) -> Result:
    """Fetch, summarise, render, write."""
    from leap.config import load_settings
    from leap.exports import write_frame
    from leap.flat.workspace import refuse_flat
    from leap.reports import icp as report
    from leap.reports import icp_exports as exports
    from leap.reports.points_text import points_frame
    from leap.reports.table_columns import about
    from leap.reviews import without_rejected
    from leap.reviews.listing import verdict_lines

    chosen = chosen_format(args)
    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap icp", "what accounts paid and what they were before they bought")
    summary, document, export = found(args, console, settings)
    judged, document, due_words = reviewed(args, settings, document)
    summary = report.with_reviews(summary, document, due_words)
    renderers: dict[str | None, Callable[[IcpSummary], str]] = {
        "html": report.render_html,
        "md": report.render_markdown,
        "csv": report.render_csv,
        "sql": lambda summary: report.render_sql(summary, band=export.policy.band),
        None: report.render_text,
    }
    if chosen in EXPORTS:
        export = replace(export, search=without_rejected(export.search, judged))
        document = {**document, "export": exports.document(export, chosen)}
        text = exports.render(export, chosen, "" if args.out is None else args.out.suffix.lower())
    else:
        renderers |= {"json": lambda _: dumps(document), **dict.fromkeys(TABLES, report.render_csv)}
        text = renderers[chosen](summary)
    if chosen is None:
        text = "\n".join([text, *verdict_lines(judged)])
    if args.out is None:
        return Result(document, text)
    if (named := args.out.suffix.lower().removeprefix(".")) in TABLES and chosen in (named, POINTS):
        table = points_frame(export) if chosen == POINTS else report.frame(summary)
        write_frame(table, args.out, about("Ideal customer profiles", document, sheet="ICP"))
    else:
        write(args.out, text)
    counted = f"{len(summary.profiles)} profile(s), {len(summary.attributes)} condition(s) measured -> {args.out}"
    return Result({**document, "out": str(args.out), "format": chosen}, counted)


def chosen_format(args: argparse.Namespace) -> str | None:
    """What was asked for, or what the name of the file says; None is text for a terminal."""
    from leap.errors import UsageError

    named = "" if args.out is None else args.out.suffix.lower().removeprefix(".")
    if args.format in TABLES and named != args.format:
        raise UsageError(f"--format {args.format} needs --out with a name ending in .{args.format}.")
    if named in TABLES and args.format not in (None, named, POINTS):
        raise UsageError(f"{args.out.name}: --format {args.format} is text; expected another name than .{named}.")
    if args.format or args.out is None:
        return str(args.format) if args.format else None
    suffix = args.out.suffix.lower()
    guessed: str = SUFFIXES.get(suffix, suffix.removeprefix("."))
    if guessed not in FORMATS:
        raise UsageError(
            f"{args.out.name}: expected a name ending in {', '.join(f'.{name}' for name in FORMATS)}.",
            remedy="Or say which with --format.",
        )
    return guessed


def found(
    args: argparse.Namespace, console: Console, settings: Settings
) -> tuple[IcpSummary, Mapping[str, Any], Export]:
    """The report of the version asked for, and what exports are made from; without a champion, why the latest training
    of the workspace gave none.
    """
    from leap.bundle.model_bundle import ModelBundle
    from leap.errors import NoModel
    from leap.icp import ICPSearch, TierPolicy
    from leap.registry import Store
    from leap.reports import icp as report
    from leap.reports.icp_exports import Export

    store, company = Store(args.store, args.workspace), settings.company.name
    declined = None if args.version else store.declined_reason(company)
    try:
        with console.stage("loading the model"):
            fetched = store.load(args.version or "champion")
            bundle = ModelBundle.load(fetched.folder)
        require_same_company(bundle, settings, fetched.version, args.version is None)
    except NoModel:
        if declined is None:
            raise
        nothing = ICPSearch((), (), declined)
        alone = report.summarise_alone(nothing, settings)
        return alone, icp_document(nothing, settings, None), Export(nothing, settings, None)
    if declined:
        console.note(f"The latest training of {company} gave no model: {declined} This is the champion before it.")
    tiers_by = TierPolicy.of(bundle.settings.policy)
    if args.data_until is None or day_only(args.data_until) == bundle.trained_on:
        document = {
            **bundle.icp_document(),
            "version": fetched.version,
            **data_of(bundle.trained_on, bundle.definition_hash),
        }
        export = Export(bundle.icp, settings, bundle.catalog, fetched.version, bundle.trained_on, tiers_by)
        return report.summarise(bundle, fetched.version), document, export
    anew, until = found_until(args, console, bundle)
    note = f"Found anew in the rows known before {until}; the models of version {fetched.version} are not part of it."
    summary = report.summarise_alone(anew, settings, data_until=until, notes=[note])
    export = Export(anew, settings, bundle.catalog, fetched.version, until, tiers_by)
    document = {**icp_document(anew, settings, fetched.version), **data_of(until, summary.definition_hash)}
    return summary, document, export


def reviewed(
    args: argparse.Namespace, settings: Settings, document: Mapping[str, Any]
) -> tuple[Verdicts, dict[str, Any], str]:
    """What people decided, the document with `review` beside the evidence of each finding, and when they look
    again (empty before they ever did).
    """
    from leap.registry import Store
    from leap.reviews import ReviewBook, due, verdicts_on, with_verdicts

    reviews = ReviewBook(Store(args.store, args.workspace).folder).of(settings.company.name)
    verdicts = verdicts_on(document, reviews, mode=settings.policy.mode)
    again = due(reviews, settings.policy.review_every_months).words if reviews else ""
    return verdicts, with_verdicts(document, verdicts), again


def require_same_company(bundle: ModelBundle, settings: Settings, version: str, is_champion: bool) -> None:
    """NoModel if the version was trained on another company with other tables or columns."""
    from leap.errors import NoModel

    name = settings.company.name
    if bundle.company == name or offers(settings, bundle):
        return
    raise NoModel(
        f"{'The champion, ' if is_champion else ''}version {version}, is a model of {bundle.company}, whose features "
        f"the tables of {name} do not have.",
        remedy="Train one for this workspace (leap train DIR --promote), or choose another --store or --version.",
    )


def offers(settings: Settings, bundle: ModelBundle) -> bool:
    """Whether a workspace declares every table and column that the features of a bundle come from."""
    recipes = [feature.recipe for feature in bundle.catalog.features if feature.recipe.table]
    declared = {name: set(table.columns) for name, table in settings.tables.items()}
    trained = {name: set(table.columns) for name, table in bundle.settings.tables.items()}
    return all(
        recipe.table in declared
        and (recipe.column not in trained.get(recipe.table, set()) or recipe.column in declared[recipe.table])
        for recipe in recipes
    )


def found_until(args: argparse.Namespace, console: Console, bundle: ModelBundle) -> tuple[ICPSearch, str]:
    """What the same search finds in the rows known before ``--data-until``, with the features the version knows."""
    from leap.errors import NotEnoughData
    from leap.features import TENURE, discover_features
    from leap.icp import ICPSearch
    from leap.icp.discover import discover_icps
    from leap.models.frames import fit_frame, health_frame
    from leap.sources import read_workspace

    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace, data_until=args.data_until)
    until = f"{tables.data_until:%Y-%m-%d}"
    try:
        with console.stage("looking for ICPs"):
            catalog = discover_features(tables).with_features(bundle.catalog.names)
            # The date from which the record is whole needs no features: the least will do.
            begins = health_frame(tables, catalog.with_features([TENURE])).record_begins
            return discover_icps(tables, fit_frame(tables, catalog, begins), args.seed), until
    except NotEnoughData as error:
        return ICPSearch((), (), str(error)), until


def icp_document(search: ICPSearch, settings: Settings, version: str | None) -> dict[str, Any]:
    """The JSON of `icp` for a search that belongs to no bundle."""
    company = settings.company
    return {**search.to_json(), "company": company.name, "money_note": company.money_note, "version": version}


def data_of(until: str, definition_hash: str) -> dict[str, str]:
    """Keys that say what the numbers are of."""
    return {"data_until": until, "definition_hash": definition_hash}


def day_only(moment: str) -> str:
    """The day of a moment in ISO 8601.

    >>> day_only("2026-02-28T00:00:00")
    '2026-02-28'
    """
    return day(moment)[:10]


def write(path: Path, text: str) -> None:
    """Write whole or not at all."""
    from leap.bundle.files import write_file
    from leap.errors import UsageError

    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder to write {path.name} into.")
    if path.is_dir():
        raise UsageError(f"{path}: expected a file, found a folder.")
    write_file(path, text.encode())


if __name__ == "__main__":
    raise SystemExit(main())

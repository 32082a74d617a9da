"""`leap report`: the quarterly review pack, one page to be forwarded before people go through the profiles."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.console import Console, Result, command_parser, day, dumps, run
from training.icp import write

if TYPE_CHECKING:
    from leap.config import Settings
    from leap.registry import Store
    from leap.reports.pack import Given, Pack
    from leap.scoring.icp_versions import Named
    from leap.tables import AccountTables

FORMS = {"html": "html", "htm": "html", "md": "md", "markdown": "md", "json": "json"}
FIRST = (
    "There is no earlier version of this company to compare with. What changed appears once a later one was trained "
    "(leap train DIR --promote)."
)


def main(argv: list[str] | None = None) -> int:
    """Put the pack together."""
    parser = command_parser("report", "The quarterly review pack: what changed, what to decide, on what evidence.")
    parser.add_argument("--out", type=Path, metavar="F", help="write the pack into this file: .html, .md or .json")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument(
        "--against", metavar="V", help="the version to compare with (default: the champion before, else the one before)"
    )
    parser.add_argument(
        "--since", type=day, metavar="D", help="the date to compare the portfolio with (default: a quarter ago)"
    )
    return run(parser, argv, report)


def report(args: argparse.Namespace, console: Console) -> Result:
    """Load, put together, write."""
    from leap.config import load_settings
    from leap.flat.workspace import refuse_flat
    from leap.reports import pack as packs

    form = form_of(args.out)
    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap report", "what accounts paid and what they were before they bought")
    given = put_together(args, console, settings)
    pack = packs.summarise(given)
    document, text = packs.to_json(given, pack), packs.render_text(pack)
    if args.out is None:
        return Result(document, text)
    renderers: Mapping[str, Callable[[Pack], str]] = {"html": packs.render_html, "md": packs.render_markdown}
    write(args.out, dumps(document) if form == "json" else renderers[form](pack))
    return Result({**document, "out": str(args.out)}, f"{text.rpartition(chr(10))[0]}\n-> {args.out}")


def form_of(out: Path | None) -> str:
    """The form that the name of a file says."""
    from leap.errors import UsageError

    if out is None:
        return ""
    form = FORMS.get(out.suffix.lower().removeprefix("."))
    if form is None:
        raise UsageError(f"{out.name}: expected a name ending in .html, .md or .json.")
    return form


def put_together(args: argparse.Namespace, console: Console, settings: Settings) -> Given:
    """All that the pack is made of; the tables are read once."""
    from leap.bundle.explaining import ready_to_explain
    from leap.registry import Store
    from leap.reports import pack as packs
    from leap.reviews.standing import today
    from leap.sources import read_workspace
    from training.icp_diff import named

    store = Store(args.store, args.workspace)
    with console.stage("loading the model"):
        now = named(store, version_of(args, store, settings), settings, args.version is None)
        ready_to_explain(now.bundle)
    then, no_diff = earlier(args, store, settings, now)
    with console.stage("reading the tables"):
        tables = read_workspace(args.workspace)
    with console.stage("comparing versions"):
        diff = None if then is None else compared(args, then, now, tables)
    with console.stage("scoring now and a quarter ago"):
        before = None if then is None else packs.Version(then.bundle, then.version)
        book = packs.book_now(packs.Version(now.bundle, now.version), tables, args.since, before)
    with console.stage("retention of the last quarters"):
        retention = packs.retention_quarters(tables)
    with console.stage("choosing targets"):
        targets, no_targets = targets_of(args, now, tables)
    return packs.Given(
        **findings(store, settings, now),
        book=book,
        retention=retention,
        diff=diff,
        no_diff=no_diff,
        targets=targets,
        no_targets=no_targets,
        data=data_of(tables),
        today=today(),
        stale_after_days=settings.serving.stale_after_days,
    )


def version_of(args: argparse.Namespace, store: Store, settings: Settings) -> str:
    """The number of the version asked for; where there is none since the latest training gave no model, its reason."""
    from leap.errors import NoModel

    try:
        return store.resolve(args.version or "champion")
    except NoModel as error:
        declined = None if args.version else store.declined_reason(settings.company.name)
        if declined is None:
            raise
        raise NoModel(
            f"There is nothing to review: the latest training of {settings.company.name} gave no model. {declined}",
            remedy=error.remedy,
        ) from None


def earlier(args: argparse.Namespace, store: Store, settings: Settings, now: Named) -> tuple[Named | None, str]:
    """The version to compare with, or why there is none. One that was asked for and cannot be used is an error."""
    from leap.errors import LeapError, UsageError
    from training.icp_diff import named

    if args.against is not None:
        number = store.resolve(args.against)
        if number == now.version:
            raise UsageError(
                f"--against: version {number} is the one the pack is of.",
                remedy="Name an earlier one; `leap models` lists them.",
            )
        return named(store, number, settings, False), ""
    number = before(store, settings.company.name, now.version)
    if number is None:
        return None, FIRST
    try:
        return named(store, number, settings, False), ""
    except LeapError as error:
        return None, f"The version before, {number}, is not compared: {error.message} Name another one with --against."


def before(store: Store, company: str, version: str) -> str | None:
    """The previous champion if this version is the champion, else the latest version of the company before it."""
    aliases = store.aliases()
    if aliases["champion"] == version and aliases["previous"] not in (None, version):
        return aliases["previous"]
    found = [one.version for one in store.versions() if one.company == company and int(one.version) < int(version)]
    return max(found, key=int, default=None)


def compared(args: argparse.Namespace, then: Named, now: Named, tables: AccountTables) -> dict[str, Any]:
    """The JSON of `leap icp diff`, over the tables as each version knew them."""
    from leap.scoring.icp_versions import compare
    from leap.sources import read_workspace

    until = f"{tables.data_until:%Y-%m-%d}"
    known = {until: tables}
    for one in (then, now):
        moment = one.bundle.trained_on
        if moment not in known:
            known[moment] = read_workspace(args.workspace, data_until=moment)
    pair = known[then.bundle.trained_on], known[now.bundle.trained_on]
    return compare(then, now, pair if then.profiles or now.profiles else None)


def findings(store: Store, settings: Settings, now: Named) -> dict[str, Any]:
    """What the version found and how people judge it: `icp`, `agenda`, `called` and `due` of a pack."""
    from leap.reports import icp as icp_report
    from leap.reviews import ReviewBook, due, verdicts_on, with_verdicts
    from leap.reviews.listing import Agenda
    from leap.reviews.on_evidence import in_words

    bundle, company, every = now.bundle, settings.company.name, settings.policy.review_every_months
    reviews = ReviewBook(store.folder).of(company)
    drivers = [driver.to_json() for driver in bundle.drivers]
    verdicts = verdicts_on(bundle.icp_document(), reviews, mode=settings.policy.mode, drivers=drivers)
    words = due(reviews, every).words
    summary = icp_report.with_reviews(
        icp_report.summarise(bundle, now.version), with_verdicts(bundle.icp_document(), verdicts), words
    )
    measured = verdicts.profiles + verdicts.attributes
    called = {judged.standing.subject.key: judged.words for judged in verdicts.findings}
    called |= {standing.subject.key: standing.history[-1].words for standing in verdicts.elsewhere}
    called |= {one.standing.subject.key: f"{one.words} ({in_words(one.entry)})" for one in measured}
    return {
        "icp": summary,
        "agenda": Agenda.of(company, now.version, verdicts, reviews, every).to_json(),
        "called": called,
        "due": words,
    }


def targets_of(args: argparse.Namespace, now: Named, tables: AccountTables) -> tuple[dict[str, Any] | None, str]:
    """The JSON of `leap targets` under the policy's limits, or why there is no list."""
    from leap.errors import LeapError
    from leap.reports.pack.summary import MOST_TARGETS
    from leap.scoring.targets import Entries, target_list
    from training.loading import target_overrides
    from training.targets import solver_on_stderr

    decided = target_overrides(args, tables.settings.company.name)
    try:
        with solver_on_stderr():
            made = target_list(now.bundle, tables, now.version, overrides=decided, seed=args.seed)
        return Entries(made).to_json(MOST_TARGETS), ""
    except LeapError as error:
        return None, f"No target list: {error.message} (leap targets DIR)."


def data_of(tables: AccountTables) -> Any:
    """The report of `leap check` on the tables, without its search for leaks, which training made."""
    from leap.reports import data
    from leap.reports.data_found import without_features

    return data.summarise(tables, [*tables.problems, *without_features(tables)], [], {}, "")


if __name__ == "__main__":
    raise SystemExit(main())

"""`leap explain ACCOUNT DIR`: one account's score with its reasons, what would be said if it were otherwise, and why it
changed.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training import flat
from training.console import Console, Result, command_parser, day, run, whole
from training.loading import earlier_version, model_and_tables

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.scoring import Scorer
    from leap.tables import AccountTables

_TOP = "how many reasons and changes; 0 for all (default: 5)"
_SET = "what the score would be with this value of a feature; may be repeated"


def main(argv: list[str] | None = None) -> int:
    """Explain one account."""
    parser = command_parser("explain", "Explain the score of one account.", data_until=True)
    parser.add_argument("account", help="id of the account, as in the tables")
    parser.add_argument("--as-of", type=day, metavar="D", help="date of the score (default: the end of the data)")
    parser.add_argument("--top", type=whole, default=5, metavar="N", help=_TOP)
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    parser.add_argument("--what-if", action="store_true", help="which usual values of what you can move would say more")
    parser.add_argument("--set", action="append", default=[], dest="given", metavar="FEATURE=VALUE", help=_SET)
    parser.add_argument("--since", type=day, metavar="D", help="why the score differs from that of an earlier date")
    parser.add_argument("--from-version", metavar="V", help="with --since: the version that scored the earlier date")
    parser.add_argument("--out", type=Path, metavar="F", help="write a page (.html) or picture (.svg) too")
    return run(parser, argv, explain)


def explain(args: argparse.Namespace, console: Console) -> Result:
    """Load, read, score one, say why."""
    from leap.errors import UsageError

    if args.from_version is not None and args.since is None:
        raise UsageError("--from-version says which model scored the earlier date; name that date with --since.")
    if flat.is_flat(args.workspace):
        if args.what_if or args.given or args.since is not None or args.out is not None:
            raise UsageError("--what-if, --set, --since and --out are for accounts over time, not for flat tables.")
        return flat.explain(args, console)
    bundle, version, tables = model_and_tables(args, console)
    if args.since is None:
        return _score(args, console, bundle, version, tables)
    pays, changed = _why_changed(args, console, bundle, version, tables)
    if not pays:
        return changed
    found = _score(args, console, bundle, version, tables)
    return Result({**found.document, **changed.document}, f"{found.text}\n{changed.text}")


def _score(
    args: argparse.Namespace, console: Console, bundle: "ModelBundle", version: str, tables: "AccountTables"
) -> Result:
    """The score with its reasons, and what it would be with other values if that was asked for."""
    from leap.reports.scores import account_lines
    from leap.scoring import Scorer
    from leap.snapshots import day_of

    with console.stage("scoring"):
        scorer = Scorer.build(bundle, version, tables, day_of(args.as_of) if args.as_of else None)
        found = scorer.explain(args.account, args.top)
        if args.out is not None:
            _write(args.out, scorer, args.account)
    lines = account_lines(found, bundle, reasons=args.top or len(found["reasons"]))
    header = {"model": scorer.model_header(), "definition_hash": scorer.definition_hash, "as_of": scorer.as_of}
    supposed = _supposed(args, console, scorer) if args.what_if or args.given else Result({}, "")
    written = {} if args.out is None else {"out": str(args.out)}
    text = "\n".join([*lines, *supposed.text.splitlines(), *(f"Written: {path}" for path in written.values())])
    return Result({**header, **found, **supposed.document, **written}, text)


def _write(path: Path, scorer: "Scorer", account: str) -> None:
    """The score with all its reasons, features that say the same told together, as a page or a picture."""
    from leap.reports import explanation

    company, settings = scorer.bundle.settings.company, scorer.bundle.settings
    explanation.write(
        path,
        scorer.explain(account, len(scorer.bundle.catalog.features) or 1),
        currency=company.currency,
        company=company.name,
        horizon_months=settings.outcome.horizon_months,
        as_of=scorer.as_of,
        version=scorer.version,
        money_note=company.money_note,
    )


def _supposed(args: argparse.Namespace, console: Console, scorer: "Scorer") -> Result:
    """What the model says with usual values of what can be moved, and with those given."""
    from leap.reports import what_if as report
    from leap.scoring.supposed import parse_given
    from leap.scoring.what_if import suppose, what_if

    currency = scorer.bundle.settings.company.currency
    document: dict[str, object] = {}
    lines: list[str] = []
    with console.stage("asking what if"):
        if args.given:
            given = suppose(scorer, args.account, parse_given(scorer.bundle.catalog, args.given))
            document["supposed"], lines = report.asked_document(given), report.asked_lines(given, currency)
        if args.what_if:
            found = what_if(scorer, args.account)
            document["what_if"] = found.to_json()
            lines += report.what_if_lines(found, currency)
    return Result(document, "\n".join(lines))


def _why_changed(
    args: argparse.Namespace, console: Console, bundle: "ModelBundle", version: str, tables: "AccountTables"
) -> tuple[bool, Result]:
    """Whether it is still a customer, and what the difference to the score of an earlier date is made of."""
    from leap.reports.changes import change_lines
    from leap.scoring.changes import account_change

    earlier = None if args.from_version is None else earlier_version(args, console)
    with console.stage("comparing two dates"):
        found = account_change(
            bundle, tables, args.account, args.since, args.as_of, version=version, earlier=earlier
        )  # fmt: skip
    return found.after.pays, Result({"why_changed": found.to_json()}, "\n".join(change_lines(found, args.top)))


if __name__ == "__main__":
    raise SystemExit(main())

"""`leap review`: what people decide about profiles, attributes, drivers and accounts of the target list."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from training.console import Console, Result, command_parser, day, run
from training.icp import require_same_company

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.config import Settings
    from leap.reviews import Desk, Review, ReviewBook, Verdicts
    from leap.reviews.subjects import Named

_GIVEN = ("accept", "reject", "note", "withdraw", "include", "exclude")
_HELP = {
    "accept": "a profile (its id), an attribute (its key) or a group of drivers (its id) is right",
    "reject": "it is wrong or unusable; a rejected profile gives no tier and chooses no account",
    "note": "something to be kept with it, without a verdict",
    "withdraw": "the latest verdict or override no longer counts; it stays readable",
    "include": "put this account on the target list, whatever the list says",
    "exclude": "take this account off the target list, whatever the list says",
}


def main(argv: list[str] | None = None) -> int:
    """List what is open, or give a verdict."""
    parser = command_parser("review", "What people decide about profiles, attributes, drivers and target accounts.")
    asked = parser.add_mutually_exclusive_group()
    for name, said in _HELP.items():
        metavar = "ACCOUNT" if name in ("include", "exclude") else "SUBJECT"
        asked.add_argument(f"--{name}", metavar=metavar, help=said)
    asked.add_argument("--history", metavar="SUBJECT", help="everything ever said of it")
    asked.add_argument("--results", action="store_true", help="what became of overridden accounts, against the list's")
    parser.add_argument("--owner", metavar="NAME", help="who decides (required with a verdict)")
    parser.add_argument("--reason", "--text", metavar="TEXT", help="why (required with all but --accept)")
    parser.add_argument("--expires", type=whole_day, metavar="D", help="the first day on which it no longer counts")
    parser.add_argument("--version", metavar="V", help="a version of the model (default: the champion)")
    return run(parser, argv, review)


def whole_day(text: str) -> str:
    """An argument that is a day; a verdict ends with no hour.

    >>> whole_day("2026-02-28")
    '2026-02-28'
    >>> whole_day("2026-02-28T12:00")
    Traceback (most recent call last):
    argparse.ArgumentTypeError: expected a day like 2026-01-31 without an hour, found '2026-02-28T12:00'
    """
    found = day(text)
    if "T" in found:
        raise argparse.ArgumentTypeError(f"expected a day like 2026-01-31 without an hour, found {text!r}")
    return found


def review(args: argparse.Namespace, console: Console) -> Result:
    """Load, then list, keep or report."""
    from leap.config import load_settings
    from leap.errors import UsageError
    from leap.flat.workspace import refuse_flat

    settings = load_settings(args.workspace)
    refuse_flat(settings, "leap review", "profiles")
    verdict = next((name for name in _GIVEN if getattr(args, name) is not None), None)
    if verdict is None and (args.owner or args.reason or args.expires):
        raise UsageError(
            "--owner, --reason and --expires belong to a verdict, found none.",
            remedy="Say which: --accept, --reject, --note, --withdraw, --include or --exclude.",
        )
    room = Room(args, console, settings)
    if verdict is not None:
        return room.keep(verdict, getattr(args, verdict))
    if args.history is not None:
        return room.history(args.history)
    return room.results() if args.results else room.listed()


class Room:
    """A workspace with its version, if it has one, and the book of verdicts in its store."""

    def __init__(self, args: argparse.Namespace, console: Console, settings: Settings) -> None:
        from leap.registry import Store
        from leap.reviews import ReviewBook

        self.args, self.console, self.settings = args, console, settings
        self.store = Store(args.store, args.workspace)
        self.book: ReviewBook = ReviewBook(self.store.folder)
        self.company = settings.company.name
        self.bundle, self.version = self._loaded()
        self.reviews: Sequence[Review] = self.book.of(self.company)

    def _loaded(self) -> tuple[ModelBundle | None, str | None]:
        from leap.bundle.model_bundle import ModelBundle
        from leap.errors import NoModel

        try:
            with self.console.stage("loading the model"):
                fetched = self.store.load(self.args.version or "champion")
                bundle = ModelBundle.load(fetched.folder)
            require_same_company(bundle, self.settings, fetched.version, self.args.version is None)
        except NoModel:
            if self.args.version:
                raise
            return None, None  # accounts can be overridden before there is a model
        return bundle, fetched.version

    @property
    def verdicts(self) -> Verdicts:
        """How every finding of the version is judged today."""
        from leap.reviews import verdicts_on

        if self.bundle is None:
            return verdicts_on({"icps": [], "attributes": []}, self.reviews)
        drivers = [driver.to_json() for driver in self.bundle.drivers]
        mode = self.settings.policy.mode
        return verdicts_on(self.bundle.icp_document(), self.reviews, mode=mode, drivers=drivers)

    def listed(self) -> Result:
        """What is open, again to be looked at, decided."""
        from leap.reviews.listing import Agenda

        every = self.settings.policy.review_every_months
        agenda = Agenda.of(self.company, self.version, self.verdicts, self.reviews, every)
        return Result(agenda.to_json(), agenda.text(str(self.args.workspace)))

    def keep(self, verdict: Any, text: str) -> Result:
        """Add a verdict to the book."""
        from leap.reviews.listing import history_text

        args, found = self.args, self._named(text, verdict)
        given = self.desk.new(verdict, found, owner=args.owner or "", reason=args.reason or "", expires=args.expires)
        kept = self.book.add(self.company, given)
        about = {"subject": text, "key": found.subject.key, "words": found.words}
        return Result({"kept": {**about, **kept.to_json()}}, history_text(found.words, found.subject.key, [kept]))

    def history(self, text: str) -> Result:
        """All that was said of one subject."""
        from leap.reviews.listing import history_text

        found = self._named(text)
        said = [review for review in self.reviews if review.subject == found.subject]
        document = {
            "subject": text,
            "key": found.subject.key,
            "words": found.words,
            "history": [review.to_json() for review in reversed(said)],
        }
        return Result(document, history_text(found.words, found.subject.key, said))

    def results(self) -> Result:
        """What became of overridden accounts."""
        from leap.features import Scope
        from leap.reviews import with_rejections
        from leap.reviews.listing import results_text
        from leap.reviews.overriding import first_overridden
        from leap.reviews.results import results_of, would_have_chosen
        from leap.sources import read_workspace

        groups = {action: first_overridden(self.reviews, action) for action in ("include", "exclude")}
        with self.console.stage("reading the tables"):
            tables = read_workspace(self.args.workspace)
        overridden = {**groups["include"], **groups["exclude"]}
        chosen: dict[str, str] = {}
        if self.bundle is not None and overridden:
            with self.console.stage("what the list would have chosen"):
                search = with_rejections(self.bundle.icp, self.reviews)
                catalog = self.bundle.catalog.of_scope(Scope.FIT)
                chosen = would_have_chosen(search, catalog, tables, overridden.values(), overridden)
        named = {"included": groups["include"], "excluded": groups["exclude"], "chosen by the profiles": chosen}
        found = {name: results_of(tables, since).to_json(self.args.seed) for name, since in named.items()}
        document = {
            "version": self.version,
            "data_until": f"{tables.data_until:%Y-%m-%d}",
            "results": found,
            "limits": "The profiles are those of this version, which may have learned from what followed; overridden "
            "accounts were chosen by people, not drawn: a difference may lie in who was chosen.",
        }
        return Result(document, f"{results_text(found)}\n{document['limits']}")

    @property
    def desk(self) -> Desk:
        """Where verdicts on the version are given."""
        from leap.reviews import Desk

        return Desk(self.version, self.verdicts, tuple(self.reviews), self._accounts)

    def _named(self, text: str, verdict: str = "") -> Named:
        from leap.errors import UsageError
        from leap.reviews.records import OVERRIDES

        try:
            return self.desk.meant(text, verdict)
        except UsageError as error:
            if self.bundle is not None or verdict in OVERRIDES:
                raise
            raise UsageError(
                error.message,
                details=error.details,
                remedy="There is no champion of this workspace, so only accounts and what was judged before can be "
                "named: add --version V; `leap models` lists them.",
            ) from None

    def _accounts(self) -> list[str]:
        """Every account of the workspace, and those of which something was said."""
        from leap.sources import read_workspace

        with self.console.stage("reading the tables"):
            known = {str(account) for account in read_workspace(self.args.workspace).accounts}
        return sorted(known | {r.subject.key for r in self.reviews if r.subject.kind == "account"})


if __name__ == "__main__":
    raise SystemExit(main())

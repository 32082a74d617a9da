"""What the live model found of customers, and how people judge it now: what the pages of profiles and reviews share.

A verdict is shown as soon as it is in the book; the live model takes it into account about a second later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from leap.errors import UnknownVersion
from serving.access import ADMIN
from serving.live import Problem, Served
from serving.pages.route import View

if TYPE_CHECKING:
    from leap.bundle.model_bundle import ModelBundle
    from leap.config import Policy, Settings
    from leap.reports.icp_profile import ProfileSummary
    from leap.reports.icp_summary import IcpSummary
    from leap.reviews import Desk, Review, Subject, Verdicts


@dataclass(frozen=True)
class Findings:
    """The report of profiles with the verdicts on every finding.

    `waiting` are subjects with a verdict that the live model does not know yet; `trouble` says why verdicts may be
    missing.
    """

    summary: IcpSummary
    verdicts: Verdicts
    reviews: tuple[Review, ...]
    waiting: frozenset[Subject]
    trouble: Problem | None = None


def findings(served: Served, version: str | None = None) -> Findings:
    """As of now, of the live version unless another is named; UnknownVersion if there is none of that name."""
    from leap.reviews.standing import today

    named = served.version if version is None else version
    live = served.scorer.bundle
    bundle = live if named == served.version else served.documents.version_of(named).bundle
    if bundle.company != live.company:
        raise UnknownVersion(f"Version {named} is a model of another company.")
    reviews, trouble = _said_now(served)
    key = ("findings", named, reviews[-1].number if reviews else 0, len(reviews), today())
    found: Findings = served.once(key, lambda: _judged(served, bundle, named, reviews))
    return found if trouble is None else replace(found, trouble=trouble)


def desk(served: Served, found: Findings) -> Desk:
    """Where verdicts on them are given."""
    from leap.reviews import Desk

    return Desk(served.version, found.verdicts, found.reviews, lambda: accounts_of(served, found.reviews))


def accounts_of(served: Served, reviews: tuple[Review, ...]) -> list[str]:
    """Every account of the tables, and those of which something was said."""
    known: frozenset[str] = served.once("account ids", lambda: _account_ids(served))
    return sorted(known.union(review.subject.key for review in reviews if review.subject.kind == "account"))


def settings_of(served: Served) -> Settings:
    """Those of the workspace, else of the model."""
    scorer = served.scorer
    return scorer.bundle.settings if scorer.tables is None else scorer.tables.settings


def policy_of(served: Served) -> Policy:
    """How the company chooses accounts and looks at findings again."""
    return settings_of(served).policy


def told(view: View, problem: Problem | None) -> str:
    """A problem in words for who asks, or nothing: it may name a place on this machine."""
    return "" if problem is None else problem.told(in_full=ADMIN in view.call.scopes)


def _account_ids(served: Served) -> frozenset[str]:
    tables = served.scorer.tables
    return frozenset() if tables is None else frozenset(str(account) for account in tables.accounts)


def _said_now(served: Served) -> tuple[tuple[Review, ...], Problem | None]:
    """What is in the book; what the live model knows, with the trouble, where the book cannot be read."""
    from leap.errors import RegistryError

    if served.book is None:
        return served.reviews, None
    try:
        found = served.book.of(served.company.name)
        if len(found) < len(served.reviews):  # nothing is ever taken out of a book
            raise RegistryError(f"{served.book.path}: {len(found)} of {len(served.reviews)} reviews are left.")
        return found, None
    except RegistryError as error:
        return served.reviews, Problem("reviews", f"Verdicts are as they were read last: {error.message}")


def _judged(served: Served, bundle: ModelBundle, version: str, reviews: tuple[Review, ...]) -> Findings:
    from leap.reports.icp import with_reviews
    from leap.reviews import due, verdicts_on, with_verdicts

    policy = policy_of(served)
    document: dict[str, Any] = bundle.icp_document()
    verdicts = verdicts_on(document, reviews, mode=policy.mode, drivers=[d.to_json() for d in bundle.drivers])
    again = due(reviews, policy.review_every_months).words if reviews else ""
    summary = with_reviews(summary_of(served, bundle, version), with_verdicts(document, verdicts), again)
    if not reviews and served.book is None:
        summary = replace(summary, profiles=tuple(_packed(p, bundle.icp.rejected) for p in summary.profiles))
    last = served.reviews[-1].number if served.reviews else 0
    waiting = frozenset(r.subject for r in reviews if r.number > last and r.verdict != "note")
    return Findings(summary, verdicts, reviews, waiting)


def summary_of(served: Served, bundle: ModelBundle, version: str) -> IcpSummary:
    """The report of a version's profiles, without what people decided."""
    from leap.reports.icp import summarise

    found: IcpSummary = served.once(("icp", version), lambda: summarise(bundle, version))
    return found


def _packed(profile: ProfileSummary, rejected: frozenset[str]) -> ProfileSummary:
    """A profile of a copy without a book, which only knows what had been rejected when it was packed."""
    from leap.reports.icp_profile import Verdict

    if profile.id not in rejected:
        return profile
    return replace(profile, verdict=Verdict("rejected", "rejected before this copy was packed", True))

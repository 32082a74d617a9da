"""Where people decide: accept, reject or note findings, and put accounts on the target list or take them off it.

The rules and words are those of `leap review`, and so is the book. A form holds the number of the latest review that
its reader had seen: what somebody else said since then is shown before anything is kept, and a form that is sent twice
is kept once.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from leap.errors import RegistryError, UsageError
from serving.direct import Body, large
from serving.errors import Refused
from serving.live import Problem
from serving.pages import review_shown
from serving.pages.findings import Findings, desk, findings, told
from serving.pages.icp_shown import reach
from serving.pages.review_shown import Failed
from serving.pages.route import FORM, OfPage, Page, PageForm, PageQuery, View

if TYPE_CHECKING:
    from leap.reviews import Review

router = APIRouter(route_class=Page)

NO_BOOK = "This service keeps no verdicts: it has no store that it may write. Decide with `leap review DIR`."
NEW_MINUTES = 10
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MOST_DIGITS = 18
_ACCOUNT = "account:"


class ReviewQuery(PageQuery):
    """What was just kept, and which account is to be decided on."""

    done: str = ""
    account: str = ""
    verdict: str = ""


class VerdictForm(PageForm):
    """One verdict as it was typed; what it lacks is said on the page."""

    subject: str = ""
    account: str = ""
    """An account by its id, in place of a subject."""
    verdict: str = ""
    owner: str = ""
    reason: str = ""
    expires: str = ""
    seen: str = ""

    @property
    def address(self) -> str:
        """What is decided on."""
        return f"{_ACCOUNT}{self.account}" if self.account else self.subject

    @property
    def seen_number(self) -> int:
        """The latest review that was seen; nothing where it is no number."""
        return int(self.seen) if self.seen.isascii() and self.seen.isdigit() and len(self.seen) <= _MOST_DIGITS else 0

    @property
    def typed(self) -> dict[str, str]:
        """To be shown again, without what only steers."""
        return {name: _CONTROLS.sub("\ufffd", text) for name, text in self.model_dump().items()}


@router.get("/review")
@large(True)
def review(query: Annotated[ReviewQuery, Query()], view: OfPage) -> Body:
    """What is open, has to be looked at again, or was decided."""
    found = findings(view.served)
    done = next((one for one in found.reviews if str(one.number) == query.done and _is_new(one)), None)
    account = {"account": query.account, "verdict": query.verdict} if query.account else {}
    return _page(view, found, done=done, account=account)


@router.post("/review")
@large(True)
def decide(given: Annotated[VerdictForm, FORM], view: OfPage) -> Body:
    """Keep a verdict and show it; or say beside the form why it was not kept."""
    from leap.reviews import DecidedMeanwhile

    served = view.served
    if served.book is None:
        raise Refused(409, NO_BOOK)
    found = findings(served)
    try:
        kept = _kept(given, view, found)
    except DecidedMeanwhile as error:
        failed = Failed(given.address, error.message, given.typed, review_shown.said(error.said))
        return _page(view, findings(served), status=409, failed=failed)
    except UsageError as error:
        return _page(view, found, status=422, failed=Failed(given.address, error.message, given.typed))
    except RegistryError as error:
        problem = told(view, Problem("reviews", error.message))
        return _page(view, found, status=503, failed=Failed(given.address, f"It was not kept. {problem}", given.typed))
    place = review_shown.anchor(kept.subject)
    return Body(b"", 303, "text/plain", {"Location": f"/review?done={kept.number}#{place}"})


def _is_new(review: Review) -> bool:
    """Whether it was kept minutes ago: an address that was passed around or kept says nothing of an old one."""
    return datetime.now(UTC) - datetime.fromisoformat(review.given_at) < timedelta(minutes=NEW_MINUTES)


def _kept(given: VerdictForm, view: View, found: Findings) -> Review:
    """The verdict once it is on the disk; the one kept before, where the form was sent twice."""
    from leap.reviews.giving import known_verdict, whole_day

    served, at = view.served, desk(view.served, found)
    verdict = known_verdict(given.verdict)
    named = at.meant(given.address, verdict)
    new = at.new(
        verdict, named, owner=given.owner, reason=given.reason, expires=whole_day(given.expires), seen=given.seen_number
    )
    if new.number or served.book is None:
        return new
    return served.book.add(served.company.name, new, seen=given.seen_number)


def _page(
    view: View,
    found: Findings,
    *,
    status: int = 200,
    failed: Failed | None = None,
    done: Review | None = None,
    account: dict[str, str] | None = None,
) -> Body:
    from leap.reviews.standing import today

    served = view.served
    shown = review_shown.shown(served, found, failed)
    return view.show(
        "review.html",
        status=status,
        shown=shown,
        failed=failed,
        failed_at="" if failed is None else _place(shown, failed),
        done=None if done is None else (review_shown.said([done])[0], done.words, review_shown.anchor(done.subject)),
        account=_typed_account(shown, account or {}),
        has_book=served.book is not None,
        has_accounts=served.scorer.tables is not None,
        widest=reach(found),
        waiting=bool(found.waiting),
        trouble=told(view, found.trouble),
        tomorrow=(today() + timedelta(days=1)).isoformat(),
    )


def _place(shown: review_shown.Shown, failed: Failed) -> str:
    """Where the form stands that was not taken; nowhere if this version does not know the subject any more."""
    if shown.failed is not None:
        return "override" if failed.subject.startswith(_ACCOUNT) else ""
    return next((item.anchor for item in shown.items if item.failed is not None), "override")


def _typed_account(shown: review_shown.Shown, asked: dict[str, str]) -> dict[str, str]:
    """What stands in the form for an account: what was typed if it was not taken, else what a link asks for."""
    failed = shown.failed
    if failed is None or not failed.subject.startswith(_ACCOUNT):
        return asked
    return {**failed.typed, "account": failed.subject.removeprefix(_ACCOUNT)}

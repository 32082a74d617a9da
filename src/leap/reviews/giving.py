"""Giving a verdict: what a text names, whether the verdict makes sense there, and what is kept of it.

The command and the page ask the same, so that what one refuses the other refuses too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from leap.errors import UsageError
from leap.reviews.records import OVERRIDES, Review, Subject, Verdict, new_review
from leap.reviews.subjects import Named, account, named
from leap.reviews.verdicts import Verdicts

VERDICTS: Final[tuple[Verdict, ...]] = ("accept", "reject", "note", "withdraw", "include", "exclude")
WITHOUT_EXPIRY: Final = {"note": "a note", "withdraw": "a withdrawal"}
_DIGITS_OF_A_DAY = 10


@dataclass(frozen=True)
class Desk:
    """Where verdicts are given: the findings of one version (None: there is none yet), and all that was said until now.

    `accounts` is asked only where a text names none of the findings.
    """

    version: str | None
    verdicts: Verdicts
    reviews: tuple[Review, ...]
    accounts: Callable[[], Sequence[str]]

    def meant(self, text: str, verdict: str = "") -> Named:
        """What a text names; of an override always an account. UsageError with the nearest name."""
        if verdict in OVERRIDES:
            return account(text.removeprefix("account:"), self.accounts())
        return named(text, self.verdicts, self.accounts)

    def new(
        self,
        verdict: str,
        found: Named,
        *,
        owner: str,
        reason: str = "",
        expires: str | None = None,
        seen: int | None = None,
    ) -> Review:
        """The verdict as it would be kept; UsageError where it makes no sense of this subject.

        If the same was kept since the review of number `seen`, as where a form is sent twice, it is that one, with its
        number.
        """
        review = new_review(
            found.subject, known_verdict(verdict), owner=owner, reason=reason, expires=expires, version=self.version,
            words=found.words, evidence=found.evidence,
        )  # fmt: skip
        said = self.history(found.subject)
        if seen is not None and (repeated := review.among(said, seen)):
            return repeated
        require_sense(review.verdict, found, said, expires)
        return review

    def history(self, subject: Subject) -> tuple[Review, ...]:
        """All that was said of a subject, the latest last."""
        return tuple(review for review in self.reviews if review.subject == subject)


def known_verdict(text: str) -> Verdict:
    """A verdict by its name.

    >>> known_verdict("accept")
    'accept'
    >>> known_verdict("delete")
    Traceback (most recent call last):
    leap.errors.UsageError: Choose a verdict: accept, reject, note, withdraw, include or exclude.
    """
    found = next((verdict for verdict in VERDICTS if verdict == text), None)
    if found is None:
        raise UsageError(f"Choose a verdict: {', '.join(VERDICTS[:-1])} or {VERDICTS[-1]}.")
    return found


def require_sense(verdict: str, found: Named, said: Sequence[Review], expires: str | None) -> None:
    """UsageError for a verdict that this subject cannot have, or not now; `said` is all that was said of it."""
    is_account = found.subject.kind == "account"
    if is_account and verdict in ("accept", "reject"):
        raise UsageError(
            f"{found.words} is an account: it is included or excluded, not {verdict}ed.",
            remedy="Use --include or --exclude (and --note, --withdraw).",
        )
    if verdict in OVERRIDES and not is_account:
        raise UsageError(f"{found.words} is no account: it is accepted or rejected, not {verdict}d.")
    latest = next((review.verdict for review in reversed(said) if review.verdict != "note"), "withdraw")
    if verdict == "withdraw" and latest == "withdraw":
        raise UsageError(f"{found.words}: no verdict stands that could be withdrawn.")
    if verdict in WITHOUT_EXPIRY and expires:
        raise UsageError(
            f"An expiry is of a verdict that counts, not of {WITHOUT_EXPIRY[verdict]}.", remedy="Leave the day out."
        )


def whole_day(text: str) -> str | None:
    """A day as people type it, None of nothing; UsageError for anything else.

    >>> whole_day("2026-02-28"), whole_day(" ")
    ('2026-02-28', None)
    >>> whole_day("2026-02-30")
    Traceback (most recent call last):
    leap.errors.UsageError: Expected a day like 2026-01-31, found '2026-02-30'.
    """
    text = text.strip()
    if not text:
        return None
    try:
        if len(text) != _DIGITS_OF_A_DAY:
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"Expected a day like 2026-01-31, found {text[:40]!r}.") from None


def address(subject: Subject) -> str:
    """A subject as a text that `Desk.meant` reads: the key of a rule, else its kind and its id.

    >>> address(Subject("rule", "r1")), address(Subject("account", "a:1"))
    ('r1', 'account:a:1')
    """
    return subject.key if subject.kind == "rule" else f"{subject.kind}:{subject.key}"

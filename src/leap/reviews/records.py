"""One verdict of one person: on what, what, why, until when, and what the evidence said then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from leap.errors import UsageError

SubjectKind = Literal["rule", "driver", "account"]
Verdict = Literal["accept", "reject", "note", "include", "exclude", "withdraw"]

NEEDS_REASON: Final = ("reject", "note", "include", "exclude", "withdraw")
OVERRIDES: Final = ("include", "exclude")
_LONGEST_NAME, _LONGEST_REASON = 200, 2_000


@dataclass(frozen=True)
class Subject:
    """A rule by its key (`keys.key_of`), a group of drivers by its id, or an account by its id."""

    kind: SubjectKind
    key: str


@dataclass(frozen=True)
class Review:
    """A verdict as it was given. `given_at` is UTC, ISO 8601; `expires` is the first day on which it no longer counts.

    `evidence` is what the version said of the subject then, `words` how the subject was called. `number` is its place
    in the book, 0 before it is kept.
    """

    subject: Subject
    verdict: Verdict
    owner: str
    reason: str
    given_at: str
    expires: str | None = None
    version: str | None = None
    words: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    number: int = 0

    @property
    def given_on(self) -> str:
        """The day it was given, UTC."""
        return self.given_at[:10]

    def expired(self, at: date) -> bool:
        """Whether it no longer counts on a day: on the day of `expires` it does not.

        >>> review = Review(Subject("account", "a1"), "include", "Ann", "why", "2026-01-05T09:00:00Z", "2026-04-01")
        >>> review.expired(date(2026, 3, 31)), review.expired(date(2026, 4, 1))
        (False, True)
        """
        return self.expires is not None and date.fromisoformat(self.expires) <= at

    def among(self, others: Sequence[Review], since: int) -> Review | None:
        """The one that says the same of the same among those kept after number `since`, whenever it was given."""
        return next((one for one in reversed(others) if one.number > since and _said(one) == _said(self)), None)

    def to_json(self) -> dict[str, Any]:
        """One entry of a `history`."""
        return {
            "number": self.number,
            "verdict": self.verdict,
            "owner": self.owner,
            "reason": self.reason or None,
            "given_on": self.given_on,
            "given_at": self.given_at,
            "expires": self.expires,
            "version": self.version,
            "evidence": dict(self.evidence),
        }


class DecidedMeanwhile(UsageError):
    """Somebody else said something of a subject since it was looked at; `said` is that, the latest last."""

    def __init__(self, said: Sequence[Review]) -> None:
        super().__init__(
            f"Meanwhile something else was said of it, last by {said[-1].owner}: nothing of yours was kept.",
            remedy="Look at it, and decide again.",
        )
        self.said = tuple(said)


def new_review(
    subject: Subject,
    verdict: Verdict,
    *,
    owner: str,
    reason: str = "",
    expires: str | None = None,
    version: str | None = None,
    words: str = "",
    evidence: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> Review:
    """A verdict given now; UsageError without an owner, without a reason where one is needed, or expired at birth."""
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    owner, reason = _line("owner", owner, _LONGEST_NAME), _line("reason", reason, _LONGEST_REASON)
    if not owner:
        raise UsageError("A verdict has an owner, found none.", remedy="Say who decides: --owner NAME.")
    if verdict in NEEDS_REASON and not reason:
        raise UsageError(f"{verdict} needs a reason, found none.", remedy="Say why: --reason TEXT.")
    if expires is not None and date.fromisoformat(expires) <= moment.date():
        raise UsageError(
            f"The day of expiry, {expires}, is not after {moment.date()}: the verdict would never count.",
            remedy="Name a later day; on that day it no longer counts.",
        )
    return Review(
        subject, verdict, owner, reason, moment.isoformat(timespec="seconds").replace("+00:00", "Z"), expires, version,
        words, dict(evidence or {}),
    )  # fmt: skip


def _said(review: Review) -> tuple[object, ...]:
    return review.subject, review.verdict, review.owner, review.reason, review.expires


def _line(name: str, text: str, longest: int) -> str:
    """Text of a person on one line; UsageError for control characters or too much of it."""
    line = " ".join(text.split())
    if not line.isprintable():
        raise UsageError(f"The {name} holds characters that cannot be printed.")
    if len(line) > longest:
        raise UsageError(f"The {name} has {len(line):,} characters; at most {longest:,} are kept.")
    return line

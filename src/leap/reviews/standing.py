"""Where a subject stands on a day: the verdict that counts, whether it has expired, and all that was said before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from leap.reviews.records import Review, Subject

State = Literal["open", "accepted", "rejected", "included", "excluded", "expired"]
_STATES: Mapping[str, State] = {
    "accept": "accepted",
    "reject": "rejected",
    "include": "included",
    "exclude": "excluded",
    "withdraw": "open",
}


@dataclass(frozen=True)
class Standing:
    """What people said of one subject until a day, the latest last; `changed` says how the evidence is another.

    Only the latest verdict can count; notes supersede nothing. When it has expired, an earlier one does not come back.
    `opposite`: it was given on the opposite finding, so that it does not count for this one.
    """

    subject: Subject
    at: date
    history: tuple[Review, ...] = ()
    changed: str | None = None
    opposite: bool = False

    @property
    def latest(self) -> Review | None:
        """The latest verdict that is no note."""
        return next((review for review in reversed(self.history) if review.verdict != "note"), None)

    @property
    def state(self) -> State:
        """open, accepted, rejected, included, excluded or expired."""
        latest = self.latest
        if latest is None:
            return "open"
        state = _STATES[latest.verdict]
        return "expired" if state != "open" and latest.expired(self.at) else state

    @property
    def counts(self) -> bool:
        """Whether the latest verdict has an effect on the day."""
        return self.state in ("accepted", "rejected", "included", "excluded") and not self.opposite

    @property
    def again(self) -> str | None:
        """Why it has to be looked at again; None if it need not."""
        if self.state in ("accepted", "rejected") and self.changed:
            return f"given on other evidence ({self.changed}): review again"
        latest = self.latest
        return f"expired on {latest.expires}" if self.state == "expired" and latest else None

    @property
    def words(self) -> str:
        """The standing on one line."""
        latest = self.latest
        if latest is None or self.state == "open":
            return f"withdrawn by {latest.owner}, {latest.given_on}: {latest.reason}" if latest else "no verdict yet"
        until = f", until {latest.expires}" if latest.expires and self.state != "expired" else ""
        version = f" on version {latest.version}" if latest.version else ""
        said = f"{_STATES[latest.verdict]} by {latest.owner}, {latest.given_on}{version}{until}"
        reason = f": {latest.reason}" if latest.reason else ""
        return f"{said}{reason}{f' - {self.again}' if self.again else ''}"

    def to_json(self) -> dict[str, Any]:
        """The key `review` of a profile or attribute, which stands beside its evidence."""
        latest = None if self.state == "open" else self.latest
        return {
            "key": self.subject.key,
            "state": self.state,
            "counts": self.counts,
            "owner": latest.owner if latest else None,
            "reason": (latest.reason or None) if latest else None,
            "given_on": latest.given_on if latest else None,
            "expires": latest.expires if latest else None,
            "version": latest.version if latest else None,
            "on_other_evidence": self.changed,
            "review_again": self.again,
            "words": self.words,
            "history": [review.to_json() for review in reversed(self.history)],
        }


def today() -> date:
    """This day, UTC: verdicts are of people, and their dates of the calendar."""
    return datetime.now(UTC).date()


def by_subject(reviews: Iterable[Review], at: date) -> dict[Subject, tuple[Review, ...]]:
    """What was said until the end of a day, by subject, each in the order given."""
    found: dict[Subject, list[Review]] = {}
    for review in reviews:
        if date.fromisoformat(review.given_on) <= at:
            found.setdefault(review.subject, []).append(review)
    return {subject: tuple(given) for subject, given in found.items()}


def standings(reviews: Sequence[Review], at: date) -> dict[Subject, Standing]:
    """Every subject of which something was said."""
    return {subject: Standing(subject, at, given) for subject, given in by_subject(reviews, at).items()}

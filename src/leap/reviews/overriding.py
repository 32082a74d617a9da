"""Overrides of the target list: accounts that somebody puts on it or takes off it, whatever the list would say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from leap.reviews.records import OVERRIDES, Review
from leap.reviews.standing import standings, today


class Override(NamedTuple):
    """Whether an account is put on the list (include) or taken off it (exclude), by whom, why, since and until when.

    `expires` is the first day on which it no longer counts.
    """

    action: Literal["include", "exclude"]
    owner: str
    reason: str
    since: str
    expires: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As beside an account of the list."""
        return self._asdict()


def overrides(reviews: Sequence[Review], at: date | None = None) -> dict[str, Override]:
    """The overrides that count on a day (default: today), by account."""
    found = {}
    for subject, standing in standings(reviews, at or today()).items():
        latest = standing.latest
        if subject.kind == "account" and latest is not None and standing.state in ("included", "excluded"):
            action: Literal["include", "exclude"] = "include" if latest.verdict == "include" else "exclude"
            found[subject.key] = Override(action, latest.owner, latest.reason, latest.given_on, latest.expires)
    return found


def first_overridden(reviews: Sequence[Review], action: str) -> dict[str, str]:
    """Since which day each account was first overridden in one direction, whether that still counts or not."""
    found: dict[str, str] = {}
    for review in reviews:
        if review.subject.kind == "account" and review.verdict == action and action in OVERRIDES:
            found.setdefault(review.subject.key, review.given_on)
    return found

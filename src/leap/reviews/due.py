"""When somebody last went through the profiles, and when the next review is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from leap.revenue import add_months
from leap.reviews.records import Review
from leap.reviews.standing import today


@dataclass(frozen=True)
class Due:
    """The last verdict or note, the day the next review is due (None: at once, there was none), and whether it is."""

    last: Review | None
    on: str | None
    is_due: bool
    every_months: int

    @property
    def words(self) -> str:
        """On one line."""
        every = "every month" if self.every_months == 1 else f"every {self.every_months} months"
        if self.last is None:
            return f"Nobody has reviewed these findings yet: due now, then {every}."
        state = "is due since" if self.is_due else "is due on"
        return f"Last review {self.last.given_on} by {self.last.owner}; the next {state} {self.on} ({every})."

    def to_json(self) -> dict[str, Any]:
        """`due` of the JSON of `review`."""
        last = self.last
        return {
            "last": last.given_on if last else None,
            "last_by": last.owner if last else None,
            "on": self.on,
            "is_due": self.is_due,
            "every_months": self.every_months,
        }


def due(reviews: Sequence[Review], every_months: int, at: date | None = None) -> Due:
    """The next review: so many calendar months after the last thing that was said of a rule or a driver.

    >>> from leap.reviews.records import Subject
    >>> said = Review(Subject("rule", "r1"), "accept", "Ann", "", "2025-11-30T09:00:00Z")
    >>> due([said], 3, date(2026, 2, 27)).is_due, due([said], 3, date(2026, 2, 28)).words
    (False, 'Last review 2025-11-30 by Ann; the next is due since 2026-02-28 (every 3 months).')
    """
    at = at or today()
    said = [r for r in reviews if r.subject.kind != "account" and date.fromisoformat(r.given_on) <= at]
    if not said:
        return Due(None, None, True, every_months)
    last = max(said, key=lambda review: (review.given_at, review.number))
    on = add_months(pd.Timestamp(last.given_on), every_months).date()
    return Due(last, on.isoformat(), at >= on, every_months)

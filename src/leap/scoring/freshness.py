"""How old the features are that scores come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True)
class Freshness:
    """Age of features on a day, in whole days between `as_of` and that day in UTC.

    Features are stale once they are older than `limit` days (`serving.stale_after_days` of leap.toml). Data may end in
    the future (contracts that are signed already): such an age is 0.

    >>> Freshness.on(date(2026, 11, 1), datetime(2026, 12, 16, 23, 59, tzinfo=UTC), limit=45)
    Freshness(as_of=datetime.date(2026, 11, 1), days=45, stale=False, limit=45)
    >>> Freshness.on(date(2026, 11, 1), datetime(2026, 12, 17, tzinfo=UTC), limit=45).stale
    True
    """

    as_of: date
    days: int
    stale: bool
    limit: int

    @classmethod
    def on(cls, as_of: date, now: datetime, limit: int) -> Freshness:
        """At this moment, which knows its zone."""
        days = max(0, (now.astimezone(UTC).date() - as_of).days)
        return cls(as_of, days, days > limit, limit)

    @property
    def stale_from(self) -> date:
        """The first day on which these features are stale."""
        return self.as_of + timedelta(days=self.limit + 1)

    @property
    def began(self) -> float:
        """The first moment of `as_of` in UTC, as seconds since 1970.

        >>> Freshness.on(date(1970, 1, 2), datetime(1970, 1, 2, tzinfo=UTC), limit=45).began
        86400.0
        """
        return datetime(self.as_of.year, self.as_of.month, self.as_of.day, tzinfo=UTC).timestamp()

"""Watches how old the features of the live model are: a metric at every look, and a line in the log once a day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime

from serving.logs import event
from serving.metrics import Metrics


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


class FeatureAge:
    """Told of the live features every few seconds; says on the first look, and then once a day, that they are stale."""

    def __init__(self, metrics: Metrics, now: Callable[[], datetime] = utc_now) -> None:
        self._metrics, self._now = metrics, now
        self._told: tuple[date, date] | None = None

    def look(self, as_of: date, limit: int) -> None:
        """Features of this date are live; they are stale after so many days."""
        from leap.scoring.freshness import Freshness  # takes seconds to import, and by now a model is loaded

        now = self._now()
        found = Freshness.on(as_of, now, limit)
        self._metrics.freshness(found, now.timestamp())
        if found.stale and self._told != (as_of, now.date()):
            self._told = (as_of, now.date())
            event("stale_features", logging.WARNING, as_of=as_of, days=found.days, limit=limit)

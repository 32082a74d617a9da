"""How long a CRM is waited for, and by which clock: in one place, so that tests take no time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class Pace:
    """Time-outs, tries and waits of calls; all times in seconds.

    >>> Pace(random=lambda: 1.0).after_failure(3)
    4.0
    """

    connect_seconds: float = 10.0
    read_seconds: float = 120.0
    """Of silence while an answer is waited for."""
    answer_seconds: float = 600.0
    """For one answer as a whole."""
    tries: int = 5
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 120.0
    """No `Retry-After` is followed for longer."""
    first_look_seconds: float = 1.0
    """After which a job is looked at first; each look comes half as much later, up to `slowest_look_seconds`."""
    slowest_look_seconds: float = 15.0
    job_seconds: float = 3600.0
    """How long a job is watched before it is left to a later run."""
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    """Seconds since 1970, by which a `Retry-After` that is a date is read."""
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random

    def after_failure(self, tries: int) -> float:
        """Twice as long after each try, less up to half by chance: clients that failed together come back apart."""
        most = min(self.first_wait_seconds * 2.0 ** (tries - 1), self.longest_wait_seconds)
        return most * (0.5 + 0.5 * self.random())

    def asked_for(self, headers: Mapping[str, str]) -> float | None:
        """What `Retry-After` says, as seconds or as an HTTP date (RFC 9110, 10.2.3), up to the longest wait.

        >>> Pace().asked_for({"Retry-After": "7"}), Pace().asked_for({"Retry-After": "soon"})
        (7.0, None)
        """
        value = headers.get("Retry-After", "").strip()
        if not value:
            return None
        seconds = float(value) if value.isascii() and value.isdigit() else self._until(value)
        return None if seconds is None else min(max(seconds, 0.0), self.longest_wait_seconds)

    def _until(self, date: str) -> float | None:
        try:
            moment = parsedate_to_datetime(date)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - self.now()
        except (ValueError, OverflowError):
            return None

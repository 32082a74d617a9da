"""Where the work of a request is done: small work at once and in turn, large work on a few threads, within a deadline.

Python computes on one thread at a time, so more threads answer no sooner; they only make small requests wait for large
ones. Small work (up to a few milliseconds) is done on the event loop itself, one request at a time, with a look at
the sockets in between, which keeps health checks quick. Large work goes to `LARGE_AT_ONCE` threads; what waits there is
bounded, and work whose caller has been told "too late" is not begun, or given up between chunks of accounts.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TypeVar

from serving.errors import Refused
from serving.metrics import Metrics

T = TypeVar("T")
Check = Callable[[], None]
Work = Callable[[Check], T]

LARGE_AT_ONCE = 2
LARGE_WAITING = 16
DOWNLOADS_AT_ONCE = 4
"""Files made piece by piece: each comes back for the lane of large work until its end, and must not fill it."""
DEADLINE_SECONDS = 20.0
MOST_UNREAD_BYTES = 256 * 1024 * 1024
"""Of answers that clients have yet to read: beyond that no large ones are made."""

SWITCH_SECONDS = 0.001
"""How long a computing thread may keep the interpreter while the event loop waits for it (Python's own: 0.005)."""
YIELD_EVERY_SECONDS = 0.0005
"""How soon building makes way for a request that waits for the interpreter; Python's own 5 ms are many answers."""

BUSY = "The service is working on as many requests as it takes at once; try again shortly."
TOO_LATE = "The service did not answer within its deadline; ask for fewer accounts at once, or try again."


class TooLate(Exception):
    """The deadline of a request has passed; its caller has been told already."""


class Lanes:
    """Does the work of requests; one for the whole process, used from the event loop."""

    def __init__(
        self,
        seconds: float = DEADLINE_SECONDS,
        at_once: int = LARGE_AT_ONCE,
        waiting: int = LARGE_WAITING,
        metrics: Metrics | None = None,
        most_unread: int = MOST_UNREAD_BYTES,
    ) -> None:
        self.seconds = seconds
        self._most_unread = most_unread
        self._at_once = at_once
        self._metrics = metrics or Metrics()
        self._most = at_once + waiting
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="large")
        self.large = 0
        """How many large requests wait or are worked on."""
        self.downloads = 0
        """How many files are being made and sent."""
        self.unread_bytes = 0
        """Of answers that clients are reading."""

    @cached_property
    def _turn(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(1)

    async def small(self, work: Work[T]) -> T:
        """Do it here, when it is its turn."""
        async with self._turn:
            # Others that have come meanwhile line up behind this one, and the sockets are looked at once a request.
            await asyncio.sleep(0)
            return work(never)

    async def big(self, work: Work[T]) -> T:
        """Do it on a thread; Refused where too much waits there already (429) or the deadline passes (503)."""
        if self.large >= self._most:
            raise Refused(429, BUSY)
        self._require_readers()
        deadline = time.monotonic() + self.seconds

        def check() -> None:
            if time.monotonic() > deadline:
                raise TooLate

        def job() -> T:
            check()
            self._require_readers()
            return work(check)

        self._count(1)
        future = asyncio.get_running_loop().run_in_executor(self._threads, job)
        future.add_done_callback(self._done)
        try:
            async with asyncio.timeout(self.seconds):
                return await asyncio.shield(future)
        except (TimeoutError, TooLate):
            self._metrics.expired()
            raise Refused(503, TOO_LATE) from None

    @contextmanager
    def unread(self, size: int) -> Iterator[None]:
        """While a client reads an answer of this size."""
        self.unread_bytes += size
        try:
            yield
        finally:
            self.unread_bytes -= size

    @contextmanager
    def download(self) -> Iterator[None]:
        """While a file is made and sent; Refused (429) where as many are as may be at once."""
        if self.downloads >= DOWNLOADS_AT_ONCE:
            raise Refused(429, f"{DOWNLOADS_AT_ONCE} files are being taken along already; try again shortly.")
        self.downloads += 1
        try:
            yield
        finally:
            self.downloads -= 1

    def _require_readers(self) -> None:
        if self.unread_bytes > self._most_unread:
            raise Refused(429, BUSY)

    def _done(self, future: asyncio.Future[T]) -> None:
        self._count(-1)
        if not future.cancelled():
            future.exception()  # looked at, or asyncio would log it with what the request held

    def _count(self, change: int) -> None:
        self.large += change
        self._metrics.lane(max(0, self.large - self._at_once))


def never() -> None:
    """Small work ends by itself."""


def prefer_the_event_loop() -> None:
    """Let threads that compute give way to the event loop sooner than Python's own setting."""
    sys.setswitchinterval(SWITCH_SECONDS)


@contextmanager
def making_way() -> Iterator[None]:
    """Let other threads have the interpreter sooner than usual, while this one computes for seconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(YIELD_EVERY_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)

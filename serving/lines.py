"""A queue between a request and a disk or pipe: who puts something in never waits, and it never grows without end."""

from __future__ import annotations

import atexit
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")


class Lines(Generic[T]):
    """At most `most` items wait; a thread takes them out and has `write` write them, some `pause` after the first.

    `write` is called with what waits, in order; what it raises is its own affair and ends nothing here. `tick` is
    called about once a second. The thread starts with the first item; what waits at an orderly end is still written.
    """

    def __init__(
        self,
        write: Callable[[Sequence[T]], None],
        *,
        most: int = 4096,
        pause: float = 0.02,
        tick: Callable[[], None] = lambda: None,
        name: str = "lines",
    ) -> None:
        self._write, self._tick = write, tick
        self._most, self._pause = most, pause
        self._waiting: deque[T] = deque()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._name = name

    def put(self, item: T) -> bool:
        """Whether there was room."""
        if len(self._waiting) >= self._most:
            return False
        self._waiting.append(item)
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self._start()
        elif self._stop.is_set():
            self.flush()
        return True

    def flush(self) -> None:
        """Write what waits, now and in this thread."""
        with self._writing:
            while items := self._taken():
                self._safely(partial(self._write, items))

    def stop(self, seconds: float = 2.0) -> None:
        """Write what waits and end the thread; a disk or pipe that blocks is not waited for any longer than this."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(seconds)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
                atexit.register(self.stop)

    def _run(self) -> None:
        ticked = time.monotonic()
        while not self._stop.is_set():
            if self._wake.wait(1.0):
                self._stop.wait(self._pause)
                self._wake.clear()
                self.flush()
            if time.monotonic() - ticked >= 1.0:
                ticked = time.monotonic()
                self._safely(self._tick)
        self._safely(self._tick)
        self.flush()

    def _taken(self) -> list[T]:
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), 512))]

    def _safely(self, work: Callable[[], None]) -> None:
        # The writer says itself what it could not write; its thread has to live on.
        with contextlib.suppress(Exception):
            work()


class Allowance:
    """So many a second, and a count of what went beyond.

    >>> seconds = iter([0.0, 0.1, 0.2, 1.3])
    >>> two = Allowance(2, clock=lambda: next(seconds))
    >>> two.take(), two.take(), two.take(), two.take(), two.left_out()
    (True, True, False, True, 1)
    """

    def __init__(self, a_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._a_second, self._clock = a_second, clock
        self._second, self._taken, self._beyond = -1, 0, 0

    def take(self) -> bool:
        """Whether one more is allowed in this second."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._taken = second, 0
        if self._taken >= self._a_second:
            self._beyond += 1
            return False
        self._taken += 1
        return True

    def left_out(self) -> int:
        """How many went beyond since this was last asked."""
        beyond, self._beyond = self._beyond, 0
        return beyond

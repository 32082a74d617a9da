"""How one champion gives way to the next while requests go on.

`ChampionWatcher` looks every two seconds for another champion, verifies and builds it beside the live one, and swaps
the reference. Whatever fails on the way, the last good one stays in use and `/readyz` says what happened.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable

from leap.errors import LeapError
from serving.live import LiveModel, Problem, Served

log = logging.getLogger("bentoml.leap")  # below "bentoml": see guard.py

LOOK_EVERY_SECONDS = 2.0
RETRY_AFTER_SECONDS = 60.0


class ChampionWatcher:
    """A background thread that keeps `LiveModel` at the store's champion.

    `champion` tells its version and is asked every few seconds; `load` brings it in and is asked when that changes.
    """

    def __init__(
        self,
        live: LiveModel,
        champion: Callable[[], str | None],
        load: Callable[[], tuple[Served, str]],
        every_seconds: float = LOOK_EVERY_SECONDS,
    ) -> None:
        self._live = live
        self._champion = champion
        self._load = load
        self._every = every_seconds
        self._failed: str | None = None
        self._failed_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion-watcher", daemon=True)

    def start(self) -> None:
        """Load the champion in the background, then keep looking for another one."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look under way."""
        self._stop.set()

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(self._every):
            self.look()

    def look(self) -> None:
        """One look at the store; never raises, a fault is kept as `LiveModel.problem`."""
        try:
            newest = self._champion()
            served = self._live.peek()
            if newest is not None and served is not None and newest == served.version:
                self._live.problem = self._failed = None
            elif not self._failed_lately(newest):
                self._bring_in(newest)
        except Exception as error:
            self._report(error)

    def _bring_in(self, newest: str | None) -> None:
        try:
            served, stale = self._load()
        except Exception:
            self._failed, self._failed_at = newest, time.monotonic()
            raise
        self._live.swap(served)
        self._failed = None
        served.documents.prepare()
        log.info("version %s is live%s", served.version, f"; {stale}" if stale else "")

    def _failed_lately(self, newest: str | None) -> bool:
        """What failed is tried again, since the tables may have been mended, but not at every look."""
        return (
            newest is not None and newest == self._failed and time.monotonic() - self._failed_at < RETRY_AFTER_SECONDS
        )

    def _report(self, error: Exception) -> None:
        where = ""
        if isinstance(error, LeapError):
            problem = Problem(error.code, str(error))
        else:
            problem = Problem("internal", f"The champion could not be loaded: {type(error).__name__}.")
            # Where, but not the message: it may quote a cell of the tables.
            where = "\n" + "".join(traceback.format_tb(error.__traceback__)[-6:])
        if problem != self._live.problem:
            log.warning("the champion could not be brought in: %s%s", problem.message, where)
        self._live.problem = problem

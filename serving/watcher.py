"""How what is live gives way to the next while requests go on.

`ChampionWatcher` looks twice a second whether another champion, other tables or other reviews are there, has them built
beside what is live, and swaps the reference. Whatever fails on the way, the last good one stays in use and `/readyz`
says what happened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from leap.errors import LeapError
from serving.lanes import making_way
from serving.live import LiveModel, Problem, Served
from serving.logs import event, failure
from serving.metrics import Metrics

LOOK_EVERY_SECONDS = 0.5
RETRY_AFTER_SECONDS = 60.0


@dataclass(frozen=True)
class Wanted:
    """What should be live, and what of it cannot be asked just now."""

    key: Hashable
    """Equal as long as the same things would be built."""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Built:
    """What is to be live from now on (None: what is), and why it is not all that was wanted."""

    served: Served | None
    problems: tuple[Problem, ...] = ()


class Source(Protocol):
    """Where what is live comes from (`wiring.Deployment`)."""

    def look(self) -> Wanted:
        """What should be live, within a moment."""

    def build(self) -> Built:
        """What was wanted at the last look, as far as it is good; raises if nothing is."""

    def inputs(self) -> Callable[[], Path] | None:
        """Where a sample of what is scored is kept, if anywhere."""


class ChampionWatcher:
    """A background thread that keeps `LiveModel` at what the store and the workspace hold."""

    def __init__(
        self,
        live: LiveModel,
        source: Source,
        every_seconds: float = LOOK_EVERY_SECONDS,
        metrics: Metrics | None = None,
    ) -> None:
        self._live = live
        self._source = source
        self._every = every_seconds
        self._metrics = metrics or Metrics()
        self._tried: Hashable = object()
        self._tried_at = 0.0
        self._problems: tuple[Problem, ...] = ()
        self._told: Problem | None = None
        self._prepared: Served | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="champion-watcher", daemon=True)

    def start(self) -> None:
        """Bring in what there is in the background, then keep looking for what changes."""
        self._thread.start()

    def stop(self) -> None:
        """End after the look under way."""
        self._stop.set()

    def _run(self) -> None:
        self.look()
        while not self._stop.wait(self._every):
            self.look()

    def look(self) -> None:
        """One look; never raises, a fault is kept as `LiveModel.problem`."""
        try:
            wanted = self._source.look()
            if wanted.key != self._tried or self._is_due_again():
                self._tried, self._tried_at = wanted.key, time.monotonic()
                self._bring_in()
            self._report((*wanted.problems, *self._problems))
            self._prepare()
        except Exception as error:
            self._report((problem_of(error),))

    def _is_due_again(self) -> bool:
        """What failed is tried again, since what it failed of may have passed, but not at every look."""
        return bool(self._problems) and time.monotonic() - self._tried_at >= RETRY_AFTER_SECONDS

    def _bring_in(self) -> None:
        try:
            with making_way():
                built = self._source.build()
        except Exception as error:
            built = Built(None, (problem_of(error),))
        self._problems = built.problems
        if built.served is not None:
            self._live.swap(built.served)
            version = built.served.version
            self._metrics.reloaded("live", version)
            event("live", version=version, as_of=built.served.scorer.as_of, explained_by=built.served.explained_by)
        if built.problems:
            self._metrics.reloaded(built.problems[0].code)

    def _prepare(self) -> None:
        """Make ahead what takes long to be told of what has just gone live."""
        served = self._live.peek()
        if served is not None and served is not self._prepared:
            self._prepared = served
            with making_way():
                served.documents.prepare()

    def _report(self, problems: tuple[Problem, ...]) -> None:
        problem = joined(problems)
        if problem is not None and problem != self._told:
            # What it says may quote a cell of the tables; /readyz tells it to a token of scope admin.
            event("problem", logging.WARNING, code=problem.code)
        elif problem is None and self._told is not None:
            event("problem_over")
        if problem != self._told:
            self._metrics.problem(problem is not None)
        self._live.problem = self._told = problem


def problem_of(error: Exception) -> Problem:
    """Any failure in words; of one that is not ours its kind and place, but not its message: it may quote a cell."""
    if isinstance(error, LeapError):
        return Problem(error.code, str(error))
    failure("reload_failed", error, logging.WARNING)
    return Problem("internal", f"What should be live could not be brought in: {type(error).__name__}.")


def joined(problems: tuple[Problem, ...]) -> Problem | None:
    """Several problems as one, each said once; None for none."""
    if not problems:
        return None
    return Problem(problems[0].code, " ".join(dict.fromkeys(problem.message for problem in problems)))

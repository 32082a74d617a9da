"""Sees every request and what is live: counts it, says it in the log, and keeps a sample of what was scored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from serving.ages import FeatureAge
from serving.calls import Call
from serving.lines import Allowance
from serving.live import LiveModel
from serving.logs import Log, event, failure
from serving.metrics import Metrics
from serving.records import Asked, InputRecords, share_from

LOOK_EVERY_SECONDS = 2.0


class Observer:
    """The service's `Watch`, and a thread that looks at what is live every two seconds.

    Whatever goes wrong here is said in the log and does not reach a request.
    """

    def __init__(self, live: LiveModel, metrics: Metrics | None = None) -> None:
        self.metrics = metrics or Metrics()
        self.log: Log | None = None
        self._live = live
        self._records: InputRecords | None = None
        self._age = FeatureAge(self.metrics)
        self._own_faults = Allowance(1)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, inputs: Callable[[], Path] | None = None, environment: Mapping[str, str] | None = None) -> None:
        """Begin to look; `inputs` says where the sample of inputs is kept, if it is."""
        share = 0.0 if inputs is None else share_from(environment)
        if inputs is not None and share > 0:
            self._records = InputRecords(inputs, self.metrics, share=share)
        event("starting", sample_share=share)
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits."""
        event("stopping")
        self._stop.set()
        if self._records is not None:
            self._records.stop()
        if self.log is not None:
            self.log.stop()

    def began(self, call: Call) -> None:
        """A request came in."""
        self.metrics.in_flight(1)

    def ended(self, call: Call) -> None:
        """It is over, whether it was answered or broken off."""
        self.metrics.in_flight(-1)

    def answered(self, call: Call, status: int) -> None:
        """Its answer went out."""
        try:
            self._answered(call, status)
        except Exception as error:
            self._own_fault(error)

    def _answered(self, call: Call, status: int) -> None:
        seconds = call.seconds
        self.metrics.request(call.template, status, seconds)
        if call.refused:
            self.metrics.refused(call.refused)
        version = "" if call.served is None else call.served.version
        rows = None
        if call.answers is not None and call.served is not None and status < 400:
            rows = len(call.answers.fragments)
            self.metrics.scored(call.template, version, call.answers)
            if self._records is not None:
                self._records.scored(asked_of(call), call.answers, values_of(call))
        if self.log is not None:
            self.log.request(call.request_id, call.method, call.template, status, seconds, rows, version)

    def look(self) -> None:
        """How old the features are that are live."""
        served = self._live.peek()
        if served is not None:
            self._age.look(served.scorer.as_of, served.stale_after_days)

    def _run(self) -> None:
        while True:
            try:
                self.look()
            except Exception as error:
                self._own_fault(error)
            if self._stop.wait(LOOK_EVERY_SECONDS):
                return

    def _own_fault(self, error: Exception) -> None:
        if self._own_faults.take():
            failure("observing_failed", error)


def asked_of(call: Call) -> Asked:
    """What the accounts of a request have in common."""
    assert call.served is not None  # noqa: S101
    scorer = call.served.scorer
    as_of = getattr(call.asked, "as_of", None) or scorer.as_of
    return Asked(call.request_id, call.template, call.served.version, scorer.definition_hash, as_of)


def values_of(call: Call) -> Callable[[int], Mapping[str, Any] | None]:
    """The feature values of each account that has a score, as given or as made of rows; none for customers by id."""
    accounts = getattr(call.asked, "accounts", None)
    prospects = getattr(call.asked, "prospects", None)
    made = None if call.answers is None else call.answers.values
    refused = set() if call.answers is None else {one.place for one in call.answers.refused}
    scored = [place for place in range(len(accounts or ())) if place not in refused]

    def of(i: int) -> Mapping[str, Any] | None:
        if prospects:
            return prospects[i].attributes  # type: ignore[no-any-return]
        if not accounts:
            return None
        i = scored[i]
        if not accounts[i].in_rows:
            return accounts[i].features  # type: ignore[no-any-return]
        return None if made is None else made(sum(one.in_rows for one in accounts[:i]))

    return of

"""What the service counts of itself, shown by BentoML's `/metrics` beside BentoML's own figures.

Names, meanings and labels stand in `metric_names.py`; every label has a bounded set of values whatever is asked.

A worker process writes its values into files (`metric_files.py`), and `/metrics` adds up those of all workers. Their
folder has to be named before `prometheus_client` is imported, which is why that happens only when metrics are made.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from serving.metric_files import prepare_folder
from serving.metric_names import (
    ABSTAINED,
    BANDS,
    DESCRIBED,
    LATENCY_SECONDS,
    OTHER,
    RECORDED,
    REFUSED,
    RELOADED,
    SCOPES,
    Described,
)

if TYPE_CHECKING:
    from leap.scoring.answers import Answers
    from leap.scoring.freshness import Freshness

MOST_ROUTES = 40
"""More than the service has; whatever comes after the first so many is `other`."""
FIT_ROUTE = "/v1/prospects"
AS_OF = "leap_features_as_of_timestamp_seconds"
"""Shown only once there is a model: the least of all workers is shown, and 0 would be a date."""


class Metrics:
    """What can be counted. This one counts nothing: for tests, and for an application outside BentoML."""

    def in_flight(self, change: int) -> None:
        """A request has arrived (+1) or has been answered (-1)."""

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered; `route` is the template, empty where none was found."""

    def refused(self, reason: str) -> None:
        """A request was refused, by the code of its error."""

    def scored(self, route: str, version: str, answers: Answers) -> None:
        """Accounts were answered by this version of the model."""

    def reloaded(self, result: str, version: str = "") -> None:
        """A version was brought in (`live`), or what should be live could not be (the code of the error)."""

    def problem(self, there_is_one: bool) -> None:
        """Whether not all that should be live is."""

    def freshness(self, found: Freshness, now: float | None = None) -> None:
        """How old the features of the live model are; called every few seconds."""

    def lane(self, queued: int) -> None:
        """So many large requests wait."""

    def expired(self) -> None:
        """The deadline of a large request passed."""

    def recorded(self, result: str, count: int = 1) -> None:
        """Inputs were `written`, `dropped` or `failed`."""

    def log_lines_left_out(self, count: int) -> None:
        """So many lines were kept from the log."""


class PrometheusMetrics(Metrics):
    """Metrics that `/metrics` shows. One a process: `process_metrics()`."""

    def __init__(self, registry: Any = None) -> None:
        made = {name: _made(one, registry) for name, one in DESCRIBED.items() if name != AS_OF}
        self._requests = _children(made["leap_requests_total"])
        self._seconds = _children(made["leap_request_seconds"])
        self._in_flight = made["leap_requests_in_flight"]
        self._refused = _children(made["leap_refused_total"], (*REFUSED, OTHER))
        self._scored = _children(made["leap_scored_total"])
        self._not_found = _children(made["leap_not_found_total"])
        self._abstained = _children(made["leap_abstained_total"], (*ABSTAINED, OTHER))
        scores = made["leap_scores_total"]
        self._scores = {scope: [scores.labels(scope, band) for band in BANDS] for scope in SCOPES}
        self._earlier = made["leap_scored_by_earlier_model_total"]
        self._info = _children(made["leap_model_info"])
        self._loaded = made["leap_model_loaded_timestamp_seconds"]
        self._reloads = _children(made["leap_reloads_total"], (*RELOADED, OTHER))
        self._problem = made["leap_problem"]
        self._as_of = cache(lambda: _made(DESCRIBED[AS_OF], registry))
        self._age = made["leap_features_age_seconds"]
        self._stale = made["leap_features_stale"]
        self._queued = made["leap_lane_queued"]
        self._expired = made["leap_lane_expired_total"]
        self._records = _children(made["leap_input_records_total"], RECORDED)
        self._left_out = made["leap_log_lines_left_out_total"]
        self._routes: dict[str, str] = {"": "none"}
        self._version = ""

    def in_flight(self, change: int) -> None:
        self._in_flight.inc(change)

    def request(self, route: str, status: int, seconds: float) -> None:
        known = self._route(route)
        self._requests(known, _status(status)).inc()
        self._seconds(known, f"{status // 100}xx" if 100 <= status < 600 else OTHER).observe(seconds)

    def refused(self, reason: str) -> None:
        self._refused(reason if reason in REFUSED else OTHER).inc()

    def scored(self, route: str, version: str, answers: Answers) -> None:
        known = self._route(route)
        self._scored(known).inc(len(answers.fragments))
        if answers.not_found:
            self._not_found(known).inc(len(answers.not_found))
        bands = self._scores["fit" if route == FIT_ROUTE else "health"]
        for band, count in enumerate(answers.bands):
            if count:
                bands[band].inc(count)
        for reason, count in answers.abstained.items():
            self._abstained(reason if reason in ABSTAINED else OTHER).inc(count)
        if version != self._version:
            self._earlier.inc(len(answers.fragments))

    def reloaded(self, result: str, version: str = "") -> None:
        self._reloads(result if result in RELOADED else OTHER).inc()
        if result != "live":
            return
        if self._version != version:
            if self._version:
                self._info(_plain(self._version)).set(0)
            self._info(_plain(version)).set(1)
            self._version = version
        self._loaded.set(time.time())

    def problem(self, there_is_one: bool) -> None:
        self._problem.set(int(there_is_one))

    def freshness(self, found: Freshness, now: float | None = None) -> None:
        self._as_of().set(found.began)
        self._age.set(max(0.0, (time.time() if now is None else now) - found.began))
        self._stale.set(int(found.stale))

    def lane(self, queued: int) -> None:
        self._queued.set(queued)

    def expired(self) -> None:
        self._expired.inc()

    def recorded(self, result: str, count: int = 1) -> None:
        self._records(result).inc(count)

    def log_lines_left_out(self, count: int) -> None:
        self._left_out.inc(count)

    def _route(self, route: str) -> str:
        """The route as a label: the first `MOST_ROUTES` that come, then `other`."""
        known = self._routes.get(route)
        if known is None:
            known = route if len(self._routes) < MOST_ROUTES else OTHER
            if known != OTHER:
                self._routes[route] = known
        return known


@cache
def process_metrics() -> PrometheusMetrics:
    """The metrics of this process, on the registry that BentoML shows."""
    prepare_folder(os.environ)
    return PrometheusMetrics()


def without_earlier_models(text: str) -> str:
    """What `/metrics` shows, without the versions that no worker answers with any more.

    A series cannot be taken out of the files that workers write into, only set to 0.

    >>> without_earlier_models('leap_model_info{version="6"} 0.0\\nleap_model_info{version="7"} 1.0\\n')
    'leap_model_info{version="7"} 1.0\\n'
    """
    return re.sub(r"^leap_model_info\{.*\} 0\.0\n", "", text, flags=re.MULTILINE)


def _made(one: Described, registry: Any) -> Any:
    import prometheus_client

    registry = prometheus_client.REGISTRY if registry is None else registry
    labels = tuple(one.labels)
    if one.kind == "counter":
        return prometheus_client.Counter(one.name, one.meaning, labels, registry=registry)
    if one.kind == "gauge":
        mode: Any = one.workers
        return prometheus_client.Gauge(one.name, one.meaning, labels, registry=registry, multiprocess_mode=mode)
    return prometheus_client.Histogram(one.name, one.meaning, labels, buckets=LATENCY_SECONDS, registry=registry)


def _children(metric: Any, first: Iterable[str] = ()) -> Callable[..., Any]:
    """The series of a metric by its labels, looked up quickly; those in `first` begin at 0 at once, for alarms."""
    found: dict[tuple[str, ...], Any] = {(one,): metric.labels(one) for one in first}

    def child(*labels: str) -> Any:
        known = found.get(labels)
        if known is None:
            known = found[labels] = metric.labels(*labels)
        return known

    return child


def _status(status: int) -> str:
    return str(status) if 100 <= status < 600 else OTHER


def _plain(text: str) -> str:
    """A version fit for a label."""
    return re.sub(r"[^A-Za-z0-9._-]", "?", text)[:64]

"""The names and meanings of the service's metrics, and the bounded sets of values that their labels can have.

Routes are templates, reasons and results come from the lists here, and what is in none of them is `other`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from serving.errors import CODES

OTHER = "other"

OF_LEAP = (
    "bundle", "catalog", "champion_moved", "leap", "no_model", "no_tables", "not_enough_data", "registry", "revenue",
    "settings", "source", "table", "unknown_account", "unknown_version", "unreadable_version", "usage",
)  # fmt: skip
"""Codes of the library's own errors."""
REFUSED = tuple(sorted({*CODES.values(), *OF_LEAP}))
RELOADED = ("live", *OF_LEAP, "internal")
ABSTAINED = ("already_leaving", "no_customers_like_this", "refused", "too_little_known")
RECORDED = ("written", "dropped", "failed")
SCOPES = ("health", "fit")
BANDS = tuple(f"{tenth / 10:.1f}-{(tenth + 1) / 10:.1f}" for tenth in range(10))

LATENCY_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Described:
    """One metric: how it is called, what it means, and how the figures of several workers become one."""

    name: str
    kind: Kind
    meaning: str
    labels: Mapping[str, str]
    """By label, in words, the values it can have."""
    workers: str = "sum"
    """For gauges: `livesum`, `livemax` or `livemin` over the workers that run; counters are summed."""


_ROUTE = "template of the route"

DESCRIBED = {
    one.name: one
    for one in (
        Described(
            "leap_requests_total", "counter", "Requests answered.",
            {"route": f"{_ROUTE}, `none` where none was found", "status": "HTTP status"},
        ),
        Described(
            "leap_request_seconds", "histogram", "Seconds from a request's arrival to the end of its answer.",
            {"route": _ROUTE, "status": "class of the status, such as `2xx`"},
        ),
        Described(
            "leap_requests_in_flight", "gauge", "Requests that have arrived and are not answered yet.",
            {}, "livesum",
        ),
        Described(
            "leap_refused_total", "counter", "Requests answered with an error, by its code.",
            {"reason": ", ".join((*REFUSED, OTHER))},
        ),
        Described("leap_scored_total", "counter", "Accounts and prospects answered with a score or an abstention.",
                  {"route": _ROUTE}),
        Described(
            "leap_not_found_total", "counter", "Account ids asked for that are no customers.", {"route": _ROUTE}
        ),
        Described("leap_abstained_total", "counter", "Accounts and prospects that got no score, by why.",
                  {"reason": ", ".join((*ABSTAINED, OTHER))}),
        Described(
            "leap_scores_total", "counter", "Scores by tenth of churn probability.",
            {"scope": ", ".join(SCOPES), "churn": f"{BANDS[0]} to {BANDS[-1]}"},
        ),
        Described(
            "leap_scored_by_earlier_model_total", "counter",
            "Scores from a model that another had replaced meanwhile: requests that were under way at a swap.", {},
        ),
        Described("leap_model_info", "gauge", "Workers that answer with this version of the model.",
                  {"version": "the live version alone"}, "livesum"),
        Described("leap_model_loaded_timestamp_seconds", "gauge",
                  "When a version or its tables last went live, in seconds since 1970.", {}, "livemax"),
        Described("leap_reloads_total", "counter",
                  "Attempts to bring in a model or tables: `live`, or the code of what failed.",
                  {"result": ", ".join((*RELOADED, OTHER))}),
        Described(
            "leap_problem", "gauge",
            "1 while not all that should be live is (the last good one answers, if there is one), else 0.",
            {}, "livemax",
        ),
        Described("leap_features_as_of_timestamp_seconds", "gauge",
                  "The day that the features are of, in seconds since 1970.", {}, "livemin"),
        Described("leap_features_age_seconds", "gauge", "Seconds since that day began, renewed every few seconds.",
                  {}, "livemax"),
        Described("leap_features_stale", "gauge",
                  "1 if the features are older than `serving.stale_after_days`, else 0.", {}, "livemax"),
        Described("leap_lane_queued", "gauge", "Large requests that wait for a thread.", {}, "livesum"),
        Described("leap_lane_expired_total", "counter",
                  "Large requests whose deadline passed, waiting or at work.", {}),
        Described("leap_input_records_total", "counter",
                  "Accounts drawn for the record of inputs: written, dropped (too many at once), failed (disk).",
                  {"result": ", ".join(RECORDED)}),
        Described("leap_log_lines_left_out_total", "counter",
                  "Log lines that were left out to bound the log.", {}),
    )
}  # fmt: skip


def table() -> str:
    """All metrics as a Markdown table."""
    lines = ["| metric | kind | meaning | labels |", "|---|---|---|---|"]
    for one in DESCRIBED.values():
        labels = "; ".join(f"`{name}`: {values}" for name, values in one.labels.items()) or "-"
        lines.append(f"| `{one.name}` | {one.kind} | {one.meaning} | {labels} |")
    return "\n".join(lines) + "\n"

"""Metrics as `/metrics` shows them: the files of all workers added up, labels bounded, and all of them described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from leap.scoring.answers import Answers
from serving.metric_names import DESCRIBED, OTHER, REFUSED, RELOADED, table
from serving.metrics import MOST_ROUTES, Metrics, PrometheusMetrics, forget_ended_processes, without_earlier_models

ROOT = Path(__file__).parents[2]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


def answers(*probabilities: float, abstained: Mapping[str, int] | None = None) -> Answers:
    found = Answers.of({"churn": {"p": p}, "abstained": None} for p in probabilities)
    return Answers(found.fragments, ("nobody",), found.bands, abstained or {})


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> PrometheusMetrics:
    return PrometheusMetrics(registry)


def test_labels_are_bounded_whatever_is_asked(metrics: PrometheusMetrics, registry: CollectorRegistry) -> None:
    for number in range(500):
        metrics.request(f"/accounts/{number}", 200 + number, 0.001)
        metrics.refused(f"reason {number}")
        metrics.reloaded(f"fault {number}")
        metrics.scored(f"/odd/{number}", "7", answers(0.1, abstained={f"why {number}": 1}))
    labels: dict[str, set[str]] = {}
    for family in registry.collect():
        for sample in family.samples:
            for name, found in sample.labels.items():
                labels.setdefault(f"{family.name}.{name}", set()).add(found)
    assert len(labels["leap_requests.route"]) <= MOST_ROUTES + 1
    assert labels["leap_refused.reason"] == {*REFUSED, OTHER}
    assert labels["leap_reloads.result"] == {*RELOADED, OTHER}
    assert len(labels["leap_abstained.reason"]) == 4
    assert labels["leap_request_seconds.status"] <= {"2xx", "3xx", "4xx", "5xx", OTHER}


def test_scores_are_counted_by_tenth_of_churn_and_by_scope(
    metrics: PrometheusMetrics, registry: CollectorRegistry
) -> None:
    metrics.reloaded("live", "7")
    metrics.scored("/v1/score", "7", answers(0.05, 0.07, 0.95, abstained={"already_leaving": 2}))
    metrics.scored("/v1/prospects", "6", answers(0.31))
    assert value(registry, "leap_scores_total", scope="health", churn="0.0-0.1") == 2
    assert value(registry, "leap_scores_total", scope="health", churn="0.9-1.0") == 1
    assert value(registry, "leap_scores_total", scope="fit", churn="0.3-0.4") == 1
    assert value(registry, "leap_scores_total", scope="fit", churn="0.0-0.1") == 0
    assert value(registry, "leap_scored_total", route="/v1/score") == 3
    assert value(registry, "leap_not_found_total", route="/v1/score") == 1
    assert value(registry, "leap_abstained_total", reason="already_leaving") == 2
    assert value(registry, "leap_scored_by_earlier_model_total") == 1


def test_a_failed_reload_shows_until_a_version_goes_live_or_the_champion_is_the_live_one(
    metrics: PrometheusMetrics, registry: CollectorRegistry
) -> None:
    metrics.reloaded("live", "7")
    for _ in range(2):
        metrics.reloaded("bundle")
        assert value(registry, "leap_reload_failed") == 1
        metrics.settled()
        assert value(registry, "leap_reload_failed") == 0
    metrics.reloaded("bundle")
    metrics.reloaded("live", "8")
    assert value(registry, "leap_reload_failed") == 0
    assert value(registry, "leap_reloads_total", result="bundle") == 3
    assert value(registry, "leap_reloads_total", result="live") == 2
    assert value(registry, "leap_model_info", version="7") == 0
    assert value(registry, "leap_model_info", version="8") == 1


WORKER = """
import sys
from serving.metrics import process_metrics
metrics = process_metrics()
metrics.in_flight(1)
metrics.reloaded("live", "7")
metrics.reloaded("live", sys.argv[1])
metrics.request("/v1/score", 200, 0.003)
"""


def shown(folder: Path) -> CollectorRegistry:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return registry


def test_workers_are_added_up_and_one_that_was_killed_counts_no_more_as_running(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for version in ("8", "9"):
        subprocess.run([sys.executable, "-c", WORKER, version], env=environment, cwd=ROOT, check=True)
    # The second worker found that the first had ended, and has ended itself by now.
    registry = shown(tmp_path)
    assert value(registry, "leap_requests_total", route="/v1/score", status="200") == 2
    assert value(registry, "leap_requests_in_flight") == 1
    assert value(registry, "leap_model_info", version="9") == 1
    assert value(registry, "leap_model_info", version="8") is None
    forget_ended_processes(str(tmp_path))
    assert value(shown(tmp_path), "leap_requests_in_flight") is None
    assert value(shown(tmp_path), "leap_requests_total", route="/v1/score", status="200") == 2


def test_metrics_show_one_version_of_the_model_once_another_has_replaced_it() -> None:
    text = (
        "\n".join(f'leap_model_info{{version="{v}"}} {float(v == 9)}' for v in range(10)) + "\nleap_lane_queued 0.0\n"
    )
    assert without_earlier_models(text) == 'leap_model_info{version="9"} 1.0\nleap_lane_queued 0.0\n'


def test_every_metric_is_described_in_full(registry: CollectorRegistry, metrics: PrometheusMetrics) -> None:
    made = {(family.name + "_total" if family.type == "counter" else family.name) for family in registry.collect()}
    assert made == set(DESCRIBED)
    rows = table().splitlines()[2:]
    assert len(rows) == len(DESCRIBED)
    for one in DESCRIBED.values():
        assert one.name.endswith("_total") == (one.kind == "counter")
        assert one.meaning.endswith(".")


def test_a_document_names_no_metric_that_there_is_not() -> None:
    known = set(DESCRIBED) | {f"leap_request_seconds_{part}" for part in ("bucket", "sum", "count")}
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        named = set(
            re.findall(
                r"\bleap_[a-z_]+(?:_total|_seconds(?:_bucket|_sum|_count)?|_info|_stale|_failed)\b",
                document.read_text(),
            )
        )
        assert named <= known, document.name


def test_what_counts_nothing_takes_the_same_calls() -> None:
    """Every public method of the counting class stands in the silent one, with the same parameters."""
    for name in (name for name in vars(PrometheusMetrics) if not name.startswith("_")):
        silent, counting = getattr(Metrics, name), getattr(PrometheusMetrics, name)
        assert (
            silent.__code__.co_varnames[: silent.__code__.co_argcount]
            == (counting.__code__.co_varnames[: counting.__code__.co_argcount])
        )

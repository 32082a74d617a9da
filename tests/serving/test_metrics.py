"""Metrics as `/metrics` shows them: the files of all workers added up, labels bounded, and all of them described."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from leap.scoring.answers import Answers
from leap.scoring.freshness import Freshness
from serving.errors import CODES, STATUS_OF_CODE
from serving.metric_files import ROOM, forget_ended_processes, give_memory_back, prepare_folder, take_room
from serving.metric_names import ABSTAINED, DESCRIBED, OTHER, REFUSED, RELOADED, table
from serving.metrics import MOST_ROUTES, Metrics, PrometheusMetrics, without_earlier_models

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
    assert labels["leap_abstained.reason"] == {*ABSTAINED, OTHER}
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


def test_only_the_live_version_is_shown_as_live(metrics: PrometheusMetrics, registry: CollectorRegistry) -> None:
    metrics.reloaded("live", "7")
    metrics.reloaded("bundle")
    metrics.problem(True)
    assert value(registry, "leap_problem") == 1
    metrics.reloaded("live", "8")
    metrics.problem(False)
    assert value(registry, "leap_problem") == 0
    assert value(registry, "leap_reloads_total", result="bundle") == 1
    assert value(registry, "leap_reloads_total", result="live") == 2
    assert value(registry, "leap_model_info", version="7") == 0
    assert value(registry, "leap_model_info", version="8") == 1


def test_every_code_of_an_error_is_one_of_the_reasons() -> None:
    # What speaks to CRMs is no part of the service.
    sources = [
        file.read_text()
        for part in ("src/leap", "serving")
        for file in (ROOT / part).rglob("*.py")
        if file.parent.name != "crm"
    ]
    codes = {code for text in sources for code in re.findall(r"^    code = \"(\w+)\"", text, re.MULTILINE)}
    assert {"table", "invalid"} < codes
    assert codes | set(CODES.values()) | set(STATUS_OF_CODE) <= set(REFUSED)
    assert codes - {"invalid"} <= set(RELOADED)


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
    forget_ended_processes(tmp_path)
    assert value(shown(tmp_path), "leap_requests_in_flight") is None
    assert value(shown(tmp_path), "leap_requests_total", route="/v1/score", status="200") == 2


EVERY_LABEL = """
from leap.scoring.answers import Answers
from leap.scoring.freshness import Freshness
from datetime import date
from serving.metrics import process_metrics
metrics = process_metrics()
answers = Answers([b"1"], ("x",), (1,) * 10, {"already_leaving": 1})
metrics.freshness(Freshness(date(2026, 11, 1), 1, False, 45))
for route in range(60):
    name = f"/v1/a-rather-long/route/{{with_a_parameter}}/{route}"
    metrics.scored(name, "7", answers)
    for status in (200, 302, 400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 500, 503, 999):
        metrics.request(name, status, 0.1)
for version in range(100):
    metrics.reloaded("live", str(version))
"""


def test_the_room_taken_at_the_start_is_enough_for_every_label(tmp_path: Path) -> None:
    """A mapped file that grows on a full disk ends the process with SIGBUS."""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", EVERY_LABEL], env=environment, cwd=ROOT, check=True)
    taken = {file.name.rpartition("_")[0]: file.stat() for file in tmp_path.iterdir()}
    assert {kind: status.st_size for kind, status in taken.items()} == ROOM
    assert all(status.st_blocks * 512 >= status.st_size for status in taken.values())


def test_where_the_disk_has_no_room_metrics_are_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = tmp_path / "full"
    full.mkdir()
    take = os.posix_fallocate

    def none_on_the_disk(out: int, offset: int, size: int) -> None:
        if os.fstat(out).st_dev == full.stat().st_dev and not list(full.parent.glob("elsewhere*")):
            raise OSError(28, "No space left on device")
        take(out, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", none_on_the_disk)
    monkeypatch.setattr("tempfile.mkdtemp", lambda **_: str((tmp_path / "elsewhere").mkdir() or tmp_path / "elsewhere"))
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(full)}
    prepare_folder(environment)
    assert environment == {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "elsewhere")}
    assert list(full.iterdir()) == [] and len(list((tmp_path / "elsewhere").iterdir())) == len(ROOM)
    assert take_room(tmp_path / "not there", 1) is False


def test_what_metrics_took_of_memory_is_given_back_at_an_orderly_end_and_nothing_else(tmp_path: Path) -> None:
    environment = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "not there")}
    prepare_folder(environment)
    made = Path(environment["PROMETHEUS_MULTIPROC_DIR"])
    assert len(list(made.iterdir())) == len(ROOM)
    give_memory_back(environment)
    give_memory_back({"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})
    give_memory_back({})
    assert not made.exists() and tmp_path.is_dir()


def test_metrics_show_one_version_of_the_model_once_another_has_replaced_it() -> None:
    text = (
        "\n".join(f'leap_model_info{{version="{v}"}} {float(v == 9)}' for v in range(10)) + "\nleap_lane_queued 0.0\n"
    )
    assert without_earlier_models(text) == 'leap_model_info{version="9"} 1.0\nleap_lane_queued 0.0\n'


def test_every_metric_is_described_in_full(registry: CollectorRegistry, metrics: PrometheusMetrics) -> None:
    metrics.freshness(Freshness(date(2026, 11, 1), 20, False, 45))
    made = {(family.name + "_total" if family.type == "counter" else family.name) for family in registry.collect()}
    assert made == set(DESCRIBED)
    rows = table().splitlines()[2:]
    assert len(rows) == len(DESCRIBED)
    for one in DESCRIBED.values():
        assert one.name.endswith("_total") == (one.kind == "counter")
        assert one.meaning.endswith(".")


def test_documents_name_metrics_that_there_are_and_show_the_table_as_it_is() -> None:
    known = set(DESCRIBED) | {f"leap_request_seconds_{part}" for part in ("bucket", "sum", "count")}
    endings = "_total|_seconds(?:_bucket|_sum|_count)?|_info|_stale|_problem|_in_flight|_queued"
    for document in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = document.read_text()
        assert set(re.findall(rf"\bleap_[a-z_]+(?:{endings})\b", text)) <= known, document.name
        assert "| metric | kind |" not in text or table() in text, document.name


def test_what_counts_nothing_takes_the_same_calls() -> None:
    """Every public method of the counting class stands in the silent one, with the same parameters."""
    for name in (name for name in vars(PrometheusMetrics) if not name.startswith("_")):
        silent, counting = getattr(Metrics, name), getattr(PrometheusMetrics, name)
        assert (
            silent.__code__.co_varnames[: silent.__code__.co_argcount]
            == (counting.__code__.co_varnames[: counting.__code__.co_argcount])
        )

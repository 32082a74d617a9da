"""What a service says of itself while it is asked all kinds of things: metrics, log and record of inputs, all bounded."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from leap.scoring.records import Records
from serving.app import ROUTES_BESIDE, create_app
from serving.guard import known_routes
from serving.live import LiveModel
from serving.metric_names import DESCRIBED
from tests.e2e.test_service import JSON, Process, start, stop

SECRET = "s3cr3t-hidden-value"
ROUNDS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("observed")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Process]:
    process = start(folder, LEAP_SAMPLE_SHARE="1", LEAP_INPUTS=str(folder / "inputs"), LEAP_LOG="")
    ask_all_kinds(process)
    yield process
    if process.popen.poll() is None:
        stop(process)


def ask_all_kinds(service: Process) -> None:
    """Good and bad requests with a secret wherever a client can put one."""
    bodies: list[Any] = [
        {"account_ids": ["a1", "a49", SECRET]},
        {"accounts": [{"account_id": "x", "features": {"seats_used_share": 0.5}}]},
        {"accounts": [{"account_id": "x", "features": {SECRET: SECRET}}]},
        {"accounts": [{"account_id": "x", "tables": {SECRET: [{SECRET: SECRET}]}}]},
        {"account_ids": [{SECRET: SECRET}]},
        {"account_ids": [f"faulty {SECRET}"]},
        [SECRET],
        SECRET,
    ]
    headers = {"Authorization": f"Bearer {SECRET}", "X-Request-ID": f"{SECRET} {SECRET}", "User-Agent": SECRET}
    for number in range(ROUNDS):
        for body in bodies:
            service.ask("POST", "/v1/score", json.dumps(body), {**JSON, **headers})
        service.ask(
            "POST", "/v1/prospects", json.dumps({"prospects": [{"id": "p1", "attributes": {"employees": 80}}]}), JSON
        )
        service.ask("POST", "/v1/score", f'{{"{SECRET}', JSON)
        service.ask("POST", "/v1/score", SECRET, {"Content-Type": SECRET})
        for path in (
            f"/v1/accounts/{SECRET}{number}",
            f"/{SECRET}{number}",
            f"/?q={SECRET}",
            f"/v1/icp?{SECRET}={number}",
        ):
            service.ask("GET", path, headers=headers)
        service.ask("GET", "/v1/accounts/a1")
        service.ask("DELETE", f"/{SECRET}%0a%7b%22level%22")
        service.ask("SECRET", "/v1/score")
    for sent in (f"GET /{SECRET} HTTP/9\r\n\r\n", f"{SECRET}\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", service.port)) as connection:
            connection.sendall(sent.encode())
            connection.recv(1000)


def shown(service: Process) -> str:
    return service.ask("GET", "/metrics").body.decode()


def test_metrics_are_those_that_are_described_and_their_labels_are_bounded(service: Process) -> None:
    text = shown(service)
    assert SECRET not in text
    ours = [family for family in text_string_to_metric_families(text) if family.name.startswith("leap_")]
    named = {family.name + "_total" if family.type == "counter" else family.name: family for family in ours}
    assert set(named) == set(DESCRIBED)
    app = create_app(LiveModel())
    routes = {route.template for route in [*known_routes(app), *ROUTES_BESIDE]} | {"none"}
    for name, family in named.items():
        assert family.type == DESCRIBED[name].kind
        assert family.documentation == DESCRIBED[name].meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(DESCRIBED[name].labels)
            assert sample.labels.get("route", "none") in routes
    assert set(re.findall(r'endpoint="([^"]*)"', text)) <= routes


def test_metrics_count_what_was_asked(service: Process) -> None:
    values = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(shown(service))
        for sample in family.samples
    }
    assert values["leap_requests_total", "/v1/score", "200"] == 2 * ROUNDS
    assert values["leap_requests_total", "/v1/score", "500"] == ROUNDS
    assert values["leap_requests_total", "/v1/accounts/{account_id}", "404"] == ROUNDS
    assert values["leap_request_seconds_count", "/v1/score", "2xx"] == 2 * ROUNDS
    assert values["leap_refused_total", "unknown_account"] == ROUNDS
    assert values["leap_refused_total", "internal"] == ROUNDS
    assert values["leap_scored_total", "/v1/score"] == 3 * ROUNDS
    assert values["leap_abstained_total", "already_leaving"] == ROUNDS
    assert values["leap_not_found_total", "/v1/score"] == ROUNDS
    assert sum(values["leap_scores_total", f"0.{n}-0.{n + 1}", "fit"] for n in range(9)) == ROUNDS
    assert values["leap_requests_in_flight",] == 1  # the one that asks
    assert values["leap_model_info", "7"] == 1
    assert values["leap_features_age_seconds",] >= 0


def test_the_record_holds_what_was_scored_and_the_log_only_that_it_was(service: Process, folder: Path) -> None:
    assert stop(service) == 0
    lines = [json.loads(line) for line in service.log.splitlines()]
    assert SECRET not in service.log and "seats_used_share" not in service.log
    events = Counter(line["event"] for line in lines)
    assert {"starting", "request", "request_failed", "stopping"} <= set(events)
    assert all({"time", "level", "event"} <= set(line) for line in lines)
    failed = next(line for line in lines if line["event"] == "request_failed")
    assert failed["error"] == "ValueError" and "in by_id" in failed["at"][-1]
    assert any(line["event"] == "request" and line["request_id"] == failed["request_id"] for line in lines)

    records = Records(folder / "inputs")
    kept = Counter((record["route"], record["account_id"], str(record["features"])) for record in records)
    assert kept == {
        ("/v1/score", "a1", "None"): ROUNDS,
        ("/v1/score", "a49", "None"): ROUNDS,
        ("/v1/score", "x", "{'seats_used_share': 0.5}"): ROUNDS,
        ("/v1/prospects", "p1", "{'employees': 80}"): ROUNDS,
        ("/v1/accounts/{account_id}", "a1", "None"): ROUNDS,
    }
    assert records.torn == 0
    assert SECRET not in "".join(file.read_text() for file in (folder / "inputs").iterdir())
    assert (folder / "inputs").stat().st_mode & 0o077 == 0

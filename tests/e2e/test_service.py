"""The service as a process of its own: BentoML, guard and application together, asked over a socket."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from leap.client import Client, ServiceError

CHECKOUT = Path(__file__).parents[2]
FAKE = "tests.serving.fake_service:FakeService"
JSON = {"Content-Type": "application/json"}


@dataclass
class Process:
    """A running service, and everything it has said."""

    popen: subprocess.Popen[bytes]
    port: int
    log_file: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def wait_until_ready(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not Client(self.url, timeout=5).ready()["ready"]:
            assert self.popen.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        document = json.loads(self.body)
        assert set(document) == {"error"} and set(document["error"]) == {"code", "message", "details"}
        return dict(document["error"])


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def start(folder: Path, service: str = FAKE, **environment: str) -> Process:
    """Start a service with its own home below `folder`; it may not find one in the user's."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log_file = free_port(), folder / "log"
    told = {"BENTOML_HOME": str(folder / "bentoml"), "HOME": str(folder / "home"), **environment}
    told["PYTHONPATH"] = os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)])
    with log_file.open("wb") as log:
        popen = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", service, "--port", str(port)],
            cwd=CHECKOUT,
            env={**os.environ, **told},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    process = Process(popen, port, log_file)
    try:
        process.wait_until_ready()
    except BaseException:
        popen.kill()
        raise
    return process


def stop(process: Process) -> int:
    process.popen.send_signal(signal.SIGTERM)
    try:
        return process.popen.wait(20)
    except subprocess.TimeoutExpired:
        process.popen.kill()
        raise


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = start(tmp_path_factory.mktemp("service"))
    yield process
    stop(process)


def test_the_client_reads_everything(service: Process) -> None:
    client = Client(service.url)
    assert client.ready()["model"]["version"] == "7"
    assert [score["account_id"] for score in client.score(["a1", "a2"])["scores"]] == ["a1", "a2"]
    assert client.account("a1", top=0)["account_id"] == "a1"
    assert client.prospects({"p1": {"employees": 80}})["scores"][0]["account_id"] == "p1"
    assert client.icp()["icps"] and client.model()["version"] == "7"
    with pytest.raises(ServiceError) as raised:
        client.account("nobody")
    assert (raised.value.status, raised.value.code) == (404, "unknown_account")


def test_bentoml_answers_health_and_metrics_and_nothing_else_of_its_own(service: Process) -> None:
    assert service.ask("GET", "/livez").status == 200
    assert b"leap_requests_total" in service.ask("GET", "/metrics").body
    assert json.loads(service.ask("GET", "/docs.json").body)["info"]["title"] == "Leap"
    assert b"googletagmanager" not in service.ask("GET", "/").body
    for path in ("/healthz", "/schema.json", "/static_content/main.js", "/docs", "/openapi.json"):
        assert service.ask("GET", path).error["code"] == "not_found"


def test_no_path_makes_a_metric_series_of_its_own(service: Process) -> None:
    for number in range(20):
        service.ask("GET", f"/v1/accounts/unknown-{number}")
        service.ask("GET", f"/nowhere-{number}")
        service.ask("GET", f"/static/nothing-{number}")
    metrics = service.ask("GET", "/metrics").body.decode()
    endpoints = set(re.findall(r'endpoint="([^"]*)"', metrics))
    assert not [endpoint for endpoint in endpoints if re.search(r"unknown|nowhere|nothing", endpoint)]


def test_a_large_body_is_refused_and_health_answers_meanwhile(service: Process) -> None:
    body = b"[" + b"1," * 6_000_000 + b"1]"
    refused: list[Answer] = []
    sending = threading.Thread(target=lambda: refused.append(service.ask("POST", "/v1/score", body, JSON)))
    sending.start()
    slowest = 0.0
    while sending.is_alive():
        began = time.perf_counter()
        assert service.ask("GET", "/livez").status == 200
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 2
    assert refused[0].status == 413 and refused[0].error["code"] == "too_large"


def test_a_body_in_chunks_is_counted(service: Process) -> None:
    """An iterator is sent in chunks, without a length."""
    answer = service.ask("POST", "/v1/score", iter([b" " * 65536] * 17), JSON)
    assert answer.status == 413 and answer.error["code"] == "too_large"


def test_no_value_of_a_request_reaches_the_log(service: Process) -> None:
    secret = "hidden-value"
    for body in (
        {"account_ids": [secret]},
        {"account_ids": [{secret: secret}]},
        {"accounts": [{"account_id": secret, "features": {secret: secret}}]},
        {"account_ids": [f"faulty {secret}"]},
        [secret],
    ):
        service.ask("POST", "/v1/score", json.dumps(body), JSON)
    assert service.ask("POST", "/v1/score", json.dumps({"account_ids": ["faulty"]}), JSON).error["code"] == "internal"
    service.ask("POST", "/v1/score", f'{{"{secret}'.encode(), JSON)
    service.ask("GET", f"/v1/accounts/{secret}")
    service.ask("GET", f"/?q={secret}")
    deadline = time.monotonic() + 10
    while '"error": "ValueError"' not in service.log:  # the log has a thread of its own
        assert time.monotonic() < deadline, service.log
        time.sleep(0.05)
    assert secret not in service.log


def test_small_requests_do_not_wait_for_large_ones_and_two_large_ones_are_worked_on_at_once(service: Process) -> None:
    """BentoML's own default is one at a time."""
    large = ["slow", *(f"a{number}" for number in range(1, 100))]
    began = time.perf_counter()
    asking = [threading.Thread(target=lambda: Client(service.url).score(large)) for _ in range(4)]
    for one in asking:
        one.start()
    time.sleep(0.3)
    assert Client(service.url).score(["a1"])["scores"]
    assert time.perf_counter() - began < 1.5
    for one in asking:
        one.join()
    assert time.perf_counter() - began < 4 * 1.5


def test_nothing_is_written_in_the_users_home(service: Process) -> None:
    assert not (service.log_file.parent / "home").exists()


def test_only_this_machine_is_listened_to(service: Process) -> None:
    other = "127.0.0.2"
    with socket.socket() as trial, pytest.raises(OSError):
        trial.settimeout(2)
        trial.connect((other, service.port))


def test_what_is_under_way_is_answered_before_the_service_ends(tmp_path: Path) -> None:
    process = start(tmp_path)
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(Client(process.url).score(["slow", "a1"])))
    asking.start()
    time.sleep(0.5)
    assert stop(process) == 0
    asking.join()
    assert answers[0]["scores"][0]["account_id"] == "a1"


def test_a_token_is_asked_for_by_the_whole_service(tmp_path: Path) -> None:
    process = start(tmp_path, LEAP_TOKEN="sesame")
    try:
        assert process.ask("GET", "/livez").status == 200
        for path in ("/metrics", "/docs.json", "/", "/v1/icp", "/static/leap.css"):
            assert process.ask("GET", path).error["code"] == "unauthorized"
            assert process.ask("GET", path, headers={"Authorization": "Bearer sesame"}).status == 200
        assert Client(process.url, token="sesame").model()["version"] == "7"
        assert "sesame" not in process.log
    finally:
        stop(process)


# ------------------------------------------------------------------ leap serve


def leap_serve(*arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    told = {"PYTHONPATH": os.pathsep.join([str(CHECKOUT / "src"), str(CHECKOUT)]), **environment}
    done = subprocess.run(
        [sys.executable, "-m", "training", "serve", *arguments, "--json"],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "leap.toml").write_text('[company]\nname = "Nordlicht"\n')
    return folder


def test_serve_refuses_other_machines_without_a_token(workspace: Path, tmp_path: Path) -> None:
    code, document = leap_serve(str(workspace), "--store", str(tmp_path / "store"), "--host", "0.0.0.0")  # noqa: S104
    assert code == 2 and document["error"]["code"] == "usage"
    assert "LEAP_TOKEN" in document["error"]["message"]


def test_serve_refuses_a_token_file_without_a_token(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    code, document = leap_serve(str(workspace), LEAP_TOKEN_FILE=str(tmp_path / "token"))
    assert code == 2 and "expected a file with a token" in document["error"]["message"]


def test_serve_without_a_champion_says_what_to_do(workspace: Path, tmp_path: Path) -> None:
    code, document = leap_serve(str(workspace), "--store", str(tmp_path / "store"))
    assert code == 1 and document["error"]["code"] == "no_model"
    assert "leap train" in document["error"]["message"]


def test_serve_refuses_a_folder_without_settings_and_a_name_for_an_address(workspace: Path, tmp_path: Path) -> None:
    code, document = leap_serve(str(tmp_path))
    assert code == 2 and document["error"]["code"] == "settings"
    code, document = leap_serve(str(workspace), "--host", "example.org")
    assert code == 2 and "expected an IP address" in document["error"]["message"]

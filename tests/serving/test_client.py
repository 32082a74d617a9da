"""The HTTP client: what it sends, what it makes of errors, and when it asks again."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from leap.client import Client, ServiceError

Answer = tuple[int, dict[str, str], Any]


class Script:
    """A server that gives the next of its answers and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, str | None, Any]] = []

    def next(self, method: str, path: str, authorization: str | None, body: bytes) -> Answer:
        self.asked.append((method, path, authorization, json.loads(body) if body else None))
        return self.answers.pop(0)


@pytest.fixture
def script() -> Iterator[tuple[Script, str]]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, document = script.next(self.command, self.path, self.headers.get("Authorization"), body)
            payload = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(payload))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield script, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_each_method_asks_its_route(script: tuple[Script, str]) -> None:
    server, url = script
    client = Client(url, token="sesame")
    server.answers = [(200, {}, {"ok": number}) for number in range(7)]
    client.score(["a1"], top=0)
    client.score_accounts([{"account_id": "x", "features": {"employees": 3}}], as_of="2026-10-01")
    client.prospects({"p1": {"employees": 80}})
    client.account("a/1")
    client.icp()
    client.model()
    client.ready()
    assert server.asked == [
        ("POST", "/v1/score", "Bearer sesame", {"account_ids": ["a1"], "top": 0}),
        ("POST", "/v1/score", "Bearer sesame", {
            "accounts": [{"account_id": "x", "features": {"employees": 3}}], "top": 5, "as_of": "2026-10-01",
        }),
        ("POST", "/v1/prospects", "Bearer sesame", {
            "prospects": [{"id": "p1", "attributes": {"employees": 80}}], "top": 5,
        }),
        ("GET", "/v1/accounts/a%2F1?top=5", "Bearer sesame", None),
        ("GET", "/v1/icp", "Bearer sesame", None),
        ("GET", "/v1/model", "Bearer sesame", None),
        ("GET", "/readyz", "Bearer sesame", None),
    ]  # fmt: skip


def test_an_error_is_raised_with_its_parts(script: tuple[Script, str]) -> None:
    server, url = script
    server.answers = [
        (404, {}, {"error": {"code": "unknown_account", "message": "No such account.", "details": ["x"]}})
    ]
    with pytest.raises(ServiceError, match="No such account") as raised:
        Client(url).account("x")
    assert (raised.value.status, raised.value.code, raised.value.details) == (404, "unknown_account", ("x",))


def test_an_answer_that_is_not_ours_is_an_error_too(script: tuple[Script, str]) -> None:
    server, url = script
    server.answers = [(502, {}, b"<html>proxy</html>")]
    with pytest.raises(ServiceError) as raised:
        Client(url).icp()
    assert (raised.value.status, raised.value.code) == (502, "unknown")


def test_busy_is_asked_again_as_the_service_says_and_not_for_ever(script: tuple[Script, str]) -> None:
    server, url = script
    busy: Answer = (
        429,
        {"Retry-After": "0"},
        {"error": {"code": "too_many_requests", "message": "busy", "details": []}},
    )
    server.answers = [busy, busy, (200, {}, {"scores": []})]
    assert Client(url).score(["a1"]) == {"scores": []}
    server.answers = [busy, busy, busy]
    with pytest.raises(ServiceError, match="busy"):
        Client(url).score(["a1"])
    assert server.answers == []


def test_ready_tells_of_a_service_that_is_not_there_or_not_ready(script: tuple[Script, str]) -> None:
    server, url = script
    server.answers = [(503, {}, {"ready": False, "problem": "no_model"})]
    assert Client(url).ready() == {"ready": False, "problem": "no_model"}
    assert Client("http://127.0.0.1:9", timeout=1).ready()["ready"] is False


def test_a_number_that_is_none_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Client("http://127.0.0.1:9").prospects({"p": {"employees": float("nan")}})

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
        self.answers: list[Answer | None] = []
        self.asked: list[tuple[str, str, str | None, Any]] = []
        self.connections = 0

    def next(self, method: str, path: str, authorization: str | None, body: bytes) -> Answer | None:
        self.asked.append((method, path, authorization, json.loads(body) if body else None))
        return self.answers.pop(0)


@pytest.fixture
def script() -> Iterator[tuple[Script, str]]:
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            script.connections += 1

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = script.next(self.command, self.path, self.headers.get("Authorization"), body)
            if answer is None:  # as a service that ends: no word, and no connection any more
                self.close_connection = True
                return
            status, headers, document = answer
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
    server.answers = [(200, {}, {"ok": number}) for number in range(12)]
    client.score(["a1"], top=0)
    client.score_accounts([{"account_id": "x", "features": {"employees": 3}}], as_of="2026-10-01")
    client.prospects({"p1": {"employees": 80}})
    client.account("a/1")
    client.icp()
    client.model()
    client.ready()
    client.icp_diff()
    client.icp_diff("1", "3")
    client.kpis()
    client.target_list(budget=5000.0, limit=20, segment="Büro & mehr")
    client.openapi()
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
        ("GET", "/v1/icp/diff", "Bearer sesame", None),
        ("GET", "/v1/icp/diff?from=1&to=3", "Bearer sesame", None),
        ("GET", "/v1/kpis", "Bearer sesame", None),
        ("GET", "/v1/target-list?budget=5000.0&segment=B%C3%BCro+%26+mehr&limit=20", "Bearer sesame", None),
        ("GET", "/docs.json", "Bearer sesame", None),
    ]  # fmt: skip
    assert server.connections == 1


def test_an_address_may_lie_below_a_path(script: tuple[Script, str]) -> None:
    server, url = script
    server.answers = [(200, {}, {"ok": 1})]
    Client(f"{url}/leap/").icp()
    assert server.asked[0][1] == "/leap/v1/icp"


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


def test_a_connection_that_the_service_has_closed_is_opened_anew_at_once(
    script: tuple[Script, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = script
    monkeypatch.setattr("leap.client.time.sleep", lambda seconds: pytest.fail("waited"))
    server.answers = [(200, {"Connection": "close"}, {"ok": 1}), (200, {}, {"ok": 2}), None, (200, {}, {"ok": 3})]
    with Client(url) as client:
        assert [client.icp()["ok"] for _ in range(3)] == [1, 2, 3]
    assert server.connections == 3


def test_waits_are_as_long_as_the_service_says_and_differ(
    script: tuple[Script, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = script
    waits: list[float] = []
    monkeypatch.setattr("leap.client.time.sleep", waits.append)
    busy = (503, {"Retry-After": "4"}, {"error": {"code": "unavailable", "message": "busy", "details": []}})
    server.answers = [busy] * 40 + [(200, {}, {"ok": 1})]
    Client(url, retries=40).icp()
    assert len(waits) == 40 and len(set(waits)) > 30 and all(4 <= wait <= 5 for wait in waits)


def test_a_service_that_is_not_there_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("leap.client.time.sleep", waits.append)
    with pytest.raises(ServiceError, match="cannot be reached") as raised:
        Client("http://127.0.0.1:9", timeout=1).icp()
    assert (raised.value.status, raised.value.code) == (0, "unreachable")
    assert len(waits) == 2 and waits[0] <= 0.5 < waits[1] <= 1


def test_a_thread_has_a_connection_of_its_own(script: tuple[Script, str]) -> None:
    server, url = script
    server.answers = [(200, {}, {"ok": 1})] * 20
    client = Client(url)
    threads = [threading.Thread(target=lambda: [client.icp() for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.connections == 4 and not server.answers


def test_many_accounts_go_in_requests_that_are_not_too_large(script: tuple[Script, str]) -> None:
    """No request holds more than 1,000 accounts, 1 MiB or 10,000 rows, and nothing is lost or turned round."""
    server, url = script
    wide = [{"account_id": f"w{i}", "features": {"words": "é" * 60_000}} for i in range(7)]
    deep = [{"account_id": f"d{i}", "tables": {"usage": [{"day": "2026-01-01"}] * 4_000}} for i in range(5)]
    accounts = [*(f"a{i}" for i in range(2_500)), *wide, *deep, "last"]
    server.answers = [(200, {}, {"scores": []})] * 20
    found = list(Client(url).score_many(iter(accounts), top=0, as_of="2026-10-01"))
    bodies = [body for _, _, _, body in server.asked]
    assert len(found) == len(bodies) == 3 + 3 + 3 + 1
    assert all((body["top"], body["as_of"]) == (0, "2026-10-01") for body in bodies)
    sent = [one for body in bodies for one in body.get("account_ids", body.get("accounts"))]
    assert sent == accounts
    for body in bodies:
        assert len(json.dumps(body)) <= 1024 * 1024
        rows = sum(len(rows) for one in body.get("accounts", ()) for rows in one.get("tables", {}).values())
        assert rows <= 10_000


def test_ready_tells_of_a_service_that_is_not_there_or_not_ready(script: tuple[Script, str]) -> None:
    server, url = script
    server.answers = [(503, {}, {"ready": False, "problem": "no_model"})]
    assert Client(url).ready() == {"ready": False, "problem": "no_model"}
    assert Client("http://127.0.0.1:9", timeout=1).ready()["ready"] is False


def test_a_number_that_is_none_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        Client("http://127.0.0.1:9").prospects({"p": {"employees": float("nan")}})

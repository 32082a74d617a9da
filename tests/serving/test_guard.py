"""Who may ask, in which form, how much; and one form for every refusal."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from serving.access import Tokens
from serving.answer import SECURITY_HEADERS
from serving.guard import Guard, KnownRoute
from serving.live import LiveModel
from tests.serving.conftest import TestClient, ask, guarded

JSON = {"Content-Type": "application/json"}
TOKEN = {"LEAP_TOKEN": "sesame"}


def assert_error(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"] and isinstance(error["details"], list)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-security-policy"] == SECURITY_HEADERS["Content-Security-Policy"]
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/", "/v1/score", "/v1/icp", "/metrics", "/docs.json", "/accounts/a1", "/nowhere"])
@pytest.mark.parametrize("header", [None, "Bearer simsim", "Bearer", "sesame", "Basic c2VzYW1l", "Bearer s\xe9same"])
def test_without_the_token_everything_is_401(live: LiveModel, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    assert_error(ask(live, TOKEN).get(path, headers=headers), 401, "unauthorized")


def test_health_needs_no_token_but_keeps_the_reason_of_a_problem_back(live: LiveModel) -> None:
    from serving.live import Problem

    live.problem = Problem("bundle", "models/churn.txt: checksum differs")
    client = ask(live, TOKEN)
    assert client.get("/readyz").json()["problem"] == "bundle"
    told = client.get("/readyz", headers={"Authorization": "Bearer sesame"}).json()
    assert told["problem"] == "models/churn.txt: checksum differs"
    assert told["stale"] is True and told["ready"] is True


def test_what_is_wrong_inside_is_told_to_admin_alone_on_pages_and_in_errors_too(live: LiveModel) -> None:
    from serving.live import Problem

    tokens = {"LEAP_TOKEN": "sesame, simsim read score"}
    for holder, pages in ((live, ("/", "/drivers")), (LiveModel(), ("/", "/accounts/a1", "/v1/model"))):
        holder.problem = Problem("table", "/srv/acme/accounts.csv: found 'Jane Doe'.")
        client = ask(holder, tokens)
        for page in pages:
            told = client.get(page, headers={"Authorization": "Bearer simsim"}).text
            assert "acme" not in told and "Jane" not in told and "`table`" in told
            assert "acme" in client.get(page, headers={"Authorization": "Bearer sesame"}).text


def test_the_token_opens_as_bearer_and_as_a_browsers_password(live: LiveModel) -> None:
    client = ask(live, TOKEN, peer="203.0.113.9")
    assert client.get("/v1/icp", headers={"Authorization": "Bearer sesame"}).status_code == 200
    basic = base64.b64encode(b"anyone:sesame").decode()
    assert client.get("/", headers={"Authorization": f"Basic {basic}"}).status_code == 200
    assert client.get("/").headers["www-authenticate"].startswith("Basic")
    assert client.get("/v1/icp").headers["www-authenticate"].startswith("Bearer")


def test_a_token_file_may_hold_an_old_and_a_new_token_and_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old\n")
    tokens = Tokens({"LEAP_TOKEN_FILE": str(file)})
    assert tokens.scopes_of("old") and not tokens.scopes_of("new")
    file.write_text("old\nnew-one\n")
    assert tokens.scopes_of("old") and tokens.scopes_of("new-one")
    file.unlink()
    assert tokens.required and not tokens.scopes_of("old") and not tokens.scopes_of("")


def test_a_token_file_of_windows_counts_from_its_first_letter(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_bytes(b"\xef\xbb\xbfsesame\r\nsimsim\r\n")
    tokens = Tokens({"LEAP_TOKEN_FILE": str(file)})
    assert tokens.scopes_of("sesame") and tokens.scopes_of("simsim")


def test_a_token_file_that_would_hold_up_the_service_lets_nobody_in_until_it_is_a_small_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    tokens = Tokens({"LEAP_TOKEN_FILE": str(file)})
    os.mkfifo(file)  # reading it would wait without end
    assert not tokens.scopes_of("sesame")
    file.unlink()
    file.write_text("sesame\n" * 10_000)
    assert not tokens.scopes_of("sesame")
    file.write_text("sesame\n" * 1000)
    assert tokens.scopes_of("sesame")


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_token_file_lets_nobody_in(live: LiveModel, tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    client = ask(live, {"LEAP_TOKEN_FILE": str(file)})
    assert_error(client.get("/v1/icp", headers={"Authorization": "Bearer "}), 401, "unauthorized")


@pytest.mark.parametrize(
    ("peer", "host"), [("203.0.113.9", "localhost"), ("127.0.0.1", "evil.example"), ("::2", "[::1]")]
)
def test_without_a_token_set_only_this_machine_is_answered(live: LiveModel, peer: str, host: str) -> None:
    client = ask(live, peer=peer)
    assert_error(client.get("/v1/icp", headers={"Host": host}), 401, "unauthorized")
    assert client.get("/readyz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/healthz", 404, "not_found"),
        ("GET", "/schema.json", 404, "not_found"),
        ("GET", "/v1/score/", 404, "not_found"),
        ("GET", "/static/../app.py", 404, "not_found"),
        ("GET", "/static/other.css", 404, "not_found"),
        ("GET", "/v1/score", 405, "method_not_allowed"),
        ("DELETE", "/v1/accounts/a1", 405, "method_not_allowed"),
        ("POST", "/", 405, "method_not_allowed"),
    ],
)
def test_unknown_addresses_and_methods_have_the_one_form(
    client: Any, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)
    assert_error(answer, status, code)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/vnd.bentoml+pickle"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_anything_but_json_is_415(client: Any, headers: dict[str, str]) -> None:
    assert_error(client.post("/v1/score", content=b'{"account_ids": ["a1"]}', headers=headers), 415, "not_json")


def test_json_with_its_charset_named_is_read(client: Any) -> None:
    headers = {"Content-Type": 'Application/JSON; charset="UTF-8"'}
    assert client.post("/v1/score", content=b'{"account_ids": ["a1"]}', headers=headers).status_code == 200


def test_a_body_that_says_it_is_too_large_is_refused_unread(live: LiveModel) -> None:
    assert_error(ask(live, max_body_bytes=100).post("/v1/score", content=b"x" * 101, headers=JSON), 413, "too_large")


def test_a_body_that_does_not_say_is_counted_while_it_comes(live: LiveModel) -> None:
    answer = ask(live, max_body_bytes=200).post("/v1/score", content=iter([b" " * 50] * 5), headers=JSON)
    assert_error(answer, 413, "too_large")


def test_of_a_body_without_end_no_more_is_read_than_the_limits(live: LiveModel) -> None:
    chunks = 0

    async def receive() -> Message:
        nonlocal chunks
        chunks += 1
        return {"type": "http.request", "body": b" " * 50, "more_body": True}

    app = guarded(live, max_body_bytes=200, max_discarded_bytes=1000)
    sent = run_once(app, receive, [(b"content-type", b"application/json")])
    assert sent[0]["status"] == 413
    assert (b"connection", b"close") in sent[0]["headers"]
    assert 50 * chunks < 200 + 1000 + 3 * 50


def test_a_body_that_never_comes_is_given_up_and_not_waited_for_again(live: LiveModel) -> None:
    waits = 0

    async def receive() -> Message:
        nonlocal waits
        waits += 1
        await asyncio.sleep(60)
        raise AssertionError

    sent = run_once(guarded(live, body_seconds=0.02), receive, [(b"content-type", b"application/json")])
    assert sent[0]["status"] == 408 and waits == 1
    assert (b"connection", b"close") in sent[0]["headers"]


@pytest.mark.parametrize(("body", "status"), [(b"", 400), (b" " * 201, 413)], ids=["empty", "too large by its end"])
def test_a_body_that_has_come_whole_is_refused_at_once(live: LiveModel, body: bytes, status: int) -> None:
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if not messages:
            await asyncio.sleep(60)  # as the server does until the client goes away
        return messages.pop()

    app = guarded(live, max_body_bytes=200, body_seconds=0.02)
    sent = run_once(app, receive, [(b"content-type", b"application/json")])
    assert sent[0]["status"] == status
    assert (b"connection", b"close") not in sent[0]["headers"]  # as it would be, had more been waited for


def run_once(app: Any, receive: Receive, headers: list[tuple[bytes, bytes]]) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http", "method": "POST", "path": "/v1/score", "query_string": b"", "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"localhost"), *headers],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent


def route(app: Any = None) -> list[KnownRoute]:
    return [KnownRoute("/x/{name}", re.compile("^/x/(.*)$"), frozenset({"GET", "POST"}), app)]


def answer_of(guard: Guard, path: str = "/x/y") -> Any:
    client = TestClient(guard, base_url="http://localhost", client=("127.0.0.1", 1), raise_server_exceptions=False)
    return client.get(path)


@pytest.mark.parametrize(
    ("status", "becomes", "code"),
    [(429, 429, "too_many_requests"), (503, 503, "unavailable"), (504, 503, "unavailable"), (500, 500, "internal")],
)
def test_what_a_layer_between_refuses_is_put_into_our_form(status: int, becomes: int, code: str) -> None:
    answer = answer_of(Guard(JSONResponse([{"error": "nope"}], status_code=status), routes=route()))
    assert_error(answer, becomes, code)
    assert ("retry-after" in answer.headers) == (becomes in (429, 503))


VALUE = "hidden-value"


async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError(f"account {VALUE} is odd")


@pytest.mark.parametrize(
    "guard", [Guard(faulty, routes=route()), Guard(faulty, routes=route(faulty))], ids=["of BentoML", "ours"]
)
def test_a_fault_is_a_500_and_the_log_says_where_but_not_what(guard: Guard, caplog: pytest.LogCaptureFixture) -> None:
    answer = answer_of(guard)
    assert_error(answer, 500, "internal")
    assert answer.headers["x-request-id"] in answer.json()["error"]["message"]
    assert "RuntimeError" in caplog.text and "faulty" in caplog.text
    assert VALUE not in caplog.text + answer.text


def test_bentoml_sees_the_template_of_a_path_and_what_is_not_known_not_at_all() -> None:
    seen = []

    async def bentoml(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])
        await JSONResponse({})(scope, receive, send)

    guard = Guard(bentoml, routes=route())
    assert answer_of(guard, "/x/a7").status_code == 200
    assert answer_of(guard, "/nowhere/at/all").status_code == 404
    assert seen == ["/x/{name}"]


def test_head_is_answered_where_get_is(client: Any) -> None:
    for path in ("/", "/v1/icp", "/readyz"):
        assert client.head(path).status_code == 200
    assert client.head("/v1/score").status_code == 405


def test_a_request_id_is_kept_if_it_is_plain(client: Any) -> None:
    assert client.get("/livez", headers={"X-Request-ID": "job-17.a"}).headers["x-request-id"] == "job-17.a"
    odd = client.get("/nowhere", headers={"X-Request-ID": "a b\tc"}).headers["x-request-id"]
    assert odd != "a b\tc" and len(odd) == 16


def test_a_token_with_scopes_opens_what_they_are_for(live: LiveModel) -> None:
    client = ask(live, {"LEAP_TOKEN": "scorer score, reader read, both score read, boss admin, odd everything"})
    ids = {"account_ids": ["a1"]}

    def statuses(token: str) -> list[int]:
        told = {"Authorization": f"Bearer {token}"}
        asked = [
            client.get(path, headers=told) for path in ("/v1/icp", "/", "/metrics", "/v1/accounts/a1", "/docs.json")
        ]
        return [client.post("/v1/score", json=ids, headers=told).status_code, *(one.status_code for one in asked)]

    assert statuses("scorer") == [200, 403, 403, 403, 200, 200]
    assert statuses("reader") == [403, 200, 200, 200, 200, 200]
    assert statuses("both") == statuses("boss") == [200] * 6
    assert statuses("odd") == statuses("everything") == [401] * 6
    assert_error(client.get("/v1/icp", headers={"Authorization": "Bearer scorer"}), 403, "forbidden")


def test_a_scope_is_no_token_and_comments_are_none() -> None:
    tokens = Tokens({"LEAP_TOKEN": "# first\nsesame read\n#simsim\n"})
    assert sorted(tokens.scopes_of("sesame")) == ["read"]
    assert not any(tokens.scopes_of(one) for one in ("read", "#simsim", "simsim", "first", "#", ""))


def test_a_token_that_is_set_to_nothing_readable_closes_rather_than_opens() -> None:
    tokens = Tokens({"LEAP_TOKEN": ","})
    assert tokens.required and not tokens.scopes_of("") and not tokens.scopes_of(",")


def test_more_requests_than_are_taken_at_once_are_told_to_come_again_and_health_is_not(live: LiveModel) -> None:
    guard = guarded(live, max_at_once=2, hold_seconds=0.01)
    client = TestClient(guard, base_url="http://localhost", client=("127.0.0.1", 1))
    guard.under_way = 2
    answer = client.post("/v1/score", json={"account_ids": ["a1"]})
    assert_error(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) > 0
    assert [client.get(path).status_code for path in ("/livez", "/readyz", "/metrics")] == [200, 200, 200]
    guard.under_way = 0
    assert client.post("/v1/score", json={"account_ids": ["a1"]}).status_code == 200
    client.post("/v1/score", json={})
    client.get("/nowhere")
    assert guard.under_way == 0


def test_endless_addresses_and_headers_are_refused(client: Any) -> None:
    assert_error(client.get("/v1/icp?" + "q=" + "x" * 9000), 414, "uri_too_long")
    assert_error(client.get("/v1/icp", headers={"X-Long": "x" * 40_000}), 431, "headers_too_large")


@pytest.mark.parametrize(
    ("query", "where"),
    [("?top=five", "query.top"), ("?top=-1", "query.top"), ("?tpo=3", "query.tpo"), ("?top=", "query.top")],
)
def test_parameters_that_do_not_fit_are_named(client: Any, query: str, where: str) -> None:
    answer = client.get(f"/v1/accounts/a1{query}")
    assert_error(answer, 422, "invalid")
    assert answer.json()["error"]["details"][0]["where"] == where


@pytest.mark.parametrize("query", ["?top=1&top=2", "?top", "?%ff=1", "?" + "&".join(f"a{i}=1" for i in range(30))])
def test_parameters_that_cannot_be_read_are_refused(client: Any, query: str) -> None:
    assert_error(client.get(f"/v1/accounts/a1{query}"), 422, "invalid")
    assert_error(client.get("/v1/icp?x=1"), 422, "invalid")


@pytest.mark.parametrize(
    "body",
    [
        b'{"account_ids": ["a1"], "account_ids": ["a2"]}',
        b'{"accounts": [{"account_id": "x", "features": {"s": 1, "s": 2}}]}',
    ],
)
def test_a_key_that_is_named_twice_is_refused_rather_than_one_of_its_values_dropped(client: Any, body: bytes) -> None:
    answer = client.post("/v1/score", content=body, headers=JSON)
    assert_error(answer, 400, "malformed")
    assert "names a key twice" in answer.json()["error"]["message"]


@pytest.mark.parametrize("value", [True, "3", 3.5, None, 1e300])
def test_how_many_reasons_is_a_number_and_nothing_that_can_be_made_one(client: Any, value: object) -> None:
    assert_error(client.post("/v1/score", json={"account_ids": ["a1"], "top": value}), 422, "invalid")


@pytest.mark.parametrize("value", [1793750400, "2026-11-01T00:00:00", "20261101", 20261101.0, ""])
def test_a_day_is_a_day_and_no_moment_or_number(client: Any, value: object) -> None:
    assert_error(client.post("/v1/score", json={"account_ids": ["a1"], "as_of": value}), 422, "invalid")


def test_who_finds_no_place_waits_a_moment_for_one(live: LiveModel) -> None:
    guard = guarded(live, max_at_once=1, hold_seconds=0.2)
    client = TestClient(guard, base_url="http://localhost", client=("127.0.0.1", 1))
    guard.under_way = 1
    threading.Timer(0.05, lambda: setattr(guard, "under_way", 0)).start()
    assert client.post("/v1/score", json={"account_ids": ["a1"]}).status_code == 200
    assert (guard.held, guard.under_way) == (0, 0)


def test_more_than_may_wait_are_refused_at_once(live: LiveModel) -> None:
    guard = guarded(live, max_at_once=1, hold_seconds=60)
    guard.under_way, guard.held = 1, 10_000
    answer = TestClient(guard, base_url="http://localhost", client=("127.0.0.1", 1)).get("/v1/icp")
    assert_error(answer, 429, "too_many_requests")
    assert answer.headers["connection"] == "close"

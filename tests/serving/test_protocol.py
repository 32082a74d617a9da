"""Connections of clients that never end, never begin or never read: over real sockets, with a small application."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send

from serving import protocol
from serving.answer import SECURITY_HEADERS
from serving.direct import PIECE_BYTES, send_in_pieces
from serving.protocol import BoundedProtocol, bound_connections

LARGE = b"x" * (16 * 1024 * 1024)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with how long the body was; `/large` with much, `/pieces` as our routes do it; `/slow` after a while."""
    if scope["type"] != "http":
        return
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    if scope["path"] == "/slow":
        await asyncio.sleep(0.5)
    body = LARGE if scope["path"] in ("/large", "/pieces") else str(size).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    if scope["path"] == "/pieces":
        await send_in_pieces(body, send)
    else:
        await send({"type": "http.response.body", "body": body})


@contextmanager
def running() -> Iterator[tuple[uvicorn.Server, int]]:
    config = uvicorn.Config(application, port=0, log_config=None, http=BoundedProtocol, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(protocol, "READING_SECONDS", 0.3)
    with running() as (_, port):
        yield port


def connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.settimeout(10)
    return connection


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    found = b""
    try:
        while part := connection.recv(1 << 20):
            found += part
    except ConnectionError:
        pass
    return found


def refusal(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head and b"connection: close" in head
    return int(head.split()[1]), json.loads(body)["error"]["code"]


def sent_until_closed(connection: socket.socket, first: bytes, part: bytes, most: int) -> int:
    """How much the other side takes of something without end."""
    sent = 0
    try:
        connection.sendall(first)
        while sent < most:
            connection.sendall(part)
            sent += len(part)
    except OSError:
        pass
    return sent


def test_uvicorn_uses_it_where_nothing_else_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import uvicorn.protocols.http.auto as auto

    monkeypatch.setattr(auto, "AutoHTTPProtocol", auto.AutoHTTPProtocol)
    bound_connections()
    config = uvicorn.Config(application, log_config=None)
    config.load()
    assert config.http_protocol_class is BoundedProtocol


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\nhost: x\r\na: ", b"GET /", b"GET / HTTP/1.1\r\nhost: x\r\n" + b"b: c\r\n" * 1000 + b"d: "],
    ids=["value", "address", "many"],
)
def test_headers_without_an_end_are_cut_off(port: int, first: bytes) -> None:
    with connected(port) as connection:
        sent = sent_until_closed(connection, first, b"a" * 65536, 100_000_000)
        assert sent < 20_000_000  # what lies in the buffers of two sockets


def test_headers_that_are_too_long_get_an_answer_in_our_form(port: int) -> None:
    with connected(port) as connection:
        for _ in range(3):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\na: " if not _ else b"a" * 40_000)
            time.sleep(0.05)
        assert refusal(everything(connection)) == (431, "headers_too_large")


def test_what_is_refused_before_there_is_a_request_has_the_headers_of_all_answers(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"no HTTP at all\r\n\r\n")
        head = everything(connection).partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    given = dict(line.split(": ", 1) for line in head)
    assert {name.lower(): value for name, value in SECURITY_HEADERS.items()}.items() <= given.items()
    assert (given["cache-control"], given["connection"]) == ("no-store", "close")


def test_headers_that_dribble_and_a_client_that_says_nothing_are_let_go(port: int) -> None:
    with connected(port) as silent, connected(port) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n")
        assert refusal(everything(slow)) == (408, "request_timeout")
        assert everything(silent) == b""


def test_a_second_request_has_as_long_as_the_first(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200 OK" in connection.recv(1 << 16)
        connection.sendall(b"GET / HTTP/1.1\r\nho")
        assert refusal(everything(connection)) == (408, "request_timeout")


def test_an_answer_that_nobody_reads_is_given_up(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(1.0)
        assert len(everything(connection)) < len(LARGE)


def test_a_client_that_reads_slowly_but_reads_gets_all_of_a_large_answer(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /pieces HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        found = 0
        while part := connection.recv(1 << 18, socket.MSG_WAITALL):
            found += len(part)
            time.sleep(0.02)
    assert found > len(LARGE)


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES])
def test_pieces_make_up_the_answer(size: int) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(send_in_pieces(content := bytes(size), send))
    assert b"".join(one["body"] for one in sent) == content
    assert [one.get("more_body", False) for one in sent] == [True] * (len(sent) - 1) + [False]
    assert max(len(one["body"]) for one in sent) <= PIECE_BYTES


def test_a_client_that_leaves_while_its_requests_follow_each_other_is_no_fault_of_ours(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" * 3)
        time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # broken off, not ended
    time.sleep(0.8)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_what_is_no_http_is_told_in_our_form(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"hello there\r\n\r\n")
        assert refusal(everything(connection)) == (400, "malformed")


@pytest.mark.parametrize(
    "rest", [b"transfer-encoding: chunked\r\n\r\nzz\r\n", b"content-length: 1\r\n\r\na" + b"more than it said\r\n\r\n"]
)
def test_a_body_that_breaks_its_own_framing_is_told_once_in_our_form(port: int, rest: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /slow HTTP/1.1\r\nhost: x\r\n" + rest)
        answer = everything(connection)
    assert refusal(answer) == (400, "malformed") and answer.count(b"HTTP/1.1") == 1


def test_nothing_is_put_into_an_answer_that_is_owed_to_an_earlier_request(port: int) -> None:
    one = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n"
    with connected(port) as connection:
        connection.sendall(one + one + b"hello there\r\n\r\n")
        assert everything(connection) == b""


def test_trailers_without_an_end_are_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_FRAMING_BYTES", 1_000_000)
    first = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nt: "
    with connected(port) as connection:
        assert sent_until_closed(connection, first, b"a" * 65536, 100_000_000) < 20_000_000


def test_large_bodies_and_requests_that_follow_each_other_at_once_are_answered(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n" + b"b" * 3_000_000
    many = b"GET / HTTP/1.1\r\nhost: x\r\na: " + b"a" * 1000 + b"\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    with connected(port) as connection:
        sending = threading.Thread(target=connection.sendall, args=(one + many * 300 + last,))
        sending.start()
        answer = everything(connection)
        sending.join()
    assert answer.count(b"200 OK") == 302 and b"3000000" in answer


def test_an_upgrade_is_answered_as_a_request(port: int) -> None:
    asked = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: a\r\n\r\n"
    with connected(port) as connection:
        connection.sendall(asked)
        assert b"200 OK" in connection.recv(1 << 16)


def test_a_client_that_does_not_read_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "GRACE_SECONDS", 1)
    with running() as (server, port), connected(port) as stuck, connected(port) as quick:
        stuck.sendall(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        quick.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(0.2)
        server.should_exit = True
        assert b"200 OK" in everything(quick)
        began = time.monotonic()
        while server.servers[0].is_serving() or server.server_state.tasks:
            assert time.monotonic() - began < 5
            time.sleep(0.05)
        with pytest.raises(ConnectionError):
            connected(port)

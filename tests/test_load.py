"""The generator of load counts what came back, whole or not, and in an open loop from when each request was due."""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.http import recovered_after
from benchmarks.parts import load
from benchmarks.parts.hostile import KINDS, send
from benchmarks.parts.load import Load, answer_of, own, percentiles, read_requests
from benchmarks.parts.soak import MIXTURE, between, mixed, slice_p99

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"version":"7"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\nConnection: close\r\n\r\n{}"


@contextmanager
def answering(answer: Callable[[int, bytes], bytes | None]) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers the n-th request with these bytes, and ends the connection where there are none."""
    listening = socket.create_server(("127.0.0.1", 0))
    got: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65_536):
                got.append(request)
                said = answer(len(got), request)
                if said is None:
                    return
                connection.sendall(said)
                if b"close" in said:
                    return

    def listen() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield listening.getsockname()[1], got
    finally:
        listening.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "requests.txt"
    file.write_text('POST\t/v1/score\t{"account_ids":["a\\tb"]}\nGET\t/v1/accounts/a1\t\n')
    return file


def test_requests_go_over_the_wire_as_the_file_says(file: Path) -> None:
    first, second = read_requests(file, 3000)
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n")
    assert json.loads(body) == {"account_ids": ["a\tb"]} and f"Content-Length: {len(body)}".encode() in head
    assert second == b"GET /v1/accounts/a1 HTTP/1.1\r\nHost: 127.0.0.1:3000\r\n\r\n"


def test_a_closed_loop_asks_in_turn_on_connections_that_last(file: Path) -> None:
    with answering(lambda n, _: CHUNKED if n % 2 else OK) as (port, got):
        found = Load(port, read_requests(file, port), versions=True, most=40).run(20)
    assert found.statuses == {200: 40} and not found.broken
    assert found.versions == {"7": 20}
    assert [request[:4] for request in got[:4]] == [b"POST", b"GET ", b"POST", b"GET "]
    assert found.seconds < 20


def test_what_is_refused_or_broken_off_is_told_apart(file: Path) -> None:
    answers = [OK, BUSY, OK, None]
    with answering(lambda n, _: answers[n - 1]) as (port, _):
        found = Load(port, read_requests(file, port), most=4).run(20)
    assert found.statuses == {200: 2, 429: 1}
    assert found.broken == {"closed before an answer": 1}


def test_an_answer_that_never_ends_is_none(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LONGEST", 0.3)
    with answering(lambda *_: OK[:-1]) as (port, _):
        found = Load(port, read_requests(file, port)).run(0.1)
    assert found.broken == {"no answer within 0.3 seconds": 1} and not found.times


def test_an_open_loop_counts_the_wait_for_a_connection(file: Path) -> None:
    def slowly(_: int, __: bytes) -> bytes:
        time.sleep(0.05)
        return OK

    with answering(slowly) as (port, _):
        found = Load(port, read_requests(file, port), connections=1, rate=100).run(0.5)
    # A request takes 0.05 s and one becomes due each 0.01 s: the last one that is sent waits for all before it.
    sent = sum(found.statuses.values())
    assert 2 <= sent <= 11 and sent + found.unsent in (50, 51)
    assert max(found.times) >= 0.05 * sent - 0.01 * (sent - 1) - 0.001
    assert min(found.times) >= 0.05


def test_the_process_prints_what_it_found(file: Path) -> None:
    with answering(lambda *_: OK) as (port, _):
        found = answer_of(own(port, file, 2, 0.3, "--each"))
    assert found["statuses"] == {"200": found["requests"]} and found["broken"] == {}
    assert len(found["each"]) == found["requests"] > 0
    assert 0 < found["p50"] <= found["p95"] <= found["p99"] <= found["max"]


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentiles([float(n) for n in range(1, 101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}
    assert percentiles([3.0]) == {"p50": 3.0, "p95": 3.0, "p99": 3.0, "max": 3.0}
    assert percentiles([]) == {}


def test_hostile_bodies_are_what_they_say() -> None:
    head, _ = next(KINDS["large"]())
    assert b"Content-Length: 41943040" in head
    assert sum(len(part) for part, _ in KINDS["large"]()) >= 40 * 1024 * 1024
    (nested,) = (part for part, _ in KINDS["nested"]())
    assert nested.count(b"[") == nested.count(b"]") == 500_000 and len(nested) < 1024 * 1024 + 200
    with answering(lambda *_: BUSY) as (port, _):
        assert send(port, KINDS["slow"](), time.monotonic() + 10) == "429"


def test_a_mixture_holds_every_kind_in_its_number(tmp_path: Path) -> None:
    (tmp_path / "requests").mkdir()
    for name in MIXTURE:
        (tmp_path / "requests" / f"{name}.txt").write_text(f"GET\t/{name}\t\n")
    lines = mixed(tmp_path).read_text().splitlines()
    assert len(lines) == 4 * sum(MIXTURE.values())
    assert lines.count("GET\t/one_by_rows\t") == 4 * MIXTURE["one_by_rows"]
    assert lines == mixed(tmp_path).read_text().splitlines()
    assert lines[:20] != sorted(lines)[:20]


def test_recovered_is_who_is_quick_for_half_a_second() -> None:
    slow, quick = [(0.4, 0.4, 200), (0.8, 0.4, 200)], [(0.8 + n / 10, 0.01, 200) for n in range(1, 12)]
    after = {"began_at": 100.0, "each": slow + quick}
    assert recovered_after(after, 99.5, 0.02) == pytest.approx(0.5 + 0.89)
    assert recovered_after({**after, "each": slow}, 99.5, 0.02) == math.inf
    assert recovered_after({**after, "each": [(*one[:2], 429) for one in quick]}, 99.5, 0.02) == math.inf
    assert recovered_after({**after, "each": quick}, 100.0, 0.02) == pytest.approx(0.89)


def test_parts_of_the_time_are_compared() -> None:
    grows = [(float(second), 100.0 + second) for second in range(101)]
    assert between(grows, 0.1, 0.2, 100) == 115.0
    assert between([(50.0, 7.0)], 0.9, 1.0, 100) == 7.0
    each = [(float(second), 1.0 if second < 80 else 2.0) for second in range(100)]
    assert (slice_p99(each, 0.0, 0.2, 100), slice_p99(each, 0.8, 1.0, 100)) == (1.0, 2.0)

"""A generator of load over HTTP/1.1 in a process of its own: closed loop, open loop, and one look at a time.

    python benchmarks/parts/load.py PORT FILE --seconds S [--connections N] [--rate R] [--every E] [--versions]

FILE holds one request a line: method, path and body, with tabs between. They are asked one after the other, again and
again. Closed loop: every connection asks again once it was answered. With `--rate` so many requests a second become
due whatever the answers do; one that finds no idle connection opens one, up to `--connections`, and waits beyond that:
its time counts from when it was due (no coordinated omission: Tene 2013, "How not to measure latency"). With
`--every` one connection looks every E seconds, each look on a connection of its own where `--fresh` is given.

Prints one JSON object: requests, statuses, seconds, rate, p50, p95, p99, max (all in seconds); `broken` are requests
without a whole answer, each with a word for why. `wrk`, where it is installed, gives the same figures of a closed loop
with less of the machine (`wrk`); bytes are neither parsed nor kept here, so both load a server alike.
"""

from __future__ import annotations

import argparse
import heapq
import json
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST = 60.0
"""Seconds after which an answer no longer counts as one."""
IDLE = 2.0
"""Seconds after which an idle connection is not trusted to be open still: servers close theirs after five."""
READ = 262_144
VERSION = re.compile(rb'"version":\s*"([^"]*)"')


def read_requests(file: Path, port: int) -> list[bytes]:
    """The requests of a file as they go over the wire."""
    wired = []
    for line in file.read_bytes().splitlines():
        method, path, body = line.split(b"\t", 2)
        head = b"%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % (method, path, port)
        if body:
            head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        wired.append(head + b"\r\n" + body)
    return wired


@dataclass
class Found:
    """What came back."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    """When each answer was whole, in seconds from the beginning."""
    codes: list[int] = field(default_factory=list)
    """The status of each."""
    statuses: Counter[int] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    began_at: float = field(default_factory=time.time)
    broken: Counter[str] = field(default_factory=Counter)
    unsent: int = 0
    """Requests of an open loop that were due and still waited for a connection when its time was over."""
    good: list[float] = field(default_factory=list)
    """Times of the answers with status 200."""

    def to_json(self, each: bool) -> dict[str, Any]:
        """Figures; with `each` also every time, with its end and its status."""
        document: dict[str, Any] = {
            "requests": len(self.times),
            "seconds": self.seconds,
            "began_at": self.began_at,
            "rate": len(self.times) / self.seconds if self.seconds else 0.0,
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "broken": dict(self.broken),
            "unsent": self.unsent,
            **percentiles(self.good or self.times),
        }
        if self.versions:
            document["versions"] = dict(self.versions)
        if each:
            document["each"] = [
                (round(end, 4), round(took, 6), status)
                for end, took, status in zip(self.ends, self.times, self.codes, strict=True)
            ]
        return document


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest, by nearest rank; nothing of nothing."""
    if not times:
        return {}
    ordered = sorted(times)
    ranks = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        name: ordered[max(0, -(-int(share * 10_000) * len(ordered) // 10_000) - 1)] for name, share in ranks.items()
    }


class Connection:
    """One connection and the request that is under way on it."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.connect_ex(("127.0.0.1", port))
        self.to_send = memoryview(b"")
        self.got = bytearray()
        self.whole = -1
        """How many bytes the answer has; -1 while unknown."""
        self.due = self.began = self.idle_since = 0.0
        self.used = 0

    def ask(self, request: bytes, due: float) -> None:
        """Begin a request; what the kernel does not take at once goes when it is ready."""
        self.to_send, self.due, self.began = memoryview(request), due, time.perf_counter()
        self.got.clear()
        self.whole = -1
        self.used += 1

    def send(self) -> None:
        """Send what the kernel takes."""
        while self.to_send:
            try:
                self.to_send = self.to_send[self.socket.send(self.to_send) :]
            except BlockingIOError:
                return

    def receive(self) -> bool:
        """Read what is there; whether the answer is whole. ConnectionError if it ends before."""
        chunk = self.socket.recv(READ)
        if not chunk:
            raise ConnectionError("closed in an answer" if self.got else "closed before an answer")
        self.got += chunk
        if self.whole < 0:
            end = self.got.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = re.search(rb"\r\ncontent-length:\s*(\d+)", bytes(self.got[: end + 2]), re.IGNORECASE)
            if length is None:  # in chunks
                return self.got.endswith(b"0\r\n\r\n")
            self.whole = end + 4 + int(length.group(1))
        return len(self.got) >= self.whole

    @property
    def status(self) -> int:
        """Of the answer."""
        return int(self.got[9:12])

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection with this answer."""
        return b"connection: close" in bytes(self.got[:4096]).lower()


@dataclass
class Load:
    """Asks a server; see the module's docstring."""

    port: int
    requests: Sequence[bytes]
    connections: int = 1
    rate: float | None = None
    every: float | None = None
    fresh: bool = False
    versions: bool = False
    most: int | None = None
    """End a closed loop after so many requests."""
    found: Found = field(default_factory=Found)

    def run(self, seconds: float) -> Found:
        """Ask for so long, then wait for what is under way."""
        self._selector, self._busy = selectors.DefaultSelector(), set[Connection]()
        self._idle, self._due, self._number = deque[Connection](), list[float](), 0
        self._began = self._next = time.perf_counter()
        self._end = self._began + seconds
        if self.rate is None and self.every is None:
            self._due = [self._began] * self.connections
        while self._step():
            pass
        self.found.seconds = time.perf_counter() - self._began
        for connection in (*self._idle, *self._busy):
            connection.socket.close()
        return self.found

    def _step(self) -> bool:
        now = time.perf_counter()
        gap = self.every or (1 / self.rate if self.rate else None)
        while gap is not None and self._next <= min(now, self._end):
            heapq.heappush(self._due, self._next)
            self._next += gap
        if now >= self._end and self.every is None:
            if self.rate is not None:
                self.found.unsent += len(self._due)
            self._due.clear()
        while self._due and (self._idle or len(self._busy) < self.connections):
            self._ask(heapq.heappop(self._due))
        if not self._busy and now >= self._end:
            return False
        if not self._busy:
            time.sleep(max(0.0, min(self._next, self._end) - now))
            return True
        wait = 0.5 if gap is None else max(0.0, min(self._next - now, 0.5))
        for key, events in self._selector.select(wait):
            self._serve(key.data, events)
        self._give_up()
        return True

    def _ask(self, due: float) -> None:
        connection = None
        while self._idle and connection is None:
            connection = self._idle.pop()
            if self.fresh or time.perf_counter() - connection.idle_since > IDLE:
                self._drop(connection)
                connection = None
        connection = connection or Connection(self.port)
        connection.ask(self.requests[self._number % len(self.requests)], due)
        self._number += 1
        self._busy.add(connection)
        if connection.used > 1:
            connection.send()
            self._selector.modify(connection.socket, self._wanted(connection), connection)
        else:
            self._selector.register(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)

    @staticmethod
    def _wanted(connection: Connection) -> int:
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.to_send else 0)

    def _serve(self, connection: Connection, events: int) -> None:
        if connection not in self._busy:
            return
        try:
            if events & selectors.EVENT_WRITE:
                connection.send()
                self._selector.modify(connection.socket, self._wanted(connection), connection)
            if events & selectors.EVENT_READ and connection.receive():
                self._finish(connection)
        except BlockingIOError:
            return
        except OSError as error:
            self._break(connection, str(error) if type(error) is ConnectionError else type(error).__name__)

    def _finish(self, connection: Connection) -> None:
        now = time.perf_counter()
        took = now - connection.due
        found = self.found
        found.times.append(took)
        found.ends.append(now - self._began)
        found.codes.append(connection.status)
        found.statuses[connection.status] += 1
        if connection.status == 200:
            found.good.append(took)
        if self.versions and (version := VERSION.search(bytes(connection.got[:1000]))):
            found.versions[version.group(1).decode()] += 1
        self._busy.discard(connection)
        if connection.closes:
            self._drop(connection)
        else:
            connection.idle_since = now
            self._idle.append(connection)
        self._again(now)

    def _again(self, now: float) -> None:
        if self.most is not None and len(self.found.times) + sum(self.found.broken.values()) >= self.most:
            self._end = min(self._end, now)
        if self.rate is None and self.every is None and now < self._end:
            self._due.append(now)

    def _break(self, connection: Connection, why: str) -> None:
        self.found.broken[why] += 1
        self._busy.discard(connection)
        self._drop(connection)
        self._again(time.perf_counter())

    def _drop(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _give_up(self) -> None:
        now = time.perf_counter()
        for connection in [one for one in self._busy if now - one.began > LONGEST]:
            self._break(connection, f"no answer within {LONGEST:g} seconds")


# --- the same closed loop by wrk

SCRIPT = """
local calls = {}
local at = 0
statuses = {}
function init(args)
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^([^\\t]*)\\t([^\\t]*)\\t(.*)$")
    local headers = {["Host"] = wrk.headers["Host"]}
    if body == "" then body = nil else headers["Content-Type"] = "application/json" end
    calls[#calls + 1] = wrk.format(method, path, headers, body)
  end
end
function request()
  at = at + 1
  return calls[(at - 1) % #calls + 1]
end
local threads = {}
function setup(thread) threads[#threads + 1] = thread end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nFOUND {"requests": %d, "seconds": %.6f, "not_2xx": %d, "broken": %d, ' ..
    '"p50": %.6f, "p95": %.6f, "p99": %.6f, "max": %.6f}\\n',
    summary.requests, summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1e6, latency:percentile(95) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6))
end
"""


def wrk(port: int, file: Path, connections: int, seconds: float) -> dict[str, Any]:
    """A closed loop by `wrk` with one thread: the figures of `Found.to_json`."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        # wrk takes whole seconds only.
        duration = f"{max(1, round(seconds))}s"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}", "--timeout", f"{LONGEST:g}s", "-s", script.name]
        told = [*command, f"http://127.0.0.1:{port}/", "--", str(file)]
        said = subprocess.run(told, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(said.partition("\nFOUND ")[2])
    good, bad, broken = found["requests"] - found["not_2xx"], found.pop("not_2xx"), found.pop("broken")
    statuses = {"200": good} | ({"not 2xx": bad} if bad else {})
    whys = {"by wrk": broken} if broken else {}
    return found | {"rate": found["requests"] / found["seconds"], "statuses": statuses, "broken": whys}


def has_wrk() -> bool:
    """Whether `wrk` is installed."""
    return shutil.which("wrk") is not None


def own(port: int, file: Path, connections: int, seconds: float, *options: str) -> subprocess.Popen[str]:
    """This generator as a process; `answer_of` waits for what it found."""
    told = [str(port), str(file), "--connections", str(connections), "--seconds", str(seconds), *options]
    return subprocess.Popen([sys.executable, __file__, *told], stdout=subprocess.PIPE, text=True)


def answer_of(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a generator found, once it has ended."""
    said, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"the generator of load failed with {process.returncode}: {process.args}")
    found: dict[str, Any] = json.loads(said)
    return found


def closed(port: int, file: Path, connections: int, seconds: float) -> dict[str, Any]:
    """A closed loop by whichever generator there is; longer where nothing was answered in time."""
    while True:
        by_us = not has_wrk()
        found = answer_of(own(port, file, connections, seconds)) if by_us else wrk(port, file, connections, seconds)
        if found["requests"] or seconds > LONGEST:
            return found
        seconds *= 4


def failures(found: Mapping[str, Any]) -> dict[str, int]:
    """Everything but whole answers with status 200."""
    return {**{k: n for k, n in found["statuses"].items() if k != "200"}, **found["broken"]}


def main(argv: list[str] | None = None) -> int:
    """Load a server and print what was found."""
    parser = argparse.ArgumentParser(description="Load over HTTP from a file of requests.")
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--every", type=float)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--versions", action="store_true")
    parser.add_argument("--most", type=int, help="end a closed loop after so many requests")
    parser.add_argument("--each", action="store_true", help="also every single time")
    args = parser.parse_args(argv)
    requests = read_requests(args.file, args.port)
    load = Load(args.port, requests, args.connections, args.rate, args.every, args.fresh, args.versions, args.most)
    print(json.dumps(load.run(args.seconds).to_json(args.each)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

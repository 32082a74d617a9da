"""A real HTTP server on this machine that imitates a CRM, and faults that happen to its calls when a test says so."""

from __future__ import annotations

import json
import random
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from leap.crm.http import Calls
from leap.crm.pace import Pace
from leap.crm.target import Batch, Record

FaultKind = Literal[
    "limit", "day_limit", "failure_before", "failure_after", "cut_before", "cut_after", "cut_midway", "silence_after",
    "page", "expired", "unavailable", "redirect", "forbidden", "empty_object",
]  # fmt: skip
AFTER = ("failure_after", "cut_after", "cut_midway", "silence_after", "page", "empty_object")
"""Faults that come once the call was carried out."""
IMPATIENT_SECONDS = 0.7
"""How long a test waits that is about silence; the others wait long, since the machine may be busy."""


@dataclass(frozen=True)
class Reply:
    status: int
    document: Any = None
    text: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        if self.text is not None:
            return self.text.encode()
        return b"" if self.document is None else json.dumps(self.document).encode()


@dataclass
class Fault:
    kind: FaultKind
    on: str = ""
    """Part of `METHOD path` of the calls that it happens to."""
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


class FakeCrm(ABC, ThreadingHTTPServer):
    """Answers by `answer`; `calls` holds `METHOD path` of each call; `faults` happen in order to the calls they fit."""

    daemon_threads = True
    day_limit: Reply
    limit: Reply
    expired: Reply
    forbidden: Reply

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.awake = threading.Event()
        self.started = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.started.start()
        self.calls: list[str] = []
        self.faults: list[Fault] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @abstractmethod
    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """What the CRM says to a call."""

    def forget_faults(self) -> None:
        with self.lock:
            self.calls, self.faults = [], []

    def stop(self) -> None:
        self.awake.set()
        self.shutdown()
        self.server_close()
        self.started.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests do."""

    def fault_of(self, call: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.on in call:
                fault.times -= 1
                return fault
        return None

    def reply_of(self, fault: Fault) -> Reply | None:
        kinds: dict[str, Reply] = {
            "limit": self.limit,
            "day_limit": self.day_limit,
            "expired": self.expired,
            "forbidden": self.forbidden,
            "failure_before": Reply(500, text="<html>oops</html>"),
            "failure_after": Reply(502, text="<html>bad gateway</html>"),
            "page": Reply(200, text="<html><title>Maintenance</title>"),
            "empty_object": Reply(200, {}),
            "unavailable": Reply(503, text="later", headers={"Retry-After": "3"}),
            "redirect": Reply(302, headers={"Location": "https://elsewhere.example/login?token=tell"}),
        }
        reply = kinds.get(fault.kind)
        return reply and Reply(reply.status, reply.document, reply.text, {**reply.headers, **fault.headers})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeCrm

    def log_message(self, *args: Any) -> None:
        pass

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.server.lock:
            call = f"{self.command} {self.path}"
            self.server.calls.append(call)
            fault = self.server.fault_of(call)
            if fault is not None and fault.kind not in AFTER:
                reply = self.server.reply_of(fault)
            else:
                reply = self.server.answer(self.command, self.path, self.headers, body)
                if fault is not None:
                    reply = self.server.reply_of(fault) or (reply if fault.kind == "cut_midway" else None)
        if fault is not None and fault.kind == "silence_after":
            self.server.awake.wait(IMPATIENT_SECONDS * 4)
        if reply is None:
            self._cut()
        else:
            self._reply(reply, midway=fault is not None and fault.kind == "cut_midway")

    def _reply(self, reply: Reply, *, midway: bool) -> None:
        kind = "application/json" if reply.text is None else "text/csv"
        lines = {"Content-Type": kind, "Content-Length": str(len(reply.body)), **reply.headers}
        head = f"HTTP/1.1 {reply.status} Fake\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        whole = head.encode() + b"\r\n" + reply.body
        self.wfile.write(whole[: max(len(whole) - 1 - len(reply.body) // 2, 20)] if midway else whole)
        if midway:
            self._cut()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve


class Clock:
    """Time that passes only where someone sleeps."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def pace(self, **changes: Any) -> Pace:
        return Pace(
            read_seconds=30.0, clock=lambda: self.time, now=lambda: self.time,
            sleep=self.sleep, random=random.Random(7).random, **changes,
        )  # fmt: skip


class MemoryNotes:
    """Notes of one batch; `breaks_at` ends the process just before that note is safe."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.breaks_at: Callable[[str, str], bool] = lambda name, value: False

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def put(self, name: str, value: str) -> None:
        if self.breaks_at(name, value):
            self.breaks_at = lambda name, value: False
            raise KeyboardInterrupt
        self.kept[name] = value


def impatient(calls: Calls) -> None:
    calls.pace = replace(calls.pace, read_seconds=IMPATIENT_SECONDS)


def batch_of(records: list[Record], notes: MemoryNotes | None = None, *, creates: bool = True) -> Batch:
    return Batch(number=1, records=tuple(records), creates=creates, notes=notes or MemoryNotes())

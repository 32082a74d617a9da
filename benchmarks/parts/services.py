"""The servers that `benchmarks/http.py` compares, and its worker for handlers, each a process with its own log."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
READY_SECONDS = 180.0

QUIET = {
    "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    "BENTOML_DO_NOT_TRACK": "True",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
"""For every process alike: one thread a computation, nothing reports home."""


@dataclass
class Server:
    """A running server; `ready_after` are the seconds from its start to its first good answer."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    ready_after: float = 0.0
    answers: dict[str, Any] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def wait(self, path: str) -> None:
        """Until it answers 200 there."""
        began = time.perf_counter()
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", path)[0] == 200:
                    return
            if self.process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                self.stop()
                raise SystemExit(f"{self.name} did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it, and whatever it started."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def processes(self) -> list[int]:
        """The first process and all that descend from it, in the order of their start."""
        found = [self.process.pid]
        for pid in found:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def memory(self) -> dict[str, float]:
        """Megabytes of the first process and of the largest other one, which is the one that answers."""
        first, *rest = [resident(pid) for pid in self.processes()]
        return {"parent": first, "worker": max(rest, default=first)}

    def cpu(self) -> float:
        """CPU seconds of all its processes until now."""
        return sum(cpu_seconds(pid) for pid in self.processes())

    def open_files(self) -> int:
        """Of all its processes; sockets, whose number follows the load, are none."""
        return sum(files_of(pid) for pid in self.processes())


def files_of(pid: int) -> int:
    """Open files of a process that are no sockets; none of one that has ended."""
    found = 0
    with contextlib.suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found += not str(file.readlink()).startswith("socket:")
    return found


def resident(pid: int) -> float:
    """RSS in megabytes; nothing of a process that has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> float:
    """Of a process, in user and system mode; nothing of one that has ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


@contextlib.contextmanager
def running(
    name: str, command: list[str], folder: Path, port: int, ready: str, settings: Mapping[str, str]
) -> Iterator[Server]:
    """A server until the block ends; its log lies in the folder."""
    log, began = folder / f"{name}-{port}.log", time.perf_counter()
    home = folder / f"{name}-{port}"
    home.mkdir()
    told = {**os.environ, **QUIET, "BENTOML_HOME": str(home), "HOME": str(home), **settings}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=told, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    server = Server(name, process, port, log)
    try:
        server.wait(ready)
        server.ready_after = time.perf_counter() - began
        yield server
    finally:
        server.stop()


def leap(folder: Path, store: Path | None = None) -> contextlib.AbstractContextManager[Server]:
    """Leap's service with the workspace and store in this folder."""
    port = free_port()
    settings = {"LEAP_WORKSPACE": str(folder / "workspace"), "LEAP_STORE": str(store or folder / "store")}
    return running("leap", bentoml("serving.service:LeapService", port), folder, port, "/readyz", settings)


def plain(folder: Path, threads: int | None = None) -> contextlib.AbstractContextManager[Server]:
    """The plain BentoML service, with BentoML's own number of threads unless one is given."""
    port = free_port()
    settings = {"PLAIN_MODEL": str(folder / "plain")} | ({"PLAIN_THREADS": str(threads)} if threads else {})
    name = f"plain_{threads}_threads" if threads else "plain"
    return running(name, bentoml("benchmarks.parts.plain_service:Plain", port), folder, port, "/readyz", settings)


def bare(folder: Path, answer: bytes) -> contextlib.AbstractContextManager[Server]:
    """Bare Starlette that answers these bytes."""
    port, file = free_port(), folder / "answer.json"
    file.write_bytes(answer)
    command = [sys.executable, str(ROOT / "benchmarks" / "parts" / "bare_service.py"), str(port), str(file)]
    return running("bare", command, folder, port, "/readyz", {})


def bentoml(service: str, port: int) -> list[str]:
    """The command that serves it here."""
    return [sys.executable, "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)]


@dataclass
class Handler:
    """The worker of `handler.py`."""

    process: subprocess.Popen[str]

    def ask(self, calls: int, **order: str) -> dict[str, Any]:
        """One order and its answer."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({**order, "calls": calls}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the worker for handlers died over {order}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def handler(folder: Path) -> Iterator[Handler]:
    """The worker until the block ends."""
    file = str(ROOT / "benchmarks" / "parts" / "handler.py")
    command = [sys.executable, file, *(str(folder / name) for name in ("workspace", "store", "requests"))]
    told = {**os.environ, **QUIET}
    with (folder / "handler.log").open("w") as said:
        process = subprocess.Popen(
            command, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        if not process.stdout.readline():
            raise SystemExit(f"the worker for handlers did not start:\n{(folder / 'handler.log').read_text()[-3000:]}")
        yield Handler(process)
    finally:
        process.stdin.close()
        process.wait()

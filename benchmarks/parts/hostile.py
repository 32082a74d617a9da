"""Bodies that are meant to hurt a server, sent again and again from a process of its own.

`python benchmarks/parts/hostile.py PORT KIND SECONDS` prints how many were begun and what was answered. Kinds: `large`
(40 MB, as declared), `endless` (chunks without end), `slow` (50 connections, a byte each tenth of a second), `nested`
(brackets, half a million deep).
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

LARGE = 40 * 1024 * 1024
DEEP = 500_000
SLOW_CONNECTIONS = 50
CHUNK = b"1," * 32_768

HEAD = b"POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


def large() -> Iterator[tuple[bytes, float]]:
    """Head and parts of a body of 40 MB, each with the seconds to wait after it."""
    yield HEAD + b"Content-Length: %d\r\n\r\n[" % LARGE, 0.0
    for _ in range(LARGE // len(CHUNK)):
        yield CHUNK, 0.0


def endless() -> Iterator[tuple[bytes, float]]:
    """A body in chunks that never ends."""
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n", 0.0
    while True:
        yield b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK), 0.0


def slow() -> Iterator[tuple[bytes, float]]:
    """A body that arrives a byte at a time."""
    yield HEAD + b"Content-Length: 1000\r\n\r\n", 0.1
    while True:
        yield b" ", 0.1


def nested() -> Iterator[tuple[bytes, float]]:
    """Brackets in brackets, within the size that is taken."""
    body = b'{"accounts":' + b"[" * DEEP + b"]" * DEEP + b"}"
    yield HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body), 0.0


KINDS: Mapping[str, Callable[[], Iterator[tuple[bytes, float]]]] = {
    "large": large,
    "endless": endless,
    "slow": slow,
    "nested": nested,
}


def send(port: int, parts: Iterator[tuple[bytes, float]], until: float) -> str:
    """Send until answered, refused or out of time; what came back."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            for part, wait in parts:
                connection.sendall(part)
                if select.select([connection], [], [], wait)[0] or time.monotonic() > until:
                    break
            connection.settimeout(15)
            answer = connection.recv(65_536)
        except TimeoutError:
            return "no answer"
        except OSError as error:
            # Sent more than was wanted: the answer may be there all the same.
            with contextlib.suppress(OSError):
                if (answer := connection.recv(65_536)).startswith(b"HTTP/"):
                    return answer[9:12].decode()
            return type(error).__name__
    return answer[9:12].decode() if answer else "closed"


def hurt(port: int, kind: str, seconds: float) -> dict[str, int]:
    """Again and again, so long; what came back, counted."""
    until, found = time.monotonic() + seconds, Counter[str]()

    def again() -> None:
        while time.monotonic() < until:
            found[send(port, KINDS[kind](), until)] += 1

    threads = [threading.Thread(target=again) for _ in range(SLOW_CONNECTIONS if kind == "slow" else 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(found)


if __name__ == "__main__":
    print(json.dumps(hurt(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))

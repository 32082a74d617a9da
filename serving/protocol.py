"""HTTP as it comes over a connection, within bounds that uvicorn does not set.

A client that never ends its headers, never sends any, or never reads its answer would hold memory or a place in the
service for as long as it likes. Neither uvicorn nor its parser bounds that; the guard sees a request only once its
headers are complete. What is refused here has the one error form too.
"""

from __future__ import annotations

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Any

import uvicorn.protocols.http.auto
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.answer import SECURITY_HEADERS
from serving.errors import CODES, error_document
from serving.listening import door
from serving.logs import event
from serving.metrics import process_metrics

MAX_PENDING_BYTES = 64 * 1024
"""Of headers that have not ended; the guard refuses less than that once they have."""
MAX_FRAMING_BYTES = 16 * 1024 * 1024
"""Of a body's chunk sizes and trailers, which are not part of it."""
HEAD_SECONDS = 10.0
READING_SECONDS = 30.0
"""How long a client may leave an answer unread."""
GRACE_SECONDS = 25
"""How long requests under way may take to end once the service is told to: longer than their deadline."""

_ALWAYS = {**SECURITY_HEADERS, "Cache-Control": "no-store", "Connection": "close"}
_BESIDE = "".join(f"{name.lower()}: {value}\r\n" for name, value in _ALWAYS.items()).encode() + b"\r\n"


def bound_connections() -> None:
    """Make uvicorn use this protocol in the process; it asks for its usual one by this name."""
    uvicorn.protocols.http.auto.AutoHTTPProtocol = BoundedProtocol


class BoundedProtocol(HttpToolsProtocol):
    """One connection; requests follow each other on it."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        if config.timeout_graceful_shutdown is None:
            config.timeout_graceful_shutdown = GRACE_SECONDS
        super().__init__(config, server_state, app_state, _loop)
        self.ws_protocol_class = None
        self._owed: deque[Any] = deque()
        """Of requests that follow each other at once, those whose answers have not ended."""
        self._in_head = True
        self._began = self._speaking = False
        self._body_bytes = 0
        self._beside_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._reading_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A client has connected, and has a while to say what it wants."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._head_timer = _cancelled(self._head_timer)
        self._reading_timer = _cancelled(self._reading_timer)
        for cycle in self._owed:  # uvicorn itself thinks of the newest alone
            cycle.disconnected = not cycle.response_complete
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Let the parser have it, and count what it keeps: all that is no body, since the request began."""
        if self.transport.is_closing():
            return
        self._body_bytes = 0
        super().data_received(data)
        # A part in which a request begins holds others too; it is small, and bounds itself.
        self._beside_bytes = 0 if self._began else self._beside_bytes + len(data) - self._body_bytes
        self._began = False
        if self._beside_bytes > (MAX_PENDING_BYTES if self._in_head else MAX_FRAMING_BYTES):
            self._refuse(431, f"The headers do not end within {MAX_PENDING_BYTES} bytes.")

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._began = self._in_head = self._speaking = True
        if self._head_timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        """Its headers have ended."""
        self._in_head = self._speaking = False
        self._head_timer = _cancelled(self._head_timer)
        super().on_headers_complete()
        while self._owed and self._owed[0].response_complete:
            self._owed.popleft()
        self._owed.append(self.cycle)

    def on_body(self, body: bytes) -> None:
        """A part of its body, which the guard counts."""
        self._body_bytes += len(body)
        super().on_body(body)

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self._reading_timer = self.loop.call_later(READING_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """It has read most of it."""
        self._reading_timer = _cancelled(self._reading_timer)
        super().resume_writing()

    def shutdown(self) -> None:
        """The service ends: no new connections, and this one ends with its request."""
        door.shut()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says where its parser gives up."""
        self._refuse(400, msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: the request is answered over HTTP, and a client must not fill the log."""

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        if self._speaking:
            self._refuse(408, f"The headers did not arrive within {HEAD_SECONDS:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        """Answer and close; only close where an answer is under way, or owed to an earlier request."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_started and not self.pipeline:
            self.cycle.disconnected = True  # whatever works on it has nothing more to say here
            self.cycle.message_event.set()
        if self.cycle is None or self.cycle.response_complete or self.cycle.disconnected:
            body = error_document(status, message)
            phrase = HTTPStatus(status).phrase
            head = f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(head.encode() + _BESIDE + body)
        process_metrics().refused(CODES.get(status, "error"))
        event("connection_closed", status=status)
        self.transport.close()


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

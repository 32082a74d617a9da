"""What stands between the network and the application: who may ask, for what, in which form, how much.

`Guard` is the outermost ASGI layer, outside BentoML's own: a request that it refuses never reaches a parser, a metric
series or a log of values. `Inside` is the innermost, around the application. Between them BentoML sees the path's
*template* (`/v1/accounts/{account_id}`), so that its metrics and access log have one series a route, whatever is asked.

A refusal of any layer, BentoML's included, leaves in one form: `{"error": {"code", "message", "details"}}`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access import Tokens, challenge, credential, is_loopback, names_loopback

# Below "bentoml", whose logger BentoML shows from INFO on; all others are shown from WARNING on.
log = logging.getLogger("bentoml.leap")

MAX_BODY_BYTES = 1024 * 1024
MAX_DISCARDED_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 10.0
RETRY_AFTER_SECONDS = 2
OPEN_PATHS = frozenset({"/livez", "/readyz"})

NOT_LET_IN = "No or wrong token; expected the header `Authorization: Bearer TOKEN`."
NOT_FROM_HERE = (
    "Without a token only this machine is answered, under the name localhost; set LEAP_TOKEN to open the service."
)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

CODES = {
    400: "malformed",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "not_json",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}

# What BentoML's own layers say on their own account, in our words; a passed deadline is "try again", hence 503.
FOREIGN = {
    429: "The service is working on as many requests as it takes at once; try again shortly.",
    503: "The service did not answer within its deadline; ask for fewer accounts at once, or try again.",
}


def error_document(status: int, message: str, *, code: str = "", details: Iterable[object] = ()) -> bytes:
    """The one error form, as JSON.

    >>> error_document(404, "No such account.", code="unknown_account", details=["a9"])
    b'{"error":{"code":"unknown_account","message":"No such account.","details":["a9"]}}'
    """
    error = {"code": code or CODES.get(status, "error"), "message": message, "details": list(details)}
    return to_json({"error": error}, inf_nan_mode="null", serialize_unknown=True)


class Refused(Exception):
    """A request that is not let through, and the answer it gets instead."""

    def __init__(self, status: int, message: str, *, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


@dataclass
class Call:
    """What the layers know of one request; travels in the ASGI scope under `leap.call`."""

    request_id: str
    path: str
    trusted: bool = False
    """A token was given, or none is needed: details of the inside may be shown."""
    ours: bool = False
    """The application itself has answered: its body is in our form already."""


@dataclass(frozen=True)
class KnownRoute:
    """One route of the service: what matches it, how it is named in metrics, and how it may be asked."""

    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]


@dataclass
class Guard:
    """The outermost layer: token, route, method, content type, size; then headers and form of every answer."""

    app: ASGIApp
    routes: Sequence[KnownRoute]
    tokens: Tokens = field(default_factory=Tokens)
    max_body_bytes: int = MAX_BODY_BYTES
    max_discarded_bytes: int = MAX_DISCARDED_BYTES
    body_seconds: float = BODY_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        call = Call(request_id=_request_id(headers), path=scope["path"])
        answer = Answer(send, call)
        try:
            self._admit(scope, headers, call)
            route = self._route(scope)
            if scope["method"] == "POST":
                receive = await self._body(headers, receive)
        except Refused as refusal:
            log.info("refused %s %s with %d", _plain(scope["method"]), _plain(call.path), refusal.status)
            if not await self._discard(headers, receive):
                refusal.headers["Connection"] = "close"
            await answer.refuse(refusal)
            return
        # The server itself leaves the body out where HEAD was asked.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        try:
            await self.app({**scope, "method": method, "path": route.template, "leap.call": call}, receive, answer)
        except Exception as error:
            log_failure(call, error)
            if answer.started:
                raise
            await answer.refuse(Refused(500, internal_message(call)))

    def _admit(self, scope: Scope, headers: Headers, call: Call) -> None:
        if self.tokens.required:
            call.trusted = self.tokens.accepts(credential(headers.get("authorization", "")))
            if not call.trusted and call.path not in OPEN_PATHS:
                raise Refused(401, NOT_LET_IN, headers={"WWW-Authenticate": challenge(call.path)})
        else:
            # Without a token the service is this machine's own. The Host header is looked at because a web page
            # anywhere can make a browser here ask 127.0.0.1 under a name of its own (DNS rebinding).
            call.trusted = is_loopback(scope) and names_loopback(headers.get("host", ""))
            if not call.trusted and call.path not in OPEN_PATHS:
                raise Refused(401, NOT_FROM_HERE, headers={"WWW-Authenticate": 'Bearer realm="Leap"'})

    def _route(self, scope: Scope) -> KnownRoute:
        allowed: set[str] = set()
        for route in self.routes:
            if route.pattern.match(scope["path"]):
                if scope["method"] in route.methods:
                    return route
                allowed |= route.methods
        if not allowed:
            raise Refused(404, "No such address. /docs.json lists the addresses of this service.")
        raise Refused(
            405,
            f"{_plain(scope['method'])} is not answered here; expected {' or '.join(sorted(allowed))}.",
            headers={"Allow": ", ".join(sorted(allowed))},
        )

    async def _body(self, headers: Headers, receive: Receive) -> Receive:
        """The whole body, read before anything works on it: counted, and a slow one holds no place in the queue."""
        if not _is_json(headers):
            raise Refused(415, "Expected a body of type application/json, uncompressed and in UTF-8.")
        if _declared_bytes(headers) > self.max_body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await self._read(receive)
        except TimeoutError:
            raise Refused(408, f"The body did not arrive within {self.body_seconds:g} seconds.") from None
        if not body:
            raise Refused(400, "Expected a body with a JSON object, found none.")
        return _replay(body, receive)

    async def _read(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refused(400, "The connection ended before the body did.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self.max_body_bytes:
                raise self._too_large()
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self.max_body_bytes} bytes; send fewer accounts in one request.")

    async def _discard(self, headers: Headers, receive: Receive) -> bool:
        """Let the rest of a refused body pass unkept; whether all of it did.

        Most clients send everything before they read: answered earlier, they would see a broken connection instead.
        """
        if _declared_bytes(headers) > self.max_discarded_bytes:
            return False
        size = 0
        try:
            async with asyncio.timeout(self.body_seconds):
                while size <= self.max_discarded_bytes:
                    message = await receive()
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return True
                    size += len(message.get("body", b""))
        except TimeoutError:
            pass
        return False


class Answer:
    """Sends an answer on: adds headers, and puts what BentoML says on its own account into our error form."""

    def __init__(self, send: Send, call: Call) -> None:
        self._send = send
        self._call = call
        self._foreign_status = 0
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] >= 400 and not self._call.ours:
                self._foreign_status = 503 if message["status"] == 504 else message["status"]
                return
            self._add_headers(message)
            self.started = True
        elif self._foreign_status:
            if not message.get("more_body", False):
                status = self._foreign_status
                self._foreign_status = 0
                await self.refuse(Refused(status, FOREIGN.get(status, "The request could not be answered.")))
            return
        await self._send(message)

    async def refuse(self, refusal: Refused) -> None:
        """Answer with an error instead of what was asked for."""
        self.started = True
        body = error_document(refusal.status, str(refusal), code=refusal.code)
        start: Message = {"type": "http.response.start", "status": refusal.status, "headers": []}
        headers = MutableHeaders(raw=start["headers"])
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(len(body))
        for name, value in refusal.headers.items():
            headers[name] = value
        self._add_headers(start)
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    def _add_headers(self, start: Message) -> None:
        headers = MutableHeaders(raw=list(start.get("headers", ())))
        for name, value in SECURITY_HEADERS.items():
            headers[name] = value
        headers.setdefault("Cache-Control", "no-store")
        headers["X-Request-ID"] = self._call.request_id
        if start["status"] in (429, 503):
            headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
        start["headers"] = headers.raw


class Inside:
    """The innermost layer: gives the application the path that was asked, and turns its faults into a 500.

    A fault must not travel further out: BentoML's time limit waits for the first byte of an answer, and a request
    whose handler raised before that would hang until the limit.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call | None = scope.get("leap.call")
        if call is None:
            await self.app(scope, receive, send)
            return
        finished = False

        async def mark(message: Message) -> None:
            nonlocal finished
            call.ours = True
            finished = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        scope["path"] = call.path
        try:
            await self.app(scope, receive, mark)
        except Exception as error:
            log_failure(call, error)
            if finished:  # Starlette answers with its handler and raises all the same
                return
            if call.ours:
                raise BrokenOff("an answer was broken off") from None
            body = error_document(500, internal_message(call))
            await mark({"type": "http.response.start", "status": 500, "headers": _json_headers(body)})
            await mark({"type": "http.response.body", "body": body})


class BrokenOff(Exception):
    """A fault after the first part of an answer had gone out; says nothing of what the request held."""


def known_routes(application: Any) -> list[KnownRoute]:
    """The routes of a Starlette or FastAPI application.

    >>> from fastapi import FastAPI
    >>> known_routes(FastAPI(openapi_url=None))
    []
    """
    return [
        KnownRoute(
            template=route.path_format,
            pattern=route.path_regex,
            methods=frozenset(route.methods | {"HEAD"} if "GET" in route.methods else route.methods),
        )
        for route in application.routes
    ]


def log_failure(call: Call, error: BaseException) -> None:
    """Where a request failed, without what it held: the message of an exception may quote a customer's values."""
    where = "".join(traceback.format_tb(error.__traceback__)[-6:])
    log.error("request %s to %s failed with %s at\n%s", call.request_id, _plain(call.path), type(error).__name__, where)


def internal_message(call: Call) -> str:
    """What the caller is told of a fault of ours."""
    return f"The service failed on this request; its log says where, under request id {call.request_id}."


def _json_headers(body: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isdigit() and len(declared) < 20 else 0


def _replay(body: bytes, receive: Receive) -> Receive:
    delivered = False

    async def again() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else secrets.token_hex(8)


def _is_json(headers: Headers) -> bool:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    return (
        media_type.strip().lower() == "application/json"
        and (charset is None or charset.group(1).lower() in ("utf-8", "utf8"))
        and headers.get("content-encoding", "identity").lower() == "identity"
    )


def _plain(text: str) -> str:
    """Without control characters, and short: fit for a message or a log line."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:200]

"""What stands between the network and the application: who may ask, for what, in which form, how much.

`Guard` is the outermost ASGI layer, outside BentoML's own: a request that it refuses never reaches a parser, a metric
series or a log of values. Our own routes are answered right behind it, without BentoML's layers, which cost more than a
small score; BentoML keeps the process and `/metrics`. To it a path is its *template*.

A refusal of any layer, BentoML's included, leaves in one form: `{"error": {"code", "message", "details"}}`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access import EVERYTHING, READ, REVIEW, SCORE, Tokens, challenge, credential, is_loopback, names_loopback
from serving.answer import Answer
from serving.calls import Call, Unwatched, Watch
from serving.direct import Direct, State
from serving.errors import Refused, internal, plain
from serving.lanes import BUSY
from serving.logs import request_failed

MAX_BODY_BYTES = 1024 * 1024
MAX_DISCARDED_BYTES = 16 * 1024 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_ADDRESS_BYTES = 8 * 1024
MAX_AT_ONCE = 64
HOLD_SECONDS = 0.5
MAX_HELD = 512
BODY_SECONDS = 10.0
OPEN_PATHS = frozenset({"/livez", "/readyz"})
COUNTED_APART = OPEN_PATHS | {"/metrics"}
"""Answered however many requests are under way."""

NOT_LET_IN = "No or wrong token; expected the header `Authorization: Bearer TOKEN`."
NOT_FROM_HERE = (
    "Without a token only this machine is answered, under the name localhost; set LEAP_TOKEN to open the service."
)


@dataclass(frozen=True)
class KnownRoute:
    """One route of the service: what matches it, how it is named in metrics, how and by whom it may be asked."""

    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]
    app: ASGIApp | None = None
    """What answers it; None: BentoML."""
    takes_form: bool = False
    """Whether what is sent is a form of one of our pages, and not JSON."""

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of a token of which one is enough; none where any token is."""
        if self.template in OPEN_PATHS or self.template == "/docs.json":
            return frozenset()
        if self.template in ("/v1/score", "/v1/prospects"):
            return frozenset({SCORE})
        if self.takes_form and "POST" in self.methods:
            return frozenset({REVIEW})
        return frozenset({SCORE, READ}) if self.template.startswith("/v1/accounts/") else frozenset({READ})


@dataclass
class Guard:
    """The outermost layer: token, route, method, content type, size; then headers and form of every answer."""

    app: ASGIApp
    routes: Sequence[KnownRoute]
    state: State | None = None
    tokens: Tokens = field(default_factory=Tokens)
    watch: Watch = field(default_factory=Unwatched)
    max_body_bytes: int = MAX_BODY_BYTES
    max_discarded_bytes: int = MAX_DISCARDED_BYTES
    max_at_once: int = MAX_AT_ONCE
    body_seconds: float = BODY_SECONDS
    hold_seconds: float = HOLD_SECONDS
    under_way: int = field(default=0, init=False)
    """Requests let in and not answered yet."""
    held: int = field(default=0, init=False)
    """Requests that wait for a place."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        call = Call.of(headers, scope["method"], scope["path"])
        answer = Answer(send, call, self.watch)
        receive = Incoming(receive)
        self.watch.began(call)
        try:
            await self._answered(scope, receive, headers, answer)
        finally:
            self.watch.ended(call)

    async def _answered(self, scope: Scope, receive: Incoming, headers: Headers, answer: Answer) -> None:
        call = answer.call
        try:
            _measure(scope, headers)
            self._admit(scope, headers, call)
            route, inside = self._route(scope)
            call.template = route.template
            _allow(route, call)
            if route.template not in COUNTED_APART:
                await self._wait_for_a_place()
            self.under_way += 1
        except Refused as refusal:
            await self._refuse(refusal, headers, receive, answer)
            return
        try:
            await self._let_in(scope, headers, receive, answer, route, inside)
        finally:
            self.under_way -= 1

    async def _let_in(
        self, scope: Scope, headers: Headers, receive: Incoming, answer: Answer, route: KnownRoute, inside: str
    ) -> None:
        call = answer.call
        try:
            if scope["method"] == "POST":
                call.body = await self._body(headers, receive, route)
        except Refused as refusal:
            await self._refuse(refusal, headers, receive, answer)
            return
        # The server itself leaves the body out where HEAD was asked.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        scope = {**scope, "method": method, "leap.call": call, "leap.state": self.state, "leap.path": inside}
        try:
            if route.app is None:
                answer.foreign = True
                await self.app({**scope, "path": route.template}, receive, answer)
            else:
                await route.app(scope, receive, answer)
        except Exception as error:
            request_failed(call, error)
            if answer.finished:  # Starlette answers with its handler and raises all the same
                return
            if answer.started:
                raise BrokenOff("an answer was broken off") from None
            await answer.refuse(internal(call.request_id))

    async def _wait_for_a_place(self) -> None:
        """Wait a moment where as many are under way as are taken at once, then refuse.

        Who is refused at once asks at once again, and refusing would then take the time in which others could be
        answered. More than `MAX_HELD` do not wait.
        """
        if self.under_way < self.max_at_once:
            return
        if self.held >= MAX_HELD:
            raise Refused(429, BUSY, headers={"Connection": "close"})
        self.held += 1
        try:
            await asyncio.sleep(self.hold_seconds)
        finally:
            self.held -= 1
        if self.under_way >= self.max_at_once:
            raise Refused(429, BUSY)

    async def _refuse(self, refusal: Refused, headers: Headers, receive: Incoming, answer: Answer) -> None:
        # The server itself lets the rest of a small body pass; one that does not come is not waited for once more.
        if refusal.status == 408 or (refusal.status != 429 and not await self._discard(headers, receive)):
            refusal.headers["Connection"] = "close"
        await answer.refuse(refusal)

    def _admit(self, scope: Scope, headers: Headers, call: Call) -> None:
        if self.tokens.required:
            call.scopes = self.tokens.scopes_of(credential(headers.get("authorization", "")))
            if not call.scopes and call.path not in OPEN_PATHS:
                raise Refused(401, NOT_LET_IN, headers={"WWW-Authenticate": challenge(call.path)})
            return
        # Without a token the service is this machine's own. The Host header is looked at because a web page
        # anywhere can make a browser here ask 127.0.0.1 under a name of its own (DNS rebinding).
        if is_loopback(scope) and names_loopback(headers.get("host", "")):
            call.scopes = EVERYTHING
        elif call.path not in OPEN_PATHS:
            raise Refused(401, NOT_FROM_HERE, headers={"WWW-Authenticate": 'Bearer realm="Leap"'})

    def _route(self, scope: Scope) -> tuple[KnownRoute, str]:
        """The route that is asked for, and the part of the path that it takes, if any."""
        allowed: set[str] = set()
        for route in self.routes:
            found = route.pattern.match(scope["path"])
            if found:
                if scope["method"] in route.methods:
                    return route, next(iter(found.groups()), "")
                allowed |= route.methods
        if not allowed:
            raise Refused(404, "No such address. /docs.json lists the addresses of this service.")
        raise Refused(
            405,
            f"{plain(scope['method'])} is not answered here; expected {' or '.join(sorted(allowed))}.",
            headers={"Allow": ", ".join(sorted(allowed))},
        )

    async def _body(self, headers: Headers, receive: Receive, route: KnownRoute) -> bytes:
        """The whole body, read before anything works on it: counted, and a slow one keeps nobody else waiting."""
        if route.takes_form:
            _require_own_form(headers)
        elif not _is_json(headers):
            raise Refused(415, "Expected a body of type application/json, uncompressed and in UTF-8.")
        if _declared_bytes(headers) > self.max_body_bytes:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await self._read(receive)
        except TimeoutError:
            raise Refused(408, f"The body did not arrive within {self.body_seconds:g} seconds.") from None
        if not body:
            raise Refused(400, "Expected a body, found none.")
        return body

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

    async def _discard(self, headers: Headers, receive: Incoming) -> bool:
        """Let the rest of a refused body pass unkept; whether all of it did.

        Most clients send everything before they read: answered earlier, they would see a broken connection instead.
        """
        if _declared_bytes(headers) > self.max_discarded_bytes:
            return False
        size = 0
        try:
            async with asyncio.timeout(self.body_seconds):
                while size <= self.max_discarded_bytes and not receive.ended:
                    size += len((await receive()).get("body", b""))
        except TimeoutError:
            pass
        return receive.ended


class Incoming:
    """What is received of a request; after its end the server has only the end of the connection left to tell."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self.ended = not message.get("more_body", False)  # a connection that ended has no more either
        return message


class BrokenOff(Exception):
    """A fault after the first part of an answer had gone out; says nothing of what the request held."""


def known_routes(application: Any) -> list[KnownRoute]:
    """The routes of a Starlette or FastAPI application; ours answer themselves, all others through the application.

    >>> from fastapi import FastAPI
    >>> known_routes(FastAPI(openapi_url=None))
    []
    """
    return [
        KnownRoute(
            template=route.path_format,
            pattern=route.path_regex,
            methods=frozenset(route.methods | {"HEAD"} if "GET" in route.methods else route.methods),
            app=route.app if isinstance(route, Direct) else application,
            takes_form=isinstance(route, Direct) and route.takes_form,
        )
        for route in application.routes
    ]


def _allow(route: KnownRoute, call: Call) -> None:
    """Refuse what the token is not for."""
    if route.scopes and not route.scopes & call.scopes:
        wanted = " or ".join(sorted(route.scopes))
        raise Refused(403, f"This token is not for this address; expected one with the scope {wanted}.")


def _require_own_form(headers: Headers) -> None:
    """Refuse a form that another site made a browser send: it comes with the token that the browser remembers."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Refused(415, "Expected a form of one of the pages (application/x-www-form-urlencoded).")
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    host = headers.get("host", "")
    own = origin is None or origin in (f"http://{host}", f"https://{host}")
    if site != "same-origin" if site is not None else not own:
        raise Refused(403, "A form is taken from the pages of this service only; this one comes from another site.")


def _measure(scope: Scope, headers: Headers) -> None:
    """Refuse an address or headers longer than anybody needs."""
    if len(scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS_BYTES:
        raise Refused(414, f"The address is longer than {MAX_ADDRESS_BYTES} bytes.")
    if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
        raise Refused(431, f"The headers are longer than {MAX_HEADER_BYTES} bytes.")


def _declared_bytes(headers: Headers) -> int:
    declared = headers.get("content-length", "")
    return int(declared) if declared.isdigit() and len(declared) < 20 else 0


def _is_json(headers: Headers) -> bool:
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\s;\"]+)", parameters, re.IGNORECASE)
    return (
        media_type.strip().lower() == "application/json"
        and (charset is None or charset.group(1).lower() in ("utf-8", "utf8"))
        and headers.get("content-encoding", "identity").lower() == "identity"
    )

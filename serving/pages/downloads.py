"""Answers too long to be made whole: sent piece by piece, each made on the lane of large work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from serving.calls import Call
from serving.direct import Body, State
from serving.errors import Refused
from serving.lanes import TOO_LATE
from serving.pages.route import Page

WAIT_SECONDS = 0.1
MOST_WAITS = 600
"""How often a place on the lane is waited for in the middle of an answer: a minute of others' large work."""


@dataclass(frozen=True)
class Pieces(Body):
    """An answer whose content is made as it is sent; `content` is its first piece."""

    more: Iterator[bytes] = field(default_factory=lambda: iter(()))


def download(pieces: Iterator[bytes], media_type: str, name: str) -> Pieces:
    """A file with a name to keep it under (letters, digits, dots and dashes); its first piece is made now."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Pieces(next(pieces, b""), media_type=media_type, headers=headers, more=pieces)


class Download(Page):
    """A page's address that answers with a file; how long it is, is known only at its end."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope["leap.call"]
        state: State = scope["leap.state"]
        with ExitStack() as room:
            try:
                room.enter_context(state.lanes.download())
                answer = await self._work(call, scope, state)
            except Refused as refused:
                call.refused = refused.code
                answer = self.told(refused, call, state)
            await self._sent(answer, call, state, receive, send)

    async def _sent(self, answer: Body, call: Call, state: State, receive: Receive, send: Send) -> None:
        start = [(b"content-type", answer.media_type.encode()), *_encoded(answer.headers)]
        if not isinstance(answer, Pieces):
            start.append((b"content-length", str(len(answer.content)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": start})
        goes_on = isinstance(answer, Pieces) and call.method != "HEAD"
        await send({"type": "http.response.body", "body": answer.content, "more_body": goes_on})
        if isinstance(answer, Pieces) and goes_on:
            await _send_more(answer.more, state, receive, send)


async def _send_more(pieces: Iterator[bytes], state: State, receive: Receive, send: Send) -> None:
    """Every further piece, made once the client has read most of the one before; none for one that has left."""
    left = asyncio.ensure_future(_left(receive))
    try:
        while not left.done() and (piece := await _next(pieces, state)) is not None:
            with state.lanes.unread(len(piece)):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        left.cancel()


async def _next(pieces: Iterator[bytes], state: State) -> bytes | None:
    """The next piece; others' large work goes on between two of them, and is waited for where the lane is full."""
    for _ in range(MOST_WAITS):
        try:
            return await state.lanes.big(lambda check: next(pieces, None))
        except Refused as refused:
            if refused.status != 429:
                raise
        await asyncio.sleep(WAIT_SECONDS)
    raise Refused(503, TOO_LATE)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _encoded(headers: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), str(value).encode()) for name, value in headers.items()]

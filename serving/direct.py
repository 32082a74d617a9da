"""Routes without FastAPI's machinery on the way: the body is parsed once, checked once, and the answer is bytes.

FastAPI writes the OpenAPI document from the endpoints' signatures; what is asked is read here by the same types. Of an
endpoint's parameters one may be a body (`ScoreRequest`), one a query (`Annotated[AccountQuery, Query()]`), one a part
of the path (text), and `served: Live`, `check: Deadline` and `call: OfCall` are given by the service.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, get_type_hints
from urllib.parse import parse_qsl

import jiter
from fastapi import Depends
from fastapi.params import Path as PathParameter
from fastapi.params import Query as QueryParameter
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from leap.errors import LeapError
from serving.access import ADMIN
from serving.calls import Call
from serving.errors import Refused, breaks_schema, internal, refusal_of
from serving.lanes import Check, Lanes, never
from serving.live import LiveModel, Served
from serving.logs import request_failed

MOST_QUERY = 20
PIECE_BYTES = 1024 * 1024


def _given() -> None:
    """Stands for what the service itself gives to an endpoint; never called."""


Live = Annotated[Served, Depends(_given)]
"""The live model, taken once for the whole request."""
Maybe = Annotated[Served | None, Depends(_given)]
"""The same, or None while nothing is live."""
Deadline = Annotated[Check, Depends(_given)]
"""Raises once the request's deadline has passed; for large work."""
OfCall = Annotated[Call, Depends(_given)]
"""What is known of the request itself."""
OfLive = Annotated[LiveModel, Depends(_given)]
"""The holder of the live model."""


@dataclass(frozen=True)
class Body:
    """An answer: finished JSON (or what `media_type` says) and its status."""

    content: bytes
    status: int = 200
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def document(content: Any, status: int = 200) -> Body:
    """An answer from plain values; an undefined number is null."""
    return Body(to_json(content, inf_nan_mode="null"), status)


Endpoint = Callable[..., Body]
Weight = Callable[[Any], bool]


def large(when: Weight | bool) -> Callable[[Endpoint], Endpoint]:
    """Mark an endpoint whose work goes to the lane of large work: always, or for some of what is asked."""

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["leap_large"] = when
        return endpoint

    return mark


def at_once(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that waits for no turn: a look at what is there, for who watches over the service."""
    endpoint.__dict__["leap_at_once"] = True
    return endpoint


class Direct(APIRoute):
    """A route whose answer is made here; FastAPI only describes it."""

    takes_form = False
    """Whether a body is that of a form of a page, and not JSON."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        # Programs name functions of generated clients by it.
        options["operation_id"] = options.get("operation_id") or endpoint.__name__
        super().__init__(path, endpoint, **options)
        self._reader = self.reader_of(endpoint)
        self._large: Weight | bool = endpoint.__dict__.get("leap_large", False)
        self._at_once = "leap_at_once" in endpoint.__dict__
        self.app = self._answer

    def reader_of(self, endpoint: Endpoint) -> Reader:
        """What reads the arguments of the endpoint from a request."""
        return Reader.of(endpoint)

    def told(self, refused: Refused, call: Call, state: State) -> Body:
        """A refusal as an answer."""
        return Body(refused.document, refused.status, headers=refused.headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        call: Call = scope["leap.call"]
        state = scope["leap.state"]
        try:
            answer = await self._work(call, scope, state)
        except Refused as refused:
            call.refused = refused.code
            answer = self.told(refused, call, state)
        content = answer.content
        start = [(b"content-type", answer.media_type.encode()), (b"content-length", str(len(content)).encode())]
        start += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": start})
        with state.lanes.unread(len(content)):
            await send_in_pieces(content, send)

    async def _work(self, call: Call, scope: Scope, state: State) -> Body:
        try:
            given = self._reader.read(call, scope, state)
            if self._at_once:
                return self._call(given, never)
            big = self._large(call.asked) if callable(self._large) else self._large
            return await (state.lanes.big if big else state.lanes.small)(lambda check: self._call(given, check))
        except LeapError as error:
            raise refusal_of(error) from None
        except Refused:
            raise
        except Exception as error:
            request_failed(call, error)
            raise internal(call.request_id) from None

    def _call(self, given: dict[str, Any], check: Check) -> Body:
        if self._reader.deadline:
            given[self._reader.deadline] = check
        body: Body = self.endpoint(**given)
        return body


async def send_in_pieces(content: bytes, send: Send) -> None:
    """Each piece once the client has read most of the one before: a slow reader is then told from one that has left."""
    for start in range(0, len(content) - PIECE_BYTES, PIECE_BYTES):
        await send({"type": "http.response.body", "body": content[start : start + PIECE_BYTES], "more_body": True})
    last = max(0, (len(content) - 1) // PIECE_BYTES * PIECE_BYTES)
    await send({"type": "http.response.body", "body": content[last:]})


@dataclass(frozen=True)
class State:
    """What all routes share: the live model and the lanes."""

    live: LiveModel
    lanes: Lanes


@dataclass(frozen=True)
class Reader:
    """Reads what an endpoint asks for from a request."""

    MORE: ClassVar[Mapping[Any, str]] = {}
    """What else may be asked for, by its type: the field with the argument's name."""

    body: tuple[str, type[BaseModel]] | None = None
    query: tuple[str, type[BaseModel]] | None = None
    path: tuple[str, TypeAdapter[str]] | None = None
    served: str = ""
    maybe: str = ""
    deadline: str = ""
    call: str = ""
    live: str = ""

    @classmethod
    def of(cls, endpoint: Endpoint) -> Reader:
        """From the signature of an endpoint."""
        own = {Live: "served", Maybe: "maybe", Deadline: "deadline", OfCall: "call", OfLive: "live"}
        found: dict[str, Any] = {}
        hints = get_type_hints(endpoint, include_extras=True)
        for name in inspect.signature(endpoint).parameters:
            hint = hints[name]
            marks = getattr(hint, "__metadata__", ())
            if hint in own:
                found[own[hint]] = name
            elif hint in cls.MORE:
                found[cls.MORE[hint]] = name
            elif any(isinstance(mark, PathParameter) for mark in marks):
                found["path"] = (name, TypeAdapter(hint))
            elif any(isinstance(mark, QueryParameter) for mark in marks):
                found["query"] = (name, hint.__origin__)
            else:
                found["body"] = (name, hint)
        return cls(**found)

    def read(self, call: Call, scope: Scope, state: State) -> dict[str, Any]:
        """The arguments; Refused where the request does not fit, NoModel while none is live."""
        given: dict[str, Any] = {}
        if self.path:
            given[self.path[0]] = fitting("path", self.path[1], scope["leap.path"])
        if self.query:
            given[self.query[0]] = fitting("query", self.query[1], query_of(scope["query_string"]))
        elif scope["query_string"]:
            raise Refused(422, "This address takes no parameters after `?`.")
        if self.body:
            call.asked = given[self.body[0]] = fitting("body", self.body[1], json_of(call.body))
        if self.maybe:
            given[self.maybe] = call.served = state.live.peek()
        if self.served:
            given[self.served] = call.served = state.live.take(in_full=ADMIN in call.scopes)
        if self.call:
            given[self.call] = call
        if self.live:
            given[self.live] = state.live
        return given


def fitting(where: str, schema: type[BaseModel] | TypeAdapter[str], value: Any) -> Any:
    """The value as its schema has it; Refused (422) with each place that does not fit."""
    try:
        return schema.validate_python(value) if isinstance(schema, TypeAdapter) else schema.model_validate(value)
    except ValidationError as error:
        named = None if isinstance(schema, TypeAdapter) else schema
        raise breaks_schema(error.errors(include_url=False, include_input=False), where, named) from None


def json_of(body: bytes) -> Any:
    """The value of a JSON text; Refused (400) where it is none, is nested too deeply or names a key twice.

    >>> json_of(b'{"top": 3}')
    {'top': 3}
    """
    try:
        return jiter.from_json(body, catch_duplicate_keys=True)
    except ValueError as error:
        raise Refused(400, f"The body is not valid JSON: {told(error)}.") from None


def told(error: ValueError) -> str:
    """What a parser has against a text, without quoting it.

    >>> told(ValueError('Detected duplicate key "secret" at line 1 column 12'))
    'an object names a key twice, at line 1 column 12'
    """
    words = str(error)
    if words.startswith("Detected duplicate key"):
        return f"an object names a key twice, at line {words.rpartition(' at line ')[2]}"
    if words.startswith("recursion limit"):
        return f"it is nested too deeply, at line {words.rpartition(' at line ')[2]}"
    return words


def query_of(text: bytes) -> Mapping[str, str]:
    """The parameters after `?`; Refused where they cannot be read or one is given twice.

    >>> query_of(b"top=3&from=4")
    {'top': '3', 'from': '4'}
    """
    if not text:
        return {}
    try:
        pairs = parse_qsl(
            text.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_QUERY,
        )
    except ValueError:
        raise Refused(
            422,
            f"The parameters after `?` cannot be read; expected at most {MOST_QUERY} of `name=value`, in UTF-8 and "
            "percent-encoded.",
        ) from None
    twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    if twice:
        raise Refused(422, f"{len(twice)} parameter(s) after `?` are given more than once; expected each once.")
    return dict(pairs)

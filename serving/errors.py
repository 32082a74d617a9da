"""The one form of every error, and which status a failure has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_json

from leap.errors import LeapError
from leap.known_keys import known_keys

RETRY_AFTER_SECONDS = 2

CODES = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    414: "uri_too_long",
    415: "not_json",
    422: "invalid",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal",
    503: "unavailable",
}

STATUS_OF_CODE = {
    "no_model": 503,
    "bundle": 503,
    "registry": 503,
    "unknown_account": 404,
    "unknown_version": 404,
    "no_tables": 404,
}
"""Status of a LeapError by its code; 422 where it is not named."""


def error_document(status: int, message: str, *, code: str = "", details: Iterable[object] = ()) -> bytes:
    """The one error form, as JSON.

    >>> error_document(404, "No such account.", code="unknown_account", details=["a9"])
    b'{"error":{"code":"unknown_account","message":"No such account.","details":["a9"]}}'
    """
    error = {"code": code or CODES.get(status, "error"), "message": message, "details": list(details)}
    return to_json({"error": error}, inf_nan_mode="null", serialize_unknown=True)


class Refused(Exception):
    """A request that is not answered as asked, and what it gets instead."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        details: Iterable[object] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or CODES.get(status, "error")
        self.details = list(details)
        self.headers = dict(headers or {})

    @property
    def document(self) -> bytes:
        """The body of the answer."""
        return error_document(self.status, str(self), code=self.code, details=self.details)


class InvalidRequest(LeapError):
    """Well-formed, but asks for what cannot be answered."""

    code = "invalid"


def refusal_of(error: LeapError) -> Refused:
    """A failure of the library as an answer."""
    return Refused(STATUS_OF_CODE.get(error.code, 422), str(error), code=error.code, details=error.details)


def breaks_schema(found: Iterable[Mapping[str, Any]], where: str, schema: type[BaseModel] | None = None) -> Refused:
    """What a body or a query has that its schema does not allow: each place and reason, never the value.

    The value may be large, or someone's data. `found` are pydantic's errors, `where` is `body`, `query` or `path`.
    """
    problems = list(found)
    details = [{"where": place(where, each["loc"]), "problem": reason(each, schema)} for each in problems[:20]]
    more = f" (the first 20 of {len(problems)})" if len(problems) > 20 else ""
    return Refused(422, f"The request does not fit its schema, see details{more}.", details=details)


def reason(found: Mapping[str, Any], schema: type[BaseModel] | None) -> str:
    """What is wrong at one place, in words for who sends JSON and knows nothing of Python."""
    if found["type"] in ("model_type", "dict_type"):
        return "an object expected"
    if found["type"] != "extra_forbidden" or schema is None:
        return str(found["msg"])
    known = known_keys(schema, found["loc"][:-1])
    near = get_close_matches(str(found["loc"][-1])[:100], known, n=1)
    return f"unknown name; did you mean `{near[0]}`?" if near else f"unknown name; expected some of {', '.join(known)}"


def place(where: str, location: Iterable[object]) -> str:
    """`body.accounts.0.features.seats`, fit to be printed."""
    joined = ".".join(str(part) for part in (where, *location))
    return joined.encode("ascii", "backslashreplace").decode()[:300]


def internal(request_id: str) -> Refused:
    """What the caller is told of a fault of ours."""
    return Refused(500, f"The service failed on this request; its log says where, under request id {request_id}.")


def plain(text: str) -> str:
    """Without control characters, and short: fit for a message or a log line."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:200]

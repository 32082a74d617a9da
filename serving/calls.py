"""What is known of one request on its way through the service."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from starlette.datastructures import Headers

from serving.access import for_programs

if TYPE_CHECKING:
    from leap.scoring.answers import Answers
    from serving.live import Served

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass
class Call:
    """One request; travels in the ASGI scope under `leap.call`."""

    request_id: str
    method: str
    path: str
    began: float = field(default_factory=time.perf_counter)
    template: str = ""
    """Of the route: `/v1/accounts/{account_id}`; empty for an address that is not known."""
    in_html: bool = False
    """Whether a person asks, in a browser, for what is no address of programs."""
    scopes: frozenset[str] = frozenset()
    """What the token lets its holder do; nothing without one, or everything where none is needed."""
    body: bytes = b""
    refused: str = ""
    """The code of the error it was answered with, if it was."""
    served: Served | None = None
    """The model that answered."""
    asked: Any = None
    """The request's body, read."""
    answers: Answers | None = None
    """The scores in the answer."""

    @classmethod
    def of(cls, headers: Headers, method: str, path: str) -> Call:
        """A request as it comes in, with the id that its caller gave if that is fit to be repeated."""
        given = headers.get("x-request-id", "")
        in_html = "text/html" in headers.get("accept", "") and not for_programs(path)
        return cls(given if REQUEST_ID.fullmatch(given) else secrets.token_hex(8), method, path, in_html=in_html)

    @property
    def seconds(self) -> float:
        """Since it came in."""
        return time.perf_counter() - self.began


class Watch(Protocol):
    """Whoever counts, logs and keeps what was asked; must be quick, and not raise."""

    def began(self, call: Call) -> None:
        """A request came in."""

    def answered(self, call: Call, status: int) -> None:
        """Its answer went out."""

    def ended(self, call: Call) -> None:
        """It is over, whether it was answered or broken off."""


class Unwatched:
    """Looks away."""

    def began(self, call: Call) -> None:
        """Nothing."""

    def answered(self, call: Call, status: int) -> None:
        """Nothing."""

    def ended(self, call: Call) -> None:
        """Nothing."""

"""How every answer leaves: with the headers that all have, and in our form where BentoML speaks on its own account."""

from __future__ import annotations

from starlette.types import Message, Send

from serving.calls import Call, Watch
from serving.errors import RETRY_AFTER_SECONDS, Refused
from serving.lanes import BUSY, TOO_LATE

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: with it browsers do not say of a form which site it comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_ALWAYS = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_NO_STORE = (b"cache-control", b"no-store")
_RETRY_AFTER = (b"retry-after", str(RETRY_AFTER_SECONDS).encode())

# What BentoML's own layers say on their own account, in our words; a passed deadline is "try again", hence 503.
FOREIGN = {429: BUSY, 503: TOO_LATE}


class Answer:
    """Sends an answer on: adds headers, and puts what BentoML says on its own account into our error form."""

    def __init__(self, send: Send, call: Call, watch: Watch) -> None:
        self._send = send
        self._watch = watch
        self._status = 0
        self._foreign_status = 0
        self.call = call
        self.foreign = False
        """BentoML answers, not we."""
        self.started = False
        self.finished = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] >= 400 and self.foreign:
                self._foreign_status = 503 if message["status"] == 504 else message["status"]
                return
            await self._start(message)
        elif self._foreign_status:
            if not message.get("more_body", False):
                status, self._foreign_status = self._foreign_status, 0
                await self.refuse(Refused(status, FOREIGN.get(status, "The request could not be answered.")))
        else:
            await self._send(message)
            if not message.get("more_body", False):
                self._finish()

    async def refuse(self, refusal: Refused) -> None:
        """Answer with an error instead of what was asked for."""
        self.call.refused = refusal.code
        body, kind = refusal.document, b"application/json"
        if self.call.in_html:
            from serving.pages.refusing import refusal_page

            body, kind = refusal_page(refusal), b"text/html; charset=utf-8"
        headers = [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
        headers += [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await self._start({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
        self._finish()

    async def _start(self, message: Message) -> None:
        headers = [*message.get("headers", ()), *_ALWAYS, (b"x-request-id", self.call.request_id.encode())]
        given = {name.lower() for name, _ in message.get("headers", ())}
        if b"cache-control" not in given:
            headers.append(_NO_STORE)
        if message["status"] in (429, 503) and b"retry-after" not in given:
            headers.append(_RETRY_AFTER)
        self.started, self._status = True, message["status"]
        await self._send({**message, "headers": headers})

    def _finish(self) -> None:
        self.finished = True
        self._watch.answered(self.call, self._status)

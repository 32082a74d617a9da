"""Calls to a CRM over HTTPS: how long to wait, what is repeated, and what of an answer is told.

A call is repeated blindly only where doing it twice does no more than once; any other only where it surely did not
arrive or was refused. No message holds a credential, a query or what was sent. Redirects are not followed: they
would carry the token elsewhere.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError, NewConnectionError

from leap.crm.pace import Pace
from leap.crm.target import CrmError, Unreached

log = logging.getLogger(__name__)

NOT_TRIED = (
    "Salesforce and HubSpot were implemented from their documentation and tested against servers that imitate it; "
    "they have not yet been tried against the live systems. Try a sandbox or a test account first."
)
MOST_BYTES = 64 * 1024 * 1024
"""Of one answer."""
_SHORT = 200
_REFUSED = frozenset({423, 429, 477})
"""Not carried out: locked, too many calls, account on the move (HubSpot, "Error handling")."""


Twice = Literal["nothing", "same", "more"]
"""What a call does that is carried out twice: nothing to begin with, the same as once, or more."""


class LimitReached(CrmError):
    """The CRM takes no more calls for now; nothing of the call was carried out."""

    code = "crm_limit"


@dataclass(frozen=True)
class Answer:
    """What came back. `repeated`: an earlier try broke off after it was sent, so that it may have been carried out."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    repeated: bool = False

    def json(self) -> Any:
        """The body as JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True)
class Refusal:
    """Why a CRM refused a call, as it says."""

    code: str = ""
    message: str = ""


class Access(Protocol):
    """What lets us in."""

    def token(self) -> str:
        """The bearer token."""

    def renew(self) -> bool:
        """Get another one; False where there is no other."""


@dataclass(frozen=True)
class Dialect:
    """What differs between CRMs: their name, how a refusal reads, and what their codes mean."""

    title: str
    refusal: Callable[[Any], Refusal]
    """From the body as JSON (None if it is none)."""
    access_remedy: str
    limit_remedy: str
    day_limits: frozenset[str] = frozenset()
    """Codes of limits that do not pass within minutes."""
    expired: frozenset[str] = frozenset()
    """Codes of a token that is no longer valid."""
    nearly_used_up: Callable[[Mapping[str, str]], str] = lambda headers: ""
    """In words, how much of the daily allowance is used, once most of it is."""


def short(text: object, *, hide: Collection[str] = ()) -> str:
    """A text of others for one of our messages: one line, printable, at most 200 characters, without what is to be
    hidden.

    >>> short("no\\nsuch \\u202ecolumn", hide=["such"])
    'no *** column'
    """
    line = "".join(sign if sign.isprintable() else " " for sign in str(text))
    for secret in filter(None, hide):
        line = line.replace(secret, "***")
    line = " ".join(line.split())
    return line if len(line) <= _SHORT else line[: _SHORT - 1] + "…"


def checked_url(url: str, variable: str) -> str:
    """An address of a CRM without a path: https, or http on this machine.

    >>> checked_url("https://acme.my.salesforce.com/", "LEAP_SALESFORCE_INSTANCE_URL")
    'https://acme.my.salesforce.com'
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    own = parts.scheme == "http" and host in ("127.0.0.1", "localhost", "::1")
    if not host or not (parts.scheme == "https" or own) or parts.path.strip("/") or parts.query or parts.username:
        raise CrmError(f"{variable}: expected an address such as https://acme.my.salesforce.com, without a path.")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}{f':{port}' if port else ''}"


class _Failed(Exception):
    """A try that gave no answer: `arrived` where it may have been carried out."""

    def __init__(self, why: str, *, arrived: bool, limit: bool = False, wait: float | None = None) -> None:
        super().__init__(why)
        self.why, self.arrived, self.limit, self.wait = why, arrived, limit, wait


@dataclass
class Calls:
    """Calls to one CRM at `url`, over connections that stay open; for one thread."""

    url: str
    dialect: Dialect
    access: Access | None
    pace: Pace = field(default_factory=Pace)
    _session: requests.Session = field(init=False, repr=False)
    _told: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # A proxy and certificates of one's own come from the environment, but no proxy lies before this machine.
        self._session.trust_env = self.url.startswith("https:")

    def call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: bytes | None = None,
        kind: str = "application/json",
        twice: Twice = "nothing",
        takes: Collection[int] = (200,),
        reads_json: bool = True,
        quotes: bool = True,
    ) -> Answer:
        """The answer, of one of the statuses in `takes`.

        `what` names the call in messages; `quotes`: whether the CRM's own words may be told (not where they repeat a
        query). Unreached where it may have been carried out or not.
        """
        repeated = renewed = False
        failed = _Failed("", arrived=False)
        for tries in range(1, self.pace.tries + 1):
            if tries > 1:
                self._wait(what, failed, tries - 1)
            try:
                answer = self._once(method, path, body, kind, anew=twice == "more")
                if self._expired(answer, takes) and not renewed and self.access is not None and self.access.renew():
                    renewed = True
                    answer = self._once(method, path, body, kind, anew=twice == "more")
                self._judge(answer, what, takes, reads_json=reads_json, quotes=quotes)
            except _Failed as error:
                failed, repeated = error, repeated or error.arrived
                if error.arrived and twice == "more":
                    break
                continue
            return Answer(answer.status, answer.headers, answer.body, repeated)
        raise self._given_up(what, failed, repeated=repeated, changes=twice != "nothing")

    def _once(self, method: str, path: str, body: bytes | None, kind: str, *, anew: bool) -> Answer:
        token = self.access.token() if self.access is not None else ""

        def signed(request: Any) -> Any:
            if token:
                request.headers["Authorization"] = f"Bearer {token}"
            return request

        if anew:  # A connection that was idle may be closed: a new one, or the call might seem to have arrived.
            self._session.close()
        headers = {"Accept": "application/json, text/csv", "User-Agent": "leap"}
        if body is not None:
            headers["Content-Type"] = kind
        timeout = (self.pace.connect_seconds, self.pace.read_seconds)
        try:
            with self._session.request(
                method, self.url + path, data=body, headers=headers, auth=signed, timeout=timeout,
                allow_redirects=False, stream=True,
            ) as response:  # fmt: skip
                answer = Answer(response.status_code, response.headers, self._read(response))
        except (requests.exceptions.RequestException, HTTPError) as error:
            raise self._in_words(error) from None
        self._tell_allowance(answer)
        return answer

    def _read(self, response: Any) -> bytes:
        until = self.pace.clock() + self.pace.answer_seconds
        parts: list[bytes] = []
        size = 0
        # What is there is taken as it comes: whole parts would be waited for however slowly they drip.
        while part := response.raw.read1(65_536, decode_content=True):
            size += len(part)
            parts.append(part)
            if size > MOST_BYTES:
                raise _Failed(f"an answer of more than {MOST_BYTES:,} bytes", arrived=True)
            if self.pace.clock() > until:
                raise _Failed(f"an answer that took longer than {self.pace.answer_seconds:g} s", arrived=True)
        return b"".join(parts)

    def _in_words(self, error: requests.exceptions.RequestException | HTTPError) -> Exception:
        """Never the error's own words: they hold the address with what was asked for."""
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return CrmError(
                f"{self.dialect.title}: the certificate of {urlsplit(self.url).hostname} is not trusted.",
                remedy="Check the address; a certificate authority of your own is named by REQUESTS_CA_BUNDLE.",
            )
        cause = getattr(error.args[0] if error.args else None, "reason", None)
        unsent = (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)
        if isinstance(error, unsent) or isinstance(cause, NewConnectionError):
            return _Failed(f"no connection to {urlsplit(self.url).hostname}", arrived=False)
        late = isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error)
        return _Failed("no answer in time" if late else "the connection broke off", arrived=True)

    def _expired(self, answer: Answer, takes: Collection[int]) -> bool:
        if answer.status in takes:
            return False
        return answer.status == 401 or self.dialect.refusal(answer.json()).code in self.dialect.expired

    def _judge(self, answer: Answer, what: str, takes: Collection[int], *, reads_json: bool, quotes: bool) -> None:
        title, status = self.dialect.title, answer.status
        document = answer.json()
        if status in takes:
            if reads_json and document is None and status < 400:
                raise _Failed(f"an answer that is not JSON ({status})", arrived=True)
            return
        refusal = self.dialect.refusal(document)
        words = self._words(status, refusal, quotes=quotes)
        if refusal.code in self.dialect.day_limits:
            raise LimitReached(f"{title} takes no more calls today ({words}).", remedy=self.dialect.limit_remedy)
        if status in _REFUSED or (status == 503 and "Retry-After" in answer.headers):
            raise _Failed(f"not now ({words})", arrived=False, limit=True, wait=self.pace.asked_for(answer.headers))
        if status >= 500 or status == 408:
            raise _Failed(f"a failure ({words})", arrived=True, wait=self.pace.asked_for(answer.headers))
        if status in (401, 403) or refusal.code in self.dialect.expired:
            raise CrmError(f"{title} does not let us {what} ({words}).", remedy=self.dialect.access_remedy)
        if 300 <= status < 400:
            host = short(urlsplit(answer.headers.get("Location", "")).hostname or "another address")
            raise CrmError(f"{title} sends us to {host}, where no token is taken; check its address ({words}).")
        raise CrmError(f"{title} refused to {what} ({words}).")

    def _words(self, status: int, refusal: Refusal, *, quotes: bool) -> str:
        hide = [self.access.token()] if self.access is not None else []
        said = [short(refusal.code, hide=hide), short(refusal.message, hide=hide) if quotes else ""]
        return " ".join(filter(None, [str(status), said[0] + (": " + said[1] if said[1] else "")]))

    def _wait(self, what: str, failed: _Failed, tries: int) -> None:
        seconds = self.pace.after_failure(tries) if failed.wait is None else failed.wait
        log.warning("%s: %s while we %s; again in %.0f s", self.dialect.title, failed.why, what, seconds)
        self.pace.sleep(seconds)

    def _given_up(self, what: str, failed: _Failed, *, repeated: bool, changes: bool) -> CrmError:
        title, tries = self.dialect.title, self.pace.tries
        if failed.limit and not repeated:
            said = f"{title} did not let us {what} in {tries} tries: {failed.why}."
            return LimitReached(said, remedy=self.dialect.limit_remedy)
        arrived = " It may have been carried out or not." if repeated and changes else ""
        return Unreached(
            f"{title} could not be reached to {what}: {failed.why}.{arrived}",
            remedy="Run the command again: it goes on where it stopped.",
        )

    def _tell_allowance(self, answer: Answer) -> None:
        words = "" if self._told else self.dialect.nearly_used_up(answer.headers)
        if words:
            self._told = True
            log.warning("%s: %s", self.dialect.title, words)

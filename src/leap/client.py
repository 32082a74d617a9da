"""A small HTTP client for callers of the service; it needs the standard library only and may be copied elsewhere.

client = Client("http://127.0.0.1:3000")
for score in client.score(["a1", "a2"])["scores"]:
    print(score["account_id"], score["nrr"]["point"])
"""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, TypedDict
from urllib.parse import quote, urlencode, urlsplit

MOST_ACCOUNTS = 1000
MOST_ROWS = 10_000
MOST_BYTES = 1024 * 1024
"""What one request may hold: accounts, rows of their tables, and bytes."""
LONGEST_WAIT_SECONDS = 30.0
_FIRST_WAIT_SECONDS = 0.5
_ROOM = 200
"""Bytes of a body beside its accounts."""


class Model(TypedDict):
    """Which model answered."""

    name: str
    version: str
    trained_on: str | None


class Scores(TypedDict):
    """An answer with scores: all of one version of the model, as of one day."""

    model: Model
    definition_hash: str
    as_of: str
    scores: list[dict[str, Any]]
    not_found: list[str]
    refused: list[dict[str, Any]]


class ServiceError(Exception):
    """The service did not do what was asked: its HTTP `status`, and `code`, message and `details` of the one error
    form. A service that could not be reached has status 0 and code `unreachable`.
    """

    def __init__(self, status: int, code: str, message: str, details: Sequence[object] = ()) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code
        self.details = tuple(details)


class Client:
    """Asks one service, over one connection a thread that stays open; use it with `with`, or call `close`.

    `token` defaults to `LEAP_TOKEN`. Answers of 429 and 503 are asked again as they say, and so is a connection that
    breaks: up to `retries` times, after waits that differ, so that clients do not come back all at once.

    >>> Client("file:///etc/passwd")
    Traceback (most recent call last):
    ...
    ValueError: expected an http or https address, found 'file:///etc/passwd'
    """

    def __init__(
        self, url: str = "http://127.0.0.1:3000", token: str | None = None, *, timeout: float = 30.0, retries: int = 2
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected an http or https address, found {url!r}")
        self._connect = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host, self._port, self._prefix = parts.hostname, parts.port, parts.path.rstrip("/")
        self._token = os.environ.get("LEAP_TOKEN", "") if token is None else token
        self._timeout, self._retries = timeout, retries
        self._own = threading.local()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close this thread's connection; the next question opens another one."""
        connection, self._own.connection = getattr(self._own, "connection", None), None
        if connection is not None:
            connection.close()

    def score(self, account_ids: Iterable[str], *, top: int = 5) -> Scores:
        """Scores of customers, by id; those that are none are in `not_found`. Up to 1,000."""
        return self._scores("/v1/score", {"account_ids": list(account_ids), "top": top})

    def score_accounts(
        self, accounts: Iterable[Mapping[str, Any]], *, as_of: str | None = None, top: int = 5
    ) -> Scores:
        """Scores of accounts that bring `account_id` and either `features` or `tables`; those whose rows allow none are
        in `refused`, with why. Up to 1,000.
        """
        body: dict[str, Any] = {"accounts": [dict(account) for account in accounts], "top": top}
        return self._scores("/v1/score", body if as_of is None else {**body, "as_of": as_of})

    def score_many(
        self, accounts: Iterable[str | Mapping[str, Any]], *, as_of: str | None = None, top: int = 5
    ) -> Iterator[Scores]:
        """Scores of any number of customers (by id) or accounts (with `features` or `tables`), in the order given.

        One answer for each request that this takes; each names the version that answered it, since another one may
        have been promoted in between.
        """
        rest = {"top": top} if as_of is None else {"top": top, "as_of": as_of}
        for kind, items in _requests(accounts):
            body = f'{{"{kind}":[{",".join(items)}],{json.dumps(rest)[1:]}'
            yield self._ask("/v1/score", body.encode())  # type: ignore[misc]

    def prospects(self, prospects: Mapping[str, Mapping[str, Any]], *, top: int = 5) -> Scores:
        """Scores of companies that do not buy yet: their attributes by their ids. Up to 1,000."""
        listed = [{"id": name, "attributes": dict(attributes)} for name, attributes in prospects.items()]
        return self._scores("/v1/prospects", {"prospects": listed, "top": top})

    def account(self, account_id: str, *, top: int = 5) -> dict[str, Any]:
        """The score of one customer; ServiceError with code `unknown_account` if there is none."""
        return self._ask(f"/v1/accounts/{quote(account_id, safe='')}{_query(top=top)}")

    def icp(self) -> dict[str, Any]:
        """The ideal customer profiles, or why there is none."""
        return self._ask("/v1/icp")

    def icp_diff(self, old: str | None = None, new: str | None = None) -> dict[str, Any]:
        """What differs between the profiles of two versions (default: the champion before, and the champion);
        ServiceError with code `unknown_version` if there is no such version.
        """
        return self._ask(f"/v1/icp/diff{_query(**{'from': old, 'to': new})}")

    def kpis(self) -> dict[str, Any]:
        """Key figures of the company and of every profile and criterion, with their intervals."""
        return self._ask("/v1/kpis")

    def target_list(
        self,
        *,
        budget: float | None = None,
        capacity: int | None = None,
        quota: float | None = None,
        per_segment: int | None = None,
        segment: str | None = None,
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Whom to sell to next under these limits, `[policy]` holding for what is not given; `limit` shows the first
        so many of them.
        """
        asked = _query(
            budget=budget, capacity=capacity, quota=quota, per_segment=per_segment, segment=segment, limit=limit
        )
        return self._ask(f"/v1/target-list{asked}")

    def model(self) -> dict[str, Any]:
        """The live model: its card and catalog."""
        return self._ask("/v1/model")

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with examples that work with the live model."""
        return self._ask("/docs.json")

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer of any address of the service: a GET, or a POST of a body."""
        return self._ask(path, None if body is None else json.dumps(body, allow_nan=False).encode())

    def ready(self) -> dict[str, Any]:
        """Whether a model is live, and which; a service that cannot be reached is not ready. Asked only once."""
        try:
            _, answer, body = self._once("/readyz", None)
        except (OSError, http.client.HTTPException) as error:
            return {"ready": False, "problem": f"the service cannot be reached: {error or type(error).__name__}"}
        document = _document(body)
        return document if answer.status in (200, 503) and document else {"ready": False}

    def _scores(self, path: str, body: Mapping[str, Any]) -> Scores:
        return self.ask(path, body)  # type: ignore[return-value]

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        for attempt in range(self._retries + 1):
            last = attempt == self._retries
            try:
                status, answer, content = self._once(path, body)
            except (OSError, http.client.HTTPException) as error:
                if last or isinstance(error, TimeoutError):
                    raise ServiceError(
                        0, "unreachable", f"The service cannot be reached: {error or type(error).__name__}."
                    ) from error
                time.sleep(_wait(None, attempt))
                continue
            document = _document(content)
            if status == 200 and document is not None:
                return document
            if last or status not in (429, 503):
                raise _service_error(status, answer.reason, document)
            time.sleep(_wait(answer.headers.get("Retry-After"), attempt))
        raise AssertionError("the last attempt returns or raises")

    def _once(self, path: str, body: bytes | None) -> tuple[int, http.client.HTTPResponse, bytes]:
        """One question over the open connection; over a new one if the service has closed that meanwhile."""
        connection = getattr(self._own, "connection", None)
        if connection is not None:
            try:
                return self._exchange(connection, path, body)
            except (http.client.RemoteDisconnected, http.client.CannotSendRequest, BrokenPipeError, ConnectionError):
                self.close()
        self._own.connection = self._connect(self._host, self._port, timeout=self._timeout)
        return self._exchange(self._own.connection, path, body)

    def _exchange(
        self, connection: http.client.HTTPConnection, path: str, body: bytes | None
    ) -> tuple[int, http.client.HTTPResponse, bytes]:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request("GET" if body is None else "POST", self._prefix + path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer, answer.read()
        except BaseException:
            # What is half sent or half read belongs to this question: the next one must not find it.
            connection.close()
            raise


def _requests(accounts: Iterable[str | Mapping[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Accounts as JSON in requests that are not too large, ids apart from accounts that bring their data.

    >>> [(kind, len(items)) for kind, items in _requests([f"a{i}" for i in range(2001)])]
    [('account_ids', 1000), ('account_ids', 1000), ('account_ids', 1)]
    """
    kind, items, size, rows = "", list[str](), 0, 0
    for account in accounts:
        of = "account_ids" if isinstance(account, str) else "accounts"
        item = json.dumps(account if isinstance(account, str) else dict(account), allow_nan=False)
        more = 0 if isinstance(account, str) else sum(len(table) for table in (account.get("tables") or {}).values())
        full = len(items) == MOST_ACCOUNTS or size + len(item) + 1 > MOST_BYTES - _ROOM or rows + more > MOST_ROWS
        if items and (of != kind or full):
            yield kind, items
            items, size, rows = [], 0, 0
        kind = of
        items.append(item)
        size, rows = size + len(item) + 1, rows + more
    if items:
        yield kind, items


def _query(**asked: object) -> str:
    given = {name: value for name, value in asked.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""


def _wait(after: str | None, attempt: int) -> float:
    """Seconds until the next attempt: as long as the service says and up to a quarter more, else longer each time."""
    chance = random.random()  # noqa: S311 (spreads clients, keeps no secret)
    if after is not None and after.isdigit():
        return min(float(after), LONGEST_WAIT_SECONDS) * (1 + chance / 4)
    return float(_FIRST_WAIT_SECONDS * 2**attempt * (0.5 + chance / 2))


def _service_error(status: int, reason: str, document: Mapping[str, Any] | None) -> ServiceError:
    told = (document or {}).get("error")
    if not isinstance(told, dict):
        return ServiceError(status, "unknown", f"The answer is not Leap's: {reason}.")
    return ServiceError(status, str(told.get("code")), str(told.get("message")), told.get("details") or ())


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None

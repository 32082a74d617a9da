"""A small HTTP client for callers of the service; it needs the standard library only and may be copied elsewhere.

client = Client("http://127.0.0.1:3000")
for score in client.score(["a1", "a2"])["scores"]:
    print(score["account_id"], score["nrr"]["point"])
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

LONGEST_WAIT_SECONDS = 30.0


class ServiceError(Exception):
    """The service's answer was an error: its HTTP `status`, and `code`, message and `details` of the one error form."""

    def __init__(self, status: int, code: str, message: str, details: Sequence[object] = ()) -> None:
        super().__init__(f"{message} ({status} {code})")
        self.status = status
        self.code = code
        self.details = tuple(details)


class Client:
    """Asks one service. `token` defaults to `LEAP_TOKEN`; answers of 429 and 503 are asked again as they say.

    >>> Client("file:///etc/passwd")
    Traceback (most recent call last):
    ...
    ValueError: expected an http or https address, found 'file:///etc/passwd'
    """

    def __init__(
        self, url: str = "http://127.0.0.1:3000", token: str | None = None, *, timeout: float = 30.0, retries: int = 2
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"expected an http or https address, found {url!r}")
        self._url = url.rstrip("/")
        self._token = os.environ.get("LEAP_TOKEN", "") if token is None else token
        self._timeout = timeout
        self._retries = retries

    def score(self, account_ids: Iterable[str], *, top: int = 5) -> dict[str, Any]:
        """Scores of customers, by id; those that are none are in `not_found`. Up to 1,000."""
        return self._ask("/v1/score", {"account_ids": list(account_ids), "top": top})

    def score_accounts(
        self, accounts: Iterable[Mapping[str, Any]], *, as_of: str | None = None, top: int = 5
    ) -> dict[str, Any]:
        """Scores of accounts that bring `account_id` and either `features` or `tables`. Up to 1,000."""
        body: dict[str, Any] = {"accounts": [dict(account) for account in accounts], "top": top}
        return self._ask("/v1/score", body if as_of is None else {**body, "as_of": as_of})

    def prospects(self, prospects: Mapping[str, Mapping[str, Any]], *, top: int = 5) -> dict[str, Any]:
        """Scores of companies that do not buy yet: their attributes by their ids. Up to 1,000."""
        listed = [{"id": name, "attributes": dict(attributes)} for name, attributes in prospects.items()]
        return self._ask("/v1/prospects", {"prospects": listed, "top": top})

    def account(self, account_id: str, *, top: int = 5) -> dict[str, Any]:
        """The score of one customer; ServiceError with code `unknown_account` if there is none."""
        return self._ask(f"/v1/accounts/{quote(account_id, safe='')}?top={top}")

    def icp(self) -> dict[str, Any]:
        """The ideal customer profiles, or why there is none."""
        return self._ask("/v1/icp")

    def model(self) -> dict[str, Any]:
        """The live model: its card and catalog."""
        return self._ask("/v1/model")

    def ready(self) -> dict[str, Any]:
        """Whether a model is live, and which; a service that cannot be reached is not ready."""
        try:
            with self._open("/readyz", None) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return _document(error) or {"ready": False}
        except OSError as error:
            return {"ready": False, "problem": f"the service cannot be reached: {error}"}

    def _ask(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        for attempt in range(self._retries + 1):
            try:
                with self._open(path, body) as answer:
                    return dict(json.load(answer))
            except urllib.error.HTTPError as error:
                with error:
                    wait = _seconds_to_wait(error)
                    if wait is None or attempt == self._retries:
                        raise _service_error(error) from None
                time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _open(self, path: str, body: Mapping[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body, allow_nan=False).encode()
        method = "GET" if data is None else "POST"
        # The scheme was checked: never a local file.
        request = urllib.request.Request(self._url + path, data=data, method=method)  # noqa: S310
        request.add_header("Accept", "application/json")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self._token:
            # Not kept when an answer redirects: the token is for this service only.
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return urllib.request.urlopen(request, timeout=self._timeout)  # noqa: S310


def _seconds_to_wait(error: urllib.error.HTTPError) -> float | None:
    if error.code not in (429, 503):
        return None
    after = str(error.headers.get("Retry-After", "1"))
    return min(float(after), LONGEST_WAIT_SECONDS) if after.isdigit() else 1.0


def _service_error(error: urllib.error.HTTPError) -> ServiceError:
    told = _document(error).get("error")
    if not isinstance(told, dict):
        return ServiceError(error.code, "unknown", f"The answer is not Leap's: {error.reason}.")
    return ServiceError(error.code, str(told.get("code")), str(told.get("message")), told.get("details") or ())


def _document(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        document = json.loads(error.read())
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

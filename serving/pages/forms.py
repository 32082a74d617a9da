"""Forms that only a page of this service can have sent: each holds a seal that no other site knows.

The guard lets a form in from the service's own pages alone, by what browsers say of where it comes from
(`Sec-Fetch-Site`, `Origin`); the seal stands where a browser says nothing. It is a time and its HMAC under a secret
that the processes of one service share, so that it holds for a day and needs no session. Source: OWASP, "Cross-Site
Request Forgery Prevention".
"""

from __future__ import annotations

import hashlib
import hmac
import time

from serving.access import form_secret
from serving.errors import Refused

HOLDS_SECONDS = 24 * 3600
OLD = "This form was opened more than a day ago or by a service that has been started anew since. Open it again."


def seal(now: float | None = None) -> str:
    """What a form holds to be taken."""
    moment = f"{int(time.time() if now is None else now):x}"
    return f"{moment}.{_mac(moment)}"


def require_seal(given: object, now: float | None = None) -> None:
    """Refused (403) unless it is a seal of this service, of the last day.

    >>> require_seal(seal())
    >>> require_seal(seal(now=0.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    serving.errors.Refused: This form was opened more than a day ago ...
    """
    moment, _, mac = str(given).partition(".")
    held = hmac.compare_digest(mac.encode(), _mac(moment).encode())
    if not held or not 0 <= (time.time() if now is None else now) - int(moment, 16) + 60 <= HOLDS_SECONDS + 60:
        raise Refused(403, OLD)


def _mac(moment: str) -> str:
    return hmac.new(form_secret(), b"form " + moment.encode(errors="replace"), hashlib.sha256).hexdigest()

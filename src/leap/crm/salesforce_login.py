"""How Salesforce lets us in: an app with its own rights, an app with a key for a user, or a token that was given.

Sources: Salesforce Help, "OAuth 2.0 Client Credentials Flow for Server-to-Server Integration" and "OAuth 2.0 JWT Bearer
Flow for Server-to-Server Integration". Passwords are not taken: the SOAP login() that takes them is being retired, and
the OAuth password flow is off in new organisations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from leap.crm.credentials import credential, missing, token
from leap.crm.http import Calls, Dialect, Refusal, checked_url, short
from leap.crm.pace import Pace
from leap.crm.target import CrmError

INSTANCE_URL = "LEAP_SALESFORCE_INSTANCE_URL"
CLIENT_ID = "LEAP_SALESFORCE_CLIENT_ID"
CLIENT_SECRET = "LEAP_SALESFORCE_CLIENT_SECRET"  # noqa: S105 (a name)
USERNAME = "LEAP_SALESFORCE_USERNAME"
PRIVATE_KEY = "LEAP_SALESFORCE_PRIVATE_KEY"
LOGIN_URL = "LEAP_SALESFORCE_LOGIN_URL"
ACCESS_TOKEN = "LEAP_SALESFORCE_ACCESS_TOKEN"  # noqa: S105 (a name)

_TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 (a path)
_ASSERTION_SECONDS = 180
_EXPECTED = (
    f"{INSTANCE_URL} (https://YOURS.my.salesforce.com) and either {CLIENT_ID} with {CLIENT_SECRET}, or {CLIENT_ID} "
    f"with {USERNAME} and {PRIVATE_KEY}, or {ACCESS_TOKEN}"
)


def refusal(document: Any) -> Refusal:
    """Salesforce's two forms: a list of {errorCode, message}, and {error, error_description} of OAuth.

    >>> refusal([{"errorCode": "INVALID_FIELD", "message": "No such column"}])
    Refusal(code='INVALID_FIELD', message='No such column')
    """
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict):
        return Refusal()
    code = first.get("errorCode") or first.get("error") or ""
    return Refusal(str(code), str(first.get("message") or first.get("error_description") or ""))


_LOGIN = Dialect(
    title="Salesforce",
    refusal=refusal,
    access_remedy=f"Check {_EXPECTED}.",
    limit_remedy="Run the command again later.",
)


@dataclass
class Login:
    """A token of Salesforce, asked for when first needed and at most once again when it is no longer taken."""

    ask: Callable[[], str]
    _token: str = field(default="", repr=False)

    def token(self) -> str:
        """The token, asked for on first use."""
        if not self._token:
            self._token = self.ask()
        return self._token

    def renew(self) -> bool:
        """Ask again; False if it is the same one."""
        before, self._token = self._token, self.ask()
        return self._token != before


def instance_url(environment: Mapping[str, str]) -> str:
    """The organisation's own address (My Domain)."""
    url = credential(environment, INSTANCE_URL)
    if url is None:
        raise missing("Salesforce", _EXPECTED, {INSTANCE_URL: None})
    checked = checked_url(url, INSTANCE_URL)
    if urlsplit(checked).hostname in ("login.salesforce.com", "test.salesforce.com"):
        raise CrmError(
            f"{INSTANCE_URL}: expected the organisation's own address, found the one where everybody logs in.",
            remedy="It is under Setup, My Domain: https://YOURS.my.salesforce.com.",
        )
    return checked


def login(environment: Mapping[str, str], pace: Pace) -> Login:
    """As the environment says: client credentials, a key, or a given token; CrmError names what is lacking."""
    url = instance_url(environment)
    client, secret = token(environment, CLIENT_ID), token(environment, CLIENT_SECRET)
    user, key = credential(environment, USERNAME), credential(environment, PRIVATE_KEY)
    given = token(environment, ACCESS_TOKEN)
    if client and secret:
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
        return Login(lambda: _asked(url, form, pace))
    if client and user and key:
        audience = checked_url(environment.get(LOGIN_URL, "").strip() or "https://login.salesforce.com", LOGIN_URL)
        return Login(lambda: _asked(url, _assertion(client, user, key, audience), pace))
    if given:
        return Login(lambda: token(environment, ACCESS_TOKEN) or "")
    if client and (user or key):
        raise missing("Salesforce", _EXPECTED, {USERNAME: user, PRIVATE_KEY: key})
    if client or secret:
        raise missing("Salesforce", _EXPECTED, {CLIENT_ID: client, CLIENT_SECRET: secret})
    raise missing("Salesforce", _EXPECTED, {CLIENT_ID: client, ACCESS_TOKEN: given})


def _assertion(client: str, user: str, key: str, audience: str) -> dict[str, str]:
    import jwt  # Brings a library of cryptography that nothing else of Leap needs.

    claims = {"iss": client, "sub": user, "aud": audience, "exp": int(time.time()) + _ASSERTION_SECONDS}
    try:
        signed = jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError):
        raise CrmError(f"{PRIVATE_KEY}: expected an RSA private key in PEM form without a password.") from None
    return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}


def _asked(url: str, form: Mapping[str, str], pace: Pace) -> str:
    calls = Calls(url, _LOGIN, None, pace)
    # What OAuth says may repeat who asked: only its code is told.
    answer = calls.call(
        "POST", _TOKEN_PATH, "log in", body=urlencode(form).encode(), kind="application/x-www-form-urlencoded",
        takes=(200, 400), quotes=False,
    ).json()  # fmt: skip
    found = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(found, str) or not found.isascii() or not found.isprintable():
        code = short(refusal(answer).code) or "no token in its answer"
        raise CrmError(f"Salesforce does not let us log in ({code}).", remedy=_LOGIN.access_remedy)
    home = urlsplit(str(answer.get("instance_url") or url)).hostname
    if home != urlsplit(url).hostname:
        raise CrmError(
            f"Salesforce says that this organisation is at {short(home)}, not at {urlsplit(url).hostname}.",
            remedy=f"Set {INSTANCE_URL} to it.",
        )
    return found

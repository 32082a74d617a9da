"""Alerts on their way: kept in the ledger, posted to webhooks, each delivered once.

A webhook gets an `Idempotency-Key`, the same however often an alert is posted, since a process may end between the
answer and the note of it. Addresses hold secrets: they are never told.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import requests

from leap.crm.alerts import Alert, Speaker
from leap.crm.credentials import credential
from leap.crm.ledger import Ledger, moment
from leap.crm.target import CrmError

Channel = Literal["webhook", "slack"]
Post = Callable[[str, bytes, Mapping[str, str]], int]
ADDRESSES: Final[Mapping[Channel, str]] = {"webhook": "LEAP_WEBHOOK_URL", "slack": "LEAP_SLACK_WEBHOOK_URL"}
SECRET: Final = "LEAP_WEBHOOK_SECRET"  # noqa: S105 (a name)
SECONDS: Final = 10.0
"""To connect, and between two parts of an answer."""
MOST_AT_ONCE: Final = 50
_OWN: Final = ("127.0.0.1", "localhost", "::1")
_TOLD: Final = "SELECT tiers FROM told_tiers WHERE company = ?"
_KEEP: Final = "INSERT OR IGNORE INTO alerts (company, key, channel, body, made_at) VALUES (?, ?, ?, ?, ?)"
_KEPT: Final = "SELECT COUNT(*) FROM alerts WHERE company = ?"
_WAITING: Final = (
    "SELECT key, channel, body, made_at FROM alerts WHERE company = ? AND delivered_at IS NULL AND given_up_at IS NULL "
    "ORDER BY made_at, key, channel"
)
_DELIVERED: Final = "UPDATE alerts SET delivered_at = ? WHERE company = ? AND key = ? AND channel = ?"
_GIVEN_UP: Final = "UPDATE alerts SET given_up_at = ? WHERE company = ? AND key = ? AND channel = ?"


@dataclass(frozen=True)
class Addresses:
    """Where alerts go; `problems` says of addresses that are no good why, without them."""

    of: Mapping[Channel, str]
    secret: str | None = None
    problems: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Addresses:
        """`LEAP_WEBHOOK_URL`, `LEAP_SLACK_WEBHOOK_URL` and `LEAP_WEBHOOK_SECRET`, or the files of NAME_FILE."""
        found: dict[Channel, str] = {}
        problems: list[str] = []
        secret = None
        for channel, name in ADDRESSES.items():
            try:
                address = credential(environment, name)
                if address is not None:
                    found[channel] = _checked(address, name)
            except CrmError as error:
                problems.append(str(error))
        try:
            secret = credential(environment, SECRET)
        except CrmError as error:
            # An unsigned message in place of a signed one would be taken for a forged one.
            problems.append(str(error))
            found.pop("webhook", None)
        return cls(found, secret, tuple(problems))


@dataclass(frozen=True)
class Delivery:
    """The alerts of a company in its ledger, and where they go."""

    ledger: Ledger
    addresses: Addresses
    retry_days: int
    post: Post

    def told_tiers(self) -> dict[str, str] | None:
        """The tiers that were told last, by account; None where none ever were."""
        with self.ledger.file.reading() as connection:
            row = connection.execute(_TOLD, (self.ledger.company,)).fetchone() if connection else None
        return None if row is None else {str(account): str(tier) for account, tier in json.loads(row[0]).items()}

    def kept(self) -> int:
        """How many alerts were kept to be told, delivered or not."""
        with self.ledger.file.reading() as connection:
            row = connection.execute(_KEPT, (self.ledger.company,)).fetchone() if connection else (0,)
        return int(row[0])

    def keep(self, speaker: Speaker, alerts: Sequence[Alert], tiers: Mapping[str, str] | None = None) -> None:
        """Alerts that are to be told, with the tiers that are told by them, in one transaction."""
        company = self.ledger.company
        bodies: Mapping[Channel, Callable[[Alert], Any]] = {"webhook": speaker.webhook, "slack": speaker.slack}
        with self.ledger.file.opened(write=True) as connection:
            for alert in alerts:
                for channel in self.addresses.of:
                    body = json.dumps(bodies[channel](alert))
                    connection.execute(_KEEP, (company, alert.key, channel, body, moment()))
            if tiers is not None:
                told = json.dumps(dict(tiers), sort_keys=True)
                connection.execute("INSERT OR REPLACE INTO told_tiers VALUES (?, ?)", (company, told))
            connection.execute("COMMIT")

    def deliver(self, now: datetime | None = None) -> dict[str, Any]:
        """Post what waits; how many were delivered, still wait or were given up, and why."""
        oldest = ((now or datetime.now(UTC)) - timedelta(days=self.retry_days)).isoformat(timespec="milliseconds")
        with self.ledger.file.reading() as connection:
            rows = connection.execute(_WAITING, (self.ledger.company,)).fetchall() if connection else []
        delivered = given_up = 0
        troubles: dict[str, str] = {}
        for key, channel, body, made_at in rows:
            if channel not in self.addresses.of or channel in troubles:
                trouble = troubles.get(channel, "no address")
            elif delivered == MOST_AT_ONCE:
                break
            else:
                trouble = self._posted(key, channel, body.encode())
            if not trouble:
                delivered += 1
                self._note(_DELIVERED, key, channel)
                continue
            if channel in self.addresses.of:
                troubles[channel] = trouble  # the others would wait as long for the same
            if made_at < oldest:
                given_up += 1
                self._note(_GIVEN_UP, key, channel)
        told = [*self.addresses.problems, *(f"{channel}: {why}" for channel, why in troubles.items())]
        return {
            "delivered": delivered, "waiting": len(rows) - delivered - given_up, "given_up": given_up, "problems": told,
        }  # fmt: skip

    def _posted(self, key: str, channel: Channel, body: bytes) -> str:
        """Why it was not delivered; empty if it was."""
        headers = {"Content-Type": "application/json", "User-Agent": "leap", "Idempotency-Key": key}
        if channel == "webhook" and self.addresses.secret:
            headers["X-Leap-Signature"] = f"sha256={signature(self.addresses.secret, body)}"
        try:
            status = self.post(self.addresses.of[channel], body, headers)
        except OSError as error:  # requests' errors are OSErrors; their words hold the address
            return f"no answer ({type(error).__name__})"
        return "" if 200 <= status < 300 else f"it answered {status}"

    def _note(self, statement: str, key: str, channel: Channel) -> None:
        with self.ledger.file.opened(write=True) as connection:
            connection.execute(statement, (moment(), self.ledger.company, key, channel))
            connection.execute("COMMIT")


def signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of a body in hexadecimal, by which a receiver knows that it is ours."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(address: str, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer, of which nothing is read; redirects are not followed."""
    with requests.Session() as session:
        session.trust_env = urlsplit(address).scheme == "https"  # no proxy lies before this machine
        unsigned: Any = lambda request: request  # noqa: E731 (keeps requests from looking into .netrc)
        with session.post(
            address,
            data=body,
            headers=dict(headers),
            auth=unsigned,
            timeout=SECONDS,
            allow_redirects=False,
            stream=True,
        ) as answer:
            return int(answer.status_code)


def _checked(address: str, name: str) -> str:
    """An address that may be posted to: https, or http on this machine; CrmError without the address."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    whole = address.isascii() and address.isprintable() and " " not in address and not parts.username
    own = parts.scheme == "http" and host in _OWN
    if not (host and whole and (parts.scheme == "https" or own)):
        raise CrmError(f"{name}: expected an address that begins with https:// (or http:// on this machine).")
    return address

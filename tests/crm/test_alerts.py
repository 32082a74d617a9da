"""Alerts: what they say, that names harm nobody, where they go, and that each is delivered once."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from leap.crm.alerts import (
    MOST_TOLD,
    Alert,
    Speaker,
    definitions_differ,
    features_stale,
    some_failed,
    stopped,
    tier_changes,
)
from leap.crm.delivery import MOST_AT_ONCE, Addresses, Delivery, post
from leap.crm.ledger import Ledger
from leap.crm.records import Failure
from leap.crm.syncing import TooManyChanges
from leap.crm.target import Unreached
from leap.scoring.freshness import Freshness
from leap.scoring.tier_state import Held, PublishedTiers

SPEAKER = Speaker("Acme", "2026-02-01", "3")
ALERT = Alert.of("sync_failed", "It failed", ["why"], ["x"])


def tiers(**held: str) -> PublishedTiers:
    accounts = {account: Held(tier, "2026-02-01", "3") for account, tier in held.items()}
    return PublishedTiers("Acme", "3", "2026-02-01", "2026-02-01", 0.1, accounts)


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted and answers with the next status, else 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.statuses: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/secret-path"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append((self.path, dict(self.headers), body))
        self.send_response(server.statuses.pop(0) if server.statuses else 200)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def delivery(tmp_path: Path, environment: dict[str, str]) -> Delivery:
    return Delivery(Ledger.of(tmp_path, "Acme", "outbox"), Addresses.from_environment(environment), 7, post)


# --- what is said


def test_changes_of_tiers_are_told_those_that_fell_first_and_new_or_gone_accounts_are_none():
    told = {"a": "A", "b": "A", "c": "C", "gone": "A"}
    alert = tier_changes(told, tiers(a="B", b="D", c="C", new="A"), {"a": "Alpha", "b": "Beta"})
    assert alert is not None and alert.title == "2 account(s) changed tier as of 2026-02-01"
    assert alert.lines == ("Beta (b): A to D since 2026-02-01", "Alpha (a): A to B since 2026-02-01")
    assert tier_changes(told, tiers(a="A"), {}) is None and tier_changes(None, tiers(a="B"), {}) is None


def test_what_changed_back_and_changes_again_on_one_date_is_told_again():
    first, at_once, again = (tier_changes({"a": "A"}, tiers(a="B"), {}, kept) for kept in (3, 3, 5))
    assert first is not None and at_once is not None and again is not None
    assert first.key == at_once.key != again.key


def test_a_message_is_bounded_and_says_how_many_more():
    told = {f"{i:04d}": "A" for i in range(3000)}
    alert = tier_changes(told, tiers(**dict.fromkeys(told, "C")), dict.fromkeys(told, "<&>" * 4000))
    assert alert is not None and len(alert.lines) == MOST_TOLD + 1 and alert.lines[-1] == "and 2,980 more"
    body = SPEAKER.slack(alert)
    assert len(body["blocks"]) <= 50 and len(json.dumps(SPEAKER.webhook(alert))) < 20_000
    assert all(len(block["text"]["text"]) <= 3000 for block in body["blocks"] if "text" in block)


def test_a_name_pings_nobody_and_is_no_link_in_slack():
    names = {"a": "<!channel> <https://evil.example|click> & @here *bold* `x`\u202e"}
    alert = tier_changes({"a": "A"}, tiers(a="D"), names)
    assert alert is not None
    body = Speaker("<!here> Corp").slack(alert)
    texts = [body["text"]]
    for block in body["blocks"]:
        parts = [block["text"]] if "text" in block else block["elements"]
        assert all(part["verbatim"] and part["type"] == "mrkdwn" for part in parts)
        texts += [part["text"] for part in parts]
    joined = "".join(texts)
    assert "<" not in joined and ">" not in joined and "\u202e" not in joined and "`" not in joined
    assert "&lt;!channel&gt;" in joined and "&lt;!here&gt;" in joined


def test_alarms_say_what_to_do_and_are_the_same_alert_for_the_same_cause():
    stale = features_stale(Freshness.on(date(2026, 1, 1), datetime(2026, 6, 1, tzinfo=UTC), 45))
    assert stale is not None and "151 days old" in stale.title and "newer tables" in stale.lines[1]
    assert features_stale(Freshness.on(date(2026, 5, 1), datetime(2026, 6, 1, tzinfo=UTC), 45)) is None
    assert definitions_differ("3", "abc", "abc") is None
    other = definitions_differ("3", "abc", "def")
    assert other is not None and "leap train" in other.lines[1]
    assert some_failed("outbox", [], "r") is None
    failed = some_failed("hubspot", [Failure("a", "LOCKED", "busy")], "r")
    assert failed is not None and failed.lines == ("a: LOCKED: busy",)
    refused = stopped("hubspot", TooManyChanges("3 of 4 would change.", remedy="Look."), "r")
    assert refused.kind == "too_many_changes" and refused.lines == ("3 of 4 would change.", "Look.")
    days = [
        stopped("hubspot", Unreached("no answer."), "", datetime(2026, 6, day, tzinfo=UTC)).key for day in (1, 1, 2)
    ]
    assert days[0] == days[1] != days[2]


# --- where it goes


def test_an_alert_is_delivered_once_signed_and_with_the_key_of_the_alert(tmp_path: Path, receiver: Receiver):
    environment = {"LEAP_WEBHOOK_URL": receiver.url, "LEAP_SLACK_WEBHOOK_URL": receiver.url, "LEAP_WEBHOOK_SECRET": "s"}
    one = delivery(tmp_path, environment)
    one.keep(SPEAKER, [ALERT, ALERT])
    assert one.deliver() == {"delivered": 2, "waiting": 0, "given_up": 0, "problems": []}
    assert delivery(tmp_path, environment).deliver()["delivered"] == 0
    one.keep(SPEAKER, [ALERT])
    assert one.deliver()["delivered"] == 0 and len(receiver.got) == 2
    signed = {"X-Leap-Signature" in headers: (headers, body) for _, headers, body in receiver.got}
    headers, body = signed[True]
    assert headers["X-Leap-Signature"] == f"sha256={hmac.new(b's', body, hashlib.sha256).hexdigest()}"
    assert headers["Idempotency-Key"] == ALERT.key == json.loads(body)["id"]
    assert json.loads(body)["kind"] == "sync_failed" and set(json.loads(signed[False][1])) == {"text", "blocks"}


def test_what_is_not_delivered_waits_for_the_next_run_and_is_given_up_in_the_end(tmp_path: Path, receiver: Receiver):
    one = delivery(tmp_path, {"LEAP_WEBHOOK_URL": receiver.url})
    one.keep(SPEAKER, [ALERT, Alert.of("sync_failed", "Other", [], ["y"])])
    receiver.statuses = [500]
    found = one.deliver()
    assert (found["delivered"], found["waiting"], found["problems"]) == (0, 2, ["webhook: it answered 500"])
    assert len(receiver.got) == 1  # the other would only wait as long
    assert one.deliver()["delivered"] == 2
    one.keep(SPEAKER, [Alert.of("sync_failed", "Third", [], ["z"])])
    receiver.statuses = [503]
    assert one.deliver(datetime.now(UTC) + timedelta(days=8))["given_up"] == 1
    assert one.deliver() == {"delivered": 0, "waiting": 0, "given_up": 0, "problems": []}


def test_a_redirect_is_not_followed_and_nobody_listening_is_told_without_the_address(
    tmp_path: Path, receiver: Receiver
):
    one = delivery(tmp_path, {"LEAP_WEBHOOK_URL": receiver.url})
    one.keep(SPEAKER, [ALERT])
    receiver.statuses = [307]
    assert one.deliver()["problems"] == ["webhook: it answered 307"]
    assert [path for path, _, _ in receiver.got] == ["/hook/secret-path"]
    nobody = delivery(tmp_path, {"LEAP_WEBHOOK_URL": "http://127.0.0.1:9/hook/secret-path"}).deliver()
    assert nobody["problems"] == ["webhook: no answer (ConnectionError)"]


@pytest.mark.parametrize(
    "address",
    ["http://example.com/x", "ftp://example.com/x", "https://", "https://u:p@example.com/", "no address", "https://ex ample.com/"],
)  # fmt: skip
def test_an_address_that_is_not_https_is_refused_without_being_told(address: str):
    found = Addresses.from_environment({"LEAP_WEBHOOK_URL": address})
    assert not found.of and "LEAP_WEBHOOK_URL: expected" in found.problems[0]
    assert "example" not in found.problems[0]


def test_addresses_and_the_secret_come_from_files_too_and_no_message_goes_unsigned(tmp_path: Path):
    for name, content in {"url": "https://hooks.example.com/T/1\n", "secret": "s3\n"}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o600)
    environment = {"LEAP_WEBHOOK_URL_FILE": str(tmp_path / "url"), "LEAP_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}
    found = Addresses.from_environment(environment)
    assert found.of == {"webhook": "https://hooks.example.com/T/1"} and found.secret == "s3" and not found.problems
    (tmp_path / "secret").unlink()
    found = Addresses.from_environment(environment)
    assert not found.of and "LEAP_WEBHOOK_SECRET_FILE" in found.problems[0]


def test_what_waits_for_an_address_that_is_gone_keeps_nothing_else_from_being_told(tmp_path: Path, receiver: Receiver):
    slack = delivery(tmp_path, {"LEAP_SLACK_WEBHOOK_URL": "http://127.0.0.1:9/"})
    slack.keep(SPEAKER, [Alert.of("sync_failed", "Old", [], [number]) for number in range(MOST_AT_ONCE)])
    one = delivery(tmp_path, {"LEAP_WEBHOOK_URL": receiver.url})
    one.keep(SPEAKER, [ALERT])
    assert one.deliver() == {"delivered": 1, "waiting": MOST_AT_ONCE, "given_up": 0, "problems": []}


def test_tiers_that_were_told_are_kept_with_the_alert(tmp_path: Path):
    one = delivery(tmp_path, {})
    assert one.told_tiers() is None
    one.keep(SPEAKER, [], {"a": "A"})
    assert one.told_tiers() == {"a": "A"} and one.kept() == 0
    one = delivery(tmp_path, {"LEAP_WEBHOOK_URL": "https://hooks.example.com/T/1"})
    one.keep(SPEAKER, [ALERT], {"a": "B"})
    assert one.kept() == 1

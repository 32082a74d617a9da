"""Calls, credentials and waits, apart from any CRM's language."""

from __future__ import annotations

import email.utils
import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from leap.crm.credentials import credential, token
from leap.crm.http import Calls, Dialect, LimitReached, Refusal, checked_url, short
from leap.crm.target import CrmError, Unreached
from tests.crm.fake_http import Clock, FakeCrm, Fault, Reply, impatient

SECRET = "s3cret-token"
DIALECT = Dialect(
    "Acme", lambda document: Refusal("NO", f"no, {SECRET}\nand no") if document else Refusal(), "Ask.", "Wait."
)


class Plain(FakeCrm):
    limit = Reply(429, {"a": 1})
    day_limit = expired = forbidden = Reply(403, {"a": 1})

    def answer(self, method, path, headers, body):
        self.seen = dict(headers)
        return Reply(200, {"path": path, "auth": headers.get("Authorization")})


class Given:
    def __init__(self, *tokens):
        self.tokens = list(tokens)

    def token(self):
        return self.tokens[0]

    def renew(self):
        return len(self.tokens) > 1 and bool(self.tokens.pop(0))


@pytest.fixture(scope="module")
def plain():
    server = Plain()
    yield server
    server.stop()


@pytest.fixture
def calls(plain):
    plain.forget_faults()
    clock = Clock()
    made = Calls(plain.url, DIALECT, Given(SECRET), clock.pace())
    made.slept = clock.slept
    return made


@pytest.mark.parametrize(
    "kind", ["failure_before", "failure_after", "cut_before", "cut_after", "cut_midway", "page", "silence_after"]
)
def test_a_call_that_does_the_same_twice_is_repeated_until_it_is_answered(plain, calls, kind):
    plain.faults = [Fault(kind)]
    if kind == "silence_after":
        impatient(calls)
    answer = calls.call("PATCH", "/a", "ask", twice="same")
    assert answer.json()["path"] == "/a"
    assert answer.repeated
    assert plain.calls == ["PATCH /a"] * 2


@pytest.mark.parametrize("kind", ["failure_after", "cut_before", "cut_after", "silence_after", "page"])
def test_a_call_that_does_more_twice_is_sent_once_where_it_may_have_arrived(plain, calls, kind):
    plain.faults = [Fault(kind)]
    if kind == "silence_after":
        impatient(calls)
    with pytest.raises(Unreached, match="carried out or not"):
        calls.call("POST", "/a", "make a job", body=b"{}", twice="more")
    assert plain.calls == ["POST /a"]


@pytest.mark.parametrize("kind", ["limit", "unavailable"])
def test_a_call_that_was_surely_not_carried_out_is_repeated_whatever_it_is(plain, calls, kind):
    plain.faults = [Fault(kind, times=2)]
    answer = calls.call("POST", "/a", "make a job", body=b"{}", twice="more")
    assert len(plain.calls) == 3
    assert not answer.repeated


def test_retry_after_is_followed_in_seconds_and_as_a_date_but_not_for_hours(plain, calls):
    date = email.utils.formatdate(1_000_000.0 + 9 + 17, usegmt=True)  # The clock stands 9 s later by then.
    plain.faults = [Fault("limit", headers={"Retry-After": value}) for value in ("9", date, "86400")]
    calls.call("GET", "/a", "ask")
    assert calls.slept == [9.0, 17.0, 120.0]


@pytest.mark.parametrize("value", ["soon", "Wed, 21 Oct 2099 07:28:00 +99999999999999", "-5", "nan"])
def test_without_retry_after_each_wait_is_about_twice_as_long(plain, calls, value):
    plain.faults = [Fault("limit", times=4, headers={"Retry-After": value})]
    calls.call("GET", "/a", "ask")
    assert all(most / 2 <= slept <= most for slept, most in zip(calls.slept, (1, 2, 4, 8), strict=True))


def test_a_limit_that_lasts_is_told_as_one(plain, calls):
    plain.faults = [Fault("limit", times=99)]
    with pytest.raises(LimitReached, match="5 tries"):
        calls.call("GET", "/a", "ask")
    assert len(plain.calls) == 5


def test_a_token_is_renewed_once_a_call(plain, calls):
    calls.access = Given("first", "second", "third")
    plain.faults = [Fault("expired")]
    plain.expired = Reply(401, {"a": 1})
    assert calls.call("PUT", "/a", "upload", body=b"x", twice="more").json()["auth"] == "Bearer second"
    plain.faults = [Fault("expired", times=99)]
    with pytest.raises(CrmError, match="does not let us ask"):
        calls.call("GET", "/a", "ask")
    assert calls.access.tokens == ["third"]


def test_a_redirect_is_not_followed(plain, calls):
    plain.faults = [Fault("redirect")]
    with pytest.raises(CrmError, match="elsewhere.example") as raised:
        calls.call("GET", "/a", "ask")
    assert "tell" not in str(raised.value)
    assert plain.calls == ["GET /a"]


def test_no_message_and_no_log_tells_a_token_an_address_or_what_was_asked(plain, calls, caplog):
    caplog.set_level(logging.DEBUG, logger="leap")
    for kind in ("failure_before", "cut_before", "limit", "expired", "redirect", "page"):
        plain.faults = [Fault(kind, times=99)]
        with pytest.raises(CrmError) as raised:
            calls.call("GET", "/query?q=Acme%20Ltd", "ask")
        said = f"{raised.value!s} {raised.value!r} {caplog.text}"
        assert SECRET not in said
        assert "Acme%20Ltd" not in said


def test_an_answer_without_end_is_not_read_to_its_end(plain, calls, monkeypatch):
    monkeypatch.setattr("leap.crm.http.MOST_BYTES", 10)
    with pytest.raises(Unreached, match="more than 10 bytes"):
        calls.call("GET", "/a", "ask")


def test_an_answer_that_drips_is_given_up_though_it_is_never_silent(calls):
    with socket.socket() as dripping, ThreadPoolExecutor(1) as pool:
        dripping.bind(("127.0.0.1", 0))
        dripping.listen()

        def drip() -> None:
            with dripping.accept()[0] as connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
                for _ in range(100):
                    connection.sendall(b" ")
                    time.sleep(0.05)

        served = pool.submit(drip)
        calls.url = f"http://127.0.0.1:{dripping.getsockname()[1]}"
        calls.pace = replace(calls.pace, clock=time.monotonic, answer_seconds=0.2, tries=1)
        began = time.monotonic()
        with pytest.raises(Unreached, match="took longer than"):
            calls.call("GET", "/a", "ask")
        assert time.monotonic() - began < 4
        served.result()


def test_nobody_there_is_told_by_the_host_alone(calls):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        calls.url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Unreached, match="no connection to 127.0.0.1") as raised:
        calls.call("POST", "/a", "make a job", body=b"", twice="more")
    assert "carried out" not in str(raised.value)


def test_a_netrc_file_does_not_take_the_place_of_our_token(plain, calls, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password other\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    calls._session.trust_env = True
    monkeypatch.setenv("NO_PROXY", "*")
    assert calls.call("GET", "/a", "ask").json()["auth"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://",
        "https://ann:pw@acme.com",
        "https://acme.com/x",
        "ftp://acme.com",
        "https://acme.com:x",
    ],
)
def test_an_address_is_https_or_of_this_machine_and_has_no_path(url):
    with pytest.raises(CrmError) as raised:
        checked_url(url, "LEAP_X_URL")
    assert "pw" not in str(raised.value)
    assert checked_url("http://localhost:8080", "LEAP_X_URL") == "http://localhost:8080"


def test_words_of_others_are_one_short_printable_line():
    assert short("a\n\tb\u202e\x1b[31m" + "x" * 999, hide=["b"]).startswith("a *** [31mxxx")
    assert len(short("x" * 999)) == 200


def test_a_secret_comes_from_the_environment_or_from_a_file_and_not_from_both(tmp_path, caplog):
    file = tmp_path / "token"
    file.write_text("abc\n")
    file.chmod(0o600)
    assert credential({"LEAP_X_FILE": str(file)}, "LEAP_X") == "abc"
    assert not caplog.records
    file.chmod(0o644)
    assert credential({"LEAP_X_FILE": str(file)}, "LEAP_X") == "abc"
    assert "chmod 600" in caplog.text
    assert "abc" not in caplog.text
    with pytest.raises(CrmError, match="both set"):
        credential({"LEAP_X": "a", "LEAP_X_FILE": str(file)}, "LEAP_X")
    with pytest.raises(CrmError, match="No such file"):
        credential({"LEAP_X_FILE": str(tmp_path / "none")}, "LEAP_X")
    file.write_text("")
    with pytest.raises(CrmError, match="found nothing"):
        credential({"LEAP_X_FILE": str(file)}, "LEAP_X")
    assert credential({"LEAP_X": " "}, "LEAP_X") is None


@pytest.mark.parametrize("value", ["two words", "a\nX-Header: b", "schlüssel"])
def test_a_token_that_would_break_a_header_is_refused_without_being_told(value):
    with pytest.raises(CrmError, match="LEAP_X") as raised:
        token({"LEAP_X": value}, "LEAP_X")
    assert value not in str(raised.value)

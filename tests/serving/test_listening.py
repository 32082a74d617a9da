"""A service that other machines could ask does not start without a token, however it is started."""

from __future__ import annotations

import socket

import click
import pytest
from bentoml.exceptions import BentoMLConfigException

from serving import listening
from serving.service import LeapService


def called_with(**parameters: object) -> click.Context:
    """As within BentoML's command of these parameters."""
    context = click.Context(click.Command("serve"))
    context.params = dict(parameters)
    return context


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "db.example"])  # noqa: S104
def test_other_machines_need_a_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with called_with(host=host), pytest.raises(BentoMLConfigException, match="no token is set. Set LEAP_TOKEN"):
        listening.require_token()
    monkeypatch.setenv("LEAP_TOKEN", "sesame")
    with called_with(host=host):
        listening.require_token()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_needs_none(host: str) -> None:
    with called_with(host=host):
        listening.require_token()


def test_without_an_option_bentomls_configuration_counts() -> None:
    from bentoml._internal.configuration.containers import BentoMLContainer

    with called_with(host=None):
        assert listening.asked_host() == BentoMLContainer.http.host.get()


def test_bentoml_asks_before_it_listens() -> None:
    """`server_on_deployment` calls what carries this mark, before the socket is made."""
    hook = LeapService.inner.require_token
    assert hook.__bentoml_deployment_hook__
    with called_with(host="0.0.0.0"), pytest.raises(BentoMLConfigException):  # noqa: S104
        hook()


def test_a_process_that_was_started_past_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, object]] = []
    monkeypatch.setattr(listening, "event", lambda name, level, **fields: told.append({"name": name, **fields}))
    with socket.socket() as opened:
        opened.bind(("0.0.0.0", 0))  # noqa: S104
        with called_with(fd=opened.fileno()):
            assert listening.bound_host() == "0.0.0.0"  # noqa: S104
            listening.warn_if_open()
            monkeypatch.setenv("LEAP_TOKEN", "sesame")
            listening.warn_if_open()
        opened.getsockname()  # still open
    assert [one["name"] for one in told] == ["open_without_token"] and "401" in str(told[0]["others"])
    assert listening.bound_host() == ""


def test_at_the_end_new_connections_are_refused_though_another_process_holds_the_socket() -> None:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        address = trial.getsockname()
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)  # a port that was asked for, unlike any, stays the socket's own
        opened.listen()
        for workers in (2, 1):
            door = listening.Door()
            with called_with(fd=opened.fileno()):
                door.keep(workers)
            socket.create_connection(address, timeout=5).close()
            door.shut()
            door.shut()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
        opened.listen()  # by a process that takes the place of one that ended
        socket.create_connection(address, timeout=5).close()

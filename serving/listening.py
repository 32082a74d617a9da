"""Where the service listens: beyond this machine only with a token.

`leap serve` sees to that before it starts anything. `bentoml serve` is asked here, in the process that starts the
others and before it opens a socket; each of them looks at the socket that it was given, whatever asked for it.
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

import click
from bentoml.exceptions import BentoMLConfigException

from serving.access import Tokens
from serving.logs import event

REMEDY = "Set LEAP_TOKEN or LEAP_TOKEN_FILE, or listen on 127.0.0.1."


def require_token() -> None:
    """Refuse to start where other machines could ask and no token is set."""
    host = asked_host()
    if beyond_this_machine(host) and not Tokens().required:
        raise BentoMLConfigException(f"The host {host} is open to other machines and no token is set. {REMEDY}")


def warn_if_open() -> None:
    """Say plainly that other machines get no answer, where the service was started past `require_token`."""
    host = bound_host()
    if host and beyond_this_machine(host) and not Tokens().required:
        event("open_without_token", logging.ERROR, host=host, others="are refused with 401", remedy=REMEDY)


def beyond_this_machine(host: str) -> bool:
    """Whether an address is open to others.

    >>> [beyond_this_machine(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1")]
    [False, False, False, True, True, True]
    """
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


def asked_host() -> str:
    """What `--host` or BENTOML_HOST says, else BentoML's configuration, in which the service's own stands too."""
    from bentoml._internal.configuration.containers import BentoMLContainer

    asked = _parameters().get("host")
    return str(asked or BentoMLContainer.http.host.get())


def bound_host() -> str:
    """The address of the socket that this process was given; nothing where there is none, as in tests."""
    descriptor = _parameters().get("fd")
    if not isinstance(descriptor, int):
        return ""
    with socket.socket(fileno=os.dup(descriptor)) as given:
        name = given.getsockname()
    return str(name[0]) if isinstance(name, tuple) else ""


class Door:
    """The socket that new connections come by, which the process that starts the others keeps open to the end.

    So that nobody waits for an answer that will not come, it is shut for all of them once this process ends. With
    several workers one may end alone, and then it stays open for the others.
    """

    def __init__(self) -> None:
        self._socket: socket.socket | None = None

    def keep(self, workers: int) -> None:
        """Remember it, if this is the only process that answers by it."""
        descriptor = _parameters().get("fd")
        if workers == 1 and isinstance(descriptor, int):
            self._socket = socket.socket(fileno=os.dup(descriptor))

    def shut(self) -> None:
        """Refuse new connections; once is enough."""
        kept, self._socket = self._socket, None
        if kept is not None:
            with kept, suppress(OSError):
                kept.shutdown(socket.SHUT_RDWR)


door = Door()


def _parameters() -> dict[str, Any]:
    """What BentoML's own command in this process was called with."""
    context = click.get_current_context(silent=True)
    return dict(context.params) if context else {}
